"""Writes a summary down and reads what runs saved, summaries and the findings of reports.

So runs of separate days, regions or versions can be joined and compared. The text of a summary has a version
of its own and no type of the program in it; reading gives back the very summary. What is joined names places
of several runs, so they are moved first.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID, Level
from opay_contract.errors import UsageError
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import ContractPlace, Finding, Key, Outcome, Severity, fingerprint, key_of
from opay_contract.model.observation import EARLIER, MAX_VALUES, UNDATED, Days, Observed, Range, utc_of
from opay_contract.model.summary import DriftSummary, Elsewhere, Signatures, WrongSignature, merge, rank_of

FORMAT, VERSION = "opay-contract summary", 1

_HEAD = msgspec.json.encode({"format": FORMAT})[:-1]
_HINT = "save one with `opay-contract check --save-summary FILE`"

_COUNTS_OF_SIGNATURES = ("verified", "failed", "refused_verified", "refused_failed")

Move = Callable[[Place], Place]
"""Says where a place is now; it must keep the order of places."""

V = TypeVar("V")


def is_saved_summary(path: Path) -> bool:
    """Return whether a file begins as a saved summary does."""
    try:
        if not path.is_file():  # what a pipe brings is there once
            return False
        with path.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def load_summary(path: Path) -> DriftSummary:
    """Read a summary that `check --save-summary` wrote; raises UsageError where the file is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return summary_from_json(data)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def summary_to_json(summary: DriftSummary) -> bytes:
    """Return a summary as one line of JSON, without a line feed; equal summaries have equal text."""
    rest = msgspec.json.encode(
        {
            "version": VERSION,
            "exchanges": summary.exchanges,
            "outcomes": [[*key, count] for key, count in sorted(summary.outcomes.items())],
            "signatures": _from_signatures(summary.signatures),
            "out_of_scope": summary.out_of_scope,
            "elsewhere": [
                [one.reason, one.host, one.path, one.base_url, count]
                for one, count in sorted(summary.elsewhere.items())
            ],
            "out_of_window": summary.out_of_window,
            "undated": summary.undated,
            **({"zoneless": summary.zoneless} if summary.zoneless else {}),
            "unreadable_count": summary.unreadable_count,
            "unreadable": [[*_from_place(one.place), one.reason] for one in summary.unreadable],
            "passed_over_count": summary.passed_over_count,
            "passed_over": [[*_from_place(one.place), one.reason] for one in summary.passed_over],
            "findings": [_from_finding(finding) for _, finding in sorted(summary.findings.items())],
            "occurrences": {severity.label: count for severity, count in summary.occurrences.items()},
            "readings": [[*key, count] for key, count in sorted(summary.readings.items())],
            "observations": [[*location, one] for location, one in sorted(summary.observations.items())],
            "is_partial": summary.is_partial,
        },
        order="sorted",
    )
    return _HEAD + b"," + rest[1:]


def summary_from_json(data: bytes) -> DriftSummary:
    """Return the summary that a text holds; raises UsageError where it holds none, or another version."""
    try:
        saved = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        raise UsageError(f"not JSON; {_HINT}") from None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise UsageError(f"no saved summary; {_HINT}")
    if saved.get("version") != VERSION:
        raise UsageError(f"a summary of another version than {VERSION}; check the recordings again")
    try:
        return _to_summary(saved)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise UsageError(f"a damaged summary; {_HINT}") from None


