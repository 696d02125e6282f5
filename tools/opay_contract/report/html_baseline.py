"""What a baseline says, on the HTML page: accepted findings, folded away, and unused acceptances."""

from opay_contract.baseline.acceptance import Acceptance
from opay_contract.report.acceptance_status import describe_covered, describe_unused
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_findings import finding_item
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.html_timeline import timeline_of
from opay_contract.words import count


def build_unused(run: CheckedRun) -> Section | None:
    """Return the acceptances that no finding has."""
    if not run.unused:
        return None
    items = [_unused(acceptance) for acceptance in run.unused]
    excuse = f"<p>They do not fail the run: {run.unused_excuse}.</p>"
    body = "\n".join([*([excuse] if run.unused_excuse else []), '<ul class="plain">', *items, "</ul>"])
    return Section(id="unused", title=f"Unused acceptances ({len(run.unused):,})", body=body)


def build_accepted(run: CheckedRun) -> Section | None:
    """Return the findings that do not count."""
    findings, timeline = run.accepted, timeline_of(run)
    if not findings:
        return None
    occurrences = count(sum(folded.count for folded in findings), "occurrence")
    lines = [
        f"<details><summary>{count(len(findings), 'finding')}, {occurrences}</summary>",
        '<ul class="findings">',
        *(finding_item(folded, run, timeline) for folded in findings),
        "</ul>",
        "</details>",
    ]
    return Section(id="accepted", title=f"Accepted ({len(findings):,})", body="\n".join(lines))


def _unused(acceptance: Acceptance) -> str:
    entry = as_text(f"{acceptance.file}:{acceptance.line}")
    covered, why = as_text(describe_covered(acceptance)), as_text(describe_unused(acceptance))
    return f"<li><code>{entry}</code>: <code>{covered}</code>: {why}</li>"
