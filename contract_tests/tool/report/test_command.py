"""`check --format`: several reports of one run, each whole or not there, and nothing recorded in any."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract_tests.tool.running import Completed, run_command

from opay_contract.report import FORMATS

Run = Callable[..., Completed]

CANARIES = {
    "customerName": "Amira Canarywood",
    "customerMobile": "+201098765432",
    "opayToken": "OPAY_TOKEN_c0ffee12c0ffee34",
    "pan": "4111111111111111",
    "lastFourDigits": 987654,
    "brand": "Canarybrand",
    "createTimestamp": "not-a-time-88442200119",
}
NEEDLES = ("amira", "canary", "1098765", "c0ffee", "411111", "987654", "884422")
DATA = Path(__file__).parents[2] / "tool" / "whole" / "acceptance" / "data"


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs `opay-contract check`."""

    def run_check(*arguments: str | Path, cwd: Path = DATA) -> Completed:
        return run_command("check", *arguments, cwd=cwd, environment={"SOURCE_DATE_EPOCH": "1790000000"})

    return run_check


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_time_that_no_date_has_is_not_that_of_the_report() -> None:
    found = {}
    for seconds in ("99999999999", "999999999999"):
        done = run_command(
            "check", "drifted", "--format", "json", cwd=DATA, environment={"SOURCE_DATE_EPOCH": seconds}
        )
        found[seconds] = "5138-" in done.stdout
        assert done.returncode == 1
    assert list(found.values()) == [True, False]


def test_one_run_writes_every_format_and_prints_one(run: Run, tmp_path: Path) -> None:
    files = [f"--format={name}={tmp_path / name}" for name in FORMATS]
    done = run("drifted", *files, "--format", "text")
    assert done.returncode == 1
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]] == [*FORMATS]
    assert done.stdout == run("drifted", "--format", "text").stdout
    assert names_in(tmp_path) == sorted(FORMATS)
    for name in FORMATS:
        written = (tmp_path / name).read_text(encoding="utf-8")
        alone = run("drifted", "--format", name)
        assert (alone.returncode, alone.stdout) == (1, written)
        assert written.endswith("\n")


def test_formats_in_files_alone_print_nothing(run: Run, tmp_path: Path) -> None:
    done = run("clean", "--format", f"sarif={tmp_path / 'drift.sarif'}")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"✓ 6 exchanges keep the contract (4 successes) · exit code 0\n  sarif: {tmp_path / 'drift.sarif'}\n"
    )
    assert names_in(tmp_path) == ["drift.sarif"]


