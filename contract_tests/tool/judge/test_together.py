"""What is read and asked of many bodies at once is what is read and asked of each."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.contract import Contract
from opay_contract.jsontext import MAX_DEPTH, NotJson, Parsed, Tokens, parse_json
from opay_contract.judge import subject
from opay_contract.judge.body_plan import BodyPlan, BodyPlans
from opay_contract.judge.card_numbers import has_card_number
from opay_contract.judge.columns import Table
from opay_contract.judge.reading import read_bodies
from opay_contract.judge.shapes import EACH, Shape, Shapes, is_decided_by_names, values_at
from opay_contract.judge.subject import Bodies

QUICK = settings(deadline=None, derandomize=True, max_examples=100)
DEEP = [
    b'{"a":' + b"[" * depth + b"]" * depth + b"}" for depth in (99, 100, 101, MAX_DEPTH - 1, MAX_DEPTH, 700)
]
TEXTS = [
    b"{}", b'{"a":1}', b'{"a":"x"}', b' {"a":1}', b'{"a":1} ', b'{"a":1}\r', b'{"a":\n1}', b'{"a":"\n"}',
    b'{"a":1,"a":1}', b'{"a":"1","a":"2"}', b'{"b":{"a":"x","a":"x"}}', b'{"":0,"":0}', b'{"a":"\\""}',
    b'{"a":"\\"","a":"\\""}', b'{"\\"":1}', b'{"a":"\\\\","a":"\\\\"}', b'{"a":"\\\\\\"b"}', b'{"a":"\\"}',
    b'{"a":1}{"b":2}', b"{} {}", b'{"a":{}', b'{"a":{}}}', b'{"a":[{}', b'{"b":1}]}',
    b"}{", b"{", b"}", b"{]}",
    b"[1]", b"1", b'"x"', b"null", b"[1", b",2]", b"1 2", b" ", b"\xef\xbb\xbf{}", b'{"a":"\xff"}',
    b'{"a":NaN}', b'{"a":1e400}', b'{"a":-0}', b'{"a":01}', b'{"a":9007199254740991}',
    b'{"a":9007199254740992}',
    b'{"a":"9007199254740992"}', b'{"a":"4111 1111-1111 1111"}', b'{"a":411111111111}',
    b'{"a":4111111111111}',
    '{"a":"é"}'.encode(), '{"é":"\uff14"}'.encode(), b'{"a":"\\ud800"}', b'{"a":"\\u0034"}', b'{"a":"\x7f"}',
    *DEEP,
]  # fmt: skip
PLAIN = (
    st.sampled_from(["", "a", "ab", "abc", "1", "12", "x" * 9])
    | st.integers(-3, 3)
    | st.none()
    | st.booleans()
)
FRACTIONS = st.sampled_from([1.5, 2.0, -0.0])
ITEMS = st.dictionaries(st.sampled_from("ab"), PLAIN | FRACTIONS, max_size=2)
BODIES = st.dictionaries(
    st.sampled_from("abcd"), PLAIN | FRACTIONS | ITEMS | st.lists(ITEMS, max_size=3), max_size=4
)


@settings(QUICK)
@given(st.lists(st.sampled_from(TEXTS) | BODIES.map(lambda body: json.dumps(body).encode()), max_size=8))
@example([b'{"a":"\\"","a":"\\""}'])
@example([b'{"a":\n1}', b'{"a":"4111 1111-1111 1111"}'])  # a line more than there are texts
def test_bodies_that_are_read_together_read_as_each_does(texts: list[bytes]) -> None:
    shapes = Shapes()
    for text, (found, kind) in zip(texts, read_bodies(texts, shapes), strict=True):
        expected = parse_json(text)
        assert type(found) is type(expected)
        if isinstance(expected, NotJson):
            assert (found, kind) == (expected, (None,))
            continue
        assert isinstance(found, Parsed)
        assert repr(found.value) == repr(expected.value)
        assert (found.flaws, found.shadowed) == (expected.flaws, expected.shadowed)
        shape = shapes.of(expected.value)
        assert kind == ((shape,) if expected.flaws else shape)
        assert expected.may_show_number or not found.may_show_number
        assert found.may_show_number or not has_card_number(text.decode())


LEAF = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "null", ["string", "integer"]]),
        "minLength": st.integers(0, 2),
        "maximum": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "[0-9]$"]),
        "enum": st.lists(st.sampled_from(["a", "12", 1, 2.0, None]), min_size=1, max_size=3),
        "not": st.sampled_from([{"const": "ab"}, {"type": "boolean"}, {"required": ["a"]}]),
        "allOf": st.lists(st.sampled_from([{"maxLength": 2}, {"type": "string"}]), min_size=1, max_size=1),
    },
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(st.sampled_from("abcd"), inner, min_size=2, max_size=4)},
        optional={
            "type": st.just("object"),
            "required": st.lists(st.sampled_from("abcd"), max_size=1),
            "additionalProperties": st.booleans() | LEAF,
            "patternProperties": st.dictionaries(st.just("^[cd]"), LEAF, min_size=1, max_size=1),
            "minProperties": st.integers(0, 2),
            "dependentSchemas": st.dictionaries(
                st.sampled_from("ab"), st.builds(dict, properties=st.just({"c": {"maxLength": 1}}))
            ),
            "if": st.just({"required": ["a"]}),
            "then": st.just({"properties": {"b": {"minLength": 1}}}),
            "enum": st.just([{"a": 1}, {"a": "a"}]),
        },
    )


SCHEMAS = objects(
    LEAF | objects(LEAF) | st.builds(dict, items=objects(LEAF), minItems=st.integers(0, 2)) | st.booleans()
)


def test_columns_are_asked_what_decides_whether_bodies_fit(build: Callable[..., Contract]) -> None:
    """Where bodies fit by their shape alone, or by columns of values, the schema library says so of each."""
    asked: set[Tokens] = set()

    @settings(QUICK, max_examples=25)
    @given(SCHEMAS, st.lists(BODIES, min_size=1, max_size=6).map(lambda few: few * 2))
    @example({"properties": {"a": {"type": "integer"}}}, [{"a": 2.0}, {"a": 1.5}])  # a fraction is no integer
    @example({"properties": {"a": {}}, "enum": [{"a": 1}]}, [{"a": 1}, {"a": 2}])  # objects that are listed
    def holds(schema: dict[str, Any], bodies: list[Any]) -> None:
        contract = build({"query": {}, "answer": schema}, "query", "answer")
        plans, shapes = BodyPlans(contract), Shapes()
        by_shape: dict[Shape, list[Any]] = {}
        for body in bodies:
            by_shape.setdefault(shapes.of(body), []).append(body)
        for shape, alike in by_shape.items():
            plan, is_kept = plans.plan(f"{OPEN}schemas/answer.json", alike[0], shape)
            fits = [plan.validator.is_valid(body) for body in alike]
            if not is_kept:
                continue
            if plan.fit is None:
                assert plan.undocumented or not any(fits)
                continue
            table = Table(shape)
            for body, fit in zip(alike, fits, strict=True):
                table.fill([body])
                assert all(one.is_valid(table.at(path)) for path, one in plan.fit) == fit
            asked.update(path for path, _ in plan.fit)

    holds()
    assert () in asked
    assert len(asked) > 3


OF_NAMES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["object", "string", ["integer", "object"]]),
        "required": st.lists(st.sampled_from("abcd"), max_size=2, unique=True),
        "propertyNames": st.just({"enum": ["a", "b"]}),
        "properties": st.dictionaries(st.sampled_from("abcd"), st.booleans() | LEAF, max_size=2),
        "minLength": st.just(2),
        "not": st.sampled_from([{"required": ["a"]}, {"minProperties": 2}, {"const": "ab"}]),
    },
)


def test_what_names_decide_is_the_same_for_all_values_that_have_them(build: Callable[..., Contract]) -> None:
    """Evidence about items of several shapes is asked once for all that are equal in type or names."""
    decided, schemas = list[bool](), build({"query": {}}, "query").schemas

    @settings(QUICK, max_examples=60)
    @given(OF_NAMES, st.lists(st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=2) | PLAIN, max_size=9))
    @example({"properties": {"a": {"type": "string"}}}, [{"a": "a"}, {"a": 1}])
    @example({"not": {"const": "ab"}}, ["a", "ab"])
    def holds(schema: dict[str, Any], values: list[Any]) -> None:
        decided.append(is_decided_by_names(schema))
        validator = schemas.compile(schema)
        said: dict[Any, set[bool]] = {}
        for value in values if decided[-1] else ():
            key = tuple(value) if isinstance(value, dict) else type(value)
            said.setdefault(key, set()).add(validator.is_valid(value))
        assert all(len(verdicts) == 1 for verdicts in said.values())

    holds()
    assert True in decided
    assert False in decided


def test_objects_have_the_shape_of_their_types_whatever_those_before_had() -> None:
    bodies = [{"a": 1}, {"a": "x"}, {"b": 2, "a": None}, {"a": "y"}, {"a": 3, "b": 4}, {"a": 5}]
    shapes = Shapes()
    for _ in range(2):
        alone = [shapes.of(body) for body in bodies]
        assert shapes.measure(bodies)[0] == alone
        assert [shape.members["a"].kind for shape in alone] == [int, str, type(None), str, int, int]
        assert [shapes.measure([body] * 2)[1] for body in bodies] == [4, 8, 8, 8, 8, 4]


def test_a_column_has_the_values_of_each_body_in_order_and_spreads_what_is_said_of_them() -> None:
    """Also below lists of several lengths, and where a member is in some of their items alone."""
    bodies = [
        {"b": {"c": 1}, "l": [{"a": 2, "m": [3, 4]}, {"a": 5}, 6]},
        {"l": [7, {"a": 8}, {"a": 9}, {"m": [10], "a": 11}], "b": {"c": 12}},
    ]
    shapes = Shapes()
    (shape,) = {shapes.of(body) for body in bodies}
    table = Table(shape)
    table.fill(bodies)
    days: dict[Tokens, list[Any]] = {(): ["Monday", "Tuesday"]}
    for column in table.columns:
        dated = [
            (day, found)
            for day, body in zip(days[()], bodies, strict=True)
            for found in values_at(body, column.path)
        ]
        if column.above is not None:
            days[column.path] = column.spread(days[column.above.path])
        assert list(zip(days[column.path], column.values, strict=True)) == dated
    assert table.at(("l", EACH, "m", EACH)) == [3, 4, 10]
    assert table.at(("l", EACH, "a")) == [2, 5, 8, 9, 11]


def test_bodies_lie_in_one_table_up_to_a_number_of_shapes_and_where_the_same_is_looked_for(
    build: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_SHAPES", 2)
    shapes, schema = Shapes(), {"properties": {"a": {"maxLength": 2}, "b": {}}}
    schemas = {"query": {}, "answer": schema, "other": {"properties": {"a": {"maxLength": 1}, "b": {}}}}
    plans = BodyPlans(build(schemas, "query", "answer"))

    def read(body: Any, name: str = "answer") -> tuple[Table, BodyPlan]:
        shape = shapes.of(body)
        return Table(shape), plans.plan(f"{OPEN}schemas/{name}.json", body, shape)[0]

    table, plan = read({"a": "x", "b": []})
    of_no_frame: Any = None
    bodies = Bodies(
        (), of_no_frame, plan, is_known=True, table=table, has_float=False, has_others=False, is_request=False
    )
    assert not bodies.join(*read({"a": "x", "b": []}, "other"))
    assert bodies.join(*read({"a": "y", "b": [1]}))
    assert not bodies.join(*read({"a": "y", "b": ["z"]}))
    assert bodies.join(*read({"a": "y", "b": [2]}))
    assert {path for path, _ in bodies.plan.fit or ()} == {("a",)} if bodies.plan else False
    assert bodies.table.at(("b", EACH)) == []
