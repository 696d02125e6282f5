"""The commands `baseline add`, `prune` and `explain`: findings that are accepted until a day."""

import getpass
import textwrap
import time
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opay_contract.baseline.acceptance import Acceptance, utc_day
from opay_contract.baseline.baseline import (
    NEVER_ACCEPTED,
    Baseline,
    add_acceptances,
    find_expiry_fault,
    find_prunable,
    find_rule_fault,
    find_text_fault,
    load_baseline,
    load_or_start_baseline,
    parse_baseline,
    remove_entries,
)
from opay_contract.cli.help import Group
from opay_contract.cli.options import FILE, base_url_option, contract_option, paths_argument, settings_of
from opay_contract.cli.running import check_paths, format_in_option, settings_of_now
from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude, weigh_card_numbers
from opay_contract.drift.saving import FindingsSeen, findings_seen_in, load_findings_seen
from opay_contract.errors import ExitCode, UsageError
from opay_contract.files import write_atomically
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.finding import Key, fingerprint
from opay_contract.report.findings import describe_covered
from opay_contract.settings import RulePolicy
from opay_contract.words import count, on_one_line, printable

_file_argument = click.argument("file", metavar="FILE", type=FILE)

ReadFindings = Callable[[], FindingsSeen]
"""Gives the findings of a run, which it then checks, or of a report."""


