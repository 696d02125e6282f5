"""Rewrites the text of one entry: knows where each format keeps URL, header fields and bodies."""

import base64
import re
from typing import Any

from opay_contract.formats.content_coding import encode_body
from opay_contract.formats.errors import EntryError
from opay_contract.formats.messages import encode_text, parse_base64
from opay_contract.jsontext import Tokens
from opay_contract.redact.redactor import Redacted, Redactor
from opay_contract.redact.sensitivity import Statement
from opay_contract.redact.texts import FREE_TEXT, STRICT
from opay_contract.redact.values import is_moment, is_time
from opay_contract.redact.vocabulary import RECORDER_NAMES

_SIDES = ("request", "response")
_URLS = frozenset({("request", "url"), ("request", "uri"), ("response", "redirectURL")})
_URL_NAMES = frozenset({"url", "uri", "path", "redirectURL", "requested_url"})
_BODIES = frozenset(
    {
        ("request", "postData", "text"),
        ("response", "content", "text"),
        ("response", "content"),
        ("response", "content", "string"),
        *((side, "body") for side in _SIDES),
        *((side, "body", "string") for side in _SIDES),
    }
)
_BASE64 = frozenset(
    {
        ("response", "content", "$base64"),
        *((side, "body_base64") for side in _SIDES),
        *((side, "body", name) for side in _SIDES for name in ("base64_string", "$base64")),
    }
)
_SIZES = frozenset({("request", "bodySize"), ("response", "bodySize"), ("response", "content", "size")})
_MEDIA_TYPES = frozenset({"mimeType", "media_type"})
_PARAMETERS = frozenset({"queryString", "params"})
_LISTED = 8
"""So many bytes listed as numbers may be a text."""

_MANY, _FEW = 10**7, 2
_HALF = re.compile("[\ud800-\udfff]")


