"""Folds a stream of exchanges into a DriftSummary, in memory that does not grow with the stream."""

from opay_contract.contract.contract import Contract, Match
from opay_contract.drift.folding import FindingFold
from opay_contract.drift.statistics import Statistics
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.finding import Finding
from opay_contract.model.moments import utc_of
from opay_contract.model.summary import (
    MAX_ELSEWHERE,
    MAX_UNREADABLE,
    DriftSummary,
    Elsewhere,
    first_elsewhere,
    first_unreadable,
)
from opay_contract.rules.judging import Judge
from opay_contract.rules.routes import describe_elsewhere
from opay_contract.rules.subject import Settings


class Fold:
    """Takes exchanges one at a time; `summary()` gives what they showed so far."""

    def __init__(self, contract: Contract, settings: Settings, *, has_memory: bool = True) -> None:
        """Take a contract; without memory each exchange is judged as if it were the first."""
        self._contract = contract
        self._settings = settings
        self._judge = Judge(contract, settings, has_memory=has_memory)
        self._statistics = Statistics(contract, self._judge.shapes)
        self._findings = FindingFold()
        self._exchanges = 0
        self._out_of_scope = 0
        self._elsewhere: dict[Elsewhere, int] = {}
        self._out_of_window = 0
        self._undated = 0
        self._unreadable_count = 0
        self._unreadable: list[Unreadable] = []

    @property
    def seen(self) -> int:
        """How many things were taken, of whatever kind."""
        return self._exchanges + self._out_of_scope + self._out_of_window + self._unreadable_count

    @property
    def found(self) -> int:
        """How many distinct findings there are."""
        return len(self._findings)

    def add(self, item: Exchange | Unreadable) -> list[Finding]:
        """Take one thing that a reader yielded; returns its findings."""
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return []
        match = self._judge.match(item)
        if not match.route.in_scope:
            self._pass_over(item, match)
            return []
        window = self._settings.window
        if window is not None and not window.holds(item.recorded_at):
            self._out_of_window += 1
            self._undated += utc_of(item.recorded_at) is None
            return []
        self._exchanges += 1
        judged = self._judge.judge(item, match)
        self._statistics.add(item, match, judged)
        for finding in judged.findings:
            self._findings.add(finding)
        return judged.findings

    def summary(self) -> DriftSummary:
        """Return what was folded so far."""
        return DriftSummary(
            exchanges=self._exchanges,
            out_of_scope=self._out_of_scope,
            elsewhere=first_elsewhere(dict(self._elsewhere)),
            out_of_window=self._out_of_window,
            undated=self._undated,
            unreadable_count=self._unreadable_count,
            unreadable=first_unreadable(self._unreadable),
            findings=self._findings.findings(),
            occurrences=self._findings.occurrences(),
            readings=self._statistics.readings(),
            observations=self._statistics.observations(),
        )

    def _pass_over(self, exchange: Exchange, match: Match) -> None:
        """Count an exchange that is out of scope, and where it went."""
        self._out_of_scope += 1
        where = describe_elsewhere(self._contract, exchange.request.url or "", match.route)
        self._elsewhere[where] = self._elsewhere.get(where, 0) + 1
        if len(self._elsewhere) > 2 * MAX_ELSEWHERE:
            self._elsewhere = first_elsewhere(self._elsewhere)

    def _add_unreadable(self, unreadable: Unreadable) -> None:
        self._unreadable_count += 1
        self._unreadable.append(unreadable)
        if len(self._unreadable) > 2 * MAX_UNREADABLE:
            self._unreadable = list(first_unreadable(self._unreadable))
