"""Builds, from one conforming line, the kind it stands for: a type, and what is left to judge of values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

import jsonschema_rs
import msgspec

from opay_contract.contract.loading import tokens_of
from opay_contract.contract.operation import Echo
from opay_contract.jsontext import Tokens
from opay_contract.recordings.ndjson import NumberedLine
from opay_contract.recordings.sources import Source
from opay_contract.rules.exposure import NOT_SEARCHED
from opay_contract.rules.fastpath import day_before, is_free_of_cards, lower_names
from opay_contract.rules.linetypes import EACH, BodyType, Column, Leaf, Unsupported
from opay_contract.rules.subject import Subject
from opay_contract.rules.values import is_month, time_fault

_LONG_NUMBER = 10**12
_decode = msgspec.json.Decoder().decode

Line = tuple[Source, NumberedLine]
"""A line with where it stands."""


@dataclass(slots=True, eq=False)
class Kind:
    """Lines that one type decodes.

    `variants_of` tells of decoded lines what their variable places hold, and `variants` has for each of
    these how many quotes such a line has. `lines` and `decoded` wait for the batch to be full.
    """

    decoder: msgspec.json.Decoder[Any]
    variants_of: Callable[[list[Any]], list[Any]]
    checks: tuple[Callable[[list[Any]], bool], ...]
    column_of: Callable[[Tokens], Column | None]
    number: int
    variants: dict[Any, int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    decoded: list[Any] = field(default_factory=list)


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
        self._query = BodyType(subject.query, frozenset(), "request.body")
        self._answer = BodyType(subject.answer, subject.operation.decided, "response.body")

    def build(self, text: bytes, number: int) -> Kind:
        request, response = self._sample["request"], self._sample["response"]
        _only(self._sample, {"request", "response", "recorded_at"})
        _only(request, {"method", "url", "headers", "body"})
        _only(response, {"status", "headers", "body"})
        line = _struct(
            request=_struct(
                **{name: Literal[request[name]] for name in ("method", "url") if name in request},
                headers=_headers(request["headers"]),
                body=self._query.type,
            ),
            response=_struct(
                status=Literal[response["status"]],
                headers=_headers(response["headers"]),
                body=self._answer.type,
            ),
            **({"recorded_at": str} if "recorded_at" in self._sample else {}),
        )
        decoder = msgspec.json.Decoder(line)
        decoder.decode(text)
        variable = [*self._query.variable, *self._answer.variable]
        lists = [items.column for items in (*self._query.lists, *self._answer.lists)]
        return Kind(decoder, variants_reader(variable, lists), tuple(self._checks()), self._column, number)

    def _column(self, tokens: Tokens) -> Column | None:
        """Return the column of a place of the exchange, as evidence names it."""
        part, member, *rest = tokens if len(tokens) > 1 else (*tokens, "")
        if (part, member) == ("request", "body"):
            return self._query.column(tuple(rest))
        if (part, member) == ("response", "body"):
            return self._answer.column(tuple(rest))
        return dict(self._headers(str(part))).get(str(rest[0])) if member == "headers" else None

    def _checks(self) -> Iterator[Callable[[list[Any]], bool]]:
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
        yield _filled_check([column for _, column in self._headers("request")])
        yield _card_check(list(self._searched()))

    def _headers(self, part: str) -> Iterator[tuple[str, Column]]:
        for number, name in enumerate(self._sample[part]["headers"]):
            yield name.lower(), Column((f"{part}.headers.h{number}",))

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

    def _leaf_checks(self, leaf: Leaf, *, constrained: bool) -> Iterator[Callable[[list[Any]], bool]]:
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

    def _echo_checks(self, echo: Echo) -> Iterator[Callable[[list[Any]], bool]]:
        """An answer without the member that repeats, as in an error, has nothing to compare."""
        asked, answered = self._query.column(echo.request), self._answer.column(echo.response)
        if asked is not None and answered is not None:
            yield lambda decoded: asked.of(decoded) == answered.of(decoded)

    def _time_check(self, column: Column) -> Callable[[list[Any]], bool]:
        recorded = Column(("recorded_at",)) if "recorded_at" in self._sample else None

        def check(decoded: list[Any]) -> bool:
            dates = {moment[:10] for moment in recorded.of(decoded)} if recorded else ()
            earliest = min((self._started_at, *map(day_before, dates)))
            return all(time_fault(value, earliest) is None for value in _extremes(column.of(decoded)))

        return check

    def _unique_check(self, tokens: Tokens, lists: Column, identity: Tokens) -> Callable[[list[Any]], bool]:
        column = self._answer.column((*tokens, EACH, *identity))
        if column is None:
            raise Unsupported
        inner = Column(column.steps[len(lists.steps) :])

        def check(decoded: list[Any]) -> bool:
            several = [items for items in lists.of(decoded) if len(items) > 1]
            return all(len(set(inner.of([items]))) == len(items) for items in several)

        return check


def variants_reader(variable: list[Column], lists: list[Column]) -> Callable[[list[Any]], list[Any]]:
    """Return a function that tells of decoded lines which types their variable places hold, item by item."""
    plain = [column.steps[0] for column in variable if EACH not in column.steps]
    in_items = [
        (items.steps[0], [column.steps[-1] for column in variable if column.steps[:-2] == items.steps])
        for items in lists
    ]
    if any(len(column.steps) not in (1, 3) for column in variable):
        raise Unsupported

    def variants_of(decoded: list[Any]) -> list[Any]:
        parts: list[Any] = [map(type, map(attrgetter(path), decoded)) for path in plain]
        for path, attributes in in_items:
            found = map(attrgetter(path), decoded)
            parts.append(map(_types_reader(attributes), found) if attributes else map(len, found))
        return list(zip(*parts, strict=True)) if parts else [()] * len(decoded)

    return variants_of


def _types_reader(attributes: list[str]) -> Callable[[list[Any]], Any]:
    if len(attributes) == 1:
        one = attrgetter(attributes[0])
        return lambda items: tuple([type(one(item)) for item in items])
    several = attrgetter(*attributes)
    return lambda items: tuple([tuple(map(type, several(item))) for item in items])


def _extremes(values: list[Any]) -> list[Any]:
    """Return the least and the greatest of numbers, which stand for the rest; texts all."""
    return [min(values), max(values)] if set(map(type, values)) == {int} else values


def _struct(**fields: Any) -> Any:
    return msgspec.defstruct("Part", list(fields.items()), forbid_unknown_fields=True, gc=False)


def _headers(headers: dict[str, Any]) -> Any:
    """Return the type of headers of these names, with the same media type."""
    if len(set(lower_names(tuple(headers)))) < len(headers):
        raise Unsupported
    fields: list[tuple[str, Any]] = []
    for number, (name, value) in enumerate(headers.items()):
        if not isinstance(value, str):
            raise Unsupported
        fields.append((f"h{number}", Literal[value] if name.lower() == "content-type" else str))
    renamed = {f"h{number}": name for number, name in enumerate(headers)}
    return msgspec.defstruct("Headers", fields, rename=renamed, forbid_unknown_fields=True, gc=False)


def _only(members: dict[str, Any], known: set[str]) -> None:
    if members.keys() - known:
        raise Unsupported


def _schema_check(
    column: Column, validator: jsonschema_rs.Draft202012Validator
) -> Callable[[list[Any]], bool]:
    return lambda decoded: validator.is_valid(column.of(decoded))


def _card_check(columns: list[Column]) -> Callable[[list[Any]], bool]:
    def check(decoded: list[Any]) -> bool:
        texts = [value for column in columns for value in column.of(decoded) if type(value) is str]
        return is_free_of_cards("\n".join(texts).encode(errors="replace"))

    return check


def _number_check(column: Column) -> Callable[[list[Any]], bool]:
    """A number of thirteen digits may be a card's, one of sixteen may be unsafe to keep."""

    def check(decoded: list[Any]) -> bool:
        numbers = [value for value in column.of(decoded) if type(value) is int or type(value) is float]
        return not numbers or (min(numbers) > -_LONG_NUMBER and max(numbers) < _LONG_NUMBER)

    return check


def _month_check(column: Column) -> Callable[[list[Any]], bool]:
    return lambda decoded: all(map(is_month, set(column.of(decoded))))


def _filled_check(columns: list[Column]) -> Callable[[list[Any]], bool]:
    return lambda decoded: all("" not in column.of(decoded) for column in columns)
