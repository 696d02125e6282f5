"""Files of other tools that are no recordings: each is told by name, and none is taken for an answer."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.formats.foreign import BY_MEMBERS, BY_START, Foreign
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import AnswerShape, Exchange, Unreadable
from opay_contract.recordings.inputs import Source, iter_inputs
from opay_contract.recordings.reading import iter_exchanges

Read = Callable[..., list[Any]]

ANSWERS = AnswerShape((frozenset({"code", "message", "data"}),))
STUB = {"status": 200, "body": "{}"}
FOREIGN: list[tuple[str, Any]] = [
    ("a Pact file", {"consumer": {}, "interactions": [], "provider": {}, "metadata": {}}),
    ("a Hoverfly simulation", {"data": {"pairs": [], "globalActions": {}}, "meta": {"schemaVersion": "v5"}}),
    ("a WireMock mapping", {"id": "1", "request": {"method": "GET", "urlPath": "/a"}, "response": STUB}),
    ("a WireMock mapping", {"mappings": [{"request": {}, "response": STUB}], "meta": {"total": 1}}),
    ("a journal of WireMock", {"requests": [], "meta": {}, "requestJournalDisabled": False}),
    ("expectations of MockServer", [{"httpRequest": {}, "httpResponse": {}}]),
    ("imposters of mountebank", {"imposters": [{"protocol": "http", "stubs": []}]}),
    ("a file of nock", [{"scope": "https://a.example:443", "method": "GET", "path": "/", "response": {}}]),
    ("an Insomnia export", {"_type": "export", "__export_format": 4, "resources": []}),
    ("a Postman collection of version 1", {"id": "1", "name": "c", "order": [], "requests": []}),
    ("a backup of Postman", {"version": 1, "collections": [], "environments": []}),
    ("variables of Postman", {"name": "e", "values": [], "_postman_variable_scope": "environment"}),
    ("a result of Postman's runner", {"id": "1", "name": "r", "collection_id": "2", "results": []}),
    ("a collection of Thunder Client", {"clientName": "Thunder Client", "collectionName": "c"}),
    ("a session of HTTPie", {"__meta__": {"httpie": "3.2.2"}, "cookies": {}, "headers": {}}),
    ("a Charles session", [{"status": "COMPLETE", "scheme": "https", "host": "a", "protocolVersion": "2"}]),
    ("a network log of Chrome", {"constants": {}, "events": []}),
    ("a list of HARs", [{"log": {"entries": []}}, {"log": {"entries": []}}]),
    ("an OpenAPI document", {"openapi": "3.1.0", "info": {}, "paths": {}}),
    ("a SARIF report", {"$schema": "sarif", "version": "2.1.0", "runs": []}),
    ("a JSON Schema", {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}),
    (
        "a run's summary that 'check --save-summary' wrote",
        {"format": "opay-contract summary", "version": 1, "exchanges": 1},
    ),
    ("a report of 'opay-contract'", {"schema_version": 1, "summary": {}, "findings": []}),
    ("a description of a package", {"name": "shop", "version": "1.0.0", "dependencies": {"a": "1"}}),
    ("settings of a compiler", {"compilerOptions": {}}),
    ("what 'curl -i' prints", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"),
    ("a trace of curl (--trace-ascii)", b"== Info:   Trying 203.0.113.5:443...\n=> Send header, 5 bytes\n"),
    ("raw HTTP messages, as HTTPie prints them", b"POST /a HTTP/1.1\nHost: a\n\n{}\n\nHTTP/1.1 200 OK\n"),
    ("an export of Burp Suite", b'<?xml version="1.0"?>\n<items burpVersion="2024.1">'),
    ("a JUnit report", b'<?xml version="1.0"?><testsuites name="x"/>'),
    ("an XML file", b'<?xml version="1.0"?>\n<a/>'),
    ("a web page", b"<!DOCTYPE html>\n<html></html>"),
    ("an Insomnia export", b"type: collection.insomnia.rest/5.0\nname: a\ncollection: []\n"),
    ("an OpenAPI document", b"# A contract.\n\nopenapi: 3.1.1\ninfo: {}\n"),
    ("code that nock wrote", b"const nock = require('nock')\n\nnock('https://a.example')\n"),
    ("a packet capture", b"\n\r\r\n\x1c\0\0\0"),
    (
        "a web server's access log as text",
        b'203.0.113.5 - - [01/May/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
    ),
    (
        "a web server's access log as text",
        b'[2026-05-01T10:00:00.000Z] "POST /a HTTP/1.1" 200 - 26 300 12 10\n',
    ),
    (
        "a web server's access log as text",
        b"https 2026-05-01T10:00:00.000000Z app/a/5 203.0.113.5:2817 10.0.0.1:80 0.1 0.1 0.1 200 200 0 57\n",
    ),
    (
        "what Wget prints",
        b"--2026-05-01 10:00:00--  https://a.example/\nResolving a.example... 203.0.113.5\n",
    ),
    ("what mitmdump prints", b"203.0.113.5:50433: POST https://a.example/\n     << 200 OK 300b\n"),
    ("an SQLite database", b"SQLite format 3\0"),
]


def content(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, indent=1).encode()


@each("index", range(0, len(FOREIGN), 10))
def test_a_file_of_another_tool_is_refused_by_name(read: Read, index: int) -> None:
    for name, value in FOREIGN[index : index + 10]:
        (found,) = read(content(value))
        assert isinstance(found, Unreadable), name
        assert found.reason.startswith(f"the file is {name}, which is not read; "), name
        assert not found.is_passed_over
        compact = json.dumps(value).encode() if not isinstance(value, bytes) else value
        assert read(compact)[0].reason == found.reason


def test_every_row_of_the_table_is_tried() -> None:
    assert {name for name, _ in FOREIGN} == {foreign.name for foreign in (*BY_MEMBERS, *BY_START)}


def test_the_advice_on_the_format_is_given_only_where_it_helps(read: Read) -> None:
    told = [read(content(value))[0].reason for _, value in FOREIGN]
    assert not [reason for reason in told if "--format-in" in reason]
    assert "--format-in" not in read(b"# Notes\n")[0].reason


def read_in_folder(tmp_path: Path, name: str, data: bytes) -> list[Exchange | Unreadable]:
    (tmp_path / name).write_bytes(data)
    (source,) = iter_inputs([str(tmp_path)])
    assert isinstance(source, Source)
    return list(iter_exchanges(source, answers=ANSWERS))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("package.json", b'{"name": "shop", "scripts": {}}'),
        ("settings.json", b'{"anything": [1, 2]}'),
        ("list.json", b'[{"code": 1}]'),
        ("notes.md", b"# Notes\n"),
        ("empty.txt", b""),
        ("ci.yaml", b"on: push\n"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0"),
    ],
)
def test_a_file_of_a_folder_that_is_no_recording_is_passed_over(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (found,) = read_in_folder(tmp_path, name, data)
    assert isinstance(found, Unreadable)
    assert found.is_passed_over
    (named,) = iter_inputs([str(tmp_path / name)])
    assert isinstance(named, Source)
    (refused,) = iter_exchanges(named, answers=ANSWERS)
    assert isinstance(refused, Unreadable)
    assert not refused.is_passed_over


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("calls.har", b"rubbish"),
        ("calls.har.gz", b"rubbish"),
        ("calls.ndjson", b'{"request_": {}, "response_": {}}\n'),
        ("empty.json", b""),
        ("torn.har", b'{"log": {"version": "1.2", "ent'),
    ],
)
def test_a_file_that_promises_a_recording_is_reported_wherever_it_is(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (found,) = read_in_folder(tmp_path, name, data)
    assert isinstance(found, Unreadable)
    assert not found.is_passed_over


def test_a_format_that_is_asked_for_is_not_forced_on_every_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_bytes(b'{"broken')
    (tmp_path / "notes.md").write_bytes(b"# Notes\n")
    sources = [one for one in iter_inputs([str(tmp_path)]) if isinstance(one, Source)]
    answer, notes = (one for source in sources for one in iter_exchanges(source, Format.BODY))
    assert isinstance(answer, Exchange)
    assert isinstance(notes, Unreadable)
    assert notes.is_passed_over


def test_json_is_an_answer_only_with_the_members_of_one() -> None:
    def taken(value: Any) -> bool:
        source = Source(ordinal=0, name="-", path=None)
        found = list(iter_exchanges(source, stdin=io.BytesIO(content(value)), answers=ANSWERS))
        return isinstance(found[0], Exchange)

    assert taken({"code": "00000", "message": "SUCCESSFUL"})
    assert taken({"message": "SUCCESSFUL", "data": None})
    assert taken([{"code": "00000", "data": {}}])
    assert not taken({"code": "00000"})
    assert not taken({"data": {"code": "00000", "message": "x"}})
    assert not taken([])


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=200)
    | st.sampled_from([content(value) for _, value in FOREIGN]).flatmap(
        lambda data: st.integers(0, len(data)).map(lambda end: data[:end])
    )
)
def test_recognition_never_raises(data: bytes) -> None:
    assert isinstance(recognise(data), str | Foreign | None)
