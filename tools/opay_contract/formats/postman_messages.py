"""Requests and responses as Postman's collections and Newman's reports write them: read, and written again.

A saved request is what somebody wrote and not what went out: variables stand in it as `{{name}}`, and
Postman adds headers when it sends. What is thereby not known is given as not recorded.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from msgspec import structs

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.editing import (
    HERE,
    Edited,
    EntryVisitor,
    Policy,
    is_byte,
    number_or_text,
    text_of,
    value_at,
)
from opay_contract.formats.errors import EntryError
from opay_contract.formats.look import COLLECTION
from opay_contract.formats.messages import attempt, build_exchange, encode_text, left_out_body, parse_status
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header

NO_BODY = "the saved response has no body; save the example with its body"
ODD_ENTRY = "the entry is not of the shape that Postman gives a request or a response"

VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
URL = re.compile(r"((?:[^/?#]*:)?//)?([^/?#]*)(.*)", re.DOTALL)
"""A URL as it is written: scheme with slashes, host, and the rest."""


def as_far_as_known(written: Any) -> Request:
    """Return a request as it was written, without what cannot be what was sent."""
    request = parse_request(written)
    is_told = request.body is not None and not _has_variable(str(request.body, "utf-8", "replace"))
    return Request(
        method=request.method,
        url=None if request.url is None else without_variables(request.url),
        headers=request.headers if _is_complete(written, request) else None,
        body=request.body if is_told else None,
    )


def _is_complete(written: Any, request: Request) -> bool:
    """Tell whether the headers that matter were sent as they stand: no variables, none left to Postman."""
    if not isinstance(written, dict) or any(_has_variable(value) for _, value in request.headers or ()):
        return False
    has_type = header(request.headers, "content-type") is not None
    return not written.get("auth") and (has_type or request.body == b"")


def _has_variable(text: str) -> bool:
    return VARIABLE.search(text) is not None


def without_variables(url: str) -> str | None:
    """Return a URL without the host or scheme that only a variable names, or None where that is all of it.

    Postman takes a URL without a scheme, too, so what stands first is a host.
    """
    found = URL.fullmatch(url)
    if found is None or not found[2]:
        return url
    scheme, host, rest = found[1] or "//", found[2], found[3]
    if _has_variable(host):
        return rest if rest.startswith("/") else None
    return f"//{host}{rest}" if _has_variable(scheme) else f"{scheme}{host}{rest}"


def parse_request(value: Any) -> Request:
    """Return a request in Postman's shape, in which a text alone is a URL."""
    if isinstance(value, str):
        return Request(method="GET", url=value, headers=(), body=b"")
    members = as_object(value)
    method = members.get("method", "GET")
    return Request(
        method=method if isinstance(method, str) else None,
        url=attempt(url_of, members.get("url")),
        headers=attempt(parse_fields, members.get("header") or []),
        body=attempt(_request_body, members.get("body")),
    )


def _request_body(value: Any) -> bytes | None:
    """Return the text of a body; forms and files, which are not put together here, count as unknown."""
    if value is None:
        return b""
    body = as_object(value)
    if body.get("disabled") is True:
        return b""
    text = body.get("raw", "")
    return encode_text(text) if body.get("mode") == "raw" and isinstance(text, str) else None


def url_of(value: Any) -> str | None:
    """Return a URL given as text, or as its parts beside the text or without it."""
    if value is None or isinstance(value, str):
        return value
    parts = as_object(value)
    if isinstance(parts.get("raw"), str):
        return str(parts["raw"])
    protocol, port = parts.get("protocol"), parts.get("port")
    host, path = join_parts(parts.get("host"), "."), join_parts(parts.get("path"), "/")
    scheme = f"{protocol}://" if isinstance(protocol, str) and protocol else ""
    where = f"{host}:{port}" if isinstance(port, str | int) and port else host
    return f"{scheme}{where}/{path.removeprefix('/')}{_query(parts.get('query'))}"


def join_parts(value: Any, between: str) -> str:
    """Return parts, or what is one text already, as one text."""
    if isinstance(value, list):
        return between.join(part if isinstance(part, str) else "" for part in value)
    return value if isinstance(value, str) else ""


def _query(value: Any) -> str:
    """Return the query of a list of `{key, value}` and of texts, which stand in it as they are."""
    made: list[str] = []
    for one in value if isinstance(value, list) else ():
        made += [one] if isinstance(one, str) else map("=".join, parse_fields([one]) or ())
    return "?" + "&".join(made) if made else ""


