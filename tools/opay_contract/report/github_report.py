"""The report as GitHub's workflow commands, which a step's log turns into annotations of files."""

from collections.abc import Iterator
from pathlib import PurePath

from opay_contract.model.exchange import Place
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.ordering import by_gravity
from opay_contract.report.printing import printable
from opay_contract.report.text_report import count, describe_place

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_TITLE = "opay-contract"


def render_github(run: CheckedRun) -> str:
    """Return one command a line, the gravest first: GitHub shows ten of a kind for each step.

    A finding is put at the contract's statement where the contract stands in the working folder; otherwise,
    and where there is no statement, at the recording. Open questions are none: an annotation is for what
    should be done.
    """
    summary = run.counted
    lines = [*_remarks(summary), *(_finding(folded, run.contract_folder) for folded in by_gravity(summary))]
    return "\n".join(lines) + "\n"


def _remarks(summary: DriftSummary) -> Iterator[str]:
    if summary.is_partial:
        yield _command("error", "The run was interrupted: not everything was checked.", title=_TITLE)
    if not summary.exchanges:
        message = "Nothing was checked: no exchange of the contract's hosts was found."
        yield _command("error", message, title=_TITLE)
    elif not summary.findings and not summary.unreadable_count:
        yield _command("notice", f"Checked {count(summary.exchanges, 'exchange')}: no drift.", title=_TITLE)
    for unreadable in summary.unreadable[:1]:
        others = summary.unreadable_count - 1
        more = f" (and {count(others, 'more entry', 'more entries')})" if others else ""
        message = f"{describe_place(unreadable.place)}: unreadable: {unreadable.reason}{more}"
        yield _command("error", message, **_recording(unreadable.place), title=f"{_TITLE}: unreadable")
    if summary.omitted:
        message = f"{count(summary.omitted, 'occurrence')} of further findings not listed."
        yield _command("warning", message, title=_TITLE)


def _finding(folded: FoldedFinding, contract_folder: str | None) -> str:
    finding, statement = folded.finding, folded.finding.contract
    place = _recording(finding.place)
    if statement and contract_folder is not None:
        file = PurePath(contract_folder, statement.file).as_posix()
        place = {"file": file, "line": statement.line, "col": statement.column}
    pointer = f"{finding.pointer}: " if finding.pointer else ""
    times = f"{folded.count:,} times, first at" if folded.count > 1 else "at"
    message = (
        f"{pointer}expected {finding.expected}, got {finding.actual} "
        f"({finding.operation or 'no operation'}, {finding.outcome}; {times} "
        f"{describe_place(finding.place)}; fingerprint {folded.fingerprint})"
    )
    return _command(_COMMANDS[finding.rule.severity], message, **place, title=f"{_TITLE}: {finding.rule.id}")


def _recording(place: Place) -> dict[str, str | int | None]:
    return {} if place.file == "-" else {"file": place.file, "line": place.line}


def _command(name: str, message: str, **properties: str | int | None) -> str:
    given = ((key, _property(str(value))) for key, value in properties.items() if value is not None)
    return f"::{name} {','.join(f'{key}={value}' for key, value in given)}::{_data(message)}"


def _data(text: str) -> str:
    """Escape as @actions/core does; control characters, the line feed among them, are gone before."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
