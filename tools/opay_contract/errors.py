"""How a run ends: what makes it impossible, and the codes that the shell hears, the same for every command.

Everything that a run finds is data, not an exception.
"""

from enum import IntEnum


class OpayContractError(Exception):
    """A run cannot go on; the text is one line that says what, where and what to do."""


class ContractError(OpayContractError):
    """The contract cannot be used: unreadable, unsound, or a reference that leads nowhere."""


class UsageError(OpayContractError):
    """Settings or arguments that contradict each other or name what is not there."""


class UnreachableError(OpayContractError):
    """A target did not answer, and was asked often enough."""


class ExitCode(IntEnum):
    """What the shell hears."""

    CLEAN = 0
    FINDINGS = 1
    UNUSABLE = 2
    NOTHING_CHECKED = 3
    INCOMPLETE = 4
    DEFECT = 70
    INTERRUPTED = 130