def parse_fields(value: Any) -> Headers | None:
    """Return the header fields of a list of `{key, value}`, of texts, or of one text with a field a line."""
    if value is None:
        return None
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list):
        raise EntryError(ODD_ENTRY)
    found: list[tuple[str, str]] = []
    for one in value:
        if isinstance(one, dict):
            if one.get("disabled") is not True:
                name, text = one.get("key"), one.get("value")
                if type(name) is not str or type(text) is not str:
                    name, text = _odd_field(name, text)
                found.append((name, text))
        elif not isinstance(one, str):
            raise EntryError(ODD_ENTRY)
        elif one.strip():
            before, _, after = one.partition(":")
            found.append((before.strip(), after.strip()))
    return tuple(found)


def _odd_field(name: Any, value: Any) -> tuple[str, str]:
    if not isinstance(name, str | None) or not isinstance(value, str | int | None):
        raise EntryError(ODD_ENTRY)
    return name or "", "" if value is None else str(value)


def as_object(value: Any) -> dict[str, Any]:
    """Return an object; anything else in its place is odd."""
    if not isinstance(value, dict):
        raise EntryError(ODD_ENTRY)
    return value


def saved_exchange(place: Place, written: Any, members: dict[str, Any]) -> Exchange | Unreadable:
    """Return the exchange of a request as it is written, None for an unknown one, and a saved response."""
    request = Request() if written is None else as_far_as_known(written)
    return build_exchange(place, request, _response, members)


def _response(members: dict[str, Any]) -> Response:
    status, headers = parse_status(members.get("code")), parse_fields(members.get("header"))
    return Response(status=status, headers=headers, body=_body(members.get("body"), status, headers))


def _body(text: Any, status: int, headers: Headers | None) -> bytes:
    if text is None:
        return left_out_body(status, headers, NO_BODY)
    if not isinstance(text, str):
        raise EntryError(ODD_ENTRY)
    return decode_body(encode_text(text), headers)


_REQUESTS = ("request", "originalRequest")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A request or an answer somewhere in a value; `url` is a request's new URL, as it is written."""

    side: str
    edited: Edited
    url: Any = None


def iter_messages(policy: Policy, tree: Any) -> Iterator[tuple[Tokens, Message]]:
    """Find requests by the member that they are, and saved answers beside them."""
    waiting: list[tuple[Tokens, Any]] = [((), tree)] if isinstance(tree, dict | list) else []
    while waiting:
        tokens, node = waiting.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node)
        waiting += [((*tokens, key), child) for key, child in children if isinstance(child, dict | list)]
        if isinstance(node, dict):
            for name in _REQUESTS:
                if isinstance(node.get(name), dict | str):
                    yield from _iter_request(policy, (*tokens, name), node[name])
            if isinstance(node.get("response"), list):
                yield from _iter_answers(policy, tokens, node)


def _iter_request(policy: Policy, tokens: Tokens, written: Any) -> Iterator[tuple[Tokens, Message]]:
    try:
        full, known = parse_request(written), as_far_as_known(written)
    except EntryError:
        return
    request = structs.replace(known, headers=full.headers, body=full.body)
    exchange = Exchange(place=HERE, request=request, response=Response(status=200, body=b""))
    url = written.get("url") if isinstance(written, dict) else written
    new = _url_parts(policy, url) if isinstance(url, dict) else url
    if isinstance(url, str):
        new = _written_url(policy, url)
    yield tokens, Message(side="request", edited=policy.bodies(exchange), url=new)


def _iter_answers(policy: Policy, tokens: Tokens, item: Any) -> Iterator[tuple[Tokens, Message]]:
    for index, saved in enumerate(item["response"]):
        if not isinstance(saved, dict):
            continue
        written = saved.get("originalRequest") or item.get("request")
        try:
            exchange = saved_exchange(HERE, written, saved)
        except EntryError:
            continue
        if isinstance(exchange, Unreadable):
            continue
        yield (*tokens, "response", index), Message(side="response", edited=policy.bodies(exchange))


def _written_url(policy: Policy, url: str) -> str:
    """Return a URL with nothing of a person in it, and with as many card numbers as a check finds in it."""
    made = _rewrite(policy, url)
    old, new = (policy.cards(unquote_plus(without_variables(one) or "")) for one in (url, made))
    return made if old == new else policy.text(url)


