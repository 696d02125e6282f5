"""A saved summary gives back the very summary, and anything else is refused in a line."""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.drift.saving import is_saved_summary, load_summary, summary_from_json, summary_to_json
from opay_contract.engines.folding import check_sources
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.inputs import iter_sources

CASES = Path(__file__).parents[2] / "tool" / "judge" / "cases"
BROKEN = Path(__file__).parents[2] / "tool" / "whole" / "acceptance" / "data"


@cache
def everything() -> DriftSummary:
    settings = Settings(started_at=1_790_000_000.0)
    return check_sources(iter_sources([str(CASES), str(BROKEN)]), load_contract(), settings)


@cache
def saved() -> bytes:
    return summary_to_json(everything())


def test_a_summary_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_bytes(saved() + b"\n")
    assert everything().findings
    assert everything().unreadable
    assert load_summary(path) == everything()
    assert list(load_summary(path).findings) == list(everything().findings)
    assert is_saved_summary(path)
    assert summary_to_json(load_summary(path)) == saved()


def test_a_summary_of_before_outcomes_were_counted_tells_successes_from_the_rest() -> None:
    old = json.loads(saved())
    del old["outcomes"], old["signatures"]
    read = summary_from_json(json.dumps(old).encode())
    assert read.successes == everything().successes > 0
    assert sum(read.outcomes.values()) == read.exchanges
    assert replace(read, outcomes=everything().outcomes) == everything()


def test_nothing_is_the_zero_after_reading_too() -> None:
    nothing = summary_from_json(summary_to_json(DriftSummary()))
    assert merge(nothing, everything()) == everything() == merge(everything(), nothing)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{}", "no saved summary"),
        (b"[1]", "no saved summary"),
        (b'{"format": "opay-contract summary", "version": 2}', "another version"),
        (b'{"format": "opay-contract summary", "version": 1}', "damaged"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_summary_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=reason) as caught:
        load_summary(path)
    assert str(path) in str(caught.value)


@each(
    ("before", "after"),
    [
        (b'"exchanges":', b'"exchanges":-'),
        (b'"2026-', b'"2026-W'),
        (b'"2026-', b'"\\u001b[31m2026-'),
        (b'"last_seen":"', b'"last_seen":"around '),
    ],
)
def test_counts_below_zero_and_days_that_are_none_are_damage(before: bytes, after: bytes) -> None:
    assert before in saved()
    with pytest.raises(UsageError, match="damaged"):
        summary_from_json(saved().replace(before, after))


def test_a_file_that_is_not_there_is_no_summary(tmp_path: Path) -> None:
    assert not is_saved_summary(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read"):
        load_summary(tmp_path / "none")


ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.just([])
    | st.just({})
    | st.just([[]])
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(data=st.data())
def test_a_damaged_summary_is_refused_or_read_but_never_a_crash(data: st.DataObject) -> None:
    value: Any = json.loads(saved())
    spoilt = value
    while isinstance(spoilt, dict | list) and spoilt:
        key = data.draw(st.sampled_from(list(spoilt) if isinstance(spoilt, dict) else range(len(spoilt))))
        if not isinstance(spoilt[key], dict | list) or data.draw(st.booleans()):
            spoilt[key] = data.draw(ODD)
            break
        spoilt = spoilt[key]
    with suppress(UsageError):
        summary_from_json(json.dumps(value).encode())
