"""A run in which nothing succeeded is never "no drift", in any format; `--require-success` is the gate."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from contract_tests.tool.running import published_schema

from opay_contract.cli.main import cli

KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
CASES = Path(__file__).parents[2] / "tool" / "judge" / "cases"
SUCCESS, REFUSED = (
    (CASES / "nothing-succeeded" / "clean.ndjson").read_text(encoding="utf-8").splitlines()[::-3]
)
FORGED = {**json.loads(REFUSED)}
FORGED["request"]["headers"]["Authorization"] = "Bearer " + "0123456789abcdef" * 8

SAID = "None of the 20 exchanges succeeded (20 with code 02000): nothing about `data` was checked"
MISTAKE = "made in a way that is not known"
ADVICE = "the key is another one, or the body was changed after it was signed"
UNSIGNED = (
    "with the key given, 20 of 20 signatures do not verify; of the first 8 that do not, "
    f"8 are {MISTAKE} ({ADVICE})."
)

Check = Callable[..., Result]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    return write(tmp_path / "refused.ndjson", *[json.dumps(FORGED)] * 20)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return write(tmp_path / "mixed.ndjson", SUCCESS, REFUSED)


def run(*arguments: Any, key: str | None = None) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], env={"OPAY_PRIVATE_KEY": key})


def told(recording: Path, format_: str, *more: str) -> str:
    return run("check", recording, "--format", format_, *more, key=KEY).output


def test_the_last_line_says_that_nothing_succeeded_and_what_was_not_checked(refused: Path) -> None:
    done = run("check", refused, key=KEY)
    assert done.exit_code == 1
    assert done.output.splitlines()[-2] == f"opay-contract: {SAID}; {UNSIGNED}"
    assert run("check", refused).output.splitlines()[-2] == f"opay-contract: {SAID}."


def test_a_single_refusal_is_told_as_one(tmp_path: Path) -> None:
    done = run("check", write(tmp_path / "one.ndjson", REFUSED))
    assert done.exit_code == 1
    said = "The exchange did not succeed (1 with code 02000): nothing about `data` was checked."
    assert f"opay-contract: {said}\n" in done.output


def test_every_format_has_the_finding_and_what_was_not_checked(refused: Path, tmp_path: Path) -> None:
    formats = ("text", "json", "junit", "sarif", "github", "markdown", "html")
    run("check", refused, *(f"--format={name}={tmp_path / name}" for name in formats), key=KEY)
    for name in formats:
        said = (tmp_path / name).read_text(encoding="utf-8")
        assert "nothing-succeeded" in said, name
        assert "no drift" not in said, name
        if name != "json":
            assert "20 with code 02000" in said, name
            assert "20 of 20 signatures do not verify" in said, name


def test_the_json_report_counts_outcomes_and_signatures(refused: Path) -> None:
    report = json.loads(told(refused, "json", "--require-success", "0"))
    assert report["findings"] == []
    assert report["summary"]["outcomes"] == {
        "successes": 0,
        "by_form": [],
        "business_errors": 20,
        "by_code": [{"code": "02000", "count": 20}],
        "transport": 0,
        "by_status": [],
    }
    assert report["summary"]["signatures"] == {
        "verified": 0,
        "failed": 0,
        "refused": {"verified": 0, "failed": 20},
        "mistakes": [{"mistake": MISTAKE, "advice": ADVICE, "count": 8}],
    }
    assert report["summary"]["required_successes"] == 0
    assert (
        published_schema("report/report-v1.schema.json")["properties"]["summary"]["properties"].keys()
        >= report["summary"].keys()
    )


def test_no_rule_passes_a_test_case_where_nothing_succeeded(refused: Path, mixed: Path) -> None:
    assert 'classname="opay-contract.rules"' not in told(refused, "junit")
    assert 'classname="opay-contract.rules"' in told(mixed, "junit")


@pytest.mark.parametrize("format_", ["text", "github", "markdown", "html"])
def test_where_it_is_meant_the_run_passes_and_still_does_not_say_no_drift(
    format_: str, refused: Path
) -> None:
    done = run("check", refused, "--require-success", "0", "--format", format_)
    assert done.exit_code == 0
    assert "no drift" not in done.output
    assert "None of the 20 exchanges succeeded" in done.output


def test_a_gate_holds_from_the_number_on_that_it_names(mixed: Path) -> None:
    assert run("check", mixed, "--require-success", "1").exit_code == 0
    short = run("check", mixed, "--require-success", "2")
    assert short.exit_code == 1
    assert "FAILED  Too few successes: 1 of the 2 that --require-success asks for (1 success)" in short.output
    assert run("check", mixed, mixed.parent, "--require-success", "-1").exit_code == 2


def test_a_gate_counts_over_the_whole_run(mixed: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.ndjson", SUCCESS)
    for jobs, asked, code in (("1", "2", 0), ("1", "3", 1), ("2", "2", 0)):
        done = run("check", mixed, other, "--require-success", asked, "--jobs", jobs)
        assert done.exit_code == code


@pytest.mark.parametrize("format_", ["junit", "sarif", "github", "markdown", "html"])
def test_every_format_says_that_a_gate_does_not_hold(format_: str, mixed: Path) -> None:
    said = told(mixed, format_, "--require-success", "2")
    assert "Too few successes: 1 of the 2 that --require-success asks for." in said
    assert "Too few successes" not in told(mixed, format_, "--require-success", "1")


def test_a_baseline_accepts_the_finding_and_no_gate(refused: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.toml"
    expires = datetime.now(UTC).date() + timedelta(days=90)
    said = ("--reason", "refusals on purpose", "--expires", expires, "--by", "tests")
    added = run("baseline", "add", baseline, refused, "--fingerprint", "9fc5d0d649828d40", *said)
    assert added.exit_code == 0, added.output
    accepted = run("check", refused, "--baseline", baseline)
    assert accepted.exit_code == 0
    assert accepted.output.splitlines()[-2] == f"opay-contract: {SAID}."
    assert run("check", refused, "--baseline", baseline, "--require-success", "1").exit_code == 1


def test_saved_summaries_are_judged_as_one_run_and_keep_no_verdict(
    refused: Path, mixed: Path, tmp_path: Path
) -> None:
    saved = [tmp_path / "red.json", tmp_path / "green.json"]
    for recording, summary in zip((refused, mixed), saved, strict=True):
        run("check", recording, "--save-summary", summary, key=KEY)
    alone = run("merge", saved[0])
    assert alone.exit_code == 1
    assert f"opay-contract: {SAID}; {UNSIGNED}" in alone.output.splitlines()
    both = run("merge", *saved)
    assert both.exit_code == 0
    assert "nothing-succeeded" not in both.output
    assert run("merge", *saved, "--require-success", "2").exit_code == 1


def test_a_comparison_finds_that_nothing_succeeds_any_more(refused: Path, mixed: Path) -> None:
    worse = run("compare", mixed, refused)
    assert worse.exit_code == 1
    assert "nothing-succeeded" in worse.output
    assert "20 exchanges, none of which succeeded" in worse.output
    assert run("compare", refused, mixed).exit_code == 0


def test_nothing_checked_stays_nothing_checked_whatever_has_to_succeed(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty.har", json.dumps({"log": {"version": "1.2", "entries": []}}))
    for number in ("0", "1"):
        assert run("check", empty, "--require-success", number).exit_code == 3
