"""Reads what the end of a Parquet file says about its columns, in Thrift's compact protocol.

pyarrow reads the same, but where the numbers of a column do not fit each other it ends the process.
"""

import os
import struct
from typing import Any, NamedTuple

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = range(4, 7)
_END = 8
_LONG = 15
"""A list of more items than fit into four bits has their number behind."""

_ROW_GROUPS, _COLUMNS, _METADATA = 4, 1, 3
_PATH, _PACKING, _UNPACKED, _DATA_AT, _DICTIONARY_AT = 3, 4, 6, 9, 11
_PACKINGS = {0: "none", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}
"""What pyarrow calls the ways of packing."""

_DEFECTS = (IndexError, KeyError, TypeError, AttributeError, RecursionError, UnicodeDecodeError, struct.error)


class FooterColumn(NamedTuple):
    """A column of a group of rows: its top name, how it is packed, and how many bytes it has unpacked.

    `dictionary` is how many packed bytes the values have that are written once and meant many times.
    """

    top: str
    packing: str
    unpacked: int
    dictionary: int | None


def read_columns(raw: Any) -> list[list[FooterColumn]]:
    """Return the columns of each group of rows; a `ValueError` says that the end of the file is damaged."""
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(size - _END, 0))
    length = int.from_bytes(raw.read(_END)[:4], "little")
    raw.seek(max(size - _END - length, 0))
    try:
        footer = _Reader(raw.read(min(length, size))).read(_STRUCT)
        groups = footer.get(_ROW_GROUPS, [])
        return [[_column(one[_METADATA]) for one in group[_COLUMNS]] for group in groups]
    except _DEFECTS as error:
        raise ValueError from error


def _column(fields: "_Fields") -> FooterColumn:
    at = fields.get(_DICTIONARY_AT)
    return FooterColumn(
        top=fields[_PATH][0].decode(),
        packing=_PACKINGS.get(fields[_PACKING], "none"),
        unpacked=int(fields[_UNPACKED]),
        dictionary=None if at is None else max(fields[_DATA_AT] - at, 0),
    )


_Fields = dict[int, Any]
"""The fields of a Thrift struct, by number."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise IndexError
        self._at += size
        return taken

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:  # noqa: PLR2004  the last one
                return value

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def read(self, kind: int) -> Any:
        """Return a value of a kind."""
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self._take(1)[0]
        if kind in _INTEGERS:
            return self._integer()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._take(8))[0]
        if kind == _BINARY:
            return self._take(self._varint())
        if kind in (_LIST, _SET):
            return self._list()
        if kind == _STRUCT:
            return self._struct()
        raise IndexError

    def _list(self) -> list[Any]:
        head = self._take(1)[0]
        count, kind = head >> 4, head & 0xF
        count = self._varint() if count == _LONG else count
        if kind in (_TRUE, _FALSE):
            return [byte == _TRUE for byte in self._take(count)]
        return [self.read(kind) for _ in range(min(count, len(self._data)))]

    def _struct(self) -> _Fields:
        found: _Fields = {}
        number = 0
        while head := self._take(1)[0]:
            number = number + (head >> 4) if head >> 4 else self._integer()
            found[number] = self.read(head & 0xF)
        return found
