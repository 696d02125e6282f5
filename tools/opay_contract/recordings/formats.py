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
    MITMPROXY = "mitmproxy"
    POSTMAN = "postman"
    NEWMAN = "newman"
    CURL = "curl"
    PARQUET = "parquet"


_PARQUET = b"PAR1"
_SCHEMATHESIS = re.compile(rb'\{\s*"Initialize"\s*:\s*\{[^\n]*"schemathesis_version"')
_VCR_YAML = re.compile(
    rb'^["\']?(?:http_)?interactions["\']?[ \t]*:|\A(?:---\s+)?-[ \t]+request:', re.MULTILINE
)
_MITMPROXY = re.compile(rb"[1-9][0-9]{0,11}:[1-9][0-9]?:[a-z_]+[,;]")  # an object, its first member's name
_CURL_FIRST = re.compile(
    rb"[*<>] |  % Total|\r|[$#+] curl |curl |Warning: |Note: |[0-9:.]{15} |Script started"
)
_WRAPPED_COLLECTION = re.compile(rb'\{\s*"collection"\s*:\s*\{\s*"info"')
_CURL_SENT = re.compile(rb"^[0-9:. \[\]x-]{0,40}> [A-Z]+ \S+ HTTP/[0-9.]+\r*$", re.MULTILINE)
_CURL_RECEIVED = re.compile(rb"^[0-9:. \[\]x-]{0,40}< HTTP/[0-9.]+ [0-9]{3}\b", re.MULTILINE)
_ENDS_INSIDE_STRING = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+"(?:[^"\\]++|\\.)*+\\?')


def recognise(head: bytes) -> Format | None:
    """Tell the format of a recording from its first `HEAD` bytes; None when it looks like no recording.

    `Format.BODY` is never recognised, only asked for: a lone body is read as `Format.JSON`.
    """
    if head.startswith(_PARQUET):
        return Format.PARQUET
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"{", b"[")):
        return _recognise_json(text, whole=len(head) < HEAD)
    if _MITMPROXY.match(text):
        return Format.MITMPROXY
    if _is_curl(head.lstrip(b"\n")):
        return Format.CURL
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
    """Look for the member that holds the entries, or tells whose they are, as far as the head goes."""
    try:
        cursor = JsonCursor(io.BytesIO(text))
        for name in cursor.iter_members():
            first = cursor.peek()
            if name == "log" and first == b"{":
                return Format.HAR
            if name in VCR_ENTRIES and first == b"[":
                return Format.VCR
            by_postman = _recognise_postman(name, first, text)
            if by_postman:
                return by_postman
            cursor.skip_value()
    except StreamError:
        pass
    return None


def _recognise_postman(name: str, first: bytes, text: bytes) -> Format | None:
    """Tell a collection, also as Postman's own API wraps it, and a report, which has one before its run."""
    if name == "info" and first == b"{" and b"postman.com/json/collection/" in text:
        return Format.POSTMAN
    if name == "item" and first == b"[" and b'"request"' in text:
        return Format.POSTMAN
    if name == "collection" and first == b"{" and b'"request"' in text:
        return Format.POSTMAN if _WRAPPED_COLLECTION.match(text) else Format.NEWMAN
    return Format.NEWMAN if name == "run" and first == b"{" and b'"executions"' in text else None


def _is_curl(head: bytes) -> bool:
    """Tell a transcript: it starts as one does, and has a request and a response after it."""
    sent = _CURL_SENT.search(head) if _CURL_FIRST.match(head) else None
    return sent is not None and _CURL_RECEIVED.search(head, sent.end()) is not None


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
