"""Pseudonyms are consistent, keyed, of the same form, and known for what they are."""

from itertools import product
from typing import Any

from contract_tests.usual import each

from opay_contract.formats.json_text import NewNames
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.redact.pseudonyms import (
    FIRST_SIX,
    LAST_FOUR,
    TEST_NUMBERS,
    Pseudonyms,
    card_hits,
    is_digit_pseudonym,
)
from opay_contract.redact.texts import Manner
from opay_contract.redact.values import NOTHING_SAID
from opay_contract.signing.signer import PUBLIC_TEST_KEY, sign, verify

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"


def exchange(request: bytes, answer: bytes, authorization: str = "", **headers: str) -> Exchange:
    fields = {"Authorization": authorization, "MerchantId": "256612345678901"} | headers
    return Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(method="POST", url=URL, headers=tuple(fields.items()), body=request),
        response=Response(status=200, headers=(("Content-Type", "application/json"),), body=answer),
    )


def test_the_test_numbers_are_card_numbers_of_their_length() -> None:
    for length, numbers in TEST_NUMBERS.items():
        for number in numbers:
            assert len(number) == length
            assert card_hits(number) == [length]
    assert {len(one) for one in FIRST_SIX} == {6}
    assert {len(one) for one in LAST_FOUR} == {4}


@each("count", range(1, 40))
def test_digits_keep_their_number_and_carry_the_mark(count: int) -> None:
    made = Pseudonyms(b"k" * 32).digits("7" * count)
    assert len(made) == count
    assert is_digit_pseudonym(made)


def test_the_same_value_has_one_pseudonym_under_one_key_and_another_under_another(make_redactor: Any) -> None:
    ours, theirs = make_redactor(), make_redactor(key=b"another key of thirty-two bytes!")
    assert ours.values.texts.redact("Amira") == make_redactor().values.texts.redact("Amira")
    assert ours.values.texts.redact("Amira Canarywood") != theirs.values.texts.redact("Amira Canarywood")
    assert "secret" not in repr(Pseudonyms(b"secret" * 6))


def test_echoes_and_repeated_values_stay_so(make_redactor: Any) -> None:
    redactor = make_redactor()
    name = b'"customerName":"20123111111","customerMobile":"20123111111"'
    made = redactor.exchange(
        exchange(
            b'{"customerId":"121111113"}', b'{"data":{"customer":{"customerId":"121111113",' + name + b"}}}"
        )
    )
    customer = made.request.body.split(b'"')[3]
    parts = made.response.body.split(b'"')
    assert parts[7] == customer != b"121111113"
    assert parts[11] == parts[15] != b"20123111111"


def test_requests_are_signed_again_with_the_synthetic_key(contract: Any, make_redactor: Any) -> None:
    body = b'{"customerId":"121111113"}'
    header = sign(body, "OPAYPRV_of_a_merchant", contract.signature).header
    for private_key in ("OPAYPRV_of_a_merchant", None):
        made = make_redactor(private_key=private_key).exchange(exchange(body, b"{}", header))
        assert verify(made.request.body, made.request.headers[0][1], PUBLIC_TEST_KEY, contract.signature).ok


def test_a_signature_that_does_not_verify_stays_one(contract: Any, make_redactor: Any) -> None:
    body = b'{"customerId":"121111113"}'
    header = sign(body, "OPAYPRV_of_somebody_else", contract.signature).header
    redactor = make_redactor(private_key="OPAYPRV_of_a_merchant")
    made = redactor.exchange(exchange(body, b"{}", header))
    value = made.request.headers[0][1]
    assert value != header
    assert len(value) == len(header)
    assert not verify(made.request.body, value, PUBLIC_TEST_KEY, contract.signature).ok
    assert make_redactor(private_key=None).exchange(made) == made


@each("value", ["[Filtered]", "Bearer ***", ""])
def test_what_a_tool_has_masked_stays_masked(value: str, make_redactor: Any) -> None:
    assert make_redactor().exchange(exchange(b"{}", b"{}", value)).request.headers[0][1] == value


def test_lengths_follow_the_bodies(make_redactor: Any) -> None:
    body = b'{"customerId":"7"}'
    made = make_redactor().exchange(exchange(body, b"{}", **{"Content-Length": str(len(body))}))
    assert made.request.headers[2] == ("Content-Length", str(len(made.request.body)))
    assert len(made.request.body) > len(body)


def test_names_of_one_form_become_longer_once_it_is_used_up_and_numbers_count_down() -> None:
    names, numbers = NewNames(), NewNames()
    made = [names.take(f"name{number}", lambda _: "zjxx9999") for number in range(3)]
    assert made == ["zjxx9999", "zjxx9999x", "zjxx9999b"]
    assert [numbers.take(f"{number:02}", lambda _: "99") for number in range(3)] == ["99", "98", "97"]


def test_two_values_of_a_file_have_two_pseudonyms_as_long_as_there_are_any(make_redactor: Any) -> None:
    """Of three letters there are 512, of five digits ten, or twenty of a number's, of fewer digits one."""
    redactor = make_redactor()
    texts, values = redactor.values.texts, redactor.values
    letters = ["".join(one) for one in product("acdefg", repeat=3)]
    addresses = [f"10.0.0.{number}" for number in range(60)]
    for kind in (letters, addresses, [f"{number}" for number in range(400_000, 400_040)]):
        made = [texts.redact(one) for one in kind]
        assert len(set(made)) == len(kind)
        assert [texts.redact(one, Manner(cards=False)) for one in kind] == made
    five = [str(number) for number in range(12_000, 12_030)]
    assert 8 <= len(set(map(texts.redact, five))) <= 10
    redactor.memory.begin()
    numbers = [values.number(one, NOTHING_SAID, 0.0) for one in five]
    assert 15 <= len(set(numbers)) <= 20
    assert {texts.redact(one) for one in ("1234", "5678")} == {"9999"}
    redactor.memory.begin()
    assert texts.redact(letters[-1]) == make_redactor().values.texts.redact(letters[-1])
