"""The contract in one file: what refers, what is data, what leads nowhere, and in which version."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.cli.contract import bundle
from opay_contract.contract.documents import Document, load_documents, parse_document
from opay_contract.contract.loading import build_contract
from opay_contract.docs.bundle import Bundle, build_bundle, render_bundle
from opay_contract.errors import ContractError

SEEN = {"$ref": "a value that was seen"}


def edit(path: Path, **members: object) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**schema, **members}), encoding="utf-8")


def test_what_is_data_stays_as_it_is_though_it_looks_like_a_reference(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "customer.json", examples=[SEEN], default=SEEN)
    customer = build_bundle(load_documents(contract_dir)).value["components"]["schemas"]["Customer"]
    assert (customer["examples"], customer["default"]) == ([SEEN], SEEN)
    assert customer["properties"]["customerId"]["$ref"] == "#/components/schemas/CustomerId"


def test_a_member_that_is_called_like_a_keyword_is_no_keyword(contract_dir: Path) -> None:
    names = {"$ref": {"type": "string"}, "const": {"$ref": "customer-id.json"}}
    edit(contract_dir / "schemas" / "customer.json", properties=names)
    customer = build_bundle(load_documents(contract_dir)).value["components"]["schemas"]["Customer"]
    assert customer["properties"]["$ref"] == {"type": "string"}
    assert customer["properties"]["const"] == {"$ref": "#/components/schemas/CustomerId"}


def test_two_schemas_of_one_title_are_two_components(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "envelope.json", title="Customer")
    schemas = build_bundle(load_documents(contract_dir)).value["components"]["schemas"]
    assert {schemas["Customer"]["title"], schemas["Customer2"]["title"]} == {"Customer"}


def test_a_reference_to_an_item_beyond_the_last_leads_nowhere(contract_dir: Path) -> None:
    path = contract_dir / "schemas" / "customer.json"
    edit(path, allOf=[{"$ref": "#/prefixItems/1"}], prefixItems=[{}, {}])
    build_bundle(load_documents(contract_dir))
    edit(path, allOf=[{"$ref": "#/prefixItems/2"}])
    with pytest.raises(
        ContractError, match=r"schemas/customer\.json:1:[0-9]+: the reference .* leads nowhere"
    ):
        build_bundle(load_documents(contract_dir))


def test_an_extension_refers_to_schemas_and_components_and_has_the_rest_itself(contract_dir: Path) -> None:
    name = {"$ref": "schemas/customer.json"}
    extensions = {"x-schema": name, "x-title": {"$ref": "#/info/title"}}
    root = contract_dir / "openapi.yaml"
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in extensions.items()]
    root.write_text(root.read_text(encoding="utf-8") + "".join(lines), encoding="utf-8")
    value = build_bundle(load_documents(contract_dir)).value
    assert value["x-schema"] == {"$ref": "#/components/schemas/Customer"}
    assert value["x-title"] == value["info"]["title"]


def test_what_an_extension_of_others_refers_to_is_theirs(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "customer.json", **{"x-mine": {"deep": {"$ref": "#/nowhere"}}})
    bundle = build_bundle(load_documents(contract_dir)).value
    assert bundle["components"]["schemas"]["Customer"]["x-mine"] == {"deep": {"$ref": "#/nowhere"}}


ROOT = """\
openapi: 3.1.0
info: {title: t, version: '1', summary: s}
x-own: {paths: {$ref: 'other.yaml#/list'}}
paths:
  x-note: n
  /a/{id}:
    parameters: [{$ref: 'other.yaml#/parameters/id'}]
    get:
      x-more: m
      responses:
        '200':
          description: d
          headers: {x-rate: {$ref: 'other.yaml#/headers/x-rate'}}
          content:
            application/json:
              schema: {$ref: 'other.yaml#/schemas/Node'}
              examples: {one: {$ref: 'other.yaml#/examples/one'}}
        default: {$ref: 'other.yaml#/responses/error'}
  /b: {$ref: 'other.yaml#/paths/b'}
components:
  schemas: {Node: {type: string}}
"""
OTHER = """\
list: [1, {x-own: {$ref: not a place}}]
parameters: {id: {name: id, in: path, required: true, schema: {type: [string, integer]}}}
headers: {x-rate: {schema: {$ref: '#/schemas/Rate'}}}
schemas:
  Node:
    type: object
    properties: {next: {$ref: '#/schemas/Node'}, x-note: {type: ['null', string]}}
    x-note: {type: string}
  Rate: {type: integer, exclusiveMinimum: 0, examples: [3, 4]}
