"""Which planted defects the suite finds, and which schemathesis does, plain and with this project's settings.

    python -m contract_tests.benchmarks.planted [--write]

From the root of the repository; takes some minutes. `--write` puts the table into the page on contract tests.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import schemathesis
from contract_tests.tool.suite.defects import DEFECTS
from contract_tests.tool.suite.park import CONTRACT, CUSTOMER, KEY, MERCHANT, Came, Sent, SoundServer
from contract_tests.tool.suite.test_planted_defects import run_suite
from schemathesis.engine import Status, events, from_schema

from opay_contract.suite.questions import ApiJudge, ApiTarget
from opay_contract.suite.schemathesis_teaching import SETTINGS, Run, run_schemathesis

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tools" / "docs" / "reference" / "contract-tests.md"
MARK = re.compile(r"(<!-- planted: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLES = 10

Answer = Callable[[Sent], Came]
Messages = Callable[[dict[str, Any]], Awaitable[None]]


class AsAsgi:
    """Lets schemathesis ask a server of the park."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Messages) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        sent = Sent(method=scope["method"], path=scope["path"], headers=headers, body=bytes(body))
        try:
            came = self.answer(sent)
        except ArithmeticError:
            came = Came(status=500)
        fields = [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in came.headers.items()
        ]
        await send({"type": "http.response.start", "status": came.status, "headers": fields})
        await send({"type": "http.response.body", "body": came.body})
        await asyncio.sleep(0)


def plain(answer: Answer) -> set[str]:
    """Return what `st run openapi.yaml` says of a server, with the merchant's key in its headers."""
    config = schemathesis.Config.from_dict(
        {"seed": 1, "generation": {"max-examples": EXAMPLES, "database": "none"}}
    )
    schema = schemathesis.openapi.from_path(ROOT / "openapi.yaml", config=config)
    schema.app = AsAsgi(answer)
    said = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                failed = [one for one in checks if one.status is Status.FAILURE and one.failure_info]
                said |= {
                    f"{one.name}: {one.failure_info.failure.title}" for one in failed if one.failure_info
                }
    return said


def with_settings(answer: Answer) -> set[str]:
    """Return what schemathesis says with this project's settings and checks."""
    target = ApiTarget(name="park", base_url="", merchant_id=MERCHANT, private_key=KEY, customer_id=CUSTOMER)
    run = Run(openapi=ROOT / "openapi.yaml", settings=SETTINGS, seed=1, examples=EXAMPLES, app=AsAsgi(answer))
    return {
        line.partition(": ")[2]
        for line in run_schemathesis(ApiJudge(contract=CONTRACT, target=target), run).failures
    }


def render() -> str:
    """Return the table, and how many defects each found."""
    ways: dict[str, Callable[[Answer], set[str]]] = {
        "`opay-contract test`": lambda answer: set(run_suite(answer)),
        "`st run`": plain,
        "`st run` with our settings": with_settings,
    }
    sound = {name: way(SoundServer().answer) for name, way in ways.items()}
    rows, found = [], dict.fromkeys(ways, 0)
    for defect in DEFECTS:
        cells = []
        for name, way in ways.items():
            is_found = bool(way(defect.server().answer) - sound[name])
            found[name] += is_found
            cells.append("found" if is_found else "")
        rows.append(f"| {defect.name} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    alarms = " | ".join(f"{len(said)} alarms" if said else "no alarm" for said in sound.values())
    total = " | ".join(f"{count} of {len(DEFECTS)}" for count in found.values())
    head = ["| Planted | " + " | ".join(ways) + " |", "|---|" + "---|" * len(ways)]
    return (
        "\n".join([*head, f"| nothing: the sound server | {alarms} |", f"| found | {total} |", *rows]) + "\n"
    )


def main() -> None:
    """Run the command."""
    table = render()
    if "--write" in sys.argv:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            MARK.sub(lambda found: found[1] + "\n" + table + "\n" + found[2], text), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
