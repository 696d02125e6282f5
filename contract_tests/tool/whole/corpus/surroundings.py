"""Drifts around the answer's body: route, status, media type, and what a request that was accepted lacks."""

from collections.abc import Iterator
from typing import Any

from .drafts import Draft
from .drift import ANSWERED, SUCCESS, SUCCESSES, TRANSPORT, Drift, Edit, drift, key
from .traffic import HOST, PATH, Flavour

_SLIPS = (f"{PATH}/", f"{PATH[:-2]}rry", PATH.replace("token", "Token"), PATH.replace("v1", "v2"))
_HTML = "<html><head><title>502 Bad Gateway</title></head></html>"
_NO_TEXT: tuple[Any, ...] = (7, None, [], {"id": "1"}, True)
_OTHER_KEY = "OPAYPRV_TEST_SYNTHETIC_WRONG"


def iter_surrounding_drifts() -> Iterator[Drift]:
    """Yield them for both request forms."""
    for flavour in ANSWERED:
        yield from _iter_routes(flavour)
    for flavour in ANSWERED:
        yield from _iter_statuses(flavour)
        yield from _iter_media_types(flavour)
    for flavour in SUCCESSES:
        yield from _iter_methods(flavour)
        yield from _iter_requests(flavour)
        yield from _iter_signatures(flavour)
        for name in ("Authorization", "MerchantId", "Content-Type"):
            yield drift("header-missing", flavour, name, _without_header(name))


def _iter_routes(flavour: Flavour) -> Iterator[Drift]:
    for path in _SLIPS:
        found = key("path-undocumented", path, TRANSPORT, "")
        yield Drift(flavour=flavour, edit=_set(url=HOST + path), found=(found,))


def _iter_methods(flavour: Flavour) -> Iterator[Drift]:
    """Other methods that are answered; one that is refused is the contract at work."""
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        found = key("method-undocumented", f"{method} {PATH}", TRANSPORT, "")
        yield Drift(flavour=flavour, edit=_set(method=method), found=(found,))


def _iter_statuses(flavour: Flavour) -> Iterator[Drift]:
    """An answer of another status; its body is judged where it carries a business code."""
    for status in (201, 206) if flavour in SUCCESSES else (400, 401, 429, 500, 503):
        yield drift("status-undocumented", flavour, str(status), _set(status=status))
    for status in (302, 404, 502, 504):
        edit = _set(status=status, received={"Content-Type": "text/html"}, answer=_HTML)
        found = key("status-undocumented", str(status), TRANSPORT)
        yield Drift(flavour=flavour, edit=edit, found=(found,))


def _iter_media_types(flavour: Flavour) -> Iterator[Drift]:
    for headers, pointer in (
        ({"Content-Type": "text/html; charset=utf-8"}, "text/html"),
        ({"content-type": "TEXT/PLAIN"}, "text/plain"),
        ({"Content-Type": "application/octet-stream"}, "application/octet-stream"),
        ({}, "no Content-Type"),
    ):
        yield drift("json-mislabelled", flavour, pointer, _set(received=headers))
        also = () if headers else (key("body-not-json", "", TRANSPORT),)
        found = (key("media-type-undocumented", pointer, TRANSPORT), *also)
        yield Drift(flavour=flavour, edit=_set(received=headers, answer=_HTML), found=found)


def _iter_requests(flavour: Flavour) -> Iterator[Drift]:
    """What the vendor accepted although the contract does not allow it."""
    own = "customerId" if flavour is Flavour.BY_CUSTOMER else "opayToken"
    yield drift("request-field-undocumented", flavour, "/country", _asking_more(country="EG"))
    yield drift("request-field-undocumented", flavour, "/page", _asking_more(page={"size": 10}))
    also = key("request-field-undocumented", "/id", SUCCESS)
    yield drift("request-field-missing", flavour, "/customerId", _asking({}))
    yield drift("request-field-missing", flavour, "/customerId", _asking({"id": "121111113"}), also)
    for value in _NO_TEXT:
        yield drift("request-field-invalid", flavour, f"/{own}", _asking({own: value}))
    unsigned = key("signature-mismatch", "Authorization", SUCCESS)
    for body in ([], ["121111113"], "customerId=121111113", "<id>7</id>"):
        yield drift("request-field-invalid", flavour, "", _asking(body), unsigned)


def _iter_signatures(flavour: Flavour) -> Iterator[Drift]:
    for edit in (_sign_with_other_key, _shout_signature, _truncate_signature, _without_bearer, _ask_another):
        yield drift("signature-mismatch", flavour, "Authorization", edit)


def _sign_with_other_key(draft: Draft) -> None:
    draft.sign(_OTHER_KEY)


def _shout_signature(draft: Draft) -> None:
    draft.sent["Authorization"] = "Bearer " + draft.sent["Authorization"][7:].upper()


def _truncate_signature(draft: Draft) -> None:
    draft.sent["Authorization"] = draft.sent["Authorization"][:-28]


def _without_bearer(draft: Draft) -> None:
    draft.sent["Authorization"] = draft.sent["Authorization"].removeprefix("Bearer ")


def _ask_another(draft: Draft) -> None:
    """Sign one customer or token and ask for another, who is answered."""
    signed = draft.sent["Authorization"]
    if "customerId" in draft.asked:
        draft.ask({"customerId": "121111112"})
        draft.answer["data"]["customer"]["customerId"] = "121111112"
    else:
        draft.ask({"opayToken": "OPAY_TOKEN_other"})
        draft.answer["data"]["opayToken"] = "OPAY_TOKEN_other"
    draft.sent["Authorization"] = signed


def _without_header(name: str) -> Edit:
    def edit(draft: Draft) -> None:
        del draft.sent[name]

    return edit


def _asking(body: Any) -> Edit:
    def edit(draft: Draft) -> None:
        draft.ask(body)

    return edit


def _asking_more(**members: Any) -> Edit:
    def edit(draft: Draft) -> None:
        draft.ask(draft.asked | members)

    return edit


def _set(**attributes: Any) -> Edit:
    def edit(draft: Draft) -> None:
        for name, value in attributes.items():
            setattr(draft, name, value)

    return edit
