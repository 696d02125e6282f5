"""What is particular to mitmproxy's flows, Postman's collections, Newman's reports and curl's transcripts."""

import copy
import gzip
import io
import json
import shutil
import subprocess
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import brotli
import pytest
from contract_tests.tool.redact.writers import in_every_format
from contract_tests.tool.whole.leaks.canaries import CANARIES, find_canaries
from contract_tests.tool.whole.leaks.planting import (
    FORMATS,
    JSON_TEXT,
    iter_places,
    load,
    write_flow,
    write_json,
    write_transcript,
)
from contract_tests.usual import each

from opay_contract.formats import bounds
from opay_contract.formats.bounds import TOO_MANY_VALUES
from opay_contract.formats.native import parse_line
from opay_contract.formats.table import Format
from opay_contract.formats.tnetstrings import LIST, NULL, OBJECT, Value, cut
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.signing.signer import verify

RECORDINGS = Path(__file__).parents[2] / "recordings"
FLOWS = sorted(RECORDINGS.glob("*/*.flow"))
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
HOST = "sandbox-cashierapi.opaycheckout.com"
PATH = "/api/v1/international/token/query"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/"
ASKED = '{"customerId": "88442200119"}'
ANSWERED = '{"code":"00000","message":"SUCCESSFUL","data":{"customer":{"customerName":"Amira Canarywood"}}}'


def exchanges(path: Path) -> list[Any]:
    return list(iter_exchanges(Source(ordinal=0, name="-", path=path)))


def shape(value: Value) -> Any:
    """Return the types of a value and of what is in it, with the names of members."""
    kind, text = value
    if kind not in (LIST, OBJECT):
        return kind
    parts = list(cut(text))
    return kind, [part[1] if kind == OBJECT and not at % 2 else shape(part) for at, part in enumerate(parts)]


def is_kept(old: Any, new: Any) -> bool:
    """Tell whether a value has the shape that it had, or nothing in it any more."""
    if new in (NULL, old):
        return True
    if not isinstance(old, tuple) or not isinstance(new, tuple) or old[0] != new[0]:
        return False
    pairs = zip(old[1], new[1], strict=False)
    return not new[1] or (len(old[1]) == len(new[1]) and all(is_kept(*pair) for pair in pairs))


