"""Plants drifts among clean traffic and says what is to be found: finding, days and how often."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest
from pathlib import Path

from opay_contract.model.finding import Key

from .drafts import Draft, native_line
from .drift import Drift
from .exposures import iter_exposure_drifts
from .ledger import iter_ledger_drifts
from .meanings import iter_meaning_drifts
from .shapes import iter_shape_drifts
from .surroundings import iter_surrounding_drifts
from .texts import iter_text_drifts
from .traffic import build_draft, recorded_at

DRIFTS: tuple[Drift, ...] = (
    *iter_shape_drifts(),
    *iter_meaning_drifts(),
    *iter_text_drifts(),
    *iter_surrounding_drifts(),
    *iter_exposure_drifts(),
    *iter_ledger_drifts(),
)
"""Every kind of drift at every place."""

_GIVING_AWAY = {
    "response-field-undocumented",
    "request-field-undocumented",
    "status-undocumented",
    "body-not-json",
}
PURE_DRIFTS: tuple[Drift, ...] = tuple(
    drift for drift in DRIFTS if _GIVING_AWAY.isdisjoint(rule for rule, *_ in drift.found[1:])
)
"""Drifts that no drift of another kind in the same exchange gives away."""

NOT_STATED = {
    "parameter-missing",
    "parameter-invalid",
    "parameter-undocumented",
    "response-header-missing",
    "response-header-invalid",
    "timestamp-not-milliseconds",
}
"""Rules about what the vendor's page says nothing of; `whole/contracts` has traffic that breaks them."""

OF_SIGNATURES = "signature-mismatch"
"""The rule that is judged only where the key is given."""

Labels = dict[Key, dict[str, int]]
"""What is to be found: how often on each day, by finding."""

_DATE = len("2026-05-04")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Traffic of `total` exchanges, and which of them drift, by number."""

    seed: int
    total: int
    planted: dict[int, Drift]

    def drafts(self, numbers: Sequence[int] | None = None) -> Iterator[Draft]:
        """Yield the exchanges, all or those of some numbers."""
        for number in range(self.total) if numbers is None else numbers:
            drift = self.planted.get(number)
            draft = build_draft(self.seed, number, self.total, drift.flavour if drift else None)
            if drift:
                drift.edit(draft)
            yield draft

    def labels(self, *, with_key: bool) -> Labels:
        """Return what is to be found, with or without the key that verifies signatures."""
        labels: dict[Key, Counter[str]] = {}
        for number, drift in self.planted.items():
            for key in drift.found:
                if with_key or key[0] != OF_SIGNATURES:
                    labels.setdefault(key, Counter())[recorded_at(number, self.total)[:_DATE]] += 1
        return {key: dict(days) for key, days in labels.items()}


def plan(seed: int, total: int, drifted: int, drifts: Sequence[Drift] = DRIFTS) -> Plan:
    """Draw which exchanges drift, and how: every rule has its turn, then every place, then all over again."""
    draw = random.Random(f"plan {seed}")  # noqa: S311  the same plan every time
    numbers = draw.sample(range(total), drifted)
    chosen = islice(cycle(in_turn(draw, drifts)), drifted)
    return Plan(seed=seed, total=total, planted=dict(sorted(zip(numbers, chosen, strict=True))))


def in_turn(draw: random.Random, drifts: Sequence[Drift]) -> list[Drift]:
    """Return the drifts in a drawn order in which the rules take turns."""
    by_rule: dict[str, list[Drift]] = {}
    for drift in draw.sample(drifts, len(drifts)):
        by_rule.setdefault(drift.rule, []).append(drift)
    return [drift for turn in zip_longest(*by_rule.values()) for drift in turn if drift is not None]


def write_files(traffic: Plan, folder: Path, files: int) -> list[Path]:
    """Write the traffic as native lines into some files, in the order of time, and return their paths."""
    paths = [folder / f"traffic-{position:03}.ndjson" for position in range(files)]
    bounds = [traffic.total * position // files for position in range(files + 1)]
    for path, first, end in zip(paths, bounds[:-1], bounds[1:], strict=True):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{native_line(draft)}\n" for draft in traffic.drafts(range(first, end)))
    return paths
