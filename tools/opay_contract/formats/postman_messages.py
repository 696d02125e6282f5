"""Reads requests in the shape that Postman's collections and Newman's reports give them.

A saved request is what somebody wrote and not what went out: variables stand in it as `{{name}}`, and
Postman adds headers when it sends. What is thereby not known is given as not recorded.
"""

import re
from typing import Any

from opay_contract.formats.errors import EntryError
from opay_contract.formats.messages import attempt, encode_text
from opay_contract.model.exchange import Headers, Request, header

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
    fields = parse_fields(value) if isinstance(value, list) else None
    return "?" + "&".join(f"{name}={text}" for name, text in fields) if fields else ""


def parse_fields(value: Any) -> Headers | None:
    """Return the header fields of a list of `{key, value}`, of texts, or of one text with a field a line."""
    if value is None:
        return None
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list):
        raise EntryError(ODD_ENTRY)
    return tuple(_field(field) for field in value if not _is_off(field))


def _is_off(field: Any) -> bool:
    if isinstance(field, str):
        return not field.strip()
    return isinstance(field, dict) and field.get("disabled") is True


def _field(field: Any) -> tuple[str, str]:
    if isinstance(field, str):
        before, _, after = field.partition(":")
        return before.strip(), after.strip()
    members = as_object(field)
    name, value = members.get("key"), members.get("value")
    if not isinstance(name, str | None) or not isinstance(value, str | int | None):
        raise EntryError(ODD_ENTRY)
    return name or "", "" if value is None else str(value)


def as_object(value: Any) -> dict[str, Any]:
    """Return an object; anything else in its place is odd."""
    if not isinstance(value, dict):
        raise EntryError(ODD_ENTRY)
    return value
