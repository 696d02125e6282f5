"""Summaries to render: of the recordings of the acceptance tests, of six weeks, hostile, empty and capped."""

import contextlib
import os
import runpy
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from opay_contract.baseline.acceptance import Acceptance, Judged
from opay_contract.contract.addresses import Address
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.drift.insight import draw_insight
from opay_contract.engines.folding import check_sources
from opay_contract.judge.gap_table import CODE_UNOBSERVED, FIELD_UNOBSERVED, RANGE_NARROWER
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import (
    Answer,
    Change,
    ChangeKind,
    ContractPlace,
    Finding,
    Gap,
    Insight,
    Outcome,
    Severity,
    Share,
)
from opay_contract.model.observation import Observed, Window, utc_of
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_sources
from opay_contract.report.checked_run import CheckedRun

HERE = Path(__file__).parent
DATA = HERE.parent / "whole" / "acceptance" / "data"

HOSTILE = (
    "a\x00\x1b[31m\x9b\x07]]>\r\n::error::x\n%0A%25<script>window.pwned=1</script>"
    '<img src=x onerror="window.pwned=1">|`*_[link](javascript:alert(1))\'"@team www.evil.invalid '
    "https://evil.invalid/ $x$ ~~y~~ {0} \\| \u202e\u2028\ud800\udcff\ufffe --></style></details>#"
)
"""Words that would break out of each format, drive a terminal, or be no text at all."""

STATEMENT = ContractPlace(file="schemas/card.json", line=3, column=5, pointer="/type")
TODAY = date(2026, 11, 23)
HOSTILE_FILE = HOSTILE.replace("\ud800", "")
"""A file's name holds other surrogates only: those that stand for bytes that are no UTF-8."""


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract()


@pytest.fixture(scope="session")
def drifted(contract: Contract) -> DriftSummary:
    """The summary of the acceptance tests' recordings that drift."""
    with contextlib.chdir(DATA):
        return check_sources(iter_sources(("drifted",)), contract, Settings(started_at=1_790_000_000.0))


@pytest.fixture(scope="session")
def fixed(drifted: DriftSummary) -> DriftSummary:
    """The same with every statement of the contract on one line, as editing the contract moves them."""
    findings = {key: _fix(folded) for key, folded in drifted.findings.items()}
    return replace(drifted, findings=findings)


def _fix(folded: Finding) -> Finding:
    place = folded.contract
    moved = replace(place, line=12, column=3) if place else None
    return replace(folded, contract=moved)


@pytest.fixture(scope="session")
def lines_of_weeks() -> list[str]:
    """Six weeks of traffic that changes on known days."""
    return list(runpy.run_path(str(HERE / "weeks.py"))["iter_lines"]())


@pytest.fixture(scope="session")
def weeks(
    lines_of_weeks: list[str], contract: Contract, tmp_path_factory: pytest.TempPathFactory
) -> DriftSummary:
    """The summary of the six weeks, without what is from before them or has no time."""
    folder = tmp_path_factory.mktemp("weeks")
    (folder / "weeks.ndjson").write_text("\n".join(lines_of_weeks) + "\n", encoding="utf-8")
    settings = Settings(started_at=1_790_000_000.0, window=Window(since=utc_of("2026-05-01")))
    with contextlib.chdir(folder):
        return check_sources(iter_sources(("weeks.ndjson",)), contract, settings)


@pytest.fixture(scope="session")
def explain(contract: Contract) -> Callable[[DriftSummary], CheckedRun]:
    """Return a function that makes of a summary what `check` renders, its contract lines on one line."""

    def explained(summary: DriftSummary) -> CheckedRun:
        insight = draw_insight(summary, contract)
        gaps = tuple(replace(gap, contract=replace(gap.contract, line=12, column=3)) for gap in insight.gaps)
        fixed = replace(summary, findings={key: _fix(folded) for key, folded in summary.findings.items()})
        return CheckedRun(
            summary=fixed,
            questions=contract.questions,
            insight=replace(insight, gaps=gaps),
            contract=contract,
        )

    return explained


