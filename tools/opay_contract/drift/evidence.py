"""What in recorded exchanges speaks for the readings of the contract's open questions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs
import msgspec

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Evidence
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import NotJson, Parsed, Tokens, value_at
from opay_contract.judge.shapes import EACH, is_decided_by_shape
from opay_contract.judge.subject import Subject
from opay_contract.model.exchange import Exchange, Headers

_EVERY = "*"
_ABSENT = object()


class Probe(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A piece of evidence, ready to be looked for; its validators are made when they are needed first."""

    key: tuple[str, str]
    evidence: Evidence
    schemas: SchemaSet
    operations: frozenset[str] | None = None

    def concerns(self, operations: set[str], outcome: str) -> bool:
        """Return whether exchanges of any of these operations, and of an outcome, may speak for it."""
        is_asked = self.operations is None or not self.operations.isdisjoint(operations)
        return is_asked and self.evidence.outcome in (None, outcome)

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        """Tells whether one value fits."""
        return self.schemas.compile(self.evidence.schema)

    @cached_property
    def _all_fit(self) -> jsonschema_rs.Draft202012Validator:
        return self.schemas.compile({"items": self.evidence.schema})

    @cached_property
    def _none_fits(self) -> jsonschema_rs.Draft202012Validator:
        return self.schemas.compile({"items": {"not": self.evidence.schema}})

    def count(self, values: list[Any]) -> int:
        """Return how many values fit; most often all of them or none do."""
        if self._all_fit.is_valid(values):
            return len(values)
        return 0 if self._none_fits.is_valid(values) else sum(map(self.validator.is_valid, values))

    def is_by_shape(self, decided: Iterable[Tokens]) -> bool:
        """Return whether the shape of what is there, and values at decided places, tell what it says."""
        evidence = self.evidence
        return evidence.other is None and is_decided_by_shape(
            evidence.schema, evidence.at, dict.fromkeys(decided, "")
        )

    def is_at(self, path: Tokens) -> bool:
        """Return whether the evidence is about the values at a path alone."""
        at = self.evidence.at
        return (
            self.evidence.other is None
            and len(at) == len(path)
            and all(
                token in (step, _EVERY if step == EACH else step)
                for token, step in zip(at, path, strict=True)
            )
        )


@lru_cache(maxsize=16)
def build_probes(contract: Contract) -> tuple[Probe, ...]:
    """Return the evidence of every reading."""
    return tuple(
        Probe((question.id, reading.id), evidence, contract.schemas, question.operations)
        for question in contract.questions
        for reading in question.readings
        for evidence in reading.evidence
    )


def weigh(probes: Iterable[Probe], seen: dict[str, Any], outcome: str) -> Counter[tuple[str, str]]:
    """Return how often a described exchange speaks for each reading."""
    weights: Counter[tuple[str, str]] = Counter()
    for probe in probes:
        if probe.evidence.outcome in (None, outcome):
            weights[probe.key] += sum(_speaks(probe, value, seen) for value in find(seen, probe.evidence.at))
    return weights


def describe_exchange(
    exchange: Exchange, asked: Parsed | NotJson | None, answered: Parsed | NotJson | None
) -> dict[str, Any]:
    """Return an exchange and its bodies as the native recording format has it, header names in lower case.

    What was not recorded, and a body that is no JSON, has no member.
    """
    request, response = exchange.request, exchange.response
    return {
        "request": _present(
            method=_ABSENT if request.method is None else request.method,
            url=_ABSENT if request.url is None else request.url,
            headers=_lower(request.headers),
            body=asked.value if isinstance(asked, Parsed) else _ABSENT,
        ),
        "response": _present(
            status=response.status,
            headers=_lower(response.headers),
            body=answered.value if isinstance(answered, Parsed) else _ABSENT,
        ),
    }


def describe_subject(subject: Subject) -> dict[str, Any]:
    """Return an exchange that was judged as `describe_exchange` does."""
    return describe_exchange(subject.exchange, subject.asked, subject.answered)


def find(value: Any, tokens: Tokens) -> Iterator[Any]:
    """Yield every value at a folded pointer."""
    return (value_at(value, place) for place in find_places(value, tokens))


def find_places(value: Any, tokens: Tokens, before: Tokens = ()) -> Iterator[Tokens]:
    """Yield every place that a folded pointer means in `value`, where `*` stands for each item of a list."""
    for position, token in enumerate(tokens):
        if token == _EVERY and isinstance(value, list):
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


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not _ABSENT}


def _lower(headers: Headers | None) -> Any:
    return _ABSENT if headers is None else {name.lower(): value for name, value in headers}
