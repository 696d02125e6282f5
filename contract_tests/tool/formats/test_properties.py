"""What holds for any exchange, any bytes and any chunk boundaries."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import yaml
from contract_tests.usual import each
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opay_contract.formats import json_cursor
from opay_contract.formats.errors import StreamError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.streams import MAX_ENTRY, ChunkStream, iter_lines, iter_read
from opay_contract.formats.table import FORMATS, Format
from opay_contract.model.exchange import Exchange, Request, Response
from opay_contract.recordings.inputs import Source

Read = Callable[..., list[Any]]

SOURCE = Source(ordinal=0, name="-", path=None)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z-]{0,9}", fullmatch=True)
HEADERS = st.lists(st.tuples(NAMES, TEXTS), max_size=3, unique_by=lambda pair: pair[0]).map(tuple)
MANGLED = re.compile(rb"[0-9A-Fa-f]{1,8}[;\r]|\s*\x1b|[\x1f(]")
"""How a body begins that is refused, as a recorder made it of another."""

BODIES = (st.binary(max_size=40) | TEXTS.map(str.encode)).filter(lambda body: not MANGLED.match(body))
REQUESTS = st.builds(
    Request, method=st.sampled_from(["GET", "POST"]), url=TEXTS, headers=HEADERS, body=BODIES
)
RESPONSES = st.builds(Response, status=st.integers(100, 599), headers=HEADERS, body=BODIES)
EXCHANGES = st.lists(
    st.builds(Exchange, place=st.just(SOURCE.place(1)), request=REQUESTS, response=RESPONSES),
    min_size=1,
    max_size=3,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=15,
)


def encoded(body: Any) -> Any:
    return base64.b64encode(body).decode()


def as_ndjson(exchanges: Any) -> Any:
    lines = (
        {
            "request": {
                "method": one.request.method,
                "url": one.request.url,
                "headers": list(one.request.headers),
                "body_base64": encoded(one.request.body),
            },
            "response": {
                "status": one.response.status,
                "headers": dict(one.response.headers),
                "body_base64": encoded(one.response.body),
            },
        }
        for one in exchanges
    )
    return "\n".join(map(json.dumps, lines)).encode()


def har_headers(headers: Any) -> Any:
    return [{"name": name, "value": value} for name, value in headers]


def as_har(exchanges: Any) -> Any:
    entries = [
        {
            "request": {
                "method": one.request.method,
                "url": one.request.url,
                "headers": har_headers(one.request.headers),
                "postData": {"text": encoded(one.request.body), "encoding": "base64"},
            },
            "response": {
                "status": one.response.status,
                "headers": har_headers(one.response.headers),
                "content": {"text": encoded(one.response.body), "encoding": "base64"},
            },
        }
        for one in exchanges
    ]
    return json.dumps({"log": {"entries": entries}}).encode()


def vcr_data(exchanges: Any) -> Any:
    interactions = [
        {
            "request": {
                "method": one.request.method,
                "uri": one.request.url,
                "headers": {name: [value] for name, value in one.request.headers},
                "body": {"base64_string": encoded(one.request.body)},
            },
            "response": {
                "status": {"code": one.response.status},
                "headers": {name: [value] for name, value in one.response.headers},
                "body": {"base64_string": encoded(one.response.body)},
            },
        }
        for one in exchanges
    ]
    return {"interactions": interactions}


def as_vcr_yaml(exchanges: Any) -> Any:
    return yaml.dump(vcr_data(exchanges), Dumper=yaml.CSafeDumper, sort_keys=False).encode()


def as_vcr_json(exchanges: Any) -> Any:
    return json.dumps(vcr_data(exchanges), indent=1).encode()


@pytest.mark.parametrize("write", [as_ndjson, as_har, as_vcr_yaml, as_vcr_json])
@given(exchanges=EXCHANGES)
@settings(max_examples=25, deadline=None)
def test_exchanges_written_in_a_format_are_read_back_equal(read: Read, write: Any, exchanges: Any) -> None:
    found = read(write(exchanges))
    assert [(one.request, one.response) for one in found] == [
        (one.request, one.response) for one in exchanges
    ]


@pytest.mark.parametrize("format_in", [None, *Format])
@given(data=st.binary(max_size=300) | st.text(alphabet='{}[]",:\\ \n-!&*a1u', max_size=60).map(str.encode))
@settings(max_examples=30, deadline=None)
def test_no_bytes_make_a_reader_raise(read: Read, format_in: Any, data: Any) -> None:
    for prefix in (
        b"",
        b'{"log":{"entries":[',
        b"interactions:\n- ",
        b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        b"\x28\xb5\x2f\xfd",
    ):
        read(prefix + data, format_in)


@pytest.mark.parametrize("format_in", [Format.HAR, Format.VCR, Format.NDJSON, Format.JSON])
@given(exchanges=EXCHANGES, data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_damaged_recording_never_makes_a_reader_raise(
    read: Read, format_in: Any, exchanges: Any, data: Any
) -> None:
    write = {Format.HAR: as_har, Format.VCR: as_vcr_yaml}.get(format_in, as_ndjson)
    damaged = bytearray(write(exchanges))
    start = data.draw(st.integers(0, len(damaged) - 1))
    damaged[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    read(bytes(damaged), format_in)


def cut(data: Any, marks: Any) -> Any:
    edges = [0, *sorted(mark % (len(data) + 1) for mark in marks), len(data)]
    return ChunkStream([data[start:end] for start, end in pairwise(edges)])


@pytest.mark.parametrize(
    ("format_in", "write"), [(Format.HAR, as_har), (Format.NDJSON, as_ndjson), (Format.VCR, as_vcr_json)]
)
@given(exchanges=EXCHANGES, marks=st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_chunk_boundaries_do_not_matter_to_a_reader(
    format_in: Any, write: Any, exchanges: Any, marks: Any
) -> None:
    data = b"\xef\xbb\xbf" + write(exchanges)
    read = FORMATS[format_in].read
    assert read is not None
    assert list(read(SOURCE.place, cut(data, marks))) == list(read(SOURCE.place, ChunkStream([data])))


def items_of(stream: Any, limit: int = MAX_ENTRY) -> Iterator[tuple[int, bytes | None, int]]:
    """Yield the line, the text and the first byte of each item of a list."""
    for lines, texts, values, starts in JsonCursor(stream).iter_runs(limit=limit):
        for line, text, _, start in zip(lines, texts, values, starts, strict=False):
            yield line, text, start


@given(
    values=st.lists(VALUES, max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    marks=st.lists(st.integers(0, 500), max_size=9),
)
def test_the_cursor_cuts_out_exactly_the_items(values: Any, indent: Any, marks: Any) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    found = [item for _, item, _ in items_of(cut(data, marks))]
    assert [json.loads(str(item, "utf-8", "surrogatepass")) for item in found if item] == values


ALIKE = st.lists(
    st.fixed_dictionaries({"a": VALUES}, optional={"b": VALUES, "c": st.just([{"a": 1}, {"a": "},{"}])}),
    max_size=9,
)


def failing(stream: ChunkStream) -> ChunkStream:
    """Return a stream that cannot be read to its end."""

    def chunks() -> Iterator[bytes]:
        yield from iter_read(stream)
        raise StreamError("the store is gone")

    return ChunkStream(chunks())


def read_slowly(cut_data: Any) -> Any:
    """Return the items as they are when none is cut at a guess."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_cursor, "_JOINT", re.compile(rb"(?!)"))
        return read_items(cut_data)


