"""Builds, from one conforming line, the kind it stands for: a type, and what is left to judge of values."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import attrgetter
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec

from opay_contract.contract.loading import tokens_of
from opay_contract.contract.operation import Echo
from opay_contract.jsontext import Tokens
from opay_contract.recordings.ndjson import Lines
from opay_contract.rules.columns import EACH, Batch, Column
from opay_contract.rules.exposure import NOT_SEARCHED
from opay_contract.rules.fastpath import day_before, is_free_of_cards
from opay_contract.rules.linetypes import BodyType, Leaf, Unsupported
from opay_contract.rules.records import lower_names
from opay_contract.rules.subject import Subject
from opay_contract.rules.values import is_month, time_fault

_LONG_NUMBER = 10**12
_LEAST_CARD = 13
_REQUEST, _RESPONSE, _RECORDED_AT = Column(("request",)), Column(("response",)), Column(("recorded_at",), str)
_FILLED = Annotated[str, msgspec.Meta(min_length=1)]
_decode = msgspec.json.Decoder().decode

Variant = tuple[Any, ...]
"""Types of the places of a line that may hold several: the plain ones', then each list's, item by item."""

Check = Callable[[Batch], bool]
"""Tells of lines of one kind whether all of them pass."""


@dataclass(slots=True, eq=False)
class Kind:
    """Lines that one type decodes.

    `variable` places may hold several types; `variants` numbers what was seen of that, and `quotes` has for
    each number how many quotes such a line has. `runs` of lines and what they hold, `decoded`, wait to be
    judged together.
    """

    decoder: msgspec.json.Decoder[Any]
    variable: tuple[Column, ...]
    lists: tuple[Column, ...]
    checks: tuple[Check, ...]
    column_of: Callable[[Tokens], Column | None]
    number: int
    variants: dict[Variant, int] = field(default_factory=dict)
    quotes: list[int] = field(default_factory=list)
    runs: list[Lines] = field(default_factory=list)
    decoded: list[Any] = field(default_factory=list)

    def numbers_of(self, batch: Batch) -> list[int | None]:
        """Return the number of each line's variant.

        A place whose type is the same in the whole batch, as it mostly is, is not looked at line by line.
        """
        if len(self.lists) == 1 and all(len(batch.types(column)) == 1 for column in self.variable):
            lengths = list(map(len, batch.all_of(self.lists[0])))
            plain = tuple(next(iter(batch.types(one))) for one in self.variable if one.lists is None)
            item = tuple(next(iter(batch.types(one))) for one in self.variable if one.lists is not None)
            numbers = {length: self.variants.get((*plain, (item,) * length)) for length in set(lengths)}
            return [numbers[length] for length in lengths]
        return list(map(self.variants.get, self.variants_of(batch)))

    def variants_of(self, batch: Batch) -> list[Variant]:
        """Return of each line which types its variable places hold, item by item."""
        parts: list[Any] = [
            map(type, batch.all_of(column)) for column in self.variable if column.lists is None
        ]
        parts += [self._item_types(batch, lists) for lists in self.lists]
        return list(zip(*parts, strict=True)) if parts else [()] * len(batch)

    def _item_types(self, batch: Batch, lists: Column) -> Iterator[Variant]:
        columns = [batch.all_of(column) for column in self.variable if column.lists == lists.steps]
        items = zip(*(map(type, column) for column in columns), strict=True) if columns else repeat(())
        return (tuple(islice(items, len(found))) for found in batch.all_of(lists))


def build_kind(subject: Subject, text: bytes, started_at: float, number: int) -> Kind | None:
    """Build the kind of a sample that conforms; None when columns cannot say what conforming takes."""
    try:
        return _KindBuilder(subject, _decode(text), started_at).build(text, number)
    except (Unsupported, ValueError, KeyError, TypeError):
        return None


class _KindBuilder:
    def __init__(self, subject: Subject, sample: dict[str, Any], started_at: float) -> None:
        if subject.query is None or subject.answer is None or subject.operation.envelope is None:
            raise Unsupported
        self._subject = subject
        self._sample = sample
        self._started_at = started_at
        self._query = BodyType(subject.query, frozenset(), _REQUEST.below("body"))
        self._answer = BodyType(subject.answer, subject.operation.decided, _RESPONSE.below("body"))

    def build(self, text: bytes, number: int) -> Kind:
        request, response = self._sample["request"], self._sample["response"]
        _only(self._sample, {"request", "response", "recorded_at"})
        _only(request, {"method", "url", "headers", "body"})
        _only(response, {"status", "headers", "body"})
        line = _struct(
            request=_struct(
                **{name: Literal[request[name]] for name in ("method", "url") if name in request},
                headers=_headers(request["headers"], _FILLED),
                body=self._query.type,
            ),
            response=_struct(
                status=Literal[response["status"]],
                headers=_headers(response["headers"], str),
                body=self._answer.type,
            ),
            **({"recorded_at": str} if "recorded_at" in self._sample else {}),
        )
        decoder = msgspec.json.Decoder(line)
        decoder.decode(text)
        variable = (*self._query.variable, *self._answer.variable)
        lists = tuple(items.column for items in (*self._query.lists, *self._answer.lists))
        return Kind(decoder, variable, lists, tuple(self._checks()), self._column, number)

    def _column(self, tokens: Tokens) -> Column | None:
        """Return the column of a place of the exchange, as evidence names it."""
        part, member, *rest = tokens if len(tokens) > 1 else (*tokens, "")
        if (part, member) == ("request", "body"):
            return self._query.column(tuple(rest))
        if (part, member) == ("response", "body"):
            return self._answer.column(tuple(rest))
        return dict(self._headers(str(part))).get(str(rest[0])) if member == "headers" else None

    def _checks(self) -> Iterator[Check]:
        for leaf in self._answer.leaves:
            yield from self._leaf_checks(leaf, constrained=True)
        for leaf in self._query.leaves:
            yield from self._leaf_checks(leaf, constrained=not self._subject.is_refused)
        for items in self._answer.lists:
            for node in items.nodes:
                if "x-unique-by" in node:
                    yield self._unique_check(items.tokens, items.column, tokens_of(node["x-unique-by"]))
        for echo in self._subject.match.form.echoes if self._subject.match.form else ():
            yield from self._echo_checks(echo)
        yield _card_check(list(self._searched()))

    def _headers(self, part: str) -> Iterator[tuple[str, Column]]:
        for number, name in enumerate(self._sample[part]["headers"]):
            yield name.lower(), Column((part, "headers", f"h{number}"), str)

    def _searched(self) -> Iterator[Column]:
        """Yield the columns of texts that may hold a card number."""
        skipped = self._subject.contract.unsearched_headers | {"content-type"}
        for name, column in (*self._headers("request"), *self._headers("response")):
            if name not in skipped:
                yield column
        for leaf in (*self._query.leaves, *self._answer.leaves):
            identifies = {node.get("x-sensitivity") for node in leaf.nodes} & NOT_SEARCHED
            if "string" in leaf.kinds and not leaf.is_fixed and not identifies:
                yield leaf.column

    def _leaf_checks(self, leaf: Leaf, *, constrained: bool) -> Iterator[Check]:
        if leaf.is_fixed:
            return
        if constrained and leaf.is_constrained:
            schema = {"items": {"allOf": [{"$ref": uri} for uri in leaf.schemas]}}
            yield _schema_check(leaf.column, self._subject.contract.schemas.compile(schema))
        units = {node.get("x-unit") for node in leaf.nodes}
        if "unix-seconds" in units:
            yield self._time_check(leaf.column)
        if "month" in units:
            yield _month_check(leaf.column)
        if leaf.kinds & {"integer", "number"}:
            yield _number_check(leaf.column)

    def _echo_checks(self, echo: Echo) -> Iterator[Check]:
        """An answer without the member that repeats, as in an error, has nothing to compare."""
        asked, answered = self._query.column(echo.request), self._answer.column(echo.response)
        if asked is not None and answered is not None:
            yield lambda batch: batch.of(asked) == batch.of(answered)

    def _time_check(self, column: Column) -> Check:
        has_times = "recorded_at" in self._sample

        def check(batch: Batch) -> bool:
            first = min(batch.of(_RECORDED_AT), default="") if has_times else ""
            earliest = min(self._started_at, day_before(first[:10])) if first else self._started_at
            return all(time_fault(value, earliest) is None for value in _extremes(batch, column))

        return check

    def _unique_check(self, tokens: Tokens, lists: Column, identity: Tokens) -> Check:
        column = self._answer.column((*tokens, EACH, *identity))
        if column is None:
            raise Unsupported
        identity_of = attrgetter(".".join(column.steps[len(lists.steps) + 1 :]))

        def check(batch: Batch) -> bool:
            several = [items for items in batch.of(lists) if len(items) > 1]
            return all(len(set(map(identity_of, items))) == len(items) for items in several)

        return check


def _extremes(batch: Batch, column: Column) -> Iterable[Any]:
    """Return the least and the greatest of numbers, which stand for the rest; texts all."""
    return (batch.types(column) == {int} and batch.extremes(column)) or batch.of(column)


def _struct(**fields: Any) -> Any:
    return msgspec.defstruct("Part", list(fields.items()), forbid_unknown_fields=True, gc=False)


def _headers(headers: dict[str, Any], text: Any) -> Any:
    """Return the type of headers of these names, with the same media type; the others are of type `text`."""
    if len(set(lower_names(tuple(headers)))) < len(headers):
        raise Unsupported
    fields: list[tuple[str, Any]] = []
    for number, (name, value) in enumerate(headers.items()):
        if not isinstance(value, str):
            raise Unsupported
        fields.append((f"h{number}", Literal[value] if name.lower() == "content-type" else text))
    renamed = {f"h{number}": name for number, name in enumerate(headers)}
    return msgspec.defstruct("Headers", fields, rename=renamed, forbid_unknown_fields=True, gc=False)


def _only(members: dict[str, Any], known: set[str]) -> None:
    if members.keys() - known:
        raise Unsupported


def _schema_check(column: Column, validator: jsonschema_rs.Draft202012Validator) -> Check:
    return lambda batch: validator.is_valid(batch.of(column))


def _card_check(columns: list[Column]) -> Check:
    """A plain text of fewer characters than a card number has digits is not looked at."""

    def check(batch: Batch) -> bool:
        texts = []
        for column in columns:
            values = batch.of(column)
            if column.holds is not str:
                values = [value for value in values if type(value) is str]
            text = "\n".join(values)
            known = batch.lengths(column) if column.holds is str else None
            longest = known[1] if known else max(map(len, values), default=0)
            if longest >= _LEAST_CARD or not text.isascii():
                texts.append(text)
        return is_free_of_cards("\n".join(texts).encode(errors="replace"))

    return check


def _number_check(column: Column) -> Check:
    """A number of thirteen digits may be a card's, one of sixteen may be unsafe to keep."""

    def check(batch: Batch) -> bool:
        numbers: Iterable[Any] = _extremes(batch, column)
        numbers = [value for value in numbers if type(value) is int or type(value) is float]
        return not numbers or (min(numbers) > -_LONG_NUMBER and max(numbers) < _LONG_NUMBER)

    return check


def _month_check(column: Column) -> Check:
    return lambda batch: all(map(is_month, set(batch.of(column))))
