"""Folds findings by their key as they come, in memory that depends on the keys alone."""

from collections import Counter

from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.model.observation import latest_days
from opay_contract.model.summary import MAX_FINDINGS, FoldedFinding, most_severe
from opay_contract.model.timestamps import day_of, utc_of


class _Folding:
    """Equal findings so far; what they were on the days that are told apart."""

    __slots__ = ("count", "days", "finding", "first_seen", "last_place", "last_recorded_at", "last_seen")

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        self.count = 0
        self.last_place = finding.place
        self.last_recorded_at = finding.recorded_at
        self.first_seen: str | None = None
        self.last_seen: str | None = None
        self.days: dict[str, int] = {}

    def add(self, place: Place, recorded_at: str | None, times: int = 1) -> None:
        self.count += times
        if place >= self.last_place:
            self.last_place, self.last_recorded_at = place, recorded_at
        seen, day = utc_of(recorded_at), day_of(recorded_at)
        self.days[day] = self.days.get(day, 0) + times
        if seen is not None:
            self.first_seen = min(self.first_seen or seen, seen)
            self.last_seen = max(self.last_seen or seen, seen)

    def folded(self) -> FoldedFinding:
        return FoldedFinding(
            finding=self.finding,
            count=self.count,
            last_place=self.last_place,
            last_recorded_at=self.last_recorded_at,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            days=latest_days(dict(self.days)),
        )


class FindingFold:
    """Takes findings one at a time; `findings()` gives the gravest of them, folded."""

    def __init__(self) -> None:
        self._foldings: dict[Key, _Folding] = {}
        self._occurrences: Counter[Severity] = Counter()

    def __len__(self) -> int:
        """Return how many distinct findings there are."""
        return len(self._foldings)

    def add(self, finding: Finding) -> None:
        """Take a finding."""
        self._occurrences[finding.rule.severity] += 1
        folding = self._foldings.get(finding.key)
        if folding is None:
            folding = self._foldings[finding.key] = _Folding(finding)
            if len(self._foldings) > 2 * MAX_FINDINGS:
                self._foldings = most_severe(self._foldings)
        elif finding.place < folding.finding.place:
            folding.finding = finding
        folding.add(finding.place, finding.recorded_at)

    def occurrences(self) -> dict[Severity, int]:
        """Return how many findings there were, by severity."""
        return dict(self._occurrences)

    def findings(self) -> dict[Key, FoldedFinding]:
        """Return the findings that are kept, by key."""
        return {key: folding.folded() for key, folding in sorted(most_severe(self._foldings).items())}
