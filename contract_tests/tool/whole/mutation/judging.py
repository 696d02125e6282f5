"""Runs the mock's tests against a mutant of the mock, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract_tests.tool.whole.mutation.mutants import Mutant, render

from opay_contract.contract.loading import load_documents

COPIED = (
    "openapi.yaml",
    "schemas",
    "tools",
    "contract_tests",
    "pyproject.toml",
    "README.md",
    ".ci",
    ".github",
)
LEFT_OUT = ("__pycache__", ".hypothesis", "node_modules", "benchmarks")

MOCK = ("contract_tests/tool/mock/test_answers.py", "contract_tests/tool/mock/test_conformance.py")
PATIENCE = 600

_PASSED, _FAILED, _BROKEN = 0, 1, 2
_CULPRIT = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a mutant was caught, and by which test."""

    mutant: str
    caught_by: str | None


def build_copy(root: Path, target: Path) -> Path:
    """Copy what the tests need, with the contract as it is rendered for mutants."""
    target.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        elif source.exists():
            shutil.copy(source, target / name)
    for name, document in load_documents(root).items():
        (target / name).write_text(render(document.value), encoding="utf-8")
    return target


def judge(mutant: Mutant, copy: Path) -> Judgement:
    """Run the mock's tests until one fails."""
    with changed(copy / mutant.file, mutant.text):
        return Judgement(mutant=mutant.name, caught_by=run(MOCK, copy))


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    before = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def run(tests: tuple[str, ...], copy: Path) -> str | None:
    """Run tests in a copy; returns the first that fails. Without other plugins, as they take long to load."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    command += ["-p", "opay_contract.pytest_plugin.plugin"]
    environment = os.environ | {
        "PYTHONPATH": str(copy / "tools"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the tests did not come to an end"
    if done.returncode == _PASSED:
        return None
    culprit = _CULPRIT.search(done.stdout)
    if done.returncode not in (_FAILED, _BROKEN) or culprit is None:
        raise RuntimeError(f"pytest could not run in {copy}:\n{done.stdout}{done.stderr}")
    return culprit[1]
