"""Redacts, writes, checks and counts what was captured, in a thread where no call may wait for it."""

import contextlib
import sys
import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import accumulate, chain, repeat
from pathlib import Path
from typing import Generic, Self, TypeVar

import click
from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Finding, Key
from opay_contract.model.summary import MAX_FINDINGS, DriftSummary
from opay_contract.record.files import BODY_LIMIT, Captured, RotatingFile, decode_captured, render_line
from opay_contract.redact.redactor import Redactor
from opay_contract.report import sentences as say
from opay_contract.report.findings import describe_place
from opay_contract.words import count, printable

Say = Callable[[str], None]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of what `Metrics.render` returns, Prometheus' text format."""

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COUNTERS = {
    "exchanges_total": "Calls that were answered by the upstream.",
    "recorded_total": "Exchanges that were written to the file.",
    "failures_total": "Exchanges that could not be recorded or checked.",
    "upstream_failures_total": "Calls that the upstream did not answer, or not to the end.",
    "clients_gone_total": "Calls whose client went away before it had sent its request.",
    "findings_total": "Findings, by rule.",
}
_UNLABELLED = ("recorded_total", "clients_gone_total")
_LATENCY = "opay_record_latency_seconds"
_MAX_BYTES, _MOST_AT_ONCE = 64 << 20, 100

_Labels = tuple[tuple[str, str], ...]
_T = TypeVar("_T")


