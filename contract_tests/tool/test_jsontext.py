"""Reading JSON text: any bytes, every flaw and its place, and where a text breaks off."""

import json
import re
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract import jsontext
from opay_contract.contract.addresses import tokens_of
from opay_contract.jsontext import (
    SAFE_INTEGER,
    Flaw,
    FlawKind,
    NotJson,
    Parsed,
    Tokens,
    iter_nodes,
    parse_json,
    pointer,
)

QUICK = settings(deadline=None, derandomize=True, max_examples=100)
SENTINEL = "planted here"

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
SAFE_INTEGERS = st.integers(-SAFE_INTEGER, SAFE_INTEGER)
PLAIN = st.none() | st.booleans() | SAFE_INTEGERS | TEXTS
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
        max_leaves=12,
    )


VALUES = nested(PLAIN | FLOATS)
OBJECTS = st.dictionaries(TEXTS, nested(PLAIN), max_size=4)
LAYOUTS = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 1, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " :\r\n")]),
    }
)

PLANTED_VALUES = [
    ("NaN", FlawKind.NON_FINITE_NUMBER, ()),
    ("Infinity", FlawKind.NON_FINITE_NUMBER, ()),
    ("-Infinity", FlawKind.NON_FINITE_NUMBER, ()),
    ("9007199254740992", FlawKind.UNSAFE_NUMBER, ()),
    ("-9007199254740992", FlawKind.UNSAFE_NUMBER, ()),
    ("1e999", FlawKind.UNSAFE_NUMBER, ()),
    ("-1E+999", FlawKind.UNSAFE_NUMBER, ()),
    ("7" * 3999, FlawKind.UNSAFE_NUMBER, ()),
    ("7" * 9000, FlawKind.UNSAFE_NUMBER, ()),
    (r'"\ud800"', FlawKind.LONE_SURROGATE, ()),
    (r'"a\uDFFFb"', FlawKind.LONE_SURROGATE, ()),
    (r'"\ude00\ud83d"', FlawKind.LONE_SURROGATE, ()),
    (r'{"\udc00": 1}', FlawKind.LONE_SURROGATE, ("\udc00",)),
    ('{"k": 1, "k": 2}', FlawKind.DUPLICATE_KEY, ("k",)),
    ('{"k": [], "l": 0, "k": {"k": 1}}', FlawKind.DUPLICATE_KEY, ("k",)),
    ('{"": 1, "": 1, "": 1}', FlawKind.DUPLICATE_KEY, ("",)),
    (r'{"k": 1, "\u006b": 2}', FlawKind.DUPLICATE_KEY, ("k",)),
]


def replaced(root: Any, tokens: Tokens, new: Any) -> Any:
    if not tokens:
        return new
    first, rest = tokens[0], tokens[1:]
    if isinstance(root, dict):
        return {key: replaced(child, rest, new) if key == first else child for key, child in root.items()}
    return [replaced(child, rest, new) if index == first else child for index, child in enumerate(root)]


@st.composite
def planted(draw: st.DrawFn) -> tuple[bytes, Flaw]:
    value = draw(VALUES)
    place = draw(st.sampled_from([tokens for tokens, _ in iter_nodes(value)]))
    text, kind, below = draw(st.sampled_from(PLANTED_VALUES))
    whole = json.dumps(replaced(value, place, SENTINEL), ensure_ascii=False)
    return whole.replace(json.dumps(SENTINEL), text).encode(), Flaw(kind=kind, tokens=(*place, *below))


MEMBER_NAMES = st.sampled_from(["", "k", "l", r"\u006b", "\\\\", r"\"", r"\ud83d\ude00", "é", r"\udc00"])
TOKENS = st.sampled_from(
    [
        *("0", "-0", "-0.0", "1.5", "1.50", "1e2", "1E+2", "4e-7", "1e400", "-1e400", "NaN", "-Infinity"),
        *("9007199254740991", "9007199254740992", "-9007199254740992", "9007199254740993.0", "1" * 40),
        *(
            "true",
            "null",
            "[]",
            "{}",
            '""',
            r'"\ud800"',
            r'"\ud83d\ude00"',
            r'"\\"',
            r'"\""',
            r'"\\\""',
            r'"\/"',
        ),
        *('"4111111111111111"', r'"\u0034"', '"é"', '"{\'[,"', '"\x7f"'),
    ]
)
SPACES = st.sampled_from(["", "", "", " ", "\r\n", "\t "])


@st.composite
def texts_of_json(draw: st.DrawFn, depth: int = 0) -> str:
    """Draw JSON text as it may come: names again, escapes of every kind, numbers at the edge, white space."""
    kind = draw(st.sampled_from(["token", "object", "object", "array"])) if depth < 4 else "token"
    if kind == "token":
        return draw(TOKENS)
    children = [draw(texts_of_json(depth + 1)) for _ in range(draw(st.integers(0, 3)))]
    space = draw(SPACES)
    if kind == "array":
        return f"[{space}{f'{space},'.join(children)}{space}]"
    members = [f'"{draw(MEMBER_NAMES)}"{space}:{space}{child}' for child in children]
    return f"{{{space}{f',{space}'.join(members)}{space}}}"