def test_output_is_for_the_format_without_a_file(run: Run, tmp_path: Path) -> None:
    done = run(
        "drifted",
        *("--format", "markdown", "--output", tmp_path / "a.md"),
        *("--format", f"json={tmp_path / 'a.json'}"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("## opay-contract check")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["schema_version"] == 1


def test_a_file_may_have_an_equals_sign_and_a_dash_is_standard_output(run: Run, tmp_path: Path) -> None:
    done = run("clean", "--format", f"json={tmp_path / 'a=b'}", "--format", "markdown=-")
    assert done.stdout.startswith("## opay-contract check")
    assert names_in(tmp_path) == ["a=b"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "text", "--format", "json"], "give all but one of them as NAME=FILE"),
        (["--format", "json=a", "--output", "b"], "--output is for a --format without a file"),
        (["--format", "json=a", "--format", "text=./a"], "the same file"),
        (["--format", "json", "--output", "a", "--format", "text=a"], "the same file"),
        (["--format", "xml=a"], "'xml' is not one of 'text', 'concise', 'json', 'junit'"),
        (["--format", "json="], "names no file"),
    ],
)
def test_what_would_mix_or_lose_reports_is_2_and_writes_nothing(
    arguments: list[str], said: str, run: Run, tmp_path: Path
) -> None:
    done = run(DATA / "clean", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert names_in(tmp_path) == []


def test_a_report_that_cannot_be_written_leaves_no_part_and_no_other_file(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "report.html"
    old.write_text("old", encoding="utf-8")
    unwritable = f"sarif={tmp_path / 'none' / 'a'}"
    done = run("drifted", "--format", "text", "--format", unwritable, "--format", f"html={old}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: cannot write to '{tmp_path / 'none' / 'a'}'")
    assert old.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["report.html"]


def test_without_drift_the_code_is_the_same_whatever_the_format(run: Run, tmp_path: Path) -> None:
    for name in FORMATS:
        assert run("clean", "--format", name).returncode == 0
        assert run(tmp_path, "--format", name).returncode == 3


def test_junit_follows_fail_on(run: Run) -> None:
    assert 'failures="14" errors="5" skipped="8"' in run("drifted", "--format", "junit").stdout
    assert (
        'failures="22" errors="5" skipped="0"'
        in run("drifted", "--format", "junit", "--fail-on", "info").stdout
    )


def test_every_format_counts_what_a_baseline_accepts(run: Run, tmp_path: Path) -> None:
    baseline, day = tmp_path / "baseline.toml", datetime.now(UTC).date() + timedelta(days=9)
    report = tmp_path / "report.json"
    run("drifted", "--format", "json", "--output", report)
    finding = json.loads(report.read_text(encoding="utf-8"))["findings"][-1]
    members = {key: finding[key] or "" for key in ("fingerprint", "rule", "operation", "outcome", "pointer")}
    members |= {"reason": "ticket 12", "accepted_by": "Mona"}
    lines = [*(f"{key} = {json.dumps(value)}" for key, value in members.items())]
    lines += [f"expires = {day}", f"accepted_on = {day}"]
    baseline.write_text("\n".join(["version = 1", "[[acceptance]]", *lines, ""]), encoding="utf-8")
    files = [f"--format={name}={tmp_path / name}" for name in FORMATS]
    assert run("drifted", "--baseline", baseline, *files).returncode == 1
    said = {name: (tmp_path / name).read_text(encoding="utf-8") for name in FORMATS}
    counted = {"json": '"accepted": 1,', "sarif": '"accepted": 1,', "junit": '"baseline.accepted" value="1"'}
    counted |= {"ticket": ""}  # nobody tells a vendor what is accepted
    assert [name for name in FORMATS if counted.get(name, " open, 1 accepted") not in said[name]] == []


def test_annotations_name_the_contract_in_the_working_folder_only(run: Run) -> None:
    repository = DATA.parents[4]
    assert "file=drifted/calls.ndjson,line=5," in run("drifted", "--format", "github").stdout
    for options in ([], ["--contract", "."], ["--contract", repository]):
        said = run(DATA / "drifted", "--format", "github", *options, cwd=repository).stdout
        assert "file=schemas/card-token.json,line=" in said


@pytest.mark.parametrize("name", FORMATS)
def test_no_report_holds_what_was_recorded(name: str, run: Run, tmp_path: Path) -> None:
    lines = (DATA / "clean" / "calls.ndjson").read_text(encoding="utf-8").splitlines()
    exchange = json.loads(lines[0])
    body = exchange["response"]["body"]
    customer, card = body["data"]["customer"], body["data"]["cardTokens"][0]
    customer |= {key: CANARIES[key] for key in ("customerName", "customerMobile")}
    card |= {key: value for key, value in CANARIES.items() if key not in customer}
    body["message"] = "canary message"
    (tmp_path / "calls.ndjson").write_text(json.dumps(exchange) + "\n{amira", encoding="utf-8")
    done = run("calls.ndjson", "--format", name, cwd=tmp_path)
    assert done.returncode == 1
    assert ("full card number" if name == "ticket" else "card-number-exposed") in done.stdout
    assert [needle for needle in NEEDLES if needle in done.stdout.lower()] == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_name_of_a_file_need_not_be_utf8(name: str, run: Run, tmp_path: Path) -> None:
    line = (DATA / "drifted" / "calls.ndjson").read_text(encoding="utf-8").splitlines()[3]
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / os.fsdecode(b"\xff\x1b[31m|.ndjson")).write_text(line, encoding="utf-8")
    done = run(recordings, "--format", name, "--format", f"json={tmp_path / 'report'}")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
