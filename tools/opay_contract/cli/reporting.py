"""How a command reports a run: the options for it, the reports, and the exit code."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from opay_contract.baseline.baseline import Baseline, apply_baseline, load_baseline, utc_day
from opay_contract.cli.exit_codes import ExitCode, exit_code
from opay_contract.cli.options import fail_on_option, require_success_option, rule_options, setting_option
from opay_contract.cli.output import Target, parse_target, settle_targets, write_reports
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import ROOT, default_directory, is_carried
from opay_contract.contract.used import name_contract
from opay_contract.drift.card_evidence import weigh_card_numbers
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.insight import draw_insight
from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report import FORMATS
from opay_contract.report.checked_run import CheckedRun
from opay_contract.settings.policy import RulePolicy, parse_severity
from opay_contract.words import count

_RENDERERS = {name: f"opay_contract.report.{name}_report" for name in FORMATS}
"""The module of each format; it is imported when the format was chosen, for start-up time."""


_STATISTICS = "opay_contract.report.rule_counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """What was asked for: which reports, which severity makes a failure, and what is accepted."""

    targets: tuple[Target, ...]
    fail_on: Severity
    baseline_file: Path | None
    allow_unused: bool
    require_success: int | None
    allow_out_of_scope: bool
    policy: RulePolicy
    has_statistics: bool

    def load_baseline(self, now: float) -> "Judging":
        """Read the baseline, if there is one, as it is on the day of `now`."""
        today = utc_day(now)
        found = load_baseline(self.baseline_file, today) if self.baseline_file else None
        return Judging(baseline=found, today=today)

    def render(self, name: str, run: CheckedRun) -> str:
        """Return the report in a format."""
        counts = self.has_statistics and name == "text"
        module, function = (_STATISTICS, "render_counts") if counts else (_RENDERERS[name], f"render_{name}")
        text: str = getattr(import_module(module), function)(run)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What is accepted, and until when: a baseline and a day."""

    baseline: Baseline | None
    today: date


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a report, as the argument `reporting`."""

    @setting_option(
        "format",
        "targets",
        metavar=f"[{'|'.join(_RENDERERS)}][=FILE]",
        callback=lambda ctx, param, values: tuple(
            parse_target(one, _RENDERERS, param, ctx) for one in values
        ),
        default=("text",),
        show_default=True,
        multiple=True,
    )
    @click.option(
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the report there.",
    )
    @click.option(
        "--statistics", is_flag=True, help="Count the findings of each rule in --format text, and list none."
    )
    @fail_on_option
    @click.option(
        "--allow-out-of-scope",
        is_flag=True,
        help="Do not fail when all that was recorded belongs to other APIs; it is said all the same.",
    )
    @rule_options
    @setting_option(
        "baseline", "baseline_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False)
    )
    @click.option(
        "--allow-unused", is_flag=True, help="Do not fail when an acceptance of the baseline has no finding."
    )
    @require_success_option
    @wraps(command)
    def reporting(
        *,
        targets: tuple[Target, ...],
        output: Path | None,
        fail_on: str,
        baseline_file: Path | None,
        allow_unused: bool,
        require_success: int | None,
        allow_out_of_scope: bool,
        policy: RulePolicy,
        statistics: bool,
        **others: Any,
    ) -> None:
        asked = Reporting(
            targets=settle_targets(targets, output),
            fail_on=parse_severity(fail_on),
            baseline_file=baseline_file,
            allow_unused=allow_unused,
            require_success=require_success,
            allow_out_of_scope=allow_out_of_scope,
            policy=policy,
            has_statistics=statistics,
        )
        if statistics and not any(target.format == "text" for target in asked.targets):
            raise UsageError("--statistics is about --format text; ask for that, too")
        if allow_unused and not baseline_file:
            raise UsageError("--allow-unused is about a baseline; name one with --baseline")
        command(reporting=asked, **others)

    return reporting


def report_run(
    summary: DriftSummary,
    contract: Contract,
    contract_dir: Path | None,
    reporting: Reporting,
    judging: Judging,
    inputs: int | None = None,
) -> ExitCode:
    """Write every report that was asked for; returns the exit code of the run."""
    summary = conclude(weigh_card_numbers(summary), contract, may_all_fail=reporting.require_success == 0)
    policy, judged = reporting.policy, None
    counting = policy.summary(summary)
    if judging.baseline:  # an acceptance of a rule that does not count is not unused
        judged = replace(apply_baseline(summary, judging.baseline, judging.today), summary=counting)
    run = CheckedRun(
        summary=counting,
        questions=contract.questions,
        insight=policy.insight(draw_insight(summary, contract)),
        contract=contract,
        judged=judged,
        fail_on=reporting.fail_on,
        allow_unused=reporting.allow_unused,
        require_success=reporting.require_success,
        allow_out_of_scope=reporting.allow_out_of_scope,
        used=name_contract(contract.schemas.documents[ROOT].value, contract_dir),
        inputs=inputs,
        contract_folder=_contract_folder(contract_dir or default_directory()),
        version=_version() if any(one.format == "sarif" for one in reporting.targets) else None,
    )
    write_reports(reporting.targets, lambda name: reporting.render(name, run))
    _tell_left_out(policy.left_out(summary))
    has_unused = run.judged is not None and bool(run.judged.unused) and not reporting.allow_unused
    return exit_code(
        run.counted,
        run.fail_on,
        has_unused=has_unused,
        is_short=run.is_short,
        allow_out_of_scope=run.allow_out_of_scope,
    )


def _tell_left_out(left_out: dict[str, int]) -> None:
    """Say on standard error what was found and does not count, so that less is not taken for nothing."""
    if left_out:
        by_rule = ", ".join(f"{rule} {number:,}" for rule, number in left_out.items())
        words = f"{count(sum(left_out.values()), 'finding')} left out by --select or --ignore ({by_rule})"
        click.echo(f"note: {words}", err=True)


def _contract_folder(directory: Path) -> str | None:
    """Return the contract's folder relative to the working folder, or None where nobody there edits it."""
    directory, here = directory.resolve(), Path.cwd()
    is_below = directory.is_relative_to(here) and not is_carried(directory)
    return directory.relative_to(here).as_posix() if is_below else None


def _version() -> str | None:
    from importlib import metadata  # noqa: PLC0415  imports the standard library's e-mail

    try:
        return metadata.version("opay-contract")
    except metadata.PackageNotFoundError:
        return None
