"""`opay-contract test`: the suite from wherever the package is installed, its end, and its files."""

import gc
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from contract_tests.tool.suite.conftest import CREDENTIALS, Staging
from hypothesis import settings

from opay_contract.cli.main import cli
from opay_contract.contract.loading import load_contract
from opay_contract.model.finding import Severity
from opay_contract.pytest_plugin.checking import summarize
from opay_contract.recordings.inputs import Source
from opay_contract.suite import plugin

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Return a function that runs the command, in a project whose settings of pytest are not to matter."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for module in (
        "test_answers",
        "test_refusals",
        "test_schemathesis",
    ):  # whose examples are counted at import
        monkeypatch.delitem(sys.modules, f"opay_contract.suite.{module}", raising=False)
    gc.freeze()  # a run of pytest ends with a collection of garbage: not of all that is here already
    before = settings.get_current_profile_name()
    yield lambda *options: CliRunner().invoke(cli, ["test", "--pace", "1000", *options])
    settings.load_profile(before)


QUICK = ("--only", "known_record or any_script or method")


def test_a_sound_target_passes_and_leaves_its_files(run: Run, staging: Staging) -> None:
    files = ("--junit", "j.xml", "--markdown", "m.md", "--record-to", "r.ndjson")
    done = run("--target", staging.url, *QUICK, *files)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"target: {staging.url} at {staging.url}; hypothesis profile 'real'"
    assert lines[2].startswith("probe: address, credentials, record, token, signature are right (")
    assert f"target: {staging.seen} of 500 requests sent" in lines
    assert re.match(r"\d passed, \d+ deselected in ", lines[-1])
    assert 'failures="0"' in Path("j.xml").read_text("utf-8")
    title, _, said, *_ = Path("m.md").read_text("utf-8").splitlines()
    assert title == f"## opay-contract test: {staging.url}"
    assert said == f"No finding; 5 of 5 tests passed, {staging.seen} requests sent."
    expect_clean_record(Path("r.ndjson"), staging.url, staging.seen)


@pytest.mark.thorough
def test_another_target_is_asked_the_same_and_what_it_answers_is_recorded_redacted(
    run: Run, staging: Staging
) -> None:
    done = run("--target", staging.url, "--budget", "400", "--record-to", "r.ndjson")
    assert done.exit_code == 0, done.output
    assert "budget: 400 requests, 1000 a second, 5 tries each; recorded to " in done.output
    assert f"target: {staging.seen} of 400 requests sent" in done.output
    expect_clean_record(Path("r.ndjson"), staging.url, staging.seen)


def expect_clean_record(record: Path, url: str, seen: int) -> None:
    text = record.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) == seen
    assert all(json.loads(line)["request"]["method"] for line in lines)
    for secret in (*CREDENTIALS.values(), "20123111111", "bf8593c1693546ea83743e4d433c5bf5"):
        assert secret not in text
    assert record.stat().st_mode & 0o077 == 0
    summary = summarize(load_contract(base_urls=(url,)), Source(ordinal=0, name=str(record), path=record))
    assert (summary.exchanges, summary.unreadable_count) == (seen, 0)
    found = list(summary.findings.values())
    errors = [(one.rule.id, one.pointer) for one in found if one.rule.severity is Severity.ERROR]
    assert not errors  # what the suite does wrong on purpose is refused, and no finding
    proved = CliRunner().invoke(cli, ["redact", "--verify", "--base-url", url, str(record)])
    assert proved.exit_code == 0, proved.output


def test_a_drift_is_one_finding_however_many_tests_it_fails(run: Run, staging: Staging) -> None:
    staging.app.handler.scenario = "field-null"
    tests = "white_space or media_type_may or method"
    done = run("--target", staging.url, "--only", tests, "--junit", "j.xml", "--markdown", "m.md")
    assert done.exit_code == 1
    assert "= 1 distinct finding =" in done.output
    assert "1. field-null: /data/cardTokens/*/brand: expected string, got null\n" in done.output
    assert "failed test_white_space_that_is_not_signed_does_not_matter and 1 other" in done.output
    assert """again: body='{"customerId": "'"$OPAY_CUSTOMER_ID"'"}'; curl -sS """ in done.output
    markdown, junit = (Path(name).read_text("utf-8") for name in ("m.md", "j.xml"))
    assert "| field-null | /data/cardTokens/*/brand: expected string, got null | test_white_space" in markdown
    assert "1 distinct finding; 2 of 4 tests passed" in markdown
    assert "rule:     field-null" in junit
    for secret in (*CREDENTIALS.values(), "20123111111", "450875"):
        assert secret not in done.output + markdown + junit
    assert not re.search("[0-9a-f]{128}", done.output + markdown + junit)


