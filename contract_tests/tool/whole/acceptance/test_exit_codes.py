"""What the shell hears: 0 clean, 1 findings, 2 unusable, 3 nothing checked, 4 not all could be read."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.usual import each

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Record = Callable[..., Path]

FAIL_ON = ("error", "warning", "info")
CODES = [
    # what is recorded, and the code for --fail-on error, warning, info
    (("clean",), (0, 0, 0)),
    (("clean", "info"), (0, 0, 1)),
    (("info",), (1, 1, 1)),  # a refusal: nothing succeeded
    (("clean", "warning"), (0, 1, 1)),
    (("clean", "error"), (1, 1, 1)),
    (("warning", "error", "info"), (1, 1, 1)),
    (("elsewhere",), (3, 3, 3)),
    (("elsewhere", "clean"), (0, 0, 0)),
    (("unreadable",), (4, 4, 4)),
    (("unreadable", "elsewhere"), (4, 4, 4)),
    (("unreadable", "clean"), (4, 4, 4)),
    (("unreadable", "clean", "info"), (4, 4, 1)),
    (("unreadable", "info"), (1, 1, 1)),
    (("unreadable", "warning"), (4, 1, 1)),
    (("unreadable", "error"), (1, 1, 1)),
]


@pytest.mark.parametrize(
    ("names", "fail_on", "code"),
    [(names, fail_on, code) for names, codes in CODES for fail_on, code in zip(FAIL_ON, codes, strict=True)],
)
def test_the_code_follows_from_what_is_recorded_and_from_fail_on(
    names: tuple[str, ...], fail_on: str, code: int, run: Run, record: Record
) -> None:
    done = run("check", "--fail-on", fail_on, record(*names))
    assert done.returncode == code
    assert done.stderr == ""


def test_fail_on_is_error_when_nothing_is_said(run: Run, record: Record) -> None:
    assert run("check", record("warning")).returncode == 0
    assert run("check", record("error")).returncode == 1


def test_the_summary_says_both_when_findings_win_over_unreadable_input(run: Run, record: Record) -> None:
    done = run("check", record("unreadable", "error"))
    assert done.returncode == 1
    assert "FAILED  1 error in 1 exchange" in done.stdout
    assert "; 1 could not be read" in done.stdout


def test_the_summary_says_both_when_unreadable_input_wins(run: Run, record: Record) -> None:
    done = run("check", record("unreadable", "warning"))
    assert done.returncode == 4
    assert "INCOMPLETE  1 could not be read; 1 warning in 1 exchange" in done.stdout


def test_the_format_of_the_report_does_not_change_the_code(run: Run, record: Record, tmp_path: Path) -> None:
    for names, code in (("clean",), 0), (("error",), 1), (("elsewhere",), 3), (("unreadable",), 4):
        recording = record(*names)
        assert run("check", "--format", "json", recording).returncode == code
        assert run("check", "--output", tmp_path / "report.txt", recording).returncode == code


@pytest.mark.parametrize(
    "content",
    [b'{"log": {"version": "1.2", "entries": []}}', b"interactions: []\nversion: 1\n"],
    ids=["har", "vcr"],
)
def test_zero_checked_is_never_success(content: bytes, run: Run) -> None:
    done = run("check", "-", stdin=content)
    assert done.returncode == 3
    assert "NOTHING CHECKED  the file holds no exchange" in done.stdout


def test_an_empty_folder_is_no_success(run: Run, tmp_path: Path) -> None:
    assert run("check", tmp_path).returncode == 3


@each("fail_on", FAIL_ON)
def test_zero_checked_is_no_success_whatever_fails_the_run(fail_on: str, run: Run, record: Record) -> None:
    assert run("check", "--fail-on", fail_on, record("elsewhere")).returncode == 3


@each("content", [b"", b"  \n", b"just text\n", b"\xff\xfe{\x00", b"\x1f\x8bgarbage"])
def test_a_file_that_cannot_be_read_is_said_to_be_so(content: bytes, run: Run) -> None:
    done = run("check", "-", stdin=content)
    assert done.returncode == 4
    assert "-: unreadable: " in done.stdout
    assert "INCOMPLETE  1 could not be read; nothing was checked" in done.stdout


def test_a_path_that_is_not_there_is_refused_before_anything_runs(run: Run, record: Record) -> None:
    done = run("check", "no-such-file.har", record("clean"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: no such file or folder: 'no-such-file.har'\n"


def test_what_a_list_names_and_is_not_there_does_not_end_the_run(
    run: Run, record: Record, tmp_path: Path
) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"no-such-file.har\n{record('clean')}\n", encoding="utf-8")
    done = run("check", f"@{listed}")
    assert done.returncode == 4
    assert f"{listed}:1: unreadable: line 1: cannot be read: no such file or directory" in done.stdout
    assert "no-such-file" not in done.stdout + done.stderr
    assert "in 1 exchange" in done.stdout


@each(
    ("arguments", "said"),
    [
        (["check"], "Missing argument"),
        (["check", "--fail-on", "panic", "clean"], "'panic' is not one of"),
        (["check", "--format", "xml", "clean"], "'xml' is not one of"),
        (["check", "--format-in", "pcap", "clean"], "'pcap' is not one of"),
        (["check", "--colour", "clean"], "No such option"),
        (["check", "--base-url", "localhost:8000", "clean"], "has no host"),
        (["check", "--base-url", "/v1", "clean"], "has no host"),
        (["check", "--contract", "no-such-folder", "clean"], "no such file or folder"),
        (["chekc", "clean"], "No such command"),
    ],
)
def test_what_cannot_be_understood_is_2_and_a_line_on_standard_error(
    arguments: list[str], said: str, run: Run
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_base_url_that_is_no_url_is_a_usage_error(run: Run) -> None:
    done = run("check", "--base-url", "http://[not-an-address", "clean")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def await_sleep(pid: int) -> None:
    """Wait until a process waits for input: a signal just before that is seen only after it."""
    stat = Path(f"/proc/{pid}/stat")
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        states = set()
        for _ in range(5):
            states.add(stat.read_text(encoding="ascii").rpartition(")")[2].split()[0])
            time.sleep(0.02)
        if states == {"S"}:
            return


def test_an_interrupted_run_is_130(tmp_path: Path, environment: dict[str, str]) -> None:
    pipe = tmp_path / "pipe.ndjson"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "opay_contract", "check", str(pipe)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    with pipe.open("wb"):  # opens when the command has opened it to read
        await_sleep(process.pid)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "INTERRUPTED  not everything was checked" in stdout
    assert stderr == ""


@pytest.mark.parametrize(("name", "code"), [("clean", 0), ("error", 1)])
def test_a_reader_that_goes_away_does_not_change_the_verdict(
    name: str, code: int, record: Record, environment: dict[str, str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "opay_contract", "check", str(record(name))]
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == code
