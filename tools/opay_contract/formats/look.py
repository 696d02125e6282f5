"""What a file's first bytes show: the members of its first JSON texts, and which format tells itself by them.

Formats are told here, and not where they are read, so that no reader is imported but the one that is needed.
"""

import codecs
import io
import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from opay_contract.formats.errors import StreamError
from opay_contract.formats.json_cursor import STRING, JsonCursor
from opay_contract.jsontext import NotJson, parse_json

HEAD = 64 << 10
"""How many bytes of a file are looked at to tell its format."""

LISTED = "[]"
"""Stands among the members of a list's first item, to tell it from an object."""

COLLECTION = b"postman.com/json/collection/"
"""What is in the URL of a collection's schema, by which a collection is told."""

_LINES_LOOKED_AT = 100


class Look(msgspec.Struct, frozen=True):
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


class Head:
    """The first bytes of a file, and what they show; `is_whole` if there are no more."""

    def __init__(self, raw: bytes, size: int = HEAD) -> None:
        """Take the first `size` bytes, or all there are."""
        self.raw = raw
        self.text = raw.removeprefix(codecs.BOM_UTF8).lstrip()
        self.is_whole = len(self.text) < size
        self.is_bracketed = self.text.startswith((b"{", b"["))

    @property
    def is_json(self) -> bool:
        """Whether it is JSON and not YAML in flow style, by what stands behind the first brackets."""
        return self.is_bracketed and _JSON.match(self.text) is not None

    @cached_property
    def look(self) -> Look:
        """What the first JSON text shows; nothing where there is none."""
        return next(iter_looks(self.text), _NOTHING) if self.is_bracketed else _NOTHING


_JSON = re.compile(rb"(?:\[\s*+)?+\{?+\s*+(?:[\"{}\[\]0-9-]|true|false|null|\Z)")
_NOTHING = Look({}, is_whole=False)


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


def is_parquet(head: Head) -> bool:
    """Tell Parquet by its first bytes, which are others where even the end of the file is encrypted."""
    return head.raw.startswith((b"PAR1", b"PARE"))


# What a CI server writes before each line: GitHub, GitLab, Jenkins.
CI_STAMP = re.compile(
    rb"\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    rb"(?:Z|[+-][0-9]{2}:?[0-9]{2})\]?(?: [0-9]{2}[OE][ +]| )?"
)
_FIRST = re.compile(
    rb"[*<>] ?|  % Total|\r|[$#+] curl |curl(?:\.exe)? |[^\n>]{0,300}> ?curl(?:\.exe)? |Warning: |Note: "
    rb"|[0-9:.]{15} |Script started"
)
_SENT = re.compile(rb"^[0-9:. \[\]x-]{0,40}> [A-Z]+ \S+ HTTP/[0-9.]+\r*$", re.MULTILINE)
_RECEIVED = re.compile(rb"^[0-9:. \[\]x-]{0,40}< HTTP/[0-9.]+ [0-9]{3}\b", re.MULTILINE)


def is_curl(head: Head) -> bool:
    """Tell a transcript by its head: it starts as one does, and has a request and a response after it."""
    text = head.raw.removeprefix(codecs.BOM_UTF8).lstrip(b"\n")
    if CI_STAMP.match(text):
        text = b"".join(without_ci_stamp(line) for line in text.splitlines(keepends=True))
    sent = _SENT.search(text) if _FIRST.match(text) else None
    return sent is not None and _RECEIVED.search(text, sent.end()) is not None


def without_ci_stamp(line: bytes) -> bytes:
    """Return a line without the time that a CI server writes before each."""
    stamp = CI_STAMP.match(line)
    return line[stamp.end() :] if stamp else line


_INITIALIZED = re.compile(rb'\{\s*"Initialize"\s*:\s*\{[^\n]*"schemathesis_version"')


def is_schemathesis(head: Head) -> bool:
    """Tell a log by its first event."""
    return _INITIALIZED.match(head.text) is not None


_FLOW_START = re.compile(rb"[1-9][0-9]{0,11}:[1-9][0-9]?:[a-z_]+[,;]")  # an object, its first member's name


