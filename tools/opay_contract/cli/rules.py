"""The commands `rules` and `settings`: what is judged by, and what a project settled of it."""

import json
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import config_option, settings_of
from opay_contract.errors import UsageError
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.model.finding import Rule, Severity
from opay_contract.report.findings import guide_of
from opay_contract.report.text_report import MIN_WIDTH
from opay_contract.settings import KEYS, PYPROJECT, TABLE, ProjectSettings
from opay_contract.words import did_you_mean, printable

_WIDTH = 88


def complete_rule_ids(_context: click.Context, _argument: click.Parameter, start: str) -> list[str]:
    """Return the rules that a shell may go on with."""
    return [rule.id for rule in EVERY_RULE if rule.id.startswith(start)]


@click.command(
    cls=Command,
    examples=[
        ("List every rule", "opay-contract rules"),
        ("Explain one", "opay-contract rules type-mismatch"),
        ("Read them with a program", "opay-contract rules --format json"),
    ],
)
@click.argument("rule_id", required=False, metavar="[ID]", shell_complete=complete_rule_ids)
@click.option(
    "--format",
    "format_out",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="What the rules are written as.",
)
def rules(rule_id: str | None, format_out: str) -> None:
    """List the rules, or explain the rule ID."""
    by_id = {rule.id: rule for rule in EVERY_RULE}
    if rule_id and rule_id not in by_id:
        hint = did_you_mean(rule_id, by_id) or "`opay-contract rules` lists them"
        raise UsageError(f"unknown rule '{rule_id}'; {hint}")
    chosen = (by_id[rule_id],) if rule_id else EVERY_RULE
    if format_out == "json":
        click.echo(json.dumps([_describe(rule) for rule in chosen], indent=2))
    elif format_out == "markdown":
        click.echo(render_markdown(chosen))
    elif rule_id:
        click.echo(_explain(chosen[0]))
    else:
        click.echo(_table())


def render_markdown(rules_: tuple[Rule, ...]) -> str:
    """Return the rules as a table and their explanations, as tools/docs/reference/rules.md has them."""
    rows = [
        f"| [`{rule.id}`](#{rule.id}) | {rule.severity.label} | {rule.kind} | {rule.area} |"
        for rule in rules_
    ]
    texts = [f"## {rule.id}\n\n{textwrap.fill(rule.explanation, 100)}\n\n{_guide(rule)}" for rule in rules_]
    return "\n".join(
        ["| rule | severity | kind | area |", "|---|---|---|---|", *rows, "", "\n\n".join(texts)]
    )


def _guide(rule: Rule) -> str:
    """Return what helps with a finding of a rule as a list; examples are code, whatever stands in them."""
    guide = guide_of(rule)
    sides = ((name, f"`{text}`") for name, text in (("Before", guide.before), ("After", guide.after)))
    told = (*sides, ("Usually at fault", guide.fault), ("What to do", guide.advice))
    lines = (f"- {name}: {text}" for name, text in told)
    return "\n".join(
        textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False) for line in lines
    )


def _describe(rule: Rule) -> dict[str, str]:
    guide = guide_of(rule)
    return {
        "id": rule.id,
        "kind": rule.kind.value,
        "area": rule.area.value,
        "severity": rule.severity.label,
        "explanation": rule.explanation,
        "sentence": guide.sentence,
        "usually_at_fault": guide.fault,
        "advice": guide.advice,
        "before": guide.before,
        "after": guide.after,
    }


def _table() -> str:
    rule, width = max(len(one.id) for one in EVERY_RULE), max(shutil.get_terminal_size().columns, MIN_WIDTH)
    lines = [click.style(f"{'rule':<{rule}}  severity  kind          what a finding says", bold=True)]
    for one in EVERY_RULE:
        head = f"{one.id:<{rule}}  {one.severity.label:<8}  {one.kind:<12}  "
        wrapped = textwrap.wrap(guide_of(one).sentence, width - len(head), break_on_hyphens=False)
        lines += [f"{head}{wrapped[0]}", *(f"{'':<{len(head)}}{line}" for line in wrapped[1:])]
    return "\n".join(lines)


def _explain(rule: Rule) -> str:
    """Return a rule with what it means, who is usually at fault, what to do, and an example of both sides."""
    guide = guide_of(rule)
    told = (
        ("before", guide.before),
        ("after", guide.after),
        ("at fault", f"usually {guide.fault}"),
        ("what to do", guide.advice),
    )
    lines = [
        line
        for name, text in told
        for line in textwrap.wrap(
            f"{name:<12}{text}", _WIDTH, subsequent_indent=" " * 12, break_on_hyphens=False
        )
    ]
    head = f"{click.style(rule.id, bold=True)}\n{rule.severity.label}, {rule.kind}, {rule.area}"
    return "\n\n".join([head, textwrap.fill(rule.explanation, _WIDTH), "\n".join(lines)])


_CREDENTIALS = re.compile(r"//[^/@]*@")


@click.command(
    cls=Command,
    examples=[
        ("See what holds here", "opay-contract settings"),
        ("See what a file says", "opay-contract settings --config nightly.toml"),
        ("Read it with a program", "opay-contract settings --format json"),
    ],
)
@config_option
@click.option(
    "--format",
    "format_out",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What it is written as.",
)
@click.pass_context
def settings(context: click.Context, format_out: str) -> None:
    """Show which settings hold, and where each comes from.

    Settings stand in [tool.opay-contract] of the nearest pyproject.toml that has it, in this folder or above,
    or in the file that --config names. An option of the command line wins over them.

    Exit codes: 0 shown; 2 the file has something that is no setting.
    """
    found = settings_of(context)
    if format_out == "json":
        click.echo(_render_json(found))
        return
    head = f"No settings: no {PYPROJECT} here or above has [{TABLE}]"
    if found.file is not None:
        head = printable(f"{found.file} [{TABLE}]" if found.file.name == PYPROJECT else str(found.file))
    rows = []
    for key in KEYS:
        line, value = found.lines.get(key.name), _plain(getattr(found, key.attribute))
        if isinstance(value, dict):
            value = [f"{rule}={level}" for rule, level in value.items()]
        shown = printable(", ".join(value) if isinstance(value, list) else str(value or ""))
        origin = printable(f"{found.file}:{line}") if line else "default"
        rows.append((key.name, shown or key.default, origin))
    names, values = (max(len(row[column]) for row in rows) for column in range(2))
    lines = [f"{name:<{names}}  {value:<{values}}  {origin}" for name, value, origin in rows]
    click.echo("\n".join([head, "", *lines]))


def _render_json(found: ProjectSettings) -> str:
    values = {
        key.name: {"value": _plain(getattr(found, key.attribute)), "line": found.lines.get(key.name)}
        for key in KEYS
    }
    return json.dumps(
        {"schema_version": 1, "file": str(found.file) if found.file else None, "settings": values}, indent=2
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a URL without user and password."""
    if isinstance(value, Severity):
        return value.label
    if isinstance(value, tuple):
        return [_CREDENTIALS.sub("//***@", one) for one in value]
    if isinstance(value, Path):
        return str(value)
    return {rule: level.label for rule, level in value.items()} if isinstance(value, dict) else value
