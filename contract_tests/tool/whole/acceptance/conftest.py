"""Runs the command, and compares reports with golden files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.running import Completed, run_command

import opay_contract

HERE = Path(__file__).parent
DATA = HERE / "data"
REPOSITORY = HERE.parents[3]

Run = Callable[..., Completed]

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
    "PYTHONIOENCODING": "utf-8:strict",
    "COLUMNS": "80",
    "LINES": "24",
    "SOURCE_DATE_EPOCH": "1790000000",
}
"""As little as a process needs, so that no setting of whoever runs the tests is in the way."""


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return ENVIRONMENT


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of this folder's own recordings: clean/ and drifted/."""
    return DATA


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs `opay-contract` in the folder of the recordings."""

    def run_here(*arguments: str | Path, cwd: Path = DATA, stdin: bytes = b"", **variables: str) -> Completed:
        return run_command(*arguments, cwd=cwd, stdin=stdin, environment=ENVIRONMENT | variables)

    return run_here


@pytest.fixture(scope="session")
def lines() -> dict[str, str]:
    """Return a recorded line for each severity, one that is clean, and ones that are none."""
    clean, warning = _lines("clean")[0], _lines("drifted")[16]
    info, error = _lines("drifted")[12], _lines("drifted")[3]
    return {
        "clean": clean,
        "info": info,
        "warning": warning,
        "error": error,
        "unreadable": '{"request": {}, "response": {"status": "no"}}',
        "elsewhere": json.dumps({**json.loads(clean), "request": {"url": "https://shop.example/"}}),
    }


@pytest.fixture
def record(tmp_path: Path, lines: dict[str, str]) -> Callable[..., Path]:
    """Return a function that writes a recording of the named lines."""

    def write(*names: str, file: str = "calls.ndjson") -> Path:
        path = tmp_path / file
        path.write_text("".join(f"{lines[name]}\n" for name in names), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def assert_golden() -> Callable[[str, str], None]:
    """Return the comparison with a golden file; UPDATE_GOLDEN=1 writes the file."""

    def compare(name: str, actual: str) -> None:
        golden = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            golden.write_text(actual, encoding="utf-8")
        assert actual == golden.read_text(encoding="utf-8")

    return compare


def _lines(folder: str) -> list[str]:
    text = (DATA / folder / "calls.ndjson").read_text(encoding="utf-8")
    return text.splitlines()


@pytest.fixture(scope="session")
def report() -> Callable[..., Any]:
    """Return a function that runs `check --format json` and returns the report."""

    def run_json(run: Run, *arguments: str | Path, **options: Any) -> Any:
        return json.loads(run("check", "--format", "json", *arguments, **options).stdout)

    return run_json
