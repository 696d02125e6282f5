"""The exit codes, the same for every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell hears."""

    CLEAN = 0
    FINDINGS = 1
    UNUSABLE = 2
    NOTHING_CHECKED = 3
    INCOMPLETE = 4
    DEFECT = 70
    INTERRUPTED = 130
