"""Teaches schemathesis this contract, who asks, how requests are signed, what answers mean, and runs it.

schemathesis judges by the HTTP status. Here HTTP 200 comes with errors too, so its own checks of refusals are
given the status that the business code means, and the contract's rules stand beside them.
"""

import copy
import tomllib
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import requests
import schemathesis
from msgspec import field
from schemathesis.checks import CHECKS, CheckContext, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.engine import Status, events, from_schema
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER, HookContext
from schemathesis.specs.openapi import checks as built_in

from opay_contract.contract.operation import Operation
from opay_contract.mock.calls import PLACEHOLDER
from opay_contract.model.exchange import Exchange, Request, Response, as_headers, exchange_of_now
from opay_contract.suite.api import describe
from opay_contract.suite.client import Client
from opay_contract.suite.questions import ApiJudge

_Check = Callable[[CheckContext, schemathesis.Response, Any], bool | None]

_UNKNOWN_EVERY, _WRONG_EVERY = 3, 4
_AS_IT_SHOULD_BE = 2  # neither unknown nor wrong
_WRONG_KEY = "OPAYPRV_NOT_THE_MERCHANTS"


@contextmanager
def taught(judge: ApiJudge) -> Iterator[None]:
    """Let schemathesis ask as the judge's merchant, and judge as the judge does, in the context."""
    load_all_checks()
    checks = _Checks(judge).all()
    before_call = _before_call(judge)
    with ExitStack() as stack:
        for check in checks:
            schemathesis.check(check)
            stack.callback(CHECKS.unregister, check.__name__)
        GLOBAL_HOOK_DISPATCHER.register_hook_with_name(before_call, "before_call")
        stack.callback(GLOBAL_HOOK_DISPATCHER.unregister, before_call)
        yield


def exchange_of(response: schemathesis.Response) -> Exchange:
    """Return what was sent and what came."""
    asked, answered = response.request, response.headers
    return exchange_of_now(
        Request(
            method=asked.method,
            url=asked.path_url,
            headers=as_headers(asked.headers.items()),
            body=asked.body.encode() if isinstance(asked.body, str) else asked.body,
        ),
        Response(
            status=response.status_code,
            headers=tuple((name, value) for name, values in answered.items() for value in values),
            body=response.content or b"",
        ),
    )


class _Signing(requests.auth.AuthBase):
    """Signs the bytes that go out, whatever they are; without a key it does not."""

    def __init__(self, judge: ApiJudge, key: str | None) -> None:
        self._judge, self._key = judge, key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign `r`, the name that `requests` gives a request that is ready but for its authentication."""
        scheme = self._judge.contract.signature
        if self._key is not None and scheme is not None:
            body = r.body.encode() if isinstance(r.body, str) else r.body or b""
            r.headers[scheme.header] = self._judge.authorization(body, self._key)
        return r


def _before_call(judge: ApiJudge) -> Callable[[HookContext, Any, dict[str, Any]], None]:
    def before_call(_: HookContext, case: Any, kwargs: dict[str, Any]) -> None:
        """Ask as the merchant, and often about a record that is there; what is wrong on purpose stays so.

        Some sound requests are signed wrongly, and some not at all: that those are refused is for the rules
        `signature-mismatch` and `header-missing` to say. Which ones depends on the body that was made up, so
        that a failure comes back when it is tried again. A request that is wrong already is wrong in that
        alone, or it would be refused for another reason than the one that is looked for.
        """
        operation = _operation(judge, case)
        if operation is None:
            return
        is_example = case.meta is not None and case.meta.phase.name == "examples"
        fixed = is_example or _is_negative(case)
        drawn = _AS_IT_SHOULD_BE if fixed else zlib.crc32(repr(case.body).encode())
        scheme = judge.contract.signature
        if operation.is_signed and scheme is not None:
            wrong = {0: None, 1: _WRONG_KEY}
            kwargs["auth"] = _Signing(judge, wrong.get(drawn % _WRONG_EVERY, judge.target.private_key))
            name = operation.identity_header(scheme)
            if name is not None and name in case.headers and not _is_negative(case, "header"):
                case.headers[name] = judge.target.merchant_id
        else:  # say who asks where that is a key or a password; what is wrong on purpose stays so
            given = {"header": case.headers, "query": case.query, "cookie": case.cookies}
            for one in next(iter(operation.credentials), ()):
                if one.place in given and not _is_negative(case, one.place):
                    sent = f"{one.word} {judge.target.credential or PLACEHOLDER}".strip()
                    given[one.place][one.name] = sent
        known = _known_body(judge, operation, case.body)
        about_known = drawn % _UNKNOWN_EVERY != 0 and not _is_negative(case, "body")
        if about_known and known is not None:
            case.body = known

    return before_call


def _is_negative(case: Any, location: str | None = None) -> bool:
    if case.meta is None:
        return False
    if location is None:
        return bool(case.meta.generation.mode.is_negative)
    return any(place == location and found.mode.is_negative for place, found in case.meta.components.items())


def _operation(judge: ApiJudge, case: Any) -> Operation | None:
    """Return the documented operation of a case; one by another method has none."""
    path, method = case.operation.path, case.method.upper()
    return next((one for one in judge.contract.operations if (one.path, one.method) == (path, method)), None)


def _known_body(judge: ApiJudge, operation: Operation, body: Any) -> Any:
    """Return the query for the record that the target knows, where a body asks for one; else None."""
    by = judge.questions.by_record
    if (
        by is None
        or by.operation.id != operation.id
        or not isinstance(body, dict)
        or judge.member not in body
    ):
        return None
    return judge.known_query()


class _Checks:
    """The checks; schemathesis shows their names."""

    def __init__(self, judge: ApiJudge) -> None:
        self._judge = judge

    def all(self) -> list[_Check]:
        return [
            self.contract_rules,
            self.answer_fits_schema,
            self.negative_data_is_refused,
            self.missing_header_is_refused,
            self.other_method_is_refused,
            self.known_record_is_found,
        ]

    def contract_rules(self, _: CheckContext, response: Any, case: Any) -> None:
        """Hold every exchange against the rules of `opay-contract check`."""
        if _operation(self._judge, case) is not None:  # see other_method_is_refused
            said = describe(self._judge.findings(exchange_of(response)))
            _expect(holds=not said, otherwise=said)

    def answer_fits_schema(self, ctx: CheckContext, response: Any, case: Any) -> bool | None:
        try:
            return built_in.response_schema_conformance(ctx, response, case)
        except (Failure, FailureGroup):  # its message is the answer, which is card data
            raise AssertionError("the answer does not fit its schema; contract_rules says where") from None

    def negative_data_is_refused(self, ctx: CheckContext, response: Any, case: Any) -> bool | None:
        return built_in.negative_data_rejection(ctx, self._as_meant(response), case)

    def missing_header_is_refused(self, ctx: CheckContext, response: Any, case: Any) -> bool | None:
        return built_in.missing_required_header(ctx, self._as_meant(response), case)

    def other_method_is_refused(self, _: CheckContext, response: Any, case: Any) -> None:
        data = case.meta.phase.data if case.meta else None
        if isinstance(data, CoveragePhaseData) and data.scenario == CoverageScenario.UNSPECIFIED_HTTP_METHOD:
            _expect(
                holds=self._judge.is_refused(exchange_of(response)),
                otherwise="another method than the documented was answered",
            )

    def known_record_is_found(self, _: CheckContext, response: Any, case: Any) -> None:
        operation, exchange = _operation(self._judge, case), exchange_of(response)
        known = None if operation is None else _known_body(self._judge, operation, case.body)
        is_let_in = operation is not None and (not operation.is_signed or self._judge.is_signed(exchange))
        if not _is_negative(case) and known is not None and case.body == known and is_let_in:
            _expect(
                holds=self._judge.is_success(exchange),
                otherwise="a well-formed, signed query for a known record was refused",
            )

    def _as_meant(self, response: schemathesis.Response) -> schemathesis.Response:
        """Return a response with the HTTP status that its business code means."""
        meant = copy.copy(response)
        meant.status_code = self._judge.meant_status(exchange_of(response))
        return meant


def _expect(*, holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


_HOP_BY_HOP = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade"}
_OF_THE_CONNECTION = _HOP_BY_HOP | {"content-length", "host"}
_DECODED = _OF_THE_CONNECTION | {"content-encoding"}

_Message = dict[str, Any]

SETTINGS = Path(__file__).with_name("schemathesis.toml")
"""The settings of the command line, which the suite shares."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What to run; `app` is an ASGI application, asked in process in place of `base_url`."""

    openapi: Path
    settings: Path
    seed: int
    examples: int | None = None
    app: Any = None
    base_url: str | None = None


