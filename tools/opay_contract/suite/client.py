"""Sends requests with care: paced, within a budget, again after a refusal for haste or a lost connection."""

import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

import msgspec
import requests
from msgspec import field
from msgspec.structs import replace
from requests.adapters import BaseAdapter

from opay_contract.errors import OpayContractError, UnreachableError, UsageError
from opay_contract.files import NO_SUCH_PROXY
from opay_contract.model.exchange import Exchange, Request, Response, as_headers, exchange_of_now, header

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


class Clock(Protocol):
    """Time in seconds; another than the system's makes a test of waiting quick."""

    def monotonic(self) -> float:
        """Return the seconds since some moment."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class RatePolicy(msgspec.Struct, frozen=True, kw_only=True):
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


class Client(msgspec.Struct):
    """Sends requests as they are, follows no redirect, and adds nothing that was not asked for."""

    rate_policy: RatePolicy = field(default_factory=RatePolicy)
    listeners: Iterable[Listener] = ()
    clock: Clock = time  # the module has what a clock has
    adapter: BaseAdapter | None = None
    """What takes the requests in place of a connection, for a server in process."""
    sent: int = 0
    """How many requests were sent, retries included."""
    certificates: str | None = None
    """The file or folder of certificates that are trusted, where it is not the usual one."""
    was_refused: bool = False
    """Whether a request was not sent because the budget was used up."""
    _session: requests.Session = field(default_factory=requests.Session)
    _next: float = 0.0

    def __post_init__(self) -> None:
        """Take nothing from the environment but proxies: not the password of a .netrc file above all."""
        self._session.verify = self.certificates or True
        self._session.auth = lambda request: request
        self._session.headers.clear()
        if self.adapter is not None:
            self._session.mount("http://", self.adapter)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Exchange:
        """Send a request until it is answered, other than by 429; or return that last 429.

        Raises BudgetError where no request is left, UnreachableError where no answer came, and UsageError
        where the environment names a proxy that is none.
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
        try:
            response = self._session.send(
                request,
                timeout=self.rate_policy.timeout,
                allow_redirects=False,
                proxies={} if self.adapter else self._proxies(request),
            )
        except requests.exceptions.SSLError as error:
            is_distrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise UnreachableError(
                "its certificate is not trusted; REQUESTS_CA_BUNDLE names the file of those that are"
                if is_distrusted
                else "no TLS connection; does it speak https?"
            ) from None
        except _DROPPED as error:
            if is_last:
                raise UnreachableError(
                    f"no answer in {self.rate_policy.tries} tries: {type(error).__name__}; is the target up?"
                ) from None
            return None
        except (requests.exceptions.RequestException, ValueError):  # the target is a URL: it was asked for
            raise UsageError(NO_SUCH_PROXY) from None
        exchange = exchange_of_now(
            Request(
                method=request.method,
                url=request.url,
                headers=as_headers(request.headers.items()),
                body=request.body if isinstance(request.body, bytes) else None,
            ),
            Response(
                status=response.status_code,
                headers=as_headers(response.headers.items()),
                body=response.content,
            ),
            self.sent,
        )
        for listener in self.listeners:
            listener(exchange)
        return exchange

    def _spend(self) -> None:
        """Take one request of the budget, when its turn has come."""
        policy = self.rate_policy
        if policy.budget is not None and self.sent >= policy.budget:
            self.was_refused = True
            raise BudgetError(f"the budget of {policy.budget} requests is used up; raise it with --budget")
        self.sent += 1
        if policy.pace is not None:
            now = self.clock.monotonic()
            if now < self._next:
                self.clock.sleep(self._next - now)
            self._next = max(now, self._next) + 1 / policy.pace

    def _proxies(self, request: requests.PreparedRequest) -> dict[str, str]:
        merge = self._session.merge_environment_settings
        return dict(merge(request.url, {}, stream=False, verify=None, cert=None)["proxies"])


def share(rate_policy: RatePolicy, of: int) -> RatePolicy:
    """Return what each of some processes may do, so that all together do what `care` says."""
    return replace(
        rate_policy,
        pace=None if rate_policy.pace is None else rate_policy.pace / of,
        budget=None if rate_policy.budget is None else rate_policy.budget // of,
    )


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