@settings(QUICK, max_examples=100)
@given(
    texts_of_json(), st.sampled_from(["", "", "", "\ufeff", " "]), st.sampled_from(["", "", " ", "}", "x"])
)
def test_the_quick_reader_is_taken_only_where_the_strict_one_finds_nothing(
    text: str, before: str, after: str
) -> None:
    """What a decoder in C reads, and a proof finds plain, is what the reader that names flaws says."""
    data = f"{before}{text}{after}".encode()
    quick, strict = parse_json(data), jsontext._parse_odd(data)  # noqa: SLF001  the reader of last resort
    if isinstance(strict, Parsed) and isinstance(quick, Parsed):
        assert repr(quick.value) == repr(strict.value)  # tells 1 from 1.0, and -0.0 from 0.0
        assert (quick.flaws, quick.shadowed) == (strict.flaws, strict.shadowed)
        digits = re.sub(r"[ \t._/-]", "", json.dumps(strict.value, ensure_ascii=False))
        assert quick.may_show_number or re.search(r"\d{13}", digits) is None
    else:
        assert quick == strict


@QUICK
@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert isinstance(parse_json(data), Parsed | NotJson)


@QUICK
@given(
    st.lists(
        st.sampled_from(['"', "\\", "u", "d8", "00", "{", "}", "[", "]", ":", ",", "-", "1", "e", ".", "N"])
    )
)
def test_no_text_made_of_pieces_of_json_makes_it_raise(pieces: list[str]) -> None:
    assert isinstance(parse_json("".join(pieces).encode()), Parsed | NotJson)


@QUICK
@given(VALUES, LAYOUTS)
def test_it_agrees_with_the_standard_library_where_nothing_is_odd(value: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout)
    parsed = parse_json(text.encode())
    assert isinstance(parsed, Parsed)
    assert repr(parsed.value) == repr(json.loads(text))
    assert (parsed.flaws, parsed.shadowed) == ((), ())


@QUICK
@given(planted())
def test_a_flaw_is_found_where_it_was_planted(case: tuple[bytes, Flaw]) -> None:
    data, flaw = case
    parsed = parse_json(data)
    assert isinstance(parsed, Parsed)
    assert parsed.flaws == (flaw,)


@QUICK
@given(planted())
def test_no_flaw_is_left_in_the_value(case: tuple[bytes, Flaw]) -> None:
    parsed = parse_json(case[0])
    assert isinstance(parsed, Parsed)
    json.dumps(parsed.value, allow_nan=False, ensure_ascii=False).encode()
    assert {type(value) for _, value in iter_nodes(parsed.value)} <= {
        dict,
        list,
        str,
        int,
        float,
        bool,
        type(None),
    }


def test_flaws_come_in_document_order_and_those_of_members_that_do_not_hold_last() -> None:
    parsed = parse_json(rb'{"a": [NaN, "\ud800"], "b": 1e999, "a": [Infinity, 9007199254740992]}')
    assert isinstance(parsed, Parsed)
    assert [(flaw.kind, flaw.tokens) for flaw in parsed.flaws] == [
        (FlawKind.DUPLICATE_KEY, ("a",)),
        (FlawKind.NON_FINITE_NUMBER, ("a", 0)),
        (FlawKind.UNSAFE_NUMBER, ("a", 1)),
        (FlawKind.UNSAFE_NUMBER, ("b",)),
        (FlawKind.NON_FINITE_NUMBER, ("a", 0)),
        (FlawKind.LONE_SURROGATE, ("a", 1)),
    ]


@each("text", [b"9007199254740991", b"-9007199254740991", b"9007199254740993.0", b"1e300"])
def test_a_number_that_every_reader_keeps_is_no_flaw(text: bytes) -> None:
    parsed = parse_json(text)
    assert isinstance(parsed, Parsed)
    assert (parsed.value, parsed.flaws) == (json.loads(text), ())


@QUICK
@given(st.integers(SAFE_INTEGER + 1) | st.integers(10**300, 10**3998))
def test_a_large_integer_is_kept_exactly(number: int) -> None:
    parsed = parse_json(str(number).encode())
    assert isinstance(parsed, Parsed)
    assert parsed.value == number
    assert type(parsed.value) is int


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b'\xef\xbb\xbf{"a": 1}', FlawKind.BYTE_ORDER_MARK), (b'{"a": "\xff"}', FlawKind.INVALID_UTF8)],
)
def test_what_is_odd_about_the_text_as_a_whole_has_no_place(data: bytes, kind: FlawKind) -> None:
    parsed = parse_json(data)
    assert isinstance(parsed, Parsed)
    assert parsed.flaws == (Flaw(kind=kind),)


