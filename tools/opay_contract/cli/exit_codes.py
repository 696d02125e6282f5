"""The exit codes, the same for every command."""

from enum import IntEnum

from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary


class ExitCode(IntEnum):
    """What the shell hears."""

    CLEAN = 0
    FINDINGS = 1
    UNUSABLE = 2
    NOTHING_CHECKED = 3
    INCOMPLETE = 4
    DEFECT = 70
    INTERRUPTED = 130


def exit_code(summary: DriftSummary, fail_on: Severity) -> ExitCode:
    """Return the code of a run: findings first, then input that could not be read, then nothing at all."""
    if any(number and severity >= fail_on for severity, number in summary.occurrences.items()):
        return ExitCode.FINDINGS
    if summary.unreadable_count:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if summary.exchanges else ExitCode.NOTHING_CHECKED
