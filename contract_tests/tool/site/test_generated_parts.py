"""What the docs say of commands, rules, the JSON report and exit codes is what the program says.

`UPDATE_GOLDEN=1 pytest contract_tests/tool/site` writes the parts of the pages that follow from the program.
"""

import json
import os
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import click
from contract_tests.tool.diff.test_kinds_of_changes import render_comparison
from contract_tests.tool.site.command_page import render_command_table, render_commands, render_setting_table
from contract_tests.tool.site.rooms import har, ndjson, render_rooms, trace
from contract_tests.tool.site.schema_page import render_members
from contract_tests.usual import each

from opay_contract.cli.compare import render_kinds
from opay_contract.cli.main import COMMANDS, cli
from opay_contract.cli.rules import render_markdown
from opay_contract.errors import ExitCode
from opay_contract.judge.gap_table import EVERY_RULE

REPOSITORY = Path(__file__).parents[3]
DOCS = REPOSITORY / "tools" / "docs"


def report_members() -> str:
    """Return the members of the JSON report, from the schema that the package carries."""
    schema = resources.files("opay_contract.report") / "report-v1.schema.json"
    return render_members(json.loads(schema.read_text(encoding="utf-8")))


PARTS: dict[str, tuple[Path, Callable[[], str]]] = {
    "commands": (DOCS / "reference" / "commands.md", render_commands),
    "change-kinds": (DOCS / "reference" / "changes.md", lambda: f"{render_kinds()}\n"),
    "oasdiff": (DOCS / "reference" / "changes.md", render_comparison),
    "command-table": (DOCS / "index.md", render_command_table),
    "report-v1": (DOCS / "reference" / "report-v1.md", report_members),
    "settings": (DOCS / "reference" / "settings.md", render_setting_table),
    "rooms": (DOCS / "inside" / "design.md", render_rooms),
    "rules": (DOCS / "reference" / "rules.md", lambda: f"{render_markdown(EVERY_RULE)}\n"),
}
"""The page of each part, and what writes it. A part goes from its mark to `<!-- end -->`, or to the end."""


@each("name", PARTS)
def test_a_part_of_a_page_is_what_the_program_says(name: str) -> None:
    page, render = PARTS[name]
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name}: .*? -->\n(.*?)(?=<!-- end -->|\Z)", text, re.DOTALL)
    assert found, f"{page.name} has no mark for '{name}'"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(text[: found.start(1)] + render() + text[found.end(1) :], encoding="utf-8")
        return
    assert found[1] == render(), "to write it again: UPDATE_GOLDEN=1 pytest contract_tests/tool/site"


def test_an_exchange_passes_no_more_rooms_and_a_reader_holds_no_more_concepts_than_the_design_says() -> None:
    assert len(trace(ndjson, "ndjson")["for each exchange"]) <= 10
    assert len(trace(har, "har")["for each exchange"]) <= 13
    page = (DOCS / "inside" / "design.md").read_text(encoding="utf-8")
    rows = re.search(r"^\| where \| concepts \|\n.*?\n\n", page, re.DOTALL | re.MULTILINE)
    assert rows
    package = "".join(path.read_text() for path in (REPOSITORY / "tools" / "opay_contract").rglob("*.py"))
    classes = re.findall(r"`([A-Z]\w+)`", rows[0])
    assert not [name for name in classes if not re.search(rf"^class {name}\b", package, re.MULTILINE)]
    assert len(classes) <= 29


def test_every_command_has_its_section_and_every_option_is_told() -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert set(titles) >= COMMANDS.keys()
    for name in titles:
        told = re.findall(r"^- `(?:-[a-z], )?(--?[a-z-]+)", section(page, name), re.MULTILINE)
        assert set(told) == options(name.split()) - {"--help"}


def test_the_page_of_exit_codes_has_each_code_in_order() -> None:
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)] == sorted(ExitCode)


def section(page: str, name: str) -> str:
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def options(path: list[str]) -> set[str]:
    """Return the options of a command as click parses them."""
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found
        command = found
    shown = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return {max(one.opts, key=len) for one in shown}
