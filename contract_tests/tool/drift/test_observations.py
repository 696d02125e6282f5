"""Observations count every place, keep nothing that may not be shown, and join whatever the split."""

import json
from typing import Any

import pytest
from contract_tests.tool.drift.conftest import CARD, CUSTOMER, Summarise, by_customer, by_token, refused
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opay_contract.drift.saving import summary_to_json
from opay_contract.model import observation
from opay_contract.model.observation import (
    EARLIER,
    UNDATED,
    Observations,
    Observed,
    join_observations,
    latest_days,
)

SUCCESS = ("queryCardTokens", "by-customer", "success")
QUICK = settings(deadline=None, derandomize=True, max_examples=25)


def place(name: str) -> tuple[str, str, str, str]:
    return (*SUCCESS, f"/response/body/data/{name}")


def test_presence_types_lengths_and_public_values_are_counted_by_day(summarise: Summarise) -> None:
    lines = [
        by_customer("2026-05-01"),
        by_customer("2026-05-01", brand="MASTERCARD", expiryYear="26"),
        by_customer("2026-05-02", createTimestamp="1700000000", lastFourDigits=None),
        by_customer(None),
    ]
    seen = summarise(lines).observations
    assert seen[place("cardTokens")].items == (1, 1)
    assert seen[place("cardTokens/*/brand")] == Observed(
        is_documented=True,
        types={"string": {UNDATED: 1, "2026-05-01": 2, "2026-05-02": 1}},
        lengths=(4, 10),
        values={"VISA": 3, "MASTERCARD": 1},
    )
    assert seen[place("cardTokens/*/createTimestamp")].types == {
        "integer": {UNDATED: 1, "2026-05-01": 2},
        "string": {"2026-05-02": 1},
    }
    assert seen[place("cardTokens/*/createTimestamp")].numbers == (1_700_000_000, 1_700_000_000)
    assert seen[place("cardTokens/*/lastFourDigits")].count == 3
    assert seen[place("cardTokens/*/expiryYear")].count == 1
    assert seen[(*SUCCESS, "")].count_of("exchange") == 4


def test_each_request_form_and_outcome_is_observed_apart(summarise: Summarise) -> None:
    seen = summarise([by_customer("2026-05-01"), by_token("2026-05-01"), refused("2026-05-01")]).observations
    assert {location[:3] for location in seen} == {
        SUCCESS,
        ("queryCardTokens", "by-token", "success"),
        ("queryCardTokens", "by-customer", "business-error"),
    }


def test_codes_statuses_and_media_types_are_counted_by_value(summarise: Summarise) -> None:
    seen = summarise([refused("2026-05-01"), refused("2026-05-01", "90", "System failure.")]).observations
    scope = ("queryCardTokens", "by-customer", "business-error")
    assert seen[(*scope, "/response/body/code")].values == {"02001": 1, "90": 1}
    assert seen[(*scope, "/response/status")].values == {"200": 2}
    assert seen[(*scope, "/response/headers/content-type")].values == {"application/json": 2}


def test_codes_and_statuses_keep_the_day_on_which_each_was_last_seen(summarise: Summarise) -> None:
    days = ["2026-05-02", "2026-05-03", "2026-05-01"]
    lines = [refused(day) for day in days] + [refused("2026-05-04", "90", "System failure.")]
    seen = summarise([*lines, refused(None)]).observations
    scope = ("queryCardTokens", "by-customer", "business-error")
    assert seen[(*scope, "/response/body/code")].value_days == {"02001": "2026-05-03", "90": "2026-05-04"}
    assert seen[(*scope, "/response/status")].value_days == {"200": "2026-05-04"}


SECRETS: list[Any] = [
    "4111111111111111",
    "Amina Hassan",
    "أمينة",
    "Amina",
    "person@example.com",
    "+20 120 000 0001",
    "20120000001",
    "OPAYPRV_LIVE_0123456789",
    4111111111111111,
    20120000001,
]


@each("secret", SECRETS)
@each("field", ["brand", "createTimestamp", "lastFourDigits", "unknownMember"])
def test_no_value_is_kept_that_may_be_a_persons_or_a_cards(
    summarise: Summarise, secret: Any, field: str
) -> None:
    lines = [by_customer("2026-05-01", **{field: secret}) for _ in range(3)]
    saved = summary_to_json(summarise([*lines, by_customer("2026-05-01")])).decode()
    assert json.dumps(secret).strip('"') not in saved
    assert str(secret) not in saved
    assert not any(value in saved for value in (CUSTOMER["customerEmail"], str(CARD["opayToken"]), "411111"))


def test_too_many_values_are_dropped_and_that_is_said(summarise: Summarise) -> None:
    names = [f"{chr(65 + i % 26)}{chr(65 + i // 26)}" for i in range(observation.MAX_VALUES + 1)]
    brand = summarise([by_customer("2026-05-01", brand=name) for name in names]).observations[
        place("cardTokens/*/brand")
    ]
    assert brand.has_many_values
    assert brand.values == {}
    assert brand.count == len(names)


DAYS = st.dictionaries(
    st.sampled_from([f"2026-05-0{n}" for n in range(1, 8)] + [UNDATED, EARLIER]), st.integers(1, 5)
)
OBSERVED = st.builds(
    lambda types, lengths, values, other, day: Observed(
        is_documented=False,
        types={type_: latest_days(days) for type_, days in types.items() if days},
        lengths=(min(lengths), max(lengths)) if lengths else None,
        values=values,
        other_values=other,
        value_days={value: day for value in values},  # noqa: C420  mypy loses the type
    ),
    st.dictionaries(st.sampled_from(["string", "null"]), DAYS, min_size=1),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=2),
    st.integers(0, 2),
    st.sampled_from([UNDATED, "2026-05-01", "2026-05-02"]),
)
LOCATIONS = st.tuples(
    st.just("op"), st.sampled_from(["", "f"]), st.just("success"), st.sampled_from("pqrstu")
)


@QUICK
@given(
    st.lists(st.dictionaries(LOCATIONS, OBSERVED, max_size=3), max_size=6), st.randoms(use_true_random=False)
)
def test_parts_join_to_the_same_whatever_their_order_and_grouping(
    parts: list[Observations], random: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, cap in (("MAX_LOCATIONS", 4), ("MAX_VALUES", 2), ("MAX_DAYS", 3)):
            patch.setattr(observation, name, cap)
        documented = [
            {location: replace(one, is_documented=location[3] in "pq") for location, one in part.items()}
            for part in parts
        ]
        whole: Observations = {}
        for part in documented:
            whole = join_observations(whole, part)
        random.shuffle(documented)
        while len(documented) > 1:
            first = documented.pop(random.randrange(len(documented)))
            documented.append(join_observations(first, documented.pop(random.randrange(len(documented)))))
        assert (documented or [{}])[0] == whole or not parts
        assert all(len(one.values) <= 2 for one in whole.values())
        assert len(whole) <= 4
