"""Installs the other tools beside the project, each in a folder of its own; says why one cannot be had."""

import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

from .tools import Library, Redocly, Tool

OPENAPI_CORE = "openapi-core>=0.23,<1"
REDOCLY = "@redocly/cli@2.77.0"

_BOTH_COPIES = "the open and the closed copy of the contract, joined"


def install_tools(folder: Path) -> tuple[list[Tool], dict[str, str]]:
    """Return the tools that can be run, and of the others by name why not."""
    tools: list[Tool] = []
    missing: dict[str, str] = {}
    for name, install in (("@redocly/cli drift", install_redocly), ("openapi-core", install_openapi_core)):
        try:
            tools.append(install(folder))
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
    if find_spec("schemathesis"):
        tools.append(
            Library(
                name="schemathesis validate_response",
                python=Path(sys.executable),
                worker="schemathesis_worker.py",
                given=f"every check but `ignored_auth`; {_BOTH_COPIES}",
            )
        )
    else:
        missing["schemathesis"] = "it is not installed; it comes with the test extra"
    return tools, missing


def _openapi_core_python(folder: Path) -> Path:
    """Return the Python of an environment with openapi-core.

    It cannot share ours: its openapi-spec-validator is older than the one that `opay-contract spec` needs.
    """
    python = folder / "openapi-core" / "bin" / "python"
    if not python.exists():
        venv.create(python.parents[1], with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", OPENAPI_CORE], check=True)
    return python


def install_openapi_core(folder: Path) -> Library:
    """Return openapi-core behind its worker."""
    return Library(
        name="openapi-core",
        python=_openapi_core_python(folder),
        worker="openapi_core_worker.py",
        given=f"all errors of request and response; {_BOTH_COPIES}",
    )


def install_redocly(folder: Path) -> Redocly:
    """Return redocly's command."""
    program = folder / "redocly" / "node_modules" / ".bin" / "redocly"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("npm, which comes with Node.js")
        options = ["--no-audit", "--no-fund", "--prefix", str(folder / "redocly")]
        subprocess.run([npm, "install", "--silent", *options, REDOCLY], check=True)
    return Redocly(program=program)
