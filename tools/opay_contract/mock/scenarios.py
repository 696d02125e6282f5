"""What the mock does wrong on demand, and what `check` says to it: mutations of an answer, and the table.

A scenario happens only to a request that would have been answered; one that is refused stays refused. Drift
is made from the record that was asked for, or from a made-up one where that is not known or has no items; of
what the answer's schema describes, the member that a scenario needs is taken. Where there is none the answer
is as usual.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import Any

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.operation import Form, Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.errors import UsageError
from opay_contract.jsontext import Tokens
from opay_contract.judge import table
from opay_contract.mock.answers import (
    ABSENT,
    AUTHENTICATION_FAILED,
    INVALID_PARAMETERS,
    MockAnswer,
    Writer,
)
from opay_contract.mock.choices import unknown_name
from opay_contract.mock.samples import Leaf, iter_leaves, iter_left_out, iter_lists
from opay_contract.mock.state import put
from opay_contract.mock.store import StoredRecord

_MARK = "\x1a"
"""Stands in a value for text that no JSON encoder would write; an encoder escapes it, so it is told apart."""

_HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioContext:
    """A request to be answered: the right answer, and the body of a success to make a wrong one from.

    `schema` describes what stands `at` a place in that body; `value` is MISSING where there is no JSON.
    """

    form: Form | None
    usual: MockAnswer
    value: Any
    schema: str | None
    at: Tokens
    stored: StoredRecord | None
    writer: Writer
    schemas: SchemaSet
    slow_seconds: float

    def leaves(self) -> Iterator[Leaf]:
        """Yield what may be changed, those apart that repeat what was asked for."""
        data = MISSING if self.value is MISSING else value_below(self.value, self.at)
        if self.schema is None or data is MISSING:
            return
        echoed = {echo.response for echo in self.form.echoes} if self.form else set[Tokens]()
        for leaf in iter_leaves(self.schemas, self.schema, data, self.at):
            if leaf.tokens not in echoed and leaf.tokens:
                yield leaf

    def left_out(self, unit: str) -> Iterator[Tokens]:
        """Yield the places of members that count something and that the body leaves out."""
        if self.schema is not None and self.value is not MISSING:
            data = value_below(self.value, self.at)
            for tokens, nodes in iter_left_out(self.schemas, self.schema, data, self.at):
                if any(node.get("x-unit") == unit for _, node in nodes):
                    yield tokens

    def changed(self, tokens: Tokens, child: Any) -> Any:
        """Return the body with something else at a place; without it where that is MISSING."""
        value = deepcopy(self.value)
        if child is MISSING:
            del value_below(value, tokens[:-1])[tokens[-1]]
            return value
        return put(value, tokens, child)


Mutation = Callable[[ScenarioContext], MockAnswer | None]
"""Makes the answer of a scenario; None where there is nothing to make it from."""

Choosing = Callable[[Leaf], bool]


def is_text(leaf: Leaf) -> bool:
    """Tell a text that is demanded and of no certain form, so that only what is done to it is wrong."""
    limits = ("pattern", "format", "enum", "const", "maxLength", "x-unit")
    types = leaf.says("type")
    is_free = all(leaf.says(word) is None for word in limits)
    return isinstance(leaf.value, str) and leaf.is_required and is_free and types in ("string", ["string"])


def is_public_text(leaf: Leaf) -> bool:
    """Tell such a text that may be shown, and so is looked into."""
    return is_text(leaf) and leaf.says("x-sensitivity") in ("public", None)


def is_number(leaf: Leaf) -> bool:
    """Tell a number, or what may be one."""
    types = leaf.says("type")
    kinds = [types] if isinstance(types, str) else types or ()
    return bool({"integer", "number"} & set(kinds)) and leaf.says("maximum") is None


def on_leaf(choose: Choosing, change: Callable[[Leaf], Any]) -> Mutation:
    """Change the first leaf that is fit for it; MISSING takes it away."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        leaf = next(filter(choose, scene.leaves()), None)
        return None if leaf is None else scene.writer.json(scene.changed(leaf.tokens, change(leaf)))

    return play


def with_text(choose: Choosing, text: bytes) -> Mutation:
    """Give a leaf a value that is written as no encoder would write it."""
    marked = on_leaf(choose, lambda _: _MARK)

    def play(scene: ScenarioContext) -> MockAnswer | None:
        made = marked(scene)
        return made and scene.writer.text(made.body.replace(b'"\\u001a"', text))

    return play


def with_key_twice(scene: ScenarioContext) -> MockAnswer | None:
    """Write a text member twice."""
    leaf = next(filter(is_public_text, scene.leaves()), None)
    if leaf is None:
        return None
    return with_text(is_public_text, f'"{_plain(leaf)}","{leaf.tokens[-1]}":"OTHER"'.encode())(scene)


def _plain(leaf: Leaf) -> str:
    return "".join(char for char in str(leaf.value) if char.isascii() and char.isalnum()) or "text"


