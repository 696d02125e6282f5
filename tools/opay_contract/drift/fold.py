"""Folds a stream of exchanges into a DriftSummary, in memory that does not grow with the stream."""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import answer_shape, is_answer
from opay_contract.drift.statistics import Statistics
from opay_contract.formats.bounds import ALWAYS_FINE, excess_of
from opay_contract.formats.errors import NO_URL
from opay_contract.judge.judge import Judge
from opay_contract.judge.leads import Led
from opay_contract.judge.subject import Alike, Hit, RawFinding, Settings, Subject, gather
from opay_contract.model.exchange import NO_ZONE, Exchange, Place, Unreadable
from opay_contract.model.finding import Finding, Key, Severity, key_of
from opay_contract.model.observation import latest_days, utc_of
from opay_contract.model.summary import (
    MAX_DIAGNOSED,
    MAX_ELSEWHERE,
    MAX_FINDINGS,
    MAX_UNREADABLE,
    DriftSummary,
    Elsewhere,
    Signatures,
    WrongSignature,
    first_elsewhere,
    first_files,
    first_unreadable,
    join,
    most_severe,
    rank_of,
)

MAX_UNREAD, MAX_UNREAD_BYTES = 128, 1 << 20
"""After so many exchanges, or bytes of their bodies, the bodies are read."""

MIN_WAITING, MAX_WAITING, MAX_WAITING_BYTES = 128, 1024, 2 << 20
"""After so many exchanges, or bytes of their bodies, all that were read are judged and counted."""

_ALIKE = 2
"""How many of each kind wait on average, between the least and the most."""


_Unread = list[Led]


class FindingFold:
    """Takes what was found; `findings()` gives the most severe of it, equal findings folded."""

    def __init__(self) -> None:
        self._findings: dict[Key, Finding] = {}
        self._last: tuple[int, str] | None = None
        self._occurrences: Counter[Severity] = Counter()

    def __len__(self) -> int:
        """Return how many distinct findings there are."""
        return len(self._findings)

    def add(self, hits: Iterable[Hit], finding_of: Callable[[Subject, RawFinding], Finding]) -> None:
        """Take what was found; of equal findings only the first by place is made a finding of."""
        equal: dict[Key, list[Hit]] = {}
        for subject, hit in hits:
            frame = subject.alike.frame
            key = key_of(hit.rule.id, frame.scope[0], frame.outcome, hit.pointer, hit.value)
            equal.setdefault(key, []).append((subject, hit))
        for key, found in equal.items():
            first = min(found, key=lambda hit: _order(hit[0]))
            severity, known = first[1].rule.severity, self._findings.get(key)
            self._occurrences[severity] += len(found)
            if known is None and self._last is not None and rank_of(severity, key) > self._last:
                continue  # no summary keeps it, whatever comes
            one = known if known and known.place <= first[0].exchange.place else finding_of(*first)
            folded = _folded(one, [subject for subject, _ in found])
            self._findings[key] = join(known, folded) if known else folded
        if len(self._findings) > 2 * MAX_FINDINGS:
            self._findings = most_severe(self._findings)
            if len(self._findings) == MAX_FINDINGS:
                self._last = max(rank_of(one.rule.severity, key) for key, one in self._findings.items())

    def occurrences(self) -> dict[Severity, int]:
        """Return how many findings there were, by severity."""
        return dict(self._occurrences)

    def findings(self) -> dict[Key, Finding]:
        """Return the findings that are kept, by key."""
        return dict(sorted(most_severe(self._findings).items()))


def _folded(first: Finding, subjects: list[Subject]) -> Finding:
    """Return a finding as it was seen in some exchanges."""
    last = max(subjects, key=_order).exchange
    seen = [utc for one in subjects if (utc := utc_of(one.exchange.recorded_at)) is not None]
    return structs.replace(
        first,
        count=len(subjects),
        last_place=last.place,
        last_recorded_at=last.recorded_at,
        first_seen=min(seen, default=None),
        last_seen=max(seen, default=None),
        days=latest_days(dict(Counter([one.day for one in subjects]))),
        files=first_files({one.exchange.place.source for one in subjects}),
    )


