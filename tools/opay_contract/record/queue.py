"""Records in a thread, so that no call waits for a slow disk or a long body."""

import threading
from collections import deque
from types import TracebackType
from typing import Self

from opay_contract.record.captured import RawCapture
from opay_contract.record.recorder import Recorder

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