def findings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the findings to work with, as `read_findings`: of recordings, or of a report."""

    @paths_argument("[PATH...]", required=False)
    @click.option(
        "--from",
        "report",
        metavar="REPORT",
        type=FILE,
        help="Take the findings of a report of `check --format json` instead, or changes of `diff`'s.",
    )
    @contract_option
    @base_url_option
    @format_in_option
    @wraps(command)
    def taking(
        *,
        paths: tuple[str, ...],
        report: Path | None,
        contract_dir: Path | None,
        base_urls: tuple[str, ...],
        format_in: str | None,
        **others: Any,
    ) -> None:
        if bool(paths) == (report is not None):
            raise UsageError("name recordings, or a report with --from: one of the two")

        def read_findings() -> FindingsSeen:
            if report:
                return load_findings_seen(report)
            contract = load_contract(contract_dir, base_urls)
            summary = check_paths(paths, contract, settings_of_now(), format_in)
            return findings_seen_in(conclude(weigh_card_numbers(summary), contract))

        command(read_findings=read_findings, **others)

    return taking


@click.group(
    cls=Group,
    examples=[
        (
            "Accept what is open, until a day and for a reason",
            "opay-contract baseline add --all-open --expires DATE --reason WHY known.toml a.har",
        ),
        ("Take out what is of no use any more", "opay-contract baseline prune known.toml recordings/"),
        ("Check with it", "opay-contract check recordings/ --baseline known.toml"),
    ],
)
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
    help="The fingerprint of a finding, as `check` prints it. May be repeated.",
)
@click.option("--all-open", is_flag=True, help="Accept every finding that FILE has no entry for.")
@click.option("--reason", metavar="TEXT", required=True, help="Why the finding is accepted.")
@click.option(
    "--expires",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="The last day on which it is, in UTC: at most a year from now.",
)
@click.option("--by", metavar="NAME", help="Who accepts it; by default your login name.")
@findings_options
def add(
    file: Path,
    fingerprints: tuple[str, ...],
    reason: str,
    expires: datetime,
    by: str | None,
    read_findings: ReadFindings,
    *,
    all_open: bool,
) -> None:
    """Accept findings in FILE, which is begun if it is not there.

    The findings are those of recordings at PATH, or of a saved report, which may be one of `diff`. With
    --all-open all of them are accepted that count by the project's settings; card numbers never are, and make
    the exit code 1.
    """
    if bool(fingerprints) == all_open:
        raise UsageError("name findings with --fingerprint, or take --all-open: one of the two")
    today, name = utc_day(time.time()), by if by is not None else _login_name()
    _refuse(find_text_fault("--reason", reason), find_text_fault("--by", name))
    last = expires.date()
    is_past = f"--expires: {last} is past; today is {today} (UTC)" if last < today else None
    _refuse(is_past, find_expiry_fault(last, today))
    before = load_or_start_baseline(file, today)
    findings_seen = read_findings()
    policy = settings_of(click.get_current_context()).policy()
    if all_open:
        keys, refused = _find_open(before, findings_seen, policy)
    else:
        keys, refused = _find_keys(dict.fromkeys(fingerprints), findings_seen), []
    text = add_acceptances(
        before,
        [
            Acceptance(
                rule=rule,
                operation=operation,
                outcome=outcome,
                pointer=pointer,
                value="".join(value),
                reason=reason,
                expires=last,
                accepted_by=name,
                accepted_on=today,
                file=str(file),
                line=0,
            )
            for rule, operation, outcome, pointer, *value in keys
        ],
    )
    after = parse_baseline(text, str(file), today)
    if keys:
        write_atomically(file, text)
    for acceptance in after.acceptances[len(before.acceptances) :]:
        click.echo(
            f"{_place(acceptance)}: accepted {describe_covered(acceptance)} until {acceptance.expires}"
        )
    if all_open:
        raise click.exceptions.Exit(_tell_all_open(len(keys), refused, findings_seen))


@baseline.command()
@_file_argument
@findings_options
def prune(file: Path, read_findings: ReadFindings) -> None:
    """Take expired and unused entries out of FILE.

    Unused are those without a finding in the recordings at PATH, or in a saved report.

    Where nothing was checked, or some input could not be read, only expired entries are taken out.
    """
    today = utc_day(time.time())
    before = load_baseline(file, today)
    findings_seen = read_findings()
    prunable = find_prunable(before, findings_seen, today)
    if prunable:
        write_atomically(file, remove_entries(before.text, prunable))
    for number, why in prunable.items():
        acceptance = before.acceptances[number]
        click.echo(f"{_place(acceptance)}: removed {describe_covered(acceptance)}: {why}")
    click.echo(f"{len(prunable):,} removed, {len(before.acceptances) - len(prunable):,} kept.")
    raise click.exceptions.Exit(_code_of_reading(findings_seen))


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


def _find_open(
    before: Baseline, findings_seen: FindingsSeen, policy: RulePolicy
) -> tuple[list[Key], list[Key]]:
    """Return the findings without an entry, and those of them that cannot be accepted."""
    known = {acceptance.fingerprint for acceptance in before.acceptances}
    found = sorted(
        key
        for key in findings_seen.keys
        if fingerprint(key) not in known
        and (key[0] in CHANGE_KINDS_BY_ID or policy.rule(RULES_BY_ID[key[0]]) is not None)
    )
    return (
        [key for key in found if key[0] not in NEVER_ACCEPTED],
        [key for key in found if key[0] in NEVER_ACCEPTED],
    )


def _tell_all_open(accepted: int, refused: list[Key], findings_seen: FindingsSeen) -> ExitCode:
    """Say what became of all findings that were open; returns the exit code."""
    for rule, _operation, _outcome, pointer, *_ in refused:
        click.echo(f"not accepted: {printable(pointer or 'a request')}: {find_rule_fault(rule)}", err=True)
    if findings_seen.omitted:
        more = count(findings_seen.omitted, "occurrence")
        click.echo(f"not accepted: {more} of findings that are not listed; run it again", err=True)
    click.echo(f"{count(accepted, 'finding')} accepted.")
    if refused or findings_seen.omitted:
        return ExitCode.FINDINGS
    return _code_of_reading(findings_seen)


def _refuse(*faults: str | None) -> None:
    for fault in filter(None, faults):
        raise UsageError(fault)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise UsageError("your login name is not known; give --by NAME") from error


def _code_of_reading(findings_seen: FindingsSeen) -> ExitCode:
    if findings_seen.unreadable:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if findings_seen.exchanges else ExitCode.NOTHING_CHECKED


def _place(acceptance: Acceptance) -> str:
    return f"{printable(acceptance.file)}:{acceptance.line}"


def _explain(acceptance: Acceptance, today: date) -> str:
    change = CHANGE_KINDS_BY_ID.get(acceptance.rule)
    explanation = change.explanation if change else RULES_BY_ID[acceptance.rule].explanation
    severity = "change" if change else RULES_BY_ID[acceptance.rule].severity.label
    about = "" if change else f"Operation {acceptance.operation or '(none)'}, outcome {acceptance.outcome}. "
    left = (acceptance.expires - today).days
    what_next = "counts again" if acceptance.is_expired(today) else count(left, "more day")
    words = [
        f"{about}{explanation}",
        f"Reason: {acceptance.reason}",
        f"By {acceptance.accepted_by} on {acceptance.accepted_on}; fingerprint {acceptance.fingerprint}",
    ]
    status = f"{acceptance.status(today)}, {what_next}"
    head = f"{_place(acceptance)}: {status}: {severity} {describe_covered(acceptance)}"
    wrapper = textwrap.TextWrapper(
        100, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return "\n".join([head, *(wrapper.fill(on_one_line(text)) for text in words)])