class Fold:
    """Takes exchanges one at a time; `summary()` gives what they showed so far."""

    def __init__(
        self, contract: Contract, settings: Settings, *, has_memory: bool = True, judge: Judge | None = None
    ) -> None:
        """Take a contract; without memory each exchange is judged as if it were the first.

        A judge of the same contract and settings may be given on when the fold before is done with it.
        """
        self._contract = contract
        self._settings = settings
        self._answers = answer_shape(contract)
        self._no_answer = (
            f"{NO_URL}, and it has not the members of an answer of this API ({self._answers.describe()})"
        )
        self._judge = judge or Judge(contract, settings, has_memory=has_memory)
        self._leads = self._judge.leads
        self._statistics = Statistics(contract, self._judge.shapes)
        self._findings = FindingFold()
        self._unread = _Unread()
        self._unread_bytes = 0
        self._waiting: dict[Alike, None] = {}
        self._waiting_bytes = 0
        self._last_judged = 0
        self._exchanges = 0
        self._signatures: dict[tuple[bool, bool], int] = {}
        self._wrongly_signed: list[Exchange] = []
        self._diagnosed: dict[Place, WrongSignature] = {}
        self._out_of_scope = 0
        self._elsewhere: dict[Elsewhere, int] = {}
        self._out_of_window = 0
        self._undated = 0
        self._zoneless = 0
        self._unreadable_count = 0
        self._unreadable: list[Unreadable] = []
        self._passed_over_count = 0
        self._passed_over: list[Unreadable] = []

    @property
    def seen(self) -> int:
        """How many things were taken, of whatever kind."""
        return self._exchanges + self._out_of_scope + self._out_of_window + self._unreadable_count

    def add(self, item: Exchange | Unreadable) -> None:
        """Take one thing that a reader yielded."""
        self._accept(item)
        if len(self._unread) >= MAX_UNREAD or self._unread_bytes >= MAX_UNREAD_BYTES:
            self._read()
            enough = min(max(MIN_WAITING, _ALIKE * len(self._waiting)), MAX_WAITING)
            if self._exchanges - self._last_judged >= enough or self._waiting_bytes >= MAX_WAITING_BYTES:
                self._judge_waiting()

    def check(self, item: Exchange | Unreadable) -> list[Finding]:
        """Take one thing that a reader yielded; returns its findings."""
        self._judge_waiting()
        self._accept(item)
        return [self._judge.finding(*hit) for hit in self._judge_waiting()]

    def _accept(self, item: Exchange | Unreadable) -> None:
        """Count an exchange; what is judged waits to be read."""
        if type(item) is Unreadable:
            self._add_unreadable(item)
            return
        request, moment = item.request, item.recorded_at
        size = len(request.body or b"") + len(item.response.body)
        lead = self._leads.known.get((request.method, request.url)) or self._leads.find(request)
        if lead.elsewhere is not None:
            self._pass_over(lead.elsewhere)
            return
        reason = excess_of(item) if size > ALWAYS_FINE else None
        if reason is None and request.url is None:
            is_ours = is_answer(self._answers, item, lead.route.operation)
            reason = None if is_ours else self._no_answer
        if reason is not None:
            self._add_unreadable(Unreadable(place=item.place, reason=reason))
            return
        if moment is not None and NO_ZONE in moment:
            self._zoneless += 1
        window = self._settings.window
        if window is not None and not window.holds(moment):
            self._out_of_window += 1
            self._undated += utc_of(moment) is None
            return
        self._exchanges += 1
        self._unread.append((item, lead))
        self._unread_bytes += size

    def _read(self) -> None:
        """Read the bodies of what waits for that: while they are in the caches of the processor."""
        self._waiting.update(self._judge.read(self._unread))
        self._waiting_bytes += self._unread_bytes
        self._unread, self._unread_bytes = _Unread(), 0

    def _judge_waiting(self) -> list[Hit]:
        """Judge and count all that waits, exchanges that are alike together; returns what was found."""
        self._read()
        waiting, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        self._last_judged = self._exchanges
        gathered = gather(waiting)
        self._statistics.count(waiting, gathered)
        found = self._judge.judge(waiting, gathered)
        self._findings.add(found, self._judge.finding)
        for alike in waiting:
            for subject in alike.waiting if self._settings.private_key else ():
                if subject.verification is not None:
                    kind = (alike.frame.is_refused, subject.verification.ok)
                    self._signatures[kind] = self._signatures.get(kind, 0) + 1
                    if not subject.verification.ok:
                        self._keep_wrongly_signed(subject.exchange)
            alike.waiting = []
        for bodies in gathered:
            bodies.clear()
        return found

    def summary(self) -> DriftSummary:
        """Return what was folded so far."""
        self._judge_waiting()
        return DriftSummary(
            exchanges=self._exchanges,
            outcomes=self._statistics.outcomes(),
            signatures=Signatures(  # where the call was refused, one that does not hold is no finding
                verified=self._signatures.get((False, True), 0),
                failed=self._signatures.get((False, False), 0),
                refused_verified=self._signatures.get((True, True), 0),
                refused_failed=self._signatures.get((True, False), 0),
                diagnosed=tuple(sorted(map(self._diagnose, self._wrongly_signed))),
            ),
            out_of_scope=self._out_of_scope,
            elsewhere=first_elsewhere(dict(self._elsewhere)),
            out_of_window=self._out_of_window,
            undated=self._undated,
            zoneless=self._zoneless,
            unreadable_count=self._unreadable_count,
            unreadable=first_unreadable(self._unreadable),
            passed_over_count=self._passed_over_count,
            passed_over=first_unreadable(self._passed_over),
            findings=self._findings.findings(),
            occurrences=self._findings.occurrences(),
            readings=self._statistics.readings(),
            observations=self._statistics.observations(),
        )

    def _keep_wrongly_signed(self, exchange: Exchange) -> None:
        """Keep it if it is among the first by place, of which `summary` says the mistake."""
        kept = self._wrongly_signed
        if len(kept) < MAX_DIAGNOSED or exchange.place < kept[-1].place:
            insort(kept, exchange, key=lambda one: one.place)
            del kept[MAX_DIAGNOSED:]

    def _diagnose(self, exchange: Exchange) -> WrongSignature:
        known = self._diagnosed.get(exchange.place)
        if known is None:
            from opay_contract.signing.doctor import diagnose_request  # noqa: PLC0415  few runs need it

            scheme, key = self._contract.signature, self._settings.private_key
            operation = self._contract.route(exchange.request).operation
            identity = operation.identity_header(scheme) if operation and scheme else None
            diagnosis = diagnose_request(exchange.request, key or "", scheme, identity) if scheme else None
            known = self._diagnosed[exchange.place] = WrongSignature(
                place=exchange.place,
                mistake=diagnosis.describe() if diagnosis else "",
                advice=diagnosis.advice if diagnosis else "",
            )
        return known

    def _pass_over(self, where: Elsewhere) -> None:
        """Count an exchange that is out of scope, and where it went."""
        self._out_of_scope += 1
        self._elsewhere[where] = self._elsewhere.get(where, 0) + 1
        if len(self._elsewhere) > 2 * MAX_ELSEWHERE:
            self._elsewhere = first_elsewhere(self._elsewhere)

    def _add_unreadable(self, found: Unreadable) -> None:
        """Count what could not be read; what went to somebody else is out of scope, whatever it is."""
        lead = self._leads.find(found.request) if found.request is not None else None
        if found.is_passed_over:
            self._passed_over_count += 1
            _keep(self._passed_over, found)
        elif lead is not None and lead.elsewhere is not None:
            self._pass_over(lead.elsewhere)
        else:
            self._unreadable_count += 1
            _keep(self._unreadable, structs.replace(found, request=None))


def _order(subject: Subject) -> tuple[int, int, str, int]:
    return subject.exchange.place.order


def _keep(kept: list[Unreadable], found: Unreadable) -> None:
    """Add to a list that is cut back now and then to what a summary names."""
    kept.append(found)
    if len(kept) > 2 * MAX_UNREADABLE:
        kept[:] = first_unreadable(kept)
