"""What recordings say stands at each statement of the reference, and nothing private does."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from contract_tests.tool.docs.conftest import gather, summary_of
from contract_tests.tool.docs.test_reference import LEDGER, row
from contract_tests.tool.drift.conftest import by_customer, by_token, exchange, refused
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from opay_contract.cli.contract import docs
from opay_contract.contract.loading import load_contract
from opay_contract.docs.building import build_reference
from opay_contract.docs.evidence import RunEvidence, build_evidence, latest_day
from opay_contract.docs.outputs import MARKDOWN, PAGE, build_outputs, describe_verification, render_markdown
from opay_contract.drift.insight import draw_insight
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.observation import EARLIER, UNDATED
from opay_contract.model.summary import DriftSummary

GOLDEN = Path(__file__).parent / "golden" / "evidence.md"
CONTRACT = load_contract()


SAYS = re.compile(
    r"\*\*Held|seen in|never seen|No recording|Without|Codes outside|A run"
    r"|Verdict|No verdict|Nothing was|Cannot be"
)
"""How the lines begin that say something of recordings, beside tables."""


@pytest.fixture(scope="module")
def outputs(summary_file: Path) -> Mapping[str, str]:
    return build_outputs(None, gather(summary_file))


def what_recordings_say(markdown: str) -> Iterator[str]:
    """Yield the headings, and of each row what it is about and what recordings say about it."""
    for line in markdown.splitlines():
        cells = re.split(r"(?<!\\\\) \| ", line.strip("| "))
        if line.startswith("#"):
            yield line
        elif line.startswith("| ") and not line.startswith("| ---"):
            yield f"| {cells[0]} | {cells[-1]} |"
        elif SAYS.match(line):
            yield line.partition(" About ")[0]


def test_every_statement_says_what_recordings_say(summary_file: Path) -> None:
    recorded = replace(CONTRACT, operations=CONTRACT.operations[:1])
    text = render_markdown(build_reference(recorded, gather(summary_file)(recorded)))
    told = text[text.index("## Overview") : text.index("## Sensitivity")]
    without_code = re.sub(r"^```.*?^```", "", told, flags=re.DOTALL | re.MULTILINE)
    shown = "\n".join(what_recordings_say(without_code)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_the_page_says_the_same_as_the_markdown_and_colours_drift(outputs: Mapping[str, str]) -> None:
    drift = '<span class="drifted">drifted: 3 × type-mismatch (error, last on 2026-05-03)</span>'  # noqa: RUF001
    assert drift in outputs[PAGE]
    assert '<span class="clean">no drift</span>' in outputs[PAGE]
    for part in ("seen in 68 of 129 objects, last on 2026-05-03", "never seen in 136 answers"):
        assert outputs[PAGE].count(part) == outputs[MARKDOWN].count(part) > 1


def test_a_member_is_counted_with_its_form_and_in_its_case() -> None:
    text = markdown_of(
        summary_of([by_customer("2026-05-01"), by_token("2026-05-02", brand=None), refused("2026-05-03")])
    )
    by_form = {
        "Token Info By User: answer with success": ("`/data/cardTokens/*/brand`", "1 of 1 objects"),
        "Card Token Info: answer with success": ("`/data/brand`", "1 of 1 objects"),
        "Token Info By User: answer with an error": ("`/code`", "1 of 1 answers, last on 2026-05-03"),
    }
    for title, (member, seen) in by_form.items():
        assert f"seen in {seen}" in row(text, member, after=f"### {title}")


def test_a_finding_belongs_to_the_form_whose_schemas_it_names() -> None:
    without_data = exchange(
        "2026-05-01", {"customerId": "121111113"}, {"code": "00000", "message": "SUCCESSFUL"}
    )
    text = markdown_of(summary_of([without_data, by_token("2026-05-01")]))
    by_customer_form, by_token_form = text.split("\n## Card Token Info\n")
    assert "success-without-data" not in by_token_form.partition("## Headers")[0]
    assert "success-without-data" in by_customer_form


def test_another_api_without_forms_and_codes_has_evidence_too() -> None:
    contract = load_contract(LEDGER)
    url = "https://ledger.example/v2/accounts/7/balance"
    line = {
        "request": {"method": "GET", "url": url},
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json"},
            "body": {"currency": "XYZ"},
        },
    }
    summary = summary_of([line], contract)
    text = build_outputs(LEDGER, lambda contract: build_evidence(summary, draw_insight, contract))[MARKDOWN]
    assert "| `200` | The balance. | – | seen in 1 of 1 answers, on no recorded day;" in text  # noqa: RUF001
    assert re.search(r"\| `/currency` .* seen in 1 of 1 answers, on no recorded day; string", text)
    assert "XYZ" not in text


def test_a_value_of_a_field_that_is_not_public_never_appears(contract_dir: Path, summary_file: Path) -> None:
    assert "MEEZA" in build_outputs(contract_dir, gather(summary_file))[MARKDOWN]
    card = contract_dir / "schemas" / "card-token.json"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace('"x-sensitivity": "public"', '"x-sensitivity": "card"'), encoding="utf-8")
    for output in build_outputs(contract_dir, gather(summary_file)).values():
        assert "MEEZA" not in output
        assert "1700000000" not in output


def test_a_value_that_somebody_wrote_into_a_summary_never_appears(tmp_path: Path, summary_file: Path) -> None:
    saved = json.loads(summary_file.read_text(encoding="utf-8"))
    for *_, place, observed in saved["observations"]:
        if not place.endswith(("/code", "/message", "/brand", "/createTimestamp", "/content-type")):
            observed |= {"values": {"SECRETVALUE": 3, "4242": 5}, "numbers": [918273, 434343]}
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    for output in build_outputs(None, gather(path)).values():
        assert not [value for value in ("SECRETVALUE", "“4242”", "918273", "434343") if value in output]


@each(
    ("changes", "said"),
    [
        ({"is_partial": True}, "The run was interrupted."),
        ({"out_of_window": 7}, "7 more were outside the time that was asked for, or had no time."),
        ({"unreadable_count": 1}, "1 more could not be read."),
        ({"exchanges": 1}, "**Held against 1 recorded exchange** of"),
    ],
)
def test_the_overview_says_what_the_evidence_lacks(changes: dict[str, Any], said: str) -> None:
    summary = replace(summary_of([by_customer("2026-05-01")]), **changes)
    assert said in describe_verification(evidence_of(summary))


@each(
    ("days", "said"),
    [
        ({"2026-05-01": 1}, " of 2026-05-01 (UTC)."),
        ({"2026-05-03": 1, "2026-05-01": 2, "": 1}, " of 2026-05-01 to 2026-05-03 (UTC), 1 of them without"),
        ({"earlier": 9, "2026-05-01": 1}, " of days before 2026-05-01 to 2026-05-01 (UTC)."),
        ({"": 4}, " without a recorded time."),
    ],
)
def test_the_overview_says_over_which_days_the_evidence_goes(days: dict[str, int], said: str) -> None:
    summary = summary_of([by_customer("2026-05-01")])
    location = ("queryCardTokens", "by-customer", "success", "")
    observed = replace(summary.observations[location], types={"exchange": days})
    changed = replace(summary, observations={**summary.observations, location: observed})
    assert said in describe_verification(evidence_of(changed))


def test_caps_that_bit_are_told_and_no_drift_is_not_claimed_beyond_them() -> None:
    summary = summary_of(
        [by_customer("2026-05-01", brand=f"{a}{b}") for a in "ABCDEFGHI" for b in "ABCDEFGH"]
    )
    cut = replace(summary, occurrences={Severity.ERROR: 12})
    text = markdown_of(cut)
    assert "Of this run that was not enough: More than 64 values, none kept:" in text
    assert "12 occurrences of findings beyond the cap are not shown." in text
    brand = next(line for line in text.splitlines() if line.startswith("| `/data/cardTokens/*/brand` "))
    assert brand.endswith("too many different values to name; no drift among the findings that were kept |")


def test_of_a_public_field_five_values_are_named_and_the_sixth_is_counted() -> None:
    brands = ("VISA", "VISA", "AMEX", "JCB", "MADA", "MEEZA", "VERVE")
    text = markdown_of(summary_of([by_customer("2026-05-01", brand=brand) for brand in brands]))
    brand = row(text, "`/data/cardTokens/*/brand`")
    assert "“VISA” 2, “AMEX” 1, “JCB” 1, “MADA” 1, “MEEZA” 1, other values 1;" in brand


def test_a_finding_about_a_request_does_not_stand_at_the_answers_member_of_that_name(
    contract_dir: Path,
) -> None:
    envelope = contract_dir / "schemas" / "envelope.json"
    text = envelope.read_text(encoding="utf-8")
    added = '"properties": { "customerId": { "$ref": "customer-id.json" },'
    envelope.write_text(text.replace('"properties": {', added, 1), encoding="utf-8")
    contract = load_contract(contract_dir)
    asked = by_customer("2026-05-01")
    asked["request"]["body"], asked["response"]["body"]["customerId"] = {"customerId": 1}, "1"
    summary = summary_of([asked], contract)
    evidence = build_evidence(summary, draw_insight, contract)
    said = render_markdown(build_reference(contract, evidence))
    assert "request-field-invalid" in row(said, "`/customerId`", after="User: request")
    assert row(said, "`/customerId`", after="answer with success").endswith("; no drift |")


def test_days_that_are_not_told_apart_are_no_last_day() -> None:
    assert latest_day({EARLIER: 3}) == UNDATED
    assert latest_day({EARLIER: 3, "2026-05-01": 1, "2026-05-02": 1}) == "2026-05-02"


NO_SUMMARY = [
    ("", "not JSON"),
    ("{", "not JSON"),
    ("[]", "no saved summary"),
    ('{"schema_version": 1, "findings": []}', "no saved summary"),
    ('{"format": "opay-contract summary", "version": 99}', "another version"),
    ('{"format": "opay-contract summary", "version": 1}', "damaged"),
]


@pytest.mark.parametrize(("text", "reason"), NO_SUMMARY)
def test_what_is_no_summary_is_refused_with_the_way_to_one(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(docs, ["--output", str(tmp_path / "out"), "--evidence", str(path)])
    assert isinstance(result.exception, UsageError)
    assert re.match(
        rf"{re.escape(str(path))}: .*{reason}.*(--save-summary FILE|check the recordings)",
        str(result.exception),
    )
    assert not (tmp_path / "out").exists()


def test_a_run_that_checked_nothing_of_this_contract_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "nothing.json"
    path.write_bytes(summary_to_json(DriftSummary(exchanges=3)))
    result = CliRunner().invoke(docs, ["--output", str(tmp_path / "out"), "--evidence", str(path)])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(f"{path}: the run has no exchange that calls an operation")


HOSTILE = [
    "",
    "<script>alert(1)</script>",
    "\x1b[31m",
    "2026-99-99",
    "earlier",
    "-1",
    "²",
    "٣",
    "/",
    "~2",
    "*",
]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, [], {}, [[]], 0, -5, 2**80, 1.5, *HOSTILE, {"": 1}, {"2026-05-01": 5}, [-1, 1], ["a", "b"]]
)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(data=st.data())
def test_a_damaged_summary_is_refused_or_shown_but_never_a_crash(data: st.DataObject) -> None:
    value: Any = json.loads(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(value, data)
    with suppress(UsageError):
        evidence = evidence_of(summary_from_json(json.dumps(value).encode()))
        page = render_markdown(build_reference(CONTRACT, evidence))
        assert not [token for token in MarkdownIt().parse(page) if "html" in token.type]
        assert "\x1b" not in page


def spoil(value: Any, data: st.DataObject) -> None:
    """Change a name or a value somewhere in a parsed JSON value."""
    while isinstance(value, dict | list) and value:
        key = data.draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        if isinstance(value, dict) and data.draw(st.integers(0, 19)) == 0:
            value[data.draw(st.sampled_from(HOSTILE))] = value.pop(key)
            return
        if not isinstance(value[key], dict | list) or data.draw(st.integers(0, 19)) == 0:
            value[key] = deepcopy(data.draw(ODD))
            return
        value = value[key]


def evidence_of(summary: DriftSummary) -> RunEvidence:
    return build_evidence(summary, draw_insight, CONTRACT)


def markdown_of(summary: DriftSummary) -> str:
    return build_outputs(None, lambda contract: build_evidence(summary, draw_insight, contract))[MARKDOWN]


SMALL = summary_to_json(summary_of([by_customer("2026-05-01"), refused("2026-05-02", "02999", "Odd.")]))


def test_requests_of_no_form_are_counted_apart() -> None:
    text = markdown_of(summary_of([by_token("2026-05-02"), exchange("2026-05-03", {}, {"code": "02000"})]))
    assert "Without a request that has one of these forms: seen in 1 of 2 exchanges" in text
