"""Puts an exchange together, so that one bad part costs no more than it must."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable, header
from opay_contract.recordings.messages import parse_moment
from opay_contract.recordings.refusals import EntryError

_P = ParamSpec("_P")
_T = TypeVar("_T")


def build_exchange(
    place: Place,
    request: Request,
    read_response: Callable[[], Response],
    recorded_at: str | None = None,
) -> Exchange | Unreadable:
    """Return an exchange; without a time of its own it has that of the answer's `Date`.

    Of one whose answer cannot be read the request is kept: it tells whose the answer is.
    """
    try:
        response = read_response()
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason, request=request)
    moment = recorded_at or parse_moment(header(response.headers, "date"))
    return Exchange(place=place, request=request, response=response, recorded_at=moment)


def attempt(read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """Return a part of a request, or None where it cannot be read: what depends on it is then not judged."""
    try:
        return read(*args, **kwargs)
    except EntryError:
        return None
