"""Flow files of mitmproxy, as five of its versions write them, and as they break."""

import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.formats import tnetstrings
from opay_contract.formats.errors import EntryError
from opay_contract.formats.mitmproxy import read_mitmproxy
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.table import Format, recognise
from opay_contract.formats.tnetstrings import cut, read_members, read_pairs, read_text
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source

Read = Callable[..., list[Any]]

SOURCE = Source(ordinal=0, name="-", path=None)
RECORDINGS = Path(__file__).parents[2] / "recordings"
FILES = sorted(RECORDINGS.glob("*/mitmproxy-*.flow"))


def dump(value: Any) -> bytes:
    """Write a value as mitmproxy does: bytes end in a comma, text in a semicolon."""
    match value:
        case None:
            payload, kind = b"", b"~"
        case bool():
            payload, kind = str(value).lower().encode(), b"!"
        case int():
            payload, kind = str(value).encode(), b"#"
        case float():
            payload, kind = repr(value).encode(), b"^"
        case bytes():
            payload, kind = value, b","
        case str():
            payload, kind = value.encode(), b";"
        case dict():
            payload, kind = b"".join(dump(part) for member in value.items() for part in member), b"}"
        case _:
            payload, kind = b"".join(map(dump, value)), b"]"
    return b"%d:%b%b" % (len(payload), payload, kind)


def flow(**members: Any) -> dict[str, Any]:
    request = {
        "method": b"POST",
        "scheme": b"https",
        "host": "127.0.0.1",
        "port": 8443,
        "authority": b"",
        "path": b"/pay?x=1",
        "headers": [[b"Host", b"sandbox.example.com"], [b"Authorization", b"Bearer x"]],
        "content": b'{"a":1}',
        "timestamp_start": 1795458643.5,
    }
    response = {
        "status_code": 200,
        "headers": [[b"Content-Type", b"application/json"]],
        "content": b'{"b":2}',
    }
    return {
        "websocket": None,
        "response": response | members.pop("response", {}),
        "request": request | members.pop("request", {}),
        "type": "http",
        "version": 21,
    } | members


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_real_flow_file_holds_what_another_recorder_holds_of_the_same_calls(read: Read, path: Path) -> None:
    found = read(path.read_bytes())
    others = read((path.parent / "requests.ndjson").read_bytes())
    assert [(one.request.url, one.request.body) for one in found] == [
        (one.request.url, one.request.body) for one in others
    ]
    assert [(one.response.status, one.response.body) for one in found] == [
        (one.response.status, one.response.body) for one in others
    ]
    assert all(one.recorded_at.startswith("2026-") for one in found)
    assert [dict(one.request.headers)["MerchantId"] for one in found] == ["256612345678901"] * len(found)


def test_five_versions_of_mitmproxy_are_here() -> None:
    assert len({path.name for path in FILES}) == 5


def test_every_part_of_a_flow_is_read(read: Read) -> None:
    (found,) = read(dump(flow()))
    assert (found.place.entry, found.place.line) == (1, None)
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay?x=1")
    assert found.request.headers == (("Host", "sandbox.example.com"), ("Authorization", "Bearer x"))
    assert found.request.body == b'{"a":1}'
    assert (found.response.status, found.response.body) == (200, b'{"b":2}')
    assert found.recorded_at == "2026-11-23T18:30:43.500000+00:00"


@each(
    ("request_members", "url"),
    [
        ({"authority": b"two.example.com"}, "https://two.example.com/pay?x=1"),
        ({"headers": []}, "https://127.0.0.1:8443/pay?x=1"),
        ({"headers": [], "host": b"one.example.com", "port": 443}, "https://one.example.com/pay?x=1"),
        ({"headers": [], "host": "::1"}, "https://[::1]:8443/pay?x=1"),
    ],
)
def test_the_url_is_the_one_that_the_client_saw(read: Read, request_members: Any, url: str) -> None:
    (found,) = read(dump(flow(request=request_members)))
    assert found.request.url == url


