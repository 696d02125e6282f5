"""How much of a contract is taken, at the edge of each bound, and what its odd corners mean."""

import json
from typing import Any

import pytest

from opay_contract.contract import documents, fields
from opay_contract.contract.addresses import Address, address
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Position, parse_document
from opay_contract.contract.fields import iter_fields
from opay_contract.contract.loading import build_contract
from opay_contract.contract.operation import find_media_type
from opay_contract.errors import ContractError

TREE = {"properties": {"a": {"properties": {"b": {"$ref": "#/components/schemas/Tree"}}}, "c": True}}


def build(**more: Any) -> Contract:
    root = {"openapi": "3.1.0", "paths": {}, "servers": [{"url": "https://a.example"}]} | more
    return build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})


def members(depth: int = fields.MAX_DEPTH) -> list[str]:
    contract = build(components={"schemas": {"Tree": TREE}})
    uri = address("openapi.yaml", "components", "schemas", "Tree")
    return [field.pointer for field in iter_fields(contract.schemas, uri, depth=depth)]


def test_members_are_listed_to_the_depth_that_is_asked_for() -> None:
    assert members(1) == ["/a", "/c"]
    assert members(2) == ["/a", "/a/b", "/c"]


def test_a_schema_that_contains_itself_is_listed_once() -> None:
    assert members() == ["/a", "/a/b", "/c"]


@pytest.mark.parametrize(("places", "listed"), [(4, ["/a", "/a/b", "/c"]), (3, ["/a", "/c"])])
def test_of_too_many_places_those_further_in_are_left_out(
    monkeypatch: pytest.MonkeyPatch, places: int, listed: list[str]
) -> None:
    monkeypatch.setattr(fields, "MAX_PLACES", places)
    assert members() == listed


def test_aliases_may_repeat_so_many_values_and_not_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [1, 2]\nb: *a\nc: *a\n"
    monkeypatch.setattr(documents, "MAX_REPEATED", 6)
    assert parse_document(text, "x.yaml").value == {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    monkeypatch.setattr(documents, "MAX_REPEATED", 5)
    with pytest.raises(ContractError, match="aliases multiply"):
        parse_document(text, "x.yaml")


def test_a_slash_that_json_escapes_moves_no_place() -> None:
    document = parse_document('{"paths": {"\\/a\\/b":\n  {"get": 1}}}', "x.json")
    assert document.value == {"paths": {"/a/b": {"get": 1}}}
    assert document.position("/paths/~1a~1b/get") == Position(2, 4)
    assert document.position("/paths/~1a~1b/none") == document.position("/paths/~1a~1b")


def test_a_server_stands_for_so_many_hosts_and_no_more() -> None:
    hosts = [f"h{number}.example" for number in range(65)]
    servers = [{"url": "https://{host}", "variables": {"host": {"default": hosts[0], "enum": hosts}}}]
    assert [server.host for server in build(servers=servers).servers] == hosts[:64]


def test_the_narrowest_media_type_is_meant() -> None:
    documented: dict[str, str | None] = {"*/*": None, "text/*": None, "text/csv; charset=utf-8": None}
    for given, meant in (("TEXT/CSV", 2), ("text/html", 1), ("image/png", 0)):
        assert find_media_type(given, documented) == list(documented)[meant]
    assert find_media_type(None, documented) is None


def test_headers_that_openapi_passes_over_as_parameters_are_not_demanded() -> None:
    names = ["Accept", "authorization", "Content-Type", "X-Mine"]
    parameters = [{"name": name, "in": "header", "required": True, "schema": {}} for name in names]
    [operation] = build(paths={"/a": {"get": {"parameters": parameters}}}).operations
    assert [header.name for header in operation.required_headers] == ["X-Mine"]


def test_a_parameter_of_the_operation_takes_the_place_of_the_paths() -> None:
    header = {"name": "X-Mine", "in": "header", "required": True, "schema": {}}
    item = {"parameters": [header], "get": {"parameters": [header | {"required": False}]}, "post": {}}
    assert [len(one.required_headers) for one in build(paths={"/a": item}).operations] == [0, 1]


def test_a_scheme_that_is_not_there_is_said_and_demands_nothing() -> None:
    contract = build(paths={"/a": {"get": {"security": [{"gone": []}]}}})
    assert contract.operations[0].required_headers == ()
    assert "no security scheme is called 'gone'" in contract.notes[0]


def test_operations_of_one_name_are_told_apart() -> None:
    item = {"get": {"operationId": "same"}, "post": {"operationId": "same"}}
    assert [one.id for one in build(paths={"/a": item}).operations] == ["same", "POST /a"]


def test_a_class_behind_a_reference_counts_however_the_reference_is_written() -> None:
    other = {"x-sensitivity": "card", "properties": {"y": {"x-sensitivity": "customer"}}}
    texts = ("x.json", "x.json#", "./x.json", "../schemas/x.json", "x.json#/properties/y")
    named = {"properties": {f"m{number}": {"$ref": text} for number, text in enumerate(texts)}}
    root = {"openapi": "3.1.0", "paths": {}}
    files = {"openapi.yaml": root, "schemas/x.json": other, "schemas/named.json": named}
    contract = build_contract({name: parse_document(json.dumps(one), name) for name, one in files.items()})
    found = [contract.sensitivity_by_name[f"m{number}"] for number in range(len(texts))]
    assert found == ["card", "card", "card", "card", "customer"]


def test_an_address_reads_as_people_write_it() -> None:
    place = Address("schemas/a b.json", ("properties", "x/y", 0))
    assert str(place) == "schemas/a b.json#/properties/x~1y/0"
    assert place.uri == "https://contract.invalid/schemas/a%20b.json#/properties/x~1y/0"


@pytest.mark.parametrize("last", [{"description": "d", "content": {"text/plain": {}}}, {"$ref": "#/a"}])
def test_a_chain_of_references_is_followed_to_its_end_unless_it_is_a_circle(last: dict[str, Any]) -> None:
    answers = {"responses": {"200": {"$ref": "#/a"}}}
    contract = build(paths={"/": {"get": answers}}, a={"$ref": "#/b"}, b={"$ref": "#/c"}, c=last)
    is_circle = "$ref" in last
    assert contract.operations[0].responses["200"].media_types == ({} if is_circle else {"text/plain": None})
    assert bool(contract.notes) is is_circle
