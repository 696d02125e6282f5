"""What makes a run impossible; everything that a run finds is data, not an exception."""


class OpayContractError(Exception):
    """A run cannot go on; the text is one line that says what, where and what to do."""


class ContractError(OpayContractError):
    """The contract cannot be used: unreadable, unsound, or a reference that leads nowhere."""


class UsageError(OpayContractError):
    """Settings or arguments that contradict each other or name what is not there."""
