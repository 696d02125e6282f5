"""Counts what recorded exchanges say about the contract's open questions."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Evidence
from opay_contract.drift.surveys import Comparison, Probe, Survey
from opay_contract.jsontext import Parsed, Tokens, value_at
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.rules.columns import Batch, Column
from opay_contract.rules.shapes import is_decided_by_shape

_EACH = "*"
_ABSENT = object()


@dataclass(slots=True)
class Tally:
    """What every exchange of one shape says, how many there were, and what to ask each of them."""

    weights: dict[tuple[str, str], int]
    probes: tuple[tuple[Probe, Tokens, Tokens | None], ...]
    count: int = 0


class EvidenceCounter:
    """Takes exchanges one at a time and counts, for each reading, the places that speak for it."""

    def __init__(self, contract: Contract) -> None:
        self._schemas = contract.schemas
        self._counts: Counter[tuple[str, str]] = Counter()
        self._tallies: list[Tally] = []
        decided = frozenset(_decided_places(contract))
        self._probes = tuple(
            Probe(
                (question.id, reading.id),
                evidence,
                contract.schemas.compile(evidence.schema),
                contract.schemas.compile({"items": evidence.schema}),
                contract.schemas.compile({"items": {"not": evidence.schema}}),
                evidence.other is None and is_decided_by_shape(evidence.schema, evidence.at, decided),
            )
            for question in contract.questions
            for reading in question.readings
            for evidence in reading.evidence
        )

    def add(self, exchange: Exchange, match: Match) -> None:
        """Count what one exchange says; those at unknown paths say nothing."""
        if match.route.path_known:
            self._counts.update(weigh(self._probes, describe_exchange(exchange, match), match.outcome))

    def learn(self, exchange: Exchange, match: Match) -> Tally:
        """Return the tally for exchanges of this one's shape; it has not heard this one."""
        seen = describe_exchange(exchange, match)
        open_ = [probe for probe in self._probes if probe.evidence.outcome in (None, match.outcome)]
        by_value = (
            (probe, place, _other_place(probe.evidence, seen))
            for probe in open_
            if not probe.by_shape
            for place in find_places(seen, probe.evidence.at)
        )
        tally = Tally(
            weigh((probe for probe in open_ if probe.by_shape), seen, match.outcome),
            tuple(one for one in by_value if one[0].evidence.other is None or one[2] is not None),
        )
        self._tallies.append(tally)
        return tally

    def columns(
        self, exchange: Exchange, match: Match, column_of: Callable[[Tokens], Column | None]
    ) -> tuple[Survey | Comparison, ...] | None:
        """Return what to ask of lines of this exchange's kind; None where that cannot be asked by columns."""
        seen = describe_exchange(exchange, match)
        by_column: dict[tuple[Column, Column | None], list[Probe]] = {}
        for probe in self._probes:
            evidence = probe.evidence
            if probe.by_shape or evidence.outcome not in (None, match.outcome):
                continue
            column, other = column_of(evidence.at), column_of(evidence.other) if evidence.other else None
            if column is None and next(find_places(seen, evidence.at), None) is not None:
                return None
            if column is not None and (evidence.other is None or other is not None):
                by_column.setdefault((column, other), []).append(probe)
        return tuple(
            Comparison(column, other, tuple(probes))
            if other is not None
            else Survey(self._schemas, column, tuple(probes))
            for (column, other), probes in by_column.items()
        )

    def add_columns(self, surveys: tuple[Survey | Comparison, ...], batch: Batch) -> None:
        """Count what decoded lines of one kind say."""
        for survey in surveys:
            for key, number in survey.count(batch):
                self._counts[key] += number

    def add_to(self, tally: Tally, seen: dict[str, Any]) -> None:
        """Count what one further exchange says; `seen` is the exchange as `describe_exchange` has it."""
        tally.count += 1
        for probe, place, other in tally.probes:
            value = value_at(seen, place)
            if (
                probe.validator.is_valid(value)
                if other is None
                else (value_at(seen, other) == value) is probe.evidence.equal
            ):
                self._counts[probe.key] += 1

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the counts by question and reading."""
        counts = Counter(self._counts)
        for tally in self._tallies:
            for key, weight in tally.weights.items():
                counts[key] += weight * tally.count
        return {key: count for key, count in counts.items() if count}


def weigh(probes: Iterable[Probe], seen: dict[str, Any], outcome: str) -> dict[tuple[str, str], int]:
    """Return how often a described exchange speaks for each reading, where it does."""
    weights: Counter[tuple[str, str]] = Counter()
    for probe in probes:
        if probe.evidence.outcome in (None, outcome):
            weights[probe.key] += sum(_speaks(probe, value, seen) for value in find(seen, probe.evidence.at))
    return {key: weight for key, weight in weights.items() if weight}


def describe_exchange(exchange: Exchange, match: Match) -> dict[str, Any]:
    """Return an exchange as the native recording format has it, header names in lower case.

    What was not recorded, and a body that is no JSON, has no member.
    """
    request, response = exchange.request, exchange.response
    return {
        "request": _present(
            method=_ABSENT if request.method is None else request.method,
            url=_ABSENT if request.url is None else request.url,
            headers=_lower(request.headers),
            body=match.request_body.value if isinstance(match.request_body, Parsed) else _ABSENT,
        ),
        "response": _present(
            status=response.status,
            headers=_lower(response.headers),
            body=match.response_body.value if isinstance(match.response_body, Parsed) else _ABSENT,
        ),
    }


def find(value: Any, tokens: Tokens) -> Iterator[Any]:
    """Yield every value at a folded pointer."""
    return (value_at(value, place) for place in find_places(value, tokens))


def find_places(value: Any, tokens: Tokens, before: Tokens = ()) -> Iterator[Tokens]:
    """Yield every place that a folded pointer means in `value`, where `*` stands for each item of a list."""
    for position, token in enumerate(tokens):
        if token == _EACH and isinstance(value, list):
            for index, item in enumerate(value):
                yield from find_places(item, tokens[position + 1 :], (*before, *tokens[:position], index))
            return
        if not isinstance(value, dict) or token not in value:
            return
        value = value[token]
    yield (*before, *tokens)


def _speaks(probe: Probe, value: Any, seen: dict[str, Any]) -> bool:
    if probe.evidence.other is not None:
        other = next(find(seen, probe.evidence.other), _ABSENT)
        return other is not _ABSENT and (other == value) is probe.evidence.equal
    return probe.validator.is_valid(value)


def _other_place(evidence: Evidence, seen: dict[str, Any]) -> Tokens | None:
    return next(find_places(seen, evidence.other), None) if evidence.other is not None else None


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not _ABSENT}


def _lower(headers: Headers | None) -> Any:
    return _ABSENT if headers is None else {name.lower(): value for name, value in headers}


def _decided_places(contract: Contract) -> Iterator[Tokens]:
    """Yield the places whose values are part of a line's shape."""
    yield from (("request", "method"), ("request", "url"), ("response", "status"))
    for operation in contract.operations:
        if operation.envelope is not None:
            yield from (
                ("response", "body", *operation.envelope.code),
                ("response", "body", *operation.envelope.message),
            )