def test_a_body_that_is_too_much_to_judge_is_said_in_every_format(
    redact: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = 10_000
    monkeypatch.setattr(bounds, "MAX_VALUES", fewer)
    body = b"[" + b"8," * fewer + b"8]"
    line = b'{"request":{"method":"POST","url":"https://%s%s"},' % (HOST.encode(), PATH.encode())
    line += b'"response":{"status":200,"headers":{},"body":%s}}' % body
    found = parse_line(Source(ordinal=0, name="-", path=None).place(1), line)
    assert isinstance(found, Exchange)
    for format_in, data in in_every_format([found], [line]):
        assert redact(data, format_in).tally.unread == {1: TOO_MANY_VALUES}, format_in


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_flow_keeps_its_version_its_members_and_their_types(path: Path, redact: Any) -> None:
    old, new = path.read_bytes(), redact(path.read_bytes()).data
    for before, after in zip(cut(old), cut(new), strict=True):
        assert is_kept(shape(before), shape(after))
    versions = [dict(zip(list(cut(text))[::2], list(cut(text))[1::2], strict=True)) for _, text in cut(new)]
    assert len({flow[next(key for key in flow if key[1] == b"version")] for flow in versions}) == 1


def test_what_a_flow_holds_of_a_connection_goes(redact: Any) -> None:
    data = FORMATS["mitmproxy"][1](load("mitmproxy"))
    written = redact(data, Format.MITMPROXY).data
    assert b"CERTIFICATE" in data
    for gone in (b"CERTIFICATE", b"AES_256", b"hello", b"shop.example", b"bye"):
        assert gone not in written, gone
    assert b"proxy_mode;31:reverse:https://127.0.0.1:41765;" in written


def test_members_keep_the_names_that_a_recorder_gives_where_a_value_says_the_same(redact: Any) -> None:
    """Else a flow loses what mitmproxy asks of it, since somebody sent a word such as `metadata`."""
    for name, at in (("har", ("log", "entries", 0)), ("mitmproxy", (0,))):
        recording = copy.deepcopy(load(name))
        names = {step for place in iter_places(recording) if JSON_TEXT not in place for step in place}
        own = sorted(step for step in names if isinstance(step, str))
        format_in, write, _ = FORMATS[name]
        plain = redact(write(recording), format_in).data
        headers = reduce(getitem, at, recording)["request"]["headers"]
        headers += [{"name": "X-Note", "value": one} if name == "har" else ["X-Note", one] for one in own]
        written = redact(write(recording), format_in).data
        gone = {one for one in own for text in [one.encode()] if text in plain and text not in written}
        assert gone == set(), name


@pytest.mark.external
def test_mitmproxy_reads_every_redacted_flow(redact: Any, tmp_path: Path) -> None:
    """One recording behind another is one recording."""
    program = shutil.which("mitmdump")
    assert program, "this test needs mitmdump on the path"
    redacted = tmp_path / "redacted.flow"
    redacted.write_bytes(b"".join(redact(path.read_bytes()).data for path in FLOWS))
    again = tmp_path / "again.flow"
    done = subprocess.run(
        [program, "--no-server", "--rfile", redacted, "--save-stream-file", again],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found, others = exchanges(again), exchanges(redacted)
    assert [one.response.body for one in found] == [one.response.body for one in others]
    assert len(found) == sum(len(exchanges(path)) for path in FLOWS) >= 100


def test_scripts_of_a_collection_go_and_names_of_variables_stay(redact: Any) -> None:
    collection = json.loads(redact(write_json(load("postman"))).data)
    events = [*collection["event"], *collection["item"][0]["item"][0]["event"]]
    assert [event["script"]["exec"] for event in events] == [[], []]
    assert collection["variable"][0]["key"] == "baseUrl"
    assert collection["variable"][0]["value"] == f"https://{HOST}"
    assert collection["item"][1]["request"]["url"] == "{{baseUrl}}" + PATH
    assert collection["info"]["schema"].startswith("https://schema.getpostman.com/json/collection/v2.1.0")
    assert collection["auth"]["apikey"][0]["key"] == "key"


def test_a_listed_query_keeps_the_names_that_a_report_shows(redact: Any, verdict: Any) -> None:
    report = load("newman")
    execution = report["run"]["executions"][0]
    url = execution["request"]["url"] | {
        "query": ["gzip", "brand=Amira", {"key": "deflate", "value": "Amira"}]
    }
    data = write_json(
        report | {"run": {"executions": [execution | {"request": execution["request"] | {"url": url}}]}}
    )
    written = redact(data, Format.NEWMAN).data
    assert verdict(written, Format.NEWMAN) == verdict(data, Format.NEWMAN)
    assert b"gzip" in written
    assert b"Amira" not in written


@pytest.mark.parametrize("order", [("request", "response"), ("response", "request")])
def test_an_item_is_redacted_whichever_of_request_and_response_comes_first(
    order: tuple[str, str], redact: Any, verdict: Any
) -> None:
    request = {"method": "POST", "url": f"https://{HOST}{PATH}", "body": {"mode": "raw", "raw": ASKED}}
    members = {"request": request, "response": [{"code": 200, "header": [], "body": ANSWERED}] * 3}
    item = {"name": "Query"} | {name: members[name] for name in order} | {"x": 1}
    data = write_json({"info": {"schema": SCHEMA}, "item": [item]})
    written = redact(data)
    assert written.tally.entries == 3
    assert list(json.loads(written.data)["item"][0]) == ["name", *order, "x"]
    assert verdict(written.data) == verdict(data)
    assert find_canaries(written.data) == []


def test_a_request_that_cannot_be_read_still_cannot(redact: Any, verdict: Any) -> None:
    request = b'{"url":Amira Canarywood}'
    item = b'{"name":"x","request":%b,"response":[{"code":200,"header":[],"body":"{}"}]}' % request
    data = b'{"info":{"schema":"%b"},"item":[%b]}' % (SCHEMA.encode(), item)
    written = redact(data)
    assert verdict(written.data) == verdict(data)
    assert find_canaries(written.data) == []
    assert verdict(data)[-1] == 1


def test_the_bytes_of_a_report_are_listed_as_numbers_again(redact: Any) -> None:
    report = json.loads(redact(FORMATS["newman"][1](load("newman"))).data)
    response = report["run"]["executions"][0]["response"]
    assert bytes(response["stream"]["data"]).startswith(b'{"code": "00000", "message": "SUCCESSFUL"')
    assert response["responseSize"] == len(response["stream"]["data"])
    assert report["run"]["failures"][0]["source"]["response"]["stream"]["data"] == []


BODY = '{"code":"00000",\n "message":"SUCCESSFUL",\n "data":{"customer":{"customerName":"Amira Canarywood"}}}'
HEAD = [
    {"request": {"method": "POST", "target": PATH, "version": "HTTP/1.1"}},
    {"sent": {"Host": HOST}},
    {"sent": ""},
]


@pytest.mark.parametrize(
    "lines",
    [
        [{"status": "HTTP/1.1 200 OK"}, {"received": ""}, {"body": BODY}, {"remark": "Closing connection 0"}],
        [
            {"status": "HTTP/1.1 200 OK"},
            {"received": {"Content-Length": str(len(BODY))}},
            {"received": ""},
            {"body": BODY + "\nAmira Canarywood 4111111111111111\n"},
        ],
        [
            {"status": "HTTP/1.1 100 Continue"},
            {"received": ""},
            {"status": "HTTP/1.1 200 OK"},
            {"received": {"X-Note": "Amira Canarywood"}},
            {"received": ""},
            {"body": "HTTP/1.1 200 OK\r\nX-Note: Amira Canarywood\r\n\r\n" + BODY},
            {"remark": "Connection #0 to host shop.canarywood.net left intact"},
        ],
        [
            {"status": "HTTP/1.1 200 OK"},
            {"received": ""},
            {"body": BODY[:40]},
            {"meter": "\r100   390  100   363  100    27   5755    428 --:--:-- --:--:-- --:--:--  6290"},
            {"body": BODY[40:]},
            {"remark": "Closing connection 0"},
        ],
    ],
    ids=["no length", "more behind", "headers twice", "meter within"],
)
def test_a_body_of_a_transcript_is_found_wherever_it_stands(lines: Any, redact: Any, verdict: Any) -> None:
    data = write_transcript([*HEAD, *lines])
    written = redact(data, Format.CURL)
    assert written.tally.unread == {}
    assert verdict(written.data, Format.CURL) == verdict(data, Format.CURL)
    assert b'"code":"00000",\n "message"' in written.data
    assert find_canaries(written.data) == []
    assert redact(written.data, Format.CURL).data == written.data


def test_the_scheme_in_an_access_log_stays_whatever_it_is_called(redact: Any) -> None:
    for path in ("scheme", "request.scheme", "request_scheme", "service.protocol"):
        outer, _, inner = path.partition(".")
        for scheme, stays in (("https", True), ("amira", False)):
            entry = {"request_method": "POST", "request_uri": "/x", "status": 200, "response_body": BODY}
            entry[outer] = {inner: scheme} if inner else scheme
            written = json.loads(redact(json.dumps(entry).encode(), Format.ACCESS_LOG).data)[outer]
            assert ((written[inner] if inner else written) == scheme) is stays, path


REMARKS = [
    "  Trying 192.0.2.7:443...",
    "Connecting to hostname: shop.canarywood.net",
    "Could not resolve host: shop.canarywood.net",
    "Host shop.canarywood.net:443 was resolved.",
    "SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384",
    "ALPN: server accepted h2",
    "using HTTP/3",
    "QUIC cipher selection: TLS_AES_128_GCM_SHA256",
    "h2h3 [:scheme: https]",
    "Failed to connect to shop.canarywood.net port 443 after 1 ms: Couldn't connect to server",
    "Connection #0 to host shop.canarywood.net left intact",
    "Closing connection 0",
    "shutting down connection #0",
    "Found bundle for host: 0x55ee316064b0 [serially]",
    "Re-using existing connection #0 with host shop.canarywood.net",
    "Reusing existing connection",
    "TLSv1.3 (IN), TLS handshake, Newsession Ticket (4):",
    "Excess found writing body: excess = 1",
    "Leftovers after chunking: 5 bytes",
    "transfer closed with outstanding read data remaining",
    "Hostname shop.canarywood.net was found in DNS cache",
    "Issue another request to this URL: 'https://shop.canarywood.net/'",
    "We are completely uploaded and fine",
    "old SSL session ID is stale, removing",
]


@each("remark", REMARKS)
def test_a_remark_still_says_what_it_said(remark: str, redact: Any) -> None:
    """The reader knows a call's beginning, its end and its scheme by them, also behind a body."""
    lines = [
        {"remark": "  Trying 127.0.0.1..."},
        {"remark": remark},
        *HEAD,
        {"status": "HTTP/1.1 200 OK"},
        {"received": ""},
        {"body": BODY},
        {"remark": remark},
        *HEAD,
        {"status": "HTTP/1.1 200 OK"},
        {"received": ""},
        {"body": BODY},
        {"remark": "Closing connection 1"},
    ]
    data = write_transcript(lines)
    written = redact(data, Format.CURL).data
    assert find_canaries(written) == []
    assert [kind(one) for one in read(written)] == [kind(one) for one in read(data)]


@each("line", ["* ", "*   Trying ", "* ::1 ", "> ::1 x: ", "< HTTP/1.1 200 ", f"{7:040}, ", ""])
def test_a_line_stays_what_it_is_whatever_numbers_are_in_it(line: str, redact: Any, verdict: Any) -> None:
    """No rest of which nothing can be kept takes its mark, and what is written is clean."""
    numbers = " ".join([*map(str, range(1200)), "4111111111111111x" * 2, "x/7.8.deadbeefdeadbeef01"])
    head = "> POST /api/v1/international/token/query HTTP/1.1\n> Host: sandbox-cashierapi.opaycheckout.com\n"
    for data in (
        f"{head}> \n< HTTP/1.1 200 OK\n< \n{{}}\ndone\n{line}{numbers}\n{head}",
        f"{head}{line}{numbers}\n> \n{line}{numbers}\n< HTTP/1.1 200 OK\n{line}{numbers}\n< \n{{}}\n",
    ):
        written = redact(data.encode(), Format.CURL)
        assert verdict(written.data, Format.CURL) == verdict(data.encode(), Format.CURL)
        assert redact(written.data, Format.CURL).replaced == []


def test_what_a_value_may_be_is_told_by_the_name_of_a_parameter_and_not_of_a_cookie(redact: Any) -> None:
    """A cookie may be called as a member of the API and hold anything."""
    pairs = [{"name": "code", "value": "00000"}, {"name": "note", "value": "Amira"}]
    request = {"method": "POST", "url": "/", "queryString": pairs, "cookies": pairs}
    entry = {"request": request, "response": {"status": 200}}
    (entry,) = json.loads(redact(json.dumps({"log": {"entries": [entry]}}).encode()).data)["log"]["entries"]
    values = [[one["value"] for one in entry["request"][name]] for name in ("queryString", "cookies")]
    assert values[0][0] == "00000" != values[1][0]
    assert "Amira" not in (values[0][1], values[1][1])


def read(data: bytes, format_in: Format | None = Format.CURL) -> list[Any]:
    source = Source(ordinal=0, name="-", path=None)
    return list(iter_exchanges(source, format_in, stdin=io.BytesIO(data)))


def kind(found: Any) -> Any:
    is_read = isinstance(found, Exchange)
    return (found.request.url, found.response.body.count(b"\n")) if is_read else type(found)


@pytest.mark.parametrize("name", ["mitmproxy-12.flow", "newman.json", "postman-2.1.json", "requests.ndjson"])
def test_signatures_verify_with_the_synthetic_key_in_every_format(
    name: str, contract: Any, make_redactor: Any, redact: Any, tmp_path: Path
) -> None:
    path = tmp_path / name
    redactor = make_redactor(private_key=None)
    path.write_bytes(redact((RECORDINGS / "clean" / name).read_bytes(), redactor=redactor).data)
    signed = [
        verify(one.request.body, value, KEY, contract.signature).ok
        for one in exchanges(path)
        for field, value in one.request.headers
        if field == "Authorization"
    ]
    assert len(signed) == 13
    assert all(signed)


def test_a_customer_has_one_pseudonym_in_every_format(redact: Any, tmp_path: Path) -> None:
    answers = {}
    for path in sorted((RECORDINGS / "clean").iterdir()):
        if path.name.startswith(("curl", "mitmproxy", "newman", "postman", "requests.ndjson", "vcrpy")):
            target = tmp_path / path.name
            target.write_bytes(redact(path.read_bytes()).data)
            if path.suffix not in (".gz", ".zst"):
                answers[path.name] = exchanges(target)[0].response.body
    assert len(answers) > 12
    assert len(set(answers.values())) == 1


@pytest.mark.parametrize("coding", ["br", "gzip, br"])
def test_a_body_in_brotli_is_redacted_and_packed_again(coding: str, redact: Any, verdict: Any) -> None:

    body = gzip.compress(ANSWERED.encode(), mtime=0) if "gzip" in coding else ANSWERED.encode()
    flow = copy.deepcopy(load("mitmproxy"))[0]  # which other tests read, too
    flow["response"]["headers"] = [["Content-Encoding", coding], ["Content-Type", "application/json"]]
    flow["response"]["content"] = brotli.compress(body)
    data = write_flow(flow)
    written = redact(data)
    assert verdict(written.data) == verdict(data)
    assert verdict(data)[-1] == 0
    (found,) = read(written.data, None)
    assert found.response.body.startswith(b'{"code":"00000","message":"SUCCESSFUL"')
    assert found.response.body not in written.data
    assert find_canaries(found.response.body) == []


WIDER_WHITE_SPACE = ["\x1c", "\x1f", "\x85", "\xa0", "\u2028"]
"""What is white space in text, and not in bytes."""


@each("white", WIDER_WHITE_SPACE)
def test_white_space_that_is_none_in_bytes_changes_no_line_of_a_transcript(
    white: str, redact: Any, verdict: Any
) -> None:
    near = f"> POST /api/v1/{white}international/token/query HTTP/1.1\n"
    host = "> Host: sandbox-cashierapi.opaycheckout.com\n"
    data = f"{near}{host}> X-Note: {white}\n> \n< HTTP/1.1 200 OK\n< \n{{}}\n".encode()
    before = verdict(data, Format.CURL)
    assert before[0]
    assert verdict(redact(data, Format.CURL).data, Format.CURL) == before


def test_every_canary_of_a_failed_call_goes(redact: Any) -> None:
    for canary in CANARIES.values():
        lines = [*HEAD[:2], {"sent": {"X-Note": str(canary)}}, {"failure": f"curl: (56) {canary}"}]
        written = redact(write_transcript([{"remark": "  Trying 192.0.2.7..."}, *lines]), Format.CURL)
        assert find_canaries(written.data) == []
        assert list(written.tally.unread) == [1]
