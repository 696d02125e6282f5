"""How an answer of the API is told from any other JSON text where no request was recorded beside it."""

from collections.abc import Collection
from dataclasses import dataclass

_ENOUGH = 2
"""Members that an answer has to have: one may be missing, which is then a finding."""


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """The members at the root of an answer, those of each operation whose answers can be told by them."""

    members: tuple[frozenset[str], ...]

    def fits(self, names: Collection[str]) -> bool:
        """Tell whether an object that has members of these names may be an answer."""
        return any(len(known.intersection(names)) >= min(_ENOUGH, len(known)) for known in self.members)

    def describe(self) -> str:
        """Return what is looked for, as words."""
        names = sorted({name for known in self.members for name in known})
        return ", ".join(f"'{name}'" for name in names) or "members that the contract's answers must have"
