"""Where the evidence comes from, every finding in it, and what changed from one day to another."""

from collections.abc import Iterator

from opay_contract.docs.evidence import Evidence
from opay_contract.docs.markdown import code, document, plain, table
from opay_contract.docs.reference import Reference
from opay_contract.docs.sections.overview import verification
from opay_contract.docs.seen import day_of, describe_change
from opay_contract.model.insight import Change
from opay_contract.model.observation import MAX_DAYS, MAX_SPOTS, MAX_VALUES
from opay_contract.model.summary import MAX_FINDINGS, FoldedFinding

_FINDINGS = ("Rule", "Severity", "Outcome", "Place", "Times", "Expected", "Found", "Last seen")
_CHANGES = ("Operation", "Request form", "Outcome", "Place", "What changed")
_HINT = (
    "Save the summary of a run with `opay-contract check PATH --save-summary FILE` and give it to "
    "`opay-contract docs --evidence FILE`."
)


def render_recordings(reference: Reference) -> str:
    """Return where the evidence comes from, its findings and its changes."""
    evidence = reference.evidence
    if evidence is None:
        return document([verification(reference), _HINT])
    return document([verification(reference), *_caps(evidence), *_findings(evidence), *_changes(evidence)])


def _caps(evidence: Evidence) -> Iterator[str]:
    """Yield how much a run keeps, and where that was not enough."""
    yield (
        f"A run keeps at most {MAX_FINDINGS:,} findings, {MAX_SPOTS:,} places, {MAX_VALUES} values of a "
        f"place and {MAX_DAYS} days; values only of fields that are `public`, of codes and of statuses."
    )
    bitten = [plain(limit) for limit in evidence.insight.limits]
    omitted = evidence.summary.omitted
    if omitted:
        bitten.append(f"{omitted:,} occurrences of findings beyond the cap are not shown.")
    yield " ".join(["Of this run that was not enough:", *bitten]) if bitten else "This run stayed below that."


def _findings(evidence: Evidence) -> Iterator[str]:
    if evidence.summary.findings:
        yield table(_FINDINGS, map(_finding, evidence.summary.findings.values()))


def _finding(folded: FoldedFinding) -> tuple[str, ...]:
    found = folded.finding
    return (
        code(found.rule.id),
        plain(found.rule.severity.label),
        plain(found.outcome.value),
        code(found.pointer),
        f"{folded.count:,}",
        plain(found.expected),
        plain(found.actual),
        plain(day_of(folded) or "no recorded day"),
    )


def _changes(evidence: Evidence) -> Iterator[str]:
    if evidence.insight.changes:
        yield "Members that are another way since some day:"
        yield table(_CHANGES, map(_change, evidence.insight.changes))


def _change(change: Change) -> tuple[str, ...]:
    operation, form, outcome, place = change.spot
    return code(operation), code(form), plain(outcome), code(place), plain(describe_change(change))
