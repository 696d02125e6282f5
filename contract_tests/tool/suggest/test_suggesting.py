"""What each kind of drift suggests; once written, the drift is gone and the contract is sound."""

import json
import tempfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.judge.table import RULES
from opay_contract.model.summary import merge
from opay_contract.spec.lint import prove_contract
from opay_contract.suggest.editing import Add
from opay_contract.suggest.suggesting import FIXES, suggest_changes
from opay_contract.suggest.suggestion import Judgement, Proposal, Suggestion, Thresholds, read_draft

from .conftest import Bench, Call, Change, Traffic, balance, by_customer, by_token, copy_contract


def on_card(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return what changes the card of an answer, in either form."""

    def change_call(call: Call) -> None:
        data = call["response"]["body"].get("data")
        if data:
            change(data["cardTokens"][0] if "cardTokens" in data else data)

    return change_call


def on_answer(**members: Any) -> Change:
    return lambda call: call["response"]["body"].update(members)


def on_refusal(code: str) -> Change:
    def change(call: Call) -> None:
        body = call["response"]["body"]
        body["code"] = code if body["code"] == "02000" else body["code"]

    return change


NESTED = {"name": "Bank", "score": 1, "tags": ["a"], "more": [{"rate": 1.5, "gone": None}]}


DRIFT: dict[str, tuple[str, Change]] = {
    "a new member, shared by both forms": (
        "response-field-undocumented",
        on_card(lambda card: card.update(issuer="Bank")),
    ),
    "a new member with members": (
        "response-field-undocumented",
        on_card(lambda card: card.update(bank=NESTED)),
    ),
    "a new member of the envelope": ("response-field-undocumented", on_answer(traceId="a1")),
    "a new member of both requests": (
        "request-field-undocumented",
        lambda call: call["request"]["body"].update(country="EG"),
    ),
    "null": ("field-null", on_card(lambda card: card.update(brand=None))),
    "null beside several types": ("field-null", on_card(lambda card: card.update(createTimestamp=None))),
    "another type": ("type-mismatch", on_card(lambda card: card.update(brand=7))),
    "a fraction where an integer was": (
        "type-mismatch",
        on_card(lambda card: card.update(createTimestamp=1.5)),
    ),
    "text where an object was": (
        "type-mismatch",
        lambda call: call["response"]["body"].get("data", {}).update(customer="none", customerInfo="none"),
    ),
    "a member gone": ("field-missing", on_card(lambda card: card.pop("brand"))),
    "a member of the envelope gone": (
        "field-missing",
        lambda call: call["response"]["body"].pop("message"),
    ),
    "a new code": ("code-undocumented", on_refusal("77777")),
    "a new status": ("status-undocumented", lambda call: call["response"].update(status=502, body=b"bad")),
    "another media type": (
        "media-type-undocumented",
        lambda call: call["response"].update(headers={"Content-Type": "text/html"}, body=b"<html>"),
    ),
    "JSON under another name": (
        "json-mislabelled",
        lambda call: call["response"].update(headers={"Content-Type": "text/json"}),
    ),
    "a header gone": ("header-missing", lambda call: call["request"]["headers"].pop("MerchantId")),
}


def changes_of(proposal: Proposal, rule: str) -> list[Suggestion]:
    return [one for one in proposal.changes if one.rule == rule]


def drift_of(*kinds: str) -> Change:
    def change(call: Call) -> None:
        for kind in kinds:
            if isinstance(call["response"]["body"], dict):
                DRIFT[kind][1](call)

    return change


def test_what_is_regular_is_suggested_and_written_it_is_drift_no_more(bench: Bench) -> None:
    summaries = []
    draft = read_draft(bench.folder)
    contract = draft.contract()
    for kind, (rule, change) in DRIFT.items():
        traffic = Traffic(change=change)
        summary = traffic.summary(contract)
        proposal = suggest_changes(summary, contract, draft, Thresholds())
        (suggestion,) = changes_of(proposal, rule)
        assert suggestion.judgement is Judgement.CONTRACT_TOO_STRICT, kind
        assert suggestion.evidence.count >= 20, kind
        assert suggestion.evidence.days == 4, kind
        assert (suggestion.evidence.first_seen or "").startswith("2026-05-01T00:00:00"), kind
        bench.write(proposal)
        draft = read_draft(bench.folder)
        contract = draft.contract()
        assert not traffic.summary(contract).findings, kind
        summaries.append(summary)
    assert not prove_contract(bench.folder).problems
    saved = summary_from_json(summary_to_json(reduce(merge, summaries)))
    assert len(saved.findings) >= len(DRIFT)
    again = suggest_changes(saved, contract, draft, Thresholds())
    assert not [one for one in again.suggestions if one.rule]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", DRIFT)
def test_each_kind_alone_leaves_a_sound_contract_and_nothing_to_suggest(bench: Bench, kind: str) -> None:
    traffic = Traffic(change=DRIFT[kind][1])
    bench.write(bench.propose(traffic))
    assert not bench.findings(traffic)
    assert not prove_contract(bench.folder).problems
    assert not bench.propose(traffic).changes


@pytest.mark.thorough
@given(
    kinds=st.lists(st.sampled_from(sorted(DRIFT)), min_size=1, max_size=5, unique=True),
    one_in=st.sampled_from((1, 2, 3, 7)),
    from_day=st.integers(1, 4),
)
@settings(max_examples=8)
def test_whatever_comes_together_what_was_too_narrow_is_gone_and_the_rest_stays(
    kinds: list[str], one_in: int, from_day: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = copy_contract(Path(folder))
        traffic = Traffic(change=drift_of(*kinds), one_in=one_in, from_day=from_day)
        proposal = bench.propose(traffic)
        before = bench.findings(traffic)
        bench.write(proposal)
        after = bench.findings(traffic)
        settled = {name for one in proposal.changes for name in one.fingerprints}
        assert not settled & after
        covered = {
            name for one in proposal.others if "allows it too" in one.action for name in one.fingerprints
        }
        assert before - settled - covered <= after
        assert not prove_contract(bench.folder).problems
        assert not bench.propose(traffic).changes


def test_what_is_new_for_a_day_broke_the_vendors_word_and_what_is_seldom_too(bench: Bench) -> None:
    gone = on_card(lambda card: card.pop("brand"))
    recent = bench.propose(Traffic(change=gone, from_day=4, per_day=60))
    rare = bench.propose(Traffic(change=gone, one_in=151, per_day=100, days=2))
    for proposal, why in ((recent, "recent"), (rare, "rare")):
        (suggestion,) = [one for one in proposal.suggestions if one.rule == "field-missing"]
        assert suggestion.judgement is Judgement.API_VIOLATION
        assert suggestion.because.startswith(why)
        assert not suggestion.edits
        assert "baseline" in suggestion.action
        assert not proposal.revisions


def test_too_few_and_undated_exchanges_tell_nothing_yet(bench: Bench) -> None:
    gone = on_card(lambda card: card.pop("brand"))
    for traffic, why in (
        (Traffic(change=gone, days=1, per_day=4), "fewer than 20 times"),
        (Traffic(change=gone, days=1, per_day=12), "fewer than 3 days"),
        (Traffic(change=gone, is_dated=False), "do not say when"),
    ):
        proposal = bench.propose(traffic)
        (suggestion,) = [one for one in proposal.suggestions if one.rule == "field-missing"]
        assert suggestion.judgement is Judgement.UNCLEAR
        assert why in suggestion.because
        assert "let 'brand' be absent" in suggestion.action
        assert not proposal.changes


def test_the_evidence_counts_from_the_first_day_and_says_what_was_before(bench: Bench) -> None:
    traffic = Traffic(change=on_card(lambda card: card.update(brand=None)), from_day=2, days=5, one_in=2)
    (suggestion,) = changes_of(bench.propose(traffic), "field-null")
    evidence = suggestion.evidence
    assert (evidence.count, evidence.of, evidence.before, evidence.days) == (28, 56, 14, 4)
    assert (evidence.first_seen, evidence.last_seen) == (
        "2026-05-02T00:00:00.000000Z",
        "2026-05-05T06:00:00.000000Z",
    )


def test_a_new_member_gets_its_type_the_safest_class_and_no_value(bench: Bench) -> None:
    proposal = bench.propose(Traffic(change=DRIFT["a new member with members"][1]))
    (suggestion,) = changes_of(proposal, "response-field-undocumented")
    add = suggestion.edits[0]
    assert isinstance(add, Add)
    assert (add.file, add.at, add.name) == ("schemas/card-token.json", ("properties",), "bank")
    assert suggestion.pointers == ("/data/bank", "/data/cardTokens/*/bank")
    inside = add.value["properties"]
    assert add.value["type"] == "object"
    assert inside["name"]["x-sensitivity"] == "customer"
    assert inside["score"]["type"] == "integer"
    assert inside["tags"] == {
        "description": inside["name"]["description"],
        "type": "array",
        "items": {"type": "string"},
        "x-source": ["observed-in-recordings"],
    }
    assert inside["more"]["items"]["properties"]["rate"]["type"] == "number"
    assert "Bank" not in repr(proposal)


def test_a_name_that_another_form_documents_is_added_where_it_is_new_alone(bench: Bench) -> None:
    def add_text(call: Call) -> None:
        for name in ("customer", "customerInfo") if call["response"]["body"].get("data") else ():
            call["response"]["body"]["data"].setdefault(name, "none")

    proposal = bench.propose(Traffic(change=add_text))
    added = {
        (edit.file, edit.at): edit
        for one in proposal.changes
        for edit in one.edits
        if edit.at[-1:] == ("properties",)
    }
    assert {place: edit.name for place, edit in added.items() if isinstance(edit, Add)} == {
        ("schemas/customer-tokens.json", ("properties",)): "customerInfo",
        ("schemas/token-info.json", ("allOf", 1, "properties")): "customer",
    }
    assert {edit.value["type"] for edit in added.values() if isinstance(edit, Add)} == {"string"}


THINGS = {
    "a": {"kind": "a", "thing": {"x": 1}, "n": 1},
    "b": {"kind": "b", "info": {"y": 1}},
}


@pytest.mark.parametrize("union", ["anyOf", "if"])
def test_what_one_branch_of_a_union_documents_is_not_written_where_all_meet(
    ledger: Bench, union: str
) -> None:
    branches: list[Any] = [
        {
            "required": ["thing"],
            "properties": {"kind": {"const": "a"}, "thing": {"type": "object"}, "n": {"type": "integer"}},
        },
        {"required": ["info"], "properties": {"kind": {"const": "b"}, "info": {"type": "object"}}},
    ]
    parts: dict[str, Any] = {union: branches}
    if union == "if":
        parts = {"if": {"properties": {"kind": {"const": "a"}}}, "then": branches[0], "else": branches[1]}
    examples = [*THINGS.values(), {"kind": "b", "info": {}, "n": 2}]
    schema = {"type": "object", "properties": {"kind": {"type": "string"}}, **parts, "examples": examples}
    path = ledger.folder / "schemas" / "balance.json"
    for common in (True, False):
        shown = schema if common else {name: one for name, one in schema.items() if name != "properties"}
        path.write_text(json.dumps(shown, indent=2), encoding="utf-8")
        assert not read_draft(ledger.folder).count_wrong_examples()
        for members in ({"thing": "none"}, {"thing": "none", "info": "none"}, {"n": "x"}):
            path.write_text(json.dumps(shown, indent=2), encoding="utf-8")
            calls = tuple(
                lambda one=one: {**balance(), "response": {**balance()["response"], "body": dict(one)}}
                for one in THINGS.values()
            )
            traffic = Traffic(makers=calls, change=on_answer(**members))
            before = ledger.findings(traffic)
            proposal = ledger.propose(traffic)
            ledger.write(proposal)
            assert not read_draft(ledger.folder).count_wrong_examples(), members
            assert not common or "info" in members or "of this name elsewhere" in repr(proposal.others)
            settled = {name for one in proposal.changes for name in one.fingerprints}
            assert not settled & ledger.findings(traffic), members
            assert settled <= before


def test_a_member_that_held_a_card_number_is_never_documented(bench: Bench) -> None:
    exposed = on_card(lambda card: card.update(number="4111111111111111"))
    proposal = bench.propose(Traffic(change=exposed))
    assert {one.judgement for one in proposal.suggestions if one.rule} == {Judgement.API_VIOLATION}
    assert not proposal.changes
    assert "4111111111111111" not in repr(proposal)


def test_a_name_that_may_be_data_is_never_documented(bench: Bench) -> None:
    proposal = bench.propose(Traffic(change=on_card(lambda card: card.update({"person@example.com": 1}))))
    (suggestion,) = [one for one in proposal.suggestions if one.rule]
    assert suggestion.judgement is Judgement.CONTRACT_TOO_STRICT
    assert not suggestion.edits
    assert "person" not in repr(proposal)


def test_more_changes_than_one_run_makes_are_listed_and_made_by_the_next(bench: Bench) -> None:
    traffic = Traffic(change=on_answer(first=1, second=2, third=3))
    limits = Thresholds(changes=2)
    proposal = bench.propose(traffic, limits=limits)
    later = [one for one in proposal.others if "so many changes at once" in one.action]
    assert (len(proposal.changes), len(later)) == (2, 1)
    bench.write(proposal)
    assert len(bench.propose(traffic, limits=limits).changes) == 1


def test_what_no_edit_can_say_is_listed_with_the_reason(bench: Bench) -> None:
    proposal = bench.propose(Traffic(change=on_card(lambda card: card.update(lastFourDigits="12345"))))
    (suggestion,) = [one for one in proposal.suggestions if one.rule]
    assert suggestion.rule == "length-out-of-range"
    assert suggestion.judgement is Judgement.CONTRACT_TOO_STRICT
    assert "pattern" in suggestion.action
    assert not proposal.changes


def test_the_members_that_tell_request_forms_apart_stay_required(bench: Bench) -> None:
    proposal = bench.propose(Traffic(change=lambda call: call["request"].update(body={"x": 1})))
    (suggestion,) = [one for one in proposal.suggestions if one.rule == "request-field-missing"]
    assert not suggestion.edits
    assert "tell the forms apart" in suggestion.action


def test_an_answered_question_changes_what_is_assumed_once(bench: Bench) -> None:
    traffic = Traffic(
        makers=(by_customer,),
        change=on_card(lambda card: card.update(expiryYear="26", expiryMonth="02")),
        per_day=30,
    )
    proposal = bench.propose(traffic)
    (suggestion,) = [one for one in proposal.changes if one.question]
    assert suggestion.question == "expiry-presence"
    assert suggestion.judgement is Judgement.ANSWERED
    assert "assume 'present' in place of 'absent'" in suggestion.action
    by_hand = [one.question for one in proposal.others if one.question]
    assert "create-timestamp-type" in by_hand
    bench.write(proposal)
    assert not prove_contract(bench.folder).problems
    again = bench.propose(traffic)
    assert not again.changes
    assert "expiry-presence" in [one.question for one in again.others]


def test_narrower_is_suggested_on_demand_only_and_never_against_an_example(bench: Bench) -> None:
    makers = (by_customer, by_token)
    traffic = Traffic(
        makers=makers,
        change=on_card(lambda card: card.update(expiryYear="26", expiryMonth="02")),
        per_day=20,
    )
    assert not [one for one in bench.propose(traffic).suggestions if one.judgement is Judgement.TOO_WIDE]
    proposal = bench.propose(traffic, narrow=True)
    wide = [one for one in proposal.suggestions if one.judgement is Judgement.TOO_WIDE]
    found = {(one.rule, pointer, bool(one.edits)) for one in wide for pointer in one.pointers}
    assert found >= {
        ("type-unobserved", "/data/cardTokens/*/createTimestamp", False),
        ("presence-narrower", "/data/expiryYear", False),
    }
    assert all("example" in one.action for one in wide)


def test_narrower_is_written_where_every_place_agrees_and_was_recorded(ledger: Bench) -> None:
    traffic = Traffic(makers=(balance,), per_day=30)
    proposal = ledger.propose(traffic, narrow=True)
    assert [(one.rule, one.action, one.evidence.count) for one in proposal.changes] == [
        ("presence-narrower", "require 'owner'", 120)
    ]
    for enough, is_there in ((120, True), (121, False)):
        again = ledger.propose(traffic, narrow=True, limits=Thresholds(enough=enough))
        assert bool(again.changes) is is_there
    ledger.write(proposal)
    assert not ledger.findings(traffic)
    assert not ledger.propose(traffic, narrow=True).changes
    text = (ledger.folder / "schemas" / "balance.json").read_text(encoding="utf-8")
    assert '"required": ["amount", "currency", "owner"],' in text


def test_one_form_that_was_not_recorded_keeps_a_shared_schema_as_it_is(bench: Bench) -> None:
    traffic = Traffic(
        makers=(by_customer,),
        change=on_card(lambda card: card.update(expiryYear="26", expiryMonth="02")),
        per_day=30,
    )
    wide = [
        one
        for one in bench.propose(traffic, narrow=True).suggestions
        if one.judgement is Judgement.TOO_WIDE and "/data/expiryYear" in one.pointers
    ]
    assert [(one.edits, "'by-token'" in one.action) for one in wide] == [((), True)]


def publish(bench: Bench) -> None:
    """Let the ledger's amounts and currencies be public."""
    path = bench.folder / "schemas" / "balance.json"
    text = path.read_text(encoding="utf-8")
    text = text.replace('"type": "number",', '"type": "number", "x-sensitivity": "public",')
    text = text.replace('["EGP", "NGN"]', '["EGP", "NGN"], "x-sensitivity": "public"')
    path.write_text(text, encoding="utf-8")


LEDGER_DRIFT: dict[str, tuple[str, dict[str, Any], str]] = {
    "a smaller number": ("value-out-of-range", {"amount": -2.5}, '"minimum": -2.5,'),
    "a larger number": ("value-out-of-range", {"amount": 1234.5}, '"exclusiveMaximum": 1235,'),
    "another value": ("value-undocumented", {"currency": "GHS"}, '["EGP", "NGN", "GHS"]'),
    "no value": ("value-undocumented", {"currency": None}, '["EGP", "NGN", null]'),
    "a longer text": ("length-out-of-range", {"owner": "a" * 50 + "@example.com"}, '"maxLength": 62 }'),
    "a longer list": ("length-out-of-range", {"tags": [1, 2, 3]}, '"maxItems": 3,'),
    "a new member": ("response-field-undocumented", {"kind": "x"}, '"kind": {'),
}


@pytest.mark.parametrize("kind", LEDGER_DRIFT)
def test_another_contract_is_widened_by_the_same_code(ledger: Bench, kind: str) -> None:
    publish(ledger)
    rule, members, text = LEDGER_DRIFT[kind]
    traffic = Traffic(makers=(balance,), change=on_answer(**members))
    proposal = ledger.propose(traffic)
    assert [one.rule for one in proposal.changes] == [rule]
    ledger.write(proposal)
    assert text in (ledger.folder / "schemas" / "balance.json").read_text(encoding="utf-8")
    assert not ledger.findings(traffic)
    assert not ledger.propose(traffic).changes


def test_values_and_ranges_of_members_that_are_not_public_are_not_suggested(ledger: Bench) -> None:
    for members, rule in (
        ({"amount": -2.5}, "value-out-of-range"),
        ({"currency": "GHS"}, "value-undocumented"),
    ):
        proposal = ledger.propose(Traffic(makers=(balance,), change=on_answer(**members)))
        (suggestion,) = [one for one in proposal.suggestions if one.rule]
        assert suggestion.rule == rule
        assert "public" in suggestion.action
        assert not suggestion.edits
        assert "GHS" not in repr(proposal)


def test_a_constant_becomes_a_list(ledger: Bench) -> None:
    path = ledger.folder / "schemas" / "balance.json"
    text = path.read_text(encoding="utf-8").replace(
        '"enum": ["EGP", "NGN"]', '"const": "EGP", "x-sensitivity": "public"'
    )
    path.write_text(text, encoding="utf-8")
    traffic = Traffic(makers=(balance,), change=on_answer(currency="NGN"), one_in=2, per_day=14)
    ledger.write(ledger.propose(traffic))
    assert '"currency": { "enum": ["EGP", "NGN"], "x-sensitivity"' in path.read_text(encoding="utf-8")
    assert not ledger.findings(traffic)


def test_every_rule_has_a_remedy_or_a_reason() -> None:
    assert FIXES.keys() == {rule.id for rule in RULES}
    assert all(bool(fix.plan) != bool(fix.reason) for fix in FIXES.values())


def test_a_layout_that_cannot_be_edited_is_left_to_a_person(bench: Bench) -> None:
    path = bench.folder / "schemas" / "card-token.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    proposal = bench.propose(Traffic(change=DRIFT["null"][1]))
    (suggestion,) = [one for one in proposal.suggestions if one.rule]
    assert suggestion.judgement is Judgement.CONTRACT_TOO_STRICT
    assert not suggestion.edits
    assert "by hand" in suggestion.action
