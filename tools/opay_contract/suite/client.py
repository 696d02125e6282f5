"""Sends requests with care: paced, within a budget, again after a refusal for haste or a lost connection."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import requests
from requests.adapters import BaseAdapter

from opay_contract.errors import OpayContractError
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, header

Listener = Callable[[Exchange], None]
"""Hears of each exchange, those that are tried again among them."""

_TOO_MANY_REQUESTS = 429
_DROPPED = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.Timeout,
)


class BudgetError(OpayContractError):
    """The requests that a run may send are all sent."""


class UnreachableError(OpayContractError):
    """The target did not answer, and was asked often enough."""


class Clock(Protocol):
    """Time in seconds; another than the system's makes a test of waiting quick."""

    def monotonic(self) -> float:
        """Return the seconds since some moment."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePolicy:
    """How a target is treated; as it stands, as a mock is.

    `pace` is in requests a second, `budget` in requests, retries included; None is without limit. `tries`
    are the times that one request is sent at most, `first_wait` and `longest_wait` bound what lies between,
    in seconds; the wait doubles each time. Where the target asks for a longer wait, it is not tried again.
    """

    pace: float | None = None
    budget: int | None = None
    tries: int = 1
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0


@dataclass(slots=True)
class Client:
    """Sends requests as they are, follows no redirect, and adds nothing that was not asked for."""

    rate_policy: RatePolicy = field(default_factory=RatePolicy)
    listeners: Iterable[Listener] = ()
    clock: Clock = time  # the module has what a clock has
    adapter: BaseAdapter | None = field(default=None, repr=False)
    """What takes the requests in place of a connection, for a server in process."""
    sent: int = 0
    """How many requests were sent, retries included."""
    was_refused: bool = False
    """Whether a request was not sent because the budget was used up."""
    _session: requests.Session = field(default_factory=requests.Session, repr=False)
    _next: float = 0.0

    def __post_init__(self) -> None:
        """Take nothing from the environment but proxies: not the password of a .netrc file above all."""
        self._session.auth = _keep_as_it_is
        self._session.headers.clear()
        if self.adapter is not None:
            self._session.mount("http://", self.adapter)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Exchange:
        """Send a request until it is answered, other than by 429; or return that last 429.

        Raises BudgetError where no request is left, and UnreachableError where no answer came.
        """
        request = requests.Request(method, url, headers=dict(headers), data=body).prepare()
        for number in range(1, self.rate_policy.tries + 1):
            exchange = self._try(request, is_last=number == self.rate_policy.tries)
            wait = self.rate_policy.first_wait * 2 ** (number - 1)
            if exchange is not None:
                asked = _wait_asked_for(exchange, self.clock)
                if asked is None or number == self.rate_policy.tries or asked > self.rate_policy.longest_wait:
                    return exchange
                wait = max(wait, asked)
            self.clock.sleep(min(wait, self.rate_policy.longest_wait))
        raise AssertionError("the last try returns or raises")

    def _try(self, request: requests.PreparedRequest, *, is_last: bool) -> Exchange | None:
        """Send a request once; None where the connection was lost."""
        self._spend()
        self._keep_pace()
        try:
            response = self._session.send(
                request,
                timeout=self.rate_policy.timeout,
                allow_redirects=False,
                proxies={} if self.adapter else _proxies(self._session, request),
            )
        except _DROPPED as error:
            if is_last:
                raise UnreachableError(
                    f"no answer in {self.rate_policy.tries} tries: {type(error).__name__}; is the target up?"
                ) from None
            return None
        exchange = _exchange(request, response, self.sent)
        for listener in self.listeners:
            listener(exchange)
        return exchange

    def _spend(self) -> None:
        if self.rate_policy.budget is not None and self.sent >= self.rate_policy.budget:
            self.was_refused = True
            raise BudgetError(
                f"the budget of {self.rate_policy.budget} requests is used up; raise it with --budget"
            )
        self.sent += 1

    def _keep_pace(self) -> None:
        if self.rate_policy.pace is None:
            return
        now = self.clock.monotonic()
        if now < self._next:
            self.clock.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate_policy.pace


def share(rate_policy: RatePolicy, of: int) -> RatePolicy:
    """Return what each of some processes may do, so that all together do what `care` says."""
    return replace(
        rate_policy,
        pace=None if rate_policy.pace is None else rate_policy.pace / of,
        budget=None if rate_policy.budget is None else rate_policy.budget // of,
    )


def _keep_as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _proxies(session: requests.Session, request: requests.PreparedRequest) -> dict[str, str]:
    settings = session.merge_environment_settings(request.url, {}, stream=False, verify=None, cert=None)
    return dict(settings["proxies"])


def _wait_asked_for(exchange: Exchange, clock: Clock) -> float | None:
    """Return how many seconds a 429 asks to wait, 0 where it does not say; None for any other answer."""
    if exchange.response.status != _TOO_MANY_REQUESTS:
        return None
    text = (header(exchange.response.headers, "Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, moment.timestamp() - clock.time())


def _exchange(request: requests.PreparedRequest, response: requests.Response, number: int) -> Exchange:
    body = request.body if isinstance(request.body, bytes) else None
    return Exchange(
        place=Place(source=0, entry=number, file="call"),
        request=Request(method=request.method, url=request.url, headers=_headers(request.headers), body=body),
        response=Response(
            status=response.status_code, headers=_headers(response.headers), body=response.content
        ),
        recorded_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _headers(headers: Mapping[str, str | bytes]) -> Headers:
    return tuple(
        (name, value.decode("latin-1") if isinstance(value, bytes) else value)
        for name, value in headers.items()
    )
