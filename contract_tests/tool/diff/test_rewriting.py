"""A contract that says the same in other words has no change; one thing that is another is found alone."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from contract_tests.tool.diff.conftest import version
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.diff.comparing import compare_versions
from opay_contract.diff.report import ReportedDiff, render_markdown, render_text

Schema = dict[str, Any]
Documents = dict[str, Any]

_CARD: Schema = {
    "title": "Card",
    "type": "object",
    "required": ["kind", "digits"],
    "properties": {
        "kind": {"const": "card"},
        "digits": {"type": "string", "minLength": 4, "maxLength": 4, "pattern": "^[0-9]+$"},
        "brand": {"enum": ["visa", "verve"]},
        "expires": {"type": ["string", "null"], "maxLength": 7},
        "owner": {"$ref": "#/components/schemas/Person"},
    },
}
_WALLET: Schema = {
    "title": "Wallet",
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"const": "wallet"}, "balance": {"type": "integer", "minimum": 0}},
}
_PERSON: Schema = {
    "description": "Who pays.",
    "allOf": [
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "parent": {"$ref": "#/components/schemas/Person"}},
        },
        {"required": ["name"], "properties": {"age": {"type": "number", "exclusiveMinimum": 0}}},
    ],
}
_ORDER: Schema = {
    "type": "object",
    "required": ["source", "amount"],
    "properties": {
        "source": {"oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Wallet"}]},
        "amount": {"type": "integer", "multipleOf": 5},
        "notes": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "if": {"required": ["notes"]},
    "then": {"properties": {"limits": {"maxProperties": 4}}},
}
BASE: Schema = {
    "openapi": "3.1.1",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "https://a"}, {"url": "https://b"}],
    "security": [{"key": []}, {"token": ["read", "write"]}],
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "put": {
                "operationId": "putOrder",
                "parameters": [{"name": "dry", "in": "query", "schema": {"type": "boolean"}}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                },
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                    },
                    "404": {"$ref": "#/components/responses/Missing"},
                },
            },
        }
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "responses": {
            "Missing": {"description": "d", "headers": {"X-Trace": {"schema": {"type": "string"}}}}
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "K"},
            "token": {"type": "http", "scheme": "bearer"},
        },
        "schemas": {"Card": _CARD, "Wallet": _WALLET, "Person": _PERSON, "Order": _ORDER},
    },
}
TOGETHER = (
    {"properties", "patternProperties", "additionalProperties", "unevaluatedProperties"},
    {"if", "then", "else"}, {"contains", "minContains", "maxContains"}, {"items", "prefixItems"},
    {"oneOf", "discriminator"},
)  # fmt: skip
"""Keywords that mean nothing, or something else, without each other."""


def schemas_in(value: Any, *, is_schema: bool = False) -> Iterator[Schema]:
    """Yield each schema of a document, as a mapping to be changed in place."""
    if isinstance(value, list):
        for one in value:
            yield from schemas_in(one, is_schema=is_schema)
    if not isinstance(value, dict):
        return
    if is_schema:
        yield value
    for key, child in [*value.items()]:
        if key in ("schemas", "properties") and isinstance(child, dict):
            for one in [*child.values()]:
                yield from schemas_in(one, is_schema=True)
        elif key not in ("enum", "const", "required", "type", "examples"):
            inner = is_schema or key == "schema"
            yield from schemas_in(child, is_schema=inner)


def replace(schema: Schema, by: Schema) -> None:
    schema.clear()
    schema.update(by)


def shuffle(documents: Documents, chance: random.Random) -> None:
    def shuffled(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key], str(key)) for key in chance.sample([*value], len(value))}
        if isinstance(value, list):
            items = [shuffled(one) for one in value]
            return items if name in ("prefixItems", "x-forms") else chance.sample(items, len(items))
        return value

    for name in [*documents]:
        documents[name] = shuffled(documents[name])


def inline(documents: Documents, chance: random.Random) -> None:
    """Put what some references lead to in their place."""

    def inlined(value: Any, file: str, depth: int = 0) -> Any:
        if isinstance(value, list):
            return [inlined(one, file, depth) for one in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str) and len(value) == 1 and depth < 3 and chance.random() < 0.4:
            name, _, steps = reference.partition("#")
            target: Any = documents[name or file]
            for step in steps.split("/")[1:]:
                target = target[step]
            return inlined(moved(target, name or file, file), file, depth + 1)
        return {key: inlined(child, file, depth) for key, child in value.items()}

    for name in [*documents]:
        documents[name] = inlined(copy.deepcopy(documents[name]), name)


def moved(value: Any, from_file: str, to_file: str) -> Any:
    """Return a value of one document with its references as another document has them."""
    text = json.dumps(value)
    if from_file != to_file:
        text = text.replace('"$ref": "#', f'"$ref": "{from_file}#')
    return json.loads(text)


def split(documents: Documents, chance: random.Random) -> None:
    """Move a schema into a file of its own, or to the components."""
    root = documents["openapi.yaml"]
    schema = chance.choice([one for one in schemas_in(root) if one.keys() != {"$ref"}])
    name = f"part{len(documents)}{len(root['components']['schemas'])}"
    if chance.random() < 0.5:
        documents[f"{name}.json"] = moved(copy.deepcopy(schema), "openapi.yaml", f"{name}.json")
        replace(schema, {"$ref": f"{name}.json"})
    else:
        root["components"]["schemas"][name] = copy.deepcopy(schema)
        replace(schema, {"$ref": f"#/components/schemas/{name}"})


def _wrap(schema: Schema, chance: random.Random) -> None:
    keyword = chance.choice(["allOf", "anyOf", "oneOf"])
    replace(schema, {keyword: [dict(schema)]})


def _part(schema: Schema, chance: random.Random) -> None:
    """Say some of it beside `allOf` and some within."""
    inside = {
        keyword for keyword in schema if chance.random() < 0.5 and keyword not in ("allOf", "$ref", "title")
    }
    for group in TOGETHER:
        if group & inside:
            inside |= group & schema.keys()
    if "allOf" not in schema and inside:
        replace(schema, {key: one for key, one in schema.items() if key not in inside} | {
            "allOf": [{key: schema[key] for key in inside}]
        })  # fmt: skip


def _respell(schema: Schema, _chance: random.Random) -> None:
    types = schema.get("type")
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    elif "enum" in schema and "oneOf" not in schema:
        schema["oneOf"] = [{"const": one} for one in schema.pop("enum")]
    elif isinstance(types, list) and "null" in types and "anyOf" not in schema and len(types) == 2:
        rest = {key: one for key, one in schema.items() if key != "type"}
        other = next(one for one in types if one != "null")
        replace(schema, {"anyOf": [{"type": other, **rest}, {"type": "null"}]})


def _state(schema: Schema, chance: random.Random) -> None:
    """Say what holds anyway."""
    usual = {"minLength": 0, "minItems": 0, "uniqueItems": False, "required": [], "deprecated": False,
             "additionalProperties": True, "minProperties": 0}  # fmt: skip
    keyword = chance.choice([*usual])
    if "$ref" not in schema:
        schema.setdefault(keyword, usual[keyword])


def rewrite(documents: Documents, chance: random.Random) -> None:
    """Say the same in other words, some times over."""
    for _ in range(chance.randint(1, 6)):
        step = chance.choice([shuffle, inline, split, _wrap, _part, _respell, _state, rename])
        if step in (shuffle, inline, split, rename):
            step(documents, chance)
        else:
            where = [one for value in documents.values() for one in schemas_in(value)]
            step(chance.choice(where), chance)


def rename(documents: Documents, chance: random.Random) -> None:
    """Call a security scheme otherwise, which is known by what it says."""
    root = documents["openapi.yaml"]
    schemes, name = root["components"]["securitySchemes"], f"scheme{chance.randint(0, 99)}"
    old = chance.choice([*schemes])
    if name not in schemes:
        schemes[name] = schemes.pop(old)
        root["security"] = [
            {name if key == old else key: one for key, one in way.items()} for way in root["security"]
        ]


def _with(keyword: str, was: Any, now: Any) -> Callable[[Schema], Schema | None]:
    """Return a change of a keyword where it has a value; with `now` None it is taken out."""

    def change(schema: Schema) -> Schema | None:
        if keyword not in schema or schema[keyword] != was:
            return None
        rest = {key: one for key, one in schema.items() if key != keyword}
        return rest if now is None else {**rest, keyword: now}

    return change


def _with_property(name: str, schema: Any) -> Callable[[Schema], Schema | None]:
    def change(one: Schema) -> Schema | None:
        if "brand" not in one.get("properties", {}):
            return None
        others = {key: value for key, value in one["properties"].items() if key != name}
        return {**one, "properties": others | ({} if schema is None else {name: schema})}

    return change


Mutation = tuple[str, Callable[[Schema], Schema | None]]

MUTATIONS: tuple[Mutation, ...] = (
    ("limit-tightened", _with("maxLength", 7, 3)),
    ("limit-loosened", _with("maxItems", 3, 4)),
    ("limit-loosened", _with("exclusiveMinimum", 0, None)),
    ("type-widened", _with("type", "integer", ["integer", "null"])),
    ("type-narrowed", _with("type", ["string", "null"], "string")),
    ("type-changed", _with("type", "boolean", "string")),
    ("value-added", _with("enum", ["visa", "verve"], ["visa", "verve", "other"])),
    ("value-removed", _with("enum", ["visa", "verve"], ["visa"])),
    ("constraint-changed", _with("pattern", "^[0-9]+$", "^[0-9]*$")),
    ("constraint-removed", _with("multipleOf", 5, None)),
    ("property-became-optional", _with("required", ["source", "amount"], ["source"])),
    ("property-became-required", _with("required", ["kind"], ["kind", "balance"])),
    ("property-added", _with_property("new", {"type": "string"})),
    ("property-removed", _with_property("brand", None)),
    ("words-changed", _with("description", "Who pays.", "Who pays, or does not.")),
)


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_a_contract_in_other_words_has_no_change(chance: random.Random) -> None:
    documents = {"openapi.yaml": copy.deepcopy(BASE)}
    rewrite(documents, chance)
    found = compare_versions(version({"openapi.yaml": BASE}), version(documents, "new"))
    assert [(one.kind.id, one.uses, one.was, one.now) for one in found.changes] == []
    back = compare_versions(version(documents, "new"), version({"openapi.yaml": BASE}))
    assert [one.kind.id for one in back.changes] == []
    assert not found.notes


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.sampled_from(MUTATIONS))
def test_one_change_among_other_words_is_found_alone(chance: random.Random, mutation: Mutation) -> None:
    kind, change = mutation
    changed = copy.deepcopy(BASE)
    where = [(one, new) for one in schemas_in(changed) if (new := change(one)) is not None]
    replace(*chance.choice(where))
    documents = {"openapi.yaml": changed}
    rewrite(documents, chance)
    found = compare_versions(version({"openapi.yaml": BASE}), version(documents, "new"))
    assert {one.kind.id for one in found.changes} == {kind}


JUNK: tuple[Any, ...] = (
    None,
    5,
    True,
    [],
    {},
    "x",
    [1],
    {"$ref": "#/nope"},
    {"$ref": 5},
    -1.5,
    ["a", {}],
    "[(",
)


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_whatever_stands_anywhere_costs_no_more_than_that_statement(chance: random.Random) -> None:
    documents = {"openapi.yaml": copy.deepcopy(BASE)}
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice([*places_in(documents["openapi.yaml"]["paths"])])
        holder[key] = copy.deepcopy(chance.choice(JUNK))
    for old, new in ((BASE, documents["openapi.yaml"]), (documents["openapi.yaml"], BASE)):
        found = compare_versions(version({"openapi.yaml": old}), version({"openapi.yaml": new}, "new"))
        assert render_markdown(ReportedDiff(diff=found))
        assert render_text(ReportedDiff(diff=found), shows_all=True)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a value, as what holds it and the key there."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places_in(value[key])
