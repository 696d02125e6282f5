"""Judges a recorded line without building anything, once its like was judged in full.

The first line of each shape goes the long way. What its shape decides is settled for every other line of
it: route, status, media type, header names, which members are there and of which type, business code and
message. What is left are values. What the schema says of them is told by its errors: lines of one shape with
the same errors at the same places have the same findings, most often none. Times, repeated items, echoes,
card numbers and the signature have to be sound; a line in which one is not, or that is odd in any way, goes
the long way as well. So both ways give the same summary, which a test proves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import jsonschema_rs

from opay_contract.contract.closing import close_reference
from opay_contract.contract.contract import Contract, at
from opay_contract.contract.loading import tokens_of
from opay_contract.contract.operation import Echo
from opay_contract.jsontext import NotJson, Tokens, value_at
from opay_contract.model.finding import Finding
from opay_contract.recordings.messages import parse_moment
from opay_contract.rules.card_numbers import has_card_number
from opay_contract.rules.describing import is_label
from opay_contract.rules.envelope import is_mismatched
from opay_contract.rules.records import Record, RecordReader, has_float
from opay_contract.rules.schema_errors import NAMING, keyword_of
from opay_contract.rules.subject import Settings, Subject
from opay_contract.rules.values import has_repeated_item, is_month, time_fault, unix_time
from opay_contract.signing.signer import verify

Errors = tuple[tuple[Any, Any, Any], ...]
"""The errors of the schema library in both bodies: place, path to the keyword, a value that may be named."""

MAX_ERRORS = 64
"""Different errors of one shape that are remembered."""

MAX_PLANS = 4096
"""Shapes that are remembered; lines of further ones go the long way."""

_DAY = 86_400.0
_CLASSES = bytes(
    ord("0") if chr(byte) in "0123456789" else ord("-") if chr(byte) in " \t.-_/" else ord("x")
    for byte in range(256)
)
"""Digits as 0, what may stand between the digits of a card number as -, anything else as x."""

_LONG_RUN, _PARTED, _FAR_PARTED = b"0" * 13, b"0-0", b"0--0"
_UNSAFE_NUMBER = re.compile(rb"(?:^|[:\[,])-?[0-9]{16}")


@dataclass(slots=True)
class Plan:
    """What is left to judge for the lines of one shape.

    `searched` has the names of the request and response headers that may hold a card number. `findings` has
    those of lines whose schema errors are known.
    """

    schemas: tuple[jsonschema_rs.Draft202012Validator | None, jsonschema_rs.Draft202012Validator]
    searched: tuple[tuple[str, ...], tuple[str, ...]]
    times: tuple[Tokens, ...]
    others: tuple[tuple[Tokens, Callable[[Any], bool]], ...]
    echoes: tuple[Echo, ...]
    findings: dict[Errors, tuple[Finding, ...]] = field(default_factory=dict)


class FastPath:
    """Remembers the shapes of lines, and judges further lines of them by their values."""

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self._contract = contract
        self._settings = settings
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._reader = RecordReader(contract)
        self._closed: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def read(self, line: bytes) -> Record | None:
        """Decode a line of the native shape; None for a line that must go the long way."""
        return self._reader.read(line)

    def judge(self, record: Record) -> tuple[Finding, ...] | None:
        """Return the findings of an earlier line that are this line's, but for the place and the words.

        None where that is not clear.
        """
        plan = self._plans.get(record.key)
        if plan is None or not (self._has_sound_values(plan, record) and self._is_signed(record)):
            return None
        return plan.findings.get(_errors(plan, record))

    def learn(self, record: Record, subject: Subject, findings: tuple[Finding, ...]) -> None:
        """Remember a line that went the long way, if its shape and its errors decide its findings."""
        plan = self._plans.get(record.key)
        if plan is None:
            plan = self._plan(record, subject) if len(self._plans) < MAX_PLANS else None
        if plan is None or len(plan.findings) >= MAX_ERRORS:
            return
        self._plans[record.key] = plan
        if self._has_sound_values(plan, record) and self._is_signed(record):
            plan.findings[_errors(plan, record)] = findings

    def _plan(self, record: Record, subject: Subject) -> Plan | None:
        match = subject.match
        if subject.answer is None or isinstance(match.request_body, NotJson):
            return None
        if has_float(match):
            return None
        if not subject.answer.is_decided_by_shape(subject.operation.decided):
            return None
        return Plan(
            schemas=(
                self._closed_schema(subject.query.schema)
                if subject.query and not subject.is_refused
                else None,
                self._closed_schema(subject.answer.schema),
            ),
            searched=(self._searched(record.request_headers), self._searched(record.response_headers)),
            times=tuple(tokens for tokens, node in _nodes(subject) if node.get("x-unit") == "unix-seconds"),
            others=tuple(_other_checks(subject)),
            echoes=match.form.echoes if match.form else (),
        )

    def _has_sound_values(self, plan: Plan, record: Record) -> bool:
        return (
            is_free_of_cards(record.answer_text)
            and is_free_of_cards(record.query_text)
            and (not plan.searched[0] or _are_free_of_cards(record.request_headers, plan.searched[0]))
            and (not plan.searched[1] or _are_free_of_cards(record.response_headers, plan.searched[1]))
            and (not plan.times or self._has_sound_times(plan, record))
            and all(check(value_at(record.answer, tokens)) for tokens, check in plan.others)
            and not any(
                is_mismatched(at(record.query, echo.request), at(record.answer, echo.response))
                for echo in plan.echoes
            )
        )

    def _has_sound_times(self, plan: Plan, record: Record) -> bool:
        values = [value_at(record.answer, tokens) for tokens in plan.times]
        earliest = min(day_before(str(record.recorded_at)[:10]), self._settings.started_at)
        if all(time_fault(value, earliest) is None for value in values):
            return True
        recorded = unix_time(parse_moment(record.recorded_at), self._settings.started_at)
        return all(time_fault(value, recorded) is None for value in values)

    def _is_signed(self, record: Record) -> bool:
        scheme, key = self._contract.signature, self._settings.private_key
        if scheme is None or not key:
            return True
        value = record.request_headers.get(scheme.header)
        return value is not None and verify(record.query_text, value, key, scheme).ok

    def _searched(self, headers: dict[str, str]) -> tuple[str, ...]:
        """Return the headers to search; the media type is part of the shape and was searched once."""
        skipped = self._contract.unsearched_headers | {"content-type"}
        return tuple(name for name in headers if name.lower() not in skipped)

    def _closed_schema(self, uri: str) -> jsonschema_rs.Draft202012Validator:
        if uri not in self._closed:
            schemas = self._contract.schemas
            self._closed[uri] = schemas.compile(close_reference(uri, schemas.documents))
        return self._closed[uri]


def _errors(plan: Plan, record: Record) -> Errors:
    query_schema, answer_schema = plan.schemas
    found: list[tuple[Any, Any, Any]] = []
    for schema, body in ((query_schema, record.query), (answer_schema, record.answer)):
        if schema is not None and not schema.is_valid(body):
            found += [
                (tuple(error.instance_path), tuple(error.evaluation_path), _label_of(error))
                for error in schema.iter_errors(body)
            ]
            found.append(((), (body is record.query,), None))
    return tuple(found)


def _label_of(error: Any) -> Any:
    """Return the value of an error that a finding may name, and which is then no other value's finding."""
    value = error.instance
    is_named = keyword_of(error) in NAMING and type(value) in (str, int) and is_label(str(value))
    return (type(value), value) if is_named else None


