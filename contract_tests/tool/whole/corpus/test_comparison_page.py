"""The comparison in the docs is of this corpus, and the README tells its totals."""

import re
from collections import Counter
from pathlib import Path

from contract_tests.benchmarks.rivals.said import Said, names_place
from contract_tests.usual import each

from opay_contract.judge.table import RULES, RULES_BY_ID, RULES_OF_A_RUN

from .planting import NOT_STATED, PURE_DRIFTS

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "tools" / "docs" / "inside" / "comparison.md"


def test_the_page_has_a_row_for_each_rule_with_the_number_of_drifts_that_are_planted() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| ([0-9]+) \| ([0-9]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    planted = Counter(drift.rule for drift in PURE_DRIFTS)
    rules = [rule.id for rule in RULES if rule not in RULES_OF_A_RUN and rule.id not in NOT_STATED]
    assert rows == [(rule, str(planted[rule]), str(planted[rule])) for rule in rules]


def test_the_readme_tells_the_totals_of_the_page() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = re.search(r"^\| found at its place \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    planted, ours, redocly, openapi_core, schemathesis = found[1].split(" | ")
    assert (
        f"Of {planted} drifts planted in recorded traffic it finds {ours} at their place, "
        f"openapi-core {openapi_core}, Redocly's `drift` {redocly} and schemathesis' "
        f"`validate_response` {schemathesis};"
    ) in readme


@each(
    ("rule", "pointer", "place", "words", "expected"),
    [
        ("field-null", "/data/cardTokens/*/brand", "/data/cardTokens/1/brand", "", True),
        ("field-null", "/data/cardTokens/*/brand", "/data/cardTokens/1", "", False),
        ("field-missing", "/data/cardTokens/*/brand", "/data/cardTokens/1", "'brand' is required", True),
        ("field-missing", "/data/cardTokens/*/brand", "", "'brand' is required", False),
        ("response-field-undocumented", "/data/note", "/data", "", True),
        ("status-undocumented", "502", "", "any remark", True),
    ],
)
def test_a_remark_is_at_a_place_in_the_reader_s_favour(
    rule: str, pointer: str, place: str, words: str, *, expected: bool
) -> None:
    said = Said(exchange=1, place=place, words=words)
    assert names_place(RULES_BY_ID[rule], pointer, said) is expected
