"""Reads mitmproxy's flow files, of every version of their format, flow by flow.

A file is a row of typed netstrings, one a flow. They are not read with `mitmproxy.io`: a mitmproxy reads the
versions up to its own only, and the newest for this project's oldest Python is not the newest there is. Of
a flow a few members are looked at, which hardly changed over the versions; the rest is passed over unread.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.editing import (
    HERE,
    Edited,
    EntryVisitor,
    Found,
    Policy,
    Sink,
    Tally,
    edit_entry,
    of_side,
)
from opay_contract.formats.errors import NO_RESPONSE, TOO_LONG, EntryError, StreamError
from opay_contract.formats.messages import PlaceOf, attempt, build_exchange, parse_moment, parse_status
from opay_contract.formats.streams import Readable
from opay_contract.formats.tnetstrings import (
    BOOLEAN,
    BYTES,
    FLOAT,
    INTEGER,
    LIST,
    NOTHING,
    NULL,
    OBJECT,
    ODD_FLOW,
    STRAY,
    TEXT,
    Members,
    TnetstringReader,
    Value,
    cut,
    read_members,
    read_number,
    read_pairs,
    read_text,
    write,
)
from opay_contract.jsontext import Tokens, last_name
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header

NO_BODY = "mitmproxy passed the response body on without keeping it; record it without stream_large_bodies"

_DEFAULT_PORTS = {"http": 80, "https": 443}

_STATUS_NAMES = ("status_code", "code")
_CONTENT_NAMES = ("content", "body")
"""What a member is called now, and what it was before: the status until 0.13, the content in 0.14."""


def read_mitmproxy(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every HTTP flow; others (TCP, DNS, WebSocket, CONNECT) are counted and passed over."""
    reader = TnetstringReader(stream)
    for before, flow in enumerate(reader.iter_values()):
        found = _read_flow(place_of(before + 1, None, (reader.start, before)), flow)
        if found is not None:
            yield found


def _read_flow(place: Place, flow: Value | None) -> Exchange | Unreadable | None:
    """Return what a flow holds, None for one that is passed over."""
    try:
        return _exchange(place, flow)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, flow: Value | None) -> Exchange | Unreadable | None:
    if flow is None:
        raise EntryError(TOO_LONG)
    members = read_members(flow)
    if (
        read_text(members.get("type", (TEXT, b"http"))) != "http"
        or members.get("websocket", NOTHING) != NOTHING
    ):
        return None
    sent = read_members(members.get("request", NOTHING))
    if read_text(sent.get("method", NOTHING)).upper() == "CONNECT":
        return None
    received = members.get("response", NOTHING)
    moment = parse_moment(read_number(sent.get("timestamp_start", NOTHING)))
    return build_exchange(place, _request(sent), _response, received, moment)


def _request(members: Members) -> Request:
    headers = attempt(_sent_headers, members.get("headers", NOTHING))
    return Request(
        method=read_text(members.get("method", NOTHING)),
        url=_url(members, headers),
        headers=headers,
        body=decode_sent(attempt(_content, members), headers),
    )


def _url(members: Members, headers: Headers | None) -> str:
    """Return the URL as the client saw it: behind a reverse proxy `host` is where the request went on to."""
    scheme, path = (read_text(members.get(name, NOTHING)) for name in ("scheme", "path"))
    named = read_text(members.get("authority", NOTHING)) or header(headers, "host")
    if not named:
        host, port = read_text(members.get("host", NOTHING)), read_number(members.get("port", NOTHING))
        host = f"[{host}]" if ":" in host else host
        named = host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"
    return f"{scheme}://{named}{path}"


def _response(received: Value) -> Response:
    if received == NOTHING:
        raise EntryError(NO_RESPONSE)
    members = read_members(received)
    status, headers = (
        read_number(_first(members, _STATUS_NAMES)),
        _headers(members.get("headers", NOTHING)),
    )
    body = _content(members)
    if body is None:
        raise EntryError(NO_BODY)
    return Response(status=parse_status(status), headers=headers, body=decode_body(body, headers))


def _content(members: Members) -> bytes | None:
    kind, content = _first(members, _CONTENT_NAMES)
    if kind not in (BYTES, TEXT, NULL):
        raise EntryError(ODD_FLOW)
    return None if kind == NULL else content


def _headers(value: Value) -> Headers:
    return tuple(read_pairs(value))


_sent_headers = lru_cache(maxsize=256)(_headers)
"""The same: what a client sends is often the same in many requests."""


def _first(members: Members, names: tuple[str, ...]) -> Value:
    return next((members[name] for name in names if name in members), NOTHING)


_REMOVED = frozenset(
    {
        "alpn_offers",
        "backup",
        "cert",
        "certificate_chain",
        "certificate_list",
        "cipher",
        "cipher_list",
        "cipher_name",
        "clientcert",
        "extensions",
        "messages",
        "metadata",
        "mitmcert",
        "tls_extensions",
        "via",
        "via2",
    }
)
"""Members that are emptied: certificates and what else a connection shows of its ends, talk that is not
HTTP, and a flow as it was before somebody edited it."""