def is_free_of_cards(text: bytes) -> bool:
    """Return whether JSON or plain text surely has no card number and no number that is unsafe to keep."""
    if b"\\" in text:
        return False
    classes = text.translate(_CLASSES)
    if text.isascii() and not (_LONG_RUN in classes or _PARTED in classes or _FAR_PARTED in classes):
        return True
    return _UNSAFE_NUMBER.search(text) is None and not has_card_number(text.decode())


@lru_cache(maxsize=MAX_PLANS)
def day_before(date: str) -> float:
    """Return a Unix time before anything that was recorded on a date, whatever the zone."""
    try:
        return datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp() - _DAY
    except ValueError:
        return 0.0


def _are_free_of_cards(headers: dict[str, str], names: tuple[str, ...]) -> bool:
    return is_free_of_cards("\n".join([headers[name] for name in names]).encode(errors="replace"))


def _nodes(subject: Subject) -> Iterator[tuple[Tokens, dict[str, Any]]]:
    for tokens, _, _, node in subject.answer.nodes() if subject.answer else ():
        yield tokens, node


def _other_checks(subject: Subject) -> Iterator[tuple[Tokens, Callable[[Any], bool]]]:
    for tokens, node in _nodes(subject):
        if node.get("x-unit") == "month":
            yield tokens, is_month
        if "x-unique-by" in node:
            yield tokens, partial(_differ_in, tokens_of(node["x-unique-by"]))


def _differ_in(identity: Tokens, value: Any) -> bool:
    return not has_repeated_item(value, identity)
