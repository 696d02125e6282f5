"""What happens to a contract that cannot be used, and to places in it that are not there."""

import json
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract, load_contract
from opay_contract.errors import ContractError, UsageError

HEAD: dict[str, Any] = {"openapi": "3.1.1", "info": {"title": "t", "version": "1"}, "paths": {}}


def build(**more: Any) -> Any:
    return build_contract({"openapi.yaml": parse_document(json.dumps(HEAD | more), "openapi.yaml")})


def test_a_folder_without_a_contract_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no openapi\.yaml there"):
        load_contract(tmp_path)


def test_a_place_that_is_not_there_is_told_by_file_and_pointer() -> None:
    with pytest.raises(ContractError, match="nothing stands at '/nowhere'"):
        load_contract().schemas.node(f"{OPEN}openapi.yaml#/nowhere")


def test_the_line_of_a_place_without_one_is_its_nearest_parents() -> None:
    schemas = load_contract().schemas
    place = schemas.place(f"{OPEN}openapi.yaml#/info/none/at/all")
    assert place.line == schemas.place(f"{OPEN}openapi.yaml#/info").line
    assert place.pointer == "/info/none/at/all"


def test_a_schema_that_cannot_be_compiled_is_a_fault_of_the_contract() -> None:
    with pytest.raises(ContractError, match="a schema of the contract cannot be used"):
        load_contract().schemas.compile({"type": "tea"})


@pytest.mark.parametrize(("url", "reason"), [("http://[", "is no URL"), ("cards", "has no host")])
def test_a_base_url_that_is_none_is_told(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load_contract(base_urls=(url,))


def test_a_member_of_another_type_is_told_with_what_helps() -> None:
    with pytest.raises(ContractError, match="`opay-contract spec` says which"):
        build(paths={"/a": {"post": {"x-envelope": 1}}})


def test_an_operation_without_body_and_answers_is_loaded_as_it_is() -> None:
    contract = build(paths={"/a/{id}": {"get": {}}}, servers=[{"url": "https://a.example/v1"}])
    [operation] = contract.operations
    assert (operation.id, operation.request_schema, operation.envelope) == ("GET /a/{id}", None, None)
    assert operation.response(200) is None
    assert contract.signature is None


def test_a_key_in_a_header_is_a_required_header_and_is_not_searched() -> None:
    contract = build(
        paths={"/a": {"get": {"security": [{"key": [], "cookie": []}]}}},
        components={
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
            }
        },
    )
    assert [header.name for header in contract.operations[0].required_headers] == ["X-Key"]
    assert "x-key" in contract.unsearched_headers


def test_a_documented_range_or_default_stands_for_a_status() -> None:
    answers = {"4XX": {"description": "d"}, "default": {"description": "d"}}
    [operation] = build(paths={"/a": {"get": {"responses": answers}}}).operations
    assert operation.response(404).uri.endswith("4XX")
    assert operation.response(500).uri.endswith("default")
