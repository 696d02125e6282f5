"""The order in which every report names findings."""

from opay_contract.model.summary import DriftSummary, FoldedFinding


def by_gravity(summary: DriftSummary) -> list[FoldedFinding]:
    """Return the findings, most severe first, then by rule, then by where they were first seen."""
    return sorted(
        summary.findings.values(),
        key=lambda folded: (
            -folded.finding.rule.severity,
            folded.finding.rule.id,
            folded.finding.place,
            folded.finding.key,
        ),
    )
