"""Runs schemathesis inside a test, with the settings of the command line, in process or over a network."""

import tomllib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.engine import Status, events, from_schema

from opay_contract.suite.api import ApiJudge
from opay_contract.suite.client import Client
from opay_contract.suite.schemathesis_teaching import taught

_OF_THE_CONNECTION = {
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
}
_DECODED = _OF_THE_CONNECTION | {"content-encoding"}

_Message = dict[str, Any]

SETTINGS = Path(__file__).with_name("schemathesis.toml")
"""The settings of the command line, which the suite shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What to run; `app` is an ASGI application, asked in process in place of `base_url`."""

    openapi: Path
    settings: Path
    seed: int
    examples: int | None = None
    app: Any = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was sent, counted by phase and by whether it was sound, and what failed; holds no value."""

    phases: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, None] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the failures, or what was sent."""
        return "\n".join(self.failures) or f"{dict(self.phases)}, {dict(self.modes)}: no failure"


def run_schemathesis(judge: ApiJudge, run: Run) -> Report:
    """Send what schemathesis makes up in all of its phases, and judge the answers."""
    report = Report()
    with taught(judge):
        schema = schemathesis.openapi.from_path(run.openapi, config=_settings(run))
        schema.app = run.app  # with `from_asgi` the contract's files would not be found
        schema.config.update(base_url=run.base_url)
        for event in from_schema(schema).execute():
            _note(report, event)
    return report


def _settings(run: Run) -> schemathesis.Config:
    settings = tomllib.loads(run.settings.read_text(encoding="utf-8"))
    del settings["hooks"]  # what `taught` does
    settings["seed"] = run.seed
    if run.examples is not None:
        settings["generation"]["max-examples"] = run.examples
    return schemathesis.Config.from_dict(settings)


def _note(report: Report, event: Any) -> None:
    if isinstance(event, events.NonFatalError | events.FatalError):
        error = event.value if isinstance(event, events.NonFatalError) else event.exception
        report.failures[f"could not go on: {_root(error)}"] = None
    if isinstance(event, events.ScenarioFinished):
        phase = event.phase.value
        for case_id, node in event.recorder.cases.items():
            if case_id in event.recorder.interactions and node.value.meta is not None:
                report.phases[phase] += 1
                report.modes[node.value.meta.generation.mode.value] += 1
        report.failures.update(dict.fromkeys(_failures(event, phase)))


def _failures(event: events.ScenarioFinished, phase: str) -> Iterator[str]:
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.status is Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                said = failure.message if _is_ours(check.name) else failure.title
                yield f"{phase}: {check.name}: {said}"


def _is_ours(name: str) -> bool:
    """Tell a check whose messages are known to hold no value of an answer."""
    return CHECKS.get_one(name).__module__ == taught.__module__


def _root(error: BaseException) -> str:
    """Return what stands behind an error that libraries wrapped on its way."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {error}"


class Forwarder:
    """An ASGI application that asks another server, and answers as that does."""

    def __init__(self, client: Client, base_url: str) -> None:
        self._client, self._base_url = client, base_url

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer one request; what the client raises comes out in schemathesis."""
        if scope["type"] != "http":
            return
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        path = scope.get("raw_path") or scope["path"].encode()
        exchange = self._client.send(
            scope["method"],
            self._base_url + (path + query).decode("latin-1"),
            {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in scope["headers"]
                if name.decode("latin-1").lower() not in _OF_THE_CONNECTION
            },
            await _body(receive),
        )
        response = exchange.response
        fields = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers or ()
            if name.lower() not in _DECODED
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": fields})
        await send({"type": "http.response.body", "body": response.body})


async def _body(receive: Callable[[], Awaitable[_Message]]) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)