examples: {one: {value: {$ref: data, x-note: kept}}}
responses: {error: {description: e, content: {text/plain: {schema: {const: no, if: true}}}}}
paths: {b: {post: {responses: {default: {$ref: '#/responses/error'}}}}}
"""


def documents_of(root: str = ROOT, other: str = OTHER) -> dict[str, Document]:
    texts = {"openapi.yaml": root, "other.yaml": other.replace("{$ref: not a place}", "1")}
    return {name: parse_document(text, name) for name, text in texts.items()}


def made(**options: bool) -> Bundle:
    return build_bundle(documents_of(), **options)


def test_what_another_file_holds_is_a_component_of_its_kind_or_stands_there() -> None:
    value = made().value
    answers = value["paths"]["/a/{id}"]["get"]["responses"]
    content = answers["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Node2"}
    assert value["components"]["schemas"]["Node"] == {"type": "string"}
    assert value["components"]["schemas"]["Node2"]["properties"]["next"] == content["schema"]
    assert answers["200"]["headers"]["x-rate"] == {"$ref": "#/components/headers/XRate"}
    assert content["examples"]["one"] == {"$ref": "#/components/examples/One"}
    assert value["components"]["examples"]["One"] == {"value": {"$ref": "data", "x-note": "kept"}}
    assert value["paths"]["/a/{id}"]["parameters"] == [{"$ref": "#/components/parameters/Id"}]
    assert value["paths"]["/b"]["post"]["responses"]["default"] == {"$ref": "#/components/responses/Error"}
    assert value["x-own"]["paths"] == [1, {"x-own": 1}]


def test_without_references_only_what_contains_itself_refers_and_is_said() -> None:
    found = made(is_dereferenced=True)
    content = found.value["paths"]["/a/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
    node = {"$ref": "#/components/schemas/Node2"}
    assert content["schema"]["properties"]["next"] == node
    assert found.value["components"].keys() == {"schemas"}
    assert found.value["components"]["schemas"]["Node2"]["properties"]["next"] == node
    assert found.notes == ("#/components/schemas/Node2 leads back to itself; it stays a reference",)
    assert content["examples"]["one"]["value"] == {"$ref": "data", "x-note": "kept"}


def test_without_extensions_names_and_data_that_begin_alike_stay() -> None:
    value = made(has_extensions=False).value
    assert value["paths"].keys() == {"/a/{id}", "/b"}
    assert "x-own" not in value
    assert value["paths"]["/a/{id}"]["get"].keys() == {"responses"}
    node = value["components"]["schemas"]["Node2"]
    assert node.keys() == {"type", "properties"}
    assert node["properties"].keys() == {"next", "x-note"}
    assert value["components"]["examples"]["One"]["value"]["x-note"] == "kept"


def test_version_3_0_says_the_same_in_its_words_and_names_what_it_has_none_for() -> None:
    found = made(is_3_0=True)
    schemas, parts = found.value["components"]["schemas"], found.value["components"]
    assert found.value["openapi"].startswith("3.0")
    assert "summary" not in found.value["info"]
    assert schemas["Node2"]["properties"]["x-note"] == {"type": "string", "nullable": True}
    assert schemas["Rate"] == {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "example": 3}
    assert parts["parameters"]["Id"]["schema"] == {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert parts["responses"]["Error"]["content"]["text/plain"]["schema"] == {"enum": ["no"]}
    assert len(found.notes) == 1
    assert "`if` has no place in OpenAPI 3.0" in found.notes[0]


def test_a_schema_without_an_example_has_none_in_3_0_either() -> None:
    text = json.dumps({"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"A": {"examples": []}}}})
    found = build_bundle({"openapi.yaml": parse_document(text, "openapi.yaml")}, is_3_0=True)
    assert "example" not in found.value["components"]["schemas"]["A"]


TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
            "exclusiveMinimum": st.integers(-2, 2),
            "const": st.sampled_from([None, -2, 0, 2, "", "ab"]),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"anyOf": st.lists(inner, min_size=1, max_size=2), "not": inner, "items": inner}
    ),
    max_leaves=4,
)
VALUES = [None, True, -2, 0, 3, 1.5, "", "ab", [], [1], [None, "ab"], {}, {"a": 1}]


@given(schema=SCHEMAS)
def test_a_schema_takes_the_same_values_in_3_0(schema: Any) -> None:
    root = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"A": schema}}}
    text = json.dumps(root)
    down = build_bundle({"openapi.yaml": parse_document(text, "openapi.yaml")}, is_3_0=True)
    again = json.dumps(down.value)
    contract = build_contract({"openapi.yaml": parse_document(again, "openapi.yaml")})
    judge = contract.schemas.validator("https://contract.invalid/openapi.yaml#/components/schemas/A")
    before = jsonschema_rs.Draft202012Validator(schema)
    assert [judge.is_valid(value) for value in VALUES] == [before.is_valid(value) for value in VALUES]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=9)
ODD = st.sampled_from(
    ["1e5", "0o17", "no", "~", "00000", "12:30", ".5", "a\nb\n", "a: b\n c", "\n", " x\n", "#"]
)


@given(value=st.dictionaries(TEXTS | ODD, TEXTS | ODD | st.lists(TEXTS | ODD | st.integers(), max_size=3)))
def test_a_bundle_in_yaml_reads_as_what_it_is_in_both_versions_of_yaml(value: dict[str, Any]) -> None:
    text = render_bundle(Bundle(value=value, notes=()), is_json=False)
    assert parse_document(text, "b.yaml").value == value
    assert yaml.safe_load(text) == value


def run(*arguments: object) -> Result:
    return CliRunner().invoke(bundle, [str(argument) for argument in arguments])


def test_the_command_writes_what_it_checks_and_says_how_a_stale_file_is_made_anew(
    contract_dir: Path, tmp_path: Path
) -> None:
    file, options = (
        tmp_path / "one.json",
        ["--contract", contract_dir, "--as", "3.0", "-o", tmp_path / "one.json"],
    )
    assert run(*options).exit_code == 0
    before = file.read_bytes()
    assert run(*options).exit_code == 0
    assert file.read_bytes() == before
    assert run(*options, "--check").output.endswith("up to date\n")
    edit(contract_dir / "schemas" / "customer.json", title="Client")
    stale = run(*options, "--check")
    assert stale.exit_code == 1
    assert f"opay-contract bundle --contract {contract_dir} --as 3.0 --output {file}" in stale.output
    assert file.read_bytes() == before
    assert run("--check").exit_code != 0
    assert yaml.safe_load(run("--contract", contract_dir).stdout)["openapi"] == "3.1.1"
