"""Every other block of the README and the docs is what its language says."""

import ast
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[3]
PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "tools" / "docs").rglob("*.md")))
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def parse_json(text: str) -> Any:
    """Read a JSON text, one a line, or members out of an object."""
    try:
        return json.loads(text)
    except ValueError:
        if text.lstrip().startswith('"'):
            return json.loads(f"{{{text}}}")
        return [json.loads(line) for line in text.splitlines()]


PARSERS: dict[str, Callable[[str], Any]] = {
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "json": parse_json,
}
OTHERS = {
    "sh": "test_shell_blocks.py runs it",
    "console": "test_shell_blocks.py runs it",
    "shell": "test_shell_blocks.py runs it",
    "bash": "tool/cli/test_help_and_completion.py completes with it",
    "zsh": "the same",
    "fish": "the same",
    "text": "no language",
    "": "no language",
    "groovy": "a Jenkinsfile, which only Jenkins reads",
}
"""Languages that are not parsed here, and why."""

BLOCKS = [
    (f"{page.name}:{text[: found.start()].count(chr(10)) + 1}", language, inner)
    for page in PAGES
    for text in [page.read_text(encoding="utf-8")]
    for found in FENCE.finditer(text)
    for _, language, inner in [found.groups()]
]


def test_every_fence_is_a_block() -> None:
    fences = sum(page.read_text(encoding="utf-8").count("```") for page in PAGES)
    assert fences == 2 * len(BLOCKS) > 100


def test_a_block_is_what_its_language_says() -> None:
    broken = {}
    for place, language, text in BLOCKS:
        if language not in OTHERS:
            try:
                said = PARSERS[language](text)
            except (KeyError, SyntaxError, ValueError, yaml.YAMLError) as error:
                said = None
                broken[place] = str(error)
            if said is None:
                broken.setdefault(place, "says nothing")
    assert broken == {}
