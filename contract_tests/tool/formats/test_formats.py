"""What a file is taken for, by its content."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract_tests.usual import each

from opay_contract.formats.look import HEAD
from opay_contract.formats.table import Format, recognise

Read = Callable[..., list[Any]]


@each(
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


@each(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0", "the file is no recording of a known format"),
    ],
)
def test_a_file_without_a_recording_is_unreadable_as_a_whole(read: Read, data: Any, reason: str) -> None:
    (found,) = read(data)
    assert (found.place.entry, found.reason) == (0, reason)


OTHERS = ["requests.ndjson", "playwright.har", "vcrpy.yaml", "mitmproxy-12.flow", "newman.json", "curl.txt"]
ANY_LINES = (Format.NDJSON, Format.JSON, Format.BODY, Format.ACCESS_LOG)
"""Formats of which each text or line is told on its own."""


@each("format_in", sorted(set(Format) - set(ANY_LINES)))
@each("name", ["README.md", *OTHERS])
def test_a_file_that_is_not_of_the_format_asked_for_is_unreadable(
    read: Read, name: str, format_in: Format
) -> None:
    folder = Path(__file__).parents[2] / "recordings"
    data = (folder / name if name == "README.md" else folder / "clean" / name).read_bytes()
    found = read(data, format_in)
    if recognise(data) is format_in:
        assert len(found) > 1
        return
    (one,) = found
    assert one.place.entry == 0
    assert "the file" in one.reason


@each("format_in", sorted(set(Format) - set(ANY_LINES)))
def test_json_of_something_else_is_named_for_what_it_is_not(read: Read, format_in: Format) -> None:
    (found,) = read(b'{"a": [1]}', format_in)
    wanted = f"the file holds nothing of the format '{format_in}'; leave --format-in out, or name another"
    assert found.reason == wanted or format_in in (Format.MITMPROXY, Format.PARQUET)


def test_a_recording_without_entries_holds_nothing_and_is_no_fault(read: Read) -> None:
    for data, format_in in ((b'{"log":{"entries":[]}}', Format.HAR), (b"interactions: []\n", Format.VCR)):
        assert read(data, format_in) == read(data) == []


def test_an_empty_file_is_unreadable_in_every_format(read: Read) -> None:
    for format_in in Format:
        assert [one.reason for one in read(b"", format_in)] == ["the file is empty"]


def test_every_format_has_its_row_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "tools/docs/reference/recordings.md").read_text(encoding="utf-8")
    assert [one for one in Format if f"| `{one}` |" not in page] == []
