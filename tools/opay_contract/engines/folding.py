"""Folds parts, in whatever process or machine that is."""

from dataclasses import dataclass, field

from opay_contract.contract.answers import answer_shape
from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.parts import Batch, Part, PartReader


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What became of a part: its summary with provisional numbers, and how many lines it has if it was cut.

    With a `fault` nothing of the part was counted.
    """

    summary: DriftSummary = field(default_factory=DriftSummary)
    lines: int | None = None
    fault: str | None = None


def fold_batch(
    batch: Batch, contract: Contract, settings: Settings, format_in: Format | None
) -> list[PartResult]:
    """Check every exchange of some parts; returns a result for each.

    Whole files are folded as one, for what is learnt from the first makes the others quick. Their joint
    summary stands in the result of the first of them.
    """
    shared = Fold(contract, settings)
    results: list[PartResult] = []
    for part in batch:
        if part.end is not None:
            results.append(fold_part(part, contract, settings, format_in))
            continue
        for entry in PartReader(part, format_in, answer_shape(contract)):
            shared.add(entry)
        results.append(PartResult())
    whole = next((number for number, part in enumerate(batch) if part.end is None), None)
    if whole is not None:
        results[whole] = PartResult(summary=shared.summary())
    return results


def fold_part(part: Part, contract: Contract, settings: Settings, format_in: Format | None) -> PartResult:
    """Check every exchange of a part."""
    fold, reader = Fold(contract, settings), PartReader(part, format_in, answer_shape(contract))
    for entry in reader:
        fold.add(entry)
    if reader.fault is not None:
        return PartResult(fault=reader.fault)
    return PartResult(summary=fold.summary(), lines=reader.lines)
