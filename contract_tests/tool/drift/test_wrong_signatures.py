"""What is wrong with signatures that do not verify is said of the first, whatever the split of the input."""

import hmac
import json
from collections.abc import Iterable
from functools import reduce

import pytest
from msgspec import structs

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.summary import DriftSummary, describe_mistakes, merge
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.sentences import describe_signatures, describe_vacuity

CONTRACT = load_contract()
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
REFUSED = b'{"code":"02000","message":"Authentication failed"}'
SPACED = "made over the body with a space after ':' and ',' (sign the compact form, without white space)"


def exchange(entry: int, signed: str | None, key: str = KEY) -> Exchange:
    """Return a call that was refused, with the signature of a text, its own body's for None."""
    body = f'{{"customerId":"canary-{entry}"}}'
    signature = hmac.digest(key.encode(), (body if signed is None else signed).encode(), "sha512").hex()
    headers = (("Authorization", f"Bearer {signature}"), ("MerchantId", "canary-merchant"))
    return Exchange(
        place=Place(source=0, entry=entry, file="a.ndjson"),
        request=Request(method="POST", url=CONTRACT.operations[0].path, headers=headers, body=body.encode()),
        response=Response(status=200, headers=(("Content-Type", "application/json"),), body=REFUSED),
    )


def spaced(entry: int) -> Exchange:
    return exchange(entry, json.dumps({"customerId": f"canary-{entry}"}))


def fold(exchanges: Iterable[Exchange], key: str | None = KEY) -> DriftSummary:
    made = Fold(CONTRACT, Settings(started_at=0, private_key=key))
    for one in exchanges:
        made.add(one)
    return made.summary()


@pytest.mark.parametrize(
    ("number", "words"), [(8, f"8 are {SPACED}"), (9, f"of the first 8 that do not, 8 are {SPACED}")]
)
def test_each_of_eight_is_looked_at_and_the_first_eight_of_more(number: int, words: str) -> None:
    summary = fold(spaced(entry) for entry in range(1, number + 1))
    assert describe_mistakes(summary.signatures) == words
    assert describe_signatures(summary.signatures) == f"of refused requests 0 of {number} verify; {words}"
    assert describe_vacuity(CheckedRun(summary=summary, contract=CONTRACT)).endswith(
        f"with the key given, {number} of {number} signatures do not verify; {words}."
    )
    assert "canary" not in describe_mistakes(summary.signatures)


def test_the_most_frequent_mistake_comes_first_and_merchant_ids_are_tried_as_keys() -> None:
    exchanges = [spaced(1), exchange(2, None), exchange(3, None, "canary-merchant"), spaced(4)]
    said = describe_mistakes(fold(exchanges).signatures)
    merchant = "1 is made with the merchant id as the key (use the private key just as the vendor gave it)"
    assert said == f"2 are {SPACED}, {merchant}"


def test_every_split_and_every_order_say_the_same_and_so_does_what_was_saved() -> None:
    exchanges = [spaced(n) if n % 3 else exchange(n, "x") for n in range(1, 13)]
    whole = fold(exchanges).signatures
    assert [one.place.entry for one in whole.diagnosed] == list(range(1, 9))
    for parts in ([exchanges[:3], exchanges[3:10], exchanges[10:]], [exchanges[1::2], exchanges[::2]]):
        for order in (parts, parts[::-1]):
            assert reduce(merge, map(fold, order)).signatures == whole
    assert fold(exchanges[::-1]).signatures == whole
    assert summary_from_json(summary_to_json(fold(exchanges))).signatures == whole


def test_a_body_without_a_canonical_text_is_said_to_be_one_and_its_keys_are_not() -> None:
    odd = exchange(1, "x")
    for body, fault in (
        (b'{"canary":1,"canary":2}', "it has a key twice"),
        (b'{"canary"', "it breaks off at line 1, column 10"),
    ):
        request = structs.replace(odd.request, body=body)
        said = describe_mistakes(fold([structs.replace(odd, request=request)]).signatures)
        assert said == f"1 is made in a way that is not known (the body has no canonical text: {fault})"


def test_without_a_key_and_without_a_fault_nothing_is_said() -> None:
    for summary in (fold([spaced(1)], key=None), fold([exchange(1, None)])):
        assert describe_mistakes(summary.signatures) == ""
        assert b"diagnosed" not in summary_to_json(summary)
