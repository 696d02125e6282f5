"""HAR files, as browsers and proxies write them, and as they break."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each

from opay_contract.model.exchange import Exchange, Unreadable

Read = Callable[..., list[Any]]

BODY = '{"code":"00000","data":{"name":"Ada Example"}}'


def entry(**response: Any) -> dict[str, Any]:
    content = {"size": len(BODY), "mimeType": "application/json", "text": BODY}
    usual = {"status": 200, "headers": [{"name": "Content-Type", "value": "application/json"}]}
    return {
        "startedDateTime": "2026-05-01T10:00:00.123+01:00",
        "request": {
            "method": "POST",
            "url": "https://sandbox.example.com/pay",
            "headers": [{"name": "Authorization", "value": "Bearer x", "comment": "kept"}],
            "bodySize": 8,
            "postData": {"mimeType": "application/json", "text": '{"a": 1}'},
        },
        "response": usual | {"content": content, "bodySize": -1, "comment": ""} | response,
        "comment": "an entry",
    }


def har(*entries: Any, **members: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", **members, "entries": entries, "comment": ""}}).encode()


def test_every_part_of_an_entry_is_read(read: Read) -> None:
    (found,) = read(har(entry()))
    assert found.place.entry == 1
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay")
    assert found.request.headers == (("Authorization", "Bearer x"),)
    assert found.request.body == b'{"a": 1}'
    assert (found.response.status, found.response.body) == (200, BODY.encode())
    assert found.recorded_at == "2026-05-01T10:00:00.123+01:00"


def test_a_har_without_entries_holds_nothing_and_that_is_no_flaw(read: Read) -> None:
    assert read(har()) == []


def test_a_byte_order_mark_before_the_har_is_passed_over(read: Read) -> None:
    (found,) = read(b"\xef\xbb\xbf" + har(entry()))
    assert isinstance(found, Exchange)


def test_entries_are_found_after_other_big_members(read: Read) -> None:
    pages = [{"title": "x" * 1000, "deep": [[[[[[[[{}]]]]]]]]}] * 2000
    assert len(read(har(entry(), entry(), pages=pages))) == 2


def test_an_entry_is_placed_on_the_line_on_which_it_starts(read: Read) -> None:
    text = json.dumps(json.loads(har(entry(), entry())), indent=1).encode()
    first, second = read(text)
    lines = text.split(b"\n")
    assert [lines[found.place.line - 1].strip() for found in (first, second)] == [b"{", b"{"]
    assert b'"entries"' in lines[first.place.line - 2]


def test_preflight_requests_and_other_hosts_are_ordinary_entries(read: Read) -> None:
    preflight = entry(status=204, content={"size": 0, "mimeType": "x-unknown"}, headers=[])
    preflight["request"] = {
        "method": "OPTIONS",
        "url": "https://other.example.org/",
        "headers": [],
        "bodySize": 0,
    }
    (found,) = read(har(preflight))
    assert (found.request.method, found.request.body, found.response.body) == ("OPTIONS", b"", b"")


def test_pseudo_headers_of_http_2_are_no_headers(read: Read) -> None:
    recorded = entry()
    recorded["request"]["headers"] = [
        {"name": ":method", "value": "POST"},
        {"name": "accept", "value": "*/*"},
    ]
    (found,) = read(har(recorded))
    assert found.request.headers == (("accept", "*/*"),)


def test_base64_content_is_decoded(read: Read) -> None:
    packed = base64.b64encode(b"\x00\xff").decode()
    (found,) = read(har(entry(content={"size": 2, "text": packed, "encoding": "base64"})))
    assert found.response.body == b"\x00\xff"


def test_content_marked_as_base64_that_is_not_is_unreadable(read: Read) -> None:
    (found,) = read(har(entry(content={"size": 2, "text": "{}", "encoding": "base64"})))
    assert found.reason == "a body is marked as base64 and is not"


@pytest.mark.parametrize("size", [0, -1])
def test_no_text_and_no_size_is_an_empty_body(read: Read, size: int) -> None:
    (found,) = read(har(entry(content={"size": size}, bodySize=size)))
    assert found.response.body == b""


@each(
    "response",
    [
        {"content": {"size": 120}},
        {"content": {}, "bodySize": 12},
        {"content": {"size": -1}, "headers": [{"name": "content-length", "value": "12"}]},
        {"content": None},
    ],
)
def test_no_text_where_there_was_a_body_is_unreadable(read: Read, response: Any) -> None:
    (found,) = read(har(entry(**response)))
    assert found.reason == 'the response has no body text; export the HAR "with content"'


def test_a_body_that_playwright_put_into_another_file_is_unreadable(read: Read) -> None:
    (found,) = read(har(entry(content={"size": 3, "_file": "abc.json"})))
    assert "in another file" in found.reason


@pytest.mark.parametrize(
    "content",
    [{"size": 1000, "text": BODY}, {"size": len(BODY), "text": BODY, "comment": "Body truncated: 3 of 9"}],
)
def test_truncated_content_is_unreadable(read: Read, content: Any) -> None:
    (found,) = read(har(entry(content=content)))
    assert "cut off by the recorder" in found.reason


def test_a_size_that_counts_the_byte_order_mark_is_no_truncation(read: Read) -> None:
    (found,) = read(har(entry(content={"size": len(BODY) + 3, "text": BODY})))
    assert isinstance(found, Exchange)


def test_a_size_that_counts_compressed_bytes_is_no_truncation(read: Read) -> None:
    (found,) = read(har(entry(content={"size": len(BODY) + 20, "compression": -20, "text": BODY})))
    assert isinstance(found, Exchange)


@pytest.mark.parametrize("status", [0, -1])
def test_a_request_that_got_no_response_is_unreadable(read: Read, status: Any) -> None:
    (found,) = read(har(entry(status=status)))
    assert "got no response" in found.reason


@each("status", [99, 600, 1.5, "2OO", None, True, 10**30])
def test_a_status_that_is_none_is_unreadable(read: Read, status: Any) -> None:
    (found,) = read(har(entry(status=status)))
    assert isinstance(found, Unreadable)


@each(("size", "body"), [(0, b""), (12, None), (-1, None)])
def test_a_request_body_that_was_not_recorded_is_none_and_an_empty_one_is_empty(
    read: Read, size: int, body: Any
) -> None:
    recorded = entry()
    recorded["request"] = {"method": "POST", "url": "/", "bodySize": size}
    (found,) = read(har(recorded))
    assert found.request.body == body


def test_a_lone_surrogate_in_a_body_does_not_stop_the_reader(read: Read) -> None:
    (found,) = read(har(entry(content={"text": "\ud800"})))
    assert isinstance(found, Exchange)


@each(
    "hostile",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"response":' * 3000 + b"1" + b"}" * 3000,
        b"null",
        b"[]",
        b"{}",
        b"tru",
    ],
)
def test_a_hostile_entry_is_unreadable_and_the_others_still_come(read: Read, hostile: bytes) -> None:
    good = json.dumps(entry()).encode()
    found = read(b'{"log":{"entries":[' + good + b"," + hostile + b"," + good + b"]}}")
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]
    assert [one.place.entry for one in found] == [1, 2, 3]


def test_a_har_that_breaks_off_gives_what_came_before_and_says_so(read: Read) -> None:
    whole = har(entry(), entry(), entry())
    found = read(whole[: int(len(whole) * 0.8)])
    assert [type(one) for one in found] == [Exchange, Exchange, Unreadable]
    assert found[-1].place.entry == 0
    assert found[-1].reason == "the file breaks off after entry 2"


def test_rubbish_between_entries_ends_the_file_with_its_line(read: Read) -> None:
    good = json.dumps(entry()).encode()
    found = read(b'{"log":{"entries":[\n' + good + b"\n;" + good + b"]}}")
    assert found[-1].reason == "the file stops being JSON on line 3 after entry 1"


def test_an_entry_longer_than_may_be_kept_is_unreadable_and_the_next_one_comes(read: Read) -> None:
    good = json.dumps(entry()).encode()
    huge = b'{"a":"' + b"x" * (64 << 20) + b'"}'
    found = read(b'{"log":{"entries":[' + huge + b"," + good + b"]}}")
    assert [type(one) for one in found] == [Unreadable, Exchange]
    assert found[0].reason == "the entry is longer than 64 MiB"


def test_a_member_name_that_is_no_json_ends_the_file(read: Read) -> None:
    (found,) = read(b'{"log":{"\\x":1,"entries":[]}}')
    assert found.reason == "the file stops being JSON on line 1"


@each(
    ("text", "size", "body"),
    [
        ("eyJhIjogMX0=", 8, b'{"a": 1}'),
        ("eyJhIjogMX0=", 12, b"eyJhIjogMX0="),
        ('{"é": 1}', 8, '{"é": 1}'.encode()),
    ],
)
def test_a_request_body_is_taken_for_base64_only_when_its_size_says_so(
    read: Read, text: Any, size: int, body: Any
) -> None:
    recorded = entry()
    recorded["request"] |= {"bodySize": size, "postData": {"text": text}}
    (found,) = read(har(recorded))
    assert found.request.body == body


@each(
    ("path", "value"),
    [
        ("response.content.compression", ""),
        ("response.content.size", "375"),
        ("response.content.comment", {}),
        ("response.content.mimeType", 1),
        ("response.bodySize", None),
        ("response.headers.0", "Content-Type: application/json"),
        ("request.headers", {}),
        ("request.method", 1),
        ("request.bodySize", "8"),
        ("request.postData", []),
        ("request.postData.text", {"a": 1}),
        ("startedDateTime", 1),
    ],
)
def test_a_member_that_nothing_needs_never_costs_the_entry(read: Read, path: str, value: Any) -> None:
    recorded: Any = entry()
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    holder = recorded
    for step in steps:
        holder = holder[step]
    holder[last] = value
    (found,) = read(har(recorded))
    assert isinstance(found, Exchange)
    assert (found.response.status, found.response.body) == (200, BODY.encode())


@each(
    ("members", "named"),
    [
        ({"status": []}, "response.status"),
        ({"headers": 1}, "response.headers"),
        ({"content": []}, "response.content"),
        ({"content": {"text": {}}}, "response.content.text"),
        ({"content": {"text": "", "encoding": 1}}, "response.content.encoding"),
    ],
)
def test_a_member_that_is_needed_is_named_where_it_is_of_a_wrong_type(
    read: Read, members: Any, named: str
) -> None:
    (found,) = read(har(entry(**members)))
    assert found.reason == f"the member '{named}' is missing or of a wrong type"


def test_a_status_that_is_written_as_text_is_read(read: Read) -> None:
    (found,) = read(har(entry(status="201")))
    assert found.response.status == 201


def test_header_values_that_are_numbers_or_null_are_read(read: Read) -> None:
    headers = [{"name": "Content-Length", "value": 512}, {"name": "X-A", "value": None}, {"name": "X-B"}]
    (found,) = read(har(entry(headers=headers)))
    assert found.response.headers == (("Content-Length", "512"), ("X-A", ""), ("X-B", ""))


@pytest.mark.parametrize("headers", [[], None])
def test_without_header_fields_the_media_type_is_that_of_the_content(read: Read, headers: Any) -> None:
    (found,) = read(har(entry(headers=headers)))
    assert found.response.headers == (("Content-Type", "application/json"),)
    (unknown,) = read(har(entry(headers=headers, content={"text": BODY, "mimeType": "x-unknown"})))
    assert not unknown.response.headers


def test_a_request_body_that_cannot_be_decoded_does_not_cost_the_response(read: Read) -> None:
    recorded = entry()
    recorded["request"]["postData"] = {"text": "!", "encoding": "base64"}
    (found,) = read(har(recorded))
    assert (found.request.body, found.response.body) == (None, BODY.encode())


def test_an_entry_of_very_many_odd_members_is_refused_in_time(read: Read) -> None:
    (found,) = read(har(entry(headers=[1] * 1000)))
    assert found.reason == "too many members of the entry are of a wrong type"


@each(
    ("written", "read_as"),
    [
        ("2026-11-23T17:32:08.552+0530", "2026-11-23T17:32:08.552+05:30"),
        ("2026-11-23t17:32:08.123456789z", "2026-11-23t17:32:08.123456789z"),
        ("2026-11-23 17:32:08+02:00", "2026-11-23 17:32:08+02:00"),
        ("2026-11-23T17:32:08+02", "2026-11-23T17:32:08+02:00"),
        ("2026-11-23T17:32:08,552Z", "2026-11-23T17:32:08.552Z"),
        ("2026-11-23T17:32:08.552", "2026-11-23T17:32:08.552-00:00"),
        ("2026-11-23 17:32:08 +0000", "2026-11-23T17:32:08+00:00"),
        ("2026-11-23T17:32Z", "2026-11-23T17:32:00Z"),
        ("20261123T173208Z", "2026-11-23T17:32:08Z"),
        ("2026-11-23T17:32:08.1234567891Z", None),
        ("Mon, 23 Nov 2026 17:32:08 GMT", "2026-11-23T17:32:08+00:00"),
        ("2026-11-23", None),
        ("yesterday", None),
    ],
)
def test_times_are_read_as_iso_8601_has_them(read: Read, written: str, read_as: str | None) -> None:
    recorded = entry()
    recorded["startedDateTime"] = written
    (found,) = read(har(recorded))
    assert found.recorded_at == read_as


def test_without_a_time_of_its_own_an_entry_has_that_of_its_date_header(read: Read) -> None:
    recorded = entry(headers=[{"name": "date", "value": "Fri, 01 May 2026 10:00:00 GMT"}])
    del recorded["startedDateTime"]
    (found,) = read(har(recorded))
    assert found.recorded_at == "2026-05-01T10:00:00+00:00"


def test_hars_one_behind_another_are_all_read(read: Read) -> None:
    found = read(har(entry()) + b"\n" + har(entry(), entry()))
    assert [one.place.entry for one in found] == [1, 2, 3]
    lines = read(har(entry()) + b"\n" + har(entry()) + b"\n")
    assert len(lines) == 2


@each("rest", [b"{", b"}", b"]", b"rest", b'{"package": 1}'])
def test_what_stands_behind_a_har_and_is_none_is_refused_by_place(read: Read, rest: bytes) -> None:
    first, other = read(har(entry()) + b"\n" + rest)
    assert isinstance(first, Exchange)
    assert isinstance(other, Unreadable)
    assert "after entry 1" in other.reason
    assert "line 2" in other.reason or "breaks off" in other.reason


@pytest.mark.parametrize("value", [{"version": "1.2", "creator": {}, "entries": [1]}, [1]])
def test_a_har_that_lost_its_wrapper_is_read(read: Read, value: Any) -> None:
    text = json.dumps(value).replace("1]", json.dumps(entry()) + "]")
    (found,) = read(text.encode())
    assert found.response.body == BODY.encode()


def test_settings_of_a_log_are_no_har(read: Read) -> None:
    (found,) = read(b'{"log": {"level": "debug"}}')
    assert found.request.url is None


def test_what_got_no_answer_tells_whose_it_was(read: Read) -> None:
    failed = entry()
    del failed["response"]
    (found,) = read(har(failed))
    assert (found.request.url, found.request.method) == ("https://sandbox.example.com/pay", "POST")
    assert "sandbox" not in repr(found)