def beside_leaf(change: Callable[[Any, str | int], None]) -> Mutation:
    """Change the object around a text."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        leaf = next(filter(is_public_text, scene.leaves()), None)
        if leaf is None:
            return None
        value = deepcopy(scene.value)
        change(value_below(value, leaf.tokens[:-1]), leaf.tokens[-1])
        return scene.writer.json(value)

    return play


def on_usual(change: Callable[[bytes], bytes], media_type: bytes | None = None) -> Mutation:
    """Change the text of the usual answer, or its Content-Type, where it has JSON."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        if not scene.writer.is_json:
            return None
        return scene.writer.text(change(scene.usual.body), scene.usual.status, media_type)

    return play


def on_envelope(code: str, message: str | None, data: Any) -> Mutation:
    """Answer with a code, a message (the code's own for None) and data."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        if scene.writer.envelope is None:
            return None
        text = scene.writer.message(code) if message is None else message
        return scene.writer.json(scene.writer.enveloped(code, text, data))

    return play


def on_refusal(meaning: str, message: str | None, data: Any) -> Mutation:
    """Answer with the code that means something, and a message and data as `on_envelope` has them."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        code = scene.writer.code_of(meaning)
        return None if code is None else on_envelope(code, message, data)(scene)

    return play


def success_with(data: Any) -> Mutation:
    """Answer with the success code and these data, or without any."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        has_data = isinstance(value_below(scene.value, scene.at), dict) if scene.at else False
        return scene.writer.success(data) if has_data else None

    return play


def success_on_error(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with a success beside a documented HTTP error."""
    status = next(
        (int(key) for key in scene.writer.operation.responses if key.startswith("4") and key.isdigit()), None
    )
    if status is None or scene.writer.envelope is None or scene.value is MISSING:
        return None
    return scene.writer.json(scene.value, status)


def business_error(code: str) -> Mutation:
    """Answer with a code of the catalogue, if it is this operation's."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        envelope = scene.writer.envelope
        if envelope is None or code not in envelope.codes:
            return None
        return (
            scene.writer.refusal(AUTHENTICATION_FAILED)
            if code == scene.writer.code_of(AUTHENTICATION_FAILED)
            else scene.writer.error(code)
        )

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
        return _page_of(scene, status, f"{status} Error".encode())

    return play


def page(status: int, title: bytes) -> Mutation:
    """Answer with an HTML page, as a gateway does, where the contract has no such answer."""

    def play(scene: ScenarioContext) -> MockAnswer | None:
        documented = scene.writer.operation.response(status)
        types = documented.media_types if documented else {}
        is_usual = documented is not None and (status >= _ERROR or not types or "text/html" in types)
        return None if is_usual else _page_of(scene, status, title)

    return play


def _page_of(scene: ScenarioContext, status: int, title: bytes) -> MockAnswer:
    return scene.writer.text(_HTML % (title, title), status, b"text/html; charset=utf-8")


def too_many_requests(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with HTTP status 429, where that is not documented."""
    if scene.writer.operation.response(_TOO_MANY) is not None:
        return None
    return MockAnswer(status=_TOO_MANY, fields=((b"retry-after", b"1"), (b"content-length", b"0")))


def slowly(scene: ScenarioContext) -> MockAnswer:
    """Answer as usual, later."""
    return replace(scene.usual, delay=scene.slow_seconds)


def cut(scene: ScenarioContext) -> MockAnswer | None:
    """Answer as usual, and close the connection in mid-body."""
    return replace(scene.usual, cut=True) if scene.writer.is_json else None


def without_items(scene: ScenarioContext) -> MockAnswer | None:
    """Answer about a record without items, where that is what is asked for."""
    found = scene.stored and scene.writer.book.kinds[scene.stored.kind].stated.items
    lookup = scene.writer.book.lookup(scene.writer.operation, scene.form)
    if not found or scene.stored is None or lookup is None or lookup.of_items:
        return None
    empty = replace(scene.stored, items={})
    return scene.writer.without_items(scene.writer.book.data_of(lookup, empty), empty)


