"""Holds what a check found against what was planted."""

from dataclasses import dataclass

from opay_contract.model.finding import Key
from opay_contract.model.summary import DriftSummary

from .planting import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found as it was planted, on the same days as often; what was not; and what nobody planted."""

    found: Labels
    missed: Labels
    unlabelled: Labels

    @property
    def holds(self) -> bool:
        """Whether all was found, and nothing else."""
        return not self.missed and not self.unlabelled

    def __str__(self) -> str:
        """Say what was found, and name what is wrong."""
        planted = len(self.found) + len(self.missed)
        rules = len({key[0] for key in self.found})
        count = sum(sum(days.values()) for days in self.found.values())
        lines = [
            f"{len(self.found)} of {planted} places found on the right days, {rules} rules, {count} times"
        ]
        for word, labels in (("missed", self.missed), ("not planted", self.unlabelled)):
            lines += [f"{word}: {_words(key)}: {days}" for key, days in sorted(labels.items())]
        return "\n".join(lines)


def prove(summary: DriftSummary, labels: Labels) -> Proof:
    """Compare finding by finding and day by day."""
    seen: Labels = {key: dict(folded.days) for key, folded in summary.findings.items()}
    wrong = {key for key in labels.keys() | seen.keys() if labels.get(key) != seen.get(key)}
    return Proof(
        found={key: days for key, days in labels.items() if key not in wrong},
        missed={key: days for key, days in labels.items() if key in wrong},
        unlabelled={key: days for key, days in seen.items() if key in wrong},
    )


def _words(key: Key) -> str:
    rule, operation, outcome, *about = key
    return f"{rule} at '{' '.join(about)}' ({operation or 'no operation'}, {outcome})"
