"""Edits of texts: they say what the edited value says, and leave every other line as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.documents import parse_document
from opay_contract.jsontext import Tokens, iter_nodes, value_at
from opay_contract.suggest.editing import (
    Add,
    Append,
    Edit,
    LayoutError,
    Notation,
    Put,
    Remove,
    Rename,
    edit_text,
    edit_value,
)
from opay_contract.suggest.suggestion import read_draft

REPOSITORY = Path(__file__).parents[3]
FILES = ["openapi.yaml", *sorted(f"schemas/{file.name}" for file in (REPOSITORY / "schemas").iterdir())]
TEXTS = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in FILES}
DOCUMENTS = {name: parse_document(text, name) for name, text in TEXTS.items()}

NAMES = st.from_regex("[a-z]{1,5}", fullmatch=True)
ODD_TEXTS = st.sampled_from(["null", "yes", "00", "a: b", "it's", "#x", "- a", "01:30", "1e5", "~", "*a"])
TEXTS_OF_ANY_KIND = st.text(max_size=9).filter(str.isprintable) | ODD_TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | TEXTS_OF_ANY_KIND,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


def edits_at(name: str, tokens: Tokens, value: Any, new: Any) -> list[Edit]:
    """Return every edit that a place can take."""
    found: list[Edit] = []
    if isinstance(value, dict):
        found.append(Add(file=name, at=tokens, name="x-new", value=new))
        found += (
            [Add(file=name, at=tokens, name="x-new", value=new, after=next(iter(value)))] if value else []
        )
    if isinstance(value, list):
        found.append(Append(file=name, at=tokens, value=new))
    if tokens:
        found.append(Remove(file=name, at=tokens))
    if tokens and not isinstance(value, dict | list):
        found.append(Put(file=name, at=tokens, value=new))
        if isinstance(tokens[-1], str):
            found.append(Rename(file=name, at=tokens, name="x-new", value=new))
    return found


def check(edit: Edit, text: str, value: Any) -> bool:
    """Hold an edited text against the edited value; False where the text cannot be edited."""
    try:
        edited = edit_text(text, edit)
    except LayoutError:
        return False
    assert parse_document(edited, edit.file).value == edit_value(value, edit)
    if not isinstance(edit, Remove):
        gone = lines_gone(text.splitlines(), edited.splitlines())
        assert gone <= 1 + str(value_at(value, edit.at)).count("\n")
    if isinstance(edit, Add | Append):
        assert [line for line in text.splitlines() if line.lstrip().startswith("#")] == [
            line for line in edited.splitlines() if line.lstrip().startswith("#")
        ]
    return True


def lines_gone(before: list[str], after: list[str]) -> int:
    """Return how many lines are between the first and the last that is not as it was."""
    begins, ends = map(alike, (before, before[::-1]), (after, after[::-1]))
    return len(before) - min(len(before), begins + ends)


def alike(before: list[str], after: list[str]) -> int:
    """Return how many lines are the same from the first on."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((at for at, (old, new) in pairs if old != new), min(len(before), len(after)))


@settings(max_examples=40)
@given(data=st.data(), name=st.sampled_from(FILES), new=VALUES)
def test_an_edit_anywhere_says_what_it_should_and_touches_one_line(data: Any, name: str, new: Any) -> None:
    text, document = TEXTS[name], DOCUMENTS[name]
    places = [tokens for tokens, _ in iter_nodes(document.value)]
    tokens = data.draw(st.sampled_from(places))
    for edit in edits_at(name, tokens, value_at(document.value, tokens), new):
        is_editable = check(edit, text, document.value)
        assert is_editable or name.endswith(".yaml")


@pytest.mark.thorough
@pytest.mark.parametrize("name", FILES)
def test_an_edit_at_every_third_place_says_what_it_should_or_is_refused(name: str) -> None:
    """At each of them one of the edits that can be made there, in turn."""
    text, value = TEXTS[name], DOCUMENTS[name].value
    edits = []
    for number, (tokens, inner) in enumerate(list(iter_nodes(value))[::3]):
        possible = list(edits_at(name, tokens, inner, {"k": ["x: y", 1]}))
        edits += possible and [possible[number % len(possible)]]
    written = [edit for edit in edits if check(edit, text, value)]
    assert len(written) > 0.8 * len(edits)


ODD = """\
# head
plain: {a: 1, b: [x, 'y']} # beside
empty: {}
none:
list: # of two
  - one
  - two # last

# before text
text: |
  # not a comment
  body

same: &anchor
  - {k: v}
again: *anchor
flow: {a: 1, b: *anchor} # both
long: [
  1,
  2, # two
]
deep:
- - 1
- name: é𝒳
  other: "q"
last: no"""


