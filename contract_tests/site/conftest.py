"""A folder as the docs assume one, a shell in it that knows the command, and the site as it is built."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import opay_contract

REPOSITORY = Path(__file__).parents[2]
RECORDINGS = REPOSITORY / "contract_tests" / "recordings"
CLEAN = RECORDINGS / "clean" / "requests.ndjson"
SANDBOX = "https://sandbox-cashierapi.opaycheckout.com"
PATIENCE = 120
BASH = ("bash", "-euo", "pipefail", "-c")
MISMATCHED = 23
"""The drifted call whose answer is about another customer, counted from 0."""

PIP = '''#!{python}
"""Stands in for pip, which would ask an index: refuses what the project does not offer or does not need."""
import re, sys
from importlib import metadata
words = [word for word in sys.argv[2:] if word != "-e"]
offered = set(metadata.metadata("opay-contract").get_all("Provides-Extra"))
for word in words:
    name, extras = re.fullmatch(r"([a-z.-]+)(?:\\[([a-z,]+)\\])?", word).groups()
    metadata.distribution("opay-contract" if name == "." else name)
    assert set((extras or "").split(",")) - {{""}} <= offered, word
assert sys.argv[1] == "install" and words
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs what a page says, in a folder of the page's own."""

    folder: Path
    environment: dict[str, str]

    def run(self, text: str) -> tuple[int, str]:
        """Run commands and return the exit code, and what they print."""
        done = subprocess.run(
            [*BASH, text],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout

    def serve(self, text: str) -> tuple[int, str]:
        """Start what serves, wait for its address, and stop it with SIGTERM."""
        serving = subprocess.Popen(
            [*BASH, f"trap : TERM\n{text}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that the signal reaches what the shell started
        )
        assert serving.stdout
        with serving:
            said = ""
            while "address: " not in said and (line := serving.stdout.readline()):
                said += line
            if "address: " in said:
                os.killpg(serving.pid, signal.SIGTERM)
            rest, _ = serving.communicate(timeout=PATIENCE)
        return serving.returncode, said + rest


@pytest.fixture
def shell_of(tmp_path: Path) -> Callable[[str], Shell]:
    """Return a function that makes the shell and the folder for a page."""

    def build(page: str) -> Shell:
        folder = tmp_path / "folder"
        shutil.copytree(REPOSITORY / "schemas", folder / "schemas")
        shutil.copy(REPOSITORY / "openapi.yaml", folder)
        (folder / "contract_tests").mkdir()
        (folder / "contract_tests" / "recordings").symlink_to(RECORDINGS)
        _record(folder, with_drift=page.endswith("accept-a-drift.md"))
        shell = Shell(folder=folder, environment=_environment(tmp_path))
        assert shell.run("opay-contract redact calls.ndjson -o sandbox.ndjson")[0] == 0  # as a run leaves it
        return shell

    return build


def _environment(home: Path) -> dict[str, str]:
    """Return what a block finds: the installed command, no index, no credentials."""
    programs = home / "programs"
    programs.mkdir()
    (programs / "pip").write_text(PIP.format(python=sys.executable), encoding="utf-8")
    (programs / "pip").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    source = str(Path(opay_contract.__file__).parents[1])
    return {
        "PATH": path,
        "PYTHONPATH": source,
        "PYTHONUNBUFFERED": "1",
        "HOME": str(home),
        "LOGNAME": "mona",
        "LANG": "C.UTF-8",
    }


def _record(folder: Path, *, with_drift: bool) -> None:
    """Write the recordings that pages name; with drift, one call got the answer to another question."""
    clean = CLEAN.read_text(encoding="utf-8")
    drifted = (
        (RECORDINGS / "drifted" / "requests.ndjson").read_text(encoding="utf-8").splitlines(keepends=True)
    )
    calls = clean + drifted[MISMATCHED] if with_drift else clean
    for name in ("recordings", "monday", "tuesday"):
        (folder / name).mkdir()
    for name in ("recordings/calls.ndjson", "monday/calls.ndjson", "tuesday/calls.ndjson", "calls.ndjson"):
        (folder / name).write_text(calls, encoding="utf-8")
    (folder / "mock.ndjson").write_text(clean.replace(SANDBOX, "http://127.0.0.1:8000"), encoding="utf-8")
    shutil.copy(RECORDINGS / "clean" / "chromium-sensitive.har", folder / "traffic.har")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site as the command of the README builds it, into another folder."""
    output = tmp_path_factory.mktemp("site")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    command = next(line for line in readme.splitlines() if line.startswith("sphinx-build"))
    words = [str(output) if word == "build/site" else word for word in command.split()]
    assert str(output) in words
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return output
