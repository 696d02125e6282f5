"""The pages on the mock and the plugin: their tables are what the commands print, their examples run.

After a change of choices or scenarios, `python contract_tests/tool/pytest_plugin/test_docs.py` writes the
tables again.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.mock.scenarios import build_scenarios, render_scenarios
from opay_contract.mock.statement import assumed_choices, render_choices

DOCS = Path(__file__).parents[3] / "tools" / "docs"
MOCK_PAGE = DOCS / "reference" / "mock.md"
CONTRACT = load_contract()


def choices_table() -> str:
    """Return the choices as the command prints them, as a table."""
    rows: list[list[str]] = []
    for line in render_choices(assumed_choices(CONTRACT)).splitlines():
        name, text = line[4:].split(": ", 1) if line.startswith("  ") else line.split(": ", 1)
        if not line.startswith("  "):
            rows.append([f"`{name}`", text, ""])
            continue
        reading = f"**`{name}`** {text}" if line.startswith("  * ") else f"`{name}` {text}"
        rows[-1][2] += ("<br>" if rows[-1][2] else "") + reading
    return table(["choice", "question", "readings"], rows)


def scenarios_table() -> str:
    """Return the scenarios as the command prints them, as a table."""
    lines = render_scenarios(build_scenarios(CONTRACT.operations)).splitlines()
    parts = [re.fullmatch(r"(\S+) +(.*?)(?: \[(.*)\])?", line) for line in lines]
    rows = [[f"`{part[1]}`", part[2], rules(part[3])] for part in parts if part]
    assert len(rows) == len(lines)
    return table(["scenario", "what it does", "found by"], rows)


def rules(listed: str | None) -> str:
    return ", ".join(f"`{rule}`" for rule in listed.split(", ")) if listed else ""


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


TABLES = {"choices": choices_table, "scenarios": scenarios_table}


def section(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_command_prints(name: str) -> None:
    found = section(name).search(MOCK_PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == TABLES[name](), f"run: python {Path(__file__).name}"


def test_the_examples_of_the_pages_run(
    run_pytest: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    pages = (DOCS / "how-to" / "test-in-ci.md", DOCS / "reference" / "pytest.md")
    page = "".join(path.read_text(encoding="utf-8") for path in pages)
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == ["shop.py", "test_shop.py", "test_moods.py", "test_answers.py"]
    assert page.count("```python") == len(blocks)
    for name, source in blocks:
        (pytester.path / name).write_text(source, encoding="utf-8")
    run_pytest("").assert_outcomes(passed=9)


def test_the_client_is_tested_in_ten_lines() -> None:
    page = (DOCS / "how-to" / "test-in-ci.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n# test_shop.py\n(.*?)```", page, re.DOTALL)
    assert found
    assert len([line for line in found[1].splitlines() if line.strip()]) <= 10


def update() -> None:
    """Write the tables."""
    page = MOCK_PAGE.read_text(encoding="utf-8")
    for name, render in TABLES.items():
        found = section(name).search(page)
        if found:
            page = page[: found.start()] + render() + page[found.end() :]
    MOCK_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    update()
