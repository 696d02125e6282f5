"""What observations say beside findings: gaps, changes over time, and answers to open questions."""

from enum import StrEnum

import msgspec

from opay_contract.model.finding import ContractPlace, Rule
from opay_contract.model.observation import FieldLocation


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the contract has and recordings do not show.

    `spot` is where it would be; its form and outcome are empty where it concerns the operation as a whole.
    `documented` and `seen` say in words what the contract has and what there was; `opportunities` counts the
    exchanges, or objects, that could have shown it.
    """

    rule: Rule
    spot: FieldLocation
    documented: str
    seen: str
    opportunities: int
    contract: ContractPlace


class ChangeKind(StrEnum):
    """How a member changed from one day to the next."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    RATE = "rate"
    TYPE = "type"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was there, of how often it could have been."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        """The share as a number from 0 to 1."""
        return self.count / self.of if self.of else 0.0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A member that is present at another rate, or has another type, since a day (UTC) than before it.

    `type` is the JSON type that the shares count, empty where they count the member's presence.
    """

    kind: ChangeKind
    spot: FieldLocation
    day: str
    type: str
    before: Share
    after: Share
    is_documented: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What recordings say about an open question.

    `counts` has for each reading how many places speak for it; `verdict` is the reading that holds alone over
    enough of them, None where none does.
    """

    question: str
    counts: tuple[tuple[str, int], ...]
    verdict: str | None

    @property
    def observations(self) -> int:
        """How many places speak for one reading or another."""
        return sum(count for _, count in self.counts)


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; `limits` are sentences about what was assumed, and caps that bit."""

    gaps: tuple[Gap, ...] = ()
    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    limits: tuple[str, ...] = ()
