"""What is named twice in one run, by whatever spelling, pattern, folder or link, is read and counted once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from opay_contract.cli.main import cli

CASES = Path(__file__).parents[2] / "tool" / "judge" / "cases"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recording of two exchanges and one of one, in which the command runs."""
    lines = (CASES / "form-never-succeeded" / "clean.ndjson").read_text(encoding="utf-8").splitlines()
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "a.ndjson").write_text(f"{lines[0]}\n{lines[1]}\n", encoding="utf-8")
    (tmp_path / "days" / "b.ndjson").write_text(f"{lines[3]}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def checked(*arguments: Any) -> tuple[int, str]:
    done = run("check", "--format", "json", *arguments)
    return json.loads(done.stdout)["summary"]["exchanges_checked"], done.stderr


WAYS: list[Callable[[Path], tuple[Any, ...]]] = [
    lambda _: ("days/a.ndjson", "days/b.ndjson", "days/a.ndjson"),
    lambda _: ("days/a.ndjson", "days/b.ndjson", "./days/../days/a.ndjson"),
    lambda folder: ("days", folder / "days" / "a.ndjson"),
    lambda _: ("days", "days/a.*"),
    lambda _: ("days/*", "days/a.ndjson"),
    lambda _: ("days/b.ndjson", "days/a.ndjson", "days/link.har"),
    lambda _: ("@list.txt", "days/a.ndjson"),
]


@pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))
def test_a_recording_that_is_named_twice_is_counted_once_with_a_note(
    way: Callable[[Path], tuple[Any, ...]], folder: Path
) -> None:
    if "days/link.har" in way(folder):
        (folder / "days" / "link.har").symlink_to(folder / "days" / "a.ndjson")
    (folder / "list.txt").write_text("days/b.ndjson\ndays/a.ndjson\n", encoding="utf-8")
    exchanges, said = checked(*way(folder))
    assert exchanges == 3
    assert said.startswith("note: '")
    assert said.endswith("': named more than once, and counted once\n")


def test_a_copy_is_another_recording_and_says_nothing(folder: Path) -> None:
    (folder / "copy.ndjson").write_bytes((folder / "days" / "a.ndjson").read_bytes())
    assert checked("days", "copy.ndjson") == (5, "")


def test_many_repeats_are_one_note(folder: Path) -> None:
    exchanges, said = checked("days", "days", folder / "days")
    assert exchanges == 3
    assert said == "note: 'days/a.ndjson', and 3 others: named more than once, and counted once\n"


@pytest.mark.usefixtures("folder")
def test_it_is_the_same_for_several_processes() -> None:
    assert checked("days", "days/a.ndjson", "--jobs", "2")[0] == 3


def test_standard_input_beside_a_file_of_the_same_text_is_counted(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["check", "-", "days"], input=(folder / "days" / "b.ndjson").read_bytes())
    assert " 4 exchanges" in done.stdout
    assert done.stderr == ""


def test_a_summary_that_is_named_twice_is_merged_once(folder: Path) -> None:
    run("check", "days", "--save-summary", "a.json")
    done = run("merge", "a.json", folder / "a.json")
    assert " 3 exchanges" in done.stdout
    assert "a.json': named more than once, and counted once" in done.stderr


def test_a_comparison_with_itself_says_so(folder: Path) -> None:
    for new in ("days", "./days", folder / "days"):
        done = run("compare", "days", new)
        assert done.exit_code == 0
        assert done.stderr == "note: OLD and NEW are the same; no difference can be found\n"
    assert run("compare", "days/a.ndjson", "days").stderr == ""


def test_the_findings_for_a_baseline_and_for_suggestions_count_it_once_too(folder: Path) -> None:
    for command in (("suggest", "days", "days"), ("baseline", "prune", "none.toml", "days", "days")):
        (folder / "none.toml").write_text("version = 1\n", encoding="utf-8")
        assert "named more than once" in run(*command).stderr
