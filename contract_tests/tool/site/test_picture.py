"""The picture of a report is drawn from what the command prints, and asks for nothing.

`UPDATE_GOLDEN=1 pytest contract_tests/tool/site` draws it again.
"""

import io
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.text import Text

from opay_contract.cli.main import cli

REPOSITORY = Path(__file__).parents[3]
PICTURE = REPOSITORY / "tools" / "docs" / "report.svg"
COMMAND = ["check", "requests.ndjson"]
WIDTH = 66
"""Columns of the picture, so that it can be read on a phone; longer lines are not drawn."""

TERMINAL = {"COLUMNS": "80", "LINES": "36", "SOURCE_DATE_EPOCH": "1790000000"}

FONT_FACES = re.compile(r"\s*@font-face \{.*?\}(?=\n)", re.DOTALL)
"""Rich names fonts on a CDN; without them a reader's own fixed-width font is taken."""


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(REPOSITORY / "contract_tests" / "recordings" / "drifted")
    monkeypatch.delenv("OPAY_PRIVATE_KEY", raising=False)
    for name, value in TERMINAL.items():
        monkeypatch.setenv(name, value)
    options = ("--format", "text", "--color", "always")
    printed = CliRunner().invoke(cli, [*COMMAND, *options], color=True).stdout.split("\n\n")
    found, verdict = (next(block for block in printed if mark in block) for mark in ("times", "FAILED"))
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(f"$ opay-contract {' '.join(COMMAND)}", style="bold"))
    for line in [*found.splitlines(), "", *verdict.splitlines()[:2]]:
        text = Text.from_ansi(line)
        if len(text) <= WIDTH and not text.plain.startswith(" " * 16):
            console.print(text)
    return FONT_FACES.sub("", console.export_svg(title="opay-contract check", unique_id="report"))


def test_the_picture_is_what_the_command_prints(drawn: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PICTURE.write_text(drawn, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn, (
        "to draw it again: UPDATE_GOLDEN=1 pytest contract_tests/tool/site"
    )


def test_the_picture_asks_for_nothing() -> None:
    picture = PICTURE.read_text(encoding="utf-8")
    addresses = set(re.findall(r"\w+://[^\s\"')]+", picture))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}  # a name, and a comment
    assert "url(" not in picture.replace("url(#", "")
