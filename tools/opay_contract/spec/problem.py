"""What is wrong with a contract: a fault as a check finds it, and a problem with its line and column."""

from dataclasses import dataclass
from typing import NamedTuple

from opay_contract.jsontext import Tokens


class Address(NamedTuple):
    """A value in the contract: the file's name beside openapi.yaml and the steps that lead there."""

    file: str
    tokens: Tokens = ()

    def child(self, *tokens: str | int) -> "Address":
        """Return the address of what stands further down."""
        return Address(self.file, (*self.tokens, *tokens))

    def holds(self, other: "Address") -> bool:
        """Tell whether `other` is this value or a part of it."""
        return self.file == other.file and other.tokens[: len(self.tokens)] == self.tokens


class RawProblem(NamedTuple):
    """What a check finds: where, and what is wrong there in one sentence."""

    at: Address
    message: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """A problem with its place in the file, 1-based; problems sort by place."""

    file: str
    line: int
    column: int
    pointer: str
    check: str
    message: str
