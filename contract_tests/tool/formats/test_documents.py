"""Files that are one JSON text."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each, one_in

from opay_contract.formats.table import Format
from opay_contract.model.exchange import Exchange, Unreadable

Read = Callable[..., list[Any]]

EXCHANGE = {"request": {"method": "POST"}, "response": {"status": 200, "body": {"a": 1}}}


def test_a_pretty_file_that_is_no_exchange_is_one_bare_body(read: Read) -> None:
    data = json.dumps({"a": {"b": [1, 2]}}, indent=2).encode()
    (found,) = read(data + b"\n")
    assert (found.place.entry, found.place.line, found.response.status) == (1, 1, 200)
    assert found.response.body == data
    assert not found.is_asserted


def test_each_item_of_a_list_is_an_entry_whatever_it_is(read: Read) -> None:
    found = read(json.dumps([{"bare": 1}, EXCHANGE, [EXCHANGE], 5], indent=2).encode())
    assert [json.loads(one.response.body) for one in found] == [{"bare": 1}, {"a": 1}, [EXCHANGE], 5]
    assert read(b"[\n]") == []


@pytest.mark.parametrize("indent", [1, 4])
def test_texts_one_behind_another_are_all_read(read: Read, indent: int) -> None:
    pretty = json.dumps(EXCHANGE, indent=indent) + "\n"
    found = read((pretty * 2 + json.dumps([EXCHANGE, {"bare": 1}], indent=indent) + pretty).encode())
    assert [one.place.entry for one in found] == [1, 2, 3, 4, 5]
    assert found[1].place.line == pretty.count("\n") + 1
    assert [one.request.method for one in found] == ["POST", "POST", "POST", None, "POST"]


def test_what_is_no_json_behind_a_text_is_refused_by_its_place(read: Read) -> None:
    found = read(json.dumps(EXCHANGE, indent=1).encode() + b"\n}\n")
    assert [type(one) for one in found] == [Exchange, Unreadable]
    assert found[1].reason.startswith("the file stops being JSON on line ")
    assert found[1].reason.endswith(" after entry 1")


def test_a_pretty_exchange_keeps_the_bytes_of_its_body(read: Read) -> None:
    (found,) = read(json.dumps(EXCHANGE, indent=2).encode())
    assert found.request.method == "POST"
    assert found.response.body == b'{\n      "a": 1\n    }'


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_exchanges_is_an_entry_an_element(read: Read, indent: Any) -> None:
    data = json.dumps([EXCHANGE, EXCHANGE, {"bare": 1}], indent=indent).encode()
    found = read(data)
    assert [one.place.entry for one in found] == [1, 2, 3]
    assert [json.loads(one.response.body) for one in found] == [{"a": 1}, {"a": 1}, {"bare": 1}]


def test_an_array_that_breaks_off_gives_what_came_before(read: Read) -> None:
    found = read(json.dumps([EXCHANGE, EXCHANGE], indent=1).encode()[:-20])
    assert [type(one) for one in found] == [Exchange, Unreadable]
    assert found[1].reason == "the file breaks off after entry 1"


def test_a_broken_file_is_unreadable_with_its_place(read: Read) -> None:
    (found,) = read(b'{\n "a": 1,\n "b" 2\n}')
    assert found.reason == "the entry stops being JSON at line 3, column 6"


@each("data", [b'{\n "a": ', b"\xef\xbb\xbf [1", b'{"a"}'])
def test_a_broken_file_is_handed_on_as_a_body_when_it_is_said_to_be_one(read: Read, data: Any) -> None:
    (found,) = read(data, Format.BODY)
    assert found.response.body == data
    assert found.is_asserted


def test_a_file_that_is_no_json_is_unreadable_even_when_it_is_said_to_be_a_body(read: Read) -> None:
    (found,) = read(b"<html>", Format.BODY)
    assert found.reason == "the file is no JSON object or array"


@pytest.mark.parametrize("format_in", one_in(2, [Format.JSON, Format.BODY]))
def test_a_document_longer_than_may_be_kept_is_unreadable(read: Read, format_in: Format) -> None:
    (found,) = read(b'{"a":\n"' + b"x" * (64 << 20) + b'"}', format_in)
    assert found.reason == "the entry is longer than 64 MiB"
