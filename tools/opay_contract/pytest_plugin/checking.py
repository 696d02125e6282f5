"""Holds one answer, in whatever form a test has it, against the contract, and raises where it drifts."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.errors import UsageError
from opay_contract.formats.native import parse_line
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import SIGNATURE_MISMATCH
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.report.sentences import describe_place
from opay_contract.settings.policy import RulePolicy, parse_severity
from opay_contract.signing.doctor import diagnose_request
from opay_contract.words import count

_PLACE = Place(source=0, entry=0, file="response")


def exchange_of(response: Any) -> Exchange:
    """Return the exchange of a response of requests or httpx, a dictionary in the native form, or a body.

    The two libraries' responses are told by their members, so that neither is imported and look-alikes pass.
    """
    if isinstance(response, Exchange):
        return response
    if isinstance(response, Mapping):
        return _exchange_of_mapping(response)
    if hasattr(response, "status_code") and hasattr(response, "headers"):
        return Exchange(place=_PLACE, request=_request(response), response=_response(response))
    raise UsageError(
        f"cannot check a {type(response).__name__}; expected a response of requests or httpx, or a dictionary"
    )


def with_known_host(exchange: Exchange, contract: Contract) -> Exchange:
    """Return an exchange without its host if that is none of the contract's: a mock's, or a proxy's."""
    url = exchange.request.url
    if url is None or contract.path(url) is not None:
        return exchange
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("cannot check this response: its request's URL is none") from None
    path = urlunsplit(("", "", parts.path, parts.query, ""))
    return structs.replace(exchange, request=structs.replace(exchange.request, url=path))


def _exchange_of_mapping(value: Mapping[str, Any]) -> Exchange:
    try:
        line = json.dumps(dict(value)).encode()
    except (TypeError, ValueError, RecursionError):
        raise UsageError(
            'cannot check this dictionary: it holds what JSON does not have; bytes go into "body_base64"'
        ) from None
    item = parse_line(_PLACE, line)
    if isinstance(item, Unreadable):
        raise UsageError(f"cannot check this dictionary: {item.reason}")
    return item


def _response(response: Any) -> Response:
    return Response(
        status=response.status_code, headers=_headers(response.headers), body=bytes(response.content)
    )


def _request(response: Any) -> Request:
    try:
        request = response.request
    except RuntimeError:  # httpx, of a response that was made by hand
        request = None
    if request is None or request.url is None:
        return Request()
    return Request(
        method=request.method, url=str(request.url), headers=_headers(request.headers), body=_sent(request)
    )


def _headers(headers: Mapping[Any, Any] | None) -> Headers:
    return tuple((_text(name), _text(value)) for name, value in (headers or {}).items())


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _sent(request: Any) -> bytes | None:
    """Return the body that was sent, None where it was a stream, of which nothing is left."""
    try:
        body = request.body if hasattr(request, "body") else request.content
    except RuntimeError:  # httpx, of a stream
        return None
    if isinstance(body, str):
        return body.encode(errors="surrogatepass")
    return bytes(body) if isinstance(body, bytes | bytearray) else None


class DriftError(AssertionError):
    """Calls drift from the contract: the message lists `findings`, which hold no value, and what to do."""

    def __init__(self, findings: Iterable[Finding], hints: Iterable[str] = ()) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([render_findings(self.findings), *hints]))


class NothingCheckedError(AssertionError):
    """There was nothing to check, which is no success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What fails a check: findings that count by the project's policy, grave enough and not accepted."""

    fail_on: Severity = Severity.ERROR
    policy: RulePolicy = field(default_factory=RulePolicy)
    accepted: frozenset[Key] = frozenset()

    def is_failed_by(self, findings: Iterable[Finding], fail_on: Severity | None = None) -> bool:
        """Tell whether one of some findings, each as grave as it counts, fails a check."""
        least = self.fail_on if fail_on is None else fail_on
        return any(one.rule.severity >= least and one.key not in self.accepted for one in findings)


class OpayContract:
    """The contract, as the fixture `opay_contract`: what it is given is a call of this API."""

    def __init__(self, contract: Contract, bar: Bar) -> None:
        self.contract = replace(contract, has_all_paths=True)
        self.bar = bar

    def check(
        self, response: Any, *, fail_on: str | None = None, private_key: str | None = None
    ) -> tuple[Finding, ...]:
        """Raise a `DriftError` where a response drifts from the contract; return lesser findings.

        `response` is one of requests or httpx, a dictionary in the native recording form, or one that is
        a response's body; it is taken for an answer of this API whatever host it came from. `fail_on` is
        `error`, `warning` or `info`. With `private_key` the request's signature is verified too.
        """
        __tracebackhide__ = True
        exchange = exchange_of(response)
        findings = self.findings(exchange, private_key)
        return self.raise_or_return(findings, fail_on, self._hints(exchange, findings, private_key))

    def _hints(
        self, exchange: Exchange, findings: Iterable[Finding], private_key: str | None
    ) -> Iterator[str]:
        """Yield what is wrong with a signature that does not verify, in the doctor's words."""
        scheme = self.contract.signature
        if scheme and private_key and any(one.rule.id == SIGNATURE_MISMATCH.id for one in findings):
            diagnosis = diagnose_request(exchange.request, private_key, scheme)
            yield from [diagnosis.explain()] if diagnosis else []

    def findings(self, exchange: Exchange, private_key: str | None = None) -> tuple[Finding, ...]:
        """Return every finding of an exchange that counts, whatever host it was with."""
        __tracebackhide__ = True
        ours = with_known_host(exchange, self.contract)
        match = self.contract.match(ours)
        if not match.route.in_scope:
            raise NothingCheckedError("nothing was checked: a browser's preflight is no call of the API")
        settings = Settings(started_at=time.time(), private_key=private_key, may_be_masked=False)
        return self.bar.policy.findings(check_exchange(self.contract, ours, match, settings))

    def raise_or_return(
        self, findings: Iterable[Finding], fail_on: str | None, hints: Iterable[str] = ()
    ) -> tuple[Finding, ...]:
        """Raise a `DriftError` with all findings if one of them is grave enough, else return them."""
        __tracebackhide__ = True
        least = None if fail_on is None else parse_severity(fail_on)
        found = tuple(findings)
        if self.bar.is_failed_by(found, least):
            raise DriftError(found, hints)
        return found


def render_findings(findings: Iterable[Finding]) -> str:
    """Return findings as text, the gravest first, equal ones as one."""
    folded: dict[Key, list[Finding]] = {}
    for finding in findings:
        folded.setdefault(finding.key, []).append(finding)
    groups = sorted(folded.values(), key=lambda group: -group[0].rule.severity)
    title = count(len(groups), "finding")
    return "\n".join([title, *(_line(group) for group in groups)])


def _line(group: list[Finding]) -> str:
    finding = group[0]
    where = f" {finding.pointer}" if finding.pointer else ""
    head = f"{finding.rule.severity.label} {finding.rule.id}{where}"
    details = "; ".join(_details(group))
    return f"{head}: expected {finding.expected}, got {finding.actual}" + (f" ({details})" if details else "")


def _details(group: list[Finding]) -> Iterator[str]:
    finding = group[0]
    if finding.contract is not None:
        yield f"contract {finding.contract.file}:{finding.contract.line}:{finding.contract.column}"
    if len(group) > 1:
        yield f"{len(group)} times"
    place = finding.place
    if place.entry:
        yield describe_place(place) if place.line else f"{place.file} {place.entry}"
