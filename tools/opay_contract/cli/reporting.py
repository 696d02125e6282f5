"""How a command reports a run: the options for it, the reports, and the exit code."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec.structs import replace

from opay_contract.baseline.acceptance import utc_day
from opay_contract.cli.options import (
    FILE,
    baseline_option,
    fail_on_option,
    is_settled,
    require_success_option,
    rule_options,
    setting_option,
)
from opay_contract.cli.running import has_colour, is_terminal, write_report
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, is_carried, locate_root, name_contract
from opay_contract.drift.conclusions import conclude, weigh_card_numbers
from opay_contract.drift.insight import draw_insight
from opay_contract.errors import ExitCode, UsageError
from opay_contract.model.finding import ContractPlace, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report import CONCISE, FORMATS, TEXT, TICKET
from opay_contract.report.checked_run import CheckedRun, View
from opay_contract.report.sentences import describe_verdict, mark_of
from opay_contract.settings import RulePolicy, parse_docs_url, parse_severity
from opay_contract.words import printable

if TYPE_CHECKING:
    from opay_contract.baseline.baseline import Baseline

_FALLBACK = (100, 40)
"""Columns and lines where there is no terminal."""

_VIEWED = tuple(name for name in View.__struct_fields__ if name not in ("width", "height"))
"""What options say of how much is shown, each called as it is here."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A report that was asked for: its format, and the file it goes to, None for standard output."""

    format: str
    file: Path | None = None


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What fails a run: rules that count, from which severity on, what is accepted, how much must succeed."""

    fail_on: Severity
    policy: RulePolicy
    baseline_file: Path | None
    allow_unused: bool = False
    require_success: int | None
    allow_out_of_scope: bool = False

    def load_baseline(self, now: float) -> "Baseline | None":
        """Read the baseline, if there is one, as it is on the day of `now`."""
        if self.baseline_file is None:
            return None
        from opay_contract.baseline.baseline import load_baseline  # noqa: PLC0415  few runs have one

        return load_baseline(self.baseline_file, utc_day(now))


class Reporting(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: which reports, how they look, and what fails."""

    targets: tuple[Target, ...]
    view: View
    colour: str
    docs_url: str | None
    criteria: Criteria

    def render(self, name: str, run: CheckedRun) -> str:
        """Return the report in a format, whose module is imported when it was chosen, for start-up time."""
        render = getattr(import_module(f"opay_contract.report.{FORMATS[name]}"), f"render_{name}")
        text: str = render(run, self.view) if name in (TEXT, CONCISE) else render(run)
        return text


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and when: as the user named it, with the options that go along, and how many files."""

    now: float
    named: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    files: int | None = None


def parse_target(value: str, formats: Iterable[str], param: click.Parameter, ctx: click.Context) -> Target:
    """Read a value of `--format`: NAME or NAME=FILE."""
    name, equals, file = value.partition("=")
    format_ = click.Choice(list(formats)).convert(name, param, ctx)
    if equals and not file:
        raise click.BadParameter(f"'{value}' names no file after '='.", ctx, param)
    return Target(format=format_, file=Path(file) if file not in ("", "-") else None)


def assign_files(targets: tuple[Target, ...], output: Path | None) -> tuple[Target, ...]:
    """Give `--output` to the one format without a file, and refuse what would overwrite or mix reports."""
    loose = [target for target in targets if target.file is None]
    if len(loose) > 1:
        names = " and ".join(f"'{target.format}'" for target in loose)
        raise UsageError(f"--format {names} have no file; give all but one of them as NAME=FILE")
    if output is not None and not loose:
        raise UsageError("--output is for a --format without a file; each --format names its own")
    settled = tuple(
        target if target.file else Target(format=target.format, file=output) for target in targets
    )
    files = [target.file.resolve() for target in settled if target.file]
    if len(set(files)) < len(files):
        raise UsageError("two reports would go to the same file; give each --format a file of its own")
    return settled


def criteria_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of what fails a run, as the argument `criteria`."""

    @fail_on_option
    @rule_options
    @baseline_option
    @require_success_option
    @wraps(command)
    def judging(
        *,
        fail_on: str,
        policy: RulePolicy,
        baseline_file: Path | None,
        require_success: int | None,
        **others: Any,
    ) -> None:
        criteria = Criteria(
            fail_on=parse_severity(fail_on),
            policy=policy,
            baseline_file=baseline_file,
            require_success=require_success,
        )
        command(criteria=criteria, **others)

    return judging


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a report, as the argument `reporting`."""

    @setting_option(
        "format",
        metavar=f"[{'|'.join(FORMATS)}][=FILE]",
        callback=lambda ctx, param, values: tuple(parse_target(one, FORMATS, param, ctx) for one in values),
        multiple=True,
    )
    @click.option("--output", metavar="FILE", type=FILE, help="Write the report there.")
    @setting_option(
        "docs-url",
        metavar="URL",
        callback=lambda _ctx, _param, url: None if url is None else parse_docs_url(url),
    )
    @click.option(
        "--statistics",
        "counts_rules",
        is_flag=True,
        help="Text: count the findings of each rule, and list none.",
    )
    @click.option("--all", "shows_all", is_flag=True, help="Text: name every finding, beyond a screen, too.")
    @click.option(
        "--full", "is_full", is_flag=True, help="Text: put the contract's own lines beside every finding."
    )
    @click.option(
        "--questions",
        "shows_questions",
        is_flag=True,
        help="Text: what the recordings say to open questions.",
    )
    @click.option(
        "--observed",
        "shows_observed",
        is_flag=True,
        help="Text: changes over time, what was never seen, and what is narrower than documented.",
    )
    @click.option("-q", "--quiet", "is_quiet", is_flag=True, help="Print the verdict alone.")
    @click.option(
        "-v", "--verbose", "is_verbose", is_flag=True, help="Add fingerprints, times and last places."
    )
    @click.option(
        "--color",
        "colour",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Whether text is coloured; auto heeds NO_COLOR, FORCE_COLOR and whether there is a terminal.",
    )
    @criteria_options
    @click.option(
        "--allow-out-of-scope",
        is_flag=True,
        help="Do not fail when all that was recorded belongs to other APIs; it is said all the same.",
    )
    @click.option(
        "--allow-unused", is_flag=True, help="Do not fail when an acceptance of the baseline has no finding."
    )
    @wraps(command)
    def reporting(
        *,
        report_targets: tuple[Target, ...],
        output: Path | None,
        colour: str,
        criteria: Criteria,
        allow_unused: bool,
        allow_out_of_scope: bool,
        docs_url: str | None,
        **others: Any,
    ) -> None:
        columns, lines = shutil.get_terminal_size(_FALLBACK)
        view = View(width=columns, height=lines, **{name: others.pop(name) for name in _VIEWED})
        has_own_files = is_settled("report_targets") and all(target.file for target in report_targets)
        # people read terminals and files, programs read pipes
        format_ = TEXT if output or is_terminal("stdout") else CONCISE
        usual = (Target(format=format_),) if not report_targets or (output and has_own_files) else ()
        asked = Reporting(
            targets=assign_files((*report_targets, *usual), output),
            view=view,
            colour=colour,
            docs_url=docs_url,
            criteria=replace(criteria, allow_unused=allow_unused, allow_out_of_scope=allow_out_of_scope),
        )
        if view.counts_rules and not any(target.format in (TEXT, CONCISE) for target in asked.targets):
            raise UsageError("--statistics is about --format text or concise; ask for that, too")
        if allow_unused and not criteria.baseline_file:
            raise UsageError("--allow-unused is about a baseline; name one with --baseline")
        command(reporting=asked, **others)

    return reporting


def report_run(
    summary: DriftSummary,
    contract: Contract,
    contract_dir: Path | None,
    reporting: Reporting,
    baseline: "Baseline | None",
    inputs: Inputs,
) -> ExitCode:
    """Write every report that was asked for; returns the exit code of the run."""
    run = build_run(summary, contract, contract_dir, reporting.criteria, baseline, inputs)
    formats = {target.format for target in reporting.targets}
    if TICKET in formats:
        run = replace(run, scenarios=_scenarios(contract))
    if "html" in formats and reporting.docs_url is not None:
        run = replace(run, link_to=_links(contract, reporting.docs_url))
    _write_reports(run, reporting)
    return run.exit_code


def build_run(
    summary: DriftSummary,
    contract: Contract,
    contract_dir: Path | None,
    criteria: Criteria,
    baseline: "Baseline | None",
    inputs: Inputs,
) -> CheckedRun:
    """Return what there is to report of a run; says on standard error which findings do not count."""
    summary = conclude(weigh_card_numbers(summary), contract, may_all_fail=criteria.require_success == 0)
    policy, judged = criteria.policy, None
    counting = policy.summary(summary)
    if baseline:  # an acceptance of a rule that does not count is not unused
        from opay_contract.baseline.baseline import apply_baseline  # noqa: PLC0415  few runs have one

        judged = replace(apply_baseline(summary, baseline, utc_day(inputs.now)), summary=counting)
    if left_out := policy.describe_left_out(summary):
        click.echo(f"note: {left_out}", err=True)
    return CheckedRun(
        summary=counting,
        questions=contract.questions,
        insight=policy.insight(draw_insight(summary, contract), summary),
        contract=contract,
        judged=judged,
        fail_on=criteria.fail_on,
        allow_unused=criteria.allow_unused,
        require_success=criteria.require_success,
        allow_out_of_scope=criteria.allow_out_of_scope,
        used=name_contract(contract.schemas.root.value, contract_dir),
        named=inputs.named,
        options=inputs.options,
        inputs=inputs.files,
        started_at=_printed_time(inputs.now),
        contract_folder=_contract_folder(contract_dir or default_directory()),
    )


def _write_reports(run: CheckedRun, reporting: Reporting) -> None:
    """Write every report, those in files first; nothing is written unless all could be rendered.

    Where a report went into a file, or where there are several, the verdict is on standard error.
    """
    texts = [(reporting.render(target.format, run), target) for target in reporting.targets]
    for text, target in sorted(texts, key=lambda one: one[1].file is None):
        write_report(text, target.file, colour=reporting.colour)
    written = [(str(target.file), target.format) for target in reporting.targets if target.file]
    if not written and len(texts) == 1:
        return
    said = click.style(f"{mark_of(run)} {describe_verdict(run)}", bold=True)
    lines = [
        f"{said} · exit code {int(run.exit_code)}",
        *(f"  {form}: {printable(file)}" for file, form in written),
    ]
    for line in lines:
        click.echo(line, err=True, color=has_colour(reporting.colour, "stderr"))


def _links(contract: Contract, docs_url: str) -> Callable[[ContractPlace], str]:
    from opay_contract.docs.building import anchor_of, build_reference  # noqa: PLC0415  for links alone

    reference = build_reference(contract, None)

    def link_to(place: ContractPlace) -> str:
        anchor = anchor_of(reference, place.file, place.pointer)
        return f"{docs_url}#{anchor}" if anchor else docs_url

    return link_to


def _scenarios(contract: Contract) -> dict[str, str]:
    from opay_contract.mock.scenarios import build_scenarios  # noqa: PLC0415  for a ticket alone

    found: dict[str, str] = {}
    for name, scenario in build_scenarios(contract.operations).items():
        for rule in scenario.rules:
            found.setdefault(rule, name)
    return found


_LONGEST_TIME = 11
"""So many digits of seconds are a time that a date has: before the year 5139."""


def _printed_time(now: float) -> float:
    """Return the time that reports say they are of, which SOURCE_DATE_EPOCH sets for reproducible ones."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    return float(fixed) if fixed.isdecimal() and len(fixed) <= _LONGEST_TIME else now


def arguments_of(
    contract_dir: Path | None, base_urls: Sequence[str], format_in: str | None = None
) -> tuple[str, ...]:
    """Return the options that say by what recordings are judged, as they stand on a command line."""
    given = [
        ("--contract", str(contract_dir)) if contract_dir else (),
        ("--format-in", format_in) if format_in else (),
    ]
    return tuple(word for pair in (*given, *(("--base-url", url) for url in base_urls)) for word in pair)


def _contract_folder(contract: Path) -> str | None:
    """Return the contract's folder relative to the working folder, or None where nobody there edits it."""
    directory, here = locate_root(contract)[0].resolve(), Path.cwd()
    is_below = directory.is_relative_to(here) and not is_carried(directory)
    return directory.relative_to(here).as_posix() if is_below else None
