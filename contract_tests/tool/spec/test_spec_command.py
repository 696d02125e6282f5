"""The command `spec` as a shell sees it: lines, exit codes, JSON, and the missing extra."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from contract_tests.tool.running import run_command
from contract_tests.usual import each

from opay_contract.cli.contract import spec
from opay_contract.errors import UsageError
from opay_contract.spec.lint import prove_contract


def test_a_sound_contract_is_one_line_with_what_was_checked(contract: Path) -> None:
    result = CliRunner().invoke(spec, ["--contract", str(contract)])
    proof = prove_contract(contract)
    assert result.exit_code == 0
    assert result.output == (
        f"OPay Token Info By User 0.1.0 · contract in {contract}\n"
        f"Sound: {proof.documents} documents, {proof.schemas} schemas, {proof.examples} examples, "
        f"{proof.references} references checked.\n"
    )


def number_of_documents(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def test_a_problem_is_a_line_that_can_be_clicked(contract: Path) -> None:
    path = contract / "schemas/customer-id.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('["121111113"]', "[121111113]"), encoding="utf-8"
    )
    result = CliRunner().invoke(spec, ["--contract", str(contract)])
    _, line, summary = result.output.splitlines()
    assert result.exit_code == 1
    assert line == "schemas/customer-id.json:6:16: error example: the value is not of type 'string'"
    assert summary.startswith(f"1 problem in {number_of_documents(contract)} documents, ")


def test_json_has_every_problem_with_its_place_and_the_counts(contract: Path) -> None:
    path = contract / "openapi.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  version: 0.1.0\n", "", 1), encoding="utf-8")
    result = CliRunner().invoke(spec, ["--contract", str(contract), "--format", "json"])
    report = json.loads(result.output)
    assert result.exit_code == 1
    assert report["schema_version"] == 1
    assert report["sound"] is False
    assert report["problems"] == [
        {
            "file": "openapi.yaml",
            "line": 8,
            "column": 1,
            "pointer": "/info",
            "check": "openapi",
            "message": "'version' is a required property",
        }
    ]
    assert report["documents"] == number_of_documents(contract)
    assert report["contract"] == {
        "title": "OPay Token Info By User",
        "version": "",
        "folder": contract.as_posix(),
    }


@each("present", [[], ["schemas/a.json"]])
def test_a_folder_without_openapi_yaml_is_unusable(tmp_path: Path, present: list[str]) -> None:
    for name in present:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{}", encoding="utf-8")
    result = run_command("spec", "--contract", tmp_path, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"error: {tmp_path}: no openapi.yaml there; name the folder that holds openapi.yaml and schemas/, or "
        "the file of a contract\n"
    )


def test_without_the_extra_the_message_says_what_to_install(
    contract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openapi_spec_validator.schemas", None)
    with pytest.raises(UsageError, match=r"pip install 'opay-contract\[spec\]'"):
        prove_contract(contract)


def test_the_help_does_not_import_the_extra(repository: Path) -> None:
    code = (
        "import sys\nfrom opay_contract.cli.contract import spec\n"
        "sys.exit(any(name.startswith('openapi_spec_validator') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)
