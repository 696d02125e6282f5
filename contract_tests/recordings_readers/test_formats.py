"""What a file is taken for, by its content."""

from collections.abc import Callable
from typing import Any

import pytest

from opay_contract.recordings.formats import HEAD, Format, recognise

Read = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"log": {"version": "1.2"', Format.HAR),
        (b'\xef\xbb\xbf\n{\n "comment": {"a": [1]}, "log": {', Format.HAR),
        (b"interactions:\n- request:\n", Format.VCR),
        (b"command: 'st'\nseed: 1\nhttp_interactions:\n", Format.VCR),
        (b"---\n- request:\n    body: x", Format.VCR),
        (b'{"version": 1, "interactions": [', Format.VCR),
        (b'{"Initialize":{"command":"st","schemathesis_version":"4"}}\n{}', Format.SCHEMATHESIS_NDJSON),
        (b'{"a":1}\n{"a":2}\n', Format.NDJSON),
        (b'{"a":1}', Format.NDJSON),
        (b"[1]\n[2]\n", Format.NDJSON),
        (b'{"a":"cut\n{"a":2}\n', Format.NDJSON),
        (b'{"a":1} trailing\n{"a":2}\n', Format.NDJSON),
        (b'{"a":NaN}\n{"a":2}\n', Format.NDJSON),
        (b'{"a":"' + b"x" * HEAD, Format.NDJSON),
        (b'{\n"a": 1\n}\n', Format.JSON),
        (b'{"a": [\n{"b":1}\n]}', Format.JSON),
        (b'{"a":', Format.JSON),
        (b'[{"a":1},{"a":2}]', Format.JSON),
        (b'[\n{"a":1},\n{"b":2}\n]', Format.JSON),
        (b"", None),
        (b"# Read me\n", None),
        (b"\x89PNG\r\n\x1a\n\0", None),
        (b"\0\ninteractions:\n", None),
        (b"import json\n", None),
    ],
)
def test_a_format_is_told_by_its_content(head: bytes, expected: Any) -> None:
    assert recognise(head) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"\xff\xfe{\0}\0", "the file is UTF-16 text; save it as UTF-8"),
        (
            b"\x89PNG\r\n\x1a\n\0",
            "the file is no recording of a known format; name its format with --format-in",
        ),
    ],
)
def test_a_file_without_a_recording_is_unreadable_as_a_whole(read: Read, data: Any, reason: str) -> None:
    (found,) = read(data)
    assert (found.place.entry, found.reason) == (0, reason)


def test_an_empty_file_is_unreadable_in_every_format(read: Read) -> None:
    for format_in in Format:
        assert [one.reason for one in read(b"", format_in)] == ["the file is empty"]
