"""Redacts, writes and checks what was captured, in a thread where no call may wait for it."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import click
from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.model.summary import MAX_FINDINGS, DriftSummary
from opay_contract.record.capture import BODY_LIMIT, DecodedCapture, RawCapture, decode_captured, render_line
from opay_contract.record.files import RotatingFile
from opay_contract.record.metrics import Metrics
from opay_contract.redact.redactor import Redactor
from opay_contract.report.sentences import describe_place
from opay_contract.words import count, printable

Say = Callable[[str], None]


_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Watch:
    """Folds findings; `tell` hears each that is new. Its recorder's lock guards it."""

    def __init__(
        self, contract: Contract, settings: Settings, tell: Callable[[Finding], None] | None
    ) -> None:
        self._fold = Fold(contract, settings)
        self._tell = tell
        self._told: set[Key] = set()

    def add(self, taken: DecodedCapture, place: Place) -> list[Finding]:
        """Check an exchange, and return its findings."""
        if taken.response is not None:
            self._fold.add(Unreadable(place=place, reason=f"the response is recorded with {taken.response}"))
            return []
        findings = self._fold.check(structs.replace(taken.exchange, place=place))
        for finding in findings:
            self._tell_once(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was seen so far."""
        return self._fold.summary()

    def _tell_once(self, finding: Finding) -> None:
        if self._tell is None or finding.key in self._told or len(self._told) >= MAX_FINDINGS:
            return
        self._told.add(finding.key)
        self._tell(finding)


def render_finding(finding: Finding) -> str:
    """Return a finding on one line."""
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
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

    def add(self, batch: Sequence[RawCapture]) -> None:
        """Write a batch, then check it."""
        with self._lock:
            rendered = [pair for captured in batch if (pair := self._render(captured))]
            taken = [one for one, _ in rendered]
            self._check(self._write([line for _, line in rendered]), taken)

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

    def _render(self, captured: RawCapture) -> tuple[DecodedCapture, bytes] | None:
        """Return an exchange and its line; where that fails nothing is written."""
        place = Place(source=0, entry=0, file="")
        try:
            taken = decode_captured(captured, place, self.body_limit)
            return taken, render_line(self._redacted(taken))
        except Exception as error:  # noqa: BLE001  whatever it is, the call goes on; its text may hold data
            self.miss("redaction", f"an exchange is not recorded: {type(error).__name__} while redacting it")
            return None

    def _redacted(self, taken: DecodedCapture) -> DecodedCapture:
        if self._redactor is None:
            return taken
        try:
            return replace(taken, exchange=self._redactor.exchange(taken.exchange))
        finally:
            self._redactor.log.replaced.clear()

    def _write(self, lines: list[bytes]) -> int:
        """Append lines; returns the number of the first, or 0 where they could not be written."""
        try:
            self._file.turn()
            first = self._file.lines + 1
            if lines:
                self._file.append(lines)
        except OSError as error:
            self.miss("writing", f"not recorded to '{self._file.path}': {error.strerror}", len(lines))
            return 0
        for _ in lines:
            self.metrics.count("recorded_total")
        return first

    def _check(self, first: int, taken: list[DecodedCapture]) -> None:
        if self._watch is None:
            return
        name = str(self._file.path)
        for number, one in enumerate(taken, first or 1):
            entry = number if first else 0
            place = Place(source=0, entry=entry, file=name, line=entry or None)
            try:
                self.metrics.count_findings(self._watch.add(one, place))
            except Exception as error:  # noqa: BLE001  as above
                self.miss("checking", f"an exchange is not checked: {type(error).__name__}")


_MAX_BYTES = 64 << 20
_BATCH = 100


class Backlog:
    """What is captured and not yet recorded, in bounded memory; beyond that exchanges are left out."""

    def __init__(self, recorder: Recorder, max_bytes: int = _MAX_BYTES) -> None:
        self._recorder, self._max_bytes = recorder, max_bytes
        self._waiting: deque[RawCapture] = deque()
        self._bytes = 0
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="opay-contract-record", daemon=True)

    def __enter__(self) -> Self:
        """Start recording."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Record what waits, then stop."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def add(self, captured: RawCapture) -> None:
        """Take an exchange; returns at once."""
        with self._changed:
            is_full = self._bytes + captured.size > self._max_bytes
            if not is_full:
                self._waiting.append(captured)
                self._bytes += captured.size
                self._changed.notify()
        if is_full:
            self._recorder.miss("behind", "exchanges are not recorded: the recording is too far behind")

    def _run(self) -> None:
        while batch := self._next():
            try:
                self._recorder.add(batch)
            except Exception as error:  # noqa: BLE001  whatever it is, it is said without what it says
                reason = f"exchanges are not recorded: {type(error).__name__}"
                self._recorder.miss("recording", reason, len(batch))

    def _next(self) -> list[RawCapture]:
        """Wait for what there is to record; nothing comes when all is recorded and the backlog is closed."""
        with self._changed:
            while not self._waiting and not self._is_closing:
                self._changed.wait()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._bytes -= sum(captured.size for captured in batch)
            return batch
