"""The part of the JSON report that comes from observations."""

from typing import Any

from opay_contract.model.finding import ContractPlace
from opay_contract.model.insight import Change, Gap, Share
from opay_contract.model.observation import FieldLocation, Observations, Observed
from opay_contract.report.checked_run import CheckedRun


def build_insights(run: CheckedRun) -> dict[str, Any]:
    """Return changes, gaps and observations as the values that JSON has."""
    observations = run.summary.observations
    return {
        "changes": [_change(change) for change in run.insight.changes],
        "gaps": [_gap(gap) for gap in run.insight.gaps],
        "observations": [_observation(spot, one, observations) for spot, one in sorted(observations.items())],
    }


def build_contract_place(place: ContractPlace) -> dict[str, Any]:
    """Return a statement of the contract."""
    return {"file": place.file, "line": place.line, "column": place.column, "pointer": place.pointer}


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        **_spot(change.spot),
        "day": change.day,
        "type": change.type or None,
        "before": _share(change.before),
        "after": _share(change.after),
        "documented": change.is_documented,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "rule": gap.rule.id,
        **_spot(gap.spot),
        "documented": gap.documented,
        "seen": gap.seen,
        "opportunities": gap.opportunities,
        "contract": build_contract_place(gap.contract),
    }


def _observation(spot: FieldLocation, observed: Observed, observations: Observations) -> dict[str, Any]:
    parent = observations.get((*spot[:3], spot[3].rpartition("/")[0]))
    is_member = parent is not None and spot[3] and not spot[3].endswith("/*")
    return {
        **_spot(spot),
        "documented": observed.is_documented,
        "count": observed.count,
        "opportunities": max(observed.count, parent.count_of("object"))
        if parent and is_member
        else observed.count,
        "types": {type_: dict(sorted(days.items())) for type_, days in sorted(observed.types.items())},
        "lengths": observed.lengths,
        "items": observed.items,
        "numbers": observed.numbers,
        "values": dict(sorted(observed.values.items())),
        "other_values": observed.other_values,
        "many_values": observed.has_many_values,
    }


def _spot(spot: FieldLocation) -> dict[str, Any]:
    operation, form, outcome, pointer = spot
    return {
        "operation": operation or None,
        "form": form or None,
        "outcome": outcome or None,
        "pointer": pointer,
    }


def _share(share: Share) -> dict[str, int]:
    return {"count": share.count, "of": share.of}
