"""Which rules count, and how much."""

from collections.abc import Mapping

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.errors import UsageError
from opay_contract.judge.gap_table import EVERY_RULE, GAP_RULES
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Outcome, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.settings import ALWAYS, GROUPS, RulePolicy, build_policy, expand_rules

RULES = {rule.id: rule for rule in EVERY_RULE}
PLACE = Place(source=0, entry=1, file="a")


def finding(rule: str) -> Finding:
    return Finding(
        rule=RULES[rule],
        operation="query",
        outcome=Outcome.SUCCESS,
        pointer="/a",
        expected="one",
        actual="another",
        contract=None,
        place=PLACE,
        recorded_at=None,
    )


def summary_of(counts: Mapping[str, int], beyond: int = 0) -> DriftSummary:
    folded = [replace(finding(rule), count=count, last_place=PLACE) for rule, count in counts.items()]
    occurrences = {Severity.ERROR: beyond} if beyond else {}
    for one in folded:
        severity = one.rule.severity
        occurrences[severity] = occurrences.get(severity, 0) + one.count
    return DriftSummary(exchanges=9, findings={one.key: one for one in folded}, occurrences=occurrences)


def rules_of(summary: DriftSummary) -> set[str]:
    return {folded.rule.id for folded in summary.findings.values()}


FOUND = {"type-mismatch": 3, "code-undocumented": 5, "header-missing": 2, "card-number-exposed": 1}


@each(
    ("select", "ignore", "kept"),
    [
        ([], [], set(FOUND)),
        (["type-mismatch"], [], {"type-mismatch", "card-number-exposed"}),
        (["undocumented"], [], {"code-undocumented", "card-number-exposed"}),
        (["header"], [], {"header-missing", "card-number-exposed"}),
        ([], ["header", "type-mismatch"], {"code-undocumented", "card-number-exposed"}),
        (["contradicted"], ["type-mismatch"], {"header-missing", "card-number-exposed"}),
        ([], list(GROUPS), {"card-number-exposed"}),
    ],
)
def test_rules_count_by_id_kind_and_area_and_card_numbers_always(
    select: list[str], ignore: list[str], kept: set[str]
) -> None:
    policy, before = build_policy(select, ignore), summary_of(FOUND)
    after = policy.summary(before)
    assert rules_of(after) == kept
    assert sum(after.occurrences.values()) == sum(FOUND[rule] for rule in kept)
    assert policy.left_out(before) == dict.fromkeys(FOUND.keys() - kept, 1)


def test_a_severity_moves_what_was_seen_with_the_rule() -> None:
    policy = build_policy(severity={"undocumented": Severity.INFO, "type-mismatch": Severity.WARNING})
    after = policy.summary(summary_of(FOUND, beyond=7))
    assert after.occurrences == {Severity.ERROR: 8, Severity.WARNING: 5, Severity.INFO: 5}
    assert after.omitted == 7
    assert {one.rule.severity for one in policy.findings([finding("type-mismatch")])} == {Severity.WARNING}


def test_what_is_said_of_a_rule_wins_over_what_is_said_of_its_kind() -> None:
    levels = {"code-undocumented": Severity.ERROR, "undocumented": Severity.INFO}
    policy = build_policy(severity=levels)
    assert policy.severity["code-undocumented"] is Severity.ERROR
    assert policy.severity["status-undocumented"] is Severity.INFO


def test_a_policy_of_nothing_changes_nothing() -> None:
    summary = summary_of(FOUND)
    assert RulePolicy().summary(summary) is summary
    assert RulePolicy().left_out(summary) == {}


def test_names_of_rules_kinds_and_areas_are_distinct_and_every_rule_has_both() -> None:
    assert not GROUPS.keys() & RULES.keys()
    for rule in EVERY_RULE:
        assert sum(rule.id in ids for ids in GROUPS.values()) == 2, rule.id
    assert expand_rules(["unobserved"]) >= {rule.id for rule in GAP_RULES}


def test_an_unknown_name_is_refused_and_a_rule_that_always_counts_cannot_be_changed() -> None:
    with pytest.raises(UsageError, match=r"unknown rule 'heade'; did you mean 'header'\?"):
        build_policy(["heade"])
    for rule in ALWAYS:
        for given in ({"ignore": [rule]}, {"severity": {rule: Severity.INFO}}):
            with pytest.raises(UsageError, match=f"'{rule}' always counts"):
                build_policy(**given)
        assert build_policy(select=["header"]).rule(RULES[rule]) == RULES[rule]
