"""Takes things from where they may not come: a thread gets them ahead, and waiting for it has a limit."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from opay_contract.recordings.refusals import StreamError

STALL = 180.0
"""Seconds after which a store that sends nothing is given up."""

_AHEAD = 2  # things that are there before they are wanted
_PATIENCE, _STEP = 2.0, 0.01  # seconds that a thread is waited for in the end

T = TypeVar("T")


class Ahead(Generic[T]):
    """The items of an iterator that runs in a thread; any exception there becomes a `StreamError` here."""

    def __init__(self, items: Callable[[], Iterator[T]], describe: Callable[[Exception], str]) -> None:
        """Begin; `describe` says in our own words what an exception means."""
        self._items = items
        self._describe = describe
        self._queue: queue.Queue[tuple[T] | StreamError | None] = queue.Queue(maxsize=_AHEAD)
        self._closed = threading.Event()
        self._end: StreamError | None = None
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        """Return itself."""
        return self

    def __next__(self) -> T:
        """Return the next item; once it has failed, it fails again."""
        if not self._has_ended:
            item = self._take()
            if isinstance(item, tuple):
                return item[0]
            self._has_ended, self._end = True, item
        if self._end is not None:
            raise self._end
        raise StopIteration

    def close(self) -> None:
        """Let the thread go; it is waited for, unless it hangs.

        A thread that is inside of a library of C++ when Python ends takes the process with it.
        """
        self._closed.set()
        end = time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < end:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._thread.join(_STEP)

    def _take(self) -> tuple[T] | StreamError | None:
        try:
            return self._queue.get(timeout=STALL)
        except queue.Empty:
            return StreamError(f"cannot be read: the store sent nothing for {STALL:g} seconds")

    def _run(self) -> None:
        try:
            for item in self._items():
                if self._closed.is_set():
                    return
                self._queue.put((item,))
        except Exception as error:  # noqa: BLE001  every store has exceptions of its own
            self._queue.put(StreamError(self._describe(error)))
        else:
            self._queue.put(None)
