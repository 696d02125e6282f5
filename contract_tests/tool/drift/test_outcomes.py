"""How the calls of a run ended is counted, however they are read, and a run without a success says so."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.fold import Fold
from opay_contract.drift.insight import draw_insight
from opay_contract.drift.saving import findings_seen_in
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.observation import MAX_VALUES
from opay_contract.model.summary import MAX_DETAILS, NOT_NAMED, DriftSummary, Signatures, merge
from opay_contract.recordings.inputs import Source
from opay_contract.signing.signer import sign

CASES = Path(__file__).parents[2] / "tool" / "judge" / "cases"
LEDGER = Path(__file__).parents[2] / "tool" / "whole" / "contracts" / "ledger"
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
THREE_LETTERS = "string of 3 characters, letters"
HERE = Source(ordinal=0, name="-", path=None)

Line = dict[str, Any]


def case(rule: str, name: str) -> list[Line]:
    return [json.loads(line) for line in (CASES / rule / f"{name}.ndjson").read_bytes().splitlines()]


BY_CUSTOMER, REFUSED, _, BY_TOKEN = case("form-never-succeeded", "clean")


def refusal(code: Any) -> Line:
    line = deepcopy(REFUSED)
    line["response"]["body"]["code"] = code
    return line


def answered(status: int) -> Line:
    line = deepcopy(REFUSED)
    line["response"] |= {"status": status, "body": {"oops": True}}
    return line


def fold(
    lines: list[Line], contract: Contract | None = None, key: str | None = None, *, has_memory: bool = True
) -> DriftSummary:
    run = Settings(started_at=1_790_000_000.0, private_key=key)
    folded = Fold(contract or load_contract(), run, has_memory=has_memory)
    encoded = [json.dumps(line).encode() for line in lines]
    for number, line in enumerate(encoded, 1):
        folded.add(parse_line(HERE.place(number, number), line))
    return folded.summary()


def found(summary: DriftSummary, **how: bool) -> list[tuple[str, str, str]]:
    concluded = conclude(summary, load_contract(), **how)
    return [(one.rule.id, one.pointer, one.actual) for one in concluded.findings.values()]


@pytest.mark.parametrize("has_memory", [True, False])
def test_successes_are_counted_by_form_errors_by_code_and_the_rest_by_class(has_memory: bool) -> None:  # noqa: FBT001
    lines = [BY_CUSTOMER] * 12 + [BY_TOKEN] * 11 + [REFUSED] * 10 + [answered(503), answered(500)]
    summary = fold([*lines, answered(200), *lines], has_memory=has_memory)
    of = ("queryCardTokens", "by-customer")
    assert summary.outcomes == {
        (*of, "success", NOT_NAMED): 24,
        ("queryCardTokens", "by-token", "success", NOT_NAMED): 22,
        (*of, "business-error", "02000"): 20,
        (*of, "transport", "5xx"): 4,
        (*of, "transport", "2xx"): 1,
    }
    assert summary.successes == 46


def test_a_code_is_named_where_it_looks_like_one() -> None:
    odd = ["4111111111111111", "person@example.com", "Jane", "٠٢٠٠٠", "0" * 6, ""]
    summary = fold([refusal(code) for code in ["02000", "77777", "SYSTEM_BUSY", *odd]])
    assert {key[3]: count for key, count in summary.outcomes.items()} == {
        "02000": 1,
        "77777": 1,
        "SYSTEM_BUSY": 1,
        NOT_NAMED: len(odd),
    }


def test_of_very_many_codes_the_first_in_their_order_are_named() -> None:
    codes = [f"{number:05}" for number in range(10_000, 10_000 + MAX_DETAILS + 9)]
    whole = fold([refusal(code) for code in reversed(codes)])
    assert [key[3] for key in sorted(whole.outcomes)] == [NOT_NAMED, *codes[:MAX_DETAILS]]
    assert whole.outcomes["queryCardTokens", "by-customer", "business-error", NOT_NAMED] == 9
    halves = [fold([refusal(code) for code in half]) for half in (codes[::2], codes[1::2])]
    assert merge(*halves).outcomes == whole.outcomes


def test_where_a_contract_has_no_codes_the_status_tells_success() -> None:
    ledger = load_contract(LEDGER)
    lines = case("value-undocumented", "clean")
    summary = fold(lines, ledger)
    assert summary.successes == sum(200 <= line["response"]["status"] < 300 for line in lines) > 0


def test_signatures_of_refused_requests_are_counted_and_are_no_findings() -> None:
    signed = deepcopy(REFUSED)
    forged = deepcopy(REFUSED)
    forged["request"]["headers"]["Authorization"] = "Bearer " + "0123456789abcdef" * 8
    masked = deepcopy(REFUSED)
    masked["request"]["headers"]["Authorization"] = "[Filtered]"
    wrong = deepcopy(BY_CUSTOMER)
    wrong["request"]["headers"]["Authorization"] = "Bearer " + "0123456789abcdef" * 8
    contract = load_contract()
    assert contract.signature is not None
    body = json.dumps(signed["request"]["body"]).encode()
    signed["request"]["headers"]["Authorization"] = sign(body, KEY, contract.signature).header
    lines = [signed, forged, masked, wrong, BY_CUSTOMER, signed, forged, BY_CUSTOMER, BY_CUSTOMER]
    expected = Signatures(verified=3, failed=1, refused_verified=2, refused_failed=2)
    for has_memory in (True, False):
        summary = fold(lines, key=KEY, has_memory=has_memory)
        assert replace(summary.signatures, diagnosed=()) == expected
        assert [one.place.entry for one in summary.signatures.diagnosed] == [2, 4, 7]
        assert [key[0] for key in summary.findings] == ["signature-mismatch"]
    assert fold(lines).signatures == Signatures()


def test_a_signature_is_verified_over_the_body_as_the_judge_has_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("opay_contract.signing.signer.parse_json")
    for has_memory in (True, False):
        summary = fold([BY_CUSTOMER, BY_TOKEN, BY_CUSTOMER], key=KEY, has_memory=has_memory)
        assert summary.signatures == Signatures(verified=3)


def test_a_run_without_a_success_has_one_finding_and_one_success_takes_it_away() -> None:
    assert found(fold([REFUSED] * 3 + [answered(503)]))[-1] == (
        "nothing-succeeded",
        "",
        "none in 4 exchanges: 3 with code 02000, 1 with HTTP 5xx and no code",
    )
    assert found(fold([REFUSED] * 3 + [BY_CUSTOMER])) == []
    assert found(fold([REFUSED]), may_all_fail=True) == []
    assert found(DriftSummary()) == []


def test_the_parts_of_a_run_are_concluded_as_one() -> None:
    refused, succeeded = fold([REFUSED]), fold([BY_CUSTOMER])
    assert found(refused)
    assert found(merge(refused, succeeded)) == []


def test_a_form_without_a_success_is_named_where_another_has_one() -> None:
    by_token = deepcopy(BY_TOKEN)
    by_token["response"]["body"] = REFUSED["response"]["body"]
    assert found(fold([BY_CUSTOMER, REFUSED, by_token])) == [
        ("form-never-succeeded", "by-token", "none in 1 exchange: 1 with code 02000")
    ]
    assert found(fold([REFUSED, by_token]))[0][0] == "nothing-succeeded"
    assert found(fold([BY_CUSTOMER, BY_TOKEN, by_token])) == []


def test_questions_get_no_verdict_where_nothing_succeeded() -> None:
    contract = load_contract()
    refused = fold([REFUSED] * 200)
    answers = draw_insight(refused, contract).answers
    assert any(answer.observations for answer in answers)
    assert not any(answer.verdict for answer in answers)
    both = draw_insight(merge(refused, fold([BY_CUSTOMER])), contract).answers
    assert any(answer.verdict for answer in both)


def test_a_summary_that_does_not_know_how_all_ended_says_nothing_of_it() -> None:
    assert not DriftSummary(exchanges=2, outcomes={("call", "", "transport", "5xx"): 1}).is_vacuous


def test_each_code_outside_the_catalogue_is_a_finding_of_its_own() -> None:
    about = ("code-undocumented", "queryCardTokens", "business-error", "/code")
    for has_memory in (True, False):
        summary = fold(
            [refusal(code) for code in ("02009", "02009", "77777", "02009")], has_memory=has_memory
        )
        assert {key: (one.count, one.pointer, one.actual) for key, one in summary.findings.items()} == {
            (*about, "02009"): (
                3,
                "/code",
                "02009",
            ),
            (*about, "77777"): (
                1,
                "/code",
                "77777",
            ),
        }


@each("code", ["4111111111111111", "411111", "Jane", "٠٢٠٠٩", "a@b.example", ""])
def test_a_code_that_does_not_look_like_one_is_described_under_the_fingerprint_it_always_had(
    code: str,
) -> None:
    found = [one for key, one in fold([refusal(code)]).findings.items() if key[0] == "code-undocumented"]
    assert [one.fingerprint for one in found] == ["0557d77cb3a5283f"]
    assert found[0].value == ""
    assert not code or code not in found[0].actual


def test_of_very_many_codes_so_many_are_findings_and_the_rest_is_counted() -> None:
    codes = [f"{number:05}" for number in range(10_000, 10_000 + MAX_VALUES + 9)]
    whole = fold([refusal(code) for code in codes])
    assert len(whole.findings) == MAX_VALUES
    assert whole.omitted == 9
    halves = [fold([refusal(code) for code in half]) for half in (codes[::2], codes[1::2])]
    assert merge(*halves).findings.keys() == whole.findings.keys()
    seen = findings_seen_in(whole)
    dropped = {("code-undocumented", "queryCardTokens", "business-error", "/code", code) for code in codes}
    assert not any(seen.excludes(key) for key in dropped)


def test_a_value_that_a_list_lacks_is_named_only_where_it_is_public(tmp_path: Path) -> None:
    for sensitivity, named in (("public", {"USD", "EUR"}), ("personal", {""})):
        folder = tmp_path / sensitivity
        shutil.copytree(LEDGER, folder)
        schema = folder / "schemas" / "balance.json"
        text = schema.read_text(encoding="utf-8")
        marked = text.replace('"NGN"] }', f'"NGN"], "x-sensitivity": "{sensitivity}" }}')
        assert marked != text
        schema.write_text(marked, encoding="utf-8")
        [line] = case("value-undocumented", "finding")
        lines = [deepcopy(line) for _ in range(4)]
        lines[2]["response"]["body"]["currency"] = "EUR"
        for has_memory in (True, False):
            found = fold(lines, load_contract(folder), has_memory=has_memory).findings.values()
            assert {one.value for one in found} == named
            assert sum(one.count for one in found) == 4
            assert all(one.actual == (one.value or THREE_LETTERS) for one in found)
