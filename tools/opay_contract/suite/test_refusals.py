"""Who may not ask is refused, as the contract has it, and learns nothing."""

from hypothesis import given
from hypothesis import strategies as st

from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Reply
from opay_contract.suite.breach import check_each
from opay_contract.suite.catalogue import WRONG_KEY
from opay_contract.suite.questions import IDENTITY, ITEMS, RECORDS, SIGNATURE, needs


@needs(SIGNATURE)
def test_a_request_without_a_signature_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.unsigned(api), "a request without a signature is refused")


@needs(SIGNATURE)
def test_a_signature_that_does_not_hold_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.forgeries(api), "a signature that does not hold is refused")


@needs(SIGNATURE)
def test_a_signature_that_is_cut_is_refused(api: Api) -> None:
    api.refuses_each(
        catalogue.cut_signatures(api), "a signature that is cut, or has more than its digits, is refused"
    )


@needs(SIGNATURE)
def test_a_signature_in_another_form_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.other_forms(api), "a signature in another form than the documented is refused")


@needs(SIGNATURE)
def test_a_bad_signature_is_answered_as_failed_authentication(api: Api) -> None:
    def check(reply: Reply) -> None:
        envelope, codes = api.judge.operation.envelope, api.judge.authentication_codes
        others = set(envelope.codes) - codes if envelope and codes else set()
        if reply.code in others:
            raise reply.breach(
                f"a bad signature is answered by {' or '.join(sorted(codes))}, a code of its own or an "
                "HTTP status, and by no code that means something else",
                f"code {reply.code}",
            )

    check_each(map(api.send, catalogue.forgeries(api)[:2]), check)


@needs(SIGNATURE, ITEMS)
def test_a_signature_covers_every_member(api: Api) -> None:
    """Signed over a part is signed wrongly, and to be answered as another wrong signature is."""
    query = api.judge.known_query() | api.judge.item_query(api.tokens[0])
    body = api.judge.text(query)
    wrong = api.send(api.make("the known record and its item, with another key", body, key=WRONG_KEY))

    def check(part: str) -> None:
        signature = api.judge.authorization(api.judge.text({part: query[part]}))
        name = f"the known record and its item, with a signature over {part} alone"
        reply = api.post(name, body, {api.judge.scheme.header: signature})
        if reply.verdict != wrong.verdict:
            raise reply.breach("a signature covers every member of the body", f"{part} alone was enough")

    check_each(query, check)


@needs(SIGNATURE)
def test_a_signature_that_is_sent_again_with_another_body_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.replays(api), "a signature that is sent again with another body is refused")


@needs(SIGNATURE)
def test_a_body_that_can_be_read_in_two_ways_never_answers_for_another(api: Api) -> None:
    def check(reply: Reply) -> None:
        if not reply.is_success:
            api.refuses(reply, "a signature that is sent again with another body is refused")
        elif str(api.key_in(reply.data)) != api.judge.target.customer_id:
            raise reply.breach("an answer is about the record whose key was signed", "another record")

    check_each(map(api.send, catalogue.ambiguous_replays(api)), check)


@needs(SIGNATURE, IDENTITY)
def test_another_merchants_id_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.other_merchants(api), "a merchant's id that is not the key's is refused")


@needs(SIGNATURE, IDENTITY)
def test_a_request_without_a_merchants_id_is_refused(api: Api) -> None:
    api.refuses_each(catalogue.no_merchant(api), "a request without a merchant's id is refused")


@needs(SIGNATURE, IDENTITY)
def test_a_refusal_tells_nothing_of_the_customer_the_key_or_the_signature(api: Api) -> None:
    asks = [
        *catalogue.unsigned(api),
        *catalogue.forgeries(api),
        *catalogue.other_merchants(api),
        *catalogue.unknown_queries(api),
        *catalogue.not_queries(api)[:1],
    ]
    replies = [reply for reply in map(api.send, asks) if not reply.is_success]
    check_each(replies, api.tells_nothing)


@needs(SIGNATURE)
@given(key=st.text(min_size=1).filter(str.strip))
def test_no_other_key_opens(api: Api, key: str) -> None:
    body = api.judge.text(api.judge.known_query())
    signed = api.judge.authorization(body, key.encode("utf-8", "replace").decode())
    if signed != api.judge.authorization(body):
        ask = api.make(
            "a key that was made up", body, is_made_up=True, headers={api.judge.scheme.header: signed}
        )
        api.refuses(api.send(ask), "a signature that does not hold is refused")


@needs(RECORDS)
def test_nothing_in_a_query_becomes_a_header(api: Api) -> None:
    def check(reply: Reply) -> None:
        names = {name.lower() for name, _ in reply.exchange.response.headers or ()}
        if names & {"x-injected", "set-cookie"}:
            raise reply.breach("nothing in a query becomes a header of the answer", "a header")
        api.stays_up(reply)
        api.conforms(reply)

    check_each(map(api.send, catalogue.injections(api)), check)
