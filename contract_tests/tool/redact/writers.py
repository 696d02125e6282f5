"""Writes exchanges as a recording of each format, so that the same can be compared in all of them."""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import yaml
from contract_tests.tool.whole.leaks.planting import write_flow

from opay_contract.formats.table import Format
from opay_contract.model.exchange import Exchange

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_POSTMAN = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_TIMINGS = {"blocked": 0.4, "dns": -1, "connect": -1, "send": 0.1, "wait": 41.7, "receive": 0.6, "ssl": -1}
_TLS = """\
* TLSv1.3 (OUT), TLS handshake, Client hello (1):
* TLSv1.3 (IN), TLS handshake, Server hello (2):
* TLSv1.3 (IN), TLS handshake, Certificate (11):
* TLSv1.3 (IN), TLS handshake, Finished (20):
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
* Server certificate:
*  SSL certificate verify ok.
* using HTTP/1.x"""


def in_every_format(exchanges: Sequence[Exchange], lines: Sequence[bytes]) -> list[tuple[Format, bytes]]:
    """Return exchanges, of which there are lines already, in every format that can have them."""
    with_text = [one for one in exchanges if _text(one.response.body) is not None]
    with_host = [one for one in exchanges if "://" in (one.request.url or "")]
    return [
        (Format.NDJSON, b"\n".join([*lines, b""])),
        (Format.JSON, b"[\n" + b",\n".join(lines) + b"]"),
        (Format.HAR, as_har(exchanges)),
        (Format.VCR, as_json_cassette(exchanges)),
        (Format.VCR, as_yaml_cassette(exchanges)),
        (Format.SCHEMATHESIS_NDJSON, as_events(exchanges)),
        *((Format.BODY, one.response.body or b"{}") for one in exchanges),
        (Format.NEWMAN, as_report(exchanges)),
        *([(Format.POSTMAN, as_collection(with_text))] if with_text else []),
        *(
            [(Format.MITMPROXY, as_flows(with_host)), (Format.CURL, as_transcript(with_host))]
            if with_host
            else []
        ),
    ]


def as_har(exchanges: Iterable[Exchange]) -> bytes:
    """Write HAR with the members that HAR 1.2 asks for."""
    log = {
        "version": "1.2",
        "creator": {"name": "tests", "version": "1"},
        "entries": list(map(_har_entry, exchanges)),
    }
    return json.dumps({"log": log}, ensure_ascii=False).encode()


def as_json_cassette(exchanges: Iterable[Exchange]) -> bytes:
    return json.dumps({"interactions": list(map(_interaction, exchanges)), "version": 1}).encode()


def as_yaml_cassette(exchanges: Iterable[Exchange]) -> bytes:
    cassette = {"interactions": list(map(_interaction, exchanges)), "version": 1}
    return yaml.dump(cassette, Dumper=_DUMPER, sort_keys=False, allow_unicode=True).encode()


def as_events(exchanges: Iterable[Exchange]) -> bytes:
    """Write the events of schemathesis, a scenario an exchange."""
    lines = ['{"Initialize":{"schemathesis_version":"4.32.5","seed":1}}']
    for number, exchange in enumerate(exchanges):
        recorder = {
            "label": "POST /query",
            "cases": {},
            "checks": {},
            "interactions": {f"{number:06x}": _event_interaction(exchange)},
        }
        event = {"id": f"{number:032x}", "phase": "examples", "status": "success", "recorder": recorder}
        lines.append(json.dumps({"ScenarioFinished": event}))
    return "".join(f"{line}\n" for line in lines).encode()


def as_flows(exchanges: Iterable[Exchange]) -> bytes:
    return b"".join(write_flow(_flow(exchange)) for exchange in exchanges)


def as_collection(exchanges: Iterable[Exchange]) -> bytes:
    """Write a collection; its text cannot hold bytes that are no UTF-8."""
    return json.dumps({"info": {"schema": _POSTMAN}, "item": list(map(_item, exchanges))}).encode()


def as_report(exchanges: Iterable[Exchange]) -> bytes:
    executions = list(map(_execution, exchanges))
    return json.dumps({"collection": {"item": []}, "run": {"executions": executions}}).encode()


def as_transcript(exchanges: Iterable[Exchange]) -> bytes:
    """Write a transcript; there may be more behind a body than it says."""
    return b"".join(map(_call, exchanges))


