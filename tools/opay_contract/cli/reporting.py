"""How a command reports a run: the options for it, the reports, and the exit code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from opay_contract.baseline.baseline import Baseline, apply_baseline, load_baseline, utc_day
from opay_contract.cli.exit_codes import ExitCode, exit_code
from opay_contract.cli.options import fail_on_option, require_success_option, severity_of
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
from opay_contract.report.checked_run import CheckedRun

_RENDERERS = {
    name: f"opay_contract.report.{name}_report"
    for name in ("text", "json", "junit", "sarif", "github", "markdown", "html")
}
"""The module of each format; it is imported when the format was chosen, for start-up time."""


def _render(name: str, run: CheckedRun) -> str:
    text: str = getattr(import_module(_RENDERERS[name]), f"render_{name}")(run)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """What was asked for: which reports, which severity makes a failure, and what is accepted."""

    targets: tuple[Target, ...]
    fail_on: Severity
    baseline_file: Path | None
    allow_unused: bool
    require_success: int | None
    allow_out_of_scope: bool

    def load_baseline(self, now: float) -> "Judging":
        """Read the baseline, if there is one, as it is on the day of `now`."""
        today = utc_day(now)
        found = load_baseline(self.baseline_file, today) if self.baseline_file else None
        return Judging(baseline=found, today=today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What is accepted, and until when: a baseline and a day."""

    baseline: Baseline | None
    today: date


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a report, as the argument `reporting`."""

    @click.option(
        "--format",
        "targets",
        metavar=f"[{'|'.join(_RENDERERS)}][=FILE]",
        callback=lambda ctx, param, values: tuple(
            parse_target(one, _RENDERERS, param, ctx) for one in values
        ),
        default=("text",),
        show_default=True,
        multiple=True,
        help="What the report is written as. May be repeated, each with a file of its own.",
    )
    @click.option(
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the report there.",
    )
    @fail_on_option
    @click.option(
        "--allow-out-of-scope",
        is_flag=True,
        help="Do not fail when all that was recorded belongs to other APIs; it is said all the same.",
    )
    @click.option(
        "--baseline",
        "baseline_file",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Findings that are accepted and do not count for --fail-on; see `opay-contract baseline`.",
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
        **others: Any,
    ) -> None:
        asked = Reporting(
            targets=settle_targets(targets, output),
            fail_on=severity_of(fail_on),
            baseline_file=baseline_file,
            allow_unused=allow_unused,
            require_success=require_success,
            allow_out_of_scope=allow_out_of_scope,
        )
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
    run = CheckedRun(
        summary=summary,
        questions=contract.questions,
        insight=draw_insight(summary, contract),
        contract=contract,
        judged=apply_baseline(summary, judging.baseline, judging.today) if judging.baseline else None,
        fail_on=reporting.fail_on,
        allow_unused=reporting.allow_unused,
        require_success=reporting.require_success,
        allow_out_of_scope=reporting.allow_out_of_scope,
        used=name_contract(contract.schemas.documents[ROOT].value, contract_dir),
        inputs=inputs,
        contract_folder=_contract_folder(contract_dir or default_directory()),
        version=_version() if any(one.format == "sarif" for one in reporting.targets) else None,
    )
    write_reports(reporting.targets, lambda name: _render(name, run))
    has_unused = run.judged is not None and bool(run.judged.unused) and not reporting.allow_unused
    return exit_code(
        run.counted,
        run.fail_on,
        has_unused=has_unused,
        is_short=run.is_short,
        allow_out_of_scope=run.allow_out_of_scope,
    )


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