@pytest.fixture(scope="session")
def nothing() -> DriftSummary:
    """The summary of a run that checked nothing."""
    return DriftSummary(out_of_scope=3)


@pytest.fixture(scope="session")
def clean() -> DriftSummary:
    return DriftSummary(exchanges=2)


@pytest.fixture(scope="session")
def hostile_text() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def hostile(build: Callable[..., Finding]) -> DriftSummary:
    """A summary in which everything that can come from outside is an attack."""
    place = Place(source=0, entry=1, file=HOSTILE_FILE, line=7)
    folded = [
        build("type-mismatch", HOSTILE, place, expected=HOSTILE, actual=HOSTILE, operation=HOSTILE),
        build("path-undocumented", HOSTILE, place, operation=None, recorded_at=HOSTILE, contract=None),
        build("message-undocumented", HOSTILE, structs.replace(place, file="/" + HOSTILE_FILE), count=2),
    ]
    return DriftSummary(
        exchanges=3,
        unreadable_count=2,
        unreadable=(Unreadable(place=place, reason=HOSTILE), Unreadable(place=place, reason=HOSTILE)),
        findings={one.key: one for one in folded},
        occurrences={Severity.ERROR: 2, Severity.INFO: 2},
        readings={(HOSTILE, HOSTILE): 1},
    )


@pytest.fixture(scope="session")
def hostile_questions() -> tuple[OpenQuestion, ...]:
    reading = Reading(id=HOSTILE, statement=HOSTILE, assumed=True, evidence=())
    return (
        OpenQuestion(id=HOSTILE, question=HOSTILE, at=Address("openapi.yaml"), about=(), readings=(reading,)),
        OpenQuestion(
            id="silent", question=HOSTILE, at=Address("openapi.yaml"), about=(), readings=(reading,)
        ),
    )


@pytest.fixture(scope="session")
def hostile_explained(hostile: DriftSummary, hostile_questions: tuple[OpenQuestion, ...]) -> CheckedRun:
    """The hostile summary with observations, and what follows from them, in which all words are an attack."""
    scope, days = (HOSTILE, HOSTILE, "success"), {"2026-05-01": 2, "2026-05-03": 1, "": 4}
    location = (*scope, f"/response/body/{HOSTILE.replace('/', '~1')}")
    whole = Observed(is_documented=True, types={"object": days})
    odd = Observed(is_documented=False, types={HOSTILE: days}, values={HOSTILE: 2}, other_values=1)
    share = Share(count=1, of=3)
    change = Change(
        kind=ChangeKind.TYPE,
        location=location,
        day="2026-05-03",
        type=HOSTILE,
        before=share,
        after=share,
        is_documented=False,
    )
    gaps = [
        Gap(
            rule=rule,
            location=location,
            documented=HOSTILE,
            seen=HOSTILE,
            opportunities=9,
            contract=STATEMENT,
        )
        for rule in (FIELD_UNOBSERVED, CODE_UNOBSERVED, RANGE_NARROWER)
    ]
    insight = Insight(
        gaps=tuple(gaps),
        changes=(change,),
        answers=(Answer(question=HOSTILE, counts=((HOSTILE, 1),), verdict=HOSTILE),),
        limits=(HOSTILE,),
    )
    observations = {(*scope, ""): whole, (*scope, "/response/body"): whole, location: odd}
    summary = replace(hostile, observations=observations, out_of_window=3, undated=1)
    return CheckedRun(summary=summary, questions=hostile_questions, insight=insight)


