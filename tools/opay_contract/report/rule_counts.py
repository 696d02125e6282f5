"""The report that counts: how many findings each rule has, and how often they were seen."""

from collections import Counter

from opay_contract.model.finding import Rule
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.ordering import by_gravity
from opay_contract.report.text_report import render_closing
from opay_contract.words import printable


def render_counts(run: CheckedRun) -> str:
    """Return a line for each rule, the most severe first, and the closing lines of the text report."""
    findings, times = Counter[Rule](), Counter[Rule]()
    for folded in by_gravity(run.counted):
        findings[folded.finding.rule] += 1
        times[folded.finding.rule] += folded.count
    ordered = sorted(findings, key=lambda rule: (-rule.severity, -times[rule], rule.id))
    rows = [(f"{findings[rule]:,}", f"{times[rule]:,}", rule.severity.label, rule.id) for rule in ordered]
    lines = [
        f"{found:>8}  {seen:>9}  {severity:<7}  {rule}"
        for found, seen, severity, rule in [("findings", "times", "", "rule"), *rows]
    ]
    head = printable(str(run.used)) if run.used else ""
    return (
        "\n\n".join(part for part in (head, "\n".join(lines) if rows else "", render_closing(run)) if part)
        + "\n"
    )
