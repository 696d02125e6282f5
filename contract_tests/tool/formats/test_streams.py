"""Packed input: told by its first bytes, bounded in memory, honest about its end."""

import gzip
import io
import os
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from opay_contract.formats.streams import ChunkStream, iter_gunzipped, iter_unzstd
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

Read = Callable[..., list[Any]]

LINES = b'{"a":1}\n' * 3
PACKERS: dict[str, Callable[..., bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packed_input_is_read_like_plain_input(read: Read, pack: Any) -> None:
    assert read(pack(LINES)) == read(LINES)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_several_packed_members_are_one_text(read: Read, pack: Any) -> None:
    assert read(pack(LINES[:5]) + pack(LINES[5:])) == read(LINES)


def test_zeros_after_gzip_are_padding(read: Read) -> None:
    assert read(gzip.compress(LINES) + bytes(512)) == read(LINES)


@pytest.mark.parametrize("name", PACKERS)
def test_packed_input_that_breaks_off_gives_what_came_before(read: Read, name: Any) -> None:
    lines = b"".join(b'{"a":"%b"}\n' % os.urandom(500).hex().encode() for _ in range(3000))
    found = read(PACKERS[name](lines)[:-1000])
    assert len(found) > 1000
    assert all(isinstance(one, Exchange) for one in found[:-1])
    assert found[-1].reason == f"the {name} data breaks off after entry {len(found) - 1}"


@pytest.mark.parametrize("name", PACKERS)
def test_damaged_input_is_unreadable(read: Read, name: Any) -> None:
    packed = bytearray(PACKERS[name](LINES * 100))
    packed[12:20] = b"\xff" * 8
    assert isinstance(read(bytes(packed))[-1], Unreadable)


def test_rubbish_after_packed_data_is_reported_after_the_entries(read: Read) -> None:
    for pack in PACKERS.values():
        *entries, last = read(pack(LINES) + b"rubbish")
        assert len(entries) == 3
        assert "damaged after entry 3" in last.reason


@pytest.mark.parametrize("unpack", [iter_gunzipped, iter_unzstd])
def test_a_bomb_comes_in_bounded_pieces(unpack: Any) -> None:
    pack = gzip.compress if unpack is iter_gunzipped else zstandard.compress
    sizes = [len(piece) for piece in unpack([pack(bytes(40 << 20), 1)])]
    assert sum(sizes) == 40 << 20
    assert max(sizes) <= 32 << 20


@pytest.mark.thorough
def test_an_overlong_line_in_packed_input_is_unreadable_and_the_next_one_comes() -> None:
    source = Source(ordinal=0, name="-", path=None, max_unpacked=80 << 20)
    for pack in PACKERS.values():
        packed = pack(b'{"a":1}\n"' + b"x" * (66 << 20) + b'"\n{"a":3}\n', 1)
        first, long, last = iter_exchanges(source, stdin=io.BytesIO(packed))
        assert isinstance(long, Unreadable)
        assert (long.reason, long.place.line) == ("the entry is longer than 64 MiB", 2)
        assert isinstance(first, Exchange)
        assert last.place.line == 3


def test_the_head_of_a_stream_is_not_taken() -> None:
    stream = ChunkStream([b"ab", b"cd", b"", b"ef"])
    assert stream.head(3) == b"abc"
    assert [stream.read(3), stream.read(), stream.read(1), stream.read(9), stream.read(1)] == [
        b"abc",
        b"d",
        b"e",
        b"f",
        b"",
    ]
