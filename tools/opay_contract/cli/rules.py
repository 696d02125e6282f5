"""The command `rules`: the table of rules, and one of them explained."""

import json
import textwrap

import click

from opay_contract.cli.help import Command
from opay_contract.errors import UsageError
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.model.finding import Rule
from opay_contract.words import did_you_mean


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
    chosen = (_find(rule_id),) if rule_id else EVERY_RULE
    if format_out == "json":
        click.echo(json.dumps([_describe(rule) for rule in chosen], indent=2))
    elif format_out == "markdown":
        click.echo(render_markdown(chosen))
    elif rule_id:
        click.echo(_explain(chosen[0]))
    else:
        click.echo("\n".join(_table_line(rule) for rule in EVERY_RULE))


def render_markdown(rules_: tuple[Rule, ...]) -> str:
    """Return the rules as a table and their explanations, as tools/docs/reference/rules.md has them."""
    rows = [
        f"| [`{rule.id}`](#{rule.id}) | {rule.severity.label} | {rule.kind} | {rule.area} |"
        for rule in rules_
    ]
    texts = [f"## {rule.id}\n\n{textwrap.fill(rule.explanation, 100)}" for rule in rules_]
    return "\n".join(
        ["| rule | severity | kind | area |", "|---|---|---|---|", *rows, "", "\n\n".join(texts)]
    )


def _find(rule_id: str) -> Rule:
    by_id = {rule.id: rule for rule in EVERY_RULE}
    if rule_id in by_id:
        return by_id[rule_id]
    hint = did_you_mean(rule_id, by_id) or "`opay-contract rules` lists them"
    raise UsageError(f"unknown rule '{rule_id}'; {hint}")


def _describe(rule: Rule) -> dict[str, str]:
    return {
        "id": rule.id,
        "kind": rule.kind.value,
        "area": rule.area.value,
        "severity": rule.severity.label,
        "explanation": rule.explanation,
    }


def _table_line(rule: Rule) -> str:
    width = max(len(rule.id) for rule in EVERY_RULE)
    return f"{rule.id:<{width}}  {rule.severity.label:<7}  {rule.kind:<12}  {rule.area}"


def _explain(rule: Rule) -> str:
    head = f"{rule.id}\n{rule.severity.label}, {rule.kind}, {rule.area}"
    return f"{head}\n\n{textwrap.fill(rule.explanation, 88)}"
