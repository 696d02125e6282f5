"""Holds against the contract what a test has of an answer, and each file of `--opay-recordings`."""

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest
from msgspec import field, structs
from msgspec.structs import replace

from opay_contract.baseline.acceptance import utc_day
from opay_contract.baseline.baseline import load_baseline
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import answer_shape
from opay_contract.drift.fold import Fold
from opay_contract.drift.locating import locate
from opay_contract.errors import UsageError
from opay_contract.formats.native import parse_line
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import SIGNATURE_MISMATCH
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable, as_headers
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.model.summary import DriftSummary, Outcomes, join_outcomes
from opay_contract.pytest_plugin.plugin import OUTCOMES
from opay_contract.recordings.inputs import STDIN, Repeats, Source, find_missing, iter_sources
from opay_contract.recordings.reading import is_passed_over, iter_exchanges
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.findings import describe_place
from opay_contract.report.sentences import (
    describe_nothing,
    describe_out_of_scope,
    describe_outcomes,
    describe_vacuity,
)
from opay_contract.settings import ProjectSettings, RulePolicy, parse_severity
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
        try:
            line = json.dumps(dict(response)).encode()
        except (TypeError, ValueError, RecursionError):
            raise UsageError(
                'cannot check this dictionary: it holds what JSON does not have; bytes go into "body_base64"'
            ) from None
        item = parse_line(_PLACE, line)
        if isinstance(item, Unreadable):
            raise UsageError(f"cannot check this dictionary: {item.reason}")
        return item
    if hasattr(response, "status_code") and hasattr(response, "headers"):
        status, headers = response.status_code, as_headers((response.headers or {}).items())
        answered = Response(status=status, headers=headers, body=bytes(response.content))
        return Exchange(place=_PLACE, request=_request(response), response=answered)
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


def _request(response: Any) -> Request:
    try:
        request = response.request
    except RuntimeError:  # httpx, of a response that was made by hand
        request = None
    if request is None or request.url is None:
        return Request()
    try:
        body = request.body if hasattr(request, "body") else request.content
    except RuntimeError:  # httpx, of a stream, of which nothing is left
        body = None
    if isinstance(body, str):
        body = body.encode(errors="surrogatepass")
    return Request(
        method=request.method,
        url=str(request.url),
        headers=as_headers((request.headers or {}).items()),
        body=bytes(body) if isinstance(body, bytes | bytearray) else None,
    )


class DriftError(AssertionError):
    """Calls drift from the contract: the message lists `findings`, which hold no value, and what to do."""

    def __init__(self, findings: Iterable[Finding], hints: Iterable[str] = ()) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([render_findings(self.findings), *hints]))


class NothingCheckedError(AssertionError):
    """There was nothing to check, which is no success."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What fails a check: findings that count by the project's policy, grave enough and not accepted."""

    fail_on: Severity = Severity.ERROR
    policy: RulePolicy = field(default_factory=RulePolicy)
    accepted: frozenset[Key] = frozenset()

    def is_failed_by(self, findings: Iterable[Finding], fail_on: Severity | None = None) -> bool:
        """Tell whether one of some findings, each as grave as it counts, fails a check."""
        least = self.fail_on if fail_on is None else fail_on
        return any(one.rule.severity >= least and one.key not in self.accepted for one in findings)


def build_bar(settings: ProjectSettings, baseline: str | None, fail_on: str) -> Bar:
    """Return what fails a check, by pytest's own settings where they say it, else by the project's."""
    today = utc_day(time.time())
    file = Path(baseline) if baseline else settings.baseline
    accepted = load_baseline(file, today).acceptances if file else ()
    usual = Severity.ERROR if settings.fail_on is None else settings.fail_on
    return Bar(
        fail_on=parse_severity(fail_on) if fail_on else usual,
        policy=settings.policy(),
        accepted=frozenset(one.key for one in accepted if not one.is_expired(today)),
    )


class OpayContract:
    """The contract, as the fixture `opay_contract`: what it is given is a call of this API."""

    def __init__(self, contract: Contract, bar: Bar) -> None:
        self.contract = replace(contract, has_all_paths=True)
        self.bar = bar
        self.checked: list[Exchange] = []
        """What `check` was given in this test."""

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
        self.checked.append(exchange)
        findings = self.findings(exchange, private_key)
        hints, scheme = [], self.contract.signature
        if scheme and private_key and any(one.rule.id == SIGNATURE_MISMATCH.id for one in findings):
            diagnosis = diagnose_request(exchange.request, private_key, scheme)
            hints = [diagnosis.explain()] if diagnosis else []
        return self.raise_or_return(findings, fail_on, hints)

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


def record_calls(path: Path, calls: Iterable[Exchange], contract: Contract, private_key: str | None) -> None:
    """Write calls to a new file, redacted, with URLs that any check knows."""
    from opay_contract.record.files import Captured  # noqa: PLC0415  of no use but here
    from opay_contract.record.recorder import open_recorder  # noqa: PLC0415

    known = [Captured(exchange=with_known_host(one, contract)) for one in calls]
    path.parent.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    recorder = open_recorder(path, contract, secrets.token_bytes(32), private_key, say=said.append)
    recorder.add(known)
    recorder.close()
    if said:
        raise UsageError(said[0])


