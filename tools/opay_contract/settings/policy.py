"""Which rules count, and how much: what `select`, `ignore` and `severity` make of findings."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.errors import UsageError
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, NOTHING_SUCCEEDED
from opay_contract.model.finding import Finding, Key, Rule, Severity
from opay_contract.model.insight import Insight
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.words import count, did_you_mean

ALWAYS = {
    CARD_NUMBER_EXPOSED.id: "a recording with card numbers is card data, whoever looks at it",
    NOTHING_SUCCEEDED.id: "`--require-success 0` says that a run without a success is meant",
}
"""Rules that always count, at their own severity, and why."""

_BY_ID = {rule.id: rule for rule in EVERY_RULE}
RULE_NAMES = tuple(_BY_ID)


def _name(text: str) -> str:
    return text.replace(" ", "-")


GROUPS: dict[str, frozenset[str]] = {
    name: frozenset(rule.id for rule in EVERY_RULE if name in (rule.kind.value, _name(rule.area.value)))
    for rule in EVERY_RULE
    for name in (rule.kind.value, _name(rule.area.value))
}
"""The kinds and areas of rules, each with the ids of its rules."""


def expand_rules(names: Iterable[str]) -> frozenset[str]:
    """Return the ids that rules, kinds and areas stand for; raises UsageError at one that is none of them."""
    found: set[str] = set()
    for name in names:
        if name not in _BY_ID and name not in GROUPS:
            hint = did_you_mean(name, [*_BY_ID, *GROUPS]) or "`opay-contract rules` lists them"
            raise UsageError(f"unknown rule '{name}'; {hint}")
        found |= GROUPS.get(name, {name})
    return frozenset(found)


def parse_severity(text: str) -> Severity:
    """Return the severity of a name; raises UsageError where it is none."""
    for severity in Severity:
        if severity.label == text:
            return severity
    known = ", ".join(severity.label for severity in reversed(Severity))
    raise UsageError(f"unknown severity '{text}'; expected one of {known}")


class RulePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that count: those of `select`, or all where it is None, without those of `ignore`.

    What is ignored is ignored, selected or not. `severity` has the rules that weigh more or less than usual.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=dict)

    def rule(self, rule: Rule) -> Rule | None:
        """Return a rule as it counts here, or None where it does not."""
        if rule.id in ALWAYS:
            return rule
        if rule.id in self.ignore or (self.select is not None and rule.id not in self.select):
            return None
        severity = self.severity.get(rule.id, rule.severity)
        return rule if severity is rule.severity else replace(rule, severity=severity)

    def findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings that count, each as grave as it does."""
        return tuple(
            replace(finding, rule=rule)
            for finding in findings
            if (rule := self.rule(finding.rule)) is not None
        )

    def summary(self, summary: DriftSummary) -> DriftSummary:
        """Return a summary with the findings that count.

        What a summary did not keep beyond its cap is of unknown rules, and goes on counting.
        """
        if self == RulePolicy():
            return summary
        occurrences, kept = Counter(summary.occurrences), dict[Key, FoldedFinding]()
        for key, folded in summary.findings.items():
            occurrences[folded.finding.rule.severity] -= folded.count
            if (rule := self.rule(folded.finding.rule)) is not None:
                occurrences[rule.severity] += folded.count
                kept[key] = replace(folded, finding=replace(folded.finding, rule=rule))
        return replace(
            summary,
            findings=kept,
            occurrences={severity: number for severity, number in occurrences.items() if number},
        )

    def left_out(self, summary: DriftSummary) -> dict[str, int]:
        """Return how many findings of each rule do not count, the most first."""
        found = Counter(folded.finding.rule.id for folded in summary.findings.values())
        return {id_: number for id_, number in found.most_common() if self.rule(_BY_ID[id_]) is None}

    def describe_left_out(self, summary: DriftSummary) -> str:
        """Return in a sentence what was found and does not count, so that less is not taken for nothing."""
        left_out = self.left_out(summary)
        by_rule = ", ".join(f"{rule} {number:,}" for rule, number in left_out.items())
        findings = count(sum(left_out.values()), "finding")
        return f"{findings} left out by --select or --ignore ({by_rule})." if left_out else ""

    def insight(self, insight: Insight, summary: DriftSummary) -> Insight:
        """Return what observations say without the gaps of rules that do not count, and what is left out."""
        gaps = tuple(gap for gap in insight.gaps if self.rule(gap.rule) is not None)
        said = self.describe_left_out(summary)
        return replace(insight, gaps=gaps, limits=(*insight.limits, *([said] if said else [])))


def build_policy(
    select: Iterable[str] = (), ignore: Iterable[str] = (), severity: Mapping[str, Severity] | None = None
) -> RulePolicy:
    """Return the policy of names as they are written; raises UsageError at an unknown or a fixed rule."""
    selected, left_out = tuple(select), tuple(ignore)
    for name in (*left_out, *(severity or {})):
        if name in ALWAYS:
            raise UsageError(f"'{name}' always counts: {ALWAYS[name]}")
    levels: dict[str, Severity] = {}
    for name, level in sorted((severity or {}).items(), key=lambda one: one[0] in _BY_ID):
        levels |= dict.fromkeys(expand_rules([name]), level)  # what is said of a rule itself comes last
    return RulePolicy(
        select=expand_rules(selected) if selected else None,
        ignore=expand_rules(left_out),
        severity={id_: level for id_, level in levels.items() if id_ not in ALWAYS},
    )
