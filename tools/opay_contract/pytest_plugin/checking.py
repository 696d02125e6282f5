"""Holds one answer against the contract, and raises where it drifts."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.pytest_plugin.exchanges import exchange_of, with_known_host
from opay_contract.settings.policy import parse_severity


class DriftError(AssertionError):
    """Answers drift from the contract: the message lists `findings`, which hold no value of any answer."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(render_findings(self.findings))


class NothingCheckedError(AssertionError):
    """There was nothing to check, which is no success."""


class OpayContract:
    """The contract, as the fixture `opay_contract`: what it is given is a call of this API."""

    def __init__(self, contract: Contract, fail_on: Severity) -> None:
        self.contract = replace(contract, has_all_paths=True)
        self.fail_on = fail_on

    def check(
        self, response: Any, *, fail_on: str | None = None, private_key: str | None = None
    ) -> tuple[Finding, ...]:
        """Raise a `DriftError` where a response drifts from the contract; return lesser findings.

        `response` is one of requests or httpx, a dictionary in the native recording form, or one that is
        a response's body; it is taken for an answer of this API whatever host it came from. `fail_on` is
        `error`, `warning` or `info`. With `private_key` the request's signature is verified too.
        """
        __tracebackhide__ = True
        findings = self.findings(exchange_of(response), private_key)
        return self.raise_or_return(findings, fail_on)

    def findings(self, exchange: Exchange, private_key: str | None = None) -> Iterator[Finding]:
        """Yield every finding of an exchange, whatever host it was with."""
        __tracebackhide__ = True
        ours = with_known_host(exchange, self.contract)
        match = self.contract.match(ours)
        if not match.route.in_scope:
            raise NothingCheckedError("nothing was checked: a browser's preflight is no call of the API")
        settings = Settings(started_at=time.time(), private_key=private_key, may_be_masked=False)
        return check_exchange(self.contract, ours, match, settings)

    def raise_or_return(self, findings: Iterable[Finding], fail_on: str | None) -> tuple[Finding, ...]:
        """Raise a `DriftError` with all findings if one of them is grave enough, else return them."""
        __tracebackhide__ = True
        bar = self.fail_on if fail_on is None else parse_severity(fail_on)
        found = tuple(findings)
        if any(finding.rule.severity >= bar for finding in found):
            raise DriftError(found)
        return found


def render_findings(findings: Iterable[Finding]) -> str:
    """Return findings as text, the gravest first, equal ones as one."""
    folded: dict[Key, list[Finding]] = {}
    for finding in findings:
        folded.setdefault(finding.key, []).append(finding)
    groups = sorted(folded.values(), key=lambda group: -group[0].rule.severity)
    title = f"{len(groups)} finding" + ("s" if len(groups) > 1 else "")
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
    if finding.place.entry:
        yield f"{finding.place.file} {finding.place.entry}"