@each(
    ("edit", "expected"),
    [
        (Add(file="o.yaml", at=(), name="x", value="y"), "last: no\nx: 'y'"),
        (Add(file="o.yaml", at=("plain",), name="c", value=True), "{a: 1, b: [x, 'y'], c: true} # beside"),
        (Append(file="o.yaml", at=("plain", "b"), value="00"), "b: [x, 'y', '00']} # beside"),
        (Add(file="o.yaml", at=("empty",), name="c", value=[]), "empty: {c: []}\n"),
        (Append(file="o.yaml", at=("list",), value="no"), "  - two # last\n  - 'no'\n\n# before text"),
        (Add(file="o.yaml", at=(), name="x", value={"k": {"m": 1}}, after="text"), "\nx:\n  k:\n    m: 1"),
        (Put(file="o.yaml", at=("deep", 1, "name"), value="z"), "- name: z\n  other"),
        (Rename(file="o.yaml", at=("plain", "a"), name="b c", value="z"), "plain: {b c: z, b: [x"),
        (Rename(file="o.yaml", at=("deep", 1, "other"), name="another", value=[1]), "  another: [1]\nlast"),
        (Add(file="o.yaml", at=("flow",), name="c", value=2), "flow: {a: 1, b: *anchor, c: 2} # both"),
        (Add(file="o.yaml", at=(), name="x", value=2, after="again"), "again: *anchor\nx: 2\nflow"),
        (Remove(file="o.yaml", at=("list", 0)), "list: # of two\n  - two # last"),
        (Remove(file="o.yaml", at=("plain", "a")), "plain: {b: [x, 'y']} # beside"),
        (Add(file="o.yaml", at=("deep", 1), name="third", value="t"), '  other: "q"\n  third: t\nlast'),
    ],
)  # fmt: skip
def test_every_style_keeps_its_comments(edit: Edit, expected: str) -> None:
    for newline in ("\n", "\r\n"):
        text = ODD.replace("\n", newline)
        edited = edit_text(text, edit)
        assert expected.replace("\n", newline) in edited
        assert parse_document(edited, "o.yaml").value == edit_value(
            parse_document(text, "o.yaml").value, edit
        )
        assert edited.count("#") == text.count("#")


@each(
    "edit",
    [
        Append(file="o.yaml", at=("again",), value=1),
        Remove(file="o.yaml", at=("again",)),
        Append(file="o.yaml", at=("long",), value=3),
        Put(file="o.yaml", at=("list",), value=1),
        Put(file="o.yaml", at=("none",), value=1),
        Append(file="o.yaml", at=("same",), value=1),
        Put(file="o.yaml", at=("same", 0, "k"), value=1),
        Remove(file="o.yaml", at=("same",)),
        Remove(file="o.yaml", at=()),
        Remove(file="o.yaml", at=("deep", 1, "name")),
        Add(file="o.yaml", at=("nowhere",), name="x", value=1),
        Add(file="o.yaml", at=("list",), name="x", value=1),
        Append(file="o.yaml", at=("plain",), value=1),
        Rename(file="o.yaml", at=("list", 0), name="x", value=1),
    ],
)
def test_what_the_layout_does_not_allow_is_refused(edit: Edit) -> None:
    with pytest.raises(LayoutError):
        edit_text(ODD, edit)


def test_a_text_with_a_byte_order_mark_is_refused() -> None:
    with pytest.raises(LayoutError):
        edit_text(f"\ufeff{ODD}", Put(file="o.yaml", at=("last",), value=1))


def test_json_keeps_its_indentation_and_its_braces() -> None:
    text = '{\n    "a": { "b": 1 },\n    "c": [\n        1\n    ]\n}'
    value = {"x": 1, "y": ["z"]}
    assert edit_text(text, Add(file="a.json", at=(), name="d", value=value)) == (
        '{\n    "a": { "b": 1 },\n    "c": [\n        1\n    ],\n'
        '    "d": {\n        "x": 1,\n        "y": ["z"]\n    }\n}'
    )
    assert '"a": { "b": 1, "d": { "x": 1, "y": ["z"] } }' in edit_text(
        text, Add(file="a.json", at=("a",), name="d", value=value)
    )
    assert '        1,\n        "é"\n    ]' in edit_text(text, Append(file="a.json", at=("c",), value="é"))


@given(value=VALUES)
def test_a_value_in_either_notation_reads_as_itself(value: Any) -> None:
    for is_json in (False, True):
        written = Notation(is_json=is_json).inline([value])
        assert parse_document(written, "v").value == [value]
        assert parse_document(Notation(is_json=is_json).braced([value], ""), "v").value == [value]
    assert parse_document(Notation(is_json=False).block({"k": value}, ""), "v").value == {"k": value}


def test_a_text_that_does_not_say_what_it_should_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = read_draft(REPOSITORY)
    edit = Append(file="schemas/card-token.json", at=("required",), value="expiryYear")
    edited = draft.edited([edit])
    assert edited is not None
    said = json.loads(edited.texts[edit.file])
    reordered = json.dumps(dict(reversed(said.items())))  # an equal value, with its members in another order
    monkeypatch.setattr("opay_contract.suggest.suggestion.edit_text", lambda *_: reordered)
    assert draft.edited([edit]) is None
    for wrong in ('"expiryMonth"', '"expiryYear", "expiryYear"', ""):
        text = draft.texts[edit.file].replace('"firstSixDigits"]', f'"firstSixDigits", {wrong}]')
        monkeypatch.setattr("opay_contract.suggest.suggestion.edit_text", lambda *_, text=text: text)
        assert draft.edited([edit]) is None


def test_edits_that_leave_no_contract_are_refused() -> None:
    edit = Remove(file="openapi.yaml", at=("openapi",))
    assert read_draft(REPOSITORY).edited([edit]) is None
