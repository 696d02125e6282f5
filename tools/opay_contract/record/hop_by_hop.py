"""Which header fields a proxy passes on, and which are its own business (RFC 9110, 7.6.1)."""

from collections.abc import Iterable

from opay_contract.model.exchange import Headers

Field = tuple[bytes, bytes]

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_KEPT = frozenset({b"content-length", b"host"})
"""What a message is framed and routed by stays, even if the Connection field names it."""


def end_to_end(fields: Iterable[Field]) -> list[Field]:
    """Return the fields that are meant for the other end, in their order, repeated ones repeated."""
    given = list(fields)
    named = {
        token.strip().lower()
        for name, value in given
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    dropped = _HOP_BY_HOP | (named - _KEPT)
    return [(name, value) for name, value in given if name.lower() not in dropped]


def is_chunked(fields: Iterable[Field]) -> bool:
    """Return whether the length of a message's body is not known beforehand."""
    return any(name.lower() == b"transfer-encoding" for name, _ in fields)


def with_host(fields: Iterable[Field], host: bytes) -> list[Field]:
    """Return the fields with one Host, where it stood."""
    given = list(fields)
    at = next((at for at, (name, _) in enumerate(given) if name.lower() == b"host"), 0)
    name = given[at][0] if given and given[at][0].lower() == b"host" else b"host"
    rest = [(at, field) for at, field in enumerate(given) if field[0].lower() != b"host"]
    before = [field for place, field in rest if place < at]
    return [*before, (name, host), *(field for place, field in rest if place >= at)]


def without_length(fields: Iterable[Field]) -> list[Field]:
    """Return the fields of a message that is framed in another way."""
    return [(name, value) for name, value in fields if name.lower() != b"content-length"]


def as_headers(fields: Iterable[Field]) -> Headers:
    """Return fields as a recording has them."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)
