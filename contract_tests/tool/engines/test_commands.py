"""The options that spread the work, from the command line: what they refuse, keep, join and tell."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from contract_tests.usual import each

from opay_contract.cli import check as check_module
from opay_contract.cli import running
from opay_contract.cli.main import main
from opay_contract.errors import ExitCode

Run = Callable[..., tuple[int, str, str]]
RECORDINGS = Path(__file__).parents[2] / "recordings"
CLEAN, DRIFTED = RECORDINGS / "clean" / "requests.ndjson", RECORDINGS / "drifted" / "requests.ndjson"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")  # so that reports are of the same time

    def run_command(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["opay-contract", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run_command


@each(
    ("options", "said"),
    [
        (["--scheduler", "tcp://h:1", CLEAN], "--scheduler is of a Dask cluster; give --engine dask, too"),
        (
            ["--engine", "dask", "--scheduler", "tcp://h:1", "--jobs", "2", CLEAN],
            "--jobs is for this machine",
        ),
        (["--engine", "dask", "-"], "leave --engine dask out, or name files"),
        (["--jobs", "2", "-"], "leave --jobs out, or name files"),
        (["--resume", "x", "-"], "leave --resume out, or name files"),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(run: Run, options: list[Any], said: str) -> None:
    code, _, error = run("check", *options)
    assert code == ExitCode.UNUSABLE
    assert said in error


def test_without_the_extra_the_option_says_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr(check_module, "import_module", missing)
    code, _, error = run("check", "--engine", "dask", CLEAN)
    assert code == ExitCode.UNUSABLE
    assert error == "error: --engine dask needs Dask; pip install 'opay-contract[dask]'\n"


def test_a_run_that_is_resumed_says_what_it_took_over(run: Run, tmp_path: Path) -> None:
    again = ["check", CLEAN, DRIFTED, "--format", "json", "--resume", tmp_path / "done.jsonl"]
    first = run(*again)
    assert first[2] == ""
    assert run(*again)[:2] == first[:2]
    assert run(*again)[2] == f"2 finished parts taken over from '{tmp_path / 'done.jsonl'}'\n"


def test_merged_summaries_give_the_report_of_one_run(run: Run, tmp_path: Path) -> None:
    turned = tmp_path / "a.ndjson"  # so that the order of lines and names is not that of the runs
    turned.write_bytes(b"".join(reversed(DRIFTED.read_bytes().splitlines(keepends=True))))
    days = {"1-monday": CLEAN, "2-tuesday": DRIFTED, "3-wednesday": turned}
    for name, path in days.items():
        run("check", path, "--save-summary", tmp_path / name)
    code, merged, _ = run("merge", *(tmp_path / name for name in days), "--format", "json")
    checked = run("check", *days.values(), "--format", "json")
    reports = [json.loads(text) for text in (merged, checked[1])]
    for report in reports:
        del report["run"]["inputs"], report["run"]["files"]  # summaries, and recordings
    assert reports[0] == reports[1]
    assert code == checked[0] == ExitCode.FINDINGS
    assert reports[0]["summary"]["exchanges_checked"] == 83


def test_what_is_no_summary_is_not_merged(run: Run, tmp_path: Path) -> None:
    for path in (CLEAN, tmp_path / "nowhere"):
        code, _, error = run("merge", path)
        assert code == ExitCode.UNUSABLE
        assert str(path) in error


def test_a_store_is_read_without_a_cluster(run: Run) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/c/x.ndjson", CLEAN.read_bytes())
    code, out, _ = run("check", "memory://c")
    store.rm("/c", recursive=True)
    assert code == ExitCode.CLEAN
    assert " 13 exchanges" in out


def test_other_commands_read_stores_and_patterns_too(run: Run, tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/old/x.ndjson", CLEAN.read_bytes())
    store.pipe("/new/x.ndjson", DRIFTED.read_bytes())
    report = json.loads(run("check", DRIFTED, "--format", "json")[1])
    fingerprint, expiry = report["findings"][-1]["fingerprint"], f"{datetime.now(UTC).date()}"
    accepted = ("--fingerprint", fingerprint, "--reason", "known", "--expires", expiry)
    added = run("baseline", "add", tmp_path / "baseline.toml", "memory://new", *accepted)
    compared, suggested = run("compare", "memory://old", "memory://n*"), run("suggest", "memory://new")
    store.rm("/old", recursive=True)
    store.rm("/new", recursive=True)
    by_file = run("compare", CLEAN, DRIFTED)
    named = compared[1].replace("memory:///new/x.ndjson", str(DRIFTED))
    assert named.split() == by_file[1].split(), "lines are broken at the length of the name"
    assert suggested[1] == run("suggest", DRIFTED)[1] != ""
    assert (added[0], compared[0], suggested[0]) == (ExitCode.CLEAN, ExitCode.FINDINGS, ExitCode.CLEAN)


def test_progress_tells_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments, 4.0))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    told: list[str] = []
    with running.watch_progress() as on_progress:
        on_progress(10)
        bar = on_progress.__self__._progress  # type: ignore[attr-defined]  # noqa: SLF001
        told.append(bar.tasks[0].fields["rate"])
        on_progress(4000)
        told.append(bar.tasks[0].fields["rate"])
    assert told == ["5 a second", "1,000 a second"]


@pytest.mark.thorough
def test_every_engine_writes_the_same_report(run: Run, traffic: Path) -> None:
    command = ["check", traffic, RECORDINGS, "--format", "json"]
    alone = run(*command)
    assert run(*command, "--jobs", "2") == alone
    assert run(*command, "--engine", "dask", "--jobs", "2") == alone


def test_dask_is_not_imported_unless_it_is_asked_for() -> None:
    script = (
        "import sys; from opay_contract.cli import check; "
        "print(sorted({'dask', 'distributed', 'fsspec', 'pyarrow', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
