"""Teaches schemathesis this contract: who asks, how requests are signed, and what answers mean.

schemathesis judges by the HTTP status. Here HTTP 200 comes with errors too, so its own checks of refusals are
given the status that the business code means, and the contract's rules stand beside them.
"""

import copy
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
import schemathesis
from schemathesis.checks import CHECKS, CheckContext, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER, HookContext
from schemathesis.specs.openapi import checks as built_in

from opay_contract.contract.operation import Operation
from opay_contract.mock.sound import PLACEHOLDER
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.suite.api import ApiJudge, describe

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
    request = response.request
    body = request.body.encode() if isinstance(request.body, str) else request.body
    return Exchange(
        place=Place(source=0, entry=1, file="call"),
        request=Request(
            method=request.method,
            url=request.path_url,
            headers=tuple((name, _text(value)) for name, value in request.headers.items()),
            body=body,
        ),
        response=Response(
            status=response.status_code,
            headers=tuple((name, value) for name, values in response.headers.items() for value in values),
            body=response.content or b"",
        ),
        recorded_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
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
        fixed = _is_example(case) or _is_negative(case)
        drawn = _AS_IT_SHOULD_BE if fixed else zlib.crc32(repr(case.body).encode())
        scheme = judge.contract.signature
        if operation.is_signed and scheme is not None:
            kwargs["auth"] = _Signing(judge, _key(judge, drawn))
            name = operation.identity_header(scheme)
            if name is not None and name in case.headers and not _is_negative(case, "header"):
                case.headers[name] = judge.target.merchant_id
        else:
            _let_in(judge, operation, case)
        known = _known_body(judge, operation, case.body)
        about_known = drawn % _UNKNOWN_EVERY != 0 and not _is_negative(case, "body")
        if about_known and known is not None:
            case.body = known

    return before_call


def _key(judge: ApiJudge, drawn: int) -> str | None:
    wrong = {0: None, 1: _WRONG_KEY}
    return wrong.get(drawn % _WRONG_EVERY, judge.target.private_key)


def _is_example(case: Any) -> bool:
    return case.meta is not None and case.meta.phase.name == "examples"


def _is_negative(case: Any, location: str | None = None) -> bool:
    if case.meta is None:
        return False
    if location is None:
        return bool(case.meta.generation.mode.is_negative)
    component = next((found for place, found in case.meta.components.items() if place == location), None)
    return component is not None and component.mode.is_negative


def _operation(judge: ApiJudge, case: Any) -> Operation | None:
    """Return the documented operation of a case; one by another method has none."""
    path, method = case.operation.path, case.method.upper()
    return next((one for one in judge.contract.operations if (one.path, one.method) == (path, method)), None)


def _let_in(judge: ApiJudge, operation: Operation, case: Any) -> None:
    """Say who asks where that is a key or a password; what is wrong on purpose stays so."""
    for one in next(iter(operation.credentials), ()):
        if one.place == "header" and not _is_negative(case, "header"):
            case.headers[one.name] = f"{one.word} {judge.target.credential or PLACEHOLDER}".strip()
        elif one.place == "query" and not _is_negative(case, "query"):
            case.query[one.name] = judge.target.credential or PLACEHOLDER
        elif one.place == "cookie" and not _is_negative(case, "cookie"):
            case.cookies[one.name] = judge.target.credential or PLACEHOLDER


def _known_body(judge: ApiJudge, operation: Operation, body: Any) -> Any:
    """Return the query for the record that the target knows, where a body asks for one; else None."""
    by = judge.questions.by_record
    if by is None or by.operation.id != operation.id or not isinstance(body, dict) or by.member not in body:
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
            findings = self._judge.findings(exchange_of(response))
            said = describe(findings)
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


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
