"""What every tool is given: the corpus in the formats they read, and copies of its contract for them."""

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract_tests.benchmarks.speed.traffic import draw_uniform
from contract_tests.tool.whole.corpus.contract import write_contract
from contract_tests.tool.whole.corpus.drafts import Draft, body_bytes, native_line
from contract_tests.tool.whole.corpus.drift import Drift
from contract_tests.tool.whole.corpus.exposures import NUMBERS
from contract_tests.tool.whole.corpus.planting import PURE_DRIFTS, Plan, plan

from opay_contract.contract.documents import load_documents
from opay_contract.docs.bundle import build_bundle

_CLOSED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("customer.json", ()),
    ("customer-tokens.json", ()),
    ("customer-tokens.json", ("properties", "cardTokens", "items")),
    ("token-info.json", ()),
    ("query-response.json", ()),
    ("query-request.json", ()),
    ("balance.json", ()),
)
"""The objects of the contract, each where it is whole, so that closing it refuses what is not documented."""

_CLASSES = {
    "customerId": "customer ids",
    "customerName": "names",
    "customerEmail": "e-mail addresses",
    "customerMobile": "mobile numbers",
    "opayToken": "tokens",
}
_SHORTEST_VALUE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The paths of the contract and its copies, and of some traffic in each format.

    `planted` has the drifts by the number of their exchange, `secrets` by class what must not be printed.
    """

    contract: Path
    opened: Path
    closed: Path
    native: Path
    har: Path
    wire: Path
    total: int
    planted: dict[int, Drift]
    secrets: dict[str, set[str]]


def write_material(
    folder: Path, drafts: Sequence[Draft], planted: dict[int, Drift] | None = None
) -> Material:
    """Write everything into a folder."""
    folder.mkdir()
    contract = write_contract(folder)
    made = Material(
        contract=contract,
        opened=write_copy(contract, folder / "open"),
        closed=write_copy(contract, folder / "closed", closed=True),
        native=folder / "traffic.ndjson",
        har=folder / "traffic.har",
        wire=folder / "traffic.wire",
        total=len(drafts),
        planted=planted or {},
        secrets=_secrets(drafts),
    )
    _write_lines(made.native, map(native_line, drafts))
    _write_lines(made.wire, (json.dumps(_wire(draft)) for draft in drafts))
    log = {
        "version": "1.2",
        "creator": {"name": "corpus", "version": "1"},
        "entries": list(map(_entry, drafts)),
    }
    made.har.write_text(json.dumps({"log": log}), encoding="utf-8")
    return made


def drifting(seed: int = 1) -> Plan:
    """Return traffic in which every pure drift is planted once."""
    return plan(seed, total=2 * len(PURE_DRIFTS), drifted=len(PURE_DRIFTS), drifts=PURE_DRIFTS)


def mixed(count: int) -> list[Draft]:
    """Return clean traffic of every flavour."""
    return list(plan(2, count, 0).drafts())


def uniform(count: int) -> list[Draft]:
    """Return clean traffic of one kind."""
    return list(draw_uniform(count, drifted=0))


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def write_copy(contract: Path, target: Path, *, closed: bool = False) -> Path:
    """Copy the contract without what other tools stumble over, into one file.

    A `$ref` with something beside it becomes `allOf`, because tools of the time before OpenAPI 3.1 ignore the
    rest; and there are no other files, because a library reads those anew for each exchange.
    """
    shutil.copytree(contract, target)
    for path in (target / "schemas").glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        for file, steps in _CLOSED if closed else ():
            if file == path.name:
                _at(schema, steps)["unevaluatedProperties"] = False
        path.write_text(json.dumps(_without_siblings(schema)), encoding="utf-8")
    bundle = build_bundle(load_documents(target)).value
    (target / "openapi.yaml").write_text(json.dumps(bundle, ensure_ascii=False), encoding="utf-8")
    return target


def _at(schema: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        schema = schema[step]
    return schema


def _without_siblings(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_siblings(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {name: _without_siblings(value) for name, value in schema.items()}
    if isinstance(copied.get("$ref"), str) and len(copied) > 1:
        copied["allOf"] = [{"$ref": copied.pop("$ref")}, *copied.get("allOf", ())]
    return copied


def _wire(draft: Draft) -> dict[str, Any]:
    """Return an exchange as bytes in base64, which is what the Python libraries are given."""
    return {
        "method": draft.method,
        "url": draft.url,
        "sent": draft.sent,
        "asked": _base64(draft.asked),
        "status": draft.status,
        "received": draft.received,
        "answer": _base64(draft.answer),
    }


def _base64(body: Any) -> str:
    return "" if body is None else base64.b64encode(body_bytes(body)).decode()


def _entry(draft: Draft) -> dict[str, Any]:
    """Return an exchange as an entry of a HAR file."""
    request: dict[str, Any] = {"method": draft.method, "url": draft.url, "headers": _pairs(draft.sent)}
    if draft.asked is not None:
        mime_type = draft.sent.get("Content-Type", "")
        request["postData"] = {"mimeType": mime_type, "text": body_bytes(draft.asked).decode()}
    mime_type = next((value for name, value in draft.received.items() if name.lower() == "content-type"), "")
    data = body_bytes(draft.answer)
    try:
        content = {"mimeType": mime_type, "size": len(data), "text": data.decode()}
    except UnicodeDecodeError:
        content = {"mimeType": mime_type, "size": len(data), "text": _base64(data), "encoding": "base64"}
    response = {"status": draft.status, "headers": _pairs(draft.received), "content": content}
    return {"startedDateTime": draft.recorded_at, "request": request, "response": response}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _secrets(drafts: Sequence[Draft]) -> dict[str, set[str]]:
    """Return what the bodies hold of persons and cards, and the signatures, by class."""
    found: dict[str, set[str]] = {"card numbers": set(NUMBERS), "signatures": set()}
    for draft in drafts:
        found["signatures"].add(draft.sent.get("Authorization", "").removeprefix("Bearer "))
        for name, value in (*_members(draft.asked), *_members(draft.answer)):
            if name in _CLASSES and isinstance(value, str) and value not in NUMBERS:
                found.setdefault(_CLASSES[name], set()).add(value)
    return {name: {one for one in values if len(one) >= _SHORTEST_VALUE} for name, values in found.items()}


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(child)
