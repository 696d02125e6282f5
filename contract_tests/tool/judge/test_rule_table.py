"""The table of rules, its page in the docs and the command tell the same story."""

import re
from pathlib import Path

from opay_contract.cli.rules import render_markdown
from opay_contract.judge.alike import CHECKS
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.judge.table import (
    CARD_NUMBER_EXPOSED,
    METHOD_UNDOCUMENTED,
    PATH_UNDOCUMENTED,
    RULES,
    RULES_BY_ID,
    RULES_OF_A_RUN,
)

PAGE = Path(__file__).parents[3] / "tools" / "docs" / "reference" / "rules.md"


def test_ids_are_unique_and_kebab_case() -> None:
    assert len(RULES_BY_ID) == len(RULES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id) for rule in EVERY_RULE)


def test_every_rule_explains_itself_in_whole_sentences() -> None:
    assert all(len(rule.explanation) > 40 and rule.explanation.endswith(".") for rule in EVERY_RULE)


def test_the_page_of_the_docs_has_the_table_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(f"\n{render_markdown(EVERY_RULE)}\n")


def test_every_rule_about_exchanges_is_found_by_one_check() -> None:
    beside = [METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED, CARD_NUMBER_EXPOSED, *RULES_OF_A_RUN]
    found = [rule.id for row in CHECKS for rule in row.rules] + [rule.id for rule in beside]
    assert sorted(found) == sorted(RULES_BY_ID)
