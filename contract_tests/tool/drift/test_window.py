"""--since and --until leave out what was recorded at other times, and say how much that is."""

from itertools import product

from contract_tests.tool.drift.conftest import Summarise, by_customer, encode
from contract_tests.usual import each

from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.drift.insight import draw_insight
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.observation import UNDATED, Window, day_of, days_of, moment_after, utc_of
from opay_contract.model.summary import merge
from opay_contract.recordings.inputs import Source

DAYS = ["2026-05-01", "2026-05-02", "2026-05-03", None]
MAY_2 = Window(since=utc_of("2026-05-02"), until=moment_after("2026-05-02"))


def test_only_what_was_recorded_in_the_window_is_judged_whichever_way(
    summarise: Summarise, contract: Contract
) -> None:
    lines = [by_customer(day, brand=brand) for day in DAYS * 30 for brand in ("VISA", None)]
    quick = summarise(lines, MAY_2)
    assert (quick.exchanges, quick.out_of_window, quick.undated) == (60, 180, 60)
    assert {day for one in quick.observations.values() for days in one.types.values() for day in days} == {
        "2026-05-02"
    }
    fold, source = (
        Fold(contract, Settings(started_at=1_790_000_000.0, window=MAY_2)),
        Source(ordinal=0, name="-", path=None),
    )
    for number, line in enumerate(encode(lines), 1):
        fold.add(parse_line(source.place(number, number), line))
    assert fold.summary() == quick


@each(
    ("moment", "is_inside"),
    [
        ("2026-05-02T00:00:00Z", True),
        ("2026-05-02T23:59:59.999999Z", True),
        ("2026-05-01T23:59:59.999999Z", False),
        ("2026-05-03T00:00:00Z", False),
        ("2026-05-03T01:00:00+02:00", True),
        ("2026-05-02T01:00:00+02:00", False),
        ("2026-05-02t10:00:00z", True),
        ("yesterday", False),
        (None, False),
    ],
)
def test_a_date_means_its_whole_day_in_utc(moment: str | None, is_inside: bool) -> None:  # noqa: FBT001
    assert MAY_2.holds(moment) is is_inside


@each(
    ("moment", "day"),
    [
        ("2026-05-02T10:00:00Z", "2026-05-02"),
        ("2026-05-02T10:00:00.123Z", "2026-05-02"),
        ("2026-13-02T10:00:00Z", UNDATED),
        ("2026-05-02T23:00:00-02:00", "2026-05-03"),
        ("2026-05-02T23:00:00+00:00", "2026-05-02"),
        ("0001-01-01T00:00:00+01:00", UNDATED),
        ("9999-12-31T23:59:59-01:00", UNDATED),
    ],
)
def test_a_day_is_that_of_utc(moment: str, day: str) -> None:
    assert day_of(moment) == day


MOMENTS = [
    "2026-05-02T10:00:00Z",
    "2026-05-02T11:00:00z",
    "2026-05-02T23:00:00+00:00",
    "2026-05-02T23:00:00-02:00",
    "2026-05-02T00:00:00.5Z",
    "2026-05-03T00:00:00Z",
    "2026-13-02T10:00:00Z",
    None,
]


def test_the_days_of_many_times_are_those_of_each() -> None:
    for count in range(4):
        for moments in product(MOMENTS, repeat=count):
            assert days_of(moments) == list(map(day_of, moments))


def test_times_without_a_zone_are_read_as_utc_counted_and_said(
    summarise: Summarise, contract: Contract
) -> None:
    lines = [by_customer(day) for day in ("2026-05-01", "2026-05-02", None)]
    for line in lines[:2]:
        line["recorded_at"] = line["recorded_at"].removesuffix("Z")
    found = merge(summarise(lines), summarise([by_customer("2026-05-03")]))
    assert (found.zoneless, summary_from_json(summary_to_json(found))) == (2, found)
    assert "2 times without a zone, read as UTC." in draw_insight(found, contract).limits
    assert draw_insight(summarise([by_customer("2026-05-03")]), contract).limits == ()
    assert summarise(lines, MAY_2).exchanges == 1
