"""What a format asks of whoever edits recordings, and what becomes of an entry as a whole.

A format knows where in an entry a URL, a header field or a body stands; what becomes of it is the policy's.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import field, structs
from msgspec.structs import replace

from opay_contract.formats.bounds import excess_of
from opay_contract.formats.content_coding import encode_body, find_faulty_body
from opay_contract.formats.errors import NO_URL, EntryError, StreamError
from opay_contract.formats.messages import encode_text, parse_base64
from opay_contract.jsontext import Tokens, last_name
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable

HERE = Place(source=0, entry=1, file="-")
"""The place of an entry that is read alone."""

NOT_KEPT = "it cannot be redacted so that it can still be read"

Found = Exchange | Unreadable | None
"""What is read of an entry; None where it is passed over."""

_Made = TypeVar("_Made")


class Sink(Protocol):
    """Where edited text goes."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange before and after; where only some of its `sides` could be read it is one of these alone."""

    old: Exchange
    new: Exchange
    sides: tuple[str, ...] = ("request", "response")

    def body(self, side: str, *, is_new: bool = True) -> bytes:
        """Return the body of one side."""
        exchange = self.new if is_new else self.old
        return (exchange.request.body if side == "request" else exchange.response.body) or b""

    def stored(self, side: str, raw: bytes) -> bytes:
        """Return the new body in the content codings that the old one was kept in, as `raw`."""
        if raw == self.body(side, is_new=False):
            return self.body(side)
        sent, received = self.old.request.headers, self.old.response.headers
        return encode_body(self.body(side), sent if side == "request" else received)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of each kind of value: functions to what takes its place, or to what is known of it."""

    bodies: Callable[[Exchange], Edited]  # nothing but the bodies is another
    header: Callable[[Edited, str, str, str], str]  # of one side of an exchange, by name and value
    url: Callable[[str], str]
    method: Callable[[str], str]
    moment: Callable[[str], str]
    field_name: Callable[[str], str]
    field_value: Callable[[str, str], str]  # of a header field that belongs to no exchange
    link: Callable[[str], str]  # any URL, or path and query of one
    host: Callable[[str], str]
    segment: Callable[[str], str]  # a part of a path
    parameter: Callable[[str, str], str]  # by name and value
    number: Callable[[str, int], str]  # may stay below the second
    member: Callable[[str, str], str]  # a text that a recorder has beside the messages, under a name
    text: Callable[[str], str]  # nothing of it may stay
    words: Callable[[str], str]  # its known words may stay
    remark: Callable[[str], str]  # they may, and nobody searches it for card numbers
    exact: Callable[[str], str]  # in its very length
    knows: Callable[[str], bool]  # whether the contract says how sensitive what has this name is
    is_plain: Callable[[str], bool]  # whether a name may be shown
    is_answer: Callable[[Exchange], bool]  # whether it is one of the contract's API where no URL tells
    is_in_scope: Callable[[Request], bool]  # whether a request may be one to the contract's API
    cards: Callable[[str], list[int]]  # how long the card numbers in a text are: an edited one has them, too
    say: Callable[[Tokens], str]  # a place in words that show nothing
    name: Callable[..., str]  # a member's; another `salt` asks for another, `is_shown` if a report shows it
    note: Callable[[str, str], None]  # that something was replaced, as kind and place
    notes: Callable[[], int]  # how much was replaced so far

    def noted(self, made: str, old: str, place: str, kind: str) -> str:
        """Return what was made, and note it if it is another text."""
        if made != old:
            self.note(kind, place)
        return made


class Tally(msgspec.Struct):
    """How many entries were edited, and which could not be read.

    `unread` says of each entry that could not be read and had something to be taken out, by its number, why
    that is; `broken` says why the rest of the file could not be read. `says_broken` is set where the written
    text itself stops making sense at that place, so that its packing need not. `is_passed_over` for a file of
    a folder that is no recording: nothing is written of it, and that is no fault. Of the entries `others` are
    no exchanges. With `needs_url` nothing else may tell whose answer an entry has.
    """

    entries: int = 0
    others: int = 0
    needs_url: bool = False
    unread: dict[int, str] = field(default_factory=dict)
    broken: str | None = None
    says_broken: bool = False
    is_passed_over: bool = False

    @property
    def exchanges(self) -> int:
        """How many of the entries are exchanges, read or not."""
        return self.entries - self.others

    def refuse(self, reason: str) -> None:
        """Note that the entry that is on cannot be read; a line that is named is one of the entry alone."""
        self.unread.setdefault(self.entries, reason.partition(" at line ")[0])

    def note(self, policy: Policy, found: Found) -> None:
        """Note why the entry that is on is not judged, if it is not: its bodies may be too much, too.

        What went to another API is not judged anyway.
        """
        request = found.request if found is not None else None
        if not isinstance(found, Exchange):
            reason = reason_of(found)
        elif found.request.url is None and (self.needs_url or not policy.is_answer(found)):
            reason = NO_URL
        else:
            reason = excess_of(found)
        if reason is not None and (request is None or policy.is_in_scope(request)):
            self.refuse(reason)


def of_side(edited: Edited | None, side: str | int) -> Edited | None:
    """Return the exchange that a message of one side belongs to, None where that could not be read."""
    return edited if edited is not None and side in edited.sides else None


def edit_entry(  # noqa: PLR0913  the entry, and how it is read and written
    policy: Policy,
    tally: Tally,
    old: _Made,
    *,
    read: Callable[[_Made], Found],
    make: Callable[[Found, Edited | None], Iterable[_Made]],
    placeholder: _Made,
) -> _Made:
    """Return the first of what is made of an entry that is read as that was, or unreadable for its reason."""
    tally.entries += 1

    def edit() -> _Made:
        found = read(old)
        candidates = (one for edited in edits_of(policy, found) for one in make(found, edited))
        made = next((one for one in candidates if _is_alike(found, read(one))), None)
        tally.note(policy, found)
        tally.others += found is None
        if made is None and isinstance(found, Exchange):
            tally.refuse(NOT_KEPT)
        return placeholder if made is None else made

    return unless_defect(tally, edit, placeholder)


def edits_of(policy: Policy, found: Found) -> Iterator[Edited | None]:
    """Yield what an entry may be edited by: of one whose answer cannot be read, the request still is.

    First with a body that has the fault for which the answer cannot be read, if it is one of the body.
    """
    if isinstance(found, Exchange):
        yield policy.bodies(found)
        return
    if found is not None:
        request, faulty = found.request or Request(), find_faulty_body(found.reason)
        edited = policy.bodies(
            Exchange(place=found.place, request=request, response=Response(status=0, body=b""))
        )
        if faulty is not None:
            response = Response(status=0, body=faulty)
            yield replace(edited, new=structs.replace(edited.new, response=response))
        if found.request is not None:
            yield replace(edited, sides=("request",))
    yield None


def _is_alike(found: Found, again: Found) -> bool:
    return type(found) is type(again) and reason_of(found) == reason_of(again)


def reason_of(found: Found) -> str | None:
    """Return why an entry cannot be read, whatever its line; None where it can."""
    return found.reason.partition(" at line ")[0] if isinstance(found, Unreadable) else None


def unless_defect(tally: Tally, edit: Callable[[], _Made], instead: _Made) -> _Made:
    """Edit an entry; a defect of ours costs that one alone, and what it says may hold data."""
    try:
        return edit()
    except (StreamError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the entries beside it are edited
        tally.refuse(f"it cannot be redacted ({type(error).__name__})")
        return instead


_SIDES = ("request", "response")
_URLS = frozenset({("request", "url"), ("request", "uri"), ("response", "redirectURL")})
_URL_NAMES = frozenset({"url", "uri", "path", "redirectURL", "requested_url"})
_BODIES = frozenset(
    {
        ("request", "postData", "text"),
        ("response", "content", "text"),
        ("response", "content"),
        ("response", "content", "string"),
        ("request", "request_body"),
        *((side, "body") for side in _SIDES),
        *((side, "body", "string") for side in _SIDES),
    }
)
_NATIVE_BODIES = tuple((side, "body") for side in _SIDES)
_BASE64 = frozenset(
    {
        ("response", "content", "$base64"),
        *((side, "body_base64") for side in _SIDES),
        *((side, "body", name) for side in _SIDES for name in ("base64_string", "$base64")),
    }
)
_TEXTS = _URLS | _BODIES | _BASE64 | {("request", "method")}
_SIZES = frozenset({("request", "bodySize"), ("response", "bodySize"), ("response", "content", "size")})
_MEDIA_TYPES = frozenset({"mimeType", "media_type"})
_PARAMETERS = frozenset({"queryString", "params"})
_LISTED = 8
"""So many bytes listed as numbers may be a text."""

_MANY, _FEW = 10**7, 2
_INTEGER = re.compile("-?[1-9][0-9]*")
_HALF = re.compile("[\ud800-\udfff]")


class EntryVisitor:
    """What becomes of each value of an entry: `tree` is its value, `edited` its exchange if it has one."""

    def __init__(self, policy: Policy, tree: Any, edited: Edited | None, *, is_native: bool = False) -> None:
        self._policy, self._tree, self._edited, self._is_native = policy, tree, edited, is_native

    def text(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text."""
        edited = self._edited_at(tokens)
        if edited is not None and (tokens in _BODIES or tokens in _BASE64):
            return self._body(edited, tokens, value)
        if tokens in _URLS:
            return self._policy.url(value)
        if tokens == ("request", "method"):
            return self._policy.method(value)
        field = self._header_of(tokens)
        if field is not None and edited is not None:
            return self._policy.header(edited, str(tokens[0]), field, value)
        made = self._policy.field_value(field, value) if field is not None else self._other(tokens, value)
        return self._changed(made, value, tokens, "free text")

    def number(self, tokens: Tokens, token: str) -> str:
        """Return what takes the place of a number: sizes fit the new bodies, measures stay."""
        edited, side = self._edited_at(tokens), str(tokens[0]) if tokens else ""
        if tokens in _SIZES and edited is not None and token == str(len(edited.body(side, is_new=False))):
            return str(len(edited.body(side)))
        field = self._header_of(tokens)
        if field is not None and edited is not None:
            return number_or_text(token, self._policy.header(edited, side, field, token))
        is_known = self._tree is not None and not self._is_hidden(tokens, token)
        made = self._policy.number(token, _MANY if is_known else _FEW)
        return self._changed(made, token, tokens, "number")

    def _is_hidden(self, tokens: Tokens, token: str) -> bool:
        """Tell what may be a byte of a list that the tree has not: its name came twice, or is no text."""
        is_of_list = bool(self._tree and tokens) and isinstance(tokens[-1], int)
        return is_of_list and token.isdigit() and str(value_at(self._tree, tokens)) != token

    def is_text(self, tokens: Tokens) -> bool:
        """Tell whether a value is a text even where it has digits alone: a header field's, a URL, a body."""
        return tokens in _TEXTS or self._header_of(tokens) is not None

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        """Return a member's name."""
        is_field = len(tokens) > 1 and tokens[-2] == "headers"
        if is_field:
            return self._field_name(name)
        return self._policy.name(name, salt, is_shown=self._tree is not None)

    def _field_name(self, name: str) -> str:
        """Return a header field's name; of an entry that breaks off nobody knows what is one."""
        return (
            self._policy.name(name, is_shown=False) if self._tree is None else self._policy.field_name(name)
        )

    def renamed(self, tokens: Tokens) -> None:
        """Note that a member has another name now."""
        self._policy.note("member name", self._place(tokens))

    def _edited_at(self, tokens: Tokens) -> Edited | None:
        return of_side(self._edited, tokens[0]) if tokens else None

    def _changed(self, made: str, old: str, tokens: Tokens, kind: str) -> str:
        if made != old:
            self._policy.note(kind, self._place(tokens))
        return made

    def _place(self, tokens: Tokens) -> str:
        return f"recording:{self._policy.say(tokens)}"

    def subtree(self, tokens: Tokens, token: str) -> str | None:
        """Return a native body: the text of a JSON value in the middle of the line; bytes listed go."""
        edited = self._edited_at(tokens)
        if self._is_native and edited is not None and tokens in _NATIVE_BODIES:
            part = edited.new.request if tokens[0] == "request" else edited.new.response
            if token.startswith('"') or part.body is None:
                return None
            return part.body.decode(errors="surrogateescape")  # as the rest of the line is read
        if token.startswith("["):
            value = value_at(self._tree, tokens)
            if isinstance(value, list) and len(value) >= _LISTED and all(map(is_byte, value)):
                self._policy.note("bytes", self._place(tokens))
                return "[]"
        return None

    def binary(self, tokens: Tokens, raw: bytes) -> bytes:
        """Return what takes the place of bytes that a cassette has as such."""
        edited = self._edited_at(tokens)
        if edited is not None and tokens in _BODIES:
            return edited.stored(str(tokens[0]), raw)
        return encode_text(self.text(tokens, raw.decode(errors="replace")))

    def _body(self, edited: Edited, tokens: Tokens, value: str) -> str:
        side = str(tokens[0])
        is_base64 = tokens in _BASE64 or value_at(self._tree, (*tokens[:-1], "encoding")) == "base64"
        if not is_base64:
            old, new = edited.body(side, is_new=False), edited.body(side)
            if encode_text(value) != old and base64.b64encode(old).decode() == value:
                return base64.b64encode(new).decode()
            return text_of(new)
        try:
            raw = parse_base64(value)
        except EntryError:
            return self._policy.text(value)
        return base64.b64encode(edited.stored(side, raw)).decode()

    def _header_of(self, tokens: Tokens) -> str | None:
        """Return the name of the header field that a text is the value of, in any of the formats' shapes."""
        if "headers" not in tokens[:-1]:
            return None
        at = len(tokens) - 2 - tokens[-2::-1].index("headers")
        rest = tokens[at + 1 :]
        if isinstance(rest[0], str):
            return rest[0]
        if rest[1:] == ("value",):
            name = value_at(self._tree, (*tokens[:-1], "name"))
        elif rest[1:2] and rest[1] != 0 and len(rest) > 1 and isinstance(rest[1], int):
            name = value_at(self._tree, (*tokens[: at + 2], 0))
        else:
            return None
        return name if isinstance(name, str) else None

    def _other(self, tokens: Tokens, value: str) -> str:
        policy, last = self._policy, last_name(tokens) or ""
        is_web_address = value.startswith(("http://", "https://")) and not any(map(str.isspace, value))
        if (last in _URL_NAMES and tokens) or is_web_address:
            return policy.link(value)
        if len(tokens) > 1 and tokens[-1] == "name" and "headers" in tokens:
            return self._field_name(value)
        if tokens[-1:] == (0,) and tokens[-3:-2] == ("headers",):
            return self._field_name(value)
        if last in _MEDIA_TYPES:
            return policy.field_value("content-type", value)
        if tokens[-1:] == ("value",) and _PARAMETERS & set(map(str, tokens)):
            return policy.parameter(str(value_at(self._tree, (*tokens[:-1], "name"))), value)
        return policy.parameter(last, value) if policy.knows(last) else policy.member(last, value)


def is_byte(value: Any) -> bool:
    """Tell whether a value is the number of a byte."""
    return type(value) is int and 0 <= value < 256  # noqa: PLR2004  the values of a byte


def text_of(body: bytes) -> str:
    """Return a new body as the text of a string; half of a surrogate pair is one that no byte is read as."""
    return _HALF.sub("\ud800", body.decode(errors="surrogatepass"))


def number_or_text(token: str, made: str) -> str:
    """Return what takes the place of a number that is a text elsewhere: a number where that can be."""
    return made if made == token or _INTEGER.fullmatch(made) else json.dumps(made)


def value_at(tree: Any, tokens: Tokens) -> Any:
    """Return the value at a place, None where there is none."""
    for token in tokens:
        try:
            tree = tree[token]
        except (KeyError, IndexError, TypeError):
            return None
    return tree