def test_a_flow_of_the_oldest_versions_is_read(read: Read) -> None:
    old = {
        b"version": [0, 13],
        b"type": b"http",
        b"request": {
            b"method": b"GET",
            b"scheme": b"http",
            b"host": b"old.example.com",
            b"port": 80,
            b"path": b"/",
            b"headers": [[b"A", b"\xe9"]],
            b"httpversion": [1, 1],
            b"content": b"",
        },
        b"response": {b"code": 200, b"headers": [], b"content": b"{}", b"msg": b"OK"},
    }
    (found,) = read(dump(old))
    assert (found.request.url, found.request.body) == ("http://old.example.com/", b"")
    assert found.request.headers == (("A", "é"),)
    assert (found.response.status, found.response.body, found.recorded_at) == (200, b"{}", None)


def test_the_content_of_version_0_14_is_called_body(read: Read) -> None:
    old = flow()
    old["response"] = {"status_code": 200, "headers": [], "body": b"[]"}
    (found,) = read(dump(old))
    assert found.response.body == b"[]"


def test_a_version_still_to_come_is_read_as_long_as_its_members_are_these(read: Read) -> None:
    (found,) = read(dump(flow(version=99, new={"deep": [[1.5, True]]})))
    assert isinstance(found, Exchange)


def test_a_content_encoding_is_taken_off(read: Read) -> None:
    packed = {"headers": [[b"content-encoding", b"gzip"]], "content": gzip.compress(b'{"c":3}')}
    (found,) = read(dump(flow(response=packed)))
    assert found.response.body == b'{"c":3}'


@each(
    "other",
    [
        {"type": "tcp", "messages": []},
        {"type": "dns"},
        flow(websocket={"messages": []}),
        flow(type="websocket"),
        flow(request={"method": b"CONNECT"}),
    ],
)
def test_flows_other_than_http_exchanges_are_counted_and_passed_over(read: Read, other: Any) -> None:
    found = read(dump(flow()) + dump(other) + dump(flow()))
    assert [one.place.entry for one in found] == [1, 3]


def test_a_flow_without_a_response_is_unreadable(read: Read) -> None:
    killed = flow() | {"response": None, "error": {"msg": "killed"}}
    (found,) = read(dump(killed))
    assert "got no response" in found.reason


def test_a_body_that_was_streamed_past_is_unreadable(read: Read) -> None:
    (found,) = read(dump(flow(response={"content": None})))
    assert "stream_large_bodies" in found.reason


def test_a_request_body_that_was_not_kept_is_none(read: Read) -> None:
    (found,) = read(dump(flow(request={"content": None})))
    assert found.request.body is None


@each("part", [{"headers": [[b"only a name"]]}, {"headers": b"none"}, {"content": 5}])
def test_a_part_of_the_request_that_cannot_be_read_does_not_cost_the_response(read: Read, part: Any) -> None:
    (found,) = read(dump(flow(request=part)))
    assert isinstance(found, Exchange)
    assert None in (found.request.headers, found.request.body)


@each(
    "odd",
    [
        {},
        {"type": "http"},
        [1, 2],
        flow(type=3),
        flow(request={"method": [b"GET"]}),
        flow(response={"content": 5}),
        flow(response={"status_code": b"200"}),
        flow(response={"status_code": 20}),
        flow() | {"request": None},
    ],
)
def test_a_flow_of_another_shape_is_unreadable_and_the_others_still_come(read: Read, odd: Any) -> None:
    found = read(dump(flow()) + dump(odd) + dump(flow()), Format.MITMPROXY)
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


def test_a_damaged_inside_is_unreadable_and_the_others_still_come(read: Read) -> None:
    inside = b"9:type;4:http;"
    found = read(dump(flow()) + b"%d:%b}" % (len(inside), inside) + dump(flow()))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


def test_deep_nesting_is_passed_over(read: Read) -> None:
    deep: Any = b"0:]"
    for _ in range(3000):
        deep = b"%d:%b]" % (len(deep), deep)
    inside = dump("metadata") + deep + b"".join(dump(part) for member in flow().items() for part in member)
    (found,) = read(b"%d:%b}" % (len(inside), inside))
    assert isinstance(found, Exchange)


