"""The commands `baseline add`, `prune` and `explain`: findings that are accepted until a day."""

import getpass
import textwrap
import time
from datetime import date, datetime
from pathlib import Path

import click

from opay_contract.baseline.acceptance import Acceptance
from opay_contract.baseline.acceptances import find_expiry_fault, find_rule_fault, find_text_fault
from opay_contract.baseline.baseline import (
    add_acceptances,
    find_prunable,
    load_baseline,
    load_or_start_baseline,
    parse_baseline,
    prune_entries,
    utc_day,
)
from opay_contract.cli.exit_codes import ExitCode
from opay_contract.cli.output import write_atomically
from opay_contract.cli.sighting import Sight, taking_findings
from opay_contract.drift.findings_seen import FindingsSeen
from opay_contract.errors import UsageError
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.finding import Key, Outcome
from opay_contract.model.summary import fingerprint
from opay_contract.report.acceptance_status import describe_covered
from opay_contract.words import count, on_one_line, printable

_file_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def baseline() -> None:
    """Accept findings that are known, each until a day and with a reason.

    A baseline is a TOML file for `check --baseline FILE`. An entry covers one rule at one place and nothing
    else. `card-number-exposed` can never be accepted.
    """


@baseline.command()
@_file_argument
@click.option(
    "--fingerprint",
    "fingerprints",
    metavar="F",
    multiple=True,
    required=True,
    help="The fingerprint of a finding, as `check` prints it. May be repeated.",
)
@click.option("--reason", metavar="TEXT", required=True, help="Why the finding is accepted.")
@click.option(
    "--expires",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="The last day on which it is, in UTC: at most a year from now.",
)
@click.option("--by", metavar="NAME", help="Who accepts it; by default your login name.")
@taking_findings
def add(
    file: Path,
    fingerprints: tuple[str, ...],
    reason: str,
    expires: datetime,
    by: str | None,
    sight: Sight,
) -> None:
    """Accept findings in FILE, which is begun if it is not there.

    The findings are those of recordings at PATH, or of a saved report.
    """
    today, name = utc_day(time.time()), by if by is not None else _login_name()
    _refuse(find_text_fault("--reason", reason), find_text_fault("--by", name))
    _refuse(_find_past(expires.date(), today), find_expiry_fault(expires.date(), today))
    before = load_or_start_baseline(file, today)
    keys = _find_keys(dict.fromkeys(fingerprints), sight())
    text = add_acceptances(
        before,
        [
            Acceptance(
                rule=rule,
                operation=operation,
                outcome=Outcome(outcome),
                pointer=pointer,
                value="".join(value),
                reason=reason,
                expires=expires.date(),
                accepted_by=name,
                accepted_on=today,
                file=str(file),
                line=0,
            )
            for rule, operation, outcome, pointer, *value in keys
        ],
    )
    after = parse_baseline(text, str(file), today)
    write_atomically(file, text)
    for acceptance in after.acceptances[len(before.acceptances) :]:
        click.echo(
            f"{_place(acceptance)}: accepted {describe_covered(acceptance)} until {acceptance.expires}"
        )


@baseline.command()
@_file_argument
@taking_findings
def prune(file: Path, sight: Sight) -> None:
    """Take expired and unused entries out of FILE.

    Unused are those without a finding in the recordings at PATH, or in a saved report.

    Where nothing was checked, or some input could not be read, only expired entries are taken out.
    """
    today = utc_day(time.time())
    before = load_baseline(file, today)
    findings_seen = sight()
    prunable = find_prunable(before, findings_seen, today)
    if prunable:
        write_atomically(file, prune_entries(before, prunable))
    for number, why in prunable.items():
        acceptance = before.acceptances[number]
        click.echo(f"{_place(acceptance)}: removed {describe_covered(acceptance)}: {why}")
    click.echo(f"{len(prunable):,} removed, {len(before.acceptances) - len(prunable):,} kept.")
    raise click.exceptions.Exit(_prune_code(findings_seen))


@baseline.command()
@_file_argument
def explain(file: Path) -> None:
    """Say in words what FILE accepts, until when and why."""
    today = utc_day(time.time())
    acceptances = load_baseline(file, today).acceptances
    expired = sum(acceptance.is_expired(today) for acceptance in acceptances)
    for acceptance in acceptances:
        click.echo(f"{_explain(acceptance, today)}\n")
    number = count(len(acceptances), "acceptance")
    click.echo(f"{number}: {len(acceptances) - expired:,} accepted, {expired:,} expired.")


def _find_keys(fingerprints: dict[str, None], findings_seen: FindingsSeen) -> list[Key]:
    by_fingerprint = {fingerprint(key): key for key in findings_seen.keys}
    for wanted in fingerprints:
        if wanted not in by_fingerprint:
            more = "; the report does not list all findings" if findings_seen.omitted else ""
            raise UsageError(f"no finding there has the fingerprint '{wanted}'; `check` prints them{more}")
        _refuse(find_rule_fault(by_fingerprint[wanted][0]))
    return [by_fingerprint[wanted] for wanted in fingerprints]


def _find_past(expires: date, today: date) -> str | None:
    return f"--expires: {expires} is past; today is {today} (UTC)" if expires < today else None


def _refuse(*faults: str | None) -> None:
    for fault in filter(None, faults):
        raise UsageError(fault)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise UsageError("your login name is not known; give --by NAME") from error


def _prune_code(findings_seen: FindingsSeen) -> ExitCode:
    if findings_seen.unreadable:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if findings_seen.exchanges else ExitCode.NOTHING_CHECKED


def _place(acceptance: Acceptance) -> str:
    return f"{printable(acceptance.file)}:{acceptance.line}"


def _explain(acceptance: Acceptance, today: date) -> str:
    rule = RULES_BY_ID[acceptance.rule]
    left = (acceptance.expires - today).days
    what_next = "counts again" if acceptance.is_expired(today) else count(left, "more day")
    words = [
        f"Operation {acceptance.operation or '(none)'}, outcome {acceptance.outcome}. {rule.explanation}",
        f"Reason: {acceptance.reason}",
        f"By {acceptance.accepted_by} on {acceptance.accepted_on}; fingerprint {acceptance.fingerprint}",
    ]
    standing = f"{acceptance.standing(today)}, {what_next}"
    head = f"{_place(acceptance)}: {standing}: {rule.severity.label} {describe_covered(acceptance)}"
    return "\n".join([head, *(_indent(on_one_line(text)) for text in words)])


def _indent(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
