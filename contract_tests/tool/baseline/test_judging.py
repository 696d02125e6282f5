"""Beside a baseline the findings of a run are parted: open, accepted, expired; and nothing is lost."""

from collections.abc import Callable
from datetime import date, timedelta

import jsonschema
import pytest
from contract_tests.tool.running import published_schema
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opay_contract.baseline.acceptance import Acceptance, Judged, State
from opay_contract.baseline.baseline import Baseline, apply_baseline
from opay_contract.drift.saving import findings_seen_in
from opay_contract.errors import ExitCode
from opay_contract.judge.table import RULES
from opay_contract.model import summary as summary_module
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Key, Outcome, Rule, Severity
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.report.checked_run import CheckedRun, View
from opay_contract.report.json_report import build_report
from opay_contract.report.text_report import render_text

Accept = Callable[..., Acceptance]

QUICK = settings(deadline=None, derandomize=True, max_examples=40)
TODAY = date(2026, 11, 23)
Drawn = tuple[Rule, str | None, Outcome, str]
KEYS: st.SearchStrategy[Drawn] = st.tuples(
    st.sampled_from(RULES),
    st.sampled_from([None, "call"]),
    st.sampled_from(Outcome),
    st.sampled_from("abcdef"),
)
DAYS = st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))


def summary_of(counts: dict[Drawn, int]) -> DriftSummary:
    whole = DriftSummary(exchanges=1)
    for number, (key, count) in enumerate(counts.items(), 1):
        whole = merge(whole, one_finding(number, count, key))
    return whole


def one_finding(number: int, count: int, key: Drawn) -> DriftSummary:
    rule, operation, outcome, pointer = key
    finding = Finding(
        rule=rule,
        operation=operation,
        outcome=outcome,
        pointer=pointer,
        expected="e",
        actual="a",
        contract=None,
        place=Place(source=0, entry=number, file="f"),
        recorded_at=None,
        count=count,
    )
    return DriftSummary(findings={finding.key: finding}, occurrences={finding.rule.severity: count})


def acceptance_of(key: Key, expires: date) -> Acceptance:
    return Acceptance(
        rule=key[0],
        operation=key[1],
        outcome=Outcome(key[2]),
        pointer=key[3],
        value="".join(key[4:]),
        reason="r",
        expires=expires,
        accepted_by="m",
        accepted_on=TODAY,
        file="b.toml",
        line=6,
    )


SUMMARIES: st.SearchStrategy[DriftSummary] = st.dictionaries(KEYS, st.integers(1, 5), max_size=12).map(
    summary_of
)


@st.composite
def judgements(draw: st.DrawFn) -> Judged:
    summary, others = draw(SUMMARIES), draw(SUMMARIES)
    keys = draw(st.sets(st.sampled_from([*summary.findings, *others.findings, ("x",) * 4])))
    acceptances = [acceptance_of(key, draw(DAYS)) for key in sorted(keys - {("x",) * 4})]
    return apply_baseline(summary, Baseline(text="", acceptances=tuple(acceptances)), TODAY)


@QUICK
@given(judgements())
def test_open_accepted_and_expired_part_the_findings(judged: Judged) -> None:
    parts = [judged.keys(state) for state in State]
    assert sum(map(len, parts)) == len(judged.summary.findings)
    assert frozenset().union(*parts) == judged.summary.findings.keys()


@QUICK
@given(judgements())
def test_a_finding_is_in_the_part_that_its_acceptance_says(judged: Judged) -> None:
    for state in State:
        for key in judged.keys(state):
            acceptance = judged.matched.get(key)
            assert (acceptance is None) == (state is State.OPEN)
            if acceptance:
                assert acceptance.key == key
                assert (acceptance.expires >= TODAY) == (state is State.ACCEPTED)
    assert not any(key[0] == "card-number-exposed" for key in judged.matched)


@QUICK
@given(judgements())
def test_an_acceptance_is_used_or_unused(judged: Judged) -> None:
    assert not {one.key for one in judged.unused} & judged.summary.findings.keys()


@QUICK
@given(judgements())
def test_what_counts_is_what_is_not_accepted(judged: Judged) -> None:
    counted = judged.counted()
    assert counted.findings.keys() == judged.keys(State.OPEN) | judged.keys(State.EXPIRED)
    for severity in Severity:
        left = [one.count for one in counted.findings.values() if one.rule.severity is severity]
        assert counted.occurrences.get(severity, 0) == sum(left)
    assert counted.omitted == judged.summary.omitted == 0
    accepted = sum(one.count for one in judged.findings(State.ACCEPTED))
    assert sum(judged.summary.occurrences.values()) == sum(counted.occurrences.values()) + accepted


@QUICK
@given(judgements())
def test_both_reports_count_the_same(judged: Judged) -> None:
    report = build_report(CheckedRun(summary=judged.summary, judged=judged))
    jsonschema.Draft202012Validator(published_schema("report/report-v1.schema.json")).validate(report)
    said = report["baseline"]
    assert said["open"] + said["accepted"] + said["expired"] == report["summary"]["findings"]
    for state in State:
        assert said[state] == sum(found["state"] == state for found in report["findings"])
    view = View(shows_all=True, is_verbose=True, width=1000)
    text = render_text(CheckedRun(summary=judged.summary, judged=judged), view)
    states = ", ".join(f"{said[state]} {state}" for state in State if said[state])
    line = next(line for line in text.splitlines() if line.startswith("  Baseline: "))
    assert line.startswith(f"  Baseline: {states}")
    assert (f"{len(said['unused'])} unused acceptance" in line) == bool(said["unused"])
    assert " 0 " not in line
    assert text.count("fingerprint ") == len(report["findings"]) + len(said["unused"])


