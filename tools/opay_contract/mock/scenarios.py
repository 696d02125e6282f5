"""What the mock does wrong on demand, and what `check` says to it: mutations of an answer, and the table.

A scenario happens only to a request that would have been answered; one that is refused stays refused. Drift
is made from the customer that was asked for, or from a made-up one where that is not known or has no card.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import Any

from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import UsageError
from opay_contract.judge import table
from opay_contract.mock.answers import (
    ABSENT,
    AUTHENTICATION_FAILED,
    BY_CUSTOMER,
    INVALID_PARAMETERS,
    MockAnswer,
    Writer,
    data_of,
)
from opay_contract.mock.choices import unknown_name
from opay_contract.mock.store import StoredCustomer

Members = dict[str, Any]

_MARK = "\x1a"
"""Stands in a value for text that no JSON encoder would write; an encoder escapes it, so it is told apart."""

_HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioContext:
    """A request to be answered: the right answer, and a customer with cards to make a wrong one from."""

    form: Form
    usual: MockAnswer
    stored: StoredCustomer
    writer: Writer
    slow_seconds: float

    def value(self) -> Members:
        """Return a success as a value that may be changed."""
        return self.writer.success_value(self.writer.data(self.form, self.stored))


Mutation = Callable[[ScenarioContext], MockAnswer]


def on_data(change: Callable[[Members, list[Members]], object]) -> Mutation:
    """Change the customer and the cards of a success."""

    def play(scene: ScenarioContext) -> MockAnswer:
        data = scene.writer.data(scene.form, scene.stored)
        change(*data_of(data, scene.form))
        return scene.writer.json(scene.writer.success_value(data))

    return play


def on_card(change: Callable[[Members], object]) -> Mutation:
    """Change the first card of a success."""
    return on_data(lambda _customer, cards: change(cards[0]))


def with_member(name: str, value: Any) -> Mutation:
    """Give a member of the first card another value."""
    return on_card(lambda card: card.update({name: value}))


def with_text(name: str, text: bytes) -> Mutation:
    """Give a member of the first card a value that is written as no encoder would write it."""
    marked = with_member(name, _MARK)

    def play(scene: ScenarioContext) -> MockAnswer:
        return scene.writer.text(marked(scene).body.replace(b'"\\u001a"', text))

    return play


def on_usual(change: Callable[[bytes], bytes], media_type: bytes | None = None) -> Mutation:
    """Change the text of the usual answer, or its Content-Type."""
    return lambda scene: scene.writer.text(change(scene.usual.body), scene.usual.status, media_type)


def on_envelope(code: str, message: str | None, data: Any) -> Mutation:
    """Answer with a code, a message (the code's own for None) and data."""

    def play(scene: ScenarioContext) -> MockAnswer:
        text = scene.writer.message(code) if message is None else message
        return scene.writer.json(scene.writer.envelope(code, text, data))

    return play


def on_refusal(meaning: str, message: str | None, data: Any) -> Mutation:
    """Answer with the code that means something, and a message and data as `on_envelope` has them."""
    return lambda scene: on_envelope(scene.writer.code_of(meaning), message, data)(scene)


def success_with(data: Any) -> Mutation:
    """Answer with the success code and these data, or without any."""
    return lambda scene: scene.writer.json(scene.writer.success_value(data))


def success_with_status(status: int) -> Mutation:
    """Answer with a success beside an HTTP error."""
    return lambda scene: scene.writer.json(scene.value(), status)


def business_error(code: str) -> Mutation:
    """Answer with a code of the catalogue."""
    return lambda scene: scene.writer.error(code)


def page(status: int, title: bytes) -> Mutation:
    """Answer with an HTML page, as a gateway does."""
    return lambda scene: scene.writer.text(_HTML % (title, title), status, b"text/html; charset=utf-8")


def too_many_requests(_scene: ScenarioContext) -> MockAnswer:
    """Answer with HTTP status 429."""
    return MockAnswer(status=429, fields=((b"retry-after", b"1"), (b"content-length", b"0")))


def slowly(scene: ScenarioContext) -> MockAnswer:
    """Answer as usual, later."""
    return replace(scene.usual, delay=scene.slow_seconds)


def cut(scene: ScenarioContext) -> MockAnswer:
    """Answer as usual, and close the connection in mid-body."""
    return replace(scene.usual, cut=True)


def without_cards(scene: ScenarioContext) -> MockAnswer:
    """Answer for a customer without cards; a query by token gets its usual answer."""
    if scene.form.id != BY_CUSTOMER:
        return scene.usual
    return scene.writer.found(scene.form, replace(scene.stored, cards={}))


def with_card_twice(scene: ScenarioContext) -> MockAnswer:
    """Answer with the first card twice; a query by token gets its usual answer."""
    if scene.form.id != BY_CUSTOMER:
        return scene.usual
    return on_data(lambda _customer, cards: cards.append(cards[0]))(scene)


def about_another(scene: ScenarioContext) -> MockAnswer:
    """Answer with another id, or token, than the one that was asked for."""
    value = member = scene.value()
    *path, name = scene.form.echoes[0].response
    for token in path:
        member = member[str(token)]
    member[str(name)] += "-other"
    return scene.writer.json(value)


MAGIC = "scenario:"
"""A customer id, or a token, of this and a scenario's name asks for the scenario."""

_TEST_CARD = "4111111111111111"
_MONTH = 30 * 24 * 3600
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something that the mock does on demand.

    `rules` are the ids of the rules that find it: the one that it is about, then those that cannot but
    come along. None means that it is no drift.
    """

    name: str
    description: str
    play: Mutation
    rules: tuple[str, ...] = ()


def _no_drift(name: str, description: str, play: Mutation) -> Scenario:
    return Scenario(name=name, description=description, play=play)


def _drift(name: str, description: str, play: Mutation, *rules: Any) -> Scenario:
    return Scenario(name=name, description=description, play=play, rules=tuple(rule.id for rule in rules))


def _rename(card: Members) -> None:
    card["cardBrand"] = card.pop("brand")


def _count_milliseconds(card: Members) -> None:
    created = card["createTimestamp"]
    card["createTimestamp"] = type(created)(int(created) * 1000)


def _create_in_future(card: Members) -> None:
    card["createTimestamp"] = type(card["createTimestamp"])(int(time.time()) + _MONTH)


_FIXED = (
    _no_drift("slow", "The usual answer, some seconds later.", slowly),
    _no_drift("no-cards", "A customer without cards.", without_cards),
    _no_drift("new-brand", "A card of a brand that nobody saw before.", with_member("brand", "NEWBRAND")),
    _no_drift("http-403-wrong-country", "HTTP 403: the merchant is another country's.",
           page(403, b"403 Forbidden")),
    _drift("http-500-html", "HTTP 500 with an HTML page.",
           page(500, b"500 Error"), table.STATUS_UNDOCUMENTED),
    _drift("http-429", "HTTP 429: too many requests.", too_many_requests, table.STATUS_UNDOCUMENTED),
    _drift("html", "HTTP 200 with an HTML page.", page(200, b"Maintenance"), table.MEDIA_TYPE_UNDOCUMENTED),
    _drift("json-mislabelled", "JSON that calls itself text.",
           on_usual(bytes, b"text/plain; charset=utf-8"), table.JSON_MISLABELLED),
    _drift("empty-body", "No body at all.", on_usual(lambda _: b""), table.BODY_EMPTY),
    _drift("not-json", "Text that calls itself JSON.", on_usual(lambda _: b"OK"), table.BODY_NOT_JSON),
    _drift("truncated-json", "The first half of the answer, as if it were all.",
           on_usual(lambda body: body[: len(body) // 2]), table.BODY_TRUNCATED),
    _drift("cut-body", "The connection closes in mid-body.", cut, table.BODY_TRUNCATED),
    _drift("byte-order-mark", "A byte order mark in front.", on_usual(_BOM.__add__), table.BYTE_ORDER_MARK),
    _drift("invalid-utf8", "A brand in Latin-1.", with_text("brand", b'"CAF\xc9"'), table.INVALID_UTF8),
    _drift("lone-surrogate", "A brand with half of a surrogate pair.",
           with_text("brand", b'"VISA \\ud83d"'), table.LONE_SURROGATE),
    _drift("duplicate-key", "A card with its brand twice.",
           with_text("brand", b'"VISA","brand":"OTHER"'), table.DUPLICATE_KEY),
    _drift("nan", "NaN for a time.", with_text("createTimestamp", b"NaN"), table.NON_FINITE_NUMBER),
    _drift("unsafe-number", "A time of more than 53 bits.",
           with_text("createTimestamp", b"9007199254740993"),
           table.UNSAFE_NUMBER, table.TIMESTAMP_NOT_SECONDS),
    _drift("field-added", "A card with a member that nobody documented.",
           with_member("cardType", "CREDIT"), table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-removed", "A card without its brand.",
           on_card(lambda card: card.pop("brand")), table.FIELD_MISSING),
    _drift("field-renamed", "A card with `cardBrand` in place of `brand`.",
           on_card(_rename), table.FIELD_MISSING, table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-retyped", "The last four digits as a number.",
           with_member("lastFourDigits", 1111), table.TYPE_MISMATCH),
    _drift("field-null", "A brand that is null.", with_member("brand", None), table.FIELD_NULL),
    _drift("length", "Five last digits.", with_member("lastFourDigits", "11111"), table.LENGTH_OUT_OF_RANGE),
    _drift("pattern", "Last digits with a mask.",
           with_member("lastFourDigits", "*111"), table.PATTERN_MISMATCH),
    _drift("timestamp-milliseconds", "A time in milliseconds.",
           on_card(_count_milliseconds), table.TIMESTAMP_NOT_SECONDS),
    _drift("timestamp-future", "A card of next month.",
           on_card(_create_in_future), table.TIMESTAMP_IN_FUTURE),
    _drift("month-invalid", "A card that expires in month 13.",
           with_member("expiryMonth", "13"), table.MONTH_INVALID),
    _drift("card-number", "The full number of a test card.",
           with_member("brand", f"VISA {_TEST_CARD}"), table.CARD_NUMBER_EXPOSED),
    _drift("code-undocumented", "A code outside the catalogue.",
           on_envelope("77777", "Please contact support.", ABSENT), table.CODE_UNDOCUMENTED),
    _drift("message-undocumented", "A known code with another message.",
           on_refusal(INVALID_PARAMETERS, "Something went wrong.", ABSENT), table.MESSAGE_UNDOCUMENTED),
    _drift("success-without-data", "The success code, and no data.",
           success_with(ABSENT), table.SUCCESS_WITHOUT_DATA),
    _drift("success-null-data", "The success code, and null for data.",
           success_with(None), table.SUCCESS_WITHOUT_DATA),
    _drift("error-with-data", "An error code, and data.",
           on_refusal(AUTHENTICATION_FAILED, None, {}), table.ERROR_WITH_DATA),
    _drift("success-on-http-error", "HTTP 403 with the success code and data.",
           success_with_status(403), table.SUCCESS_CODE_ON_HTTP_ERROR),
    _drift("other-customer", "The answer to another question.", about_another, table.ANSWER_MISMATCHED),
    _drift("card-repeated", "The same card twice.", with_card_twice, table.ITEM_REPEATED),
)  # fmt: skip


def build_scenarios(operations: Iterable[Operation]) -> dict[str, Scenario]:
    """Return every scenario by name: those of the table, and one for each error of the catalogues."""
    errors = (scenario for operation in operations for scenario in _errors(operation))
    return {scenario.name: scenario for scenario in (*errors, *_FIXED)}


def find_scenario(scenarios: dict[str, Scenario], name: str) -> Scenario:
    """Return a scenario by its name; an unknown one is a UsageError."""
    if name not in scenarios:
        raise unknown_name("scenario", name, scenarios, "`opay-contract mock --scenarios`")
    return scenarios[name]


def render_scenarios(scenarios: dict[str, Scenario]) -> str:
    """Return the scenarios as text, a line each, with the rules that find them."""
    width = max(map(len, scenarios))
    return "\n".join(
        f"{name:<{width}}  {scenario.description}"
        + (f" [{', '.join(scenario.rules)}]" if scenario.rules else "")
        for name, scenario in scenarios.items()
    )


def _errors(operation: Operation) -> Iterator[Scenario]:
    envelope = operation.envelope
    for code in envelope.codes.values() if envelope else ():
        if envelope and code.code not in envelope.success:
            message = code.messages[0] if code.messages else "its message is not known"
            yield _no_drift(
                f"error-{code.code}", f"Business error {code.code}: {message}", business_error(code.code)
            )


class Faults:
    """Draws, for each request in turn, whether something happens to it and what."""

    def __init__(self, rates: Iterable[tuple[str, float]] = (), seed: int = 0) -> None:
        pairs = tuple(rates)
        self._names = tuple(name for name, _ in pairs)
        self._limits = tuple(accumulate(rate for _, rate in pairs))
        self._random = Random(seed)  # noqa: S311  chance to be repeated, not a secret
        if self._limits and self._limits[-1] > 1:
            raise UsageError(f"the rates of all faults come to {self._limits[-1]:g}; at most 1 is possible")

    def draw(self) -> str | None:
        """Return the name of the scenario that happens to the next request, None for most."""
        if not self._names:
            return None
        drawn = self._random.random()
        return next(
            (name for name, limit in zip(self._names, self._limits, strict=True) if drawn < limit), None
        )


def parse_faults(texts: Iterable[str], scenarios: dict[str, Scenario], seed: int) -> Faults:
    """Read faults written as NAME=RATE."""
    return Faults([_parse_fault(text, scenarios) for text in texts], seed)


def _parse_fault(text: str, scenarios: dict[str, Scenario]) -> tuple[str, float]:
    name, _, number = text.partition("=")
    find_scenario(scenarios, name)
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(f"fault '{text}' has no rate from 0 to 1; write it as NAME=RATE, such as slow=0.05")
    return name, rate
