"""Folds a stream of exchanges into a DriftSummary, in memory that does not grow with the stream."""

from collections import Counter
from dataclasses import dataclass
from itertools import compress
from typing import Any

from msgspec import structs

from opay_contract.contract.answers import answer_shape
from opay_contract.contract.contract import Contract, Match, Route
from opay_contract.drift.evidence import EvidenceCounter, Tally, describe_exchange
from opay_contract.drift.folding import FindingFold
from opay_contract.drift.observing import Columns, Observer, Template
from opay_contract.drift.surveys import Comparison, Survey
from opay_contract.jsontext import NotJson, Parsed
from opay_contract.model.exchange import Exchange, Request, Unreadable
from opay_contract.model.finding import Finding
from opay_contract.model.moments import day_of, days_of, utc_of
from opay_contract.model.observation import UNDATED
from opay_contract.model.summary import (
    MAX_ELSEWHERE,
    MAX_UNREADABLE,
    DriftSummary,
    Elsewhere,
    first_elsewhere,
    first_unreadable,
)
from opay_contract.recordings.bounds import excess_of, may_exceed
from opay_contract.recordings.messages import parse_moment
from opay_contract.recordings.ndjson import Lines, is_filled, parse_line
from opay_contract.recordings.refusals import NO_URL
from opay_contract.recordings.sources import Source
from opay_contract.rules.batchpath import BatchPath, Verdict
from opay_contract.rules.columns import Batch, Column
from opay_contract.rules.fastpath import MAX_PLANS, FastPath
from opay_contract.rules.judging import check_exchange
from opay_contract.rules.linekinds import Kind
from opay_contract.rules.records import Record, has_float, structure_of
from opay_contract.rules.routes import describe_elsewhere
from opay_contract.rules.subject import Settings, build_subject

_MAX_COUNTED = 4096
"""Variants and days of a kind that are waiting to be settled."""

_RECORDED_AT = Column(("recorded_at",), str)


@dataclass(slots=True, eq=False)
class Known:
    """What is known of all exchanges of one structure: what they say, and what they show."""

    tally: Tally
    template: Template


@dataclass(frozen=True, slots=True)
class Views:
    """Where to look in lines of one kind: for what they say about open questions, and for what they show."""

    surveys: tuple[Survey | Comparison, ...]
    columns: Columns
    has_times: bool


