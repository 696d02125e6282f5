"""The command line from inside: every way in, and every way out."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.cli import main as main_module
from opay_contract.cli import mock as mock_module
from opay_contract.cli import running
from opay_contract.cli.main import COMMANDS
from opay_contract.cli.reporting import Target, assign_files
from opay_contract.cli.running import write_report
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode, UsageError
from opay_contract.files import write_atomically
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.suite.breach import Discrepancy
from opay_contract.suite.plugin import SuiteRun

Run = Callable[..., Any]
BODY = '{"customerId":"121111113"}'
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPAY_PRIVATE_KEY", KEY)
    return KEY


def test_the_help_lists_every_command_with_its_line(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout and line.split()[0] in done.stdout for name, (_, line) in COMMANDS.items())


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(**_given: Any) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such thing"), ExitCode.UNUSABLE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (click.Abort(), ExitCode.INTERRUPTED),
        (ValueError("4111111111111111"), ExitCode.DEFECT),
        (SystemExit(5), 5),
    ],
)
def test_each_way_to_fail_has_an_exit_code_and_no_payload(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    monkeypatch.setattr(main_module.cli, "main", failing(error))
    done = run()
    assert done.returncode == code
    assert "4111" not in done.stderr


def test_a_defect_without_a_traceback_is_from_nowhere() -> None:
    described = main_module._describe_defect(ValueError("x"))  # noqa: SLF001  raised exceptions have one
    assert described == "ValueError in nowhere"


def test_exit_codes_put_findings_before_unreadable_before_nothing() -> None:
    found = DriftSummary(exchanges=1, occurrences={Severity.WARNING: 1}, unreadable_count=1)
    assert CheckedRun(summary=found, fail_on=Severity.WARNING).exit_code is ExitCode.FINDINGS
    assert CheckedRun(summary=found).exit_code is ExitCode.INCOMPLETE
    assert CheckedRun(summary=DriftSummary()).exit_code is ExitCode.NOTHING_CHECKED
    assert CheckedRun(summary=DriftSummary(exchanges=1)).exit_code is ExitCode.CLEAN


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github", "markdown", "html"])
def test_check_writes_each_format_to_a_file(run: Run, repository: Path, tmp_path: Path, form: str) -> None:
    report = tmp_path / "report"
    drifted = repository / "contract_tests/recordings/drifted/requests.ndjson"
    done = run("check", drifted, "--format", form, "--output", report)
    assert (done.returncode, done.stdout) == (ExitCode.FINDINGS, "")
    assert "answer-mismatched" in report.read_text(encoding="utf-8")


def test_check_reads_standard_input_and_takes_the_format_as_told(run: Run, repository: Path) -> None:
    lines = (repository / "contract_tests/recordings/clean/requests.ndjson").read_bytes()
    assert run("check", "-", stdin=lines).returncode == ExitCode.CLEAN
    assert run("check", "-", "--format-in", "har", stdin=lines).returncode in (3, 4)


def test_check_of_another_contract_knows_no_folder_to_link_to(run: Run, repository: Path) -> None:
    ledger = repository / "contract_tests/tool/whole/contracts/ledger"
    clean = repository / "contract_tests/recordings/clean/requests.ndjson"
    assert run("check", clean, "--contract", ledger).returncode == ExitCode.NOTHING_CHECKED


@each(
    ("arguments", "reason"),
    [
        ((BODY, "--file", "body.json"), "the body is given twice"),
        (("--file", "nowhere.json"), "nowhere.json: No such file"),
        ((BODY, "--non-ascii", "tea"), "unknown form 'tea'; the contract has raw and escaped"),
    ],
)
def test_sign_says_what_it_cannot_use(run: Run, key: str, arguments: tuple[str, ...], reason: str) -> None:
    done = run("sign", *arguments)
    assert (done.returncode, key in done.stderr) == (ExitCode.UNUSABLE, False)
    assert reason in done.stderr


def test_sign_wants_a_key_and_a_scheme(
    run: Run, monkeypatch: pytest.MonkeyPatch, repository: Path, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPAY_PRIVATE_KEY", raising=False)
    assert "set OPAY_PRIVATE_KEY" in run("sign", BODY).stderr
    monkeypatch.setenv("OPAY_PRIVATE_KEY", KEY)
    source = (repository / "contract_tests/tool/whole/contracts/ledger/openapi.yaml").read_text(
        encoding="utf-8"
    )
    assert "x-signature" not in source
    (tmp_path / "openapi.yaml").write_text("openapi: 3.1.1\npaths: {}\n", encoding="utf-8")
    assert "has no x-signature" in run("sign", BODY, "--contract", tmp_path).stderr


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the server by one that says that it is ready and leaves; returns the applications it got."""
    from opay_contract.mock import serving  # noqa: PLC0415  the module whose function is replaced

    applications: list[Any] = []

    def serve(app: Any, _bound: Any, on_ready: Callable[[], None]) -> None:
        applications.append(app)
        on_ready()

    monkeypatch.setattr(serving, "serve", serve)
    for name in ("OPAY_MERCHANT_ID", "OPAY_PRIVATE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return applications


def test_the_mock_announces_itself_in_four_lines(run: Run, served: list[Any], tmp_path: Path) -> None:
    done = run(
        "mock", "--quiet", "--make-up", "3", "--record", tmp_path / "r.ndjson", "--store", tmp_path / "s.db"
    )
    names = [line.partition(": ")[0] for line in done.stdout.splitlines()]
    assert (done.returncode, names) == (0, ["address", "merchant id", "private key", "ready"])
    assert len(served) == 1


@pytest.mark.usefixtures("served")
def test_the_mock_never_prints_a_key_that_it_was_given(run: Run, key: str, monkeypatch: Any) -> None:
    key = f"{key}_ANOTHER"
    monkeypatch.setenv("OPAY_PRIVATE_KEY", key)
    done = run("mock", "--fault", "slow=0.1", "--scenario", "html")
    assert (done.returncode, key in done.stdout) == (0, False)
    assert "from OPAY_PRIVATE_KEY" in done.stdout


@pytest.mark.usefixtures("served")
def test_the_mock_is_seeded_from_a_file(run: Run, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    person = dict.fromkeys(("customerId", "customerName", "customerEmail", "customerMobile"), "a")
    seed.write_text(json.dumps([{"customer": person, "cardTokens": []}]), encoding="utf-8")
    assert run("mock", "--seed", seed).returncode == 0


@pytest.mark.usefixtures("served")
def test_the_mock_warns_on_other_addresses_and_keeps_the_admin_path_local(run: Run) -> None:
    done = run("mock", "--host", "0.0.0.0")  # noqa: S104  that it is warned about
    assert (done.returncode, "every machine that reaches it" in done.stderr) == (0, True)
    refused = run("mock", "--host", "0.0.0.0", "--admin")  # noqa: S104  and refused
    assert (refused.returncode, "for this machine alone" in refused.stderr) == (ExitCode.UNUSABLE, True)


def test_the_mock_lists_its_scenarios_and_choices(run: Run) -> None:
    assert "field-added" in run("mock", "--scenarios").stdout
    assert "wrong-content-type" in run("mock", "--choices").stdout


def test_credentials_outside_ascii_are_refused_without_being_printed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPAY_PRIVATE_KEY", "schlüssel")
    done = run("mock", "--port", "0")
    assert (done.returncode, "schl" in done.stderr) == (ExitCode.UNUSABLE, False)


def test_without_its_extra_the_mock_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opay_contract.mock.serving", None)
    monkeypatch.delattr(mock_module, "serving", raising=False)
    assert "pip install 'opay-contract[mock]'" in run("mock").stderr


def test_the_reference_is_written_once_and_then_current(run: Run, tmp_path: Path) -> None:
    assert run("docs", "--output", tmp_path / "out").returncode == 0
    assert run("docs", "--output", tmp_path / "out", "--check").returncode == 0
    stale = run("docs", "--output", tmp_path / "elsewhere", "--check")
    told = "stale; what makes it anew: opay-contract docs" in stale.stderr
    assert (stale.returncode, told) == (ExitCode.FINDINGS, True)


def test_the_reference_is_not_checked_and_served_at_once(run: Run, tmp_path: Path) -> None:
    assert "contradict each other" in run("docs", "--output", tmp_path, "--check", "--serve").stderr


def test_a_folder_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot make the folder" in run("docs", "--output", tmp_path / "file" / "below").stderr


@each(
    ("targets", "output", "reason"),
    [
        ((Target(format="text"), Target(format="json")), None, "have no file"),
        ((Target(format="text", file=Path("a")),), Path("b"), "each --format names its own"),
        ((Target(format="text", file=Path("a")), Target(format="json")), Path("a"), "the same file"),
    ],
)
def test_reports_that_would_mix_are_refused(
    targets: tuple[Target, ...], output: Path | None, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        assign_files(targets, output)


def test_a_report_cannot_go_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write to"):
        write_atomically(tmp_path / "none" / "report", "text")


def test_a_file_that_cannot_take_its_place_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UsageError, match="No space left"):
        write_atomically(tmp_path / "report", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_as_it_is() -> None:
    write_atomically(Path(os.devnull), "text")
    assert Path(os.devnull).is_char_device()


def test_a_reader_who_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        write_report("text", None)
        assert os.path.samestat(os.fstat(gone.fileno()), os.stat(os.devnull))  # noqa: PTH116  a descriptor's


def test_progress_is_shown_to_a_watched_terminal_once_the_work_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = iter([0.0, 0.5, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments, 3.0))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with running.watch_progress() as on_progress:
        on_progress(1)
        assert capsys.readouterr().err == ""
        on_progress(2)
        on_progress(3)
    assert capsys.readouterr().out == ""


def test_five_notes_on_a_contract_are_said_and_further_ones_counted(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = load_contract(repository)
    more = "note: 1 more statement left out; `opay-contract spec` names them\n"
    for notes, is_cut in (("12345", False), ("123456", True)):
        running.print_notes(replace(contract, notes=tuple(notes)))
        said = "".join(f"note: {one}\n" for one in "12345")
        assert capsys.readouterr().err == said + more * is_cut


def test_short_work_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(running, "_start_progress", failing(AssertionError()))
    with running.watch_progress() as on_progress:
        on_progress(1)


def test_merge_ends_with_what_it_joined(run: Run, repository: Path) -> None:
    clean = repository / "contract_tests/recordings/clean/requests.ndjson"
    for name in ("a.json", "b.json"):
        run("check", clean, "--save-summary", name)
    done = run("merge", "a.json", "b.json", "a.json")
    assert done.stderr.splitlines()[-1] == "Merged 2 summaries: 26 exchanges."


@pytest.mark.usefixtures("served")
def test_a_mock_that_records_ends_with_what_became_of_it(run: Run) -> None:
    assert run("mock", "--record", "r.ndjson").stderr == "Recorded nothing to 'r.ndjson'.\n"


def test_a_suite_that_found_something_failed_and_one_that_asked_too_little_is_no_success(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("a test", Discrepancy(rule="type-mismatch", found="integer", asked="POST"))]
    for ended, changes, code in (
        (pytest.ExitCode.OK, {}, ExitCode.CLEAN),
        (pytest.ExitCode.OK, {"was_cut_short": True}, ExitCode.INCOMPLETE),
        (pytest.ExitCode.TESTS_FAILED, {"failed": found}, ExitCode.FINDINGS),
        (pytest.ExitCode.TESTS_FAILED, {"failed": found, "was_cut_short": True}, ExitCode.FINDINGS),
        (pytest.ExitCode.TESTS_FAILED, {"was_cut_short": True}, ExitCode.INCOMPLETE),
        (pytest.ExitCode.NO_TESTS_COLLECTED, {}, ExitCode.NOTHING_CHECKED),
        (pytest.ExitCode.INTERNAL_ERROR, {}, ExitCode.DEFECT),
    ):

        def end(
            _arguments: object,
            plugins: list[SuiteRun],
            ended: pytest.ExitCode = ended,
            changes: dict[str, Any] = changes,
        ) -> pytest.ExitCode:
            for name, value in changes.items():
                setattr(plugins[0], name, value)
            return ended

        monkeypatch.setattr(pytest, "main", end)
        assert run("test").returncode == code, (ended, changes)
