"""What differs between two runs."""

from dataclasses import dataclass
from enum import StrEnum

from opay_contract.model.insight import Share
from opay_contract.model.observation import FieldLocation
from opay_contract.model.summary import DriftSummary, FoldedFinding


class DifferenceKind(StrEnum):
    """In which way a place differs between two runs."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    RATE = "rate"
    TYPES = "types"
    VALUES = "values"
    RANGE = "range"
    READINGS = "readings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: `old` and `new` say in words what there was, the shares how often.

    `spot` is the place; of an open question it is empty but for the question's id as the pointer.
    """

    kind: DifferenceKind
    spot: FieldLocation
    old: str
    new: str
    old_share: Share
    new_share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two summaries, the findings that only one of them has, and everything else that differs.

    `unsure` are findings of the old run that the new one may have beyond the number that a summary keeps.
    """

    old: DriftSummary
    new: DriftSummary
    appeared: tuple[FoldedFinding, ...]
    vanished: tuple[FoldedFinding, ...]
    unsure: tuple[FoldedFinding, ...]
    differences: tuple[Difference, ...]
