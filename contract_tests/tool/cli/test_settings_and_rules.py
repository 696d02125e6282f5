"""Settings hold where the command line says nothing; rules are selected, ignored, weighed and counted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from contract_tests.tool.running import Completed

from opay_contract.cli.main import COMMANDS, cli
from opay_contract.settings import KEYS

Run = Callable[..., Completed]
Settle = Callable[[str], Path]


@pytest.fixture
def settle(tmp_path: Path) -> Settle:
    """Return a function that writes the settings of the folder that the command runs in."""

    def write(text: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(f"[tool.opay-contract]\n{text}\n", encoding="utf-8")
        return tmp_path

    return write


def rules_of(done: Completed) -> set[str]:
    return {finding["rule"] for finding in json.loads(done.stdout)["findings"]}


def test_an_option_of_the_command_line_wins_over_the_settings(
    run: Run, settle: Settle, repository: Path
) -> None:
    clean = repository / "contract_tests/recordings/clean/requests.ndjson"
    settle('format = "json"\nfail-on = "info"\nseverity.form-never-succeeded = "info"')
    done = run("check", clean)
    assert json.loads(done.stdout)["summary"]["exchanges_checked"] == 13
    assert run("check", clean, "--format", "text").stdout.startswith("OPay Token Info By User")
    settle('fail-on = "warning"')
    assert run("merge", "none.json").returncode == 2
    settle('contract = "nowhere"')
    assert "nowhere" in run("check", clean).stderr
    assert run("check", clean, "--config", "/dev/null").returncode == 0
    assert run("check", clean, "--contract", repository).returncode == 0
    assert run("spec", repository).returncode == 0
    assert run("spec", "--export", "mine").returncode == 0


def test_a_key_is_of_no_option_but_its_own(run: Run, settle: Settle, repository: Path) -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for option in command.params:
            key = next((key for key in KEYS if key.parameter == option.name), None)
            assert key is None or key.option in option.opts, (name, option.name)
    settle('format = ["json"]')
    clean = repository / "contract_tests/recordings/clean/requests.ndjson"
    assert run("compare", clean, clean).returncode == 0


def test_an_output_is_written_beside_the_reports_that_are_settled(
    run: Run, settle: Settle, repository: Path
) -> None:
    clean = repository / "contract_tests/recordings/clean/requests.ndjson"
    folder = settle('format = "html=drift.html"')
    assert run("check", clean, "--output", "drift.txt").returncode == 0
    assert {"drift.html", "drift.txt"} <= {path.name for path in folder.iterdir()}
    both = run("check", clean, "--format", "html=a.html", "--output", "b")
    assert "each --format names its own" in both.stderr


def test_levels_of_the_command_line_are_added_to_those_of_the_settings(
    run: Run, settle: Settle, drifted: Path
) -> None:
    settle('format = "json"\nseverity = { type-mismatch = "info", field-null = "info" }')
    found = json.loads(run("check", drifted, "--severity", "field-null=warning").stdout)["findings"]
    levels = {finding["rule"]: finding["severity"] for finding in found}
    assert (levels["type-mismatch"], levels["field-null"], levels["field-missing"]) == (
        "info",
        "warning",
        "error",
    )


def test_jobs_that_are_settled_do_not_keep_from_reading_standard_input(
    run: Run, settle: Settle, drifted: Path
) -> None:
    settle("jobs = 2")
    assert run("check", "-", stdin=drifted.read_bytes()).returncode == 1
    assert "leave --jobs out" in run("check", "-", "--jobs", "2", stdin=b"").stderr
    assert run("check", "-", "--jobs", "1", stdin=drifted.read_bytes()).returncode == 1


def test_what_is_selected_counts_with_card_numbers_and_what_is_left_out_is_said(
    run: Run, drifted: Path
) -> None:
    done = run("check", drifted, "--select", "type-mismatch,header", "--format", "json")
    assert rules_of(done) == {"type-mismatch", "card-number-exposed"}
    left_out = done.stderr.removeprefix("note: ").rstrip("\n")
    assert left_out.startswith("20 findings left out by --select or --ignore (")
    assert json.loads(done.stdout)["summary"]["limits"] == [left_out]
    text = run("check", drifted, "--select", "type-mismatch,header", "--format", "text").stdout
    assert "20 findings left out by --select or --ignore" in " ".join(text.split())
    done = run("check", drifted, "--ignore", "contradicted", "--ignore", "encoding", "--format", "json")
    assert "type-mismatch" not in rules_of(done)
    assert "card-number-exposed" in rules_of(done)
    assert run("check", drifted, "--ignore", "card-number-exposed").returncode == 2
    assert "is no RULE=LEVEL" in run("check", drifted, "--severity", "field-null").stderr


def test_a_run_in_which_nothing_succeeded_is_no_success_whatever_is_ignored(run: Run, tmp_path: Path) -> None:
    call = {
        "request": {
            "method": "POST",
            "url": "https://cashierapi.opaycheckout.com/api/v1/international/token/query",
            "body": {"customerId": "1"},
        },
        "response": {"status": 200, "body": {"code": "02000", "message": "Authentication failed"}},
    }
    (tmp_path / "a.ndjson").write_text(json.dumps(call) + "\n", encoding="utf-8")
    for options in (("--select", "header"), ("--ignore", "contradicted,undocumented,unobserved")):
        done = run("check", "a.ndjson", *options)
        assert done.returncode == 1
        assert "nothing-succeeded" in done.stdout


def test_statistics_count_each_rule_and_keep_the_verdict(run: Run, drifted: Path) -> None:
    done = run("check", drifted, "--statistics")
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["findings", "times", "rule"] in rows
    assert ["2", "2", "error", "answer-mismatched"] in rows
    assert ["3", "3", "warning", "response-field-undocumented"] in rows
    assert "fingerprint" not in done.stdout
    full = run("check", drifted)
    assert done.stdout.splitlines()[-1] == full.stdout.splitlines()[-1]
    refused = run("check", drifted, "--statistics", "--format", "json")
    assert (refused.returncode, "--format text" in refused.stderr) == (2, True)


def test_an_acceptance_of_a_rule_that_does_not_count_is_not_unused(
    run: Run, drifted: Path, in_a_month: str
) -> None:
    reason = ("--expires", in_a_month, "--reason", "ticket")
    assert run("baseline", "add", "known.toml", drifted, "--all-open", *reason).returncode == 1
    done = run("check", drifted, "--baseline", "known.toml", "--ignore", "type-mismatch")
    assert "unused" not in done.stdout
    assert done.returncode == 1
    assert "card-number-exposed" in done.stdout


def test_all_that_is_open_is_accepted_but_card_numbers(run: Run, drifted: Path, in_a_month: str) -> None:
    reason = ("--expires", in_a_month, "--reason", "ticket 12")
    done = run("baseline", "add", "known.toml", drifted, "--all-open", *reason)
    assert done.returncode == 1
    assert done.stdout.endswith("\n21 findings accepted.\n")
    assert done.stderr.startswith(
        "not accepted: /data/cardTokens/*/cardNumber: card-number-exposed can never"
    )
    report = json.loads(run("check", drifted, "--baseline", "known.toml", "--format", "json").stdout)
    assert {one["rule"] for one in report["findings"] if one["state"] == "open"} == {"card-number-exposed"}
    again = run("baseline", "add", "known.toml", drifted, "--all-open", *reason)
    assert again.stdout == "0 findings accepted.\n"


def test_what_is_ignored_by_the_settings_is_not_accepted_either(
    run: Run, settle: Settle, drifted: Path, in_a_month: str
) -> None:
    settle('ignore = ["contradicted", "encoding"]')
    reason = ("--expires", in_a_month, "--reason", "ticket 12")
    done = run("baseline", "add", "known.toml", drifted, "--all-open", *reason)
    assert "type-mismatch" not in done.stdout
    assert "code-undocumented" in done.stdout


def test_reason_and_day_are_required_for_all_and_for_one(run: Run, drifted: Path, in_a_month: str) -> None:
    for options in (("--all-open", "--reason", "x"), ("--all-open", "--expires", in_a_month)):
        assert run("baseline", "add", "known.toml", drifted, *options).returncode == 2
    both = ("--all-open", "--fingerprint", "0" * 16, "--reason", "x", "--expires", in_a_month)
    assert "one of the two" in run("baseline", "add", "known.toml", drifted, *both).stderr
    assert "one of the two" in run("baseline", "add", "known.toml", drifted, *both[3:]).stderr


def test_nothing_checked_accepts_nothing_and_says_so(run: Run, tmp_path: Path, in_a_month: str) -> None:
    (tmp_path / "empty.ndjson").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for path, code in (("folder", 3), ("empty.ndjson", 4)):
        asked = ("baseline", "add", "known.toml", path, "--all-open", "--expires", in_a_month)
        done = run(*asked, "--reason", "x")
        assert (done.returncode, done.stdout) == (code, "0 findings accepted.\n")
    assert not (tmp_path / "known.toml").exists()


def test_settings_are_shown_with_where_they_come_from(run: Run, settle: Settle) -> None:
    folder = settle('base-url = "https://me:secret@gw.example"\nignore = ["header"]')
    lines = run("settings").stdout.splitlines()
    assert lines[0] == "pyproject.toml [tool.opay-contract]"
    shown = {line.split("  ")[0]: line for line in lines[2:]}
    assert shown["base-url"].split() == ["base-url", "https://***@gw.example", "pyproject.toml:2"]
    assert shown["ignore"].split() == ["ignore", "header", "pyproject.toml:3"]
    assert shown["jobs"].split() == ["jobs", "1", "default"]
    assert len(shown) == 10
    below = run("settings", "--format", "json", cwd=_made(folder / "deep" / "er"))
    found = json.loads(below.stdout)
    assert found["file"] == str(folder / "pyproject.toml")
    assert found["settings"]["ignore"] == {"value": ["header"], "line": 3}
    assert found["settings"]["base-url"]["value"] == ["https://***@gw.example"]
    assert run("settings", "--config", "/dev/null").stdout.startswith("/dev/null\n")


def test_help_needs_no_sound_settings_and_every_other_run_does(run: Run, settle: Settle) -> None:
    settle("jbs = 2")
    said = "error: pyproject.toml:2: unknown key 'jbs' in [tool.opay-contract]; did you mean 'jobs'?\n"
    for arguments in (("check", "x"), ("settings",), ("spec",), ("compare", "a", "b"), ("sign", "{}")):
        assert (run(*arguments).returncode, run(*arguments).stderr) == (2, said)
    assert run("check", "--help").returncode == 0
    assert run("--help").returncode == 0


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_window_has_time_in_it_and_an_acceptance_a_day(run: Run, drifted: Path) -> None:
    day = "2026-11-23"
    assert run("check", drifted, "--since", day, "--until", day).returncode == 1
    assert "nothing lies between" in run("check", drifted, "--since", "2026-11-24", "--until", day).stderr
    today = datetime.now(UTC).date()
    add = ("baseline", "add", "known.toml", drifted, "--all-open", "--reason", "x", "--expires")
    assert "is past" in run(*add, str(today - timedelta(days=1))).stderr
    assert "21 findings accepted." in run(*add, str(today)).stdout
