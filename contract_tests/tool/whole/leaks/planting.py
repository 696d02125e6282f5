"""Walks recordings of every format as values, and plants canaries in each place of them."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from opay_contract.formats.table import Format

DATA = Path(__file__).parent / "data"
"""A recording of each format, as its parsed value."""

JSON_TEXT, BASE64 = "(JSON text)", "(base64)"
"""Steps into a text that holds JSON, and into one that holds base64."""

Place = tuple[str | int, ...]

_MARKS = {"remark": "* ", "request": "> ", "sent": "> ", "status": "< ", "received": "< ", "command": "$ "}
_BYTES_OF_FLOWS = ("request", "response", "alpn")


def write_lines(value: Any) -> bytes:
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in value).encode()


def write_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def write_yaml(value: Any) -> bytes:
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)).encode()


def write_report(value: Any) -> bytes:
    """Write a report of Newman, which lists bytes as numbers."""
    return write_json(_with_bytes(value))


def _with_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {name: _with_bytes(member) for name, member in value.items()}
    is_buffer = members.get("type") == "Buffer" and isinstance(members.get("data"), str)
    return members | {"data": list(members["data"].encode())} if is_buffer else members


def write_flows(value: Any) -> bytes:
    return b"".join(map(write_flow, value))


def write_flow(value: Any) -> bytes:
    return _netstring(value, "")


def _netstring(value: Any, within: str) -> bytes:
    """Write a value as mitmproxy does, which has bytes in messages and text around them."""
    match value:
        case None:
            payload, kind = b"", b"~"
        case bool():
            payload, kind = str(value).lower().encode(), b"!"
        case int() | float():
            payload, kind = repr(value).encode(), b"#" if isinstance(value, int) else b"^"
        case bytes():
            payload, kind = value, b","
        case str():
            payload, kind = value.encode(), b"," if within in _BYTES_OF_FLOWS else b";"
        case dict():
            members = [
                _netstring(str(name), "") + _netstring(member, within or str(name))
                for name, member in value.items()
            ]
            payload, kind = b"".join(members), b"}"
        case _:
            payload, kind = b"".join(_netstring(item, within) for item in value), b"]"
    return b"%d:%b%b" % (len(payload), payload, kind)


def write_transcript(value: Any) -> bytes:
    """Write a transcript of curl: kinds of lines with their texts, or with the parts of them."""
    return "".join(_iter_lines(value)).encode()


def _iter_lines(value: Any) -> Iterator[str]:
    for line in value:
        for kind, text in line.items() if isinstance(line, dict) else [("", line)]:
            mark = _MARKS.get(
                kind, "" if kind in ("", "body", "data", "meter", "between", "failure") else kind
            )
            if kind in ("sent", "received") and isinstance(text, dict):
                yield from (f"{mark}{name}: {one}\n" for name, one in text.items())
            elif isinstance(text, dict):
                yield f"{mark}{' '.join(map(str, text.values()))}\n"
            else:
                yield f"{mark}{text}" + ("" if kind == "body" else "\n")


FORMATS: dict[str, tuple[Format, Callable[[Any], bytes], str]] = {
    "har": (Format.HAR, write_json, ".har"),
    "vcr-yaml": (Format.VCR, write_yaml, ".yaml"),
    "vcr-json": (Format.VCR, write_json, ".json"),
    "ndjson": (Format.NDJSON, write_lines, ".ndjson"),
    "ndjson-text": (Format.NDJSON, write_lines, ".ndjson"),
    "ndjson-base64": (Format.NDJSON, write_lines, ".ndjson"),
    "body": (Format.BODY, write_json, ".json"),
    "schemathesis-ndjson": (Format.SCHEMATHESIS_NDJSON, write_lines, ".ndjson"),
    "mitmproxy": (Format.MITMPROXY, write_flows, ".flow"),
    "postman": (Format.POSTMAN, write_json, ".json"),
    "newman": (Format.NEWMAN, write_report, ".json"),
    "curl": (Format.CURL, write_transcript, ".txt"),
    "access-log": (Format.ACCESS_LOG, write_lines, ".ndjson"),
}
"""What each file of data is a recording of, how it is written, and what its name ends in."""

REDACTED = list(FORMATS)
"""Those that `redact` writes."""


@cache
def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def iter_children(node: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)
    elif isinstance(node, str) and node.startswith('{"'):
        yield JSON_TEXT, json.loads(node)
    elif isinstance(node, str) and node.startswith("eyJ"):
        yield BASE64, base64.b64decode(node).decode()


def iter_places(node: Any, place: Place = ()) -> Iterator[Place]:
    for step, child in iter_children(node):
        yield (*place, step)
        yield from iter_places(child, (*place, step))


def plant(node: Any, place: Place, canary: Any, *, as_key: bool = False) -> Any:
    """Return `node` with the canary in the place of a value or of its key."""
    step, *rest = place
    if not rest and as_key:
        return {canary if key == step else key: value for key, value in node.items()}
    child = canary if not rest else plant(dict(iter_children(node))[step], tuple(rest), canary, as_key=as_key)
    if step == JSON_TEXT:
        return json.dumps(child, ensure_ascii=False)
    if step == BASE64:
        return base64.b64encode(str(child).encode()).decode()
    if isinstance(node, dict):
        return {**node, step: child}
    return [child if index == step else item for index, item in enumerate(node)]


def is_key(place: Place) -> bool:
    return isinstance(place[-1], str) and place[-1] not in (JSON_TEXT, BASE64)


def place_id(name: str, place: Place) -> str:
    return f"{name}:{'/'.join(map(str, place))}"


_VALUES = {name: load(name) for name in FORMATS}
PLACES = [(name, place) for name, value in _VALUES.items() for place in iter_places(value)]
"""Every place of every recording."""


def recording(name: str, place: Place, canary: Any, *, as_key: bool = False) -> bytes:
    """Return the recording with a canary in one place."""
    return FORMATS[name][1](plant(_VALUES[name], place, str(canary) if as_key else canary, as_key=as_key))
