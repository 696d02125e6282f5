"""The command: what it writes, when it says that files are stale, and how it says what is wrong."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import opay_contract
from opay_contract.cli.contract import docs
from opay_contract.cli.mock import mock
from opay_contract.cli.redact import redact
from opay_contract.errors import ContractError, OpayContractError

TOOLS = Path(opay_contract.__file__).parents[1]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(docs, [str(argument) for argument in arguments])
    if isinstance(result.exception, OpayContractError):
        raise result.exception
    return result


def test_the_same_contract_gives_the_same_bytes_in_every_process(tmp_path: Path, summary_file: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    assert run("--output", here, "--evidence", summary_file).exit_code == 0
    program = "from opay_contract.cli.contract import docs; docs()"
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(TOOLS)}
    command = [sys.executable, "-c", program, "--output", str(elsewhere), "--evidence", str(summary_file)]
    subprocess.run(command, check=True, env=environment, capture_output=True, cwd=tmp_path)
    assert [path.read_bytes() for path in sorted(here.iterdir())] == [
        path.read_bytes() for path in sorted(elsewhere.iterdir())
    ]


def test_what_was_written_is_up_to_date(tmp_path: Path) -> None:
    assert run("--output", tmp_path).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "openapi.json", "reference.md"]
    assert run("--output", tmp_path, "--check").exit_code == 0


def test_stale_files_are_told_by_how_many_lines_then_which_and_stay_as_they_are(tmp_path: Path) -> None:
    run("--output", tmp_path)
    page, markdown = tmp_path / "index.html", tmp_path / "reference.md"
    page.write_bytes(page.read_bytes() + b"one\nmore\n")
    text = markdown.read_text(encoding="utf-8")
    markdown.write_text(text.replace("## Overview", "## Oversight"), encoding="utf-8")
    result = run("--output", tmp_path, "--check")
    assert result.exit_code == 1
    assert (
        f"{page} differs: 2 lines to go, 0 lines to come\n{markdown} differs: 1 line to go" in result.stdout
    )
    assert f", 1 line to come\n--- {markdown} (there)\n" in result.stdout
    assert "-## Oversight\n+## Overview\n" in result.stdout
    assert "## Oversight" in markdown.read_text(encoding="utf-8")


def test_line_endings_alone_are_stale(tmp_path: Path) -> None:
    run("--output", tmp_path)
    markdown = tmp_path / "reference.md"
    markdown.write_bytes(markdown.read_bytes().replace(b"\n", b"\r\n"))
    assert f"{markdown} differs in its line endings" in run("--output", tmp_path, "--check").stdout


def test_a_stale_reference_comes_with_the_command_that_makes_it_anew(
    contract_dir: Path, tmp_path: Path, summary_file: Path
) -> None:
    options = ["--contract", contract_dir, "--output", tmp_path / "my pages", "--evidence", summary_file]
    result = run(*options, "--check")
    assert result.exit_code == 1
    advised = shlex.split(result.stderr.removeprefix("stale; what makes it anew: "))
    assert advised == ["opay-contract", "docs", *map(str, options)]
    assert run(*advised[2:]).exit_code == 0
    assert run(*options, "--check").exit_code == 0


def test_evidence_is_part_of_what_is_current(tmp_path: Path, summary_file: Path) -> None:
    run("--output", tmp_path)
    assert run("--output", tmp_path, "--evidence", summary_file, "--check").exit_code == 1


def test_what_was_written_with_evidence_is_up_to_date_with_it(tmp_path: Path, summary_file: Path) -> None:
    arguments = ("--output", tmp_path, "--evidence", summary_file)
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--check").exit_code == 0


def test_missing_files_are_stale(tmp_path: Path) -> None:
    result = run("--output", tmp_path / "none", "--check")
    assert result.exit_code == 1
    assert result.output.count("No such file or directory") == 3
    assert not (tmp_path / "none").exists()


def test_check_and_serve_contradict_each_other() -> None:
    with pytest.raises(OpayContractError, match="contradict"):
        run("--check", "--serve")


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("openapi.yaml", "openapi: 3.1.1", "openapi: [3.1.1", r"^openapi\.yaml:8:5: did not find"),
        ("openapi.yaml", "title: OPay", "title: {OPay", r"^openapi\.yaml:\d+:\d+: "),
        (
            "schemas/open-questions.yaml",
            "  question: Is",
            "  qestion: Is",
            r"-questions\.yaml:\d+:\d+: .*question",
        ),
        ("openapi.yaml", "query-request.json", "query-reques", r"^openapi\.yaml:\d+:\d+: .*query-reques"),
        ("openapi.yaml", "schemas/query-request", "https://evil.invalid/q", r"evil\.invalid"),
        ("schemas/card-token.json", '"required": [', '"required": ', r"^schemas/card-token\.json:\d+:\d+: "),
    ],
)
def test_a_half_edited_contract_is_told_by_file_line_column_and_reason(  # noqa: PLR0913, PLR0917  an edit
    contract_dir: Path, tmp_path: Path, file: str, before: str, after: str, expected: str
) -> None:
    path = contract_dir / file
    path.write_text(path.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=expected):
        run("--contract", contract_dir, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_of_a_contract_is_said_by_each_command_that_reads_it(
    contract_dir: Path, tmp_path: Path
) -> None:
    path = contract_dir / "openapi.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("- opaySignature: []", "- otherScheme: []"), encoding="utf-8")
    recording, out = tmp_path / "a.ndjson", tmp_path / "out"
    recording.write_text('{"request": {}, "response": {"status": 200, "body": {}}}\n', encoding="utf-8")
    for command, arguments in (
        (docs, ["--output", str(out)]),
        (mock, ["--scenarios"]),
        (redact, [str(recording), "--output", str(out / "b.ndjson")]),
    ):
        said = CliRunner().invoke(command, ["--contract", str(contract_dir), *arguments]).stderr
        assert "left out: no security scheme is called 'otherScheme'" in said, command.name
