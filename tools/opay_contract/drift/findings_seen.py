"""The findings that a run saw, from its summary or from the report that it saved."""

from pathlib import Path
from typing import Any

import msgspec

from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID, Level
from opay_contract.errors import UsageError
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.finding import Key, Outcome, key_of
from opay_contract.model.observation import MAX_VALUES
from opay_contract.model.summary import DriftSummary, fingerprint

_REPORT_VERSION = 1
_WITH_VALUE = 5
_HINT = "save a report with `opay-contract check --format json`"


class FindingsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a run, and how far what it did not see says anything.

    `omitted` counts occurrences of findings beyond the summary's cap, which keeps the gravest and among
    equals those of the smallest fingerprint, and of those that differ in their value only some. They may be
    changes of a contract in place of findings.
    """

    keys: frozenset[Key]
    omitted: int
    exchanges: int
    unreadable: int
    are_changes: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether something was checked and nothing was left unread."""
        return self.exchanges > 0 and not self.unreadable

    def excludes(self, key: Key) -> bool:
        """Return whether the run surely had no finding of a key."""
        if key in self.keys:
            return False
        if not self.omitted:
            return True
        same = [one for one in self.keys if one[:-1] == key[:-1] and len(one) == len(key) == _WITH_VALUE]
        if len(same) >= MAX_VALUES:
            return _rank(key) < max(map(_rank, same))
        return bool(self.keys) and _rank(key) < max(map(_rank, self.keys))


def sightings_of(summary: DriftSummary) -> FindingsSeen:
    """Return what a run saw."""
    return FindingsSeen(
        keys=frozenset(summary.findings),
        omitted=summary.omitted,
        exchanges=summary.exchanges,
        unreadable=summary.unreadable_count,
    )


def load_sightings(path: Path) -> FindingsSeen:
    """Read a report that `check` or `diff --format json` saved; raises UsageError where it is none."""
    try:
        parsed = parse_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if isinstance(parsed, NotJson):
        raise UsageError(f"{path}:{parsed.line}:{parsed.column}: not JSON; {_HINT}")
    report = parsed.value
    if not isinstance(report, dict) or report.get("schema_version") != _REPORT_VERSION:
        raise UsageError(f"{path}: no report of schema version {_REPORT_VERSION}; {_HINT}")
    try:
        return _read_report(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{path}: no sound report, or of another version of opay-contract; {_HINT}"
        ) from error


def _read_report(report: dict[str, Any]) -> FindingsSeen:
    if "side" in report:
        side = report["side"]
        return FindingsSeen(
            keys=frozenset(_read_key(one) for one in report["changes"] if one[side] != Level.HARMLESS.label),
            omitted=0,
            exchanges=report["operations"],
            unreadable=0,
            are_changes=True,
        )
    summary = report["summary"]
    return FindingsSeen(
        keys=frozenset(map(_read_key, report["findings"])),
        omitted=int(summary["occurrences_omitted"]),
        exchanges=int(summary["exchanges_checked"]),
        unreadable=int(summary["unreadable"]),
    )


def _read_key(found: dict[str, Any]) -> Key:
    key = key_of(
        (CHANGE_KINDS_BY_ID.get(found["rule"]) or RULES_BY_ID[found["rule"]]).id,
        found["operation"] or "",
        "" if found["rule"] in CHANGE_KINDS_BY_ID else Outcome(found["outcome"]).value,
        found["pointer"],
        found.get("value") or "",
    )
    if fingerprint(key) != found["fingerprint"]:
        raise ValueError("the fingerprint is of another finding")
    return key


def _rank(key: Key) -> tuple[int, str]:
    """Return the order in which a summary keeps findings."""
    return (-RULES_BY_ID[key[0]].severity, fingerprint(key))
