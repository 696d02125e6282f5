"""Follows references: where they lead, what they hold together, and which members a schema describes."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from opay_contract.jsontext import Tokens
from opay_contract.spec.problem import Address
from opay_contract.spec.statements import items, members
from opay_contract.spec.subject import MISSING, Subject

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_EACH_ITEM = ("*",)
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")


class Reference(NamedTuple):
    """A `$ref`, where it stands, and what it says."""

    at: Address
    text: Any

    @property
    def holder(self) -> Address:
        """Return the address of the mapping that refers."""
        return Address(self.at.file, self.at.tokens[:-1])


def iter_references(subject: Subject) -> Iterator[Reference]:
    """Yield every reference of every document."""
    for at, value in subject.statements:
        if "$ref" in value:
            yield Reference(at.child("$ref"), value["$ref"])


def parse_pointer(text: Any) -> Tokens | None:
    """Return the steps of a JSON pointer, None where the text is none."""
    if not isinstance(text, str) or not _POINTER.fullmatch(text):
        return None
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])


def describe_fault(subject: Subject, file: str, text: Any) -> str | None:
    """Say what is wrong with a reference that stands in `file`; None where it leads to something."""
    parts = _split(text)
    if parts is None:
        return "a reference is text: a file name and a JSON pointer"
    path, fragment = parts
    if "://" in path or path.startswith("/"):
        return "a reference is local: no scheme, no host, no absolute path"
    name = _name(file, path)
    if name.startswith("../"):
        return "the reference leaves the contract's folder"
    if parse_pointer(fragment) is None:
        return f"'#{fragment}' is no JSON pointer; anchors are not used here"
    if name not in subject.documents:
        return None if name in subject.unread else f"no file '{name}' in the contract"
    return None if resolve(subject, file, text) else f"nothing stands at '#{fragment}' in {name}"


def resolve(subject: Subject, file: str, text: Any) -> Address | None:
    """Return where a reference in `file` leads, None where that is nowhere."""
    parts = _split(text)
    tokens = parse_pointer(parts[1]) if parts else None
    if parts is None or tokens is None:
        return None
    target = Address(_name(file, parts[0]), tokens)
    return None if subject.value(target) is MISSING else target


def reachable(subject: Subject, start: Address) -> set[Address]:
    """Return the values that `start` is made of: itself and, from there, what is referred to."""
    links: dict[str, list[Reference]] = {}
    for reference in iter_references(subject):
        links.setdefault(reference.at.file, []).append(reference)
    found, waiting = set(), [start]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            inside = [link for link in links.get(at.file, []) if at.holds(link.at)]
            waiting += [target for link in inside if (target := resolve(subject, at.file, link.text))]
    return found


def is_intact(subject: Subject, at: Address) -> bool:
    """Tell whether a schema can be used: no fault in it or in what it refers to."""
    parts = reachable(subject, at)
    faulty = any(part.holds(fault.at) for part in parts for fault in subject.faults)
    links = (link for link in iter_references(subject) if any(part.holds(link.at) for part in parts))
    return not faulty and all(resolve(subject, link.at.file, link.text) for link in links)


def in_place(subject: Subject, at: Address, *, conditions: bool = False) -> set[Address]:
    """Return the schemas that apply to the same value as the one at `at`, itself among them."""
    found, waiting = set(), [at]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += _beside(subject, at, conditions=conditions)
    return found


def is_described(subject: Subject, schemas: Iterable[Address], tokens: Tokens) -> bool:
    """Tell whether the schemas describe a member at `tokens`, where `*` is each item of a list."""
    found = {other for at in schemas for other in in_place(subject, at)}
    for token in tokens:
        inner = [child for at in found for child in _described_children(subject, at, token)]
        found = {other for at in inner for other in in_place(subject, at)}
    return bool(found)


def _split(text: Any) -> tuple[str, str] | None:
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if parts is None:
        return None
    host = f"{parts.scheme}://{parts.netloc}" if parts.scheme or parts.netloc else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{parts.path}{query}", unquote(parts.fragment)


def _name(file: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file


def _beside(subject: Subject, at: Address, *, conditions: bool) -> list[Address]:
    schema = members(subject.value(at))
    keywords = ("then", "else", "if", "not") if conditions else ("then", "else")
    found = [at.child(keyword) for keyword in keywords if keyword in schema]
    found += [at.child(keyword, i) for keyword in _IN_PLACE_LISTS for i, _ in items(schema.get(keyword))]
    target = resolve(subject, at.file, schema["$ref"]) if "$ref" in schema else None
    return [*found, target] if target else found


def _described_children(subject: Subject, at: Address, token: str | int) -> Iterator[Address]:
    schema = members(subject.value(at))
    if token in members(schema.get("properties")):
        yield at.child("properties", token)
    if "items" in schema and token in _EACH_ITEM:
        yield at.child("items")
