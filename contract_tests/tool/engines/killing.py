"""Processes that die while they read a recording."""

import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60


@contextmanager
def killing(path: Path, times: int, then: bytes | None = None) -> Iterator[list[int]]:
    """Kill so many processes that have opened a pipe; the one after them gets bytes to read.

    Whatever happens, nobody is left to read a pipe that has no writer.
    """
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)  # so that opening it to read does not wait, and reading does
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        give_up = time.monotonic() + PATIENCE
        try:
            while not done.wait(0.05) and time.monotonic() < give_up:
                for pid in _readers(path):
                    if pid in killed:
                        continue
                    if len(killed) < times:
                        killed.append(pid)
                        os.kill(pid, signal.SIGKILL)
                    elif then is not None:
                        path.write_bytes(then)
                        return
        finally:
            path.unlink()
            os.close(keeper)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def _readers(path: Path) -> list[int]:
    """Return the processes that have a file open to read only; processes come and go while we look.

    One that is being started has for a moment what is open here, the pipe to read and write among it.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            entries = [entry for entry in (process / "fd").iterdir() if entry.readlink() == path]
            is_reader = any(not entry.lstat().st_mode & stat.S_IWUSR for entry in entries)
        except OSError:
            continue
        if is_reader:
            found.append(int(process.name))
    return found