@pytest.fixture(scope="session")
def judged(build: Callable[..., Finding]) -> CheckedRun:
    """A run beside a baseline: a finding of each state, and an acceptance that is unused."""
    place = Place(source=0, entry=4, file="calls.ndjson", line=4)
    open_ = build("type-mismatch", "/data/open", place)
    accepted = build("type-mismatch", "/data/accepted", place, count=3)
    expired = build("field-missing", "/data/expired", place)
    summary = DriftSummary(
        exchanges=9,
        findings={one.key: one for one in (open_, accepted, expired)},
        occurrences={Severity.ERROR: 5},
    )
    matched = (
        _accept(accepted, line=6, reason="ticket 12:\n they mend it in March"),
        _accept(expired, line=16, expires=TODAY - timedelta(days=1)),
    )
    unused = (_accept(replace(open_, pointer="/data/unused"), line=26),)
    return _judge(summary, matched, unused)


@pytest.fixture(scope="session")
def hostile_judged(hostile: DriftSummary, hostile_questions: tuple[OpenQuestion, ...]) -> CheckedRun:
    """The hostile summary beside a baseline in which everything that a person can write is an attack."""
    accepted, expired, _ = hostile.findings.values()
    tame = (
        _accept(accepted, line=6),
        _accept(expired, line=16, expires=TODAY - timedelta(days=1)),
        _accept(replace(accepted, pointer=f"{HOSTILE}/unused"), line=26),
    )
    wild = [replace(one, reason=HOSTILE, accepted_by=HOSTILE, file=HOSTILE_FILE) for one in tame]
    return replace(_judge(hostile, wild[:2], wild[2:]), questions=hostile_questions)


def _accept(finding: Finding, *, line: int, expires: date = TODAY, reason: str = "ticket 13") -> Acceptance:
    rule, operation, outcome, pointer = finding.key
    return Acceptance(
        rule=rule,
        operation=operation,
        outcome=Outcome(outcome),
        pointer=pointer,
        reason=reason,
        expires=expires,
        accepted_by="Mona",
        accepted_on=date(2026, 11, 1),
        file="baseline.toml",
        line=line,
    )


def _judge(summary: DriftSummary, matched: Sequence[Acceptance], unused: Sequence[Acceptance]) -> CheckedRun:
    by_key = {one.key: one for one in matched}
    assert by_key.keys() <= summary.findings.keys()
    judged = Judged(summary=summary, today=TODAY, matched=by_key, unused=tuple(unused))
    return CheckedRun(summary=summary, judged=judged, contract_folder="")


@pytest.fixture(scope="session")
def capped(drifted: DriftSummary) -> DriftSummary:
    """A summary in which both caps bit: four warnings and ninety-five unreadable entries are not kept."""
    occurrences = drifted.occurrences | {Severity.WARNING: drifted.occurrences[Severity.WARNING] + 4}
    return replace(drifted, unreadable_count=100, occurrences=occurrences)


@pytest.fixture(scope="session")
def build() -> Callable[..., Finding]:
    """Return a function that makes a folded finding."""

    def build_finding(  # noqa: PLR0913  a finding has as many parts
        rule: str,
        pointer: str,
        place: Place,
        *,
        expected: str = "string",
        actual: str = "integer of 4 digits",
        operation: str | None = "queryCardTokens",
        contract: ContractPlace | None = STATEMENT,
        recorded_at: str | None = None,
        count: int = 1,
    ) -> Finding:
        return Finding(
            rule=RULES_BY_ID[rule],
            operation=operation,
            outcome=Outcome.SUCCESS,
            pointer=pointer,
            expected=expected,
            actual=actual,
            contract=contract,
            place=place,
            recorded_at=recorded_at,
            count=count,
            last_place=structs.replace(place, entry=place.entry + count - 1),
            last_recorded_at=recorded_at,
        )

    return build_finding


@pytest.fixture(scope="session")
def assert_golden() -> Callable[[str, str], None]:
    """Return the comparison with a golden file; UPDATE_GOLDEN=1 writes the file."""

    def compare(name: str, actual: str) -> None:
        golden = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            golden.write_text(actual, encoding="utf-8")
        assert actual == golden.read_text(encoding="utf-8")

    return compare
