"""Where the report goes: a file that is whole or not there, a pipe without colour, a terminal with it."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.tool.running import Terminal, run_command

from opay_contract.errors import UsageError
from opay_contract.files import write_atomically
from opay_contract.report import FORMATS

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Record = Callable[..., Path]

ESCAPE = "\x1b"
HOSTILE = "a\x1b[31mb\x9b32mc\x07d\u202ee.ndjson"
"""A file name that would colour a terminal, ring its bell and turn its text around."""


def read_terminal(command: list[str], cwd: Path, environment: dict[str, str]) -> str:
    """Return what a command writes when its streams are a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=follower, stderr=follower) as process:
        os.close(follower)
        written = b""
        while chunk := _read(leader):
            written += chunk
    os.close(leader)
    assert process.returncode in (0, 1, 4)
    return written.decode().replace("\r\n", "\n")


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 1 << 16)
    except OSError:  # Linux says EIO when the other side is closed
        return b""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "opay_contract", *map(str, arguments)]


def test_a_file_gets_what_a_pipe_gets_and_the_verdict_stays_on_standard_error(
    run: Run, tmp_path: Path
) -> None:
    for format_out in FORMATS:
        printed = run("check", "--format", format_out, "drifted").stdout
        path = tmp_path / "report"
        done = run("check", "--format", format_out, "--output", path, "drifted")
        assert (done.returncode, done.stdout) == (1, "")
        verdict, written = done.stderr.splitlines()
        assert verdict == (
            "✗ FAILED  14 errors in 24 exchanges; 5 could not be read (17 successes) · exit code 1"
        )
        assert written == f"  {format_out}: {path}"
        assert path.read_text(encoding="utf-8") == printed
        assert names_in(tmp_path) == ["report"]


def test_a_pipe_gets_lines_and_a_file_or_a_terminal_gets_the_layout(run: Run, tmp_path: Path) -> None:
    assert run("check", "drifted").stdout == run("check", "drifted", "--format", "concise").stdout
    run("check", "drifted", "--output", tmp_path / "report")
    laid_out = run("check", "drifted", "--format", "text").stdout
    assert (tmp_path / "report").read_text(encoding="utf-8") == laid_out


def test_a_report_replaces_the_one_before_and_can_be_read_by_others(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old " * 10_000, encoding="utf-8")
    run("check", "--output", path, "clean")
    assert path.read_text(encoding="utf-8").startswith("OPay Token Info By User")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_full_disk_leaves_the_old_report_and_no_other_file(
    tmp_path: Path, data: Path, environment: dict[str, str]
) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old", encoding="utf-8")
    limited = ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command("check", "--output", path, "clean")]
    done = subprocess.run(
        limited,
        cwd=data,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"error: cannot write to '{path}': File too large\n"
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["report.txt"]


@pytest.mark.parametrize("failing", ["replace", "chmod"])
def test_a_write_that_fails_late_leaves_the_old_report(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "report.txt"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(UsageError, match="Permission denied"):
        write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["report.txt"]


@pytest.mark.parametrize("below", ["no-such-folder", "a-file"])
def test_a_place_that_cannot_be_written_to_is_2_and_a_clear_line(
    below: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    path = tmp_path / below / "report.txt"
    done = run("check", "--output", path, "drifted")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot write to '{path}': ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_folder_is_no_file(run: Run, tmp_path: Path) -> None:
    done = run("check", "--output", tmp_path, "clean")
    assert done.returncode == 2
    assert "is a directory" in done.stderr


def test_an_unusable_contract_leaves_the_old_report(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old", encoding="utf-8")
    assert run("check", "--contract", tmp_path, "--output", path, "clean").returncode == 2
    assert path.read_text(encoding="utf-8") == "old"


def test_a_pipe_or_device_is_never_replaced_by_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)  # somebody has it open, so that opening it to write does not wait
    run("check", "--output", path, "clean")
    assert stat.S_ISFIFO(path.stat().st_mode)
    os.close(keeper)


def test_colour_goes_where_it_is_asked_for_and_nowhere_else(run: Run) -> None:
    plain: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
        ({"TERM": "xterm-256color"}, ()),
        ({"FORCE_COLOR": "0"}, ()),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, ()),
        ({"FORCE_COLOR": "1"}, ("--color", "never")),
    )
    coloured: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
        ({"FORCE_COLOR": "1"}, ()),
        ({"NO_COLOR": "1"}, ("--color", "always")),
        ({}, ("--color", "always")),
    )
    for format_out in ("text", "concise"):
        for variables, options in plain:
            done = run("check", "--format", format_out, "drifted", *options, **variables)
            assert ESCAPE not in done.stdout + done.stderr, (format_out, variables, options)
        for variables, options in coloured:
            done = run("check", "--format", format_out, "drifted", *options, **variables)
            assert f"{ESCAPE}[31m" in done.stdout, (format_out, variables, options)
    assert ESCAPE not in run("check", "--format", "json", "drifted", "--color", "always").stdout


def test_a_terminal_gets_colour_and_the_same_words(run: Run, data: Path, environment: dict[str, str]) -> None:
    seen = read_terminal(command("check", "drifted"), data, environment | {"TERM": "xterm-256color"})
    assert f"{ESCAPE}[31m" in seen
    plain = "".join(part.partition("m")[2] if n else part for n, part in enumerate(seen.split(ESCAPE)))
    assert plain == run("check", "drifted", "--format", "text").stdout


def test_a_terminal_gets_json_without_colour(data: Path) -> None:
    seen = run_command("check", "--format", "json", "drifted", cwd=data, stream=Terminal).stdout
    assert ESCAPE not in seen
    assert json.loads(seen)["schema_version"] == 1


def test_a_report_in_a_file_has_no_colour_even_at_a_terminal(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    done = run_command("check", "--output", path, "drifted", cwd=data, stream=Terminal)
    assert (done.stdout, done.stderr.splitlines()[1:]) == ("", [f"  text: {path}"])
    assert ESCAPE not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("format_out", ["text", "json"])
def test_the_name_of_a_file_cannot_drive_the_terminal(format_out: str, record: Record) -> None:
    folder = record("error", "unreadable", file=HOSTILE).parent
    done = run_command("check", "--format", format_out, HOSTILE, cwd=folder, stream=Terminal)
    seen = done.stdout + done.stderr
    assert (ESCAPE in seen) == (format_out == "text")
    assert seen.count(".ndjson") > 1
    assert [hit for hit in ("\x1b[31mb", "\x9b", "\x07", "\u202e") if hit in seen] == []


@pytest.mark.parametrize("format_out", ["text", "json"])
def test_the_name_of_a_file_need_not_be_utf8(
    format_out: str, run: Run, lines: dict[str, str], tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / os.fsdecode(b"\xff.ndjson")).write_text(lines["error"], encoding="utf-8")
    done = run("check", "--format", format_out, recordings)
    assert (done.returncode, done.stderr) == (1, "")
    written = run("check", "--format", format_out, "--output", tmp_path / "report", recordings)
    assert (written.returncode, written.stdout) == (1, "")
    assert names_in(tmp_path) == ["recordings", "report"]


def test_names_in_other_scripts_stay_readable(run: Run, record: Record) -> None:
    folder = record("error", file="عميل-客户.ndjson").parent
    said = run("check", "عميل-客户.ndjson", cwd=folder).stdout.splitlines()[0]
    assert re.match(r"عميل-客户\.ndjson:1:[0-9]+: error ", said)
