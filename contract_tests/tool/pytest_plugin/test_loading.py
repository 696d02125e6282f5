"""The plugin as pytest loads it: light, known to strict settings, and clear about what is wrong."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.tool.pytest_plugin.conftest import SPREAD
from contract_tests.usual import one_in

import opay_contract

RunPytest = Callable[..., pytest.RunResult]

PACKAGES = {"opay_contract", "opay_contract.pytest_plugin", "opay_contract.pytest_plugin.plugin"}
NEW_MODULES = """
import json, sys, pytest
before = set(sys.modules)
import opay_contract.pytest_plugin.plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_loading_it_imports_nothing_else() -> None:
    source = Path(opay_contract.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", NEW_MODULES], check=True, capture_output=True, env={"PYTHONPATH": str(source)}
    )
    assert set(json.loads(done.stdout)) == PACKAGES


def test_the_package_announces_it_to_pytest() -> None:
    path = Path(__file__).parents[3] / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"opay-contract": "opay_contract.pytest_plugin.plugin"}


def test_what_does_not_use_it_imports_nothing_of_it_and_what_does_says_what_to_install(
    run_pytest: RunPytest,
) -> None:
    missing = "raise ModuleNotFoundError('starlette')"
    result = run_pytest(
        """
        import sys

        HEAVY = "starlette", "uvicorn", "jsonschema_rs", "yaml", "msgspec", "schemathesis"

        def test_nothing_heavy_is_there():
            assert [name for name in HEAVY if name in sys.modules] == []
            assert [name for name in sys.modules if name.startswith("opay_contract.")] == [
                "opay_contract.pytest_plugin", "opay_contract.pytest_plugin.plugin"]

        def test_it(opay_mock):
            pass
        """,
        starlette=missing,
        process=True,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*opay_mock needs starlette and uvicorn: pip install 'opay-contract[[]mock[]]'*"]
    )


def test_fixtures_and_markers_describe_themselves(run_pytest: RunPytest) -> None:
    run_pytest("", "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.opay_scenario(name, seconds=3.0): *", "@pytest.mark.opay_record: *"], consecutive=False
    )
    lines = run_pytest("", "--fixtures").stdout
    lines.fnmatch_lines(["opay_contract [[]session scope[]] *", "*The contract; *"])
    lines.fnmatch_lines(["opay_mock -- *", "*A mock of the sandbox, *"])
    lines.no_fnmatch_line("_opay_stage*")


USES = """
    import pytest
    import requests

    @pytest.mark.parametrize("number", range(20))
    def test_each_test_has_its_own_mock(opay_mock, number):
        assert opay_mock.exchanges == []
        requests.post(opay_mock.url, timeout=60)
        assert len(opay_mock.exchanges) == 1

    def test_that_fails(opay_mock):
        requests.post(opay_mock.url, timeout=60)
        assert not opay_mock.exchanges
"""


@pytest.mark.parametrize("options", one_in(2, [[], [*SPREAD, "2"]]), ids=["one", "several"])
def test_it_works_in_one_process_and_in_several(run_pytest: RunPytest, options: list[str]) -> None:
    result = run_pytest(USES, *options)
    result.assert_outcomes(passed=20, failed=1)
    result.stdout.fnmatch_lines(
        ["*opay_mock saw*", "1. POST *: expected Content-Type application/json, got *"]
    )


MARKED = """
    import pytest

    @pytest.mark.{marker}
    def test_marked({fixture}):
        pass
"""


def test_an_unknown_scenario_is_a_usage_error_with_a_suggestion(run_pytest: RunPytest) -> None:
    source = MARKED.format(marker="opay_scenario('slwo')", fixture="opay_mock")
    for options, code in (
        ((), pytest.ExitCode.USAGE_ERROR),
        ((*SPREAD, "1"), pytest.ExitCode.TESTS_FAILED),
    ):
        result = run_pytest(source, *options)
        assert result.ret == code
        text = result.stdout.str() + result.stderr.str()
        assert "test_it.py::test_marked: unknown scenario 'slwo'; did you mean 'slow'?" in text


def test_a_marker_that_cannot_do_what_was_meant_is_a_usage_error(run_pytest: RunPytest) -> None:
    for marker, fixture, message in (
        ("opay_scenario()", "opay_mock", "write the marker as opay_scenario(name)"),
        ("opay_scenario('slow', 'html')", "opay_mock", "write the marker as opay_scenario(name)"),
        ("opay_scenario('slow', second=1)", "opay_mock", "write the marker as opay_scenario(name)"),
        ("opay_scenario('slow')", "", "opay_scenario does nothing in a test without the fixture opay_mock"),
        ("opay_record('a')", "opay_mock", "write the marker as opay_record, without arguments"),
        ("opay_record", "", "opay_record does nothing in a test without opay_mock or opay_contract"),
    ):
        result = run_pytest(MARKED.format(marker=marker, fixture=fixture))
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: test_it.py::test_marked: {message}*"])


