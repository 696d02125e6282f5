"""What a check finds in a recording it finds in its redaction, in every format."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard

from opay_contract.contract.loading import load_contract
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.formats import Format
from opay_contract.recordings.ndjson import iter_lines, parse_line
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream

pytestmark = pytest.mark.thorough

TESTS = Path(__file__).parents[1]
FOLDERS = [TESTS / "recordings" / kind for kind in ("clean", "drifted")]
ONLY_CHECKED = ("curl*.txt", "*.flow", "newman.json", "postman*.json")
REFUSED = sorted(path for folder in FOLDERS for pattern in ONLY_CHECKED for path in folder.glob(pattern))
RECORDINGS = sorted({path for folder in FOLDERS for path in folder.iterdir()} - set(REFUSED))
CASES = sorted((TESTS / "rules" / "cases").glob("*/*.ndjson"))
OF_THE_LEDGER = {"value-out-of-range", "format-mismatch", "value-undocumented", "constraint-violated"}


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recordings_of_real_tools_show_the_same(
    path: Path, redact: Any, summarise: Any, verdict: Any
) -> None:
    data = unpacked(path)
    written = redact(data)
    assert written.tally.unread == []
    assert verdict(written.data) == verdict(data)
    assert summarise(written.data).readings == summarise(data).readings
    assert redact(written.data).data == written.data
    assert redact(written.data).replaced == []


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


def in_every_format(line: bytes) -> list[tuple[Format, bytes]]:
    found = parse_line(Source(ordinal=0, name="-", path=None).place(1), line)
    assert isinstance(found, Exchange)
    cassette = as_cassette(found)
    return [
        (Format.NDJSON, line + b"\n"),
        (Format.JSON, b"[\n" + line + b"]"),
        (Format.HAR, as_har(found)),
        (Format.VCR, json.dumps(cassette).encode()),
        (Format.VCR, yaml.safe_dump(cassette, sort_keys=False).encode()),
        (Format.SCHEMATHESIS_NDJSON, as_events(found)),
        (Format.BODY, found.response.body or b"{}"),
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_rule_finds_the_same_in_every_format(
    path: Path, redact: Any, summarise: Any, verdict: Any, make_redactor: Any
) -> None:
    used = load_contract(TESTS / "contracts" / "ledger") if path.parent.name in OF_THE_LEDGER else None
    redactor = make_redactor(used)
    for _, line in iter_lines(ChunkStream([path.read_bytes()])):
        for format_in, data in in_every_format(line):
            written = redact(data, format_in, redactor)
            assert verdict(written.data, format_in, used) == verdict(data, format_in, used), format_in
            assert (
                summarise(written.data, format_in, used).readings == summarise(data, format_in, used).readings
            )
            again = redact(written.data, format_in, redactor)
            assert again.data == written.data, format_in
