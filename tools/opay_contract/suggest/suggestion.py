"""What recordings say should become of the contract: suggestions with evidence and judgement, and edits."""

from enum import StrEnum
from typing import Any

import msgspec

from opay_contract.jsontext import Tokens
from opay_contract.model.finding import ContractPlace


class _Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done at a place of a document; where an index of a list is text, it is read as one."""

    file: str
    at: Tokens


class Put(_Edit, frozen=True, kw_only=True):
    """Another value for what stands at a place."""

    value: Any


class Rename(_Edit, frozen=True, kw_only=True):
    """Another name and another value for the member at a place, which keeps its position."""

    name: str
    value: Any


class Add(_Edit, frozen=True, kw_only=True):
    """One more member of the mapping at a place, behind the member `after`, or the last."""

    name: str
    value: Any
    after: str | None = None


class Append(_Edit, frozen=True, kw_only=True):
    """One more item at the end of the list at a place."""

    value: Any


class Remove(_Edit, frozen=True, kw_only=True):
    """The member or the item at a place, gone."""


Edit = Put | Rename | Add | Append | Remove


class Judgement(StrEnum):
    """Who is to move: the contract, the vendor, or nobody yet."""

    CONTRACT_TOO_STRICT = "contract-too-narrow"
    API_VIOLATION = "vendor-broke-its-word"
    UNCLEAR = "cannot-tell-yet"
    TOO_WIDE = "contract-too-wide"
    ANSWERED = "question-answered"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """What the judgement rests on; every output states them.

    `count` and `days`: how often and on how many days (UTC) something has to be seen to be regular. `common`
    and `rare`: shares of what could have shown it since it was first seen. `enough`: observations that it
    takes until a small share, or a time without it, says something. `values`: most that are added to a list.
    `changes`: most changes of one run, as each edit is held against the whole contract.
    """

    count: int = 20
    days: int = 3
    common: float = 0.05
    rare: float = 0.01
    enough: int = 100
    values: int = 16
    changes: int = 100


def describe_limit(share: float) -> str:
    """Return a share that is a threshold as a percentage."""
    return f"{100 * share:g} %"


class Frequency(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was seen, of how often it could have been since it was first seen, and when.

    `before` counts the opportunities on earlier days, which did not show it. `days` is the number of days on
    which it was seen, 0 where no time was recorded.
    """

    count: int
    of: int
    before: int = 0
    days: int = 0
    first_seen: str | None = None
    last_seen: str | None = None


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do about the contract or about the vendor.

    `because` says why it was judged so, `action` what would be done, or why no edit can do it. `pointers` are
    those of the findings, `fingerprints` name them; `rule` is that of the findings or of the gap, and empty
    for an open question, which `question` names.
    """

    judgement: Judgement
    because: str
    action: str
    evidence: Frequency
    edits: tuple[Edit, ...] = ()
    rule: str = ""
    question: str = ""
    scopes: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    contract: ContractPlace | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the contract as it is and as it would be."""

    name: str
    before: str
    after: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """An edit, and its document's value before and after it."""

    edit: Edit
    before: Any
    after: Any


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """All suggestions of a run, and what the contract's documents would be with them.

    `moves` has the edits in the order in which they are made. `exchanges` counts what was looked at,
    `unreadable` what could not be.
    """

    suggestions: tuple[Suggestion, ...]
    thresholds: Thresholds
    revisions: tuple[Revision, ...]
    moves: tuple[Move, ...]
    exchanges: int
    unreadable: int = 0

    @property
    def changes(self) -> tuple[Suggestion, ...]:
        """The suggestions that change the contract."""
        return tuple(one for one in self.suggestions if one.edits)

    @property
    def others(self) -> tuple[Suggestion, ...]:
        """The suggestions that no edit carries out."""
        return tuple(one for one in self.suggestions if not one.edits)
