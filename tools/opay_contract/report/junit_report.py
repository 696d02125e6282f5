"""The report as JUnit XML: a test case for each finding, unreadable entry, and rule that found nothing.

GitLab keeps the first test case of a class and a name, Jenkins one failure of a test case; so every finding
is a test case with a name of its own. There is no standard; the elements are those that both read.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from html import escape

import msgspec
from msgspec.structs import asdict

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.judge.table import NOTHING_SUCCEEDED, RULES
from opay_contract.model.exchange import Unreadable
from opay_contract.model.finding import Finding, Outcome, Severity
from opay_contract.model.summary import DriftSummary, count_outcome
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import CheckedRun, by_gravity
from opay_contract.words import count, printable

_SUITE = "opay-contract"
_ANY = f"{_SUITE}.rules"
_INPUT = f"{_SUITE}.recordings"
_BASELINE = f"{_SUITE}.baseline"


class _TestCase(msgspec.Struct, frozen=True, kw_only=True):
    """A test case: `result` is failure, error or skipped, or empty where it passed."""

    classname: str
    name: str
    file: str = ""
    line: int | None = None
    result: str = ""
    kind: str = ""
    message: str = ""
    details: tuple[str, ...] = ()


def render_junit(run: CheckedRun) -> str:
    """Return the report as JUnit XML; a finding that does not fail the run is a skipped test case."""
    summary = run.summary
    cases = [
        *_input_cases(run),
        *_finding_cases(run),
        *map(partial(_unused, run), run.unused),
        *_clean_rules(summary),
    ]
    results = Counter(case.result for case in cases)
    numbers = _attributes(
        name=_SUITE,
        tests=len(cases),
        failures=results["failure"],
        errors=results["error"],
        skipped=results["skipped"],
        time=0,
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites{numbers}>",
        f"  <testsuite{numbers}>",
        *_properties(run),
        *(line for case in cases for line in _case(case)),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _input_cases(run: CheckedRun) -> Iterator[_TestCase]:
    summary, case = run.summary, partial(_TestCase, classname=_INPUT)
    yield case(
        name="exchanges were checked",
        result=("skipped" if run.is_allowed_nothing else "failure") if run.is_nothing else "",
        kind="nothing-checked",
        message=say.explain_nothing(run),
        details=tuple(say.describe_out_of_scope(summary)),
    )
    if run.require_success:
        shortage = say.describe_shortage(run)
        result, kind = "failure" if shortage else "", "too-few-successes"
        yield case(name="enough exchanges succeeded", result=result, kind=kind, message=shortage)
    if summary.is_partial:
        yield case(name="the run was finished", result="error", kind="partial", message=say.INTERRUPTED)
    yield from (_unreadable(one) for one in summary.unreadable)
    if more := summary.unreadable_count - len(summary.unreadable):
        message = f"{more:,} more could not be read"
        yield case(name="further entries", result="error", kind="unreadable", message=message)


def _unreadable(one: Unreadable) -> _TestCase:
    return _TestCase(
        classname=_INPUT,
        name=f"{one.place.file}: entry {one.place.entry}" if one.place.entry else one.place.file,
        file=one.place.file,
        line=one.place.line,
        result="error",
        kind="unreadable",
        message=one.reason,
        details=(f"{tell.describe_place(one.place)}: unreadable: {one.reason}",),
    )


def _finding_cases(run: CheckedRun) -> Iterator[_TestCase]:
    summary = run.summary
    yield from (_finding(finding, run) for finding in by_gravity(summary))
    if not summary.omitted:
        return
    listed = Counter[Severity]()
    for finding in summary.findings.values():
        listed[finding.rule.severity] += finding.count
    worst = max(severity for severity, number in summary.occurrences.items() if number > listed[severity])
    message = f"{count(summary.omitted, 'occurrence')} of further findings not listed, at worst {worst.label}"
    result = "failure" if worst >= run.fail_on else "skipped"
    yield _TestCase(classname=_ANY, name="further findings", result=result, kind="omitted", message=message)


def _finding(finding: Finding, run: CheckedRun) -> _TestCase:
    is_whole = finding.place.is_whole_run and finding.operation is None
    result, why = _result(finding, run)
    return _TestCase(
        classname=f"{_SUITE}.{'run' if is_whole else tell.describe_operation(finding.operation)}",
        name=" ".join(
            part for part in (finding.rule.id, finding.pointer, finding.value, f"({finding.outcome})") if part
        ),
        file=finding.place.file,
        line=finding.place.line,
        result=result,
        kind=finding.rule.id,
        message=f"{why}expected {finding.expected}, got {finding.actual}",
        details=tuple(_details(finding, run)),
    )


def _result(finding: Finding, run: CheckedRun) -> tuple[str, str]:
    """Return how the test case of a finding ends, and what to say of that before what was found."""
    severity, fail_on = finding.rule.severity, run.fail_on
    status = f"{words}: " if (words := tell.describe_acceptance(run, finding)) else ""
    if run.state(finding) is State.ACCEPTED:
        return "skipped", status
    if severity < fail_on:
        return "skipped", f"{severity.label}, below --fail-on {fail_on.label}: {status}"
    return "failure", status


def _details(finding: Finding, run: CheckedRun) -> Iterator[str]:
    where = f" {finding.pointer}" if finding.pointer else ""
    yield f"{tell.describe_place(finding.place)}: {finding.rule.severity.label} {finding.rule.id}{where}"
    yield f"expected {finding.expected}"
    yield f"got {finding.actual}"
    if finding.count > 1:
        yield f"{finding.count:,} times, last at {tell.describe_place(finding.last_place)}"
    if finding.contract:
        place = finding.contract
        yield f"contract {place.file}:{place.line}:{place.column} {place.pointer}"
    if recorded := tell.describe_recorded(finding):
        yield recorded
    yield f"fingerprint {finding.fingerprint}"
    if status := tell.describe_acceptance(run, finding):
        yield status
    if finding.rule is NOTHING_SUCCEEDED:
        yield say.describe_vacuity(run)
    yield finding.rule.explanation


def _unused(run: CheckedRun, acceptance: Acceptance) -> _TestCase:
    excuse = f"{run.unused_excuse}: " if run.unused_excuse else ""
    covered = tell.describe_covered(acceptance)
    where = f"{tell.describe_operation(acceptance.operation)}, {acceptance.outcome}"
    return _TestCase(
        classname=_BASELINE,
        name=f"acceptance of {covered} ({where})",
        file=acceptance.file,
        line=acceptance.line,
        result="skipped" if excuse else "failure",
        kind="unused-acceptance",
        message=f"{excuse}{tell.describe_unused(acceptance)}",
        details=(f"{acceptance.file}:{acceptance.line}: unused {covered}",),
    )


def _clean_rules(summary: DriftSummary) -> Iterator[_TestCase]:
    """Name the rules that found nothing, which only says something where something succeeded."""
    broken = {finding.rule.id for finding in summary.findings.values()}
    if summary.exchanges and not summary.omitted and not summary.is_vacuous:
        yield from (_TestCase(classname=_ANY, name=rule.id) for rule in RULES if rule.id not in broken)


def _properties(run: CheckedRun) -> Iterator[str]:
    summary, judged = run.summary, run.judged
    values: dict[str, int | str] = {"tool": run.tool}
    values |= {"contract": str(run.used)} if run.used else {}
    values |= {"inputs": ", ".join(run.named)} if run.named else {}
    values |= {"started_at": run.moment} if run.moment else {}
    values |= {"verdict": run.verdict, "exit_code": int(run.exit_code)}
    values |= {
        "exchanges_checked": summary.exchanges,
        **_outcome_values(summary),
        "out_of_scope": summary.out_of_scope,
        "outside_window": summary.out_of_window,
        "unreadable": summary.unreadable_count,
        "findings": len(summary.findings),
        "occurrences": sum(summary.occurrences.values()),
        "occurrences_omitted": summary.omitted,
    }
    values |= {
        "changes": len(run.insight.changes),
        "never_seen": len(say.never_seen(run.insight)),
        "narrower": len(say.narrower(run.insight)),
    }
    if judged:
        values |= {f"baseline.{state}": len(judged.findings(state)) for state in State}
        values["baseline.unused"] = len(judged.unused)
    for question in run.questions:
        for reading in question.readings:
            if number := summary.readings.get((question.id, reading.id)):
                values[f"open_question.{question.id}.{reading.id}"] = number
    yield "    <properties>"
    yield from (f"      <property{_attributes(name=name, value=value)}/>" for name, value in values.items())
    yield "    </properties>"


def _outcome_values(summary: DriftSummary) -> dict[str, int]:
    counts = {outcome: count_outcome(summary.outcomes, outcome) for outcome in Outcome}
    values = {f"outcomes.{outcome}": number for outcome, number in counts.items()}
    if summary.signatures.total:
        numbers = asdict(summary.signatures).items()
        values |= {f"signatures.{name}": number for name, number in numbers if isinstance(number, int)}
    return values


def _case(case: _TestCase) -> Iterator[str]:
    place = _attributes(file=case.file or None, line=case.line)
    head = f"    <testcase{_attributes(classname=case.classname, name=case.name, time=0)}{place}"
    if not case.result:
        yield f"{head}/>"
        return
    kind = None if case.result == "skipped" else case.kind  # the usual schema gives a skipped one no type
    details = "\n".join(_text(line) for line in case.details)
    yield f"{head}>"
    yield f"      <{case.result}{_attributes(type=kind, message=case.message)}>{details}</{case.result}>"
    yield "    </testcase>"


def _attributes(**values: str | int | None) -> str:
    return "".join(f' {name}="{_text(str(value))}"' for name, value in values.items() if value is not None)


def _text(text: str) -> str:
    """Escape for XML 1.0, which has no way at all to write most control characters."""
    return escape(printable(text))
