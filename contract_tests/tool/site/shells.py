"""A shell in which pages and jobs run as they stand: the installed command, no index, no credentials.

Lines that need no shell of theirs call the command in this process, which spares starting Python.
"""

import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import yaml

import opay_contract
from opay_contract.cli.main import main

REPOSITORY = Path(__file__).parents[3]
ACTION: Any = yaml.safe_load(
    (REPOSITORY / ".github/actions/opay-contract/action.yml").read_text(encoding="utf-8")
)
RECORDINGS = REPOSITORY / "contract_tests" / "recordings"
CLEAN = RECORDINGS / "clean" / "requests.ndjson"
SANDBOX = "https://sandbox-cashierapi.opaycheckout.com"
PATIENCE = 120
BASH = ("bash", "-euo", "pipefail", "-c")
MISMATCHED = 23
"""The drifted call whose answer is about another customer, counted from 0."""

STAND_INS = {
    "pip": '''#!{python}
"""Stands in for pip, which would ask an index: refuses what the project does not offer or does not need."""
import re, sys
from importlib import metadata
OURS = "opay-contract"
command, *words = [word for word in sys.argv[1:] if word not in ("-e", "--quiet")]
if command == "wheel":
    assert words == ["--no-deps", "--wheel-dir", "wheels", "."], words
    sys.exit()
assert command == "install" and words
wheel = f"./wheels/opay_contract-{{metadata.version(OURS)}}-py3-none-any.whl"
offered = set(metadata.metadata(OURS).get_all("Provides-Extra"))
for word in words:
    name, extras, source = re.fullmatch(r"([^[@ ]+)(?:\\[([a-z,]+)\\])?(?: @ (.+))?", word).groups()
    if name == OURS:  # which is in no index
        assert source == "git+https://github.com/OWNER/REPOSITORY@REF", word
    elif name not in (".", wheel):
        metadata.distribution(name)
        continue
    assert set((extras or "").split(",")) - {{""}} <= offered, word
''',
    "python3": """#!/bin/sh
# Makes of a new environment one that has everything.
if [ "$1 $2" != "-m venv" ]; then exec "{python}" "$@"; fi
mkdir -p "$3"; ln -sfn "$(dirname "$0")" "$3/bin"
""",
    "python": '#!/bin/sh\nexec "{python}" "$@"\n',
    "activate": 'PATH="$PWD/.venv/bin:$PATH"\n',
}
"""What pages call and must not do here."""