def _url_parts(policy: Policy, parts: dict[str, Any]) -> dict[str, Any] | str:
    """Return the new `raw`, `protocol`, `host` and `path`, or the whole URL where these cannot be told."""
    made: dict[str, Any] = {}
    if isinstance(parts.get("protocol"), str):
        made["protocol"] = policy.segment(parts["protocol"])
    for name, between, redact in (("host", ".", _host), ("path", "/", _path)):
        old = parts.get(name)
        if isinstance(old, str):
            made[name] = redact(policy, old)
        elif isinstance(old, list) and old:
            pieces = redact(policy, join_parts(old, between)).split(between)
            if len(pieces) != len(old):
                return _written_url(policy, url_of(parts) or "")
            made[name] = [new if isinstance(one, str) else None for one, new in zip(old, pieces, strict=True)]
    if isinstance(parts.get("raw"), str):
        made["raw"] = _written_url(policy, parts["raw"])
    return made


def _rewrite(policy: Policy, url: str) -> str:
    found = URL.fullmatch(url)
    if found is None or not found[2] or (found[1] and not VARIABLE.search(found[1] + found[2])):
        return policy.link(url) if url else url
    scheme, host, rest = found[1] or "", found[2], found[3]
    return _with_variables(scheme, policy.words, policy) + _host(policy, host) + _path(policy, rest)


def _host(policy: Policy, host: str) -> str:
    return _with_variables(host, policy.exact, policy) if VARIABLE.search(host) else policy.host(host)


def _path(policy: Policy, rest: str) -> str:
    return policy.link(rest) if rest.startswith("/") else policy.link("/" + rest)[1:]


def _with_variables(text: str, edit: Callable[[str], str], policy: Policy) -> str:
    """Return scheme or host with the names of variables, as long as they are names."""
    end, made = 0, []
    for match in VARIABLE.finditer(text):
        made.append(edit(text[end : match.start()]))
        made.append("{{" + policy.name(match[0][2:-2]) + "}}")
        end = match.end()
    return "".join(made) + edit(text[end:])


_COLLECTION = COLLECTION.decode()
ANY_SCHEMA = f"https://schema.get{_COLLECTION}v2.1.0/collection.json"
_SCHEMA = re.compile(
    r"https://schema\.(?:get)?postman\.com/json/collection/v[0-9]\.[0-9]\.[0-9](?:/collection\.json)?"
)
_PORT = re.compile("[0-9]{1,5}")
_FIELD_LINE = re.compile(r"([^:\r\n]*)(:[ \t]*)?([^\r\n]*)([\r\n]*)")
_BUFFER = ("stream", "data")


