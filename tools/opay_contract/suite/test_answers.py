"""What the contract promises about an answer, asked of the target one query at a time."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opay_contract.judge.table import JSON_MISLABELLED, RESPONSE_FIELD_UNDOCUMENTED
from opay_contract.model.finding import Rule
from opay_contract.suite import catalogue
from opay_contract.suite.api import BY_CUSTOMER, BY_TOKEN, Api, Reply, raise_findings
from opay_contract.suite.breach import check_each
from opay_contract.suite.generation import from_schema

REPEATED = 60
"""So many known queries find a fault in one of twenty answers nineteen times of twenty."""

FORMS = ((BY_CUSTOMER, 0), (BY_TOKEN, 1))


def test_a_known_customer_and_a_known_token_are_answered_as_the_contract_says(api: Api) -> None:
    asks = catalogue.known_queries(api)[: len(FORMS)]
    for ask, (form, _) in zip(asks, FORMS, strict=True):
        reply = api.send(ask)
        api.succeeds(reply)
        taken = api.judge.match(reply.exchange).form
        assert taken is not None
        assert taken.id == form


def test_an_answer_has_no_member_that_the_contract_does_not_know(api: Api) -> None:
    expect_no(api, RESPONSE_FIELD_UNDOCUMENTED)


def test_an_answer_is_called_what_it_is(api: Api) -> None:
    expect_no(api, JSON_MISLABELLED)


def expect_no(api: Api, rule: Rule) -> None:
    """Fail where a rule finds something in an answer of any sort."""
    asks = [
        *catalogue.known_queries(api)[: len(FORMS)],
        *catalogue.unknown_queries(api),
        *catalogue.not_queries(api)[:1],
        *catalogue.forgeries(api)[:1],
    ]

    def check(reply: Reply) -> None:
        raise_findings(reply, api.judge.findings_by(rule, reply.exchange))

    check_each(map(api.send, asks), check)


def test_each_listed_token_is_found(api: Api) -> None:
    def check(reply: Reply) -> None:
        if not reply.is_success or not reply.data:
            raise reply.breach("each token that is listed is found when it is asked for", "it is not found")
        api.conforms(reply)

    check_each(map(api.send, catalogue.token_queries(api)), check)


def test_the_card_of_each_token_is_the_one_that_is_listed(api: Api) -> None:
    owner = api.customer_in(api.known.data)
    for card, ask in zip(api.cards, catalogue.token_queries(api), strict=False):
        reply = api.send(ask)
        if not reply.is_success or not isinstance(reply.data, dict):
            continue  # for test_each_listed_token_is_found to say
        differing = sorted(name for name, value in card.items() if reply.data.get(name) != value)
        promise = "a card is the same by its token as in the customer's list"
        if differing:
            raise reply.breach(promise, f"{', '.join(differing)} of the card differ")
        if api.customer_in(reply.data) != owner:
            raise reply.breach(promise, "the customer differs")


def test_the_same_query_gets_the_same_answer_each_time(api: Api) -> None:
    asks = catalogue.known_queries(api)[: len(FORMS)]
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


def test_white_space_that_is_not_signed_does_not_matter(api: Api) -> None:
    check_each(map(api.send, catalogue.white_space(api)), api.succeeds)


def test_the_media_type_may_be_written_in_other_ways(api: Api) -> None:
    check_each(map(api.send, catalogue.media_type_spellings(api)), api.succeeds)


def test_another_media_type_breaks_nothing(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.stays_up(reply)
        if reply.exchange.response.body and reply.code is None:
            raise reply.breach("an answer has a business code", "none")

    check_each(map(api.send, catalogue.other_media_types(api)), check)


def test_an_unknown_customer_or_token_has_no_cards(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.conforms(reply)
        tokens = json.dumps(reply.data).count(f'"{api.judge.member(BY_TOKEN)}"')
        if tokens:
            raise reply.breach("a customer or a token that nobody has gets no card", "a card")

    check_each(map(api.send, catalogue.unknown_queries(api)), check)


def test_what_is_no_query_is_refused(api: Api) -> None:
    promise = "a body that is no query is refused"
    check_each(map(api.send, catalogue.not_queries(api)), lambda reply: api.refuses(reply, promise))


def test_another_method_is_refused(api: Api) -> None:
    promise = "another method than the documented is refused"
    check_each(map(api.send, catalogue.other_methods(api)), lambda reply: api.refuses(reply, promise))


def test_both_keys_never_answer_for_another(api: Api) -> None:
    def check(reply: Reply) -> None:
        api.conforms(reply)
        if reply.is_success and reply.data and api.customer_in(reply.data) != api.customer_in(api.known.data):
            raise reply.breach("an answer is about the customer that was asked for", "another customer")

    check_each(map(api.send, catalogue.both_keys(api)), check)


def test_an_id_in_any_script_is_answered(api: Api) -> None:
    check_each(map(api.send, catalogue.any_script(api)), lambda reply: expect_answer(api, reply))


@given(query=from_schema("schemas/query-request.json"))
def test_any_sound_query_gets_a_sound_answer(api: Api, query: dict[str, Any]) -> None:
    ask = api.make("a query that was made up", json.dumps(query).encode(), is_made_up=True)
    expect_answer(api, api.send(ask))


@given(customer_id=st.text(max_size=200))
def test_any_text_is_an_id_that_can_be_asked_for(api: Api, customer_id: str) -> None:
    body = api.judge.text(api.judge.query(customer_id))
    expect_answer(api, api.send(api.make("an id that was made up", body, is_made_up=True)))


def expect_answer(api: Api, reply: Reply) -> None:
    """Fail where a sound query breaks the target, or its answer the contract."""
    api.stays_up(reply)
    if reply.code is None and not api.judge.is_refused(reply.exchange):
        raise reply.breach("an answer has a business code", "none")
    found = api.judge.findings(reply.exchange)
    raise_findings(reply, [one for one in found if not one.pointer.startswith("request:")])
