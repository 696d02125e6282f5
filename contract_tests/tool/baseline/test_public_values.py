"""An acceptance of one business code is none of the next; entries of before codes were named still hold."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from opay_contract.cli.main import cli

CASES = Path(__file__).parents[2] / "tool" / "judge" / "cases"
EXPIRES = str(datetime.now(UTC).date() + timedelta(days=90))
SUCCESS = (CASES / "nothing-succeeded" / "clean.ndjson").read_text(encoding="utf-8").splitlines()[-1]
UNKNOWN = (CASES / "code-undocumented" / "finding.ndjson").read_text(encoding="utf-8").strip()
UNNAMED = "0557d77cb3a5283f"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments])


def record(name: str, *codes: str) -> str:
    lines = [SUCCESS]
    for code in codes:
        line = json.loads(UNKNOWN)
        line["response"]["body"]["code"] = code
        lines.append(json.dumps(line))
    Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return name


def findings(recording: str, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("check", recording, "--format", "json", *options).stdout)[
        "findings"
    ]
    return found


@pytest.mark.usefixtures("folder")
def test_an_acceptance_of_one_code_is_none_of_the_next() -> None:
    recording = record("a.ndjson", "02009")
    [found] = findings(recording)
    assert (found["value"], found["actual"]) == ("02009", "02009")
    said = ("--reason", "known", "--expires", EXPIRES, "--by", "tests")
    added = run("baseline", "add", "b.toml", "--fingerprint", found["fingerprint"], *said, recording)
    assert added.exit_code == 0, added.output
    assert "accepted code-undocumented /code 02009 until" in added.output
    assert 'value = "02009"' in Path("b.toml").read_text(encoding="utf-8")
    strict = ("--baseline", "b.toml", "--fail-on", "warning")
    assert run("check", recording, *strict).exit_code == 0
    another = record("b.ndjson", "02009", "02010")
    assert run("check", another, *strict).exit_code == 1
    states = {one["value"]: one["state"] for one in findings(another, "--baseline", "b.toml")}
    assert states == {"02009": "accepted", "02010": "open"}
    assert run("check", record("c.ndjson"), *strict).exit_code == 1


@pytest.mark.usefixtures("folder")
def test_an_entry_without_a_value_covers_the_codes_that_are_not_named() -> None:
    Path("old.toml").write_text(
        "version = 1\n\n[[acceptance]]\n"
        f'fingerprint = "{UNNAMED}"\nrule = "code-undocumented"\noperation = "queryCardTokens"\n'
        'outcome = "business-error"\npointer = "/code"\nreason = "r"\n'
        f'expires = {EXPIRES}\naccepted_by = "m"\naccepted_on = 2026-11-23\n',
        encoding="utf-8",
    )
    strict = ("--baseline", "old.toml", "--fail-on", "warning")
    assert run("check", record("a.ndjson", "E-2009-long"), *strict).exit_code == 0
    assert run("check", record("b.ndjson", "E-2009-long", "02009"), *strict).exit_code == 1
    forged = Path("old.toml").read_text(encoding="utf-8").replace("reason", 'value = "02009"\nreason')
    Path("old.toml").write_text(forged, encoding="utf-8")
    refused = run("check", "a.ndjson", *strict)
    assert "is not that of the rule" in f"{refused.exception}{refused.output}"