def test_of_several_markers_the_nearest_counts(run_pytest: RunPytest) -> None:
    result = run_pytest(
        """
        import pytest
        import requests
        from opay_contract.signing.requests_auth import SignatureAuth

        pytestmark = pytest.mark.opay_scenario("html")

        @pytest.mark.parametrize("status", [
            200, pytest.param(429, marks=pytest.mark.opay_scenario("http-429"))])
        def test_status(opay_mock, opay_contract, status):
            auth = SignatureAuth(key=opay_mock.private_key, scheme=opay_contract.contract.signature)
            headers = {"MerchantId": opay_mock.merchant_id}
            body = {"customerId": "a"}
            response = requests.post(opay_mock.url, json=body, auth=auth, headers=headers, timeout=60)
            assert response.status_code == status
            assert response.headers.get("Content-Type") != "application/json"
        """
    )
    result.assert_outcomes(passed=2)


def test_the_settings_say_what_fails_a_check(run_pytest: RunPytest) -> None:
    source = """
        def test_it(opay_contract):
            opay_contract.check({"code": "77777", "message": "Please contact support."})
    """
    assert run_pytest(source, settings="opay_contract_fail_on = error").ret == 0
    assert run_pytest(source, settings="opay_contract_fail_on = info").ret == 1
    result = run_pytest(source, settings="opay_contract_fail_on = fatal")
    result.stdout.fnmatch_lines(["*unknown severity 'fatal'; expected one of error, warning, info"])


def test_the_settings_name_another_contract(run_pytest: RunPytest) -> None:
    source = "def test_it(opay_contract): opay_contract.check({})"
    result = run_pytest(source, settings="opay_contract_dir = elsewhere")
    result.stdout.fnmatch_lines(["*elsewhere: no such file or folder*"])


def test_a_failure_shows_findings_and_no_value(run_pytest: RunPytest) -> None:
    result = run_pytest(
        """
        import requests

        NAME = "Leaky Name"

        def test_drift(opay_mock, opay_contract):
            data = opay_mock.add({"customerName": NAME})
            opay_contract.check({"code": "00000", "message": "SUCCESSFUL", "data": {**data, "extra": NAME}},
                                fail_on="warning")

        def test_calls(opay_mock):
            requests.post(opay_mock.base_url + "/elsewhere/1234567890", data=NAME, timeout=60)
            opay_mock.check()
        """,
        "-vv",
        "--tb=long",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*opay_mock saw*", "1. POST /*/* 404 02001: another path"])
    shown = "\n".join(line for line in result.stdout.lines if line.startswith("E "))
    assert "response-field-undocumented /data/extra: expected" in shown
    assert "path-undocumented /*/*: expected" in shown
    assert "Leaky" not in shown
    everything = result.stdout.str()
    assert not [word for word in ("OPAYPRV", "256612345678901", "checking.py") if word in everything]


RECORDS = """
    import pytest
    import requests
    from opay_contract.signing.requests_auth import SignatureAuth

    @pytest.fixture
    def ask(opay_mock, opay_contract):
        auth = SignatureAuth(key=opay_mock.private_key, scheme=opay_contract.contract.signature)
        headers = {"MerchantId": opay_mock.merchant_id}
        return lambda customer: requests.post(
            opay_mock.url, json={"customerId": customer}, headers=headers, auth=auth, timeout=60)

    @pytest.mark.opay_record
    @pytest.mark.parametrize("name", ["a/b", "c"])
    def test_kept(ask, name):
        assert ask("canary-" + name).status_code == 200

    @pytest.mark.opay_record
    def test_failed(ask):
        assert ask("canary").status_code == 500

    @pytest.mark.opay_record
    def test_silent(opay_mock):
        pass

    def test_other(ask):
        ask("canary")

    @pytest.mark.opay_record
    def test_checked(opay_contract):
        url = "https://shop.example/api/v1/international/token/query"
        request = {"method": "POST", "url": url, "headers": {}, "body": {"customerId": "canary"}}
        answer = {"status": 200, "headers": {"Content-Type": "application/json"}}
        answer["body"] = {"code": "02001", "message": "request params not valid."}
        opay_contract.check({"request": request, "response": answer})

    @pytest.mark.opay_record
    def test_both(ask, opay_contract):
        opay_contract.check(ask("canary"))
"""


def test_a_passing_tests_calls_are_written_beside_it_once(
    run_pytest: RunPytest, pytester: pytest.Pytester
) -> None:
    result = run_pytest(RECORDS)
    result.assert_outcomes(passed=6, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*NothingCheckedError: nothing was recorded: the mock was not called"])
    folder = pytester.path / "recordings" / "test_it"
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written.keys() == {f"test_{name}.ndjson" for name in ("kept-a-b", "kept-c", "checked", "both")}
    assert not [name for name, text in written.items() if b"canary" in text or text.count(b"\n") != 1]
    run_pytest(RECORDS, "-k", "kept").assert_outcomes(passed=2, deselected=5)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written
    replayed = "def test_it(opay_mock): assert len(opay_mock.replay('recordings').asked('by-customer')) == 4"
    run_pytest(replayed).assert_outcomes(passed=1)
