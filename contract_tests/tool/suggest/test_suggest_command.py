"""The command: what it prints and writes, what it refuses, and its exit codes."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from contract_tests.tool.running import run_command

from opay_contract.cli.main import cli
from opay_contract.contract import documents
from opay_contract.engines.folding import check_sources
from opay_contract.errors import UsageError
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest.suggestion import Thresholds

from .conftest import Bench, Traffic
from .test_suggesting import DRIFT


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.ndjson"
    path.write_text(Traffic(change=DRIFT["null"][1]).lines(), encoding="utf-8")
    return path


def invoke(*arguments: str | Path) -> Result:
    """Run the command in this process, which is quicker."""
    return CliRunner().invoke(cli, [*map(str, arguments)])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_is_touched_until_write_and_then_only_what_the_diff_says(bench: Bench, calls: Path) -> None:
    before, run = files(bench.folder), partial(run_command, cwd=bench.folder)
    done = run("suggest", "--contract", bench.folder, calls)
    assert (done.returncode, done.stderr) == (1, "")
    assert "The contract is too narrow (1), in the patch below" in done.stdout
    assert f"seen at least {Thresholds().count} times" in done.stdout
    assert files(bench.folder) == before
    written = run("suggest", "--contract", bench.folder, "--write", calls)
    assert (written.returncode, written.stdout) == (0, done.stdout)
    assert written.stderr.count("written: ") == 2
    after = files(bench.folder)
    changed = {Path(name).name for name in after if after[name] != before.get(name)}
    assert changed == {"openapi.yaml", "card-token.json"}
    again = run("suggest", "--contract", bench.folder, calls)
    assert again.returncode == 0
    assert "0 changes" in again.stdout
    assert run("check", "--contract", bench.folder, calls).returncode == 0


def test_a_saved_summary_suggests_what_its_recordings_do(bench: Bench, calls: Path) -> None:
    saved = calls.with_name("summary.json")
    invoke("check", "--contract", bench.folder, "--save-summary", saved, calls)
    done = invoke("suggest", "--contract", bench.folder, "--from", saved)
    assert done.exit_code == 1
    assert done.stdout == invoke("suggest", "--contract", bench.folder, calls).stdout
    assert invoke("suggest", "--contract", bench.folder, "--from", saved, "--write").exit_code == 0
    assert invoke("suggest", "--contract", bench.folder, "--from", saved).exit_code == 0


def test_other_formats_go_where_they_are_sent(bench: Bench, calls: Path) -> None:
    done = invoke(
        "suggest",
        "--contract",
        bench.folder,
        "--format",
        "json",
        "--output",
        calls.with_name("s.json"),
        calls,
    )
    assert (done.exit_code, done.stdout) == (1, "")
    assert json.loads(calls.with_name("s.json").read_text(encoding="utf-8"))["schema_version"] == 1
    folder = calls.with_name("overlays")
    invoke("suggest", "--contract", bench.folder, "--format", "overlay", "--output", folder, calls)
    assert sorted(path.name for path in folder.iterdir()) == [
        "card-token.overlay.json",
        "openapi.overlay.json",
    ]


def test_thresholds_and_time_change_what_is_regular(bench: Bench, calls: Path) -> None:
    wide: tuple[str | Path, ...] = ("suggest", "--contract", bench.folder, calls)
    assert invoke(*wide, "--min-count", "57").exit_code == 0
    assert invoke(*wide, "--min-days", "5").exit_code == 0
    assert invoke(*wide, "--since", "2026-05-03").exit_code == 0
    done = invoke(*wide, "--since", "2026-05-03", "--min-days", "2")
    assert done.exit_code == 1
    assert "on at least 2 days" in done.stdout


def test_exit_codes_tell_nothing_checked_and_unreadable_input(
    bench: Bench, tmp_path: Path, calls: Path
) -> None:
    broken = tmp_path / "broken.ndjson"
    broken.write_text(Traffic().lines() + "{\n", encoding="utf-8")
    contract = ("--contract", bench.folder)
    assert invoke("suggest", *contract, calls, "--since", "2030-01-01").exit_code == 3
    done = invoke("suggest", *contract, broken)
    assert done.exit_code == 4
    assert "1 could not be read" in done.stdout
    assert invoke("suggest", *contract, broken, calls).exit_code == 1
    assert invoke("suggest", *contract, broken, calls, "--write").exit_code == 4


def test_a_contract_that_changed_meanwhile_is_not_written(
    bench: Bench, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_slowly(*arguments: Any, **others: Any) -> DriftSummary:
        with (bench.folder / "schemas" / "customer.json").open("a") as file:
            file.write("\n")
        return check_sources(*arguments, **others)

    monkeypatch.setattr("opay_contract.engines.folding.check_sources", check_slowly)
    before = files(bench.folder)
    done = invoke("suggest", "--contract", bench.folder, "--write", calls)
    assert isinstance(done.exception, UsageError)
    assert "customer.json has changed meanwhile; nothing was written" in str(done.exception)
    after = files(bench.folder)
    assert [Path(name).name for name in before if before[name] != after[name]] == ["customer.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name recordings, or a saved summary with --from"),
        (("--from", "s.json", "--since", "2026-05-01"), "a saved summary is taken whole"),
        (("--from", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    done = run_command("suggest", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr


def test_the_copy_inside_an_installed_package_is_never_written(
    tmp_path: Path, bench: Bench, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = tmp_path / "opay_contract" / "_contract"
    shutil.copytree(bench.folder, carried)
    monkeypatch.setattr(documents, "_PACKAGE", carried.parent)
    before = files(carried)
    for contract in ((), ("--contract", carried)):
        done = run_command("suggest", *contract, "--write", calls, cwd=tmp_path)
        assert done.returncode == 2
        assert "--write is for a contract of your own" in done.stderr
    assert files(carried) == before
    assert run_command("suggest", calls, cwd=tmp_path).returncode == 1
