"""Writes an exchange as a recording of each format, so that the same can be compared in all of them."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import yaml
from contract_tests.leaks.planting import write_flow

from opay_contract.model.exchange import Exchange
from opay_contract.recordings.formats import Format


def in_every_format(exchange: Exchange, line: bytes) -> list[tuple[Format, bytes]]:
    """Return an exchange, of which there is a line already, in every format that can have it."""
    cassette = as_cassette(exchange)
    has_text = _text(exchange.response.body) is not None
    by_text = [(Format.POSTMAN, as_collection(exchange))] if has_text else []
    by_host = [(Format.MITMPROXY, as_flow(exchange)), (Format.CURL, as_transcript(exchange))]
    has_host = "://" in (exchange.request.url or "")
    return [
        (Format.NDJSON, line + b"\n"),
        (Format.JSON, b"[\n" + line + b"]"),
        (Format.HAR, as_har(exchange)),
        (Format.VCR, json.dumps(cassette).encode()),
        (Format.VCR, yaml.safe_dump(cassette, sort_keys=False).encode()),
        (Format.SCHEMATHESIS_NDJSON, as_events(exchange)),
        (Format.BODY, exchange.response.body or b"{}"),
        (Format.NEWMAN, as_report(exchange)),
        *by_text,
        *(by_host if has_host else []),
    ]


def as_har(exchange: Exchange) -> bytes:
    def fields(headers: Any) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in headers or ()]

    request, response = exchange.request, exchange.response
    posted = (
        {"postData": {"text": base64.b64encode(request.body).decode(), "encoding": "base64"}}
        if request.body
        else {}
    )
    content = {
        "size": len(response.body),
        "text": base64.b64encode(response.body).decode(),
        "encoding": "base64",
    }
    entry = {
        "startedDateTime": exchange.recorded_at,
        "request": {"method": request.method, "url": request.url, "headers": fields(request.headers)}
        | posted,
        "response": {"status": response.status, "headers": fields(response.headers), "content": content},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}}).encode()


def as_cassette(exchange: Exchange) -> dict[str, Any]:
    def fields(headers: Any) -> dict[str, list[str]]:
        return {name: [value] for name, value in headers or ()}

    request, response = exchange.request, exchange.response
    asked: dict[str, Any] = {"method": request.method, "uri": request.url, "headers": fields(request.headers)}
    if request.body is not None:
        asked["body"] = {"base64_string": base64.b64encode(request.body).decode()}
    answered = {
        "status": {"code": response.status},
        "headers": fields(response.headers),
        "body": {"base64_string": base64.b64encode(response.body).decode()},
    }
    entry = {"request": asked, "response": answered, "recorded_at": exchange.recorded_at}
    return {"interactions": [entry]}


def as_events(exchange: Exchange) -> bytes:
    entry = as_cassette(exchange)["interactions"][0]
    request, response = entry["request"], entry["response"]
    if "body" in request:
        request["body"] = {"$base64": request["body"]["base64_string"]}
    response["content"] = {"$base64": response.pop("body")["base64_string"]}
    response["status_code"] = response.pop("status")["code"]
    return json.dumps({"ScenarioFinished": {"recorder": {"interactions": {"a": entry}}}}).encode()


def as_flow(exchange: Exchange) -> bytes:
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
    return write_flow(
        {"websocket": None, "response": answered, "request": asked, "type": "http", "version": 21}
    )


def as_collection(exchange: Exchange) -> bytes:
    """Write a collection; its text cannot hold bytes that are no UTF-8."""
    response = exchange.response
    answer = {
        "code": response.status,
        "header": _listed(response.headers),
        "body": response.body.decode(),
        "originalRequest": _asked(exchange),
    }
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    item = {"name": "Query", "request": _asked(exchange), "response": [answer]}
    return json.dumps({"info": {"schema": schema}, "item": [item]}).encode()


def as_report(exchange: Exchange) -> bytes:
    response = exchange.response
    answer = {
        "code": response.status,
        "header": _listed(response.headers),
        "stream": {"type": "Buffer", "data": list(response.body)},
    }
    execution = {"request": _asked(exchange), "response": answer}
    return json.dumps({"collection": {"item": []}, "run": {"executions": [execution]}}).encode()


def as_transcript(exchange: Exchange) -> bytes:
    """Write a transcript; there may be more behind the body than it says."""
    request, response = exchange.request, exchange.response
    url = urlsplit(request.url or "")
    target = (request.url or "")[len(f"{url.scheme}://{url.netloc}") :] or "/"
    lines = [
        f"*   Trying {url.hostname}...",
        "* SSL connection using TLSv1.3" if url.scheme == "https" else "* x",
    ]
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
        "header": _listed(request.headers),
        "url": request.url,
        "body": {"mode": "raw", "raw": body} if body is not None else {"mode": "file"},
    }


def _listed(headers: Any) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in headers or ()]


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