@QUICK
@given(SUMMARIES)
def test_without_a_baseline_a_report_says_nothing_of_one(summary: DriftSummary) -> None:
    report = build_report(CheckedRun(summary=summary))
    assert "baseline" not in report
    assert not any(found.keys() & {"state", "acceptance"} for found in report["findings"])
    assert "aseline" not in render_text(CheckedRun(summary=summary))


@each(("days", "state"), [(-1, State.EXPIRED), (0, State.ACCEPTED), (1, State.ACCEPTED)])
def test_an_acceptance_holds_through_its_last_day(days: int, state: State) -> None:
    summary = summary_of({(RULES[0], None, Outcome.SUCCESS, "a"): 2})
    acceptance = acceptance_of((RULES[0].id, "", "success", "a"), TODAY + timedelta(days=days))
    judged = apply_baseline(summary, Baseline(text="", acceptances=(acceptance,)), TODAY)
    assert len(judged.keys(state)) == 1


@each(
    "other", [{"rule": "field-null"}, {"operation": ""}, {"outcome": Outcome.TRANSPORT}, {"pointer": "/data"}]
)
def test_an_acceptance_covers_one_rule_at_one_place_and_nothing_else(
    other: dict[str, str], accept: Accept
) -> None:
    rule = next(rule for rule in RULES if rule.id == "field-missing")
    summary = summary_of({(rule, "queryCardTokens", Outcome.SUCCESS, "/data/name"): 1})
    judged = apply_baseline(summary, Baseline(text="", acceptances=(accept(**other),)), TODAY)
    assert judged.keys(State.OPEN) == summary.findings.keys()
    assert [one.key for one in judged.unused] == [accept(**other).key]
    assert apply_baseline(summary, Baseline(text="", acceptances=(accept(),)), TODAY).unused == ()


def test_an_exposed_card_number_counts_whatever_a_baseline_says() -> None:
    rule = next(rule for rule in RULES if rule.id == "card-number-exposed")
    summary = summary_of({(rule, "call", Outcome.SUCCESS, "a"): 1})
    acceptance = acceptance_of(next(iter(summary.findings)), TODAY)
    judged = apply_baseline(summary, Baseline(text="", acceptances=(acceptance,)), TODAY)
    assert judged.counted() == summary


def test_beyond_the_cap_nothing_is_accepted_and_unused_is_only_what_surely_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: dict[Drawn, int] = {(rule, "call", Outcome.SUCCESS, "a"): 3 for rule in RULES}
    whole = summary_of(counts)
    monkeypatch.setattr(summary_module, "MAX_FINDINGS", 4)
    capped = summary_of(counts)
    acceptances = tuple(
        acceptance_of(key, TODAY) for key in whole.findings if key[0] != "card-number-exposed"
    )
    judged = apply_baseline(capped, Baseline(text="", acceptances=acceptances), TODAY)
    assert len(capped.findings) == 4
    assert judged.unused == ()
    assert judged.counted().omitted == capped.omitted > 0
    most_severe = next(iter(capped.findings))
    without = replace(
        capped, findings={key: one for key, one in capped.findings.items() if key != most_severe}
    )
    ranks = [key for key in whole.findings if findings_seen_in(without).excludes(key)]
    assert set(ranks) <= {most_severe}


UNUSED = acceptance_of((RULES[0].id, "", "success", "z"), TODAY)


@each(
    ("summary", "code"),
    [
        (DriftSummary(exchanges=1), ExitCode.FINDINGS),
        (DriftSummary(exchanges=1, unreadable_count=1), ExitCode.INCOMPLETE),
        (DriftSummary(), ExitCode.NOTHING_CHECKED),
        (DriftSummary(exchanges=1, occurrences={Severity.ERROR: 1}), ExitCode.FINDINGS),
    ],
)
def test_unused_acceptances_fail_a_run_that_read_everything(summary: DriftSummary, code: ExitCode) -> None:
    judged = Judged(summary=summary, today=TODAY, matched={}, unused=(UNUSED,))
    assert CheckedRun(summary=summary, judged=judged).exit_code is code


def test_words_from_a_baseline_drive_no_terminal() -> None:
    summary = summary_of({(RULES[0], None, Outcome.SUCCESS, "a"): 1})
    for expires in (TODAY, TODAY - timedelta(days=1)):
        wild = replace(
            acceptance_of(next(iter(summary.findings)), expires), reason="a\x1b[2J\nb", file="\x1b.toml"
        )
        judged = apply_baseline(summary, Baseline(text="", acceptances=(wild,)), TODAY)
        text = render_text(CheckedRun(summary=summary, judged=judged), View(shows_all=True))
        assert "\x1b[2J" not in text
        assert "\\x1b[2J b" in text
