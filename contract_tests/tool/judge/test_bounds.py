"""Bounds of rules at their edge: the largest, the smallest, one more, and which of two findings is said."""

import json
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.judge.card_numbers import iter_card_number_lengths, passes_luhn
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response

JSON = (("Content-Type", "application/json"),)
CARD = {
    "opayToken": "OPAY_TOKEN_0123456789abcdef0123456789abcdef",
    "brand": "VISA",
    "createTimestamp": 1_700_000_000,
    "lastFourDigits": "1111",
    "firstSixDigits": "411111",
}
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"


def rules_of(contract: Contract, answer: Any, status: int = 200, **asked: Any) -> list[tuple[str, str]]:
    """Return rule and place of what is found in an exchange."""
    body = json.dumps({"customerId": "1", **asked}).encode()
    exchange = Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(method="POST", url=URL, headers=JSON, body=body),
        response=Response(status=status, headers=JSON, body=json.dumps(answer).encode()),
    )
    settings = Settings(started_at=1_790_000_000.0)
    found = check_exchange(contract, exchange, contract.match(exchange), settings)
    return [(one.rule.id, one.pointer) for one in found]


def success(**card: Any) -> dict[str, Any]:
    customer = {
        "customerId": "1",
        "customerName": "Test Person",
        "customerEmail": "p@example.com",
        "customerMobile": "20120000001",
    }
    return {
        "code": "00000",
        "message": "SUCCESSFUL",
        "data": {"customer": customer, "cardTokens": [{**CARD, **card}]},
    }


def test_a_success_code_beside_the_least_http_error_is_one_too_many(contract: Contract) -> None:
    wanted = "success-code-on-http-error"
    assert wanted not in dict(rules_of(contract, success(), 399))
    assert wanted in dict(rules_of(contract, success(), 400))


def test_of_two_rules_broken_by_the_length_of_a_text_one_is_said(contract: Contract) -> None:
    found = [rule for rule, place in rules_of(contract, success(lastFourDigits="123")) if "lastFour" in place]
    assert found == ["length-out-of-range"]
    found = [
        rule for rule, place in rules_of(contract, success(lastFourDigits="12x4")) if "lastFour" in place
    ]
    assert found == ["pattern-mismatch"]


def number(length: int) -> str:
    """Return a Visa number of a length, or digits that would be one."""
    digits = "4" + "0" * (length - 2)
    return next(digits + last for last in "0123456789" if passes_luhn(digits + last))


def test_the_longest_and_the_shortest_card_number() -> None:
    lengths = (12, 13, 19, 20)
    assert [list(iter_card_number_lengths(number(length))) for length in lengths] == [[], [13], [19], []]


def test_the_longest_number_of_a_card_is_found_as_a_number(contract: Contract) -> None:
    longest = int(number(19))
    assert ("card-number-exposed", "request:/n") in rules_of(contract, success(), n=longest)
    assert ("card-number-exposed", "request:/n") not in rules_of(contract, success(), n=int(number(20)))
