"""Where a command takes the findings of a run from: recordings that it checks, or a saved report."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opay_contract.cli.checking import check_paths, settings_of_now
from opay_contract.cli.format_in import format_in_option
from opay_contract.cli.options import base_url_option, contract_option, paths_argument
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude, weigh_card_numbers
from opay_contract.drift.findings_seen import FindingsSeen, load_sightings, sightings_of
from opay_contract.errors import UsageError

Sight = Callable[[], FindingsSeen]


def taking_findings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the findings to work with, as the function `sight`: of recordings, or of a report."""

    @paths_argument("[PATH...]", required=False)
    @click.option(
        "--from",
        "report",
        metavar="REPORT",
        type=click.Path(path_type=Path, dir_okay=False),
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

        def sight() -> FindingsSeen:
            return load_sightings(report) if report else _check(paths, contract_dir, base_urls, format_in)

        command(sight=sight, **others)

    return taking


def _check(
    paths: tuple[str, ...], contract_dir: Path | None, base_urls: tuple[str, ...], format_in: str | None
) -> FindingsSeen:
    """Check recordings as `check` does."""
    contract = load_contract(contract_dir, base_urls)
    summary = check_paths(paths, contract, settings_of_now(), format_in)
    return sightings_of(conclude(weigh_card_numbers(summary), contract))
