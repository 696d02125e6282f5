"""What belongs to the contract: only what has its URL, or its envelope where no URL was recorded."""

import io
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.engines.folding import check_sources
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Request, Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source, iter_inputs

SETTINGS = Settings(started_at=1_790_000_000.0)
CONTRACT = load_contract()
ANSWER = {"code": "00000", "message": "SUCCESSFUL", "data": {}}
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"


def check(data: bytes, format_in: Format | None = None, contract: Contract = CONTRACT) -> DriftSummary:
    source = Source(ordinal=0, name="-", path=None)
    return check_sources([source], contract, SETTINGS, format_in=format_in, stdin=io.BytesIO(data))


def test_a_bare_answer_is_judged_and_other_json_is_refused_in_plain_words() -> None:
    assert check(json.dumps(ANSWER).encode()).exchanges == 1
    refused = check(b'{"anything": 1}')
    assert (refused.exchanges, refused.unreadable_count) == (0, 1)
    assert refused.unreadable[0].reason == (
        "the file is JSON, and neither a recording that is known nor an answer, which would have 'code', "
        "'data', 'message'; if it is one all the same, say --format-in body"
    )
    assert check(b'{"anything": 1}', Format.BODY).exchanges == 1


def test_lines_that_are_neither_exchange_nor_answer_are_unreadable_one_by_one() -> None:
    foreign = {"request": {"route": "/x"}, "response": {"status": 200, "body": {"x": 1}}}
    lines = [ANSWER, {"anything": 1}, foreign, [ANSWER], 5]
    summary = check(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert (summary.exchanges, summary.unreadable_count) == (1, 4)
    assert [one.place.entry for one in summary.unreadable] == [2, 3, 4, 5]
    assert all("has not the members of an answer of this API" in one.reason for one in summary.unreadable)


def test_an_exchange_in_the_native_shape_may_leave_its_url_out() -> None:
    for request in ({}, {"request": {"method": "POST", "body": {}}}, {"request": None}):
        line = request | {"response": {"status": 502, "body": "<html>"}}
        assert check(json.dumps(line).encode()).exchanges == 1


def test_a_contract_without_an_envelope_tells_its_answers_by_what_they_must_have() -> None:
    ledger = load_contract(Path(__file__).parents[2] / "tool" / "whole" / "contracts" / "ledger")
    assert check(b'{"currency": "EGP", "amount": 1}', contract=ledger).exchanges == 1
    assert check(json.dumps(ANSWER).encode(), contract=ledger).exchanges == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["code", "log", "item"]), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=3), st.sampled_from([None, 1]))
def test_json_without_the_members_of_an_answer_is_never_judged(values: list[Any], indent: int | None) -> None:
    data = "\n".join(json.dumps(value, indent=indent) for value in values).encode()
    assert check(data).exchanges == 0


def test_what_went_to_another_host_is_out_of_scope_even_without_an_answer() -> None:
    fold = Fold(CONTRACT, SETTINGS)
    place = Place(source=0, entry=1, file="-")
    for url in ("https://auth.example.net/token", URL, None):
        fold.add(Unreadable(place=place, reason="no body", request=Request(method="POST", url=url)))
    summary = fold.summary()
    assert (summary.out_of_scope, summary.unreadable_count) == (1, 2)
    assert all(one.request is None for one in summary.unreadable)


def test_a_har_of_other_hosts_without_bodies_is_no_fault() -> None:
    entries = [
        {"request": {"method": "GET", "url": url}, "response": {"status": 200, "content": {"size": 9}}}
        for url in ("https://shop.example/", "https://cdn.example/a.js", URL)
    ]
    summary = check(json.dumps({"log": {"entries": entries}}).encode())
    assert (summary.out_of_scope, summary.unreadable_count) == (2, 1)


def test_a_folder_tells_how_many_files_were_no_recordings(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(b'{"name": "shop", "scripts": {}}')
    (tmp_path / "notes.md").write_bytes(b"# Notes\n")
    (tmp_path / "answer.json").write_bytes(json.dumps(ANSWER, indent=1).encode())
    summary = check_sources(iter_inputs([str(tmp_path)]), CONTRACT, SETTINGS)
    assert (summary.exchanges, summary.unreadable_count, summary.passed_over_count) == (1, 0, 2)
    assert [Path(one.place.file).name for one in summary.passed_over] == ["notes.md", "package.json"]