def is_mitmproxy(head: Head) -> bool:
    """Tell a file of flows by how the first begins."""
    return _FLOW_START.match(head.text) is not None


def is_har(head: Head) -> bool:
    """Tell HAR by its entries, also where it lost its wrapper or is a list of them."""
    look = head.look
    has = look.members.get
    if has("log") == b"{" and not (look.is_whole and "log/entries" not in look.members):
        return True
    if has("entries") == b"[" and ("creator" in look.members or "version" in look.members):
        return True
    return LISTED in look.members and "startedDateTime" in look.members and look.is_exchange


_INTERACTIONS = rb"[\"']?(?:http_)?interactions[\"']?[ \t]*:"
_YAML = re.compile(
    rb"^" + _INTERACTIONS + rb"|\A(?:---\s++|[%#][^\n]*+\n)*-\s++(?:&[^\s]++\s++)?"
    rb"(?:\{[^\n]{0,200}?\b|(?:[^\n]{0,200}\n\s++){0,3}[\"']?)(?:request|response)[\"']?:",
    re.MULTILINE,
)
_FLOW = re.compile(rb"[^\0]{0,5000}?\brequest[\"']?\s*+:")


def is_vcr(head: Head) -> bool:
    """Tell a cassette, in YAML of either style or in JSON, by its list of interactions."""
    if not head.is_bracketed:
        return b"\0" not in head.text and _YAML.search(head.text) is not None
    if not head.is_json:
        return _FLOW.match(head.text) is not None
    has = head.look.members.get
    is_response = has("response/status_code") is not None or has("response/status") == b"{"
    return any(has(name) == b"[" for name in ("interactions", "http_interactions")) or (
        has(LISTED) is not None and is_response
    )


def is_access_log(head: Head) -> bool:
    """Tell a line of Kong's, or one with the variables of nginx or Apache."""
    members = head.look.members
    if head.look.is_exchange and "latencies" in members:
        return True
    is_web_server = "request_uri" in members or "request_method" in members or members.get("request") == b'"'
    return is_web_server and ("status" in members or "response_status" in members)


def is_newman(head: Head) -> bool:
    """Tell a report, which has the collection beside its run, and that first where it is cut off."""
    look = head.look
    if look.members.get("run") == b"{":
        return not (look.is_whole and "run/executions" not in look.members)
    is_collection = look.members.get("collection") == b"{" and "run" not in look.members
    return is_collection and b'"request"' in head.text and not look.is_whole and not is_postman(head)


def is_postman(head: Head) -> bool:
    """Tell a collection, also as Postman's own API wraps it."""
    look = head.look
    has = look.members.get
    if has("info") == b"{" and COLLECTION in head.text:
        return True
    if b'"request"' not in head.text:
        return False
    is_wrapped = has("collection") == b"{" and "run" not in look.members
    return has("item") == b"[" or (is_wrapped and (look.is_whole or "collection/info" in look.members))


_ENDS_INSIDE_STRING = re.compile(rb'[^"]*+(?:"%b"[^"]*+)*"%b\\?' % (STRING, STRING))


def is_ndjson(head: Head) -> bool:
    """Tell one JSON value a line from one JSON value over many lines, even if the first is broken."""
    return head.is_bracketed and _is_lines(head.text, whole=head.is_whole)


def is_json(head: Head) -> bool:
    """Tell JSON that is nothing else."""
    return head.is_bracketed


def _is_lines(text: bytes, *, whole: bool) -> bool:
    lines = [line for line in text.split(b"\n") if line.strip()]
    if len(lines) == 1:
        return text.startswith(b"{") and (not whole or _is_json_line(lines[0]))
    if not whole and len(lines) > 2:  # noqa: PLR2004  the last may be cut by the end of the head
        lines.pop()
    first, second = lines[0].rstrip(), lines[1]
    if _is_json_line(first) or _ENDS_INSIDE_STRING.fullmatch(first):
        return True
    return not first.endswith((b"[", b"{", b",", b":")) and second.startswith(b"{") and _is_json_line(second)


def _is_json_line(line: bytes) -> bool:
    parsed = parse_json(line)
    return not isinstance(parsed, NotJson) or parsed.too_deep
