"""Checks of what values mean, where the contract gives a unit or says what identifies an item."""

import math
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from opay_contract.contract.addresses import value_below
from opay_contract.jsontext import Tokens
from opay_contract.judge.body_plan import StatedPlace
from opay_contract.judge.describing import describe_value
from opay_contract.judge.shapes import EACH, values_at
from opay_contract.judge.subject import Bodies, RawFinding, Subject
from opay_contract.judge.table import (
    ITEM_REPEATED,
    MONTH_INVALID,
    TIMESTAMP_IN_FUTURE,
    TIMESTAMP_NOT_MILLISECONDS,
    TIMESTAMP_NOT_SECONDS,
)
from opay_contract.model.finding import Rule

FIRST_MILLISECONDS = 10**11
"""A count of seconds reaches this in the year 5138; a count of milliseconds passed it in 1973."""

CLOCK_SKEW = 300
"""Seconds by which the vendor's clock may be ahead of the recorder's."""

_MONTHS = range(1, 13)
_DATE = len("2026-05-01")
_DAY = 86_400.0
_TEXTS = {str}


def check_units(subject: Subject) -> list[RawFinding]:
    """Find times and months that cannot be what the contract says they are."""
    hits: list[RawFinding] = []
    answer = subject.answer
    if answer is None:
        return hits
    for stated in answer.plan.times:
        for value in values_at(answer.value, stated.path):
            hits += _check_time(subject, stated, value)
    for stated in answer.plan.months:
        for value in values_at(answer.value, stated.path):
            if not is_month(value):
                actual = describe_value(value)
                hits.append(RawFinding(MONTH_INVALID, stated.pointer, "a month, 1 to 12", actual, stated.uri))
    return hits


def units_hold(answers: Bodies) -> bool:
    """Tell that all times are before the days of the exchanges, and all months are months."""
    plan = answers.plan
    if plan is None or not (plan.times or plan.months):
        return True
    latest = _latest_usual(answers.subjects)
    for stated in plan.times:
        values = _extremes(answers.table.at(stated.path), stated.factor)
        if any(time_fault(value, latest, stated.factor) is not None for value in values):
            return False
    for stated in plan.months:
        months = answers.table.at(stated.path)
        if not all(map(is_month, set(months) if set(map(type, months)) <= _TEXTS else months)):
            return False
    return True


def _extremes(values: list[Any], factor: int) -> list[Any]:
    """Return the least and the greatest of numbers and of digits as long, and all else: what tells of all."""
    found: list[Any] = []
    for kind in set(map(type, values)):
        some: list[Any] = [value for value in values if type(value) is kind]
        digits = "".join(some) if kind is str and len(set(map(len, some))) == 1 else ""
        if kind is int or (digits.isascii() and digits.isdigit()):
            least = min(some)
            if factor == 1 or seconds_of(least):  # of milliseconds zero is fine, and what follows is not
                some = [least, max(some)]
        found += some
    return found


def _latest_usual(subjects: list[Subject]) -> float:
    """Return a time that is not after any of the exchanges; most often all times in them are before it."""
    started_at = subjects[0].alike.settings.started_at
    dates = {moment[:_DATE] if (moment := one.exchange.recorded_at) else "" for one in subjects}
    return min([started_at, FIRST_MILLISECONDS - 1, *[_day_before(date) for date in dates if date]])


def check_lists(subject: Subject) -> list[RawFinding]:
    """Find lists with the same item twice."""
    hits: list[RawFinding] = []
    answer = subject.answer
    if answer is None:
        return hits
    for stated, identity, member in answer.plan.lists:
        for value in values_at(answer.value, stated.path):
            if has_repeated_item(value, member):
                expected, actual = f"items that differ in {identity}", "the same item again"
                hits.append(RawFinding(ITEM_REPEATED, stated.pointer, expected, actual, stated.uri))
    return hits


def items_differ(answers: Bodies) -> bool:
    """Tell that no list has the same item twice; most often no two lists share an item, either."""
    for stated, _, member in answers.plan.lists if answers.plan is not None else ():
        texts = answers.table.at((*stated.path, EACH, *member))
        if set(map(type, texts)) <= _TEXTS and len(set(texts)) == len(texts):
            continue
        if any(has_repeated_item(value, member) for value in answers.table.at(stated.path)):
            return False
    return True


def _check_time(subject: Subject, stated: StatedPlace, value: Any) -> Iterator[RawFinding]:
    fault = time_fault(value, recorded_time(subject), stated.factor)
    if fault in (TIMESTAMP_NOT_SECONDS, TIMESTAMP_NOT_MILLISECONDS):
        expected = "seconds since 1970" if stated.factor == 1 else "milliseconds since 1970"
        yield RawFinding(fault, stated.pointer, expected, describe_value(value), stated.uri)
    elif fault is not None:
        yield RawFinding(fault, stated.pointer, "a time before the exchange", "a later time", stated.uri)


@lru_cache(maxsize=4096)
def _day_before(date: str) -> float:
    """Return a Unix time before all times of a date, whatever their zone."""
    return min(unix_time(f"{date}T00:00:00+00:00", _DAY) - _DAY, FIRST_MILLISECONDS - 1)


def recorded_time(subject: Subject) -> float:
    """Return when the exchange was recorded, as Unix time; the start of the run where that is not known."""
    return unix_time(subject.exchange.recorded_at, subject.alike.settings.started_at)


def unix_time(moment: str | None, otherwise: float) -> float:
    """Return RFC 3339 text as Unix time, or something else where it is none."""
    try:
        return datetime.fromisoformat(moment or "").timestamp()
    except (ValueError, OverflowError):
        return otherwise


def seconds_of(value: Any, too_many: int = FIRST_MILLISECONDS) -> float | None:
    """Return a count of a time's unit from a number or a string of digits, None when it is neither."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return float(value[:20])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < too_many else math.inf


def is_month(value: Any) -> bool:
    """Return whether a value says a month: 1 to 12, as a number or as digits; other types are not judged."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) <= 2 and int(value) in _MONTHS  # noqa: PLR2004
    return not isinstance(value, int) or value in _MONTHS


def has_repeated_item(value: Any, identity: Tokens) -> bool:
    """Return whether two items of a list have the same identifying member."""
    if not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004  one item cannot be there twice
        return False
    identities = [
        found for item in value if isinstance(found := value_below(item, identity, None), str | int)
    ]
    return len(set(identities)) < len(identities)


def time_fault(value: Any, recorded: float, factor: int = 1) -> Rule | None:
    """Return the rule that a time breaks, of which `factor` are a second; only text and numbers are judged.

    A count of milliseconds that is none but zero, or less than seconds were in 1973, is of something else.
    """
    count = seconds_of(value, FIRST_MILLISECONDS * factor)
    if count is None and not isinstance(value, str):
        return None
    least = 0 if factor == 1 or not count else FIRST_MILLISECONDS
    if count is None or not least <= count < FIRST_MILLISECONDS * factor:
        return TIMESTAMP_NOT_SECONDS if factor == 1 else TIMESTAMP_NOT_MILLISECONDS
    return TIMESTAMP_IN_FUTURE if count / factor > recorded + CLOCK_SKEW else None
