"""Every constraint of schemas/ has instances that keep it and instances that break it, and nothing else.

An instance under `instances/SCHEMA/invalid/` names in `breaks` every constraint that it breaks, by file and
pointer. What a condition (`not`) asks breaks nothing; there an instance must turn away at that place alone.

A schema without a folder there is tried with its own examples, and with what comes of these when one value is
another or one member is gone.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from contract_tests.oracle import build_oracle

from opay_contract.contract.addresses import OPEN, address, split_uri
from opay_contract.contract.loading import load_contract
from opay_contract.contract.openapi import is_schema_file
from opay_contract.jsontext import Tokens
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response

INSTANCES = Path(__file__).parent / "instances"
NOW = 1_790_000_000.0
"""When the instances were recorded, as far as the rules about times are concerned."""

ASSERTIONS = {
    **dict.fromkeys(("type", "enum", "const", "anyOf", "not"), (object,)),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), (str,)),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), (list,)),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), (int, float)),
    "required": (dict,),
}
"""The keywords that judge, and the types of the values that they look at."""

APPLICATORS = {"$ref": (object,), "items": (list,)}
BY_RULES = {"x-unit": (object,), "x-unique-by": (list,)}
KINDS: dict[str, type | tuple[type, ...]] = {
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
NOT_JUDGING = {"$schema", "title", "description", "examples", "x-source", "x-sensitivity"}
STRUCTURE = {"properties", "allOf"}
APPLIES_TO: dict[str, tuple[type, ...]] = ASSERTIONS | APPLICATORS | BY_RULES


@dataclass(frozen=True, slots=True, order=True)
class Constraint:
    """One thing that a schema asks: the schema's address, the keyword, and the entry of a `required`."""

    uri: str
    keyword: str
    entry: int | None = None

    @property
    def label(self) -> str:
        """Its file and pointer, as the instances name it."""
        entry = "" if self.entry is None else f"/{self.entry}"
        return f"{self.uri.removeprefix(OPEN)}/{self.keyword}{entry}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an instance breaks, through which keywords, by which types; and which schemas see which values."""

    broken: tuple[str, ...]
    passed: frozenset[str]
    refused: frozenset[tuple[str, str]]
    seen: tuple[tuple[str, Any], ...]


CONTRACT = load_contract()
SCHEMAS = CONTRACT.schemas
DOCUMENTS = {name: document.value for name, document in SCHEMAS.documents.items() if is_schema_file(name)}
VALID = sorted(INSTANCES.glob("*/valid/*.json"))
INVALID = sorted(INSTANCES.glob("*/invalid/*.json"))
WITHOUT_FOLDER = [name for name in DOCUMENTS if not (INSTANCES / Path(name).stem).is_dir()]
OTHER_VALUES: tuple[Any, ...] = (None, True, 7, -1, 0.5, "", "x", "x" * 5000, [], [7, 7], {})


