"""`pytest --opay-recordings`: each file is a test of its own, which says in words what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.tool.pytest_plugin.conftest import SPREAD

import opay_contract
from opay_contract.contract.documents import default_directory

CLEAN = '{"code":"02001","message":"request params not valid."}\n'
SUCCESS = (
    '{"code":"00000","message":"SUCCESSFUL","data":{"customer":{"customerId":"1","customerName":"n",'
    '"customerEmail":"a@example.com","customerMobile":"2"},"cardTokens":[]}}\n'
)
UNKNOWN = '{"code":"77777","message":"Please contact support."}\n'
DRIFTED = '{"code":7361,"message":"request params not valid."}\n'
ELSEWHERE = (
    '{"request":{"method":"POST","url":"https://proxy.test/api/v1/international/token/query"},'
    '"response":{"status":200,"body":{"code":2001,"message":"a"}}}\n'
)

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs pytest on recordings, given by name."""
    monkeypatch.setenv("PYTHONPATH", str(Path(opay_contract.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkdir("recordings")

    def run_on(*options: str, ini: str = "", **files: str) -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{ini}")
        for name, text in files.items():
            (folder / f"{name}.ndjson").write_text(text, encoding="utf-8")
        plugin = [
            "-p",
            "opay_contract.pytest_plugin.plugin",
            "-W",
            "error",
            "--opay-recordings",
            "recordings",
        ]
        return pytester.runpytest_inprocess(*plugin, *options)

    return run_on


def test_each_file_is_a_test(run: Run) -> None:
    result = run("-v", a=CLEAN, b=DRIFTED, c=CLEAN)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "recordings/a.ndjson::recording PASSED*",
            "recordings/b.ndjson::recording FAILED*",
            "1 finding",
            "error type-mismatch /code: expected string, got integer of 4 digits (contract schemas/*)",
            "FAILED recordings/b.ndjson::recording - 1 finding",
        ]
    )
    result.stdout.no_fnmatch_line("*collection.py*")
    result.stdout.no_fnmatch_line("*7361*")


def test_they_stand_beside_other_tests_and_may_be_chosen(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    pass\n")
    run(a=CLEAN).assert_outcomes(passed=2)
    run("-k", "recording", a=CLEAN).assert_outcomes(passed=1, deselected=1)
    run(a=CLEAN, b=DRIFTED).assert_outcomes(passed=2, failed=1)


def test_what_cannot_be_read_fails(run: Run) -> None:
    result = run(a=CLEAN + "not json\n", b="")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["recordings/a.ndjson: entry 2: *", "recordings/b.ndjson: entry 0: the file is empty"]
    )


def test_what_holds_nothing_to_check_fails(run: Run) -> None:
    result = run(a=ELSEWHERE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "nothing was checked: the 1 exchange does not belong to the contract",
            "1 exchange went to other hosts (proxy.test/*); * --opay-base-url https://proxy.test",
        ]
    )
    result = run("--opay-base-url", "https://proxy.test", a=ELSEWHERE)
    result.stdout.fnmatch_lines(["error type-mismatch /code: *"])


def test_the_bar_is_the_setting(run: Run) -> None:
    run(a=UNKNOWN).assert_outcomes(passed=1)
    result = run(ini="opay_contract_fail_on = warning", a=UNKNOWN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["warning code-undocumented /code: *, got 77777 *"])


def test_a_run_in_which_nothing_succeeded_fails_though_every_recording_passes(run: Run) -> None:
    for spread in ((), (*SPREAD, "2")):
        result = run(*spread, a=CLEAN, b=CLEAN + CLEAN)
        result.assert_outcomes(passed=2)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            [
                "Outcomes: 3 business errors (02001 3).",
                "None of the 3 exchanges succeeded (3 with code 02001): nothing about `data` was checked.",
            ]
        )
    meant = run("--opay-require-success", "0", a=CLEAN, b=CLEAN)
    assert meant.ret == pytest.ExitCode.OK
    meant.stdout.fnmatch_lines(["None of the 2 exchanges succeeded *"])


def test_one_success_in_any_recording_is_enough_unless_more_are_asked_for(run: Run) -> None:
    enough = run(a=CLEAN, b=SUCCESS)
    assert enough.ret == pytest.ExitCode.OK
    enough.stdout.fnmatch_lines(["Outcomes: 1 success; 1 business error (02001 1)."])
    short = run("--opay-require-success", "2", a=CLEAN, b=SUCCESS)
    assert short.ret == pytest.ExitCode.TESTS_FAILED
    short.stdout.fnmatch_lines(["Too few successes: 1 of the 2 that --opay-require-success asks for."])
    assert run("--opay-require-success", "-1", a=SUCCESS).ret == pytest.ExitCode.USAGE_ERROR


def test_a_recording_that_is_named_twice_is_one_test(run: Run) -> None:
    run("--opay-recordings", "recordings/a.ndjson", a=SUCCESS).assert_outcomes(passed=1)


def test_no_recordings_are_no_success(run: Run) -> None:
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--opay-recordings recordings: there are no recordings"])


def test_a_path_that_is_not_there_ends_the_run_before_anything_runs(run: Run) -> None:
    result = run("--opay-recordings", "nowhere.har", a=CLEAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--opay-recordings: no such file or folder: 'nowhere.har'"])


def test_the_setting_names_a_contract_by_its_file_too(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makefile(".txt", openapi="")
    result = run(ini="opay_contract_dir = openapi.txt", a=CLEAN)
    result.stdout.fnmatch_lines(["*openapi.txt:1:1: the document is empty*"])
    file = default_directory() / "openapi.yaml"
    run(ini=f"opay_contract_dir = {file}", a=CLEAN).assert_outcomes(passed=1)


def test_a_pipe_is_for_the_command(run: Run) -> None:
    result = run("--opay-recordings", "-", a=CLEAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
