"""Access logs, coded request bodies, and files that are damaged where their format is told."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

from contract_tests.tool.redact.writers import (
    as_events,
    as_flows,
    as_har,
    as_json_cassette,
    as_report,
    as_transcript,
)
from contract_tests.tool.running import run_command
from contract_tests.usual import each
from msgspec import structs

from opay_contract.formats.content_coding import AS_CHARACTERS, CHUNKED, COLOURED, MANGLED, UNMARKED
from opay_contract.formats.look import HEAD
from opay_contract.formats.streams import ZSTD_MAGIC
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response

HOST = "sandbox-cashierapi.opaycheckout.com"
PATH = "/api/v1/international/token/query"
ASKED = {"customerId": "cust-amira-7731"}
ANSWER = {
    "code": "00000",
    "message": "SUCCESSFUL",
    "data": {"customer": {"customerName": "Amira Canarywood"}},
}
KONG = {
    "latencies": {"request": 12},
    "client_ip": "198.51.100.23",
    "request": {
        "method": "POST",
        "url": f"https://{HOST}{PATH}",
        "headers": {"merchantid": "256612345678901", "content-type": "application/json", "x-who": "Amira"},
        "body": json.dumps(ASKED),
    },
    "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": ANSWER},
    "started_at": 1777629600000,
}
NGINX = {
    "time_iso8601": "2026-05-01T10:00:00+00:00",
    "remote_user": "amira.canarywood",
    "request": f"POST {PATH}?who=amira HTTP/1.1",
    "host": HOST,
    "status": "200",
    "request_body": json.dumps(ASKED),
    "response_body": json.dumps(ANSWER),
    "http_merchantid": "256612345678901",
    "http_x_amira": "Canarywood",
    "sent_http_content_type": "application/json",
}
PEOPLE = (b"mira", b"anary", b"256612345678901", b"7731", b"198.51.100.23")


def test_access_logs_are_redacted_and_keep_their_findings(redact: Any, verdict: Any, read: Any) -> None:
    for value in (KONG, NGINX, [KONG, KONG]):
        data = json.dumps(value).encode()
        written = redact(data)
        assert not written.tally.unread, written.tally
        assert not [one for one in PEOPLE if one in written.data], written.data
        assert recognise(written.data) is Format.ACCESS_LOG
        assert verdict(written.data) == verdict(data)
        again = redact(written.data)
        assert (again.data, again.replaced) == (written.data, [])
        found = read(written.data)[0]
        assert found.request.url.startswith(f"https://{HOST}{PATH}")
        assert (found.request.method, found.response.status) == ("POST", 200)
        assert found.recorded_at.startswith("2026-05-01T10:00:00")
        assert json.loads(found.response.body)["data"]["customer"].keys() == {"customerName"}


def test_a_line_of_a_log_that_cannot_be_read_stays_one_for_the_same_reason(redact: Any, verdict: Any) -> None:
    whole = json.dumps(KONG).encode()
    for broken in (whole[:-20], whole.replace(b'"request"', b'"request" x', 1), b'{"request_method":"GET"}'):
        data = broken + b"\n" + whole + b"\n"
        written = redact(data, Format.ACCESS_LOG)
        assert list(written.tally.unread) == [1], broken
        assert verdict(written.data, Format.ACCESS_LOG) == verdict(data, Format.ACCESS_LOG)
        assert not [one for one in PEOPLE if one in written.data], written.data


def exchange(body: bytes) -> Exchange:
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    request = Request(method="POST", url=f"https://{HOST}{PATH}", headers=headers, body=body)
    answer = Response(status=200, headers=headers[:1], body=b'{"code":"00000"}')
    return Exchange(place=Place(source=0, entry=1, file="-"), request=request, response=answer)


CODED = {"HAR": as_har, "cassette": as_json_cassette, "events": as_events, "flows": as_flows}


def test_a_coded_request_body_is_read_and_stays_coded(redact: Any, read: Any) -> None:
    body = json.dumps(ASKED).encode()
    for name, write in CODED.items():
        data = write([exchange(gzip.compress(body, mtime=0))])
        (found,) = read(data)
        assert found.request.body == body, name
        written = redact(data)
        (made,) = read(written.data)
        assert made.request.body != body, name
        assert json.loads(made.request.body).keys() == ASKED.keys(), name
        assert gzip.compress(body, mtime=0) not in written.data, name
        assert b"H4sI" in written.data or b"\x1f\x8b" in written.data, name  # gzip, in base64 or as it is


def test_a_request_body_whose_coding_is_damaged_costs_no_answer(read: Any) -> None:
    for name, write in CODED.items():
        (found,) = read(write([exchange(gzip.compress(json.dumps(ASKED).encode(), mtime=0)[:-9])]))
        assert found.request.body is None, name
        assert found.response.body == b'{"code":"00000"}', name


def item(header: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": f"https://{HOST}{PATH}", "header": header}
    answer = {"code": 200, "header": [], "body": json.dumps(ANSWER), "originalRequest": request}
    return {"name": "Query", "request": request, "response": [answer]}


INFO = '{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/"}'


def collection(header: Any, info: str = INFO) -> bytes:
    return f'{{"info":{info},"item":{json.dumps([item(header)])}}}'.encode()


@each("value", [4111111111111111, -1, 0, 10**30, 256612345678901])
def test_a_number_as_the_value_of_a_field_is_replaced_as_a_text_is(value: int, redact: Any) -> None:
    for name in ("Authorization", "MerchantId", "Content-Type", "X-Other"):
        data = collection([{"key": name, "value": value}])
        written = redact(data)
        again = redact(written.data)
        assert (again.data, again.replaced) == (written.data, []), name
        request = {"url": f"https://{HOST}{PATH}", "headers": [{"name": name, "value": value}]}
        entry = {"request": request, "response": {"status": 200, "content": {"text": "{}"}}}
        har = json.dumps({"log": {"entries": [entry]}}).encode()
        written = redact(har)
        again = redact(written.data)
        assert (again.data, again.replaced) == (written.data, []), name


def test_a_signature_that_is_a_number_is_masked_as_a_text_is(redact: Any) -> None:
    written = redact(collection([{"key": "Authorization", "value": 4111111111111111}]))
    assert b'"value": "[Filtered]"' in written.data


def test_a_damaged_description_leaves_a_file_what_it_is(redact: Any) -> None:
    schema = "ttps://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    for info in (f'{{"schema":"h"{schema}"}}', f'{{"schema":"Amira {schema}"}}'):
        data = collection([], info)
        assert recognise(data) is Format.POSTMAN
        written = redact(data)
        assert recognise(written.data) is Format.POSTMAN, written.data
        assert b"Amira" not in written.data
    events = b'{"Initialize":{"schemathesis_version":"4.0","command":"Amira\\x"}}\n{"ScenarioFinished":{}}\n'
    assert recognise(events) is Format.SCHEMATHESIS_NDJSON
    assert recognise(redact(events, Format.SCHEMATHESIS_NDJSON).data) is Format.SCHEMATHESIS_NDJSON


def test_what_stands_behind_a_collection_is_read_and_redacted(redact: Any, read: Any) -> None:
    data = collection([]) + b"\n" + collection([])
    assert len(read(data)) == 2
    written = redact(data)
    assert written.tally.entries == 2
    assert b"Amira" not in written.data
    other = collection([]) + b' "Amira"'
    assert "line 1 is of another format" in read(other)[-1].reason
    assert b"Amira" not in redact(other).data


def test_header_fields_of_a_flow_that_are_damaged_stay_not_recorded(
    redact: Any, verdict: Any, read: Any
) -> None:
    whole = as_flows([exchange(b"{}")])
    assert verdict(whole)[0]
    (length, _), field = whole.split(b":", 1), b"16:Content-Encoding,4:gzip,"
    for odd in (field[:-1] + b"!", b"17" + field[2:], field[:-1] + b"#"):
        data = whole.replace(field, odd)
        assert len(data) == len(whole)
        assert length.isdigit()
        (found,) = read(data)
        assert found.request.headers is None
        written = redact(data)
        assert read(written.data)[0].request.headers is None
        assert verdict(written.data) == verdict(data)


def test_an_answer_that_cannot_be_read_stays_so_and_its_request_is_redacted(redact: Any, read: Any) -> None:
    """Whatever a recorder made of a body, and however the coding of one is damaged."""
    text = b'{"code":"00000","data":{"customer":{"customerName":"Amira Canarywood"}}}'
    packed = gzip.compress(text, mtime=0)
    mangled = {
        AS_CHARACTERS: "\x1f\ufffd\x08Amira Canarywood".encode(),
        COLOURED: b"\x1b[32m" + text,
        CHUNKED: b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text),
        UNMARKED: base64.b64encode(text),
    }
    assert mangled.keys() == MANGLED.keys()
    plain = ("Content-Type", "application/json")
    damaged = {"gzip": (packed[:-12], packed[:10] + b"Amira"), "zstd": (ZSTD_MAGIC,), "x-new": (b"\0Amira",)}
    answers: list[tuple[Headers, bytes]] = [((plain,), body) for body in mangled.values()]
    answers += [
        ((plain, ("Content-Encoding", one)), body) for one, bodies in damaged.items() for body in bodies
    ]
    asked = Request(
        method="POST", url=f"https://{HOST}{PATH}", headers=(plain,), body=json.dumps(ASKED).encode()
    )
    writers = {**CODED, "report": as_report, "transcript": as_transcript}
    for headers, body in answers:
        answer = Response(status=200, headers=headers, body=body)
        for name, write in writers.items():
            data = write([structs.replace(exchange(b""), request=asked, response=answer)])
            (found,), written = read(data), redact(data)
            (made,) = read(written.data)
            assert made.reason == found.reason, (name, body)
            assert b"mira" not in written.data, (name, body)
            if name != "transcript":
                assert json.loads(made.request.body).keys() == ASKED.keys(), (name, body)
            again = redact(written.data)
            assert (again.data, again.replaced) == (written.data, []), (name, body)


def test_bytes_of_a_report_that_are_none_are_named_at_the_same_place(redact: Any, read: Any) -> None:
    for data in ([65, 109, "Amira"], [65, 256], "Amira Canarywood", {"Amira Canarywood": 1}):
        answer = {"code": 200, "header": [], "stream": {"type": "Buffer", "data": data}}
        execution = {"request": {"method": "POST", "url": f"https://{HOST}{PATH}"}, "response": answer}
        report = json.dumps({"collection": {}, "run": {"executions": [execution]}}).encode()
        (found,), written = read(report, Format.NEWMAN), redact(report, Format.NEWMAN)
        assert "stream.data" in found.reason
        assert [one.reason for one in read(written.data, Format.NEWMAN)] == [found.reason]
        assert redact(written.data, Format.NEWMAN).replaced == [], data


def test_a_damaged_time_of_a_flow_stays_unknown(redact: Any, read: Any) -> None:
    whole = as_flows([exchange(b"{}")])
    time = next(iter(re.findall(rb"15:timestamp_start;[0-9]+:([0-9.]+)\^", whole)))
    data = whole.replace(time, time[:-1] + b"-", 1)
    assert [one.recorded_at for one in read(data)] == [None]
    assert [one.recorded_at for one in read(redact(data).data)] == [None]


def test_a_media_type_with_an_address_of_a_machine_is_described_alike(redact: Any, verdict: Any) -> None:
    for address in ("127.0.0.1", "1.1.1.1", "203.100.203.100", "fe80::1ff:fe23:4567:890a", "::1"):
        fields = (("Content-Type", f"Connected to ({address}) port (#0)"),)
        answer = Response(status=200, headers=fields, body=b'{"code":"00000"}')
        data = as_har([structs.replace(exchange(b"{}"), response=answer)])
        written = redact(data)
        assert address.encode() not in written.data
        assert verdict(written.data) == verdict(data), address


PADS: tuple[dict[str, object], ...] = ({}, {"name": "x" * HEAD})
"""What makes a file longer than what is looked at to tell its format."""


@each(
    ("make", "code"),
    [
        (lambda pad: {"log": {"version": "1.2", **pad}}, 4),
        (lambda pad: {"log": {"version": "1.2", **pad, "entries": None}}, 4),
        (lambda pad: {"log": {"version": "1.2", **pad, "entries": []}}, 3),
        (lambda pad: {"collection": {"item": [{"request": {}}]}, "run": pad}, 4),
        (lambda pad: {"run": {**pad, "executions": []}}, 3),
        (lambda pad: {"info": {"schema": "postman.com/json/collection/"}, **pad, "item": []}, 3),
        (lambda pad: {**pad, "status": "x"}, 4),
        (
            lambda pad: {
                "log": {"entries": [{"request": {"method": "POST"}, "response": {"status": 1}}]},
                **pad,
            },
            4,
        ),
        (lambda _pad: "interactions: []\n", 3),
        (lambda _pad: "interactions:\n", 4),
        (lambda _pad: "52:4:type;3:tcp;7:version;2:21#2:id;1:x;4:more;5:Amira;}", 3),
    ],
)
def test_a_file_without_an_exchange_ends_check_and_redact_alike(make: Any, code: int, tmp_path: Path) -> None:
    """Whether it is read as a recording of nothing or not at all depends on no size."""
    for pad in PADS:
        made = make(pad)
        (tmp_path / "in").write_text(made if isinstance(made, str) else json.dumps(made), encoding="utf-8")
        done = [
            run_command(*line, "in", cwd=tmp_path) for line in (("check",), ("redact", "--output", "out"))
        ]
        assert [one.returncode for one in done] == [code, code], done


@each("name", [b"ok", b"\\ud83d", b"\xff", b"\xed\xa0\x80"])
@each("format_in", [Format.HAR, Format.NDJSON, Format.NEWMAN])
def test_bytes_listed_as_numbers_go_whatever_the_name_is_that_they_have(
    name: bytes, format_in: Format, redact: Any
) -> None:
    """Also where the name comes again, so that a reader takes the other value."""
    listed = json.dumps([*b'{"customerName": "Amira Canarywood"}']).encode()
    request = b'"request": {"method": "POST", "url": "https://%b%b"}' % (HOST.encode(), PATH.encode())
    more = b'"%b": {"data": %b}, "%b": 1' % (name, listed, name)
    entry = b'{%b, "response": {"status": 200, "code": 200, %b}, %b}' % (request, more, more)
    around = {Format.HAR: b'{"log": {"entries": [%b]}}', Format.NEWMAN: b'{"run": {"executions": [%b]}}'}
    written = redact(around.get(format_in, b"%b\n") % entry, format_in).data
    assert json.dumps([*b"Amira"])[1:-1].encode() not in written
    assert redact(written, format_in).replaced == []
