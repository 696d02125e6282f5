"""Every shell block of the README and the docs runs as it stands there, or says why it cannot.

The blocks of a page run in their order, in one folder. A block of commands with their output (`console`)
prints what it shows; `…` there stands for anything, and alone for any lines.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

import click
import pytest
from contract_tests.tool.site.shells import open_shell
from contract_tests.usual import each

from opay_contract.cli.main import cli

REPOSITORY = Path(__file__).parents[3]
DOCS = REPOSITORY / "tools" / "docs"
PAGES = {
    str(path.relative_to(DOCS) if path.is_relative_to(DOCS) else path.name): path
    for path in (REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md")))
}
PATIENCE = 120
SHELLS = {"sh", "shell", "console"}
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)

MODULE = re.compile(r"# (\w+\.py)$", re.MULTILINE)
"""The first line of a block that is a file of the reader's."""

SUITE = "the suite itself: .ci/run runs it"
NIGHT = "needs a target: test_the_night.py runs it"
MINUTES = "takes minutes, and its result is a measurement"
ELSEWHERE: dict[tuple[str, str], str] = {
    ("README.md", ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n auto"): SUITE,
    ("index.md", "pip install -e '.[site]'"): "test_site.py builds the site with this command",
    ("reference/contract-tests.md", "pip install 'opay-contract[suite] @"): "test_command.py runs it",
    ("reference/contract-tests.md", "pytest --pyargs"): "needs a target: test_targets.py runs it",
    (
        "reference/contract-tests.md",
        "opay-contract compare --target",
    ): "needs a target: test_parity.py runs it",
    ("reference/contract-tests.md", "st --config-file"): NIGHT,
    ("how-to/test-in-ci.md", "export OPAY_MERCHANT_ID=…"): NIGHT,
    (
        "reference/cluster.md",
        "pip install 'opay-contract[dask]",
    ): "a store: test_cluster_in_namespaces.py has one",
    ("reference/cluster.md", "python -m contract_tests.benchmarks.engines"): MINUTES,
    ("inside/comparison.md", "python -m contract_tests.benchmarks.rivals"): f"{MINUTES}; needs npm",
    (
        "inside/comparison.md",
        "python -m contract_tests.tool.whole.corpus",
    ): "runs in the repository; test_corpus.py proves it",
    (
        "reference/mock.md",
        "python contract_tests/benchmarks/mock_throughput.py",
    ): f"{MINUTES}; needs npm and wrk",
    (
        "inside/documents-of-others.md",
        "python -m contract_tests.benchmarks.public_documents",
    ): f"{MINUTES}; needs folders of documents",
    ("inside/mutation.md", "python -m contract_tests.tool.whole.mutation"): MINUTES,
    ("inside/performance.md", "python -m contract_tests.benchmarks.speed"): f"{MINUTES}; needs npm",
}
"""Blocks that cannot run here, by page and beginning, and why; their options are looked up instead."""

EXITS = {
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -e . &&"): 1,  # made to drift
    ("how-to/validate-recordings.md", "$ opay-contract check recordings/"): 1,  # before the drift is accepted
    (
        "how-to/add-an-operation.md",
        "$ opay-contract check --contract",
    ): 1,  # the second line drifts on purpose
    ("reference/record.md", "pip install 'opay-contract[record]"): 3,  # nobody called, so nothing was checked
}
"""Exit codes other than 0, by page and beginning."""

REPLACED = {
    "--port 8000": "--port 0",  # a free one
    "2027-03-31": str(datetime.now(UTC).date() + timedelta(days=30)),  # a day that is never past
}
SERVERS = re.compile(r"^opay-contract (?:mock|record)\b(?!.*--(?:help|choices|scenarios)\b)", re.MULTILINE)
"""Blocks that serve until they are stopped; each says its address when it is ready."""

IN_A_SENTENCE = re.compile(r"`(opay-contract [a-z]+ [^`|\n]*)`")

HELPS = {
    "pytest": [["-m", "pytest", "--help"]],
    "st": [["-m", "schemathesis.cli", "--help"], ["-m", "schemathesis.cli", "run", "--help"]],
    "sphinx-build": [["-m", "sphinx", "--help"]],
}
"""What programs that are no script of ours say about themselves."""

NOT_OURS = {"export", "pip"}
"""Programs of blocks that cannot run here, whose options are not ours to look up."""

T = TypeVar("T")

ACCEPTING, ADDING = "how-to/validate-recordings.md", "how-to/add-an-operation.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands, for people."""
        return f"{self.page}: {self.text.splitlines()[0]}"


def entry(table: Mapping[tuple[str, str], T], block: Block) -> T | None:
    """Return what a table says about a block."""
    found = [
        said for (page, start), said in table.items() if page == block.page and block.text.startswith(start)
    ]
    return found[0] if found else None


def iter_blocks(page: str) -> Iterator[Block]:
    text = PAGES[page].read_text(encoding="utf-8")
    for indent, language, inner in BLOCK.findall(text):
        lines = [line.removeprefix(indent) for line in inner.splitlines()]
        yield Block(page=page, language=language, text="\n".join(lines))


BLOCKS = [block for page in PAGES for block in iter_blocks(page) if block.language in SHELLS]
RUN_HERE = [page for page in PAGES if any(b.page == page and not entry(ELSEWHERE, b) for b in BLOCKS)]


def test_the_tables_name_no_block_that_is_gone() -> None:
    for page, start in [*ELSEWHERE, *EXITS]:
        assert [block for block in BLOCKS if block.page == page and block.text.startswith(start)], start


@pytest.mark.thorough
@pytest.mark.parametrize("page", RUN_HERE)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    shell = open_shell(tmp_path, with_drift=page == ACCEPTING)
    for block in iter_blocks(page):
        if page == ADDING:
            add(block, shell.folder)
        if named := MODULE.match(block.text):
            (shell.folder / named[1]).write_text(block.text, encoding="utf-8")
        if block in BLOCKS and not entry(ELSEWHERE, block):
            expected = entry(EXITS, block) or 0
            for command, shown in iter_parts(block):
                run = shell.serve if SERVERS.search(command) else shell.run
                code, printed = run(replaced(command))
                assert code == expected, f"{block.name}\n{printed}"
                assert shown.fullmatch(printed), f"{block.name}\n{printed}"


@pytest.mark.thorough
@pytest.mark.parametrize("block", [one for one in BLOCKS if entry(ELSEWHERE, one)], ids=lambda one: one.name)
def test_the_options_of_a_block_that_cannot_run_here_exist(block: Block) -> None:
    check_options(block.text)


@each("page", PAGES)
def test_the_options_of_commands_in_sentences_exist(page: str) -> None:
    for command in IN_A_SENTENCE.findall(PAGES[page].read_text(encoding="utf-8")):
        check_options(command)


def check_options(text: str) -> None:
    """Parse the options of our own commands, and find those of others in what they say of themselves."""
    for words in iter_commands(text):
        program, arguments = words[0], words[1:]
        if program == "opay-contract":
            parse(arguments)
        elif program == "python":
            name = arguments[:2] if arguments[0] == "-m" else arguments[:1]
            look_up([[*name, "--help"]], arguments[len(name) :])
        elif program in HELPS:
            look_up(HELPS[program], arguments)
        else:
            assert program in NOT_OURS, f"say how the options of '{program}' are looked up"


def iter_parts(block: Block) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield what is run, with what it prints; a block without output is run as one.

    Of a block with output each command is run by itself, with what was exported before.
    """
    if block.language != "console":
        yield block.text, re.compile(".*", re.DOTALL)
        return
    exported = ""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        lines = (
            r"(?:.*\n)*" if line == "…" else f"{re.escape(line)}\\n".replace("…", ".*") for line in shown
        )
        yield exported + command, re.compile("".join(lines))
        if command.startswith("export "):
            exported += f"{command}\n"


def replaced(text: str) -> str:
    for old, new in REPLACED.items():
        text = text.replace(old, new)
    return text


def add(block: Block, folder: Path) -> None:
    """Do what the page on adding an operation says about a block that is no command."""
    spec, schemas = folder / "my-contract" / "openapi.yaml", folder / "my-contract" / "schemas"
    if block.language == "yaml":
        text, place = spec.read_text(encoding="utf-8"), "\ncomponents:\n"
        if block.text.lstrip().startswith("- {operation:"):
            stated = (schemas / "mock.yaml").read_text(encoding="utf-8")
            (schemas / "mock.yaml").write_text(
                stated.replace("choices:\n", f"{block.text}\nchoices:\n", 1), encoding="utf-8"
            )
            return
        under_paths = block.text.lstrip().startswith("/")
        added = text.replace(place, f"\n{block.text}\n{place}") if under_paths else f"{text}{block.text}\n"
        spec.write_text(added, encoding="utf-8")
    elif block.language == "json" and '"$schema"' in block.text:
        (schemas / "deletion-response.json").write_text(block.text, encoding="utf-8")
    elif block.language == "json":
        (folder / "deletions.ndjson").write_text(f"{block.text}\n", encoding="utf-8")


def iter_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, without variables in front."""
    for part in re.split(r"\n|&&|\|", text.replace("\\\n", " ")):
        words = shlex.split(part, comments=True)
        words = words[next((number for number, word in enumerate(words) if "=" not in word), 0) :]
        if words:
            yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def parse(arguments: list[str]) -> None:
    """Let click read the options of a command, and of a command's command."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments.pop(0))
        assert found
        command, context = found, click.Context(found, parent=context)
    with suppress(click.BadOptionUsage):  # a sentence may name an option without its value
        command.make_parser(context).parse_args(arguments)


def look_up(helps: list[list[str]], words: list[str]) -> None:
    """Find the options in what a program says about itself."""
    said = "".join(help_of(*one) for one in helps)
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", said), option


@cache
def help_of(*words: str) -> str:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
