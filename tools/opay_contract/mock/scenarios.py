"""What the mock does wrong on demand, and what `check` says to it: mutations of an answer, and the table.

A scenario happens only to a request that would have been answered; one that is refused stays refused. Drift
is made from the record that was asked for, or from a made-up one where that is not known or has no items; of
what the answer's schema describes, the member that a scenario needs is taken. Where there is none the answer
is as usual.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import accumulate
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import UsageError
from opay_contract.jsontext import Tokens
from opay_contract.judge import table
from opay_contract.mock.answers import ABSENT, AUTHENTICATION_FAILED, INVALID_PARAMETERS, MockAnswer, Writer
from opay_contract.mock.samples import DescribedValue, iter_described
from opay_contract.mock.statement import put, unknown_name
from opay_contract.mock.store import StoredRecord

MAGIC = "scenario:"
"""A key of this and a scenario's name asks for the scenario."""

_MARK = "\x1a"
"""Stands in a value for text that no JSON encoder would write; an encoder escapes it, so it is told apart."""

_HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"
_TEST_CARD = "4111111111111111"
_MONTH = 30 * 24 * 3600
_BOM = b"\xef\xbb\xbf"
_ERROR, _TOO_MANY = 400, 429


class ScenarioContext(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be answered: the right answer, and the body of a success to make a wrong one from.

    `value` is that body, MISSING where there is no JSON.
    """

    form: Form | None
    usual: MockAnswer
    value: Any
    stored: StoredRecord | None
    writer: Writer
    slow_seconds: float

    @property
    def at(self) -> Tokens:
        """Where the data stand in the body."""
        return self.writer.envelope.data if self.writer.envelope else ()

    def described(self) -> Iterator[DescribedValue]:
        """Yield what the data's schema describes, in the body and left out of it."""
        data = MISSING if self.value is MISSING else value_below(self.value, self.at)
        schema = self.writer.data_schema(self.form)
        if schema is not None and data is not MISSING:
            yield from iter_described(self.writer.contract.schemas, schema, data, self.at)

    def leaves(self) -> Iterator[DescribedValue]:
        """Yield the texts, numbers and booleans that may be changed: none that repeats what was asked for."""
        echoed = {echo.response for echo in self.form.echoes} if self.form else set[Tokens]()
        for one in self.described():
            if isinstance(one.value, str | int | float) and one.tokens and one.tokens not in echoed:
                yield one

    def changed(self, tokens: Tokens, child: Any) -> MockAnswer:
        """Answer with something else at a place of the body; without it where that is MISSING."""
        value = deepcopy(self.value)
        if child is MISSING:
            del value_below(value, tokens[:-1])[tokens[-1]]
        else:
            value = put(value, tokens, child)
        return self.writer.json(value)

    def page(self, status: int, title: bytes) -> MockAnswer:
        """Answer with an HTML page, as a gateway does."""
        return self.writer.text(_HTML % (title, title), status, b"text/html; charset=utf-8")


Mutation = Callable[[ScenarioContext], MockAnswer | None]
"""Makes the answer of a scenario; None where there is nothing to make it from."""

Choosing = Callable[[DescribedValue], bool]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the mock does on demand.

    `rules` are the ids of the rules that find it: the one that it is about, then those that cannot but
    come along. Without any it is no drift.
    """

    name: str
    description: str
    play: Mutation
    rules: tuple[str, ...] = ()


def _row(name: str, description: str, play: Mutation, *rules: Any) -> Scenario:
    return Scenario(name=name, description=description, play=play, rules=tuple(rule.id for rule in rules))


def is_public_text(leaf: DescribedValue) -> bool:
    """Tell a text that may be shown, is demanded and of no certain form: only what is done to it is wrong."""
    limits = ("pattern", "format", "enum", "const", "maxLength", "x-unit")
    is_text = isinstance(leaf.value, str) and leaf.says("type") in ("string", ["string"])
    is_free = leaf.is_required and all(leaf.says(word) is None for word in limits)
    return is_text and is_free and leaf.says("x-sensitivity") in ("public", None)


def is_number(leaf: DescribedValue) -> bool:
    """Tell a number, or what may be one."""
    types = leaf.says("type")
    kinds = [types] if isinstance(types, str) else types or ()
    return bool({"integer", "number"} & set(kinds)) and leaf.says("maximum") is None


def on_leaf(choose: Choosing, answer: Callable[[ScenarioContext, DescribedValue], MockAnswer]) -> Mutation:
    """Answer by the first leaf that is fit for it."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        leaf = next(filter(choose, scene.leaves()), None)
        return None if leaf is None else answer(scene, leaf)

    return play


def with_value(choose: Choosing, change: Callable[[DescribedValue], Any]) -> Mutation:
    """Give a leaf another value; MISSING takes it away."""
    return on_leaf(choose, lambda scene, leaf: scene.changed(leaf.tokens, change(leaf)))


def with_text(choose: Choosing, write: Callable[[DescribedValue], bytes]) -> Mutation:
    """Give a leaf a value that is written as no encoder would write it."""

    def answer(scene: ScenarioContext, leaf: DescribedValue) -> MockAnswer:
        marked = scene.changed(leaf.tokens, _MARK).body
        return scene.writer.text(marked.replace(b'"\\u001a"', write(leaf)))

    return on_leaf(choose, answer)


def with_holder(change: Callable[[dict[str, Any], str], None]) -> Mutation:
    """Change the object around a text, given the text's name."""

    def answer(scene: ScenarioContext, leaf: DescribedValue) -> MockAnswer:
        *around, name = leaf.tokens
        holder = deepcopy(value_below(scene.value, tuple(around)))
        change(holder, str(name))
        return scene.changed(tuple(around), holder)

    return on_leaf(is_public_text, answer)


def on_usual(change: Callable[[bytes], bytes], media_type: bytes | None = None) -> Mutation:
    """Change the text of the usual answer, or its Content-Type, where it has JSON."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        if not scene.writer.is_json:
            return None
        return scene.writer.text(change(scene.usual.body), scene.usual.status, media_type)

    return play


def on_envelope(code: str | None, message: str | None, data: Any, meaning: str = "") -> Mutation:
    """Answer with a code, or that which has a meaning, a message (the code's own for None) and data."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        named = code or scene.writer.code_of(meaning)
        if scene.writer.envelope is None or named is None:
            return None
        text = scene.writer.message(named) if message is None else message
        return scene.writer.json(scene.writer.enveloped(named, text, data))

    return play


def success_with(data: Any) -> Mutation:
    """Answer with the success code and these data, or without any."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        has_data = isinstance(value_below(scene.value, scene.at), dict) if scene.at else False
        return scene.writer.success(data) if has_data else None

    return play


def success_on_error(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with a success beside a documented HTTP error."""
    keys = scene.writer.operation.responses
    status = next((int(key) for key in keys if key.startswith("4") and key.isdigit()), None)
    if status is None or scene.writer.envelope is None or scene.value is MISSING:
        return None
    return scene.writer.json(scene.value, status)


def business_error(code: str) -> Mutation:
    """Answer with a code of the catalogue, if it is this operation's."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        writer = scene.writer
        if writer.envelope is None or code not in writer.envelope.codes:
            return None
        is_refusal = code == writer.code_of(AUTHENTICATION_FAILED)
        return writer.refusal(AUTHENTICATION_FAILED) if is_refusal else writer.error(code)

    return play


def documented_status(key: str) -> Mutation:
    """Answer with a documented HTTP status, by its example or with a gateway's page where it has no body."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        response = scene.writer.operation.responses.get(key)
        if response is None:
            return None
        status = int(key.upper().replace("X", "0"))
        if response.media_types:
            return scene.writer.documented(key, status)
        return scene.page(status, f"{status} Error".encode())

    return play


def page(status: int, title: bytes) -> Mutation:
    """Answer with a gateway's page, where the contract has no such answer."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        documented = scene.writer.operation.response(status)
        types = documented.media_types if documented else {}
        is_usual = documented is not None and (status >= _ERROR or not types or "text/html" in types)
        return None if is_usual else scene.page(status, title)

    return play


def too_many_requests(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with HTTP status 429, where that is not documented."""
    if scene.writer.operation.response(_TOO_MANY) is not None:
        return None
    return MockAnswer(status=_TOO_MANY, fields=((b"retry-after", b"1"), (b"content-length", b"0")))


def without_items(scene: ScenarioContext) -> MockAnswer | None:
    """Answer about a record without items, where that is what is asked for."""
    stored, book = scene.stored, scene.writer.book
    lookup = book.lookup(scene.writer.operation, scene.form)
    if stored is None or not book.kinds[stored.kind].stated.items or lookup is None or lookup.of_items:
        return None
    empty = replace(stored, items={})
    return scene.writer.without_items(book.data_of(lookup, empty), empty)


def with_item_twice(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with the first item of a list twice, whose items are to differ."""
    for one in scene.described():
        if isinstance(one.value, list) and one.value and one.says("x-unique-by") is not None:
            return scene.changed(one.tokens, [*one.value, one.value[0]])
    return None


def about_another(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with another id than the one that was asked for."""
    if scene.form is None or not scene.form.echoes or scene.value is MISSING:
        return None
    at = scene.form.echoes[0].response
    return scene.changed(at, f"{value_below(scene.value, at)}-other")


def with_month(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with a month 13, put in where the answer leaves it out."""
    for leaf in scene.leaves():
        if leaf.says("x-unit") == "month":
            return scene.changed(leaf.tokens, type(leaf.value)(13))
    for one in scene.described():
        if one.value is MISSING and one.says("x-unit") == "month":
            return scene.changed(one.tokens, "13")
    return None


def _plain(leaf: DescribedValue) -> str:
    return "".join(char for char in str(leaf.value) if char.isascii() and char.isalnum()) or "text"


def _is_time(leaf: DescribedValue) -> bool:
    return bool(leaf.says("x-unit") == "unix-seconds")


def _is_bounded(leaf: DescribedValue) -> bool:
    return isinstance(leaf.value, str) and isinstance(leaf.says("maxLength"), int) and leaf.value != ""


def _has_pattern(leaf: DescribedValue) -> bool:
    return isinstance(leaf.value, str) and leaf.says("pattern") is not None and leaf.says("enum") is None


_FIXED = (
    _row("slow", "The usual answer, some seconds later.",
         lambda scene: replace(scene.usual, delay=scene.slow_seconds)),
    _row("no-items", "A record without items.", without_items),
    _row("new-value", "A text that nobody saw before.", with_value(is_public_text, lambda _: "NEWVALUE")),
    _row("http-500-html", "HTTP 500 with an HTML page.", page(500, b"500 Error"), table.STATUS_UNDOCUMENTED),
    _row("http-429", "HTTP 429: too many requests.", too_many_requests, table.STATUS_UNDOCUMENTED),
    _row("html", "HTTP 200 with an HTML page.", page(200, b"Maintenance"), table.MEDIA_TYPE_UNDOCUMENTED),
    _row("json-mislabelled", "JSON that calls itself text.",
         on_usual(bytes, b"text/plain; charset=utf-8"), table.JSON_MISLABELLED),
    _row("empty-body", "No body at all.", on_usual(lambda _: b""), table.BODY_EMPTY),
    _row("not-json", "Text that calls itself JSON.", on_usual(lambda _: b"OK"), table.BODY_NOT_JSON),
    _row("truncated-json", "The first half of the answer, as if it were all.",
         on_usual(lambda body: body[: len(body) // 2]), table.BODY_TRUNCATED),
    _row("cut-body", "The connection closes in mid-body.",
         lambda scene: replace(scene.usual, cut=True) if scene.writer.is_json else None,
         table.BODY_TRUNCATED),
    _row("byte-order-mark", "A byte order mark in front.", on_usual(_BOM.__add__), table.BYTE_ORDER_MARK),
    _row("invalid-utf8", "A text in Latin-1.",
         with_text(is_public_text, lambda _: b'"CAF\xc9"'), table.INVALID_UTF8),
    _row("lone-surrogate", "A text with half of a surrogate pair.",
         with_text(is_public_text, lambda _: b'"TEXT \\ud83d"'), table.LONE_SURROGATE),
    _row("duplicate-key", "A member that is there twice.",
         with_text(is_public_text, lambda leaf: f'"{_plain(leaf)}","{leaf.tokens[-1]}":"OTHER"'.encode()),
         table.DUPLICATE_KEY),
    _row("nan", "NaN for a number.", with_text(is_number, lambda _: b"NaN"), table.NON_FINITE_NUMBER),
    _row("unsafe-number", "A number of more than 53 bits.",
         with_text(is_number, lambda _: b"9007199254740993"),
         table.UNSAFE_NUMBER, table.TIMESTAMP_NOT_SECONDS),
    _row("field-added", "A member that nobody documented.",
         with_holder(lambda holder, _: holder.update(fieldAdded="CREDIT")),
         table.RESPONSE_FIELD_UNDOCUMENTED),
    _row("field-removed", "A member that is missing.",
         with_value(is_public_text, lambda _: MISSING), table.FIELD_MISSING),
    _row("field-renamed", "A member under another name.",
         with_holder(lambda holder, name: holder.update({f"{name}Renamed": holder.pop(name)})),
         table.FIELD_MISSING, table.RESPONSE_FIELD_UNDOCUMENTED),
    _row("field-retyped", "A text that is a number.",
         with_value(is_public_text, lambda _: 1111), table.TYPE_MISMATCH),
    _row("field-null", "A member that is null.",
         with_value(is_public_text, lambda _: None), table.FIELD_NULL),
    _row("length", "A text of a character more than there may be.",
         with_value(_is_bounded, lambda leaf: leaf.value.ljust(leaf.says("maxLength") + 1, leaf.value[-1])),
         table.LENGTH_OUT_OF_RANGE),
    _row("pattern", "A text with a mask.",
         with_value(_has_pattern, lambda leaf: "*" + leaf.value[1:]), table.PATTERN_MISMATCH),
    _row("timestamp-milliseconds", "A time in milliseconds.",
         with_value(_is_time, lambda leaf: type(leaf.value)(int(leaf.value) * 1000)),
         table.TIMESTAMP_NOT_SECONDS),
    _row("timestamp-future", "A time of next month.",
         with_value(_is_time, lambda leaf: type(leaf.value)(int(time.time()) + _MONTH)),
         table.TIMESTAMP_IN_FUTURE),
    _row("month-invalid", "A month 13.", with_month, table.MONTH_INVALID),
    _row("card-number", "The full number of a test card in a text.",
         with_value(is_public_text, lambda leaf: f"{_plain(leaf)} {_TEST_CARD}"), table.CARD_NUMBER_EXPOSED),
    _row("code-undocumented", "A code outside the catalogue.",
         on_envelope("77777", "Please contact support.", ABSENT), table.CODE_UNDOCUMENTED),
    _row("message-undocumented", "A known code with another message.",
         on_envelope(None, "Something went wrong.", ABSENT, INVALID_PARAMETERS), table.MESSAGE_UNDOCUMENTED),
    _row("success-without-data", "The success code, and no data.",
         success_with(ABSENT), table.SUCCESS_WITHOUT_DATA),
    _row("success-null-data", "The success code, and null for data.",
         success_with(None), table.SUCCESS_WITHOUT_DATA),
    _row("error-with-data", "An error code, and data.",
         on_envelope(None, None, {}, AUTHENTICATION_FAILED), table.ERROR_WITH_DATA),
    _row("success-on-http-error", "An HTTP error with the success code and data.",
         success_on_error, table.SUCCESS_CODE_ON_HTTP_ERROR),
    _row("other-answer", "The answer to another question.", about_another, table.ANSWER_MISMATCHED),
    _row("item-repeated", "The same item twice.", with_item_twice, table.ITEM_REPEATED),
)  # fmt: skip


def build_scenarios(operations: Iterable[Operation]) -> dict[str, Scenario]:
    """Return every scenario by name: the errors and statuses of the operations, and those of the table."""
    found: list[Scenario] = []
    for operation in operations:
        envelope = operation.envelope
        for one in envelope.codes.values() if envelope else ():
            if envelope and one.code not in envelope.success:
                message = one.messages[0] if one.messages else "its message is not known"
                told = f"Business error {one.code}: {message}"
                found.append(_row(f"error-{one.code}", told, business_error(one.code)))
        for key in operation.responses:
            if key[0] in "345":
                told = f"HTTP {key}, as documented."
                found.append(_row(f"http-{key.lower()}", told, documented_status(key)))
    return {scenario.name: scenario for scenario in (*found, *_FIXED)}


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
        pairs = zip(self._names, self._limits, strict=True)
        return next((name for name, limit in pairs if drawn < limit), None)


def parse_faults(texts: Iterable[str], scenarios: dict[str, Scenario], seed: int) -> Faults:
    """Read faults written as NAME=RATE."""
    rates: list[tuple[str, float]] = []
    for text in texts:
        name, _, number = text.partition("=")
        find_scenario(scenarios, name)
        try:
            rate = float(number)
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= 1:
            said = "write it as NAME=RATE, such as slow=0.05"
            raise UsageError(f"fault '{text}' has no rate from 0 to 1; {said}")
        rates.append((name, rate))
    return Faults(rates, seed)