def _har_entry(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    posted = {"postData": {"mimeType": "", **_har_text(request.body)}} if request.body else {}
    asked = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _listed(request.headers, "name"),
        "queryString": [],
        "headersSize": -1,
        "bodySize": len(request.body or b""),
        **posted,
    }
    answered = {
        "status": response.status,
        "statusText": "OK",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _listed(response.headers, "name"),
        "content": {"size": len(response.body), "mimeType": "", **_har_text(response.body)},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }
    return {
        "startedDateTime": exchange.recorded_at,
        "time": 42.8,
        "request": asked,
        "response": answered,
        "cache": {},
        "timings": _TIMINGS,
    }


def _har_text(body: bytes) -> dict[str, str]:
    text = _text(body)
    return {"text": _base64(body), "encoding": "base64"} if text is None else {"text": text}


def _interaction(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    asked: dict[str, Any] = {
        "method": request.method,
        "uri": request.url,
        "headers": _several(request.headers),
    }
    if request.body is not None:
        asked["body"] = _cassette_body(request.body)
    answered = {
        "status": {"code": response.status, "message": "OK"},
        "headers": _several(response.headers),
        "body": _cassette_body(response.body),
    }
    time = {"recorded_at": exchange.recorded_at} if exchange.recorded_at else {}
    return {"request": asked, "response": answered, **time}


def _cassette_body(body: bytes) -> dict[str, str]:
    text = _text(body)
    return {"base64_string": _base64(body)} if text is None else {"string": text}


def _event_interaction(exchange: Exchange) -> dict[str, Any]:
    entry = _interaction(exchange)
    request, response = entry["request"], entry["response"]
    if exchange.request.body is not None:
        request["body"] = {"$base64": _base64(exchange.request.body)}
    del response["body"]
    response["content"] = {"$base64": _base64(exchange.response.body)}
    response["status_code"] = response.pop("status")["code"]
    return entry


def _flow(exchange: Exchange) -> dict[str, Any]:
    def fields(headers: Any) -> list[list[bytes]]:
        return [[name.encode(), value.encode(errors="surrogatepass")] for name, value in headers or ()]

    request, response = exchange.request, exchange.response
    url = urlsplit(request.url or "")
    target = (request.url or "")[len(f"{url.scheme}://{url.netloc}") :]
    asked = {
        "method": (request.method or "").encode(),
        "scheme": url.scheme.encode(),
        "host": url.hostname or "",
        "port": url.port or 443,
        "authority": url.netloc.encode(),
        "path": target.encode(errors="surrogatepass"),
        "headers": fields(request.headers),
        "content": request.body or b"",
        "timestamp_start": 1795458643.5,
    }
    answered = {
        "status_code": response.status,
        "headers": fields(response.headers),
        "content": response.body,
    }
    return {"websocket": None, "response": answered, "request": asked, "type": "http", "version": 21}


def _item(exchange: Exchange) -> dict[str, Any]:
    response = exchange.response
    answer = {
        "code": response.status,
        "header": _listed(response.headers, "key"),
        "body": response.body.decode(errors="replace"),
        "originalRequest": _asked(exchange),
    }
    return {"name": "Query", "request": _asked(exchange), "response": [answer]}


def _execution(exchange: Exchange) -> dict[str, Any]:
    response = exchange.response
    answer = {
        "code": response.status,
        "header": _listed(response.headers, "key"),
        "stream": {"type": "Buffer", "data": list(response.body)},
    }
    return {"request": _asked(exchange), "response": answer}


def _call(exchange: Exchange) -> bytes:
    request, response = exchange.request, exchange.response
    url = urlsplit(request.url or "")
    target = (request.url or "")[len(f"{url.scheme}://{url.netloc}") :] or "/"
    lines = [f"*   Trying {url.hostname}...", _TLS if url.scheme == "https" else "* x"]
    lines += [f"> {request.method} {target} HTTP/1.1", f"> Host: {url.netloc}"]
    lines += [f"> {name}: {value}" for name, value in request.headers or ()]
    lines += ["> ", f"< HTTP/1.1 {response.status} OK"]
    lines += [f"< {name}: {value}" for name, value in response.headers or ()]
    head = "".join(f"{line}\n" for line in [*lines, "< "]).encode(errors="surrogatepass")
    return head + response.body + b"* Connection #0 to host (nil) left intact\n"


def _asked(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    body = _text(request.body or b"")
    return {
        "method": request.method,
        "header": _listed(request.headers, "key"),
        "url": request.url,
        "body": {"mode": "raw", "raw": body} if body is not None else {"mode": "file"},
    }


def _listed(headers: Any, name: str) -> list[dict[str, str]]:
    return [{name: field, "value": value} for field, value in headers or ()]


def _several(headers: Any) -> dict[str, list[str]]:
    return {name: [value] for name, value in headers or ()}


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