OF_A_PROCESS = ("test",)
"""Commands that run pytest, which would meet what the tests around it have settled for hypothesis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs what a page says, in a folder of the page's own, as a clone that has recordings in it."""

    folder: Path
    environment: Mapping[str, str]
    is_installed: bool = False
    """Whether `opay-contract` is one that its environment has, so that nothing of it may run here."""

    def having(self, variables: Mapping[str, str]) -> Self:
        """Return a shell in the same folder that has more variables."""
        return replace(self, environment={**self.environment, **variables})

    def run(self, text: str) -> tuple[int, str]:
        """Run commands to the first that fails; return the exit code, and what they print."""
        lines = text.replace("\\\n", " ").splitlines()
        if self.is_installed or not all(map(_is_plain, lines)):
            return self._run_in_bash(text)
        said, exported = "", dict[str, str]()
        for line in lines:
            words = shlex.split(line, comments=True)
            if words[:1] == ["export"]:
                exported |= dict(word.split("=", 1) for word in words[1:])
            elif words:
                code, printed = self._run_one(line, words, exported)
                said += printed
                if code:
                    return code, said
        return 0, said

    def _run_one(self, line: str, words: list[str], exported: Mapping[str, str]) -> tuple[int, str]:
        start = next(number for number, word in enumerate(words) if "=" not in word)
        if words[start] != "opay-contract" or words[start + 1] in OF_A_PROCESS:
            return self.having(exported)._run_in_bash(line)  # noqa: SLF001  its own
        assigned = dict(word.split("=", 1) for word in words[:start])
        variables = {**self.environment, **exported, **assigned}
        written = io.BytesIO()
        printed = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
        with (
            chdir(self.folder),
            patch.dict(os.environ, variables, clear=True),
            patch.object(sys, "argv", words[start:]),
            redirect_stdout(printed),
            redirect_stderr(printed),
        ):
            try:
                main()
            except SystemExit as done:
                code = done.code
        assert isinstance(code, int)
        return code, written.getvalue().decode()

    def _run_in_bash(self, text: str) -> tuple[int, str]:
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
        with self.serving(text) as (process, said):
            pass
        return process.returncode, "".join(said)

    @contextmanager
    def serving(self, text: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
        """Serve for as long as the context lasts; what it says is there to its end when that is over."""
        process = subprocess.Popen(
            [*BASH, f"trap : TERM\n{text}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that the signal reaches what the shell started
        )
        assert process.stdout
        said: list[str] = []
        with process:
            while "address: " not in "".join(said) and (line := process.stdout.readline()):
                said.append(line)
            try:
                yield process, said
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                said.append(process.communicate(timeout=PATIENCE)[0])

    def act(self, **inputs: str) -> tuple[int, str, dict[str, str]]:
        """Do the check of the composite action; return its exit code, what it prints, and its outputs."""
        given = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | inputs
        _install, check = ACTION["runs"]["steps"]
        runner = self.folder.parent / "runner"
        command = runner / "opay-contract" / "bin" / "opay-contract"
        command.parent.mkdir(parents=True, exist_ok=True)
        if not command.exists():
            command.symlink_to(Path(sys.executable).parent / "opay-contract")
        outputs = runner / "outputs"
        variables = {name: given[_input_of(value)] for name, value in check["env"].items()}
        shell = self.having(variables | {"RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(outputs)})
        code, said = shell.run(check["run"])
        lines = outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []
        outputs.unlink(missing_ok=True)
        return code, said, dict(line.split("=", 1) for line in lines)

    @property
    def step_summary(self) -> Path:
        """What a job writes for the page of its run."""
        return Path(self.environment["GITHUB_STEP_SUMMARY"])


def _is_plain(line: str) -> bool:
    """Tell whether a line means the same without a shell: no pipe, pattern, variable or second command."""
    unquoted = re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", line.partition(" #")[0])
    return not re.search(r"[|&;<>$*?`~(){}\[\]\\\"']|^\. ", unquoted)


def _input_of(expression: str) -> str:
    return expression.removeprefix("${{ inputs.").removesuffix(" }}")


def open_shell(home: Path, *, tests: Iterable[str] = (), with_drift: bool = False) -> Shell:
    """Make a project of somebody's in a folder, with the recordings that pages name, and a shell in it.

    With `tests`, which are names in contract_tests/, it is a clone that has these and no others.
    """
    folder, programs = home / "folder", home / "programs"
    folder.mkdir()
    shutil.copytree(REPOSITORY / "schemas", folder / "schemas")
    shutil.copy(REPOSITORY / "openapi.yaml", folder)
    (folder / "contract_tests").mkdir()
    of_a_clone = ["pyproject.toml", *(f"contract_tests/{name}" for name in tests)] if tests else []
    for name in ("contract_tests/recordings", *of_a_clone):
        (folder / name).symlink_to(REPOSITORY / name)
    _record(folder, with_drift=with_drift)
    _install(programs)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    shell = Shell(
        folder=folder,
        environment={
            "PATH": path,
            "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(home),
            "LOGNAME": "mona",
            "LANG": "C.UTF-8",
            "GITHUB_STEP_SUMMARY": str(home / "step-summary.md"),
        },
    )
    assert shell.run("opay-contract redact calls.ndjson -o sandbox.ndjson")[0] == 0  # as a run leaves it
    return shell


def _install(programs: Path) -> None:
    """Put what the environment of the tests has into a folder, and in place of some of it what stands in."""
    programs.mkdir()
    for path in Path(sys.executable).parent.iterdir():
        if path.name not in STAND_INS and not path.name.startswith(("pip", "python", "activate")):
            (programs / path.name).symlink_to(path)
    for name, text in STAND_INS.items():
        (programs / name).write_text(text.format(python=sys.executable), encoding="utf-8")
        (programs / name).chmod(0o755)


def _record(folder: Path, *, with_drift: bool) -> None:
    """Write the recordings that pages name; with drift, one call in recordings/ got another one's answer."""
    clean = CLEAN.read_text(encoding="utf-8")
    drifted = (
        (RECORDINGS / "drifted" / "requests.ndjson").read_text(encoding="utf-8").splitlines(keepends=True)
    )
    for name in ("recordings", "monday", "tuesday", "more"):
        (folder / name).mkdir()
    for name in ("recordings/calls.ndjson", "monday/calls.ndjson", "tuesday/calls.ndjson", "calls.ndjson"):
        (folder / name).write_text(clean, encoding="utf-8")
    if with_drift:
        (folder / "recordings" / "calls.ndjson").write_text(clean + drifted[MISMATCHED], encoding="utf-8")
    (folder / "mock.ndjson").write_text(clean.replace(SANDBOX, "http://127.0.0.1:8000"), encoding="utf-8")
    for name in ("traffic.har", "more/traffic.har"):
        shutil.copy(RECORDINGS / "clean" / "chromium-sensitive.har", folder / name)
