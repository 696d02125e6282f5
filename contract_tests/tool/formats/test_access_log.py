"""Access logs in JSON, with the bodies in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each

from opay_contract.formats.access_log import FIELDS
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Unreadable

Read = Callable[..., list[Any]]

BODY = '{"code":"00000"}'
KONG = {
    "latencies": {"request": 12},
    "service": {"host": "pay.example.com", "port": 443, "protocol": "https"},
    "request": {
        "method": "POST",
        "url": "https://gw.shop.example:8443/pay",
        "headers": {"content-type": "application/json"},
        "body": '{"a":1}',
    },
    "upstream_uri": "/api/pay",
    "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": BODY},
    "started_at": 1777629600000,
}
NGINX = {
    "time_iso8601": "2026-05-01T10:00:00+00:00",
    "remote_addr": "203.0.113.5",
    "request_method": "POST",
    "request_uri": "/api/pay",
    "http_host": "pay.example.com",
    "http_content_type": "application/json",
    "request_body": '{"a":1}',
    "status": "200",
    "sent_http_content_type": "application/json",
    "response_body": BODY,
}
APACHE = {
    "time": "2026-05-01T10:00:00Z",
    "request": "POST /api/pay HTTP/1.1",
    "vhost": "pay.example.com",
    "request_headers": {"Content-Type": "application/json"},
    "request_body": {"a": 1},
    "status": 200,
    "response_headers": {"Content-Type": ["application/json"]},
    "response_body": {"code": "00000"},
}


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


@pytest.mark.parametrize("line", [KONG, NGINX, APACHE], ids=["kong", "nginx", "apache"])
def test_every_part_is_found_where_the_server_puts_it(read: Read, line: Any) -> None:
    first, second = read(lines(line, line))
    assert (first.request.method, first.request.body) == ("POST", b'{"a":1}')
    assert first.request.url.replace(":443", "") == "https://pay.example.com/api/pay"
    assert dict(first.request.headers)[next(iter(dict(first.request.headers)))]
    assert (first.response.status, first.response.body) == (200, BODY.encode())
    assert first.response.headers[0][1] == "application/json"
    assert first.recorded_at.startswith("2026-05-01T10:00:00")
    assert second.place.entry == 2


def test_a_list_of_records_is_read_too(read: Read) -> None:
    found = read(json.dumps([KONG, NGINX], indent=1).encode())
    assert [type(one) for one in found] == [Exchange, Exchange]


@each("body", [{}, {"response_body": ""}, {"response_body": "-"}, {"response_body": None}])
def test_a_record_without_the_body_is_unreadable_and_keeps_whose_it_was(read: Read, body: Any) -> None:
    line = {name: value for name, value in NGINX.items() if name != "response_body"} | body
    found, whole = read(lines(line, NGINX))
    assert found.reason == "the log has no response body; let the server log it, as 'response_body'"
    assert found.request.url == "https://pay.example.com/api/pay"
    assert isinstance(whole, Exchange)


@each("line", [b"5", b"{", b'{"status": 200}', b'{"status": [], "uri": "https://a/"}'])
def test_a_broken_record_is_unreadable_and_the_next_one_comes(read: Read, line: bytes) -> None:
    found = read(lines(NGINX) + line + b"\n" + lines(NGINX))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


def test_a_record_that_names_no_host_is_nobodys(read: Read) -> None:
    (found,) = read(lines({name: value for name, value in NGINX.items() if name != "http_host"}))
    assert "the URL of the request was not found" in found.reason


def test_an_access_log_is_told_by_its_members() -> None:
    for line in (KONG, NGINX, APACHE):
        assert recognise(lines(line)) is Format.ACCESS_LOG
    assert recognise(b'{"status": 200, "a": 1}') is Format.NDJSON


def test_the_page_has_the_table_of_members() -> None:
    page = (Path(__file__).parents[3] / "tools/docs/reference/recordings.md").read_text(encoding="utf-8")
    for part, paths in FIELDS.items():
        assert f"| {part} | {', '.join(f'`{path}`' for path in paths)} |" in page