def read_items(cut_data: Any) -> Any:
    found: list[Any] = []
    try:
        found.extend(items_of(cut_data, limit=200))
    except StreamError as error:
        found.append(error.reason)
    return found


@given(
    values=ALIKE,
    indent=st.sampled_from([None, 0, 2]),
    marks=st.lists(st.integers(0, 500), max_size=9),
    faults=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3), st.binary(max_size=3)), max_size=3),
)
@example(values=[{"a": 1}] * 9, indent=None, marks=[], faults=[])  # the store is gone behind some
@settings(max_examples=120, deadline=None)
def test_items_that_are_cut_at_a_guess_are_those_that_are_walked_through(
    values: Any, indent: Any, marks: Any, faults: Any
) -> None:
    data = bytearray(json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for position, length, put in faults:
        start = position % (len(data) + 1)
        data[start : start + length] = put
    assert read_items(cut(bytes(data), marks)) == read_slowly(cut(bytes(data), marks))
    found = read_items(failing(cut(bytes(data), marks)))
    assert found == read_slowly(failing(cut(bytes(data), marks)))


@each("between", [", ", ",", ",\n  ", " ,\n"])
def test_long_arrays_are_cut_as_they_are_walked_through(between: str) -> None:
    items = [
        {"n": number, "in": [{"n": 1}, {"n": 2}], "t": "x" * (number * 37 % 900)} for number in range(900)
    ]
    odd = ['{"n": NaN}', '{"m": 1}', "[]", '{"n": "},{\\"n\\""}', '{"n": "%s"}' % ("y" * 300_000)]
    texts = [json.dumps(item) for item in items]
    for position, text in zip((100, 200, 300, 400, 500), odd, strict=True):
        texts.insert(position, text)
    data = f"[{between.join(texts)}]".encode()
    found = list(items_of(io.BytesIO(data)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_cursor, "_JOINT", re.compile(rb"(?!)"))
        assert list(items_of(io.BytesIO(data))) == found
    assert [item for _, item, _ in found] == [text.encode() for text in texts]
    assert all(data[start:].startswith(item or b"-") for _, item, start in found)


def test_objects_without_a_comma_between_them_are_no_items() -> None:
    alike = '{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}'
    read, reason = list[Any](), ""
    try:
        read.extend(items_of(io.BytesIO(f'[{alike}, {{"n": 5}} {{"n": 6}}, {alike}]'.encode())))
    except StreamError as error:
        reason = error.reason
    assert (len(read), reason) == (5, "the file stops being JSON on line 1")


def test_most_items_are_cut_at_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[Any] = []
    take_value = JsonCursor.take_value

    def take(self: JsonCursor, *limit: int) -> bytes | None:
        walked.append(1)
        return take_value(self, *limit)

    monkeypatch.setattr(JsonCursor, "take_value", take)
    data = json.dumps([{"a": number, "b": "x" * 1000} for number in range(2000)]).encode()
    assert len(list(items_of(io.BytesIO(data)))) == 2000
    assert len(walked) < 20


@given(lines=st.lists(st.binary(max_size=20), max_size=9), marks=st.lists(st.integers(0, 200), max_size=9))
def test_lines_are_those_of_the_whole_text(lines: Any, marks: Any) -> None:
    data = b"x" + b"\n".join(lines)
    expected = [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()]
    assert list(iter_lines(cut(data, marks))) == [one for one in expected if not one[1].isspace()]
    assert list(iter_lines(io.BytesIO(data))) == list(iter_lines(cut(data, marks)))