_DNS = frozenset({"additionals", "answers", "authorities", "questions"})
"""Members of a DNS message, which are emptied, too."""

_ADDRESSES = frozenset(
    {
        "address",
        "host",
        "ip_address",
        "peername",
        "resolved_address",
        "sni",
        "sockname",
        "source_address",
    }
)
"""Members that are hosts, or in which hosts stand."""

_WORDS: dict[str, tuple[re.Pattern[str], str | None]] = {
    "alpn": (re.compile(r"h[23]|http/[01]\.[0-9]|"), None),
    "alpn_proto_negotiated": (re.compile(r"h[23]|http/[01]\.[0-9]|"), None),
    "first_line_format": (re.compile("relative|absolute|authority"), "relative"),
    "marked": (re.compile("|true|:default:"), ":default:"),
    "mode": (re.compile("regular|transparent|upstream|reverse|socks5"), "regular"),
    "tls_version": (re.compile(r"D?TLSv1(?:\.[0-3])?|SSLv[23]|QUIC(?:v[12])?"), None),
    "transport_protocol": (re.compile("tcp|udp"), "tcp"),
    "type": (re.compile("http|tcp|udp|dns|websocket"), "other"),
}
"""Members that mitmproxy gives one of a few words, and what takes the place of anything else."""

_MODE = re.compile(r"(reverse|upstream):((?:https?|http3|tcp|tls|udp|dtls|dns|quic)://)([^/@]+)(/)?")
_LISTENING = re.compile(r"(regular|transparent|socks5|wireguard|local|dns|tun)(?:@[0-9]{1,5})?")


_PLACEHOLDER: Value = (OBJECT, write((TEXT, b"type")) + write((TEXT, b"http")))
_BREAKS_OFF, _STRAYS = b"1", b"x"
"""What a reader stops at in the same way as at what stood there."""

_MAX_DEPTH = 30
_NUMBERS = {
    INTEGER: re.compile(rb"-?[0-9]{1,40}"),
    FLOAT: re.compile(rb"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?"),
    BOOLEAN: re.compile(rb"true|false"),
}
_NO_NUMBER = "x"
"""Stands for a damaged number, which nobody reads: a time that is not known does not become 1970."""

_DAMAGED: Value = (OBJECT, write((INTEGER, b"0")) * 2)
"""An object in which a name is no text, as nobody writes one: no more can be read than of what was there."""

_EMPTY = {OBJECT: (OBJECT, b""), LIST: (LIST, b"")}
_CONTENTS = frozenset(
    {("request", "content"), ("request", "body"), ("response", "content"), ("response", "body")}
)
_SIDES, _FIELDS = frozenset({"request", "response"}), frozenset({"headers", "trailers"})


