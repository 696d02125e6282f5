"""Postman collections with saved responses, as Postman's own code writes them, and as they break."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.formats.postman import read_postman
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source

Read = Callable[..., list[Any]]

SOURCE = Source(ordinal=0, name="-", path=None)
RECORDINGS = Path(__file__).parents[2] / "recordings"
FILES = sorted(RECORDINGS.glob("*/postman-*.json"))
INFO = {"name": "A", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
BODY = '{"code":"00000"}'


def written(**members: Any) -> dict[str, Any]:
    return {
        "method": "POST",
        "header": [
            {"key": "Content-Type", "value": "application/json"},
            {"key": "X-Off", "value": "1", "disabled": True},
        ],
        "body": {"mode": "raw", "raw": '{"a":1}'},
        "url": {"raw": "https://sandbox.example.com/pay", "host": ["other"], "path": ["x"]},
    } | members


def saved(**members: Any) -> dict[str, Any]:
    return {
        "name": "An answer",
        "originalRequest": written(),
        "status": "OK",
        "code": 200,
        "header": [{"key": "Date", "value": "Mon, 23 Nov 2026 18:32:40 GMT"}],
        "body": BODY,
    } | members


def item(*responses: Any, **members: Any) -> dict[str, Any]:
    return {"name": "B", "request": written(), "response": list(responses)} | members


def collection(*items: Any) -> bytes:
    return json.dumps({"info": INFO, "item": items}).encode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_real_collection_holds_what_another_recorder_holds_of_the_same_calls(
    read: Read, path: Path
) -> None:
    found = read(path.read_bytes())
    others = read((path.parent / "requests.ndjson").read_bytes())
    assert [(one.response.status, one.response.body) for one in found] == [
        (one.response.status, one.response.body.removeprefix(b"\xef\xbb\xbf")) for one in others
    ]
    assert [json.loads(one.request.body) for one in found] == [json.loads(one.request.body) for one in others]
    assert {one.request.url for one in found} == {"/api/v1/international/token/query"}
    assert all(one.recorded_at.startswith("2026-") and one.request.headers for one in found)


def test_both_versions_are_here() -> None:
    assert {path.name for path in FILES} == {"postman-2.0.json", "postman-2.1.json"}


def test_every_part_of_a_saved_response_is_read(read: Read) -> None:
    (found,) = read(collection(item(saved())))
    assert (found.place.entry, found.place.line) == (1, 1)
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay")
    assert found.request.headers == (("Content-Type", "application/json"),)
    assert found.request.body == b'{"a":1}'
    assert (found.response.status, found.response.body) == (200, BODY.encode())
    assert found.recorded_at == "2026-11-23T18:32:40+00:00"


def test_folders_in_folders_are_walked_in_order(read: Read) -> None:
    folder = {"name": "C", "item": [item(saved(code=201)), {"name": "D", "item": [item(saved(code=202))]}]}
    found = read(collection(item(saved(), saved(code=404)), folder, item(), item(saved(code=203))))
    assert [one.response.status for one in found] == [200, 404, 201, 202, 203]
    assert [one.place.entry for one in found] == [1, 2, 3, 4, 5]


def test_a_collection_without_saved_responses_holds_nothing_and_that_is_no_flaw(read: Read) -> None:
    assert read(collection(item())) == []


def test_the_answer_of_postmans_own_api_is_a_collection_too(read: Read) -> None:
    data = b'{"collection":' + collection(item(saved())) + b"}"
    assert recognise(data) == Format.POSTMAN
    assert [type(one) for one in read(data)] == [Exchange]


@pytest.mark.parametrize("names", [("request", "response"), ("response", "request")])
def test_a_response_without_its_own_request_has_that_of_its_item(read: Read, names: Any) -> None:
    whole = item(saved(originalRequest=None))
    (found,) = read(collection({name: whole[name] for name in names}))
    assert found.request.url == "https://sandbox.example.com/pay"


def test_many_responses_before_the_request_of_their_item_are_all_read(read: Read) -> None:
    responses = [saved(originalRequest=None) for _ in range(1500)]
    found = read(collection({"response": responses, "request": written()}))
    assert [type(one) for one in found] == [Unreadable] * 1000 + [Exchange] * 500
    assert "the URL of the request was not found" in found[0].reason


@each(
    ("url", "expected"),
    [
        ("{{baseUrl}}/pay", "/pay"),
        ("https://{{host}}:{{port}}/pay?x=1", "/pay?x=1"),
        ("{{scheme}}://sandbox.example.com/pay", "//sandbox.example.com/pay"),
        ("sandbox.example.com/pay", "//sandbox.example.com/pay"),
        ("/pay/{{id}}", "/pay/{{id}}"),
        ({"raw": "{{baseUrl}}/pay"}, "/pay"),
        ({"host": ["{{baseUrl}}"], "path": ["a", "pay"]}, "/a/pay"),
        (
            {
                "protocol": "https",
                "host": ["a", "b"],
                "port": "1",
                "path": "pay",
                "query": ["lang", {"key": "x", "value": "1"}, "y=2"],
            },
            "https://a.b:1/pay?lang&x=1&y=2",
        ),
    ],
)
def test_a_url_keeps_its_variables_but_not_as_a_host(read: Read, url: Any, expected: Any) -> None:
    (found,) = read(collection(item(saved(originalRequest=written(url=url)))))
    assert found.request.url == expected


def test_a_request_that_is_only_a_url_is_read(read: Read) -> None:
    (found,) = read(collection(item(saved(originalRequest="https://sandbox.example.com/pay"))))
    assert (found.request.method, found.request.url) == ("GET", "https://sandbox.example.com/pay")


def test_a_body_with_a_variable_is_not_what_was_sent(read: Read) -> None:
    sent = written(body={"mode": "raw", "raw": '{"customerId":"{{customer}}"}'})
    (found,) = read(collection(item(saved(originalRequest=sent))))
    assert found.request.body is None


@each(
    "request_members",
    [
        {
            "header": [
                {"key": "Content-Type", "value": "a/b"},
                {"key": "Authorization", "value": "Bearer {{x}}"},
            ]
        },
        {"header": []},
        {"auth": {"type": "bearer"}},
    ],
)
def test_headers_that_are_not_those_that_were_sent_are_none(read: Read, request_members: Any) -> None:
    (found,) = read(collection(item(saved(originalRequest=written(**request_members)))))
    assert found.request.headers is None


@each(
    ("body", "expected"),
    [
        (None, b""),
        ({"mode": "raw"}, b""),
        ({"mode": "raw", "raw": "x", "disabled": True}, b""),
        ({"mode": "urlencoded", "urlencoded": []}, None),
    ],
)
def test_only_a_raw_body_is_known(read: Read, body: Any, expected: Any) -> None:
    (found,) = read(collection(item(saved(originalRequest=written(body=body)))))
    assert found.request.body == expected


@each("header", ["A: 1\nB: 2\n", ["A: 1", {"key": "B", "value": "2"}], [{"key": "A", "value": 1}, "B:2"]])
def test_headers_may_be_text(read: Read, header: Any) -> None:
    (found,) = read(collection(item(saved(header=header))))
    assert found.response.headers == (("A", "1"), ("B", "2"))


@each("header", [None, [], [{"key": "content-length", "value": "9"}]])
def test_a_response_saved_without_its_body_is_unreadable(read: Read, header: Any) -> None:
    (found,) = read(collection(item(saved(body=None, header=header))))
    assert found.reason == "the saved response has no body; save the example with its body"


def test_a_response_that_had_no_body_has_an_empty_one(read: Read) -> None:
    nothing = [{"key": "Content-Length", "value": "0"}]
    found = read(collection(item(saved(body=None, code=204), saved(body=None, header=nothing))))
    assert [one.response.body for one in found] == [b"", b""]


@each(
    "request_members",
    [{"body": 5}, {"body": {"mode": "raw", "raw": []}}, {"header": 5}, {"header": [{"key": []}]}],
)
def test_an_odd_part_of_a_request_does_not_cost_the_answer(read: Read, request_members: Any) -> None:
    (found,) = read(collection(item(saved(originalRequest=written(**request_members)))))
    assert found.response.body == BODY.encode()
    assert None in (found.request.body, found.request.headers)


def test_a_request_that_has_no_url_is_that_of_the_item(read: Read) -> None:
    found = read(collection(item(saved(originalRequest={"url": None}), saved(originalRequest=5))))
    assert [one.request.url for one in found] == ["https://sandbox.example.com/pay"] * 2


@each(
    "odd",
    [
        None,
        1,
        [],
        {},
        saved(code="200"),
        saved(code=None),
        saved(body=1),
        saved(header=5),
        saved(header=[5]),
        saved(header=[{"key": []}]),
        saved(originalRequest=written(url=5)),
        saved(originalRequest=written(url="{{payUrl}}")),
    ],
)
def test_a_response_of_another_shape_is_unreadable_and_the_others_still_come(read: Read, odd: Any) -> None:
    found = read(collection(item(saved(), odd, saved())))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


@each("odd", [None, 1, [], "x", {"item": 1}, {"item": [1, {"response": {}}]}, {"response": "x"}])
def test_an_item_of_another_shape_holds_nothing(read: Read, odd: Any) -> None:
    assert len(read(collection(item(saved()), odd, item(saved())))) == 2


def test_folders_too_deep_are_unreadable_and_the_others_still_come(read: Read) -> None:
    deep = b'{"item":[' * 5000 + b"{}" + b"]}" * 5000
    good = json.dumps(item(saved())).encode()
    data = b'{"info":' + json.dumps(INFO).encode() + b',"item":[' + good + b"," + deep + b"," + good + b"]}"
    found = read(data)
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]
    assert found[1].reason == "the entry is nested too deep"


def test_a_response_nested_too_deep_is_unreadable(read: Read) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    data = collection(item(saved(), 7, saved())).replace(b"7,", deep + b",")
    assert [type(one) for one in read(data)] == [Exchange, Unreadable, Exchange]


def test_a_collection_that_breaks_off_gives_what_came_before_and_says_so(read: Read) -> None:
    found = read(collection(item(saved()), item(saved()), item(saved()))[:-20])
    assert [type(one) for one in found] == [Exchange, Exchange, Unreadable]
    assert found[-1].reason == "the file breaks off after entry 2"


@pytest.mark.thorough  # the cursor that reads all JSON has the limit; a HAR sees it in each run
def test_responses_longer_than_may_be_kept_are_unreadable_and_the_next_item_comes(read: Read) -> None:
    found = read(collection(item(saved(), saved(body="x" * (64 << 20))), item(saved())))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]
    assert found[1].reason == "the entry is longer than 64 MiB"


@pytest.mark.parametrize(
    "data",
    [
        collection(item(saved())),
        json.dumps({"item": [item()], "info": INFO}).encode(),
        json.dumps(
            {"variable": [], "item": [item(saved(body="x" * 100_000))], "info": INFO}, indent=1
        ).encode(),
        *(path.read_bytes() for path in FILES),
    ],
    ids=lambda data: str(len(data)),
)
def test_a_collection_is_told_by_its_content(data: bytes) -> None:
    assert recognise(data[: 64 << 10]) == Format.POSTMAN


@each("data", [b'{"info":{},"code":"1"}', b'{"item":[1]}', b'{"item":{"request":1}}'])
def test_another_json_text_with_such_members_is_no_collection(data: bytes) -> None:
    assert recognise(data) == Format.NDJSON


@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]",:item respon\\', max_size=60).map(str.encode))
@settings(max_examples=80, deadline=None)
def test_no_bytes_make_the_reader_raise(read: Read, data: Any) -> None:
    for prefix in (b"", b'{"item":[', b'{"item":[{"response":[', b'{"item":[{"request":'):
        read(prefix + data, Format.POSTMAN)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_never_makes_the_reader_raise(read: Read, data: Any) -> None:
    damaged = bytearray(collection(item(saved(), saved())))
    start = data.draw(st.integers(0, len(damaged) - 1))
    damaged[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    read(bytes(damaged), Format.POSTMAN)


@given(marks=st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_chunk_boundaries_do_not_matter(marks: Any) -> None:
    data = b"\xef\xbb\xbf" + collection(item(saved()), {"item": [item(saved(body="é"))]})
    edges = [0, *sorted(mark % (len(data) + 1) for mark in marks), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert list(read_postman(SOURCE.place, ChunkStream(pieces))) == list(
        read_postman(SOURCE.place, ChunkStream([data]))
    )