@each("data", [b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}', b'{"\xf8": 1}'])
def test_overlong_and_surrogate_bytes_are_no_utf8(data: bytes) -> None:
    parsed = parse_json(data)
    assert isinstance(parsed, Parsed)
    assert parsed.flaws == (Flaw(kind=FlawKind.INVALID_UTF8),)


@settings(QUICK, max_examples=40)
@given(OBJECTS, LAYOUTS)
def test_every_beginning_of_an_object_is_one_that_breaks_off(
    value: dict[str, Any], layout: dict[str, Any]
) -> None:
    data = json.dumps(value, **layout).encode()
    for length in range(1, len(data)):
        found = parse_json(data[:length])
        assert isinstance(found, NotJson)
        assert found.truncated, data[:length]


@each("number", ["-", "-0", "1.", "1e", "1E", "1e+", "-1.5e-", "0."])
def test_a_number_that_is_cut_breaks_off(number: str) -> None:
    found = parse_json(b'{"a": ' + number.encode())
    assert isinstance(found, NotJson)
    assert found.truncated


@each("data", [b'{"a": 1}}', b'{"a": tru}', b"{'a': 1}", b'{"a" 1', b"<html>", b'{"a": 1.x', b"[1,]"])
def test_what_is_wrong_before_its_end_does_not_merely_break_off(data: bytes) -> None:
    found = parse_json(data)
    assert isinstance(found, NotJson)
    assert not found.truncated


def test_the_place_of_a_fault_counts_lines_and_columns_from_one() -> None:
    assert parse_json(b'{\n  "a": 1,\n  "b": x}') == NotJson(line=3, column=8)


@each("opening", ["[", '{"a":', '[{"a":'])
@each("depth", [10, 300, 900, 5_000, 200_000])
def test_any_depth_is_read_or_refused(opening: str, depth: int) -> None:
    closing = "".join({"[": "]", "{": "}"}.get(char, "") for char in reversed(opening))
    found = parse_json((opening * depth + "1" + closing * depth).encode())
    assert isinstance(found, Parsed) or found.too_deep


def test_a_flaw_in_the_depth_is_found() -> None:
    depth = 150
    parsed = parse_json(b"[" * depth + b"NaN" + b"]" * depth)
    assert isinstance(parsed, Parsed)
    assert parsed.flaws == (Flaw(kind=FlawKind.NON_FINITE_NUMBER, tokens=(0,) * depth),)


@QUICK
@given(st.lists(VALUES, min_size=2, max_size=4))
def test_of_duplicate_members_the_last_holds_and_the_others_are_shadowed(values: list[Any]) -> None:
    members = ", ".join(f'"k": {json.dumps(value)}' for value in values)
    parsed = parse_json(f'[{{"a": 0, {members}, "b": 0}}]'.encode())
    assert isinstance(parsed, Parsed)
    assert parsed.value == [{"a": 0, "k": values[-1], "b": 0}]
    assert parsed.shadowed == tuple(((0, "k"), value) for value in values[:-1])


def test_what_is_shadowed_inside_a_shadowed_member_is_kept_as_well() -> None:
    parsed = parse_json(b'{"a": {"b": "hidden", "b": 1}, "a": 2}')
    assert isinstance(parsed, Parsed)
    assert [value for _, value in parsed.shadowed] == [{"b": 1}, "hidden"]


@each(
    ("tokens", "text"),
    [
        ((), ""),
        (("",), "/"),
        (("a/b",), "/a~1b"),
        (("m~n",), "/m~0n"),
        (("~1",), "/~01"),
        (("a", 0, " "), "/a/0/ "),
    ],
)
def test_a_pointer_is_written_as_rfc_6901_has_it(tokens: Tokens, text: str) -> None:
    assert pointer(tokens) == text


@QUICK
@given(st.lists(st.text("ab/~0 1é", max_size=4), max_size=4))
def test_a_pointer_leads_back_to_its_tokens(tokens: list[str]) -> None:
    assert tokens_of(pointer(tuple(tokens))) == tuple(tokens)


def test_what_a_duplicate_hides_may_be_nested_as_deep_as_anything_else() -> None:
    def hiding(levels: int) -> Parsed | NotJson:
        return parse_json(b'{"a":' + b"[" * levels + b"]" * levels + b',"a":1}')

    deepest = hiding(jsontext.MAX_DEPTH)
    assert isinstance(deepest, Parsed)
    assert deepest.value == {"a": 1}
    assert [flaw.kind for flaw in deepest.flaws] == [FlawKind.DUPLICATE_KEY]
    assert hiding(jsontext.MAX_DEPTH + 1) == NotJson(line=1, column=1, too_deep=True)


def test_what_a_hidden_member_hides_is_kept_with_its_flaws() -> None:
    found = parse_json(b'{"a":{"b":"x","b":9007199254740992},"a":1}')
    assert isinstance(found, Parsed)
    assert found.shadowed == ((("a",), {"b": 9007199254740992}), (("a", "b"), "x"))
    assert {(flaw.kind, flaw.tokens) for flaw in found.flaws} == {
        (FlawKind.DUPLICATE_KEY, ("a",)),
        (FlawKind.DUPLICATE_KEY, ("a", "b")),
        (FlawKind.UNSAFE_NUMBER, ("a", "b")),
    }