def render_findings(findings: Iterable[Finding]) -> str:
    """Return findings as text, the most severe first, equal ones as one."""
    folded: dict[Key, list[Finding]] = {}
    for finding in findings:
        folded.setdefault(finding.key, []).append(finding)
    groups = sorted(folded.values(), key=lambda group: -group[0].rule.severity)
    lines = [count(len(groups), "finding")]
    for group in groups:
        finding, place = group[0], group[0].place
        where = f" {finding.pointer}" if finding.pointer else ""
        details = [f"{len(group)} times"] if len(group) > 1 else []
        if finding.contract is not None:
            at = finding.contract
            details.insert(0, f"contract {at.file}:{at.line}:{at.column}")
        if place.entry:
            details.append(describe_place(place) if place.line else f"{place.file} {place.entry}")
        head = f"{finding.rule.severity.label} {finding.rule.id}{where}"
        told = f" ({'; '.join(details)})" if details else ""
        lines.append(f"{head}: expected {finding.expected}, got {finding.actual}{told}")
    return "\n".join(lines)


def join_packed(packed: Iterable[str]) -> DriftSummary:
    """Return what the recordings of a run show together; each of a report holds public codes and counts."""
    total: Outcomes = {}
    for text in packed:
        for operation, form, outcome, detail, number in json.loads(text):
            total = join_outcomes(total, {(operation, form, outcome, detail): number})
    return DriftSummary(exchanges=sum(total.values()), outcomes=total)


def find_shortage(summary: DriftSummary, required: int | None) -> bool:
    """Tell whether a run fails because too few exchanges succeeded; by default none is too few."""
    if required is None:
        return summary.is_vacuous
    return summary.successes < required


def describe_run(summary: DriftSummary, required: int | None, contract: Contract) -> list[str]:
    """Return what the terminal says at the end, the verdict last."""
    lines = [f"Outcomes: {describe_outcomes(summary.outcomes)}."]
    if required and summary.successes < required:
        asked = f"{required:,} that --opay-require-success asks for"
        lines.append(f"Too few successes: {summary.successes:,} of the {asked}.")
    vacuity = describe_vacuity(CheckedRun(summary=summary, contract=contract))
    return [*lines, *([vacuity] if vacuity else [])]


_MOST_UNREADABLE = 20
"""How many unreadable entries a failure lists."""


class RecordingError(AssertionError):
    """A recording drifts, cannot be read, or holds nothing to check; the message shows no recorded value."""


class RecordingItem(pytest.Item):
    """One file of recorded exchanges."""

    contract: Contract
    bar: Bar
    found: Source | Unreadable

    def runtest(self) -> None:
        """Fail with what is wrong with the file."""
        found = self.found
        faults = [found.reason] if isinstance(found, Unreadable) else _faults(self, found)
        if faults:
            raise RecordingError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the fault alone: nobody wants to see where in this module it was raised."""
        if isinstance(excinfo.value, RecordingError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file, and the name that a failure is listed under."""
        name = self.found.name if isinstance(self.found, Source) else self.found.place.file
        return Path(name), None, name


def iter_items(
    session: pytest.Session, paths: Sequence[str], contract: Contract, bar: Bar
) -> Iterator[RecordingItem]:
    """Yield an item for each recording at `paths`, also for what cannot be read; UsageError where is none."""
    if STDIN in paths:
        raise pytest.UsageError(
            "--opay-recordings takes files and folders; `opay-contract check -` reads pipes"
        )
    if missing := find_missing(paths, literally=True):
        raise pytest.UsageError(f"--opay-recordings: {missing}")
    repeats, answers = Repeats(), answer_shape(contract)
    for path in paths:
        sources = [one for one in iter_sources([path]) if not is_passed_over(one, answers)]
        if not sources:
            raise pytest.UsageError(f"--opay-recordings {path}: there are no recordings")
        for found in sources:
            if not isinstance(found, Source) or not repeats.is_repeat(found):
                name = found.name if isinstance(found, Source) else found.place.file
                item: RecordingItem = RecordingItem.from_parent(
                    session, name=name, nodeid=f"{name}::recording"
                )
                item.contract, item.bar, item.found = contract, bar, found
                yield item


def summarize(contract: Contract, source: Source) -> DriftSummary:
    """Hold every exchange of a file against the contract. Signatures are not verified."""
    fold = Fold(contract, Settings(started_at=time.time()))
    for item in iter_exchanges(source, answers=answer_shape(contract)):
        fold.add(item)
    return locate(fold.summary(), contract)


def _faults(item: RecordingItem, source: Source) -> list[str]:
    summary = summarize(item.contract, source)
    item.user_properties.append(
        (OUTCOMES, json.dumps([[*key, number] for key, number in summary.outcomes.items()]))
    )
    faults = [f"{one.place.file}: entry {one.place.entry}: {one.reason}" for one in summary.unreadable]
    if len(faults) > _MOST_UNREADABLE:
        faults = [*faults[:_MOST_UNREADABLE], f"and {summary.unreadable_count - _MOST_UNREADABLE} more"]
    found = item.bar.policy.findings(finding for finding in summary.findings.values())
    if item.bar.is_failed_by(found):
        faults.append(render_findings(found))
    if not faults and not summary.exchanges:
        faults.append(f"nothing was checked: {describe_nothing(summary, 1)}")
        faults += describe_out_of_scope(summary, "--opay-base-url")
    return faults
