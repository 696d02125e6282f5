"""The careful client: its pace, its patience and its budget, by a clock that does not wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
from contract_tests.usual import each
from starlette.responses import Response

from opay_contract.errors import UnreachableError
from opay_contract.mock.serving import running
from opay_contract.model.exchange import Exchange
from opay_contract.suite.client import BudgetError, Client, RatePolicy, share

NOON = 1_800_000_000.0


@dataclass
class _StandingClock:
    """Counts what was slept, and takes no time for it."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NOON + self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@dataclass
class _Script:
    """Answers by a list: a status, a status with Retry-After, or "drop" for a connection that is lost."""

    answers: list[Any]
    seen: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        answer = self.answers[min(self.seen, len(self.answers) - 1)]
        self.seen += 1
        if answer == "drop":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"cut", "more_body": True})
            return
        status, wait = answer if isinstance(answer, tuple) else (answer, None)
        headers = {} if wait is None else {"Retry-After": wait}
        await Response("{}", status, headers, "application/json")(scope, receive, send)


Ask = Callable[[], Exchange]


@contextmanager
def scripted(
    *answers: Any, listeners: Any = (), **rate_policy: Any
) -> Iterator[tuple[Ask, _StandingClock, _Script, Client]]:
    script, clock = _Script(list(answers)), _StandingClock()
    with running(script) as url:
        client = Client(RatePolicy(**rate_policy), listeners, clock)
        yield lambda: client.send("POST", url + "/a?b=c", {"A": "b"}, b"{}"), clock, script, client
        client.close()


def test_a_mock_is_asked_without_ado() -> None:
    with scripted(429) as (ask, clock, script, client):
        assert ask().response.status == 429
        assert (clock.slept, script.seen, client.sent) == ([], 1, 1)


def test_requests_keep_their_pace() -> None:
    with scripted(200, pace=4) as (ask, clock, _, _client):
        for _ in range(4):
            ask()
        clock.now += 10
        ask()
        assert clock.slept == [0.25, 0.25, 0.25]


def test_haste_is_answered_by_waiting_longer_and_longer() -> None:
    with scripted(429, 429, 429, 200, tries=5) as (ask, clock, script, _):
        assert ask().response.status == 200
        assert (clock.slept, script.seen) == ([1, 2, 4], 4)


def test_waiting_and_trying_have_an_end() -> None:
    with scripted(429, tries=5, first_wait=3, longest_wait=10) as (ask, clock, script, _):
        assert ask().response.status == 429
        assert (clock.slept, script.seen) == ([3, 6, 10, 10], 5)


@each(
    ("asked", "slept"),
    [
        ("7", [7]),
        ("0", [1]),
        (formatdate(NOON + 30, usegmt=True), [30]),
        (formatdate(NOON - 30, usegmt=True), [1]),
        ("soon", [1]),
        ("-5", [1]),
        ("", [1]),
    ],
)
def test_the_target_may_say_how_long_to_wait(asked: str, slept: list[float]) -> None:
    with scripted((429, asked), 200, tries=2) as (ask, clock, _, _client):
        assert ask().response.status == 200
        assert clock.slept == slept


def test_a_target_that_asks_for_too_long_a_wait_is_not_tried_again() -> None:
    with scripted((429, "3600"), 200, tries=5) as (ask, clock, script, _):
        assert ask().response.status == 429
        assert (clock.slept, script.seen) == ([], 1)


def test_a_lost_connection_is_tried_again() -> None:
    with scripted("drop", "drop", 200, tries=5) as (ask, clock, script, client):
        assert ask().response.status == 200
        assert (clock.slept, script.seen, client.sent) == ([1, 2], 3, 3)


def test_a_target_that_is_not_there_is_named_so() -> None:
    with running(_Script([200])) as url:
        pass
    clock = _StandingClock()
    with pytest.raises(UnreachableError, match="no answer in 3 tries: ConnectionError; "):
        Client(RatePolicy(tries=3), clock=clock).send("POST", url, {}, b"")
    assert clock.slept == [1, 2]


def test_no_other_answer_is_tried_again() -> None:
    with scripted(503, 200, tries=5) as (ask, clock, _, _client):
        assert ask().response.status == 503
        assert not clock.slept


def test_tries_count_against_the_budget() -> None:
    with scripted(429, 429, 429, tries=5, budget=2) as (ask, _clock, script, client):
        with pytest.raises(BudgetError, match="the budget of 2 requests is used up"):
            ask()
        assert (script.seen, client.sent, client.was_refused) == (2, 2, True)


def test_the_last_request_of_a_budget_is_sent() -> None:
    with scripted(200, budget=2) as (ask, _clock, _script, client):
        ask()
        ask()
        assert not client.was_refused
        with pytest.raises(BudgetError):
            ask()


def test_listeners_hear_every_answer_as_it_was() -> None:
    heard: list[Exchange] = []
    with scripted(429, 200, tries=2, listeners=[heard.append]) as (ask, *_):
        last = ask()
    assert [exchange.response.status for exchange in heard] == [429, 200]
    assert heard[-1] is last
    assert (last.request.method, last.request.body) == ("POST", b"{}")
    assert (last.request.url or "").endswith("/a?b=c")


def test_processes_share_pace_and_budget() -> None:
    assert share(RatePolicy(pace=2, budget=101), 4) == RatePolicy(pace=0.5, budget=25)
    assert share(RatePolicy(), 4) == RatePolicy()


def test_a_redirect_is_not_followed() -> None:
    with scripted(302) as (ask, _clock, script, _client):
        assert ask().response.status == 302
        assert script.seen == 1


def test_the_password_of_a_netrc_file_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login a password b\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(200) as (ask, *_):
        sent = {name.lower() for name, _ in ask().request.headers or ()}
    assert "authorization" not in sent


def test_the_clock_is_the_systems_unless_given() -> None:
    assert Client().clock is time
    assert issubclass(requests.ConnectionError, OSError)
