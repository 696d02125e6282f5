"""What was seen of a call, before it is decoded and redacted, and bodies that are not kept."""

from dataclasses import dataclass, field
from enum import StrEnum

from opay_contract.model.exchange import Exchange, Headers

BODY_LIMIT = 1 << 20
"""The longest body that is recorded, unless told otherwise: the contract's are a thousandth of it."""


class Omitted(StrEnum):
    """Why a recorded message has no body."""

    TOO_LONG = "body too long"
    NOT_READ = "body not read"
    NOT_DECODED = "body not decoded"


Body = bytes | Omitted
"""A body as it came over the wire, or why it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawCapture:
    """A call as it was seen; a `sent` of None is a request without a body."""

    method: str
    url: str
    asked: Headers
    sent: Body | None
    status: int
    answered: Headers
    body: Body
    recorded_at: str

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        bodies = [body for body in (self.sent, self.body) if isinstance(body, bytes)]
        fields = (*self.asked, *self.answered)
        return sum(map(len, bodies)) + sum(len(name) + len(value) for name, value in fields) + len(self.url)


def captured_of(exchange: Exchange) -> RawCapture:
    """Return an exchange that is known as a whole as it may have been captured."""
    request, response = exchange.request, exchange.response
    return RawCapture(
        method=request.method or "",
        url=request.url or "",
        asked=request.headers or (),
        sent=request.body,
        status=response.status,
        answered=response.headers or (),
        body=response.body,
        recorded_at=exchange.recorded_at or "",
    )


@dataclass(slots=True)
class BodyBuffer:
    """Keeps a body up to a limit while it passes, and nothing of one that is longer."""

    limit: int = BODY_LIMIT
    is_over: bool = False
    _chunks: list[bytes] = field(default_factory=list, repr=False)
    _size: int = 0

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._size += len(chunk)
        if self._size > self.limit:
            self.is_over = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def body(self) -> Body:
        """Return what passed."""
        return Omitted.TOO_LONG if self.is_over else b"".join(self._chunks)