def rewrite_mitmproxy(policy: Policy, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Rewrite every flow in its version; where the file stops being one of mitmproxy's the written one does.

    Every value keeps its type and every object its members, as mitmproxy refuses a flow that lacks one.
    """

    def read(flow: Value | None) -> Found:
        return _read_flow(HERE, flow)

    try:
        for flow in TnetstringReader(stream).iter_values():

            def make(_found: Found, edited: Edited | None, flow: Value | None = flow) -> Iterator[Value]:
                if flow is not None and flow[0] == OBJECT:
                    with suppress(EntryError):
                        yield _FlowRewriting(policy, flow, edited).flow()

            made = edit_entry(policy, tally, flow, read=read, make=make, placeholder=_PLACEHOLDER)
            sink.write(write(made or _PLACEHOLDER))
    except StreamError as error:
        sink.write(_STRAYS if error.reason == STRAY else _BREAKS_OFF)
        tally.says_broken = True
        raise


class _FlowRewriting:
    """Rewrites the values of one flow."""

    def __init__(self, policy: Policy, flow: Value, edited: Edited | None) -> None:
        self._policy, self._flow, self._edited = policy, flow, edited
        self._visitor = EntryVisitor(policy, {}, None)

    def flow(self) -> Value:
        """Return the flow as it may be written."""
        return self._value(self._flow, ())

    def _value(self, value: Value, tokens: Tokens) -> Value:
        kind, text = value
        name = last_name(tokens) or ""
        if name in _REMOVED or (name in _DNS and tokens[0] in ("request", "response")):
            return self._emptied(value, tokens)
        if kind in (OBJECT, LIST):
            if len(tokens) > _MAX_DEPTH:
                return self._emptied(value, tokens)
            return self._collection(value, tokens)
        if kind in (BYTES, TEXT):
            return self._leaf(value, tokens, name)
        if kind in _NUMBERS:
            return kind, self._number(kind, text, tokens)
        return NOTHING

    def _collection(self, value: Value, tokens: Tokens) -> Value:
        """Return an object or a list; one that is damaged is emptied, as nobody else looks into it either."""
        kind, text = value
        inner = self._members(text, tokens) if kind == OBJECT else self._items(text, tokens)
        try:
            return kind, b"".join(map(write, inner))
        except EntryError:
            if not tokens:
                raise
            made = self._emptied(value, tokens)
            return NOTHING if tokens[1:] == ("headers",) else made  # none recorded, which is not: no fields

    def _members(self, text: bytes, tokens: Tokens) -> Iterator[Value]:
        values = cut(text)
        if len(values) % 2:
            raise EntryError(ODD_FLOW)
        for name, member in zip(values[::2], values[1::2], strict=True):
            at = (*tokens, read_text(name))
            made = _edited(name, self._visitor.name(at, read_text(name), 0))
            if made != name:
                self._visitor.renamed(at)
            yield made
            yield self._value(member, at)

    def _items(self, text: bytes, tokens: Tokens) -> Iterator[Value]:
        if len(tokens) == 3 and tokens[0] in _SIDES and tokens[1] in _FIELDS:  # noqa: PLR2004  one of a side's fields
            yield from self._field(text, str(tokens[0]))
            return
        for index, item in enumerate(cut(text)):
            yield self._value(item, (*tokens, index))

    def _field(self, text: bytes, side: str) -> Iterator[Value]:
        """Yield the name and the value of a header field."""
        name = ""
        items = cut(text)
        if len(items) != 2 or any(item[0] not in (BYTES, TEXT, NULL) for item in items):  # noqa: PLR2004
            raise EntryError(ODD_FLOW)
        for index, item in enumerate(items):
            if item[0] == NULL:
                yield NOTHING
            elif index:
                yield _edited(item, self._header(side, name, read_text(item)))
            else:
                name = read_text(item)
                yield _edited(item, self._policy.field_name(name))

    def _header(self, side: str, name: str, value: str) -> str:
        if (edited := of_side(self._edited, side)) is not None:
            return self._policy.header(edited, side, name, value)
        made = self._policy.field_value(name, value)
        return self._policy.noted(made, value, f"{side}-header", "header value")

    def _leaf(self, value: Value, tokens: Tokens, name: str) -> Value:
        if tokens in _CONTENTS:
            return value[0], self._content(value[1], str(tokens[0]))
        text = read_text(value)
        if name in _WORDS:
            pattern, instead = _WORDS[name]
            made = text if pattern.fullmatch(text) else instead
        else:
            made = self._own_text(text, tokens, name)
        if made is None and name not in _WORDS:
            return _edited(value, self._visitor.text(tokens, text))
        self._policy.noted(made or "", text, f"recording:{name}", "free text")
        return NOTHING if made is None else _edited(value, made)

    def _own_text(self, text: str, tokens: Tokens, name: str) -> str | None:
        """Return what takes the place of a text that only mitmproxy has, None for any other."""
        policy = self._policy
        if name == "proxy_mode":  # so that mitmproxy still understands it, without hosts of others
            upstream = _MODE.fullmatch(text)
            if upstream is not None:
                return f"{upstream[1]}:{upstream[2]}{policy.host(upstream[3])}{upstream[4] or ''}"
            return text if _LISTENING.fullmatch(text) else "regular"
        if tokens == ("request", "path"):
            return policy.link(text)
        if tokens == ("request", "scheme"):
            return policy.segment(text)
        if tokens == ("request", "authority") or not _ADDRESSES.isdisjoint(map(str, tokens)):
            return policy.host(text)
        return None

    def _content(self, raw: bytes, side: str) -> bytes:
        """Return a new body in the codings that the old one was kept in; of one that nobody reads, text."""
        edited, place = of_side(self._edited, side), f"recording:{side}"
        if edited is not None:
            return edited.stored(side, raw)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._policy.note("body", place)
            return b""
        return self._policy.noted(self._policy.text(text), text, place, "free text").encode()

    def _number(self, kind: bytes, text: bytes, tokens: Tokens) -> bytes:
        if not _NUMBERS[kind].fullmatch(text):
            old, place = text.decode(errors="replace"), f"recording:{tokens[-1]}"
            return self._policy.noted(_NO_NUMBER, old, place, "number").encode()
        return text if kind == BOOLEAN else self._visitor.number(tokens, text.decode()).encode()

    def _emptied(self, value: Value, tokens: Tokens) -> Value:
        kind, text = value
        is_side = kind == OBJECT and len(tokens) == 1 and tokens[0] in _SIDES
        made = _DAMAGED if is_side else _EMPTY.get(kind, NOTHING)
        if text and value != made:
            self._policy.note("connection details", f"recording:{tokens[-1]}")
        return made


def _edited(value: Value, new: str) -> Value:
    """Return a value with another text; in UTF-8, for Latin-1 has no letters that pseudonyms are made of."""
    return value if read_text(value) == new else (value[0], new.encode(errors="surrogatepass"))
