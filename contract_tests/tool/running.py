"""Runs the command in this process as a process of its own would run it; quicker by a start of Python."""

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib import resources
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from unittest import mock

from opay_contract.cli.main import main

Completed = CompletedProcess[str]

ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "COLUMNS": "80", "SOURCE_DATE_EPOCH": "1790000000"}
"""As little as a process needs, so that no setting of whoever runs the tests is in the way."""


def published_schema(path: str) -> Any:
    """Return a JSON Schema that the package carries, as `report/report-v1.schema.json`."""
    return json.loads((resources.files("opay_contract") / path).read_text(encoding="utf-8"))


class Terminal(io.BytesIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Say so to whoever asks."""
        return True


def run_command(
    *arguments: str | Path,
    cwd: Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] = ENVIRONMENT,
    stream: type[io.BytesIO] = io.BytesIO,
) -> Completed:
    """Run `opay-contract` in a folder, and return what it printed and its exit code."""
    command = ["opay-contract", *map(str, arguments)]
    out, err = (io.TextIOWrapper(stream(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    code: object = 0
    with (
        chdir(cwd),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", command),
        mock.patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    said = [one.buffer.getvalue().decode() for one in (out, err)]
    return CompletedProcess(command, int(code or 0), *said)