def schema_nodes(name: str, tokens: Tokens = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the address and the schema of everything in a file that is judged, conditions left out."""
    node = SCHEMAS.node(address(name, *tokens))
    yield address(name, *tokens), node
    for member in node.get("properties", ()):
        yield from schema_nodes(name, (*tokens, "properties", member))
    if "items" in node:
        yield from schema_nodes(name, (*tokens, "items"))
    for keyword in ("allOf", "anyOf"):
        for index in range(len(node.get(keyword, ()))):
            yield from schema_nodes(name, (*tokens, keyword, index))


def constraints_of(uri: str, node: dict[str, Any]) -> Iterator[Constraint]:
    for keyword, value in node.items():
        if keyword == "required":
            yield from (Constraint(uri, keyword, entry) for entry in range(len(value)))
        elif keyword in APPLIES_TO:
            yield Constraint(uri, keyword)


def conditions() -> Iterator[str]:
    for name in DOCUMENTS:
        yield from (f"{uri}/not" for uri, node in schema_nodes(name) if "not" in node)


def condition_parts(uri: str) -> Iterator[Constraint]:
    name, tokens = split_uri(uri)
    for part, node in schema_nodes(name, tuple(tokens)):
        yield from constraints_of(part, node)


CONSTRAINTS = sorted(
    one for name in DOCUMENTS for uri, node in schema_nodes(name) for one in constraints_of(uri, node)
)


@cache
def addresses_by_identity() -> dict[int, str]:
    """Map each schema that another validator may report to its address."""

    def walk(value: Any, name: str, tokens: Tokens) -> Iterator[tuple[int, str]]:
        if isinstance(value, dict):
            yield id(value), address(name, *tokens)
        children: Iterable[Any] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            if isinstance(child, dict | list):
                yield from walk(child, name, (*tokens, key))

    return {key: uri for name, value in DOCUMENTS.items() for key, uri in walk(value, name, ())}


@cache
def oracle(schema: str) -> jsonschema.Draft202012Validator:
    """Return the other library's validator."""
    return build_oracle(CONTRACT, OPEN + schema)


def broken_by_oracle(schema: str, instance: Any) -> list[str]:
    found = []
    for error in oracle(schema).iter_errors(instance):
        schema_of_error: Any = error.schema
        uri, keyword = addresses_by_identity()[id(schema_of_error)], str(error.validator)
        names = schema_of_error["required"] if keyword == "required" else []
        missing = [entry for entry, name in enumerate(names) if repr(name) in error.message]
        found.append(Constraint(uri, keyword, *missing).label)
    return sorted(set(found))


def judge(uri: str, instance: Any) -> Verdict:
    validator = SCHEMAS.validator(uri)
    broken, passed, refused = [], set[str](), set[tuple[str, str]]()
    for error in validator.iter_errors(instance):
        label = str(error.absolute_keyword_location).removeprefix(OPEN)
        kind: Any = error.kind
        if kind.name == "required":
            names = SCHEMAS.node(OPEN + label)
            label = f"{label}/{names.index(kind.property)}"
        broken.append(label)
        refused.add((label, kind_of(error.instance)))
        passed |= {step for path in paths_of(error) for step in steps_of(path, uri)}
    details = validator.evaluate(instance).list()["details"]
    seen = [(one["schemaLocation"], value_at(instance, one["instanceLocation"])) for one in details]
    return Verdict(tuple(sorted(set(broken))), frozenset(passed), frozenset(refused), tuple(seen))


def paths_of(error: Any) -> Iterator[Iterable[Any]]:
    """Yield the way to an error, and to those of each schema of a union of which none fits."""
    yield error.evaluation_path
    for branch in getattr(error.kind, "context", ()):
        yield from (path for inner in branch for path in paths_of(inner))


def kind_of(value: Any) -> str:
    """Return the JSON type of a value; an integer is not told from other numbers."""
    return next(kind for kind, types in KINDS.items() if isinstance(value, types))


def steps_of(path: Iterable[Any], uri: str) -> Iterator[str]:
    """Yield the file and pointer of each keyword that an evaluation went through."""
    for step in list(path)[1:]:
        uri = f"{uri}/{step}" if "#" in uri else f"{uri}#/{step}"
        yield uri.removeprefix(OPEN)
        if step == "$ref":
            uri = reference(uri)


def reference(uri: str) -> str:
    name = split_uri(uri)[0]
    folder = name.rpartition("/")[0]
    return address(f"{folder}/{SCHEMAS.node(uri)}")


def value_at(instance: Any, location: str) -> Any:
    for step in location.split("/")[1:]:
        instance = instance[int(step)] if isinstance(instance, list) else instance[step]
    return instance


def broken_rules(schema: str, instance: Any) -> list[str]:
    """Return what a response breaks of the extensions that only our rules judge."""
    form = next((one for one in CONTRACT.operations[0].forms if one.response == OPEN + schema), None)
    if form is None:
        return []
    asked = json.dumps(dict.fromkeys(form.required, "x")).encode()
    exchange = Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(body=asked),
        response=Response(status=200, body=json.dumps(instance).encode()),
    )
    found = check_exchange(CONTRACT, exchange, CONTRACT.match(exchange), Settings(started_at=NOW))
    places = [finding.contract for finding in found if finding.contract]
    return [f"{at.file}#{at.pointer}" for at in places if at.pointer.rpartition("/")[2] in BY_RULES]


def read(path: Path) -> tuple[str, Any]:
    return f"schemas/{path.parts[-3]}.json", json.loads(path.read_text(encoding="utf-8"))


def varied(value: Any) -> Iterator[Any]:
    """Yield what becomes of a value when it, or one value in it, is another one, or one member is gone."""
    yield from OTHER_VALUES
    if isinstance(value, dict):
        for name, child in value.items():
            rest = {key: other for key, other in value.items() if key != name}
            yield rest
            yield from (rest | {name: one} for one in varied(child))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from ([*value[:index], one, *value[index + 1 :]] for one in varied(child))


def derived(schema: str) -> Iterator[Any]:
    """Yield a schema's examples, and what comes of them when they are varied."""
    for example in DOCUMENTS[schema].get("examples", ()):
        yield from (example, *varied(example))


def name_of(path: Path) -> str:
    return "/".join(path.with_suffix("").parts[-3:])


@cache
def all_verdicts() -> tuple[tuple[str, Any, Verdict, frozenset[str]], ...]:
    """Return schema, instance, verdict and what our rules find, for every instance."""
    found = []
    for path in (*VALID, *INVALID):
        schema, content = read(path)
        instance = content["instance"] if path in INVALID else content
        verdict = judge(OPEN + schema, instance)
        found.append((schema, instance, verdict, frozenset(broken_rules(schema, instance))))
    for schema in WITHOUT_FOLDER:
        found += [(schema, one, judge(OPEN + schema, one), frozenset[str]()) for one in derived(schema)]
    return tuple(found)


