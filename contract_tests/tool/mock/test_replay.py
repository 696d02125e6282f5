"""A mock answers from recordings: the same question in recorded order, and it says what it cannot answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from opay_contract.cli.mock import mock as mock_command
from opay_contract.errors import UsageError
from opay_contract.mock.replay import Replay, load_replay
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable, header
from opay_contract.record.files import render_exchange

PLACE = Place(source=0, entry=1, file="a.ndjson")
PATH = "/api/v1/international/token/query"
REFUSED = b'{"code":"02000","message":"Authentication failed"}'
HEADERS = (
    ("Content-Type", "application/json;charset=UTF-8"),
    ("Content-Length", "999"),
    ("Content-Encoding", "gzip"),
    ("Transfer-Encoding", "chunked"),
    ("X-Trace", "abc"),
    ("X-Odd", "a\r\nset-cookie: b"),
    ("X-Odd", "\u0100"),
    ("X-Mock-Reason", "another one's"),
)


def recorded(
    asked: Any, answered: bytes, *, status: int = 200, url: str | None = None, method: str | None = "POST"
) -> Exchange:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return Exchange(
        place=PLACE,
        request=Request(method=method, url=PATH if url is None else url, body=body),
        response=Response(status=status, headers=HEADERS, body=answered),
    )


def answer_of(code: str) -> bytes:
    return json.dumps({"code": code, "message": "m"}).encode()


@pytest.fixture
def replaying(build_mock: Callable[..., Any], contract: Any) -> Callable[..., Any]:
    """Return how to make a mock that answers from exchanges."""
    return lambda *items, **settings: build_mock(replay=Replay(contract, items), **settings)


def test_a_question_gets_its_recorded_answers_in_turn_and_then_the_last_again(replaying: Any) -> None:
    mock = replaying(
        recorded({"customerId": "a"}, answer_of("91")),
        recorded({"customerId": "b"}, answer_of("96")),
        recorded({"customerId": "a"}, answer_of("97"), status=500),
        recorded({"opayToken": "a"}, answer_of("98")),
    )
    asked = [b'{"customerId":"a"}'] * 3 + [b'{"customerId":"b"}', b'{"opayToken":"a"}']
    answers = [mock.ask(body).response for body in asked]
    codes = [(answer.status, json.loads(answer.body)["code"]) for answer in answers]
    assert codes == [(200, "91"), (500, "97"), (500, "97"), (200, "96"), (200, "98")]


def test_fields_are_sent_again_but_for_those_of_a_connection_and_what_no_field_holds(replaying: Any) -> None:
    mock = replaying(recorded({"customerId": "a"}, answer_of("91")))
    assert mock.ask(b'{"customerId":"a"}').response.headers == (
        ("content-type", "application/json;charset=UTF-8"),
        ("x-trace", "abc"),
        ("content-length", str(len(answer_of("91")))),
    )


def test_a_wrong_signature_is_refused_and_takes_no_answer(replaying: Any) -> None:
    mock = replaying(
        recorded({"customerId": "a"}, answer_of("91")), recorded({"customerId": "a"}, answer_of("96"))
    )
    assert mock.ask(b'{"customerId":"a"}', authorization="Bearer 0").response.body == REFUSED
    assert json.loads(mock.ask(b'{"customerId":"a"}').response.body)["code"] == "91"


def test_what_no_recording_answers_is_said_to_be_so(replaying: Any, with_cards: str) -> None:
    mock = replaying(recorded({"customerId": "a"}, answer_of("91")))
    exchange = mock.ask(b'{"customerId":"b"}')
    assert json.loads(exchange.response.body)["code"] == "02001"
    assert header(exchange.response.headers, "x-mock-reason") == "no recording answers this customerId"
    stored = mock.ask(json.dumps({"customerId": with_cards}).encode())
    assert json.loads(stored.response.body)["code"] == "00000"


def test_a_scenario_may_happen_to_a_recorded_answer(replaying: Any) -> None:
    mock = replaying(recorded({"customerId": "a"}, answer_of("91")))
    assert mock.ask(b'{"customerId":"a"}', x_mock_scenario="http-429").response.status == 429
    slow = mock.ask(b'{"customerId":"a"}', x_mock_scenario="slow")
    assert json.loads(slow.response.body)["code"] == "91"


def test_what_cannot_be_replayed_is_counted_by_its_reason(contract: Any) -> None:
    items: list[Exchange | Unreadable] = [
        recorded({"customerId": "a"}, answer_of("91"), url="https://proxy.test:8443" + PATH + "?a=b"),
        recorded({"customerId": "a"}, answer_of("91"), method=None, url=""),
        recorded({"customerId": "a"}, REFUSED),
        recorded({"customerId": "a"}, b"{}", method="GET"),
        recorded({"customerId": "a"}, b"{}", url="https://proxy.test/other"),
        recorded({"customerId": "a"}, b"{}", url="http://["),
        recorded({"customerId": 1}, b"{}"),
        recorded({}, b"{}"),
        recorded(b"", b"{}"),
        Unreadable(place=PLACE, reason="it is cut"),
        Unreadable(place=PLACE, reason="no recording", is_passed_over=True),
    ]
    replay = Replay(contract, items)
    assert replay.asked("by-customer") == ["a"]
    assert replay.describe() == (
        "replaying 2 answers (1 by-customer); not answered: 3 of another API or method, "
        "1 refused for the signature, 1 unreadable, 3 without a question that a request form has"
    )


def test_nothing_to_replay_is_an_error_that_says_why(contract: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to replay: there is no exchange"):
        Replay(contract, [])
    with pytest.raises(UsageError, match="nothing to replay: 1 refused for the signature"):
        Replay(contract, [recorded({"customerId": "a"}, REFUSED)])
    with pytest.raises(UsageError, match=r"none\.ndjson"):
        load_replay(contract, [str(tmp_path / "none.ndjson")])


def test_the_command_answers_from_files_and_says_what_it_cannot(serve_here: Any, tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("passed over", encoding="utf-8")
    path = tmp_path / "a.ndjson"
    lines = [
        render_exchange(recorded({"customerId": "secret-id"}, answer_of("91"))),
        render_exchange(recorded({"customerId": "secret-id"}, REFUSED)),
    ]
    path.write_bytes(b"".join(lines))
    codes: list[str] = []

    def talk(mock: Any) -> None:
        codes.extend(mock.ask({"customerId": one}).json()["code"] for one in ("secret-id", "121111113"))

    done = serve_here(talk, "--from", str(tmp_path))
    assert codes == ["91", "02001"]
    first, *log = done.stderr.splitlines()
    assert first == "replaying 1 answers (1 by-customer); not answered: 1 refused for the signature"
    assert len(log) == 2
    assert "no recording answers this customerId" in log[1]
    assert "secret-id" not in done.output
    path.write_bytes(lines[1])
    with pytest.raises(UsageError, match="nothing to replay"):
        CliRunner().invoke(mock_command, ["--from", str(path)], catch_exceptions=False)
