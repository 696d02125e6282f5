"""Runs the command in this process: what it prints and its exit code, at a tenth of a process's cost."""

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from click.testing import CliRunner

from opay_contract.cli.main import main


def run_in_process(
    arguments: Iterable[str | Path], cwd: Path, environment: Mapping[str, str], stdin: bytes = b""
) -> "CompletedProcess[str]":
    """Run `opay-contract` in a folder, with these variables alone, its streams no terminal."""
    command = ["opay-contract", *map(str, arguments)]
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", command),
        CliRunner().isolation(input=stdin) as (stdout, stderr, _),
    ):
        code = _exit_code()
        sys.stdout.flush()
        printed, said = stdout.getvalue(), stderr.getvalue()
    return CompletedProcess(command, code, stdout=_text(printed), stderr=_text(said))


def _exit_code() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)


def _text(printed: bytes) -> str:
    return printed.decode().replace("\r\n", "\n")
