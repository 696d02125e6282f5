"""How fast `check` is on NDJSON, against reading the lines alone and against a plain loop of `jsonschema`.

    python contract_tests/benchmarks/check_throughput.py --lines 1000000

Needs orjson beside the test extra. Each round runs every way once, in turn; printed are the medians of
CPU time for a line, and their ratios. Absolute figures belong to the machine, ratios travel.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
from referencing import Registry, Resource

from opay_contract.contract.loading import default_directory, load_contract, load_documents
from opay_contract.engines.inline import check_sources
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.sources import iter_sources
from opay_contract.rules.subject import Settings

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
JSONSCHEMA_SAMPLE = 2000


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


def run(path: Path, count: int, rounds: int) -> None:
    """Print the medians of all ways, interleaved, and the ratios between them."""
    lines = path.read_bytes().splitlines()
    contract, oracle = load_contract(), build_oracle()
    settings = Settings(started_at=time.time())
    sample = lines[:JSONSCHEMA_SAMPLE]
    summary = DriftSummary()

    def check() -> None:
        nonlocal summary
        summary = check_sources(iter_sources([str(path)]), contract, settings)

    ways: dict[str, tuple[Callable[[], Any], int]] = {
        "orjson.loads": (lambda: [orjson.loads(line) and None for line in lines], count),
        "check": (check, count),
        "jsonschema": (
            lambda: [list(oracle.iter_errors(json.loads(line)["response"]["body"])) for line in sample],
            len(sample),
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (work, number) in ways.items():
            times[name].append(measure(work, number))
    medians = {name: statistics.median(values) for name, values in times.items()}
    found = sum(folded.count for folded in summary.findings.values())
    print(
        f"{summary.exchanges:,} exchanges, {found:,} findings, {path.stat().st_size / count:.0f} bytes a line"
    )
    for name, median in medians.items():
        print(f"{name:<14} {median:8.2f} us a line")
    print(f"check against orjson.loads: {medians['check'] / medians['orjson.loads']:.1f} times the time")
    print(f"check against jsonschema:   {medians['jsonschema'] / medians['check']:.1f} times faster")


def main() -> None:
    """Read the arguments, make the lines, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drifted", type=float, default=0.001)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.ndjson"
        path.write_text(
            "".join(f"{line}\n" for line in iter_lines(given.lines, given.drifted)), encoding="utf-8"
        )
        run(path, given.lines, given.rounds)


if __name__ == "__main__":
    main()