def with_item_twice(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with the first item of a list twice, whose items are to differ."""
    data = MISSING if scene.value is MISSING else value_below(scene.value, scene.at)
    if scene.schema is None or data is MISSING:
        return None
    for tokens, nodes in iter_lists(scene.schemas, scene.schema, data, scene.at):
        if any("x-unique-by" in node for _, node in nodes):
            value = deepcopy(scene.value)
            items = value_below(value, tokens)
            items.append(items[0])
            return scene.writer.json(value)
    return None


def about_another(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with another id than the one that was asked for."""
    if scene.form is None or not scene.form.echoes or scene.value is MISSING:
        return None
    at = scene.form.echoes[0].response
    return scene.writer.json(scene.changed(at, f"{value_below(scene.value, at)}-other"))


def with_month(scene: ScenarioContext) -> MockAnswer | None:
    """Answer with a month 13, put in where the answer leaves it out."""
    for leaf in scene.leaves():
        if leaf.says("x-unit") == "month":
            return scene.writer.json(scene.changed(leaf.tokens, type(leaf.value)(13)))
    for tokens in scene.left_out("month"):
        return scene.writer.json(scene.changed(tokens, "13"))
    return None


MAGIC = "scenario:"
"""A key of this and a scenario's name asks for the scenario."""

_TEST_CARD = "4111111111111111"
_MONTH = 30 * 24 * 3600
_BOM = b"\xef\xbb\xbf"
_ERROR, _TOO_MANY = 400, 429


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


def _rename(holder: dict[str, Any], name: str | int) -> None:
    holder[f"{name}Renamed"] = holder.pop(str(name))


def _is_time(leaf: Leaf) -> bool:
    return bool(leaf.says("x-unit") == "unix-seconds")


def _milliseconds(leaf: Leaf) -> Any:
    return type(leaf.value)(int(leaf.value) * 1000)


def _next_month(leaf: Leaf) -> Any:
    return type(leaf.value)(int(time.time()) + _MONTH)


def _has_length(leaf: Leaf) -> bool:
    return isinstance(leaf.value, str) and isinstance(leaf.says("maxLength"), int) and leaf.value != ""


def _has_pattern(leaf: Leaf) -> bool:
    return isinstance(leaf.value, str) and leaf.says("pattern") is not None and leaf.says("enum") is None


def _longer(leaf: Leaf) -> str:
    return str(leaf.value).ljust(leaf.says("maxLength") + 1, str(leaf.value)[-1])


_FIXED = (
    _no_drift("slow", "The usual answer, some seconds later.", slowly),
    _no_drift("no-items", "A record without items.", without_items),
    _no_drift("new-value", "A text that nobody saw before.", on_leaf(is_public_text, lambda _: "NEWVALUE")),
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
    _drift("invalid-utf8", "A text in Latin-1.", with_text(is_public_text, b'"CAF\xc9"'), table.INVALID_UTF8),
    _drift("lone-surrogate", "A text with half of a surrogate pair.",
           with_text(is_public_text, b'"TEXT \\ud83d"'), table.LONE_SURROGATE),
    _drift("duplicate-key", "A member that is there twice.", with_key_twice, table.DUPLICATE_KEY),
    _drift("nan", "NaN for a number.", with_text(is_number, b"NaN"), table.NON_FINITE_NUMBER),
    _drift("unsafe-number", "A number of more than 53 bits.",
           with_text(is_number, b"9007199254740993"),
           table.UNSAFE_NUMBER, table.TIMESTAMP_NOT_SECONDS),
    _drift("field-added", "A member that nobody documented.",
           beside_leaf(lambda holder, _: holder.update(fieldAdded="CREDIT")),
           table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-removed", "A member that is missing.",
           on_leaf(is_public_text, lambda _: MISSING), table.FIELD_MISSING),
    _drift("field-renamed", "A member under another name.",
           beside_leaf(_rename), table.FIELD_MISSING, table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-retyped", "A text that is a number.",
           on_leaf(is_public_text, lambda _: 1111), table.TYPE_MISMATCH),
    _drift("field-null", "A member that is null.", on_leaf(is_public_text, lambda _: None), table.FIELD_NULL),
    _drift("length", "A text of a character more than there may be.",
           on_leaf(_has_length, _longer), table.LENGTH_OUT_OF_RANGE),
    _drift("pattern", "A text with a mask.",
           on_leaf(_has_pattern, lambda leaf: "*" + str(leaf.value)[1:]), table.PATTERN_MISMATCH),
    _drift("timestamp-milliseconds", "A time in milliseconds.",
           on_leaf(_is_time, _milliseconds), table.TIMESTAMP_NOT_SECONDS),
    _drift("timestamp-future", "A time of next month.",
           on_leaf(_is_time, _next_month), table.TIMESTAMP_IN_FUTURE),
    _drift("month-invalid", "A month 13.", with_month, table.MONTH_INVALID),
    _drift("card-number", "The full number of a test card in a text.",
           on_leaf(is_public_text, lambda leaf: f"{_plain(leaf)} {_TEST_CARD}"), table.CARD_NUMBER_EXPOSED),
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
    _drift("success-on-http-error", "An HTTP error with the success code and data.",
           success_on_error, table.SUCCESS_CODE_ON_HTTP_ERROR),
    _drift("other-answer", "The answer to another question.", about_another, table.ANSWER_MISMATCHED),
    _drift("item-repeated", "The same item twice.", with_item_twice, table.ITEM_REPEATED),
)  # fmt: skip


def build_scenarios(operations: Iterable[Operation]) -> dict[str, Scenario]:
    """Return every scenario by name: the errors and statuses of the operations, and those of the table."""
    own = [scenario for operation in operations for scenario in _of_operation(operation)]
    return {scenario.name: scenario for scenario in (*own, *_FIXED)}


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


def _of_operation(operation: Operation) -> Iterator[Scenario]:
    envelope = operation.envelope
    for code in envelope.codes.values() if envelope else ():
        if envelope and code.code not in envelope.success:
            message = code.messages[0] if code.messages else "its message is not known"
            yield _no_drift(
                f"error-{code.code}", f"Business error {code.code}: {message}", business_error(code.code)
            )
    for key in operation.responses:
        if key[0] in "345":
            yield _no_drift(f"http-{key.lower()}", f"HTTP {key}, as documented.", documented_status(key))


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