class Metrics:
    """Counters and a histogram; threads may share them. No label holds anything that was recorded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, _Labels]] = Counter()
        self._latency = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        with self._lock:
            self._counts[name, tuple(labels.items())] += 1

    def observe(self, seconds: float) -> None:
        """Add how long an answer took, from the first byte of the request to the last of the answer."""
        with self._lock:
            self._latency[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds += seconds

    def total(self, name: str) -> int:
        """Return the sum of a counter over its labels."""
        with self._lock:
            return sum(number for (counter, _), number in self._counts.items() if counter == name)

    def render(self) -> str:
        """Return the text that a scrape gets."""
        lines: list[str] = []
        with self._lock:
            for name, text in _COUNTERS.items():
                full = f"opay_record_{name}"
                lines += [f"# HELP {full} {text}", f"# TYPE {full} counter"]
                found = {
                    labels: number for (counter, labels), number in self._counts.items() if counter == name
                }
                if name in _UNLABELLED:
                    found.setdefault((), 0)
                for labels, number in sorted(found.items()):
                    inner = ",".join(f'{key}="{value}"' for key, value in labels)
                    lines.append(f"{full}{{{inner}}} {number}" if inner else f"{full} {number}")
            lines.append(f"# HELP {_LATENCY} How long the upstream took, to the end of its answer.")
            lines.append(f"# TYPE {_LATENCY} histogram")
            seen = list(accumulate(self._latency))
            bounds = zip((*_BOUNDS, "+Inf"), seen, strict=True)
            lines += [f'{_LATENCY}_bucket{{le="{bound}"}} {number}' for bound, number in bounds]
            lines += [f"{_LATENCY}_sum {self._seconds:.6f}", f"{_LATENCY}_count {seen[-1]}"]
        return "\n".join(lines) + "\n"


class Watch:
    """Folds findings; `tell` hears each that is new. Its recorder's lock guards it."""

    def __init__(
        self, contract: Contract, settings: Settings, tell: Callable[[Finding], None] | None
    ) -> None:
        self._fold = Fold(contract, settings)
        self._tell = tell
        self._told: set[Key] = set()

    def add(self, taken: Captured, place: Place) -> list[Finding]:
        """Check an exchange, and return its findings."""
        if taken.response is not None:
            self._fold.add(Unreadable(place=place, reason=f"the response is recorded with {taken.response}"))
            return []
        findings = self._fold.check(structs.replace(taken.exchange, place=place))
        for finding in findings:
            if self._tell and finding.key not in self._told and len(self._told) < MAX_FINDINGS:
                self._told.add(finding.key)
                self._tell(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was seen so far."""
        return self._fold.summary()


def render_finding(finding: Finding) -> str:
    """Return a finding on one line."""
    severity = click.style(finding.rule.severity.label, fg=say.COLOURS[finding.rule.severity])
    where = f" {finding.pointer}" if finding.pointer else ""
    head = f"{describe_place(finding.place)}: {severity} {finding.rule.id}{where}"
    return f"{head}: expected {finding.expected}, got {finding.actual}"


class Recorder:
    """Takes what was captured, from any thread, and never raises.

    Without a `redactor` it writes everything as it was. `say` hears of each kind of failure once.
    """

    def __init__(  # noqa: PLR0913  each is a thing of its own, by name
        self,
        file: RotatingFile,
        redactor: Redactor | None,
        *,
        say: Say,
        metrics: Metrics | None = None,
        watch: Watch | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._file, self._redactor, self._say, self._watch = file, redactor, say, watch
        self.metrics = metrics or Metrics()
        self.body_limit = body_limit
        self._lock = threading.RLock()
        self._said: set[str] = set()

    @property
    def failures(self) -> int:
        """How many exchanges could not be recorded or checked."""
        return self.metrics.total("failures_total")

    def describe(self) -> str:
        """Return in a sentence what became of what was captured."""
        recorded, file = self.metrics.total("recorded_total"), f"'{printable(str(self._file.path))}'"
        what = f"Recorded {count(recorded, 'exchange')}" if recorded else "Recorded nothing"
        where = f"to {file}" if self._file.number == 1 else f"in files up to {file}"
        lost = f" {self.failures:,} could not be recorded or checked." if self.failures else ""
        return f"{what} {where}.{lost}"

    def add(self, batch: Sequence[Captured]) -> None:
        """Write a batch, then check it."""
        with self._lock:
            rendered = [pair for captured in batch if (pair := self._render(captured))]
            taken = [one for one, _ in rendered]
            self._check(self._write([line for _, line in rendered]), taken)

    def backlog(self, max_bytes: int = _MAX_BYTES) -> "Backlog[Captured]":
        """Return what records in a thread."""

        def write(batch: list[Captured]) -> None:
            try:
                self.add(batch)
            except Exception as error:  # noqa: BLE001  whatever it is, it is said without what it says
                reason = f"exchanges are not recorded: {type(error).__name__}"
                self.miss("recording", reason, len(batch))

        def drop() -> None:
            self.miss("behind", "exchanges are not recorded: the recording is too far behind")

        return Backlog(write, drop, room=max_bytes, size=lambda one: one.size, most=_MOST_AT_ONCE)

    def miss(self, kind: str, reason: str, times: int = 1) -> None:
        """Count what is not recorded, or not checked, and say why the first time."""
        for _ in range(times):
            self.metrics.count("failures_total", kind=kind)
        with self._lock:
            is_new = reason not in self._said
            self._said.add(reason)
        if is_new:
            with contextlib.suppress(OSError, ValueError):  # a standard error that is closed
                self._say(reason)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _render(self, captured: Captured) -> tuple[Captured, bytes] | None:
        """Return an exchange and its line; where that fails nothing is written."""
        try:
            taken = decode_captured(captured, self.body_limit)
            if self._redactor is None:
                return taken, render_line(taken)
            try:
                return taken, render_line(
                    structs.replace(taken, exchange=self._redactor.exchange(taken.exchange))
                )
            finally:
                self._redactor.log.replaced.clear()
        except Exception as error:  # noqa: BLE001  whatever it is, the call goes on; its text may hold data
            self.miss("redaction", f"an exchange is not recorded: {type(error).__name__} while redacting it")
            return None

    def _write(self, lines: list[bytes]) -> range:
        """Append lines; returns the numbers of those that could be written."""
        self._file.turn()
        first = self._file.lines + 1
        try:
            if lines:
                self._file.append(lines)
        except OSError as error:
            lost = len(lines) - (self._file.lines + 1 - first)
            self.miss("writing", f"not recorded to '{self._file.path}': {error.strerror}", lost)
        numbers = range(first, self._file.lines + 1)
        for _ in numbers:
            self.metrics.count("recorded_total")
        return numbers

    def _check(self, numbers: range, taken: list[Captured]) -> None:
        if self._watch is None:
            return
        name = str(self._file.path)
        for entry, one in zip(chain(numbers, repeat(0)), taken, strict=False):
            place = Place(source=0, entry=entry, file=name, line=entry or None)
            try:
                for found in self._watch.add(one, place):
                    severity = found.rule.severity.label
                    self.metrics.count("findings_total", rule=found.rule.id, severity=severity)
            except Exception as error:  # noqa: BLE001  as above
                self.miss("checking", f"an exchange is not checked: {type(error).__name__}")


def open_recorder(
    path: Path, contract: Contract, key: bytes, private_key: str | None, *, say: Say
) -> Recorder:
    """Return what appends to a file, redacted with a key; `private_key` is the merchant's."""
    return Recorder(RotatingFile(path), Redactor(contract, key, private_key), say=say)


class Backlog(Generic[_T]):
    """What waits to be written, in bounded memory; a thread writes it, so that nobody who adds to it waits.

    `write` gets what waits, at `most` so many, `gather` seconds after the first of it came: a thread that
    wakes up for each line of a log would take more time than the answers. `drop` hears of each that there is
    no room for. At the end all is written, or as much as it is in `finish` seconds, where set.
    """

    def __init__(  # noqa: PLR0913  each is a thing of its own, by name
        self,
        write: Callable[[list[_T]], None],
        drop: Callable[[], None],
        *,
        room: int,
        size: Callable[[_T], int] = lambda _: 1,
        most: int = sys.maxsize,
        gather: float = 0.0,
        finish: float | None = None,
    ) -> None:
        self._write, self._drop, self._room, self._size = write, drop, room, size
        self._most, self._gather, self._finish = most, gather, finish
        self._waiting: deque[_T] = deque()
        self._used = 0
        self._changed, self._closing = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="opay-contract-backlog", daemon=True)

    def __enter__(self) -> Self:
        """Begin to write."""
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join(self._finish)

    def add(self, one: _T) -> None:
        """Take one; returns at once."""
        size = self._size(one)
        with self._changed:
            is_full = self._used + size > self._room
            if not is_full:
                self._waiting.append(one)
                self._used += size
                self._changed.notify()
        if is_full:
            self._drop()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            self._closing.wait(self._gather)
            with self._changed:
                batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                self._used -= sum(map(self._size, batch))
            if not batch:
                return
            self._write(batch)
