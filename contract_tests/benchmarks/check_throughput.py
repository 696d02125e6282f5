"""How fast `check` is on NDJSON, against reading the lines alone and against a plain loop of `jsonschema`.

    python contract_tests/benchmarks/check_throughput.py --lines 1000000

Needs orjson beside the test extra, and for one of the ways the Python of an environment with openapi-core
(`--openapi-core`), which cannot share ours: it pins an older openapi-spec-validator. Each round runs every
way once, in turn; printed are the medians of CPU time for a line, and their ratios. Absolute figures belong
to the machine, ratios travel.
"""

import argparse
import base64
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
from referencing import Registry, Resource

from opay_contract.contract.loading import default_directory, load_contract, load_documents
from opay_contract.docs.bundle import build_bundle
from opay_contract.engines.inline import check_sources
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.sources import iter_sources
from opay_contract.rules.subject import Settings

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
JSONSCHEMA_SAMPLE = 2000
OPENAPI_CORE_SAMPLE = 500
OPENAPI_CORE_WORKER = Path(__file__).parent / "rivals" / "openapi_core_worker.py"
OPENAPI_CORE_PYTHON = Path(tempfile.gettempdir()) / "opay-contract-rivals" / "openapi-core" / "bin" / "python"
"""Where `python -m contract_tests.benchmarks.rivals` puts it."""


def iter_lines(count: int, drifted: float) -> Iterator[str]:
    """Yield native lines of synthetic traffic; a share of them has a card without its brand."""
    generator = random.Random(20211125)  # noqa: S311  the same lines every time
    for number in range(count):
        customer_id = str(121111113 + number)
        cards = [_card(generator, number) for _ in range(generator.choice((1, 1, 2)))]
        if generator.random() < drifted:
            cards[0]["brand"] = None
        yield json.dumps(_exchange(generator, customer_id, cards, number), separators=(",", ":"))


def _card(generator: random.Random, number: int) -> dict[str, Any]:
    return {
        "opayToken": f"OPAY_TOKEN_{generator.getrandbits(128):032x}",
        "brand": "VISA",
        "createTimestamp": 1_700_000_000 + number % 1000,
        "lastFourDigits": "1111",
        "firstSixDigits": "411111",
    }


def _exchange(
    generator: random.Random, customer_id: str, cards: list[dict[str, Any]], number: int
) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {generator.getrandbits(512):0128x}",
        "MerchantId": "256612345678901",
        "Content-Type": "application/json",
    }
    customer = {
        "customerId": customer_id,
        "customerName": "Test Person",
        "customerEmail": f"p{number}@example.com",
        "customerMobile": f"2012{number:07d}",
    }
    body = {"code": "00000", "message": "SUCCESSFUL", "data": {"customer": customer, "cardTokens": cards}}
    return {
        "request": {"method": "POST", "url": URL, "headers": headers, "body": {"customerId": customer_id}},
        "response": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": body},
        "recorded_at": f"2026-05-{1 + number % 28:02d}T10:00:00Z",
    }


def build_oracle() -> jsonschema.Draft202012Validator:
    """Return `jsonschema`'s validator of the answer, its registry built whole beforehand."""
    documents = load_documents(default_directory())
    resources = [
        (name, Resource.from_contents({**document.value, "$id": name}))
        for name, document in documents.items()
        if name.startswith("schemas/")
    ]
    registry = Registry().with_resources(resources)
    return jsonschema.Draft202012Validator({"$ref": "schemas/customer-response.json"}, registry=registry)


def measure(work: Callable[[], Any], lines: int) -> float:
    """Return the CPU time for a line in microseconds."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / lines * 1e6


def write_bundle(contract: Path, folder: Path) -> None:
    """Write a contract as one file: openapi-core reads the other files again at each validation."""
    bundle = build_bundle(load_documents(contract), {})
    (folder / "openapi.yaml").write_text(json.dumps(bundle), encoding="utf-8")


def write_wire(lines: list[bytes], path: Path) -> None:
    """Write lines as the worker with openapi-core reads them."""
    with path.open("w", encoding="utf-8") as file:
        for exchange in map(json.loads, lines):
            request, response = exchange["request"], exchange["response"]
            wire = {
                "method": request["method"],
                "url": request["url"],
                "sent": request["headers"],
                "asked": base64.b64encode(json.dumps(request["body"]).encode()).decode(),
                "status": response["status"],
                "received": response["headers"],
                "answer": base64.b64encode(json.dumps(response["body"]).encode()).decode(),
            }
            file.write(json.dumps(wire) + "\n")


def time_openapi_core(python: Path, wire: Path, lines: int) -> float:
    """Return the CPU time for a line in microseconds, decoding aside."""
    command = [python, OPENAPI_CORE_WORKER, wire.parent, wire]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    seconds: float = json.loads(done.stdout.splitlines()[-1])
    return seconds / lines * 1e6


def run(path: Path, count: int, rounds: int, openapi_core: Path) -> None:
    """Print the medians of all ways, interleaved, and the ratios between them."""
    lines = path.read_bytes().splitlines()
    contract, oracle = load_contract(), build_oracle()
    settings = Settings(started_at=time.time())
    sample = lines[:JSONSCHEMA_SAMPLE]
    summary = DriftSummary()

    def check() -> None:
        nonlocal summary
        summary = check_sources(iter_sources([str(path)]), contract, settings)

    def validate() -> None:
        for line in sample:
            list(oracle.iter_errors(json.loads(line)["response"]["body"]))

    ways: dict[str, Callable[[], float]] = {
        "orjson.loads": lambda: measure(lambda: [orjson.loads(line) and None for line in lines], count),
        "check": lambda: measure(check, count),
        "jsonschema": lambda: measure(validate, len(sample)),
    }
    if openapi_core.exists():
        wire, few = path.with_suffix(".wire"), lines[:OPENAPI_CORE_SAMPLE]
        write_wire(few, wire)
        write_bundle(default_directory(), path.parent)
        ways["openapi-core"] = lambda: time_openapi_core(openapi_core, wire, len(few))
    else:
        print(f"without openapi-core: there is no {openapi_core}; see --openapi-core")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, take in ways.items():
            times[name].append(take())
    medians = {name: statistics.median(values) for name, values in times.items()}
    found = sum(folded.count for folded in summary.findings.values())
    size = path.stat().st_size / count
    print(f"{summary.exchanges:,} exchanges, {found:,} findings, {size:.0f} bytes a line")
    for name, median in medians.items():
        print(f"{name:<14} {median:8.2f} us a line, {median / medians['check']:8.2f} times check")


def main() -> None:
    """Read the arguments, make the lines, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drifted", type=float, default=0.001)
    parser.add_argument(
        "--openapi-core", type=Path, default=OPENAPI_CORE_PYTHON, metavar="PYTHON", help="one that has it"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.ndjson"
        path.write_text(
            "".join(f"{line}\n" for line in iter_lines(given.lines, given.drifted)), encoding="utf-8"
        )
        run(path, given.lines, given.rounds, given.openapi_core)


if __name__ == "__main__":
    main()
