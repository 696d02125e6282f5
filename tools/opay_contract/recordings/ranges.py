"""The lines that begin in a range of bytes: found from the middle of a file, without what is before it."""

from opay_contract.recordings.streams import CHUNK, Readable


class LineRange:
    """A stream of the lines that begin at the bytes from `start` up to `end`, and how many they are.

    A line belongs to the range in which its first byte lies, so every line belongs to one range, whatever
    the cuts. The byte before `start` tells whether a line begins there.
    """

    def __init__(self, raw: Readable, start: int, end: int) -> None:
        """Take a stream that stands at `first_byte(start)`."""
        self._raw = raw
        self._position = first_byte(start)
        self._end = end
        self._is_before = start > 0
        self._is_done = False
        self._ends = 0
        self._is_open = False

    @property
    def lines(self) -> int:
        """How many lines were read, the last one counted even if nothing ends it."""
        return self._ends + self._is_open

    def read(self, _size: int = -1, /) -> bytes:
        """Return some bytes, and nothing only at the end."""
        while not self._is_done:
            chunk = self._raw.read(CHUNK)
            start, self._position = self._position, self._position + len(chunk)
            wanted = chunk[self._skip(chunk, start) : self._cut(chunk, start)]
            if wanted:
                self._ends += wanted.count(b"\n")
                self._is_open = not wanted.endswith(b"\n")
                return wanted
        return b""

    def _skip(self, chunk: bytes, start: int) -> int:
        """Return how much of the chunk belongs to a line that began before the range."""
        if not self._is_before:
            return 0
        found = chunk.find(b"\n") + 1
        self._is_before = not found
        if (not found and self._position >= self._end) or (found and start + found >= self._end):
            self._is_done = True
            return len(chunk)
        return found or len(chunk)

    def _cut(self, chunk: bytes, start: int) -> int:
        """Return where in the chunk the last line of the range ends."""
        found = -1
        if self._position >= self._end and not self._is_done:
            found = chunk.find(b"\n", max(self._end - 1 - start, 0))
        self._is_done = self._is_done or found >= 0 or not chunk
        return found + 1 if found >= 0 else len(chunk)


def first_byte(start: int) -> int:
    """Return where to begin to read for a range that starts at `start`."""
    return max(start - 1, 0)
