"""A shell as the docs assume one, and the site as it is built."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PATIENCE = 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site as the command of its first page builds it, into another folder."""
    output = tmp_path_factory.mktemp("site")
    page = (REPOSITORY / "tools" / "docs" / "index.md").read_text(encoding="utf-8")
    command = next(line for line in page.splitlines() if line.startswith("sphinx-build"))
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