def _to_summary(saved: dict[str, Any]) -> DriftSummary:
    findings = [_to_finding(found) for found in saved["findings"]]
    observations = {
        (str(operation), str(form), Outcome(outcome).value, str(pointer)): _to_observed(observed)
        for operation, form, outcome, pointer, observed in saved["observations"]
    }
    return DriftSummary(
        exchanges=_whole(saved["exchanges"]),
        outcomes={
            (str(operation), str(form), Outcome(outcome).value, str(detail)): _whole(count)
            for operation, form, outcome, detail, count in saved["outcomes"]
        }
        if "outcomes" in saved  # older summaries have but observations that tell them
        else {
            (*location[:3], ""): observed.count
            for location, observed in observations.items()
            if not location[3]
        },
        signatures=_to_signatures(saved.get("signatures", {})),
        out_of_scope=_whole(saved["out_of_scope"]),
        elsewhere={
            Elsewhere(reason=str(reason), host=str(host), path=str(path), base_url=str(base_url)): _whole(
                count
            )
            for reason, host, path, base_url, count in saved.get("elsewhere", [])  # as above
        },
        out_of_window=_whole(saved["out_of_window"]),
        undated=_whole(saved["undated"]),
        zoneless=_whole(saved.get("zoneless", 0)),  # as above
        unreadable_count=_whole(saved["unreadable_count"]),
        unreadable=tuple(
            Unreadable(place=_to_place(place), reason=str(reason)) for *place, reason in saved["unreadable"]
        ),
        passed_over_count=_whole(saved.get("passed_over_count", 0)),  # as above
        passed_over=tuple(
            Unreadable(place=_to_place(place), reason=str(reason), is_passed_over=True)
            for *place, reason in saved.get("passed_over", [])
        ),
        findings={finding.key: finding for finding in findings},
        occurrences={Severity[label.upper()]: _whole(count) for label, count in saved["occurrences"].items()},
        readings={
            (str(question), str(reading)): _whole(count) for question, reading, count in saved["readings"]
        },
        observations=observations,
        is_partial=bool(saved["is_partial"]),
    )


def _from_signatures(signatures: Signatures) -> dict[str, Any]:
    saved: dict[str, Any] = {name: getattr(signatures, name) for name in _COUNTS_OF_SIGNATURES}
    diagnosed = [[*_from_place(one.place), one.mistake, one.advice] for one in signatures.diagnosed]
    return saved | ({"diagnosed": diagnosed} if diagnosed else {})


def _to_signatures(saved: dict[str, Any]) -> Signatures:
    return Signatures(
        **{name: _whole(saved[name]) for name in _COUNTS_OF_SIGNATURES if name in saved},
        diagnosed=tuple(
            WrongSignature(place=_to_place(place), mistake=str(mistake), advice=str(advice))
            for *place, mistake, advice in saved.get("diagnosed", [])  # which older summaries do not have
        ),
    )


def _from_place(place: Place) -> list[Any]:
    return [place.source, place.entry, place.file, place.line, *([place.column] if place.column else [])]


def _to_place(saved: Any) -> Place:
    source, entry, file, line, *column = saved
    return Place(
        source=_whole(source),
        entry=_whole(entry),
        file=str(file),
        line=_or_none(line, _whole),
        column=_whole(*column) if column else None,
    )


def _from_finding(finding: Finding) -> dict[str, Any]:
    contract = finding.contract
    return {
        "rule": finding.rule.id,
        "operation": finding.operation,
        "outcome": finding.outcome.value,
        "pointer": finding.pointer,
        "value": finding.value,
        "expected": finding.expected,
        "actual": finding.actual,
        "contract": contract and [contract.file, contract.line, contract.column, contract.pointer],
        "place": _from_place(finding.place),
        "recorded_at": finding.recorded_at,
        "status": finding.status,
        "code": finding.code,
        "count": finding.count,
        "last_place": _from_place(finding.last_place),
        "last_recorded_at": finding.last_recorded_at,
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "days": finding.days,
        "files": finding.files,
    }


def _to_finding(saved: dict[str, Any]) -> Finding:
    return Finding(
        rule=RULES_BY_ID[saved["rule"]],
        operation=_or_none(saved["operation"], str),
        outcome=Outcome(saved["outcome"]),
        pointer=str(saved["pointer"]),
        value=str(saved.get("value", "")),
        expected=str(saved["expected"]),
        actual=str(saved["actual"]),
        contract=_or_none(saved["contract"], _to_contract_place),
        place=_to_place(saved["place"]),
        recorded_at=_or_none(saved["recorded_at"], str),
        status=_or_none(saved.get("status"), _whole),
        code=str(saved.get("code", "")),
        count=_whole(saved["count"]),
        last_place=_to_place(saved["last_place"]),
        last_recorded_at=_or_none(saved["last_recorded_at"], str),
        first_seen=_or_none(saved["first_seen"], _moment),
        last_seen=_or_none(saved["last_seen"], _moment),
        days=_to_days(saved["days"]),
        files=tuple(map(_whole, saved.get("files", ()))),  # which older summaries do not have
    )


def _to_contract_place(saved: Any) -> ContractPlace:
    file, line, column, pointer = saved
    return ContractPlace(file=str(file), line=_whole(line), column=_whole(column), pointer=str(pointer))


