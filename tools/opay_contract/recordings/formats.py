"""The recording formats, and how a file's format is told from its first bytes."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from opay_contract.jsontext import NotJson, parse_json
from opay_contract.recordings.curl_lines import is_transcript
from opay_contract.recordings.cursor import JsonCursor
from opay_contract.recordings.foreign import LISTED, Foreign, find_by_members, find_by_start
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
    ACCESS_LOG = "access-log"
    PARQUET = "parquet"


_PARQUET = b"PAR1"
_SCHEMATHESIS = re.compile(rb'\{\s*"Initialize"\s*:\s*\{[^\n]*"schemathesis_version"')
_INTERACTIONS = rb"[\"']?(?:http_)?interactions[\"']?[ \t]*:"
_VCR_YAML = re.compile(
    rb"^" + _INTERACTIONS + rb"|\A(?:---\s++|#[^\n]*+\n)*+-\s++[\"']?(?:request|response)[\"']?:",
    re.MULTILINE,
)
_VCR_FLOW = re.compile(rb"[^\0]{0,5000}?\brequest[\"']?\s*+:")
_MITMPROXY = re.compile(rb"[1-9][0-9]{0,11}:[1-9][0-9]?:[a-z_]+[,;]")  # an object, its first member's name
_ENDS_INSIDE_STRING = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+"(?:[^"\\]++|\\.)*+\\?')

_LINES_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What the first bytes show of a JSON text: its members, or those of the first item of a list.

    A name leads to the byte with which the value begins; a member of a member is `outer/inner`. A list has
    `LISTED` among its members. `is_whole` if no member is missing.
    """

    members: dict[str, bytes]
    is_whole: bool

    @property
    def is_exchange(self) -> bool:
        """Whether it has the response that an exchange of the native format has."""
        return self.members.get("response") == b"{"


def recognise(head: bytes, size: int = HEAD) -> Format | Foreign | None:
    """Tell the format of a recording from its first `size` bytes; None when it looks like nothing known.

    `Format.BODY` is never recognised, only asked for: a lone body is read as `Format.JSON`.
    """
    if head.startswith(_PARQUET):
        return Format.PARQUET
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if is_transcript(head):
        return Format.CURL
    if text.startswith((b"{", b"[")):
        return (
            Format.VCR if _VCR_FLOW.match(text) and not _is_json_text(text) else _recognise_json(text, size)
        )
    if _MITMPROXY.match(text):
        return Format.MITMPROXY
    foreign = find_by_start(head)
    if foreign is None and b"\0" not in text and _VCR_YAML.search(text):
        return Format.VCR
    return foreign


def is_json_cassette(head: bytes) -> bool:
    """Tell a cassette in JSON from one in YAML, which may begin with a bracket, too."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return text.startswith((b"{", b"[")) and _is_json_text(text)


def is_undecided(head: bytes) -> bool:
    """Tell whether it takes more than these first bytes to say if a collection is a run's."""
    look = next(iter_looks(head), None)
    return (
        look is not None and not look.is_whole and "collection" in look.members and "run" not in look.members
    )


def iter_looks(head: bytes) -> Iterator[Look]:
    """Yield what the first JSON texts of a file show, as far as the file's first bytes go."""
    cursor = JsonCursor(io.BytesIO(head))
    try:
        for _ in range(_LINES_LOOKED_AT):
            if not cursor.peek():
                return
            yield from _iter_look(cursor)
    except StreamError:
        return


def _iter_look(cursor: JsonCursor) -> Iterator[Look]:
    """Yield a look at the next value, also when that breaks off, and go on behind it."""
    members: dict[str, bytes] = {}
    is_list, is_whole = cursor.peek() == b"[", False
    items = cursor.iter_items() if is_list else iter([None])
    try:
        if is_list:
            members[LISTED] = b"["
        if next(items, items) is None:
            _add_members(cursor, members, "", 2)
        is_whole = True
    finally:
        yield Look(members, is_whole)
    for _ in items:
        cursor.skip_value()


def _add_members(cursor: JsonCursor, members: dict[str, bytes], before: str, depth: int) -> None:
    """Take the next value, and add the members of an object and of the objects in it."""
    if cursor.peek() != b"{" or not depth:
        cursor.skip_value()
        return
    for name in cursor.iter_members():
        members[before + name] = cursor.peek()
        _add_members(cursor, members, f"{before}{name}/", depth - 1)


def _is_json_text(text: bytes) -> bool:
    """Tell JSON from YAML in flow style, by what stands behind the first brackets."""
    return re.match(rb"(?:\[\s*+)?+\{?+\s*+(?:[\"{}\[\]0-9-]|true|false|null|\Z)", text) is not None


def _recognise_json(text: bytes, size: int) -> Format | Foreign:
    if _SCHEMATHESIS.match(text):
        return Format.SCHEMATHESIS_NDJSON
    look = next(iter_looks(text), Look({}, is_whole=False))
    found = find_by_members(look.members) or _recognise_members(look, text)
    if found is not None:
        return found
    return Format.NDJSON if _is_lines(text, whole=len(text) < size) else Format.JSON


def _recognise_members(look: Look, text: bytes) -> Format | None:
    """Look for the member that holds the entries, or tells whose they are, as far as the head goes."""
    has = look.members.get
    if has("log") == b"{" and not (look.is_whole and "log/entries" not in look.members):
        return Format.HAR
    if has("entries") == b"[" and ("creator" in look.members or "version" in look.members):
        return Format.HAR
    if LISTED in look.members and "startedDateTime" in look.members and look.is_exchange:
        return Format.HAR
    if any(has(name) == b"[" for name in VCR_ENTRIES):
        return Format.VCR
    if LISTED in look.members and ("response/status_code" in look.members or has("response/status") == b"{"):
        return Format.VCR
    is_kong = look.is_exchange and "latencies" in look.members
    is_web_server = (
        "request_uri" in look.members or "request_method" in look.members or has("request") == b'"'
    )
    if is_kong or (is_web_server and ("status" in look.members or "response_status" in look.members)):
        return Format.ACCESS_LOG
    return _recognise_postman(look, text)


def _recognise_postman(look: Look, text: bytes) -> Format | None:
    """Tell a collection, also as Postman's own API wraps it, and a report, which has one beside its run."""
    has = look.members.get
    if has("run") == b"{" and not (look.is_whole and "run/executions" not in look.members):
        return Format.NEWMAN
    if has("info") == b"{" and b"postman.com/json/collection/" in text:
        return Format.POSTMAN
    if has("item") == b"[" and b'"request"' in text:
        return Format.POSTMAN
    if has("collection") == b"{" and b'"request"' in text and "run" not in look.members:
        return Format.POSTMAN if look.is_whole or "collection/info" in look.members else Format.NEWMAN
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
