"""The exit codes, the same for every command."""

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every run needs the codes, and few the model
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


def exit_code(
    summary: "DriftSummary",
    fail_on: "Severity",
    *,
    has_unused: bool = False,
    is_short: bool = False,
    allow_out_of_scope: bool = False,
) -> ExitCode:
    """Return the code of a run: interrupted, findings, input that could not be read, nothing at all.

    Acceptances without a finding count as findings do, but only where everything was read: else their
    finding may be in what was not. Too few successes (`is_short`) count whatever was read. What is accepted
    does not stand in `summary`. With `allow_out_of_scope` it is no failure that nothing was checked where all
    that was recorded is none of the contract's.
    """
    if summary.is_partial:
        return ExitCode.INTERRUPTED
    if is_short and summary.exchanges:
        return ExitCode.FINDINGS
    if any(number and severity >= fail_on for severity, number in summary.occurrences.items()):
        return ExitCode.FINDINGS
    if summary.unreadable_count:
        return ExitCode.INCOMPLETE
    if not summary.exchanges:
        is_allowed = allow_out_of_scope and summary.out_of_scope
        return ExitCode.CLEAN if is_allowed else ExitCode.NOTHING_CHECKED
    return ExitCode.FINDINGS if has_unused else ExitCode.CLEAN
