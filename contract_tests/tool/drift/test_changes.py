"""A member that appears, vanishes, changes its rate or its type is dated to the day; steady ones are not."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from typing import Any

from contract_tests.tool.drift.conftest import Line, Summarise, by_customer
from contract_tests.usual import each

from opay_contract.drift.insight import find_changes
from opay_contract.model.finding import Change, ChangeKind
from opay_contract.model.observation import Observations, Observed

FIRST = date(2026, 5, 1)
DAYS = [(FIRST + timedelta(days=n)).isoformat() for n in range(30)]
SINCE = DAYS[12]
A_DAY = 12
PLACE = "/response/body/data/cardTokens/*/expiryYear"
BODY = ("op", "", "success", "/response/body")
MEMBER = ("op", "", "success", "/response/body/m")

Made = Callable[[str, int], Line]


def always(_day: str, _number: int) -> dict[str, Any]:
    return {"expiryYear": "26"}


def never(_day: str, _number: int) -> dict[str, Any]:
    return {}


def in_one_of_four(_day: str, number: int) -> dict[str, Any]:
    return {"expiryYear": "26"} if number % 4 == 0 else {}


def traffic(before: Callable[..., dict[str, Any]], after: Callable[..., dict[str, Any]]) -> list[Line]:
    return [
        by_customer(day, **(before if day < SINCE else after)(day, number))
        for day in DAYS
        for number in range(A_DAY)
    ]


@each(
    ("before", "after", "kind"),
    [
        (never, always, ChangeKind.APPEARED),
        (never, in_one_of_four, ChangeKind.APPEARED),
        (always, never, ChangeKind.VANISHED),
        (in_one_of_four, never, ChangeKind.VANISHED),
        (always, in_one_of_four, ChangeKind.RATE),
        (in_one_of_four, always, ChangeKind.RATE),
    ],
)
def test_a_change_of_presence_is_dated(
    summarise: Summarise, before: Any, after: Any, kind: ChangeKind
) -> None:
    changes = find_changes(summarise(traffic(before, after)).observations)
    assert [(one.kind, one.day, one.location[3]) for one in changes] == [(kind, SINCE, PLACE)]
    assert changes[0].before.of == 12 * A_DAY
    assert changes[0].after.of == 18 * A_DAY


def test_a_change_of_type_is_dated(summarise: Summarise) -> None:
    changes = find_changes(
        summarise(traffic(never, lambda *_: {"createTimestamp": "1700000000"})).observations
    )
    assert [(one.kind, one.day, one.type) for one in changes] == [(ChangeKind.TYPE, SINCE, "string")]
    assert (changes[0].before.rate, changes[0].after.rate) == (0.0, 1.0)


def test_an_undocumented_member_changes_too(summarise: Summarise) -> None:
    changes = find_changes(summarise(traffic(never, lambda *_: {"scheme": "x"})).observations)
    assert [(one.kind, one.day, one.is_documented) for one in changes] == [
        (ChangeKind.APPEARED, SINCE, False)
    ]


def test_a_member_that_comes_and_goes_changes_twice(summarise: Summarise) -> None:
    lines = [
        by_customer(day, **(always if DAYS[5] <= day < DAYS[20] else never)(day, number))
        for day in DAYS
        for number in range(A_DAY)
    ]
    changes = find_changes(summarise(lines).observations)
    assert [(one.kind, one.day) for one in changes] == [
        (ChangeKind.APPEARED, DAYS[5]),
        (ChangeKind.VANISHED, DAYS[20]),
    ]


@each("steady", [always, never, in_one_of_four])
def test_what_is_steady_does_not_change(summarise: Summarise, steady: Any) -> None:
    assert find_changes(summarise(traffic(steady, steady)).observations) == ()


def test_a_change_of_the_traffic_is_none_of_its_members(summarise: Summarise) -> None:
    lines = [by_customer(day, expiryYear="26") for day in DAYS for _ in range(1 if day < SINCE else 40)]
    assert find_changes(summarise(lines).observations) == ()


def one_member(counts: list[int], of: list[int]) -> tuple[Change, ...]:
    present = {day: count for day, count in zip(DAYS, counts, strict=False) if count}
    objects = dict(zip(DAYS, of, strict=False))
    return find_changes(
        {
            BODY: Observed(is_documented=True, types={"object": objects}),
            MEMBER: Observed(is_documented=False, types={"string": present}),
        }
    )


def test_one_in_ten_thousand_is_dated_to_its_first_day() -> None:
    rare = one_member([0] * 12 + [4] * 18, [40_000] * 30)
    assert [(one.kind, one.day) for one in rare] == [(ChangeKind.APPEARED, SINCE)]


def test_what_is_rare_has_changed_when_it_doubles_and_not_before() -> None:
    doubled = one_member([100] * 12 + [200] * 18, [40_000] * 30)
    assert [(one.kind, one.day) for one in doubled] == [(ChangeKind.RATE, SINCE)]
    assert one_member([100] * 12 + [199] * 18, [40_000] * 30) == ()


def test_few_observations_change_nothing() -> None:
    assert one_member([0, 0, 1, 1], [1, 1, 1, 1]) == ()


def test_chance_is_no_change() -> None:
    for seed, (rate, a_day) in enumerate(product((0.02, 0.1, 0.5, 0.9, 0.98), (1, 7, 60, 400))):
        draw = random.Random(seed)  # noqa: S311  the same days every time
        counts = [sum(draw.random() < rate for _ in range(a_day)) for _ in DAYS]
        assert one_member(counts, [a_day] * len(DAYS)) == (), f"{rate} of {a_day} a day"


def test_days_without_a_date_do_not_count() -> None:
    seen: Observations = {
        BODY: Observed(is_documented=True, types={"object": {"": 900, "earlier": 900, DAYS[0]: 9}}),
        MEMBER: Observed(is_documented=True, types={"string": {"earlier": 900, DAYS[0]: 9}}),
    }
    assert find_changes(seen) == ()
