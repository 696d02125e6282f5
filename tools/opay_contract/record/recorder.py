"""Redacts, writes and checks what was captured; what goes wrong on the way is said once and counted."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from opay_contract.model.exchange import Place
from opay_contract.record.captured import BODY_LIMIT, RawCapture
from opay_contract.record.lines import DecodedCapture, decode_captured, render_line
from opay_contract.record.metrics import Metrics
from opay_contract.record.rotation import RotatingFile
from opay_contract.record.watching import Watch
from opay_contract.redact.redactor import Redactor

Say = Callable[[str], None]


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