def wanting(constraint: Constraint, kind: str) -> str:
    """Return what to do for a constraint that no instance shows."""
    folder = f"contract_tests/schemas/instances/{Path(split_uri(constraint.uri)[0]).stem}/{kind}"
    return f"{constraint.label}: add an instance to {folder}, or an example to the schema"


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_instance_breaks_nothing(path: Path) -> None:
    schema, instance = read(path)
    assert judge(OPEN + schema, instance).broken == ()
    assert broken_by_oracle(schema, instance) == []
    assert broken_rules(schema, instance) == []


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_instance_breaks_what_it_says_and_nothing_else(path: Path) -> None:
    schema, content = read(path)
    breaks, instance = content["breaks"], content["instance"]
    assert breaks
    assert sorted([*judge(OPEN + schema, instance).broken, *broken_rules(schema, instance)]) == sorted(breaks)
    judged = [one for one in breaks if one.rpartition("/")[2] not in BY_RULES]
    assert broken_by_oracle(schema, instance) == sorted(judged)
    assert oracle(schema).is_valid(instance) is SCHEMAS.validator(OPEN + schema).is_valid(instance)


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda one: one.label)
def test_every_constraint_has_an_instance_that_breaks_it(constraint: Constraint) -> None:
    assert any(
        constraint.label in verdict.broken or constraint.label in verdict.passed | rules
        for _, _, verdict, rules in all_verdicts()
    ), wanting(constraint, "invalid")


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda one: one.label)
def test_every_constraint_has_a_valid_instance_that_it_looks_at(constraint: Constraint) -> None:
    node = SCHEMAS.node(constraint.uri)
    assert any(
        uri == constraint.uri and is_looked_at(node, constraint, value)
        for _, _, verdict, rules in all_verdicts()
        if not verdict.broken and not rules
        for uri, value in verdict.seen
    ), wanting(constraint, "valid")


TYPED = [one for one in CONSTRAINTS if one.keyword == "type"]


@pytest.mark.parametrize("constraint", TYPED, ids=lambda one: one.label)
def test_every_type_has_an_instance_of_each_other_type(constraint: Constraint) -> None:
    given = SCHEMAS.node(constraint.uri)["type"]
    allowed = {given} if isinstance(given, str) else set(given)
    refused = {
        kind for kind in KINDS if any((constraint.label, kind) in one[2].refused for one in all_verdicts())
    }
    assert refused == KINDS.keys() - allowed, wanting(constraint, "invalid")


def is_looked_at(node: Any, constraint: Constraint, value: Any) -> bool:
    if constraint.keyword == "items" and not value:
        return False
    return constraint.keyword in node and isinstance(value, APPLIES_TO[constraint.keyword])


@pytest.mark.parametrize("uri", tuple(conditions()), ids=lambda uri: uri.removeprefix(OPEN))
def test_every_condition_has_instances_that_meet_it_and_that_fail_it_in_each_part_alone(uri: str) -> None:
    asked = [
        judge(uri, value)
        for _, _, verdict, _ in all_verdicts()
        for place, value in verdict.seen
        if place == uri
    ]
    assert any(not verdict.broken for verdict in asked)
    for part in condition_parts(uri):
        alone = [one for one in asked if len(one.broken) == 1 and part.label in {*one.broken, *one.passed}]
        assert alone, part.label


def test_no_keyword_of_the_schemas_goes_without_judgement() -> None:
    known = {*APPLIES_TO, *NOT_JUDGING, *STRUCTURE}
    for name in DOCUMENTS:
        parts = [*schema_nodes(name)]
        parts += [
            found
            for uri, node in parts
            if "not" in node
            for found in schema_nodes(name, tuple(split_uri(f"{uri}/not")[1]))
        ]
        for uri, node in parts:
            assert set(node) <= known, uri


def test_every_folder_of_instances_belongs_to_a_schema_and_has_both_kinds() -> None:
    folders = {path.name for path in INSTANCES.iterdir()}
    assert folders <= {Path(name).stem for name in DOCUMENTS}
    assert {path.parts[-3] for path in VALID} == {path.parts[-3] for path in INVALID} == folders


def test_examples_of_a_schema_show_its_constraints_without_a_folder_of_instances() -> None:
    name = "schemas/customer-request.json"
    values = list(derived(name))
    verdicts = [judge(OPEN + name, value) for value in values]
    assert not verdicts[0].broken
    for value, verdict in zip(values, verdicts, strict=True):
        assert broken_by_oracle(name, value) == list(verdict.broken)
    broken = {label for one in verdicts for label in (*one.broken, *one.passed)}
    asked = {one.label for uri, node in schema_nodes(name) for one in constraints_of(uri, node)}
    assert asked
    assert asked <= broken
    assert {kind for one in verdicts for label, kind in one.refused if label == f"{name}#/type"} == (
        KINDS.keys() - {"object"}
    )


def test_every_constraint_that_an_instance_names_stands_in_a_schema() -> None:
    labels = {constraint.label for constraint in CONSTRAINTS}
    for path in INVALID:
        assert set(read(path)[1]["breaks"]) <= labels, name_of(path)