class Fold:
    """Takes exchanges one at a time, or lines many at a time; `summary()` gives what they showed so far."""

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self._contract = contract
        self._settings = settings
        self._answers = answer_shape(contract)
        self._no_answer = (
            f"{NO_URL}, and it has not the members of an answer of this API ({self._answers.describe()})"
        )
        self._evidence = EvidenceCounter(contract)
        self._observer = Observer(contract)
        self._fast_path = FastPath(contract, settings)
        self._batches = None if settings.private_key else BatchPath(settings.started_at)
        self._structures: dict[tuple[Any, ...], Known | None] = {}
        self._variants: dict[int, list[Known]] = {}
        self._counted: dict[int, Counter[tuple[int, str]]] = {}
        self._views: dict[int, Views] = {}
        self._exchanges = 0
        self._out_of_scope = 0
        self._elsewhere: dict[Elsewhere, int] = {}
        self._out_of_window = 0
        self._undated = 0
        self._unreadable_count = 0
        self._unreadable: list[Unreadable] = []
        self._passed_over_count = 0
        self._passed_over: list[Unreadable] = []
        self._findings = FindingFold()

    @property
    def seen(self) -> int:
        """How many things were taken, of whatever kind."""
        return self._exchanges + self._out_of_scope + self._out_of_window + self._unreadable_count

    @property
    def found(self) -> int:
        """How many distinct findings there are."""
        return len(self._findings)

    def add_entry(self, source: Source, entry: Exchange | Unreadable | Lines) -> None:
        """Take whatever a reader yields of a source."""
        if isinstance(entry, Lines):
            self.add_lines(source, entry)
        else:
            self.add(entry)

    def add_lines(self, source: Source, lines: Lines) -> None:
        """Take lines of the native format: quickly where they conform, else as any other exchange."""
        lines = self._without_excess(source, lines)
        for one in self._batches.take(lines) if self._batches else lines.numbered():
            if isinstance(one, Verdict):
                self._add_verdict(source, one)
            else:
                self._add_single_line(source, *one)

    def _without_excess(self, source: Source, lines: Lines) -> Lines:
        """Take the lines that may be too much to judge, as exchanges; return the others in their places."""
        large = [number for number, line in lines.numbered() if may_exceed(line)]
        if not large:
            return lines
        texts = list(lines.texts)
        for number in large:
            self.add(parse_line(source.place(number, number), texts[number - lines.first]))
            texts[number - lines.first] = b""
        return Lines(lines.first, texts)

    def _add_verdict(self, source: Source, verdict: Verdict) -> None:
        batch, variants = verdict.batch, verdict.variants
        if self._settings.window is not None and len(batch):
            batch, variants = self._within_window(verdict)
        if len(batch):
            self._add_batch(verdict.kind.number, batch, variants)
        for number, line in verdict.failed:
            self._add_single_line(source, number, line)

    def _add_batch(self, kind: int, batch: Batch, variants: list[int]) -> None:
        self._exchanges += len(batch)
        views = self._views[kind]
        self._evidence.add_columns(views.surveys, batch)
        self._observer.add_columns(views.columns, batch)
        moments = batch.of(_RECORDED_AT) if views.has_times else []
        days = days_of(moments) or [day_of(parse_moment(moment)) for moment in moments]
        counted = self._counted[kind]
        counted.update(zip(variants, days or [UNDATED] * len(batch), strict=True))
        if len(counted) > _MAX_COUNTED:
            self._settle(kind)

    def _settle(self, kind: int) -> None:
        """Hand the counts of a kind's lines by variant and day on to what is known of the variants."""
        known, counted = self._variants[kind], self._counted[kind]
        for (variant, day), count in counted.items():
            known[variant].tally.count += count
            known[variant].template.count(day, count)
        counted.clear()

    def _within_window(self, verdict: Verdict) -> tuple[Batch, list[int]]:
        has_times = self._views[verdict.kind.number].has_times
        moments = verdict.batch.of(_RECORDED_AT) if has_times else [None] * len(verdict.batch)
        holds = [self._is_in_window(parse_moment(moment)) for moment in moments]
        return Batch(list(compress(verdict.batch.lines, holds))), list(compress(verdict.variants, holds))

    def _is_in_window(self, moment: str | None) -> bool:
        """Tell whether an exchange is to be judged by its time; one that is not is counted."""
        window = self._settings.window
        if window is None or window.holds(moment):
            return True
        self._out_of_window += 1
        self._undated += utc_of(moment) is None
        return False

    def _add_single_line(self, source: Source, number: int, line: bytes) -> None:
        if not is_filled(line):
            return
        record = self._fast_path.read(line)
        if record is None:
            self.add(parse_line(source.place(number, number), line))
            return
        moment = parse_moment(record.recorded_at)
        known = self._structures.get(record.key)
        if known is not None and (findings := self._fast_path.judge(record)) is not None:
            if not self._is_in_window(moment):
                return
            if self._findings.add_again(findings, source.place(number, number), moment):
                self._exchanges += 1
                self._hear(known, record.describe(), moment)
                return
        item = parse_line(source.place(number, number), line)
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return
        if not self._is_in_window(moment):
            return
        match = self._contract.match(item)
        self._observe(record.key, item, match)
        self._learn(record, item, match, line, tuple(self._judge(item, match)))

    def _observe(self, structure: tuple[Any, ...] | None, exchange: Exchange, match: Match) -> None:
        """Take what an exchange says and shows, by its structure where that is known or can be."""
        if structure is not None and structure not in self._structures and len(self._structures) < MAX_PLANS:
            self._structures[structure] = None if has_float(match) else self._know(exchange, match)
        known = self._structures.get(structure) if structure is not None else None
        if known is not None:
            self._hear(known, describe_exchange(exchange, match), exchange.recorded_at)
        else:
            self._evidence.add(exchange, match)
            self._observer.add(exchange, match)

    def _know(self, exchange: Exchange, match: Match) -> Known:
        return Known(self._evidence.learn(exchange, match), self._observer.learn(exchange, match))

    def _hear(self, known: Known, seen: dict[str, Any], moment: str | None) -> None:
        self._evidence.add_to(known.tally, seen)
        self._observer.add_to(known.template, seen, day_of(moment))

    def _learn(
        self, record: Record, exchange: Exchange, match: Match, line: bytes, findings: tuple[Finding, ...]
    ) -> None:
        """Remember a line that went the long way, so that its like need not."""
        if match.route.operation is None:
            return
        subject = build_subject(exchange, match, match.route.operation, self._contract, self._settings)
        self._fast_path.learn(record, subject, findings)
        if self._batches is None or findings:
            return
        kind = self._batches.learn(subject, line, lambda kind: self._welcome(kind, exchange, match))
        if kind is not None:
            self._variants[kind.number].append(self._know(exchange, match))

    def _welcome(self, kind: Kind, exchange: Exchange, match: Match) -> bool:
        surveys = self._evidence.columns(exchange, match, kind.column_of)
        if surveys is None:
            return False
        columns = self._observer.columns(self._observer.learn(exchange, match), kind.column_of)
        self._views[kind.number] = Views(surveys, columns, exchange.recorded_at is not None)
        self._variants[kind.number] = []
        self._counted[kind.number] = Counter()
        return True

    def add(self, item: Exchange | Unreadable) -> list[Finding]:
        """Take one thing that a reader yielded; returns its findings."""
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return []
        too_much = excess_of(item)
        if too_much is not None and self._contract.route(item.request).in_scope:
            self._add_unreadable(Unreadable(place=item.place, reason=too_much))
            return []
        match = self._contract.match(item)
        if not match.route.in_scope:
            self._pass_over(item.request, match.route)
            return []
        if item.request.url is None and not (item.is_asserted or self._is_answer(match.response_body)):
            self._add_unreadable(Unreadable(place=item.place, reason=self._no_answer))
            return []
        if not self._is_in_window(item.recorded_at):
            return []
        self._observe(structure_of(item, match), item, match)
        return self._judge(item, match)

    def _is_answer(self, body: Parsed | NotJson | None) -> bool:
        """Tell whether a text is an answer of the contract where no URL says whose it is."""
        return isinstance(body, Parsed) and isinstance(body.value, dict) and self._answers.fits(body.value)

    def _pass_over(self, request: Request, route: Route) -> None:
        """Count an exchange that is out of scope, and where it went."""
        self._out_of_scope += 1
        where = describe_elsewhere(self._contract, request.url or "", route)
        self._elsewhere[where] = self._elsewhere.get(where, 0) + 1
        if len(self._elsewhere) > 2 * MAX_ELSEWHERE:
            self._elsewhere = first_elsewhere(self._elsewhere)

    def _judge(self, exchange: Exchange, match: Match) -> list[Finding]:
        self._exchanges += 1
        findings = list(check_exchange(self._contract, exchange, match, self._settings))
        for finding in findings:
            self._findings.add(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was folded so far."""
        for kind in self._counted:
            self._settle(kind)
        return DriftSummary(
            exchanges=self._exchanges,
            out_of_scope=self._out_of_scope,
            elsewhere=first_elsewhere(dict(self._elsewhere)),
            out_of_window=self._out_of_window,
            undated=self._undated,
            unreadable_count=self._unreadable_count,
            unreadable=first_unreadable(self._unreadable),
            passed_over_count=self._passed_over_count,
            passed_over=first_unreadable(self._passed_over),
            findings=self._findings.findings(),
            occurrences=self._findings.occurrences(),
            readings=self._evidence.counts(),
            observations=self._observer.observations(),
        )

    def _add_unreadable(self, found: Unreadable) -> None:
        """Count what could not be read; what went to somebody else is out of scope, whatever it is."""
        request = found.request
        route = self._contract.route(request) if request is not None else None
        if found.is_passed_over:
            self._passed_over_count += 1
            _keep(self._passed_over, found)
        elif request is not None and route is not None and not route.in_scope:
            self._pass_over(request, route)
        else:
            self._unreadable_count += 1
            _keep(self._unreadable, structs.replace(found, request=None))


def _keep(kept: list[Unreadable], found: Unreadable) -> None:
    """Add to a list that is cut back now and then to what a summary names."""
    kept.append(found)
    if len(kept) > 2 * MAX_UNREADABLE:
        kept[:] = first_unreadable(kept)
