"""The project's settings hold for the plugin as they do for the command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract_tests.tool.pytest_plugin.conftest import RunPytest
from contract_tests.tool.running import run_command

DRIFT = {"code": 2001, "message": "request params not valid."}
CHECKS = f"def test_it(opay_contract):\n    opay_contract.check({DRIFT!r})\n"
CALL = {
    "request": {
        "method": "POST",
        "url": "https://gw.shop.example/psp/api/v1/international/token/query",
        "body": {"customerId": "1"},
    },
    "response": {"status": 200, "body": DRIFT},
}


@pytest.fixture
def settle(pytester: pytest.Pytester) -> Path:
    """Write settings by which the check of a number in `code` does not fail; returns their file."""
    file = pytester.path / "pyproject.toml"
    file.write_text('[tool.opay-contract]\nignore = ["type-mismatch"]\n', encoding="utf-8")
    return file


def test_rules_and_severities_hold_for_checks(run_pytest: RunPytest, settle: Path) -> None:
    assert run_pytest(CHECKS).ret == 0
    settle.write_text('[tool.opay-contract]\nseverity.type-mismatch = "info"\n', encoding="utf-8")
    assert run_pytest(CHECKS).ret == 0
    assert run_pytest(CHECKS, settings="opay_contract_fail_on = info").ret == 1
    assert run_pytest(CHECKS, "--opay-config", "/dev/null").ret == 1


def test_they_hold_for_what_the_mock_alone_finds(run_pytest: RunPytest, settle: Path) -> None:
    calls = """
        import requests

        def test_path(opay_mock):
            requests.post(opay_mock.base_url + "/token", timeout=60)
            opay_mock.check()

        def test_signature(opay_mock):
            requests.post(opay_mock.url, json={"customerId": "a"}, timeout=60)
            opay_mock.check()
    """
    run_pytest(calls).assert_outcomes(failed=2)
    settle.write_text('[tool.opay-contract]\nignore = ["route", "signature-mismatch"]\n', encoding="utf-8")
    run_pytest(calls).assert_outcomes(passed=2)


def test_recordings_of_a_base_url_that_is_settled_are_checked_and_accepted_findings_fail_none(
    run_pytest: RunPytest, pytester: pytest.Pytester, settle: Path
) -> None:
    settle.write_text(
        '[tool.opay-contract]\nbase-url = "https://gw.shop.example/psp"\nbaseline = "known.toml"\n',
        encoding="utf-8",
    )
    (pytester.path / "a.ndjson").write_text(json.dumps(CALL) + "\n", encoding="utf-8")
    (pytester.path / "known.toml").write_text("version = 1\n", encoding="utf-8")
    asked = ("", "--opay-recordings", "a.ndjson", "--opay-require-success", "0")
    assert run_pytest(*asked).ret == 1
    accept = ("baseline", "add", "known.toml", "a.ndjson", "--all-open", "--reason", "x", "--by", "me")
    done = run_command(*accept, "--expires", _in_a_month(), cwd=pytester.path)
    assert "type-mismatch" in done.stdout
    assert run_pytest(*asked).ret == 0
    (pytester.path / "none.toml").write_text("version = 1\n", encoding="utf-8")
    assert run_pytest(*asked, "--opay-baseline", "none.toml").ret == 1


def test_what_is_no_setting_ends_the_run_with_file_and_line(run_pytest: RunPytest, settle: Path) -> None:
    settle.write_text('[tool.opay-contract]\nignroe = ["type-mismatch"]\n', encoding="utf-8")
    result = run_pytest("", "--opay-recordings", "a.ndjson")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"ERROR: {settle}:2: unknown key 'ignroe' in [tool.opay-contract]; did you mean 'ignore'?"
    assert said in result.errlines


def _in_a_month() -> str:
    return str(datetime.now(UTC).date() + timedelta(days=30))