class Report(msgspec.Struct, frozen=True):
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
    settings = tomllib.loads(run.settings.read_text(encoding="utf-8"))
    del settings["hooks"]  # what `taught` does
    settings["seed"] = run.seed
    if run.examples is not None:
        settings["generation"]["max-examples"] = run.examples
    with taught(judge):
        config = schemathesis.Config.from_dict(settings)
        schema = schemathesis.openapi.from_path(run.openapi, config=config)
        schema.app = run.app  # with `from_asgi` the contract's files would not be found
        schema.config.update(base_url=run.base_url)
        for event in from_schema(schema).execute():
            _note(report, event)
    return report


def _note(report: Report, event: Any) -> None:
    if isinstance(event, events.NonFatalError | events.FatalError):
        error: BaseException = event.value if isinstance(event, events.NonFatalError) else event.exception
        while (inner := error.__cause__ or error.__context__) is not None:  # libraries wrap it on its way
            error = inner
        report.failures[f"could not go on: {type(error).__name__}: {error}"] = None
    if isinstance(event, events.ScenarioFinished):
        phase = event.phase.value
        for case_id, node in event.recorder.cases.items():
            if case_id in event.recorder.interactions and node.value.meta is not None:
                report.phases[phase] += 1
                report.modes[node.value.meta.generation.mode.value] += 1
        for check in chain.from_iterable(event.recorder.checks.values()):
            if check.status is Status.FAILURE and check.failure_info is not None:
                # our own checks' messages are known to hold no value of an answer
                is_ours = CHECKS.get_one(check.name).__module__ == __name__
                failure = check.failure_info.failure
                said = failure.message if is_ours else failure.title
                report.failures[f"{phase}: {check.name}: {said}"] = None


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
        target = (scope.get("raw_path") or scope["path"].encode()) + query
        sent, more = b"", True
        while more:
            message = await receive()
            sent += message.get("body", b"")
            more = message.get("more_body", False)
        fields = dict(as_headers(scope["headers"]))
        asked = {name: value for name, value in fields.items() if name.lower() not in _OF_THE_CONNECTION}
        url = self._base_url + target.decode("latin-1")
        response = self._client.send(scope["method"], url, asked, sent).response
        answered = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers or ()
            if name.lower() not in _DECODED
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": answered})
        await send({"type": "http.response.body", "body": response.body})
