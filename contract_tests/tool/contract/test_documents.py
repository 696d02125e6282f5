"""Reading a document of the contract: YAML 1.2, the place of everything, and errors that say where."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.documents import Position, load_document, parse_document
from opay_contract.errors import ContractError
from opay_contract.jsontext import iter_nodes, pointer

QUICK = settings(deadline=None, derandomize=True, max_examples=100)
LOCATED = re.compile(r"x\.yaml:[0-9]+:[0-9]+: .")
NAMES = st.text("ab/~%é", max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab: #", max_size=4),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(NAMES, children, max_size=3),
    max_leaves=10,
)


def value_of(text: str) -> Any:
    return parse_document(text, "x.yaml").value


@each("word", ["no", "No", "NO", "yes", "on", "off", "y", "n", "12:30", "1:30:15", "2026-11-23"])
def test_what_only_yaml_1_1_takes_for_something_else_is_text(word: str) -> None:
    assert value_of(f"{word}: {word}") == {word: word}


@each(
    "word", ["<<", "=", "1_000", "0b11", "+", "-a", ".", "0x", "0o8", "tRUE", "Null1", "2026-11-23T10:00:00Z"]
)
def test_other_words_are_text(word: str) -> None:
    assert value_of(f"a: {word}") == {"a": word}


@each(
    ("text", "value"),
    [
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("012", 12),
        ("09", 9),
        ("-012", -12),
        ("0o14", 12),
        ("0x1F", 31),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("{b: [c, {d: e}]}", {"b": ["c", {"d": "e"}]}),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = value_of(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_merge_key_is_a_key() -> None:
    assert value_of("<<: {a: 1}") == {"<<": {"a": 1}}


def test_a_key_is_text_whatever_it_looks_like() -> None:
    assert value_of("200: a\nno: b\n~: c\n1.0: d") == {"200": "a", "no": "b", "~": "c", "1.0": "d"}


def test_an_alias_stands_for_what_its_anchor_marks() -> None:
    assert value_of("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": [{"b": [1, 2]}, {"b": [1, 2]}],
    }


def test_what_an_alias_stands_for_is_found_below_both() -> None:
    positions = parse_document("a: &x\n  b: 1\nc: *x\n", "x.yaml").positions
    assert positions["/a/b"] == positions["/c/b"] == Position(2, 3)
    assert positions["/c"] == Position(3, 1)


@each(
    ("text", "place"),
    [
        ("a: 1\na: 2", "2:1"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "5:3"),
        ('{"a": 1, "b": 2,\n "a": 1}', "2:2"),
        ("a: 1\n'a': 2", "2:1"),
        ("1: a\n'1': b", "2:1"),
    ],
)
def test_a_key_that_comes_twice_is_refused_where_it_comes_again(text: str, place: str) -> None:
    with pytest.raises(ContractError, match=rf"^x\.yaml:{place}: a key comes twice$"):
        value_of(text)


@each(
    ("text", "place"),
    [
        ("", "1:1"),
        ("# nothing\n", "1:1"),
        ("a: 1\n b: 2\n", "2:3"),
        ("a: [1, 2\nb: 3\n", "2:2"),
        ("a: b\n---\nc: d\n", "2:1"),
        ("? [a]\n: b\n", "1:3"),
        ("a: *nowhere\n", "1:4"),
        ("a: !ours b\n", "1:4"),
        ("a: !!int b\n", "1:4"),
        ("a: !!python/object:os.system b\n", "1:4"),
        ("a: &x [*x]\n", "1:1"),
        ("a: \0\n", "1:1"),
        ("\ta: 1\n", "1:1"),
    ],
)
def test_an_error_says_where_it_is(text: str, place: str) -> None:
    with pytest.raises(ContractError, match=rf"^x\.yaml:{place}: ."):
        value_of(text)


@each(
    "text",
    [
        ".inf",
        "-.INF",
        ".nan",
        "!!bool maybe",
        "!!timestamp later",
        "!!int ''",
        "!!float ''",
        "!!binary é",
        "!!int _",
        "!!float _",
    ],
)
def test_a_tag_that_does_not_fit_its_text_is_an_error_with_a_place(text: str) -> None:
    with pytest.raises(ContractError, match=r"^x\.yaml:1:4: ."):
        value_of(f"a: {text}")


@pytest.mark.parametrize("text", ["!!timestamp 2026-11-23", "!!binary aGk="])
def test_no_value_is_of_a_type_that_json_lacks(text: str) -> None:
    with suppress(ContractError):
        json.dumps(value_of(f"a: {text}"))


@QUICK
@given(VALUES, st.sampled_from([None, 1, 2]))
def test_every_member_is_found_where_its_key_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    document = parse_document(text, "x.yaml")
    assert document.value == value
    places = {pointer(tokens): tokens for tokens, _ in iter_nodes(value)}
    assert document.positions.keys() == places.keys()
    for where, tokens in places.items():
        position = document.positions[where]
        rest = text.splitlines()[position.line - 1][position.column - 1 :]
        named = bool(tokens) and isinstance(tokens[-1], str)
        assert not named or rest.startswith(json.dumps(tokens[-1], ensure_ascii=False) + ":")


def test_block_and_flow_style_have_the_right_places() -> None:
    text = "# top\nopenapi: 3.1.1\npaths:\n  /a/{b}:\n    get: {x: [1, {y: 2}]}\n  'c~d':\n    - e\n"
    positions = parse_document(text, "x.yaml").positions
    assert {where: (at.line, at.column) for where, at in positions.items()} == {
        "": (2, 1),
        "/openapi": (2, 1),
        "/paths": (3, 1),
        "/paths/~1a~1{b}": (4, 3),
        "/paths/~1a~1{b}/get": (5, 5),
        "/paths/~1a~1{b}/get/x": (5, 11),
        "/paths/~1a~1{b}/get/x/0": (5, 15),
        "/paths/~1a~1{b}/get/x/1": (5, 18),
        "/paths/~1a~1{b}/get/x/1/y": (5, 19),
        "/paths/c~0d": (6, 3),
        "/paths/c~0d/0": (7, 7),
    }


@settings(QUICK, max_examples=150)
@given(st.text("{}[]:,-?&*!|>'\"%@ \n\tab01.~<=#\\\0\ufeffé", max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        value_of(text)
    except ContractError as error:
        assert LOCATED.match(str(error))  # noqa: PT017  only some texts are refused


@settings(QUICK, max_examples=100)
@given(data=st.binary(max_size=40))
def test_no_bytes_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "document.yaml"
    path.write_bytes(data)
    with suppress(ContractError):
        load_document(path, "x.yaml")


@each("opening", ["[", "{a: ", "- "])
@each("depth", [100, 3_000])
def test_deep_nesting_raises_nothing_else(opening: str, depth: int) -> None:
    with suppress(ContractError):
        value_of(opening * depth)


def test_a_file_that_is_not_there_is_an_error_of_the_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^x\.yaml: "):
        load_document(tmp_path / "none.yaml", "x.yaml")
