"""The addresses of a contract's statements inside the registry; they are names and are never fetched."""

from urllib.parse import quote, unquote, urldefrag, urljoin

from opay_contract.jsontext import pointer

OPEN = "https://contract.invalid/"
"""Where each file stands as it was written."""

CLOSED = "https://closed.contract.invalid/"
"""Where each schema stands without room for undocumented members."""

_UNQUOTED = "/~!$&'()*+,;=:@-._"
"""What may stand in a fragment as it is (RFC 3986, section 3.5)."""


def address(name: str, *tokens: str | int) -> str:
    """Return the address of what stands at `tokens` in the document `name`."""
    return f"{OPEN}{name}#{quote(pointer(tokens), safe=_UNQUOTED)}"


def below(uri: str, *tokens: str | int) -> str:
    """Return the address of what stands at `tokens` below an address that has a fragment."""
    return uri + quote(pointer(tokens), safe=_UNQUOTED)


def absolute(reference: str, base: str) -> str:
    """Resolve a `$ref` of the document `base` to its address."""
    return urljoin(OPEN + base, reference)


def split_uri(uri: str) -> tuple[str, list[str]]:
    """Return the document's name and the pointer's tokens of an address."""
    address, fragment = urldefrag(uri)
    name = address.removeprefix(OPEN).removeprefix(CLOSED)
    tokens = unquote(fragment).split("/")[1:]
    return name, [token.replace("~1", "/").replace("~0", "~") for token in tokens]