class PostmanVisitor(EntryVisitor):
    """Redacts the messages in a value as such, and everything around them as free text.

    `answers` are those that the reader of the format made something of, by their place.
    """

    def __init__(self, policy: Policy, tree: Any, answers: dict[Tokens, Edited]) -> None:
        super().__init__(policy, tree, None)
        given = {tokens: Message(side="response", edited=answer) for tokens, answer in answers.items()}
        self._messages = dict(iter_messages(policy, tree)) | given

    def text(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text."""
        message, rest = self._message_at(tokens)
        made = None if message is None else self._message_text(message, rest, tokens, value)
        return super().text(tokens, value) if made is None else made

    def number(self, tokens: Tokens, token: str) -> str:
        """Return what takes the place of a number: a size fits the new body; a header may have one."""
        message, rest = self._message_at(tokens)
        if message is not None and rest == ("responseSize",):
            old, new = message.edited.old.response.body, message.edited.new.response.body
            return str(len(new)) if token == str(len(old)) else super().number(tokens, token)
        if message is not None and rest[:1] == ("header",) and rest[2:] == ("value",):
            return number_or_text(token, self._field_value(message, tokens, token))
        return super().number(tokens, token)

    def subtree(self, tokens: Tokens, token: str) -> str | None:
        """Return what takes the place of scripts, of bytes listed as numbers, and of a URL in parts."""
        message, rest = self._message_at(tokens)
        if message is not None and rest == _BUFFER and isinstance(self._value(tokens), list):
            return json.dumps(
                list(message.edited.stored("response", bytes(self._value(tokens)))), separators=(",", ":")
            )
        if message is not None and rest == ("url",) and isinstance(message.url, str):
            return None if isinstance(self._value(tokens), str) else json.dumps(message.url)
        # what may be bytes as Node writes them
        if tokens[-1:] == ("data",) and token.startswith("["):
            kind = self._value((*tokens[:-1], "type"))
            if self._tree is None or tokens[-2:] == _BUFFER or kind == "Buffer":
                return self._emptied(tokens, "body")
        if tokens[-2:] == ("script", "exec"):
            return self._emptied(tokens, "script")
        return super().subtree(tokens, token)

    def _message_at(self, tokens: Tokens) -> tuple[Message | None, Tokens]:
        """Return the innermost message that a place is in, and the way to the place from there."""
        for end in range(len(tokens), -1, -1):
            if tokens[:end] in self._messages:
                return self._messages[tokens[:end]], tokens[end:]
        return None, ()

    def _message_text(self, message: Message, rest: Tokens, tokens: Tokens, value: str) -> str | None:
        """Return what takes the place of a text of a message, None for one that is not part of it."""
        match rest:
            case ("url", *_) if isinstance(new := value_at(message.url, rest[1:]), str):
                return self._policy.noted(new, value, "url", "URL")
            case ("url", "query", int()):
                return self._policy.noted(self._query(tokens[:-2], value), value, "url", "URL")
            case ("url", "query", int(), "key"):
                return self._policy.noted(self._query(tokens[:-3], value), value, "url", "URL")
            case ("url", "query", int(), "value"):
                key = self._value((*tokens[:-1], "key"))
                name = key if isinstance(key, str) and self._policy.is_plain(key) else "x"
                made = self._query(tokens[:-3], f"{name}={value}")[len(name) + 1 :]
                return self._policy.noted(made, value, "url", "URL")
            case ():
                return self._policy.noted(str(message.url), value, "url", "URL")
            case ("header", *_):
                return self._header_text(message, rest, tokens, value)
            case ("method",):
                return self._policy.method(value)
            case ("body", "raw") if message.side == "request" and message.edited.new.request.body:
                return text_of(message.edited.new.request.body)
            case ("body",) if message.side == "response":
                return text_of(message.edited.new.response.body)
        return None

    def _header_text(self, message: Message, rest: Tokens, tokens: Tokens, value: str) -> str | None:
        policy = self._policy
        if rest[2:] == ("key",):
            return policy.noted(policy.field_name(value), value, "recording:header", "member name")
        if rest[2:] == ("value",):
            return self._field_value(message, tokens, value)
        if len(rest) > 2:  # noqa: PLR2004  a description and the like
            return None
        if ":" not in value:
            return policy.noted(policy.segment(value), value, "recording:header", "free text")
        lines = (match for match in _FIELD_LINE.finditer(value) if match[0])
        made = [
            f"{policy.field_name(name)}{colon}{self._header(message, name, text) if colon else ''}{end}"
            for name, colon, text, end in (match.groups(default="") for match in lines)
        ]
        return "".join(made)

    def _query(self, url: Tokens, query: str) -> str:
        """Return a part of a URL's query; whose names may be shown its path tells."""
        path = join_parts(self._value((*url, "path")), "/").partition("?")[0]
        return self._policy.link(f"/{path.removeprefix('/')}?{query}").partition("?")[2]

    def _field_value(self, message: Message, tokens: Tokens, value: str) -> str:
        name = self._value((*tokens[:-1], "key"))
        return self._header(message, name if isinstance(name, str) else "", value)

    def _header(self, message: Message, name: str, value: str) -> str:
        return self._policy.header(message.edited, message.side, name.strip(), value)

    def _emptied(self, tokens: Tokens, what: str) -> str:
        """Return an empty list; where bytes are no bytes, a list that is none at the same places."""
        value = self._value(tokens) or []
        is_odd = what == "body" and isinstance(value, list) and not all(map(is_byte, value))
        made = [0 if is_byte(one) else None for one in value] if is_odd else []
        if made != value:
            self._policy.note(what, self._place(tokens))
        return json.dumps(made)

    def _value(self, tokens: Tokens) -> Any:
        return value_at(self._tree, tokens)

    def _header_of(self, tokens: Tokens) -> str | None:
        """Return the name of a header field; what a message has is not one for a name that is around it."""
        message, rest = self._message_at(tokens)
        return super()._header_of(tokens) if message is None or "headers" in rest else None

    def _other(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text that is in no message: a value goes by its key."""
        if _SCHEMA.fullmatch(value) or (tokens[-1:] == ("port",) and _PORT.fullmatch(value)):
            return value
        if _COLLECTION in value:  # in a damaged text the scheme is a piece of its own
            return ANY_SCHEMA.removeprefix("https:" if value.startswith("//") else "")
        if tokens[-1:] == ("key",):
            return self._policy.name(value)
        key = self._value((*tokens[:-1], "key")) if tokens[-1:] == ("value",) else None
        if isinstance(key, str) and self._policy.knows(key):
            return self._policy.parameter(key, value)
        return super()._other(tokens, value)
