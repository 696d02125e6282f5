"""What the contract promises about an answer, asked of the target one query at a time."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opay_contract.judge.table import JSON_MISLABELLED, RESPONSE_FIELD_UNDOCUMENTED
from opay_contract.model.finding import Rule
from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Reply, raise_findings
from opay_contract.suite.breach import check_each
from opay_contract.suite.questions import ITEMS, RECORDS, SIGNATURE, needs

REPEATED = 60
"""So many known queries find a fault in one of twenty answers nineteen times of twenty."""

KINDS = 2
"""A record and its first item: so many of the known queries are of different kinds."""


@needs(RECORDS)
def test_a_known_record_and_its_item_are_answered_as_the_contract_says(api: Api) -> None:
    by = (api.judge.questions.by_record, api.judge.questions.by_item)
    for ask, asked in zip(catalogue.known_queries(api)[:KINDS], by, strict=False):
        reply = api.send(ask)
        api.succeeds(reply)
        assert asked is not None
        assert api.judge.match(reply.exchange).form == asked.form


@needs(RECORDS, SIGNATURE)
def test_an_answer_has_no_member_that_the_contract_does_not_know(api: Api) -> None:
    expect_no(api, RESPONSE_FIELD_UNDOCUMENTED)


@needs(RECORDS, SIGNATURE)
def test_an_answer_is_called_what_it_is(api: Api) -> None:
    expect_no(api, JSON_MISLABELLED)


def expect_no(api: Api, rule: Rule) -> None:
    """Fail where a rule finds something in an answer of any sort."""
    asks = [
        *catalogue.known_queries(api)[:KINDS],
        *catalogue.unknown_queries(api),
        *catalogue.not_queries(api)[:1],
        *catalogue.forgeries(api)[:1],
    ]

    def check(reply: Reply) -> None:
        raise_findings(reply, api.judge.findings_by(rule, reply.exchange))

    check_each(map(api.send, asks), check)


@needs(ITEMS)
def test_each_listed_item_is_found(api: Api) -> None:
    def check(reply: Reply) -> None:
        if not reply.is_success or not reply.data:
            raise reply.breach("each item that is listed is found when it is asked for", "it is not found")
        api.conforms(reply)

    check_each(map(api.send, catalogue.item_queries(api)), check)


@needs(ITEMS)
def test_each_item_is_the_one_that_is_listed(api: Api) -> None:
    owner = api.record_in(api.known.data)
    for item, ask in zip(api.items, catalogue.item_queries(api), strict=False):
        reply = api.send(ask)
        if not reply.is_success or not isinstance(reply.data, dict):
            continue  # for test_each_listed_item_is_found to say
        differing = sorted(name for name, value in item.items() if reply.data.get(name) != value)
        promise = "an item is the same by its key as in the record's list"
        if differing:
            raise reply.breach(promise, f"{', '.join(differing)} of the item differ")
        if api.record_in(reply.data) != owner:
            raise reply.breach(promise, "the record differs")


@needs(RECORDS)
def test_the_same_query_gets_the_same_answer_each_time(api: Api) -> None:
    asks = catalogue.known_queries(api)[:KINDS]
    shapes: dict[str, set[str]] = {}

    def check(number: int) -> None:
        reply = api.send(asks[number % len(asks)])
        api.succeeds(reply)
        shape = set(_places(reply.value, ""))
        usual = shapes.setdefault(reply.ask.name, shape)
        if shape != usual:
            differing = ", ".join(sorted(shape ^ usual)[:3])
            promise = "the same query gets an answer of the same shape each time"
            raise reply.breach(promise, f"{differing} is not always there")

    check_each(range(api.spare(REPEATED)), check)


def _places(value: Any, place: str) -> list[str]:
    """Return the folded pointers of every place in a value."""
    if isinstance(value, dict):
        return [one for name, child in value.items() for one in _places(child, f"{place}/{name}")]
    if isinstance(value, list):
        return [one for child in value for one in _places(child, f"{place}/*")]
    return [place]


@needs(RECORDS)
def test_white_space_that_is_not_signed_does_not_matter(api: Api) -> None:
    check_each(map(api.send, catalogue.white_space(api)), api.succeeds)


@needs(RECORDS)
def test_the_media_type_may_be_written_in_other_ways(api: Api) -> None:
    check_each(map(api.send, catalogue.media_type_spellings(api)), api.succeeds)


@needs(RECORDS)
def test_another_media_type_breaks_nothing(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.stays_up(reply)
        if reply.exchange.response.body and reply.code is None and api.has_codes:
            raise reply.breach("an answer has a business code", "none")

    check_each(map(api.send, catalogue.other_media_types(api)), check)


@needs(RECORDS)
def test_an_unknown_record_or_item_has_nothing(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.conforms(reply)
        by = api.judge.questions.by_record
        items = by.lookup.records.items if by else None
        if items is not None and f'"{items.key[-1]}"' in json.dumps(reply.data):
            raise reply.breach("a record or an item that nobody has gets no item", "an item")

    check_each(map(api.send, catalogue.unknown_queries(api)), check)


@needs(RECORDS)
def test_what_is_no_query_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.not_queries(api), "a body that is no query is refused")


@needs(RECORDS)
def test_another_method_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.other_methods(api), "another method than the documented is refused")


@needs(ITEMS)
def test_both_keys_never_answer_for_another(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.conforms(reply)
        if reply.is_success and reply.data and api.record_in(reply.data) != api.record_in(api.known.data):
            raise reply.breach("an answer is about the record that was asked for", "another record")

    check_each(map(api.send, catalogue.both_keys(api)), check)


@needs(RECORDS)
def test_an_id_in_any_script_is_answered(api: Api) -> None:
    check_each(map(api.send, catalogue.any_script(api)), lambda reply: expect_answer(api, reply))


@needs(RECORDS)
@given(data=st.data())
def test_any_sound_query_gets_a_sound_answer(api: Api, data: st.DataObject) -> None:
    query = data.draw(api.sound_bodies)
    ask = api.make("a query that was made up", json.dumps(query).encode(), is_made_up=True)
    expect_answer(api, api.send(ask))


@needs(RECORDS)
@given(key=st.text(max_size=200))
def test_any_text_is_an_id_that_can_be_asked_for(api: Api, key: str) -> None:
    body = api.judge.text(api.judge.query(key))
    expect_answer(api, api.send(api.make("an id that was made up", body, is_made_up=True)))


def expect_answer(api: Api, reply: Reply) -> None:
    """Fail where a sound query breaks the target, or its answer the contract."""
    api.stays_up(reply)
    if reply.code is None and api.has_codes and not api.judge.is_refused(reply.exchange):
        raise reply.breach("an answer has a business code", "none")
    found = api.judge.findings(reply.exchange)
    raise_findings(reply, [one for one in found if not one.pointer.startswith("request:")])
