"""Counts the modules that an exchange passes from its file to the exit code, for the page on the design."""

import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import opay_contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.fold import MIN_WAITING
from opay_contract.drift.insight import draw_insight
from opay_contract.engines.folding import check_sources
from opay_contract.judge.subject import Settings
from opay_contract.recordings.inputs import iter_sources
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.text_report import render_concise

PACKAGE = f"{Path(opay_contract.__file__).parent}/"
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
HEADERS = {"Content-Type": "application/json", "MerchantId": "256612345678901", "Authorization": "Bearer 0"}
QUERY = {"customerId": "121111113"}
RECORDED = json.loads((Path(__file__).parents[2] / "recordings/clean/vendor-success.json").read_bytes())
ANSWER, TOKEN = json.dumps(RECORDED), RECORDED["data"]["cardTokens"][0]["opayToken"]
Rooms = dict[str, list[str]]
_SECONDS = itertools.count()


def render_rooms() -> str:
    """Return the modules that are entered on the way of an exchange, by how often, with their number."""
    ways = {"NDJSON": trace(ndjson, "ndjson"), "HAR": trace(har, "har")}
    rows = [
        f"| {stage} | {len(rooms[stage])}, {name} | {', '.join(f'`{one}`' for one in rooms[stage])} |"
        for stage in ways["NDJSON"]
        for name, rooms in ways.items()
        if name == "NDJSON" or rooms[stage] != ways["NDJSON"][stage]
    ]
    return "\n".join(["| entered | rooms | which |", "|---|---|---|", *rows, ""])


def ndjson(number: int) -> str:
    """Return exchanges, a line each."""
    request = {"method": "POST", "url": URL, "headers": HEADERS, "body": QUERY}
    response = {"status": 200, "headers": {"Content-Type": "application/json"}}
    return "".join(
        json.dumps(
            {"request": request, "response": response | {"body": json.loads(answer)}, "recorded_at": moment}
        )
        + "\n"
        for moment, answer in answers(number)
    )


def har(number: int) -> str:
    """Return the same exchanges as a HAR."""
    fields = [{"name": name, "value": value} for name, value in HEADERS.items()]
    text, media = json.dumps(QUERY), "application/json"
    request = {"method": "POST", "url": URL, "headers": fields, "postData": {"mimeType": media, "text": text}}
    response = {"status": 200, "headers": [{"name": "Content-Type", "value": media}]}
    entries = [
        {
            "startedDateTime": moment,
            "request": request,
            "response": response | {"content": {"mimeType": media, "text": answer}},
        }
        for moment, answer in answers(number)
    ]
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "a"}, "entries": entries}})


def answers(number: int) -> Iterator[tuple[str, str]]:
    """Yield so many answers, each with a time and a token that no other in the process has."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    for second in itertools.islice(_SECONDS, number):
        moment = start + timedelta(seconds=second)
        yield f"{moment:%Y-%m-%dT%H:%M:%SZ}", ANSWER.replace(TOKEN, f"{TOKEN[:-6]}{second:06}")


@cache
def trace(write: Callable[[int], str], suffix: str) -> Rooms:
    """Return the modules that are entered for each exchange, for those that wait together, and at the end.

    What is learnt from the first exchange, and reading the contract, is not on the way of the others.
    """
    forget()
    contract, settings = load_contract(), Settings(started_at=1_790_000_000.0)
    number, calls = MIN_WAITING, []
    with TemporaryDirectory() as folder:
        for times in (number, number, 2 * number):  # the first only warms up
            file = Path(folder) / f"{times}.{suffix}"
            file.write_text(write(times), encoding="utf-8")
            with entered() as found:
                summary = check_sources(iter_sources([str(file)]), contract, settings)
            calls.append(found)
            assert summary.successes == times
    for _ in range(2):  # here too the first time only warms up
        with entered() as at_the_end:
            concluded = conclude(summary, contract)
            run = CheckedRun(summary=concluded, insight=draw_insight(concluded, contract), contract=contract)
            render_concise(run)
            assert run.exit_code == 0
    _, once, twice = calls
    more = {room: twice[room] - once[room] for room in twice}
    return {
        "for each exchange": [room for room in more if more[room] >= number],
        f"once for {number:,} together": [room for room in more if 0 < more[room] < number],
        "once, when all are read": list(at_the_end),
    }


def forget() -> None:
    """Take from the package what it has worked out in this process, which would not be entered again."""
    modules = [module for name, module in sys.modules.items() if name.startswith("opay_contract.")]
    for kept in {id(one): one for module in modules for one in vars(module).values()}.values():
        if callable(getattr(kept, "cache_clear", None)):
            kept.cache_clear()


@contextmanager
def entered() -> Iterator[Counter[str]]:
    """Count the calls into each module of the package, in the order in which they are first entered."""
    calls: Counter[str] = Counter()

    def count(frame: Any, event: str, _: object) -> None:
        if event == "call" and (name := frame.f_code.co_filename).startswith(PACKAGE):
            calls[name[len(PACKAGE) :].removesuffix(".py")] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)
