"""Where a statement of the contract stands, and where a `$ref` leads: the one place that reads either.

A URI is what the schema library says and takes; `Address` is the same thing taken apart. Neither is fetched.
"""

import posixpath
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from opay_contract.jsontext import Tokens, pointer, steps_of

OPEN = "https://contract.invalid/"
"""Where each file stands as it was written."""

CLOSED = "https://closed.contract.invalid/"
"""Where each schema stands without room for undocumented members."""

MISSING: Any = object()
"""What stands where nothing stands."""

_UNQUOTED = "/~!$&'()*+,;=:@-._"
"""What may stand in a fragment as it is (RFC 3986, section 3.5)."""

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")


_Place = TypeVar("_Place", bound=Hashable)


class Address(NamedTuple):
    """A value in the contract: the file's name in its folder and the steps that lead there."""

    file: str
    tokens: Tokens = ()

    @property
    def uri(self) -> str:
        """The address as the schema library knows it."""
        return address(self.file, *self.tokens)

    def child(self, *tokens: str | int) -> "Address":
        """Return the address of what stands further down."""
        return Address(self.file, (*self.tokens, *tokens))

    def holds(self, other: "Address") -> bool:
        """Tell whether `other` is this value or a part of it."""
        return self.file == other.file and other.tokens[: len(self.tokens)] == self.tokens

    def __str__(self) -> str:
        """Return it as people write it: `schemas/card-token.json#/properties/brand`."""
        return f"{self.file}#{pointer(self.tokens)}"


def document_uri(name: str) -> str:
    """Return the URI of the document `name`."""
    return OPEN + quote(name)


def address(name: str, *tokens: str | int) -> str:
    """Return the URI of what stands at `tokens` in the document `name`."""
    return f"{document_uri(name)}#{quote(pointer(tokens), safe=_UNQUOTED)}"


def below(uri: str, *tokens: str | int) -> str:
    """Return the URI of what stands at `tokens` below one that has a fragment."""
    return uri + quote(pointer(tokens), safe=_UNQUOTED)


def absolute(reference: str, base: str) -> str:
    """Return the URI that a `$ref` of the document `base` names."""
    return join(document_uri(base), reference)


def join(base: str, reference: str) -> str:
    """Return the URI that a reference names at a base; what is no URI becomes one that leads nowhere."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return urljoin(base, quote(reference))


def with_fragment(uri: str) -> str:
    """Return a URI to which steps can be added."""
    return uri if "#" in uri else f"{uri}#"


@lru_cache(maxsize=4096)
def split_uri(uri: str) -> Address:
    """Return a URI taken apart."""
    document, fragment = urldefrag(uri)
    name = unquote(document.removeprefix(OPEN).removeprefix(CLOSED))
    return Address(name, tuple(steps_of(unquote(fragment))))


def parse_pointer(text: Any) -> Tokens | None:
    """Return the steps of a JSON pointer, None where the text is none."""
    return tuple(steps_of(text)) if isinstance(text, str) and _POINTER.fullmatch(text) else None


def tokens_of(text: str) -> Tokens:
    """Return the steps of a text that is known to be a JSON pointer."""
    return tuple(steps_of(text))


def value_below(value: Any, tokens: Tokens, otherwise: Any = MISSING) -> Any:
    """Return what stands at `tokens` below a value, or what to say where nothing does."""
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token if type(token) is str else str(token), MISSING)
        elif isinstance(value, list) and str(token).isdecimal() and int(token) < len(value):
            value = value[int(token)]
        else:
            return otherwise
    return otherwise if value is MISSING else value


def refer(reference: Any, base: str) -> Address | str:
    """Return where a `$ref` of the document `base` leads, or what is wrong with it.

    Whether anything stands there is another question. References are local: a file of the contract's folder
    and a JSON pointer.
    """
    try:
        parts = urlsplit(reference) if isinstance(reference, str) else None
    except ValueError:
        parts = None
    if parts is None:
        return "a reference is text: a file name and a JSON pointer"
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return "a reference is local: no scheme, no host, no absolute path"
    path = unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
    name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)) if path else base
    if name.startswith("../"):
        return "the reference leaves the contract's folder"
    fragment = unquote(parts.fragment)
    tokens = parse_pointer(fragment)
    if tokens is None:
        return f"'#{fragment}' is neither a JSON pointer nor an anchor that is there"
    return Address(name, tokens)


def resolve(values: Mapping[str, Any], at: Address) -> tuple[Address, Any]:
    """Follow a chain of `$ref` from an address to what is said at its end: where that is, and the value.

    `values` has what each document says. Where a reference leads nowhere, or back to itself, the value is
    MISSING and the address is that of the value that refers so.
    """
    seen = set()
    value = value_below(values.get(at.file, MISSING), at.tokens)
    while isinstance(value, dict) and "$ref" in value:
        seen.add(at)
        target = refer(value["$ref"], at.file)
        if isinstance(target, str) or target in seen:
            return at, MISSING
        found = value_below(values.get(target.file, MISSING), target.tokens)
        if found is MISSING:
            return at, MISSING
        at, value = target, found
    return at, value


def iter_targets(value: Any, file: str) -> Iterator[Address]:
    """Yield where each `$ref` in a value of a file leads, at any depth; those that are none are left out."""
    for mapping in iter_mappings(value):
        if "$ref" in mapping and isinstance(target := refer(mapping["$ref"], file), Address):
            yield target


def iter_mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping inside a document's value, itself included."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def iter_reached(starts: Iterable[_Place], leading: Callable[[_Place], Iterable[_Place]]) -> Iterator[_Place]:
    """Yield places and, once each, those that they lead to, at any distance."""
    waiting, seen = [*starts], set[_Place]()
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            yield place
            waiting += leading(place)
