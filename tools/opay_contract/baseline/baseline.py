"""The baseline: findings that are accepted until a day, kept in a TOML file beside the recordings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from opay_contract.baseline.acceptance import Acceptance, Judged
from opay_contract.baseline.acceptances import NEVER_ACCEPTED, read_acceptance
from opay_contract.baseline.text import (
    PREAMBLE,
    TABLE,
    Layout,
    append_entries,
    lay_out,
    remove_entries,
)
from opay_contract.drift.findings_seen import FindingsSeen, sightings_of
from opay_contract.errors import UsageError
from opay_contract.model.summary import DriftSummary
from opay_contract.tomltext import parse_toml

VERSION = 1
"""The version of the file's members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The acceptances of a file, in its order, and its text."""

    text: str
    acceptances: tuple[Acceptance, ...]


def utc_day(timestamp: float) -> date:
    """Return the day of a Unix time: the day that expiries are compared with."""
    return datetime.fromtimestamp(timestamp, UTC).date()


def load_baseline(path: Path, today: date) -> Baseline:
    """Read a baseline; raises UsageError with file and line where it is not one."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    return parse_baseline(text, str(path), today)


def load_or_start_baseline(path: Path, today: date) -> Baseline:
    """Read a baseline; begin one where there is no file."""
    return load_baseline(path, today) if path.exists() else Baseline(text=PREAMBLE, acceptances=())


def parse_baseline(text: str, file: str, today: date) -> Baseline:
    """Read the text of a baseline; `file` is what errors call it."""
    values, layout = parse_toml(text, file), lay_out(text)
    entries = values.pop(TABLE, [])
    version = values.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise UsageError(f"{file}:1: no baseline of version {VERSION}; begin it with 'version = {VERSION}'")
    if values:
        raise UsageError(f"{file}:1: unknown member '{next(iter(values))}'; known are version and {TABLE}")
    if not isinstance(entries, list) or len(entries) != len(layout.entries):
        raise UsageError(f"{file}:1: write every acceptance as a table of its own that begins [[{TABLE}]]")
    acceptances = tuple(
        read_acceptance(entry, file, layout, lines, today)
        for entry, lines in zip(entries, layout.entries, strict=True)
    )
    _refuse_duplicates(acceptances, layout)
    return Baseline(text=text, acceptances=acceptances)


def apply_baseline(summary: DriftSummary, baseline: Baseline, today: date) -> Judged:
    """Tell which findings of a run are accepted, which were, and which acceptances have no finding."""
    findings_seen = sightings_of(summary)
    return Judged(
        summary=summary,
        today=today,
        matched={
            acceptance.key: acceptance
            for acceptance in baseline.acceptances
            if acceptance.key in summary.findings and acceptance.rule not in NEVER_ACCEPTED
        },
        unused=tuple(one for one in baseline.acceptances if findings_seen.excludes(one.key)),
    )


def add_acceptances(baseline: Baseline, acceptances: Iterable[Acceptance]) -> str:
    """Return the baseline's text with more acceptances; raises UsageError where one is there already."""
    known = {acceptance.fingerprint: acceptance for acceptance in baseline.acceptances}
    added = list(acceptances)
    for acceptance in added:
        if there := known.get(acceptance.fingerprint):
            raise UsageError(
                f"{there.file}:{there.line}: '{there.fingerprint}' stands here, until {there.expires}; "
                "edit this entry, or prune it first"
            )
    return append_entries(baseline.text, added)


def find_prunable(baseline: Baseline, findings_seen: FindingsSeen, today: date) -> dict[int, str]:
    """Return the numbers of entries that are of no use, with why: expired, or unused by a whole run."""
    found: dict[int, str] = {}
    for number, acceptance in enumerate(baseline.acceptances):
        if acceptance.is_expired(today):
            found[number] = acceptance.standing(today)
        elif findings_seen.is_whole and findings_seen.excludes(acceptance.key):
            found[number] = f"unused, no finding has the fingerprint {acceptance.fingerprint}"
    return found


def prune_entries(baseline: Baseline, numbers: Iterable[int]) -> str:
    """Return the baseline's text without the entries of these numbers; everything else as it is."""
    return remove_entries(baseline.text, numbers)


def _refuse_duplicates(acceptances: tuple[Acceptance, ...], layout: Layout) -> None:
    lines: dict[str, int] = {}
    for acceptance, entry in zip(acceptances, layout.entries, strict=True):
        line = layout.line_of(entry, "fingerprint")
        if first := lines.get(acceptance.fingerprint):
            raise UsageError(
                f"{acceptance.file}:{line}: '{acceptance.fingerprint}' stands in line {first} already"
            )
        lines[acceptance.fingerprint] = line