def test_a_probe_that_fails_ends_the_run_with_one_line(
    run: Run, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPAY_CUSTOMER_ID", "nobody")
    done = run("--target", staging.url, "--markdown", "m.md")
    assert done.exit_code == 2
    words = "record: the record of OPAY_CUSTOMER_ID is not known (HTTP 200, code 02001)"
    assert f"ERROR: {words}; the signature is accepted" in done.output
    assert "passed" not in done.output
    assert "Nothing was tested; record: " in Path("m.md").read_text("utf-8")
    assert staging.seen == 3


def test_the_probe_alone_says_each_thing_that_is_right(run: Run, staging: Staging) -> None:
    done = run("--target", staging.url, "--probe")
    assert done.exit_code == 0
    assert [line.partition(":")[0] for line in done.output.splitlines()] == [
        "✓ address",
        "✓ credentials",
        "✓ record",
        "✓ token",
        "✓ signature",
    ]
    assert staging.seen == 4


def test_the_probe_alone_ends_at_what_is_wrong(
    run: Run, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPAY_PRIVATE_KEY", "OPAYPRV_OF_SOMEBODY")
    done = run("--target", staging.url, "--probe")
    assert done.exit_code == 2
    assert done.output.splitlines()[1].startswith(
        "✗ credentials: the signature is refused (HTTP 200, code 02000)"
    )
    assert "OPAYPRV_OF" not in done.output


def test_the_mock_needs_no_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    assert run("--probe").exit_code == 0
    done = run("--only", "method")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("target: the mock, without a budget; ")


def test_what_was_not_asked_to_the_end_is_not_clean(run: Run, staging: Staging) -> None:
    done = run("--target", staging.url, "--budget", "7", *QUICK)
    assert done.exit_code == 4
    assert "the budget of 7 requests is used up; raise --budget" in done.output
    assert "target: 7 of 7 requests sent" in done.output
    assert staging.seen == 7


def test_no_test_is_no_success(run: Run) -> None:
    assert run("--only", "no_such_test").exit_code == 3


@pytest.mark.parametrize(
    "options",
    [
        ["--target", "sandbx"],
        ["--target", "production"],
        ["--pace", "0"],
        ["--budget", "0"],
        ["--record-to", "/no/such/folder/a"],
    ],
)
def test_options_that_make_no_sense_end_the_run(run: Run, staging: Staging, options: list[str]) -> None:
    done = run("--target", staging.url, *options)
    assert done.exit_code == 2
    assert options[0] in done.output
    assert staging.seen == 0


def test_without_an_operation_nothing_is_asked_and_a_word_with_an_at_sign_is_no_file(
    run: Run, staging: Staging, tmp_path: Path
) -> None:
    (tmp_path / "empty.yaml").write_text("openapi: 3.1.0\npaths: {}\n", encoding="utf-8")
    (tmp_path / "packed").write_bytes(b"\x1f\x8b\xff")
    for options in ([], ["--target", staging.url, "--probe"]):
        done = run("--contract", "empty.yaml", *options)
        assert "the contract has no operation" in f"{done.exception}{done.output}", options
    assert run("--only", "@packed").exit_code == 2
    assert staging.seen == 0


def test_missing_credentials_are_a_usage_error_not_a_skip(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPAY_PRIVATE_KEY")
    monkeypatch.setenv("OPAY_CUSTOMER_ID", " ")
    done = run("--target", "sandbox")
    assert done.exit_code == 2
    assert "--target sandbox needs OPAY_PRIVATE_KEY and OPAY_CUSTOMER_ID" in done.output


def test_a_target_that_goes_away_ends_the_run(
    run: Run, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "TRIES", 1)
    staging.lasts = 9
    done = run("--target", staging.url, *QUICK)
    assert done.exit_code == 4
    assert "the target is gone: no answer in " in done.output


CONTRACTS = Path(__file__).parents[1] / "whole" / "contracts"


def test_another_contract_is_asked_what_it_has_and_what_it_lacks_is_said(run: Run) -> None:
    done = run("--contract", str(CONTRACTS / "security"), "--only", "operation or request_of or signature")
    assert done.exit_code == 0, done.output
    assert "3 passed" in done.output
    assert re.search(
        r"left out: \d+ tests?, as no operation looks a record up by its body \(`x-mock`\)", done.output
    )


def test_a_run_on_the_mock_is_recorded_too(run: Run) -> None:
    done = run("--only", "white_space", "--record-to", "r.ndjson")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].endswith("; recorded to " + str(Path("r.ndjson").absolute()))
    assert len(Path("r.ndjson").read_text("utf-8").splitlines()) == 3


@pytest.mark.thorough
def test_what_schemathesis_asks_the_mock_is_recorded_too(run: Run) -> None:
    done = run("--only", "schemathesis", "--record-to", "r.ndjson")
    assert done.exit_code == 0, done.output
    assert len(Path("r.ndjson").read_text("utf-8").splitlines()) > 50


def test_a_target_on_which_no_sound_request_succeeds_is_not_clean(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, staging: Staging
) -> None:
    """A contract without signature is asked of a server that wants one: whatever is asked is refused."""
    monkeypatch.setenv("OPAY_CREDENTIAL", "x")
    path = load_contract().operations[0].path
    answers = {"200": {"content": {"application/json": {"schema": True}}}}
    root = {"openapi": "3.1.0", "paths": {path: {"put": {"responses": answers}}}}
    (tmp_path / "openapi.yaml").write_text(json.dumps(root), encoding="utf-8")
    done = run("--contract", str(tmp_path), "--target", staging.url, "--only", "sound_request")
    assert done.exit_code == 1, done.output
    assert "some sound request succeeds" in done.output
