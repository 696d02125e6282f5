"""Where no schema describes a value, its name tells whether it may look like a card number."""

import json
from typing import Any

import pytest
from contract_tests.usual import each

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory
from opay_contract.contract.loading import load_contract
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.exchange import Exchange, Place, Request, Response

CARD = "4111111111111111"
TOKEN = f"OPAY_TOKEN_{CARD}{'a' * 16}"
UNKNOWN = "https://sandboxapi.opaycheckout.com/api/v1/elsewhere"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(default_directory())


def pointers(contract: Contract, *, url: str = UNKNOWN, asked: Any = None, answer: bytes = b"") -> list[str]:
    exchange = Exchange(
        place=Place(source=0, entry=0, file="x"),
        request=Request(method="POST", url=url, headers=(), body=json.dumps(asked).encode()),
        response=Response(status=200, headers=(), body=answer),
    )
    findings = check_exchange(contract, exchange, contract.match(exchange), Settings(started_at=0.0))
    return [finding.pointer for finding in findings if finding.rule is CARD_NUMBER_EXPOSED]


def test_an_identifier_is_not_searched_on_an_unknown_path(contract: Contract) -> None:
    asked = {"opayToken": TOKEN, "list": [{"customerId": TOKEN}]}
    assert pointers(contract, asked=asked, answer=json.dumps({"data": asked}).encode()) == []


def test_other_members_are_searched_there(contract: Contract) -> None:
    asked = {"note": TOKEN, "customerName": CARD, "list": [CARD], "opayToken": {"note": CARD}}
    wanted = [f"request:{place}" for place in ("/note", "/customerName", "/list/*", "/opayToken/note")]
    assert sorted(pointers(contract, asked=asked)) == sorted(wanted)


@each(
    "text",
    [
        f'{{"code":"00000","data":{{"opayToken":"{TOKEN}","brand":"VI',
        f'{{"data":{{"opayToken" : "{TOKEN}',
        f"{{'opayToken': '{TOKEN}', ",
        f"customerId={TOKEN}&x=",
    ],
)
def test_an_identifier_is_not_searched_in_text_that_breaks_off(contract: Contract, text: str) -> None:
    assert pointers(contract, answer=text.encode()) == []


@each(
    "text",
    [
        f'{{"data":{{"opayToken":"abc","number":"{CARD}',
        f'{{"data":{{"notOpayToken":"{TOKEN}',
        f'{{"opayToken":"abc" {CARD}',
        f"opayToken\n{CARD}",
        f"customerId=12&card={CARD}",
    ],
)
def test_anything_else_is_searched_in_it(contract: Contract, text: str) -> None:
    assert pointers(contract, answer=text.encode()) == [""]


def test_a_url_is_searched_but_for_identifiers_by_name(contract: Contract) -> None:
    assert pointers(contract, url=f"{UNKNOWN}?opayToken={TOKEN}&page=2") == []
    assert pointers(contract, url=f"{UNKNOWN}?number={CARD}") == ["url"]
    assert pointers(contract, url=f"{UNKNOWN}/{CARD}") == ["url"]


def test_text_is_searched_in_time_that_grows_with_it(contract: Contract) -> None:
    texts = ('"a" ' * 200_000, "a" * 1_000_000, '"opayToken' + " " * 1_000_000, '"a":"' + "\\" * 1_000_001)
    assert [pointers(contract, answer=text.encode()) for text in texts] == [[], [], [], []]
