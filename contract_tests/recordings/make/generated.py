"""Recordings of schemathesis, generated from the real openapi.yaml."""

import os
import shutil
import subprocess
from pathlib import Path

from .server import Running

_ROOT = Path(__file__).parents[3]


_URL = "https://sandbox-cashierapi.opaycheckout.com"
_NAMES = {"har": "schemathesis.har", "ndjson": "schemathesis.ndjson", "vcr": "schemathesis-vcr.yaml"}


def record_schemathesis(running: Running, folder: Path) -> None:
    """Write schemathesis.har, .ndjson and -vcr.yaml, the clean ones unsanitized.

    The clean corpus also gets a small cassette with the bodies' bytes preserved.
    """
    if running.mode == "clean":
        _run(running, folder, _NAMES, "--max-examples", "30", "--output-sanitize", "false")
        _run(
            running,
            folder,
            {"vcr": "schemathesis-bytes-vcr.yaml"},
            "--max-examples",
            "11",
            "--report-preserve-bytes",
        )
    else:
        _run(running, folder, _NAMES, "--max-examples", "36")


def _run(running: Running, folder: Path, reports: dict[str, str], *options: str) -> None:
    st = shutil.which("st") or "st"
    command = [st, "run", "openapi.yaml", "--url", _URL, "--tls-verify", "false"]
    command += ["--phases", "examples,fuzzing", "--mode", "positive", "--exclude-checks", "ignored_auth"]
    command += ["--seed", "7", "--continue-on-failure", "--no-shrink", *options]
    for report, name in reports.items():
        command += [f"--report-{report}-path", str(folder.relative_to(_ROOT) / name)]
    settings = {
        "SCHEMATHESIS_HOOKS": f"{__package__}.schemathesis_hooks",
        "CORPUS_PORT": str(running.https_port),
        "CORPUS_MODE": running.mode,
        "PYTHONPATH": str(_ROOT),
    }
    # The drifted traffic breaks the contract, so there the command ends with 1.
    subprocess.run(command, cwd=_ROOT, env=os.environ | settings, check=running.mode == "clean")
