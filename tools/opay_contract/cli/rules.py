"""The command `rules`: the table of rules, and one of them explained."""

import json
import shutil
import textwrap

import click

from opay_contract.cli.help import Command
from opay_contract.errors import UsageError
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.model.finding import Rule
from opay_contract.report.rule_guide import guide_of
from opay_contract.report.text_report import MIN_WIDTH
from opay_contract.words import did_you_mean

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
    chosen = (_find(rule_id),) if rule_id else EVERY_RULE
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


def _find(rule_id: str) -> Rule:
    by_id = {rule.id: rule for rule in EVERY_RULE}
    if rule_id in by_id:
        return by_id[rule_id]
    hint = did_you_mean(rule_id, by_id) or "`opay-contract rules` lists them"
    raise UsageError(f"unknown rule '{rule_id}'; {hint}")


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
    """Return a head, and for each rule its line with what a finding of it says."""
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
    lines = [line for name, text in told for line in _hanging(f"{name:<12}{text}")]
    head = f"{click.style(rule.id, bold=True)}\n{rule.severity.label}, {rule.kind}, {rule.area}"
    return "\n\n".join([head, textwrap.fill(rule.explanation, _WIDTH), "\n".join(lines)])


def _hanging(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 12, break_on_hyphens=False)
