"""Keeps of a run the values that today's contract calls public: a summary may be older, or another's."""

from collections.abc import Collection
from dataclasses import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.contract.scopes import RESPONSE_BODY, fields_of_scope, find_operation
from opay_contract.jsontext import pointer
from opay_contract.judge.describing import describe_name
from opay_contract.model.observation import Observed, Scope
from opay_contract.model.summary import DriftSummary

STATUS, MEDIA_TYPE = "/response/status", "/response/headers/content-type"
PUBLIC = "public"
_STATUSES = frozenset(map(str, range(100, 1000)))


def public_part(summary: DriftSummary, contract: Contract) -> DriftSummary:
    """Return a summary without the values of fields of every other class, and of places nobody documented."""
    public: dict[Scope, frozenset[str]] = {}
    kept = {}
    for spot, observed in summary.observations.items():
        scope, place = spot[:3], spot[3]
        if scope not in public:
            public[scope] = _public_places(contract, scope)
        if place not in public[scope]:
            observed = _only(observed, _stated(find_operation(contract, scope[0]), place))  # noqa: PLW2901
        kept[spot] = observed
    return replace(summary, observations=kept)


def folded(place: str) -> str:
    """Return the pointer of a documented place as observations and findings have it."""
    return "/".join(token if token in ("", "*") else describe_name(token) for token in place.split("/"))


def _public_places(contract: Contract, scope: Scope) -> frozenset[str]:
    fields = fields_of_scope(contract, scope).items()
    return frozenset({MEDIA_TYPE, *(folded(place) for place, field in fields if field.sensitivity == PUBLIC)})


def _stated(operation: Operation | None, place: str) -> Collection[str]:
    """Return the values of a place that are nobody's: statuses, and the business codes that are known."""
    if place == STATUS:
        return _STATUSES
    envelope = operation.envelope if operation else None
    return envelope.codes if envelope and place == RESPONSE_BODY + pointer(envelope.code) else ()


def _only(observed: Observed, stated: Collection[str]) -> Observed:
    return replace(
        observed,
        values={value: count for value, count in observed.values.items() if value in stated},
        value_days={value: day for value, day in observed.value_days.items() if value in stated},
        other_values=0,
        numbers=None,
    )
