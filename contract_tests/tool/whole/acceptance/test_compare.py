"""`check --save-summary`, --since and --until, and `compare`, as a person or a CI job runs them."""

import json
import re
from pathlib import Path

from contract_tests.tool.whole.acceptance.conftest import Run
from contract_tests.usual import each


def test_a_run_compared_with_itself_differs_in_nothing(run: Run) -> None:
    done = run("compare", "drifted", "drifted")
    assert done.stdout.endswith("No difference.\n")
    assert done.returncode == 4  # part of the recordings cannot be read


def test_a_new_finding_fails_and_is_named_with_everything_else_that_differs(run: Run) -> None:
    done = run("compare", "clean", "drifted")
    assert done.returncode == 1
    assert re.search(r"^\+ \d+ findings of the new run alone ", done.stdout, re.MULTILINE)
    row = r"^  field-missing +data\.\S+ +\d+  \d+ May 2026 +schemas/customer.json:\d+\n +a required m"
    assert re.search(row, done.stdout, re.MULTILINE)
    assert re.search(r"^  appeared  traceId +0 % \(0 +\S+ %", done.stdout, re.MULTILINE)
    back = run("compare", "drifted", "clean")
    assert re.search(r"^- \d+ findings of the old run alone ", back.stdout, re.MULTILINE)
    closing = "\n".join(back.stdout.splitlines()[-3:])
    assert re.search(r"\d+ gone, \d+ other differences\.$", closing)
    assert not re.search(r"\b0 (?:unreadable|new|gone)", closing)
    assert back.returncode == 4


def test_a_saved_summary_stands_for_its_recordings(run: Run, tmp_path: Path) -> None:
    saved = tmp_path / "old.json"
    run("check", "clean", "--save-summary", saved)
    assert run("compare", saved, "drifted").stdout == run("compare", "clean", "drifted").stdout
    assert run("compare", saved, "clean").returncode == 0


def test_what_differs_can_be_read_by_programs(run: Run) -> None:
    found = json.loads(run("compare", "clean", "drifted", "--format", "json").stdout)
    assert found["schema_version"] == 1
    assert found["old"]["findings"] == 0
    assert {one["rule"] for one in found["findings_appeared"]} >= {"field-missing", "card-number-exposed"}
    kinds = {one["kind"] for one in found["differences"]}
    assert {"appeared", "types"} <= kinds


def test_nothing_on_one_side_is_no_success(run: Run, tmp_path: Path) -> None:
    nothing = tmp_path / "other.ndjson"
    nothing.write_text(
        '{"request": {"url": "https://elsewhere.example/"}, "response": {"status": 200, "body": 1}}\n'
    )
    assert run("compare", nothing, "clean").returncode == 3
    assert run("compare", "clean", nothing).returncode == 3
    assert run("compare", "-", "-").returncode == 2


def test_a_window_limits_what_is_judged(run: Run) -> None:
    whole = json.loads(run("check", "drifted", "--format", "json").stdout)["summary"]
    part = run("check", "drifted", "--since", "2026-05-02", "--format", "json")
    judged = json.loads(part.stdout)["summary"]
    assert 0 < judged["exchanges_checked"] < whole["exchanges_checked"]
    assert judged["exchanges_checked"] + judged["out_of_window"] == whole["exchanges_checked"]
    assert "Outside --since and --until: " in run("check", "drifted", "--since", "2026-05-02").stdout


@each(
    ("options", "code"),
    [
        (("--since", "2030-01-01"), 3),
        (("--since", "yesterday"), 2),
        (("--until", "2026-05-01T25:00:00Z"), 2),
        (("--since", "2026-05-02", "--until", "2026-05-01"), 2),
    ],
)
def test_a_window_that_holds_nothing_is_no_success(run: Run, options: tuple[str, ...], code: int) -> None:
    done = run("check", "clean", *options)
    assert done.returncode == code
    assert code == 3 or "--since" in done.stderr or "--until" in done.stderr


def test_a_summary_that_is_none_is_refused_in_a_line(run: Run, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"format":"opay-contract summary","version":1}')
    done = run("compare", damaged, "clean")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "damaged summary" in done.stderr
