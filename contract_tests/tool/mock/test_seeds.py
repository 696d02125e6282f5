"""A seed file is judged by the contract's schemas, and every fault is told with its line and column."""

import json
from pathlib import Path

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.mock.records import RecordBook

SEEDS = RecordBook(load_contract())

SOUND = """\
- customer:
    customerId: '7'
    customerName: Zoë
    customerEmail: zoe@example.com
    customerMobile: '99900000007'
  cardTokens:
    - opayToken: OPAY_TOKEN_7
      brand: VISA
      createTimestamp: 1637822753
      lastFourDigits: '1111'
      firstSixDigits: '411111'
"""


def test_yaml_and_json_hold_the_same_customers(tmp_path: Path) -> None:
    customers = list(RecordBook(load_contract()).made_up(20, 3))
    path = tmp_path / "seed.json"
    path.write_text(
        json.dumps([SEEDS.first.data(stored) for stored in customers], ensure_ascii=False), encoding="utf-8"
    )
    assert SEEDS.load(path) == customers
    (tmp_path / "seed.yaml").write_text(SOUND, encoding="utf-8")
    (stored,) = SEEDS.load(tmp_path / "seed.yaml")
    assert (stored.id, list(stored.items)) == ("7", ["OPAY_TOKEN_7"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("customerId: '7'", "customerId: 7", "seed.yaml:2:5: /customer/customerId is not string"),
        ("'1111'", "'11111'", "seed.yaml:10:7: /cardTokens/*/lastFourDigits is not at most 4 characters"),
        ("brand: VISA", "brandd: VISA", "seed.yaml:8:7: /cardTokens/*/brandd is no member"),
        ("brand: VISA", "brand: VISA\n      kind: x", "seed.yaml:9:7: /cardTokens/*/kind is no member"),
        ("      brand: VISA\n", "", "seed.yaml:7:7: /cardTokens/*/brand is missing"),
        ("  cardTokens:", "  cards:", "seed.yaml:6:3: /cards is no member"),
        ("- customer:", "customer:", "seed.yaml:6:3"),
        (SOUND, SOUND + SOUND, "seed.yaml:13:5: /customer/customerId is there twice"),
        (SOUND, "customers: 1", "seed.yaml:1:1: expected a list of customers"),
        (SOUND, "orders: []", "seed.yaml:1:1: the contract has no records of this name; there are customers"),
        (SOUND, "- 1", "seed.yaml:1:3: the customer is not object"),
        (SOUND, "", "seed.yaml:1:1: the document is empty"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(SOUND.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        SEEDS.load(path)
    assert message in str(caught.value)
    assert "zoe" not in str(caught.value).lower()


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        SEEDS.load(tmp_path / "none.yaml")


def test_the_examples_of_the_contract_are_one_customer_with_a_card_and_its_expiry() -> None:
    (stored,) = SEEDS.examples()
    assert stored.id == "121111113"
    assert stored.document["customer"]["customerName"] == "name1"
    assert [card["expiryMonth"] for card in stored.items.values()] == ["02"]
