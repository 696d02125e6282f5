"""The three reports of schemathesis 4.32, which a run against a small server wrote into samples/.

The server answered the first request and closed the connection on all others.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract_tests.usual import each

from opay_contract.model.exchange import Exchange, Unreadable

Read = Callable[..., list[Any]]

URL = "https://sandbox.example.com/pay"


@each(
    "name",
    [
        "schemathesis.har",
        "schemathesis.yaml",
        "schemathesis.ndjson",
        "schemathesis-preserved-bytes.har",
        "schemathesis-preserved-bytes.yaml",
    ],
)
def test_a_report_gives_the_answered_request_and_one_unreadable_entry_for_each_other(
    read: Read, samples: Path, name: Any
) -> None:
    first, *others = read((samples / name).read_bytes())
    assert (first.request.method, first.request.url[-4:]) == ("POST", "/pay")
    assert json.loads(first.request.body).keys() == {"amount"}
    assert json.loads(first.response.body) == {"code": "00000", "message": "é ok", "n": 1}
    assert first.recorded_at.startswith("2026-11-23T17:20:2")
    assert others
    assert all("got no response" in other.reason for other in others)


def scenario(**response: Any) -> bytes:
    interaction = {
        "request": {"method": "GET", "uri": URL},
        "response": {"status_code": 200, "headers": {}} | response,
    }
    event: dict[str, Any] = {
        "ScenarioFinished": {"recorder": {"interactions": {"a": interaction, "b": interaction}}}
    }
    first: dict[str, Any] = {"Initialize": {"command": "st run", "schemathesis_version": "4.32.5"}}
    return "\n".join(map(json.dumps, [first, {"EngineStarted": {}}, event])).encode()


def test_events_without_interactions_are_no_entries(read: Read) -> None:
    found = read(scenario(content={"$base64": "e30="}))
    assert [(one.place.entry, one.place.line, one.response.body) for one in found] == [
        (1, 3, b"{}"),
        (2, 3, b"{}"),
    ]


def test_interactions_of_the_same_name_are_all_read(read: Read) -> None:
    found = read(scenario(content={"$base64": "e30="}).replace(b'"b":', b'"a":') + b"\n")
    assert [(one.place.entry, one.response.body) for one in found] == [(1, b"{}"), (2, b"{}")]


def test_a_response_kept_in_part_is_unreadable(read: Read) -> None:
    found = read(scenario(content={"$base64": "e30="}, content_size=99))
    assert all("cut off by the recorder" in one.reason for one in found)


def test_a_log_that_breaks_off_gives_what_came_before(read: Read) -> None:
    found = read(scenario(content={"$base64": "e30="})[:-40])
    assert [type(one) for one in found] == [Exchange, Unreadable]
    assert found[1].reason == "the file breaks off after entry 1"


def test_a_cassette_entry_marked_as_cut_is_unreadable(read: Read) -> None:
    text = b"http_interactions:\n- response: {status: {code: '200'}, body: {string: x}, truncated_from: 9}\n"
    (found,) = read(text)
    assert "cut off by the recorder" in found.reason