def _to_observed(saved: dict[str, Any]) -> Observed:
    return Observed(
        is_documented=bool(saved["is_documented"]),
        types={str(type_): _to_days(days) for type_, days in saved["types"].items()},
        lengths=_or_none(saved["lengths"], _to_range),
        items=_or_none(saved["items"], _to_range),
        numbers=_or_none(saved["numbers"], _to_range),
        values={str(name): _whole(count) for name, count in saved["values"].items()},
        other_values=_whole(saved["other_values"]),
        has_many_values=bool(saved["has_many_values"]),
        value_days={str(value): _day(day) for value, day in saved["value_days"].items()},
    )


def _to_days(saved: dict[str, Any]) -> Days:
    return {_day(day): _whole(count) for day, count in saved.items()}


def _day(saved: str) -> str:
    if saved not in (UNDATED, EARLIER) and date.fromisoformat(saved).isoformat() != saved:
        raise ValueError
    return saved


def _moment(saved: str) -> str:
    if utc_of(saved) != saved:
        raise ValueError
    return saved


def _to_range(saved: Any) -> Range:
    least, greatest = saved
    if not all(isinstance(number, int | float) for number in (least, greatest)):
        raise TypeError
    return least, greatest


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _or_none(value: Any, read: Callable[[Any], V]) -> V | None:
    return None if value is None else read(value)


def move_places(summary: DriftSummary, move: Move) -> DriftSummary:
    """Return the summary with every place moved, wherever in it one stands."""
    moved: DriftSummary = _moved(summary, move)
    return moved


def join_runs(summaries: list[DriftSummary]) -> DriftSummary:
    """Join the summaries of runs of their own: the files of each come after those of the one before."""
    total, before, files = DriftSummary(), 0, 0

    def shift(place: Place) -> Place:
        nonlocal files
        files = max(files, before + place.source + 1)
        return structs.replace(place, source=before + place.source)

    for summary in summaries:
        before = files
        total = merge(total, move_places(summary, shift))
    return total


def _moved(value: Any, move: Move) -> Any:
    if isinstance(value, Place):
        return move(value)
    if isinstance(value, Unreadable):
        place = move(value.place)  # the reason may name the line, too
        reason = value.reason.replace(f"at line {value.place.line},", f"at line {place.line},")
        return structs.replace(value, place=place, reason=reason)
    if isinstance(value, Finding):
        moved = [move(Place(source=ordinal, entry=0, file="file")).source for ordinal in value.files]
        return _moved_members(structs.replace(value, files=tuple(moved)), move)
    if isinstance(value, dict):
        return {key: _moved(member, move) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_moved(item, move) for item in value)
    if isinstance(value, msgspec.Struct):
        return _moved_members(value, move)
    return value


def _moved_members(value: Any, move: Move) -> Any:
    members = structs.asdict(value)
    moved = {name: _moved(member, move) for name, member in members.items()}
    changed = {name: member for name, member in moved.items() if member is not members[name]}
    return structs.replace(value, **changed) if changed else value


_REPORT_VERSION = 1
_WITH_VALUE = 5
_HINT_OF_REPORTS = "save a report with `opay-contract check --format json`"


class FindingsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a run, and how far what it did not see says anything.

    `omitted` counts occurrences of findings beyond the summary's cap, which keeps the most severe, among
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


def findings_seen_in(summary: DriftSummary) -> FindingsSeen:
    """Return what a run saw."""
    return FindingsSeen(
        keys=frozenset(summary.findings),
        omitted=summary.omitted,
        exchanges=summary.exchanges,
        unreadable=summary.unreadable_count,
    )


def load_findings_seen(path: Path) -> FindingsSeen:
    """Read a report that `check` or `diff --format json` saved; raises UsageError where it is none."""
    try:
        parsed = parse_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if isinstance(parsed, NotJson):
        raise UsageError(f"{path}:{parsed.line}:{parsed.column}: not JSON; {_HINT_OF_REPORTS}")
    report = parsed.value
    if not isinstance(report, dict) or report.get("schema_version") != _REPORT_VERSION:
        raise UsageError(f"{path}: no report of schema version {_REPORT_VERSION}; {_HINT_OF_REPORTS}")
    try:
        return _read_report(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{path}: no sound report, or of another version of opay-contract; {_HINT_OF_REPORTS}"
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
    return rank_of(RULES_BY_ID[key[0]].severity, key)