class EntryVisitor:
    """What becomes of each value of an entry: `tree` is its value, `redacted` its exchange if it has one."""

    def __init__(
        self, redactor: Redactor, tree: Any, redacted: Redacted | None, *, is_native: bool = False
    ) -> None:
        self._redactor, self._tree, self._redacted, self._is_native = redactor, tree, redacted, is_native

    def text(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text."""
        if self._redacted is not None and (tokens in _BODIES or tokens in _BASE64):
            return self._body(self._redacted, tokens, value)
        if tokens in _URLS:
            return self._redactor.url(value)
        if tokens == ("request", "method"):
            return self._redactor.method(value)
        field = self._header_of(tokens)
        if field is not None and self._redacted is not None and tokens[0] in _SIDES:
            return self._redactor.header(self._redacted, str(tokens[0]), field, value)
        made = self._fields_value(field, value) if field is not None else self._other(tokens, value)
        return self._redactor.noted(made, value, self._place(tokens), "free text")

    def number(self, tokens: Tokens, token: str) -> str:
        """Return what takes the place of a number: sizes fit the new bodies, measures stay."""
        if tokens in _SIZES and self._redacted is not None:
            old, new = self._lengths(str(tokens[0]))
            if token == str(old):
                return str(new)
        value = float(token)
        least = _MANY if self._tree is not None else _FEW
        if abs(value) < least or is_moment(value):
            return token
        made = self._redactor.values.number(token, Statement(None), 0.0)
        return self._redactor.noted(made, token, self._place(tokens), "number")

    def is_field(self, tokens: Tokens) -> bool:
        """Tell whether a value is one of a header field, which is a text even where it has digits alone."""
        return self._header_of(tokens) is not None

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        """Return a member's name."""
        is_field = len(tokens) > 1 and tokens[-2] == "headers"
        return self._redactor.fields.name(name) if is_field else self._named(name, salt)

    def _named(self, name: str, salt: int) -> str:
        return self._redactor.values.name(name, salt, is_shown=self._tree is not None)

    def renamed(self, tokens: Tokens) -> None:
        """Note that a member has another name now."""
        self._redactor.log.add("member name", self._place(tokens))

    def _place(self, tokens: Tokens) -> str:
        return f"recording:{self._redactor.values.texts.say(tokens)}"

    def subtree(self, tokens: Tokens) -> str | None:
        """Return a native body: the text of a JSON value in the middle of the line; bytes listed go."""
        value = value_at(self._tree, tokens)
        if self._is_native and self._redacted is not None and tokens[1:] == ("body",):
            part = self._redacted.new.request if tokens[0] == "request" else self._redacted.new.response
            if isinstance(value, str) or part.body is None:
                return None
            return part.body.decode(errors="surrogateescape")  # as the rest of the line is read
        if isinstance(value, list) and len(value) >= _LISTED and all(map(_is_byte, value)):
            self._redactor.log.add("bytes", self._place(tokens))
            return "[]"
        return None

    def binary(self, tokens: Tokens, raw: bytes) -> bytes:
        """Return what takes the place of bytes that a cassette has as such."""
        if self._redacted is not None and tokens in _BODIES:
            return self._stored(self._redacted, str(tokens[0]), raw)
        return encode_text(self.text(tokens, raw.decode(errors="replace")))

    def _body(self, redacted: Redacted, tokens: Tokens, value: str) -> str:
        side = str(tokens[0])
        is_base64 = tokens in _BASE64 or value_at(self._tree, (*tokens[:-1], "encoding")) == "base64"
        if not is_base64:
            old, new = _body_of(redacted, side, is_new=False), _body_of(redacted, side, is_new=True)
            if encode_text(value) != old and _is_base64_of(value, old):
                return base64.b64encode(new).decode()
            return text_of(new)
        try:
            raw = parse_base64(value)
        except EntryError:
            return self._redactor.values.texts.redact(value, STRICT)
        return base64.b64encode(self._stored(redacted, side, raw)).decode()

    def _stored(self, redacted: Redacted, side: str, raw: bytes) -> bytes:
        """Return the new body in the content codings that the old one was kept in."""
        new = _body_of(redacted, side, is_new=True)
        if side == "request" or raw == redacted.old.response.body:
            return new
        return encode_body(new, redacted.old.response.headers)

    def _lengths(self, side: str) -> tuple[int, int]:
        if self._redacted is None:
            return -1, -1
        return len(_body_of(self._redacted, side, is_new=False)), len(
            _body_of(self._redacted, side, is_new=True)
        )

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

    def _fields_value(self, name: str, value: str) -> str:
        return self._redactor.fields.value(name, value)

    def _other(self, tokens: Tokens, value: str) -> str:
        redactor, last = self._redactor, _last_name(tokens)
        if (last in _URL_NAMES and tokens) or _is_web_address(value):
            return redactor.urls.redact(value)
        if len(tokens) > 1 and tokens[-1] == "name" and "headers" in tokens:
            return redactor.fields.name(value)
        if "headers" in tokens and tokens[-1] == 0:
            return redactor.fields.name(value)
        if last in _MEDIA_TYPES:
            return redactor.fields.value("content-type", value)
        if tokens[-1:] == ("value",) and _PARAMETERS & set(map(str, tokens)):
            return redactor.urls.value(str(value_at(self._tree, (*tokens[:-1], "name"))), value)
        if last in redactor.values.sensitivity.by_name:
            return redactor.values.text(value, Statement(redactor.values.sensitivity.by_name[last]), 0.0)
        if is_time(value):
            return value
        return redactor.values.texts.redact(value, FREE_TEXT if last in RECORDER_NAMES else STRICT)


def _is_byte(value: Any) -> bool:
    return type(value) is int and 0 <= value < 256  # noqa: PLR2004  the values of a byte


def _body_of(redacted: Redacted, side: str, *, is_new: bool) -> bytes:
    exchange = redacted.new if is_new else redacted.old
    return (exchange.request.body if side == "request" else exchange.response.body) or b""


def text_of(body: bytes) -> str:
    """Return a new body as the text of a string; half of a surrogate pair is one that no byte is read as."""
    return _HALF.sub("\ud800", body.decode(errors="surrogatepass"))


def _is_base64_of(value: str, body: bytes) -> bool:
    return base64.b64encode(body).decode() == value


def value_at(tree: Any, tokens: Tokens) -> Any:
    """Return the value at a place, None where there is none."""
    for token in tokens:
        try:
            tree = tree[token]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def _last_name(tokens: Tokens) -> str:
    return next((token for token in reversed(tokens) if isinstance(token, str)), "")


def _is_web_address(value: str) -> bool:
    return value.startswith(("http://", "https://")) and not any(map(str.isspace, value))
