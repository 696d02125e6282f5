"""The store keeps what was written, and the made-up customers are the same everywhere."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.judge.card_numbers import has_card_number
from opay_contract.mock.records import RecordBook
from opay_contract.mock.store import Store, StoredRecord


@cache
def customers() -> list[StoredRecord]:
    return list(RecordBook(load_contract()).made_up(300, 5))


def test_a_seed_number_makes_the_same_customers_on_every_machine() -> None:
    text = msgspec.json.encode(customers(), order="sorted")
    assert hashlib.sha256(text).hexdigest().startswith("ba48206c12808405")
    book = RecordBook(load_contract())
    assert list(book.made_up(300, 6)) != customers() == list(book.made_up(300, 5))


def test_made_up_customers_conform_and_have_no_card_number() -> None:
    kind = RecordBook(load_contract()).first
    for stored in customers():
        assert list(kind.faults(kind.data(stored))) == []
        texts = [
            *stored.document["customer"].values(),
            *(text for card in stored.items.values() for text in card.values()),
        ]
        assert not any(
            has_card_number(str(text)) for text in texts if not str(text).startswith("OPAY_TOKEN_")
        )


def test_made_up_customers_have_no_card_or_some() -> None:
    assert {len(stored.items) for stored in customers()} == {0, 1, 2, 3}
    assert len({token for stored in customers() for token in stored.items}) == sum(
        len(stored.items) for stored in customers()
    )


def test_what_is_added_comes_back_in_order() -> None:
    with Store() as store:
        store.add(customers())
        for stored in customers():
            assert store.record("customers", stored.id) == stored
            for token, card in stored.items.items():
                assert store.record_of_item("customers", token) == replace(stored, items={token: card})
        assert store.record("customers", "nobody") is store.record_of_item("customers", "none") is None


def test_adding_again_replaces_and_removing_takes_the_cards_along() -> None:
    stored = next(stored for stored in customers() if stored.items)
    token = next(iter(stored.items))
    with Store() as store:
        store.add([stored])
        renamed = replace(stored, document={"customer": {"customerName": "Other"}})
        store.add([renamed])
        assert store.record("customers", stored.id) == renamed
        store.add([replace(stored, items={})])
        assert store.record_of_item("customers", token) is None
        store.add([stored])
        assert store.record("customers", stored.id) == stored
        assert store.remove("customers", stored.id)
        assert not store.remove("customers", stored.id)
        assert store.record_of_item("customers", token) is None
        assert not store.remove_item("customers", token)
        assert not store.add_item("customers", stored.id, token, stored.items[token])


def test_a_failed_write_leaves_everything_as_it_was() -> None:
    def broken() -> Any:
        yield customers()[0]
        raise RuntimeError

    with Store() as store:
        store.add(customers()[1:3])
        with pytest.raises(RuntimeError):
            store.reset(broken())
        assert store.ids("customers") == sorted(stored.id for stored in customers()[1:3])


def test_several_stores_share_a_file_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    def write(part: int) -> None:
        with Store(path) as store:
            for stored in customers()[part::8]:
                store.add([stored])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with Store(path) as store:
        assert store.ids("customers") == sorted(stored.id for stored in customers())


def test_what_is_stored_is_looked_up_once_and_what_is_not_each_time(
    build_mock: Callable[..., Any], store: Store, with_cards: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock, asked = build_mock(), list[str]()
    look_up = store.record

    def noted(kind: str, customer_id: str) -> StoredRecord | None:
        asked.append(customer_id)
        return look_up(kind, customer_id)

    monkeypatch.setattr(store, "record", noted)
    for customer in (with_cards, with_cards, "nobody", "nobody"):
        mock.ask(json.dumps({"customerId": customer}).encode())
    assert asked == [with_cards, "nobody", "nobody"]


def test_an_answer_is_remembered_only_as_long_as_the_store_is_the_same(
    tmp_path: Path, in_process: Any
) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store, Store(path) as other:
        store.add(customers()[:3])
        mock = in_process(contract=load_contract(), store=store).build()
        body = json.dumps({"customerId": customers()[0].id}).encode()

        def name() -> str:
            answer = json.loads(mock.ask(body).response.body)
            return str(answer["data"]["customer"]["customerName"]) if "data" in answer else answer["code"]

        assert name() == customers()[0].document["customer"]["customerName"]
        for number, writer in enumerate((store, other, store)):
            customer = customers()[0].document["customer"] | {"customerName": f"Name {number}"}
            changed = replace(customers()[0], document={"customer": customer, "cardTokens": []})
            writer.add([changed])
            assert name() == name() == f"Name {number}"
        other.remove("customers", customers()[0].id)
        assert name() == "02001"


@pytest.mark.parametrize("content", [b"not a database at all" * 100, None])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other"
    if content is None:
        path = tmp_path / "missing" / "store"
    else:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot use the store"):
        Store(path)
    assert content is None or path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    with pytest.raises(UsageError, match="the database of another program"):
        Store(tmp_path / "other.sqlite")