def test_a_file_that_breaks_off_gives_what_is_whole_and_says_so(read: Read) -> None:
    found = read((dump(flow()) * 3)[:-40])
    assert [type(one) for one in found] == [Exchange, Exchange, Unreadable]
    assert (found[-1].place.entry, found[-1].reason) == (0, "the file breaks off after entry 2")


def test_a_file_that_breaks_off_in_a_length_says_so(read: Read) -> None:
    found = read(dump(flow()) + b"12")
    assert found[-1].reason == "the file breaks off after entry 1"


def test_rubbish_between_flows_ends_the_file(read: Read) -> None:
    found = read(dump(flow()) + b"rubbish" + dump(flow()))
    assert found[-1].reason == "the file stops being one of mitmproxy's after entry 1"


def test_a_flow_longer_than_may_be_kept_is_unreadable_and_the_next_one_comes(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tnetstrings, "MAX_ENTRY", 64 << 10)
    long = dump(flow(response={"content": b"x" * (64 << 10)}))
    found = read(dump(flow()) + long + dump(flow()))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]
    assert found[1].reason == "the entry is longer than 64 MiB"


def test_a_flow_file_is_told_by_its_content() -> None:
    assert all(recognise(path.read_bytes()) == Format.MITMPROXY for path in FILES)
    assert recognise(dump(flow())) == Format.MITMPROXY
    assert recognise(b"12: a list\n13: of numbers") is None


@given(data=st.binary(max_size=200) | st.text(alphabet="0123456789:;,]}~#^", max_size=60).map(str.encode))
@settings(max_examples=80, deadline=None)
def test_no_bytes_make_the_reader_raise(read: Read, data: Any) -> None:
    read(data, Format.MITMPROXY)
    read(b"%d:%b}" % (len(data), data), Format.MITMPROXY)
    read(dump(flow()) + data, Format.MITMPROXY)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_never_makes_the_reader_raise(read: Read, data: Any) -> None:
    damaged = bytearray(dump(flow()) * 2)
    start = data.draw(st.integers(0, len(damaged) - 1))
    damaged[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    read(bytes(damaged), Format.MITMPROXY)


@given(marks=st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_chunk_boundaries_do_not_matter(marks: Any) -> None:
    data = dump(flow()) + dump(flow(type="tcp")) + dump(flow(request={"content": None}))
    edges = [0, *sorted(mark % (len(data) + 1) for mark in marks), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert list(read_mitmproxy(SOURCE.place, ChunkStream(pieces))) == list(
        read_mitmproxy(SOURCE.place, ChunkStream([data]))
    )


def test_what_is_read_with_one_look_is_what_is_cut_value_by_value() -> None:
    """Sizes that do not fit what follows them are told as such, wherever a byte is damaged."""

    def members(text: bytes) -> Any:
        values = cut(text)
        names = list(map(read_text, values[::2]))
        return dict(zip(names, values[1::2], strict=True))

    def pairs(text: bytes) -> Any:
        lists = [cut(inner) if kind == tnetstrings.LIST else [] for kind, inner in cut(text)]
        return [(read_text(name), read_text(item)) for name, item in lists]

    def outcome(work: Callable[[], Any]) -> Any:
        with suppress(EntryError, ValueError):
            return work()
        return None

    whole = flow()
    of_object, of_list = (dump(one).partition(b":")[2][:-1] for one in (whole, whole["request"]["headers"]))
    assert members(of_object)
    assert len(pairs(of_list)) == 2
    for text, kind, quick, plain in (
        (of_object, tnetstrings.OBJECT, read_members, members),
        (of_list, tnetstrings.LIST, read_pairs, pairs),
    ):
        for at, byte in product(range(min(len(text), 200)), b"01:,;]#"):
            damaged = text[:at] + bytes([byte]) + text[at + 1 :]
            expected = outcome(lambda text=damaged, plain=plain: plain(text))
            assert outcome(lambda text=damaged, kind=kind, quick=quick: quick((kind, text))) == expected, (
                damaged
            )


def test_many_flows_are_read_in_time_that_grows_with_their_number(read: Read) -> None:
    data = dump(flow())
    started = time.process_time()
    assert len(read(data * 5_000)) == 5_000
    assert time.process_time() - started < 5
