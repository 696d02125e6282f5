"""The command: what it writes, when it says that files are stale, and how it says what is wrong."""

import hashlib
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import opay_contract
from opay_contract.cli.docs import docs
from opay_contract.errors import ContractError, OpayContractError, UsageError

TOOLS = Path(opay_contract.__file__).parents[1]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(docs, [str(argument) for argument in arguments])
    if isinstance(result.exception, OpayContractError):
        raise result.exception
    return result


def test_the_same_contract_gives_the_same_bytes_in_every_process(tmp_path: Path, summary_file: Path) -> None:
    digests = set()
    for seed in ("1", "2"):
        output = tmp_path / seed
        program = "from opay_contract.cli.docs import docs; docs()"
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(TOOLS)}
        command = [sys.executable, "-c", program, "--output", str(output), "--evidence", str(summary_file)]
        subprocess.run(command, check=True, env=environment, capture_output=True, cwd=tmp_path)
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(output.iterdir())))
    assert len(digests) == 1


def test_what_was_written_is_up_to_date(tmp_path: Path) -> None:
    assert run("--output", tmp_path).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "reference.md"]
    assert run("--output", tmp_path, "--check").exit_code == 0


def test_stale_files_are_told_with_a_diff_and_stay_as_they_are(tmp_path: Path) -> None:
    run("--output", tmp_path)
    page, markdown = tmp_path / "index.html", tmp_path / "reference.md"
    size = page.stat().st_size
    page.write_bytes(page.read_bytes() + b"\n")
    text = markdown.read_text(encoding="utf-8")
    markdown.write_text(text.replace("## Overview", "## Oversight"), encoding="utf-8")
    result = run("--output", tmp_path, "--check")
    assert result.exit_code == 1
    assert f"index.html differs: {size + 1} bytes there, {size} expected" in result.output
    assert "-## Oversight\n+## Overview\n" in result.output
    assert "## Oversight" in markdown.read_text(encoding="utf-8")


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
    assert result.output.count("No such file or directory") == 2
    assert not (tmp_path / "none").exists()


def test_check_and_serve_contradict_each_other() -> None:
    with pytest.raises(OpayContractError, match="contradict"):
        run("--check", "--serve")


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("openapi.yaml", "openapi: 3.1.1", "openapi: [3.1.1", r"^openapi\.yaml:8:5: did not find"),
        ("openapi.yaml", "title: OPay", "title: {OPay", r"^openapi\.yaml:\d+:\d+: "),
        ("openapi.yaml", "    question: Is", "    qestion: Is", r"^openapi\.yaml:\d+:\d+: .*question"),
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


def test_without_the_renderer_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(UsageError, match=r"pip install 'opay-contract\[docs\]'"):
        run("--output", tmp_path)
