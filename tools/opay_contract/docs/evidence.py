"""Reads what recordings say from a report that `check --format json` saved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opay_contract.errors import UsageError
from opay_contract.jsontext import NotJson, Parsed, parse_json

_REQUEST_RULE = "request-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A finding of the report; `statement` is the `file#pointer` that it speaks about."""

    rule: str
    severity: str
    pointer: str
    outcome: str
    count: int
    expected: str
    actual: str
    last_recorded_at: str | None
    statement: str | None

    @property
    def in_request(self) -> bool:
        """Whether the finding is about the body of a request."""
        return self.rule.startswith(_REQUEST_RULE)

    def __str__(self) -> str:
        """The finding in a few words."""
        when = f", last seen {self.last_recorded_at}" if self.last_recorded_at else ""
        return f"{self.count} × {self.rule} ({self.severity}){when}"  # noqa: RUF001  times


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What recordings say: findings, and how often each reading of an open question was seen."""

    exchanges: int
    out_of_scope: int = 0
    unreadable: int = 0
    findings: tuple[Observed, ...] = ()
    readings: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def at(self, pointer: str, *, in_request: bool) -> tuple[Observed, ...]:
        """Return the findings at a member of a body, by its folded pointer."""
        return tuple(
            found for found in self.findings if (found.pointer, found.in_request) == (pointer, in_request)
        )

    def times(self, question: str, reading: str) -> str:
        """Return how often a reading was seen, in words."""
        number = self.readings.get((question, reading), 0)
        return f"seen {number} {'time' if number == 1 else 'times'}" if number else "never seen"

    def about(self, statement: str) -> tuple[Observed, ...]:
        """Return the findings about a statement of the contract and about what stands below it."""
        return tuple(
            found
            for found in self.findings
            if found.statement is not None and f"{found.statement}/".startswith(f"{statement}/")
        )


def load_evidence(path: Path) -> Evidence:
    """Read a report; raises UsageError when the file is not one, or is of another version."""
    try:
        parsed = parse_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if isinstance(parsed, NotJson):
        raise UsageError(f"{path}:{parsed.line}:{parsed.column}: not JSON; {_HINT}")
    return _read(parsed, path)


_HINT = "save a report with `opay-contract check --format json`"


def _read(parsed: Parsed, path: Path) -> Evidence:
    report = parsed.value
    version = report.get("schema_version") if isinstance(report, dict) else None
    if not isinstance(version, int) or version not in _READERS:
        raise UsageError(f"{path}: no report of schema version {' or '.join(map(str, _READERS))}; {_HINT}")
    try:
        return _READERS[version](report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}: a member of the report is missing or of another type; {_HINT}") from error


def _read_version_1(report: Any) -> Evidence:
    summary = report["summary"]
    return Evidence(
        exchanges=int(summary["exchanges_checked"]),
        out_of_scope=int(summary["out_of_scope"]),
        unreadable=int(summary["unreadable"]),
        findings=tuple(_finding(found) for found in report["findings"]),
        readings=dict(_readings(report["open_questions"])),
    )


_READERS = {1: _read_version_1}


def _finding(found: Any) -> Observed:
    place = found["contract"]
    return Observed(
        rule=str(found["rule"]),
        severity=str(found["severity"]),
        pointer=str(found["pointer"]),
        outcome=str(found["outcome"]),
        count=int(found["count"]),
        expected=str(found["expected"]),
        actual=str(found["actual"]),
        last_recorded_at=found["last"]["recorded_at"],
        statement=f"{place['file']}#{place['pointer']}" if place else None,
    )


def _readings(questions: Any) -> Iterator[tuple[tuple[str, str], int]]:
    for question in questions:
        for reading in question["readings"]:
            yield (str(question["id"]), str(reading["reading"])), int(reading["count"])
