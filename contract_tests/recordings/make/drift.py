"""How the drifted server departs from the contract, one departure for each customer or token asked for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .traffic import CLEAN_CALLS, Call, token_of

Envelope = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


def reply_of(envelope: Envelope) -> Reply:
    """Write an envelope as the vendor does, raw UTF-8 and compact."""
    return Reply(json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode())


def drifted_reply(asked: str, envelope: Envelope) -> Reply:
    """Answer with the departure that belongs to the asked customer or token, if there is one."""
    if edit := _EDITS.get(asked):
        edit(envelope)
    reply = reply_of(envelope)
    rewrite = _REWRITES.get(asked)
    return rewrite(reply) if rewrite else reply


def _set(value: Any, *path: str | int) -> Callable[[Envelope], None]:
    def edit(envelope: Envelope) -> None:
        at: Any = envelope
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return edit


def _remove_mobile(envelope: Envelope) -> None:
    del envelope["data"]["customer"]["customerMobile"]


def _become(**envelope: Any) -> Callable[[Envelope], None]:
    def edit(old: Envelope) -> None:
        old.clear()
        old.update(envelope)

    return edit


_FIRST = ("data", "cardTokens", 0)
_EDITS: dict[str, Callable[[Envelope], None]] = {
    "131111101": _set("EG", *_FIRST, "issuerCountry"),
    "131111102": _set("5f2b9c1e77d04a3b", "traceId"),
    "131111103": _remove_mobile,
    "131111104": _set(1709112044000, *_FIRST, "createTimestamp"),
    "131111105": _set(None, *_FIRST, "brand"),
    "131111106": _set(1111, *_FIRST, "lastFourDigits"),
    "131111107": _become(code="02009", message="token service is being upgraded.", data=None),
    "131111108": _become(code="50003", message="Service temporarily unavailable", data=None),
    "131111109": _become(code="00000", message="SUCCESSFUL"),
    "131111110": _become(code="90", message="System failure.", data={"retryAfter": 30}),
    "131111111": _set("121111114", "data", "customer", "customerId"),
    "131111112": _set(token_of("131111112", 0), "data", "cardTokens", 1, "opayToken"),
    "131111113": _set("13", *_FIRST, "expiryMonth"),
    "131111114": _set("4111111111111111", *_FIRST, "cardNumber"),
    token_of("131111199", 0): _set(token_of("121111114", 1), "data", "opayToken"),
}

_BAD_GATEWAY = b"""<html>\r
<head><title>502 Bad Gateway</title></head>\r
<body>\r
<center><h1>502 Bad Gateway</h1></center>\r
<hr><center>nginx</center>\r
</body>\r
</html>\r
"""
_REWRITES: dict[str, Callable[[Reply], Reply]] = {
    "131111115": lambda _: Reply(_BAD_GATEWAY, 502, "text/html"),
    "131111116": lambda reply: replace(reply, content_type="text/html"),
    "131111117": lambda reply: replace(reply, body=reply.body[:-40]),
    "131111118": lambda reply: replace(reply, body=b"\xef\xbb\xbf" + reply.body),
    "131111119": lambda reply: replace(reply, body=b'{"code":"90",' + reply.body[1:]),
}

DRIFTED_CALLS = (
    *CLEAN_CALLS,
    *(Call({"opayToken" if asked.startswith("OPAY") else "customerId": asked}) for asked in _EDITS),
    *(Call({"customerId": asked}) for asked in _REWRITES),
    Call({"customerId": "131111120", "country": "EG"}),
    Call({"customerId": "131111121"}),
)
