"""The recording formats, and how a file's format is told from its first bytes."""

import codecs
import io
import re
from enum import StrEnum

from opay_contract.jsontext import NotJson, parse_json
from opay_contract.recordings.cursor import JsonCursor
from opay_contract.recordings.refusals import StreamError

HEAD = 64 << 10
"""How many bytes of a file are looked at to tell its format."""

VCR_ENTRIES = ("interactions", "http_interactions")
"""What the list of a cassette is called by vcrpy, and by schemathesis and Ruby's VCR."""


class Format(StrEnum):
    """What a recording may be; the values are the words of `--format-in`."""

    HAR = "har"
    VCR = "vcr"
    NDJSON = "ndjson"
    JSON = "json"
    BODY = "body"
    SCHEMATHESIS_NDJSON = "schemathesis-ndjson"


_SCHEMATHESIS = re.compile(rb'\{\s*"Initialize"\s*:\s*\{[^\n]*"schemathesis_version"')
_VCR_YAML = re.compile(
    rb'^["\']?(?:http_)?interactions["\']?[ \t]*:|\A(?:---\s+)?-[ \t]+request:', re.MULTILINE
)
_ENDS_INSIDE_STRING = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+"(?:[^"\\]++|\\.)*+\\?')


def recognise(head: bytes) -> Format | None:
    """Tell the format of a recording from its first `HEAD` bytes; None when it looks like no recording.

    `Format.BODY` is never recognised, only asked for: a lone body is read as `Format.JSON`.
    """
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"{", b"[")):
        return _recognise_json(text, whole=len(head) < HEAD)
    if b"\0" not in text and _VCR_YAML.search(text):
        return Format.VCR
    return None


def _recognise_json(text: bytes, *, whole: bool) -> Format:
    if _SCHEMATHESIS.match(text):
        return Format.SCHEMATHESIS_NDJSON
    by_member = _recognise_member(text)
    if by_member:
        return by_member
    return Format.NDJSON if _is_lines(text, whole=whole) else Format.JSON


def _recognise_member(text: bytes) -> Format | None:
    """Look for the member that holds the entries of a HAR or a cassette, as far as the head goes."""
    try:
        cursor = JsonCursor(io.BytesIO(text))
        for name in cursor.iter_members():
            first = cursor.peek()
            if name == "log" and first == b"{":
                return Format.HAR
            if name in VCR_ENTRIES and first == b"[":
                return Format.VCR
            cursor.skip_value()
    except StreamError:
        pass
    return None


def _is_lines(text: bytes, *, whole: bool) -> bool:
    """Tell one JSON value a line from one JSON value over many lines, even if the first is broken."""
    lines = [line for line in text.split(b"\n") if line.strip()]
    if len(lines) == 1:
        return text.startswith(b"{") and (not whole or _is_json(lines[0]))
    if not whole and len(lines) > 2:  # noqa: PLR2004  the last may be cut by the end of the head
        lines.pop()
    first, second = lines[0].rstrip(), lines[1]
    if _is_json(first) or _ENDS_INSIDE_STRING.fullmatch(first):
        return True
    return not first.endswith((b"[", b"{", b",", b":")) and second.startswith(b"{") and _is_json(second)


def _is_json(line: bytes) -> bool:
    parsed = parse_json(line)
    return not isinstance(parsed, NotJson) or parsed.too_deep
