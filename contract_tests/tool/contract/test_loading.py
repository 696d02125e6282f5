"""What happens to a contract that cannot be used, and to places in it that are not there."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.documents import Document, default_directory, load_documents, parse_document
from opay_contract.contract.loading import build_contract, load_contract
from opay_contract.errors import ContractError, UsageError

HEAD: dict[str, Any] = {"openapi": "3.1.1", "info": {"title": "t", "version": "1"}, "paths": {}}


def build(**more: Any) -> Any:
    return build_contract({"openapi.yaml": parse_document(json.dumps(HEAD | more), "openapi.yaml")})


DOCUMENTS = load_documents(default_directory())
WHOLE = DOCUMENTS["openapi.yaml"].value
ODD: tuple[Any, ...] = (3, "x", [], {}, None, [3], {"a": 3})


def iter_places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield (*at, step)
        yield from iter_places(part, (*at, step))


PLACES = list(iter_places(WHOLE))


def problem_with(place: tuple[str | int, ...], odd: Any) -> str | None:
    """Return what is said of the packaged contract with something else at a place; None where it is one."""
    whole = deepcopy(WHOLE)
    around = whole
    for step in place[:-1]:
        around = around[step]
    around[place[-1]] = odd
    document = Document(name="openapi.yaml", value=whole, text=json.dumps(whole))
    try:
        build_contract(DOCUMENTS | {"openapi.yaml": document})
    except ContractError as error:
        return str(error)
    return None


ENVELOPE = ("paths", "/api/v1/international/token/query", "post", "x-envelope", "schema")


@example(("paths",), 3, "openapi.yaml:1:")
@example(ENVELOPE, 3, None)
@settings(max_examples=25)
@given(st.sampled_from(PLACES), st.sampled_from(ODD), st.just(""))
def test_whatever_stands_at_a_place_is_a_contract_or_one_sentence(
    place: tuple[str | int, ...], odd: Any, beginning: str | None
) -> None:
    said = problem_with(place, odd)
    assert said is None or "\n" not in said
    assert beginning == "" or (said or "").startswith(beginning or "")
    assert beginning == "" or (said is None) == (beginning is None)


def test_a_document_without_paths_is_none_of_openapi() -> None:
    with pytest.raises(ContractError, match=r"openapi\.yaml:1:1: .* has `paths`; this one has none"):
        build_contract({"openapi.yaml": parse_document('{"openapi": "3.1.1"}', "openapi.yaml")})


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


def test_security_schemes_that_are_no_object_cost_that_statement() -> None:
    root = {"openapi": "3.1.0", "info": {}, "components": {"securitySchemes": ["key"]}, "paths": {}}
    contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
    assert "left out: an object belongs here" in contract.notes[0]


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


def test_a_validator_is_made_once_for_each_address() -> None:
    schemas = load_contract().schemas
    uri = f"{OPEN}schemas/customer.json"
    assert schemas.validator(uri) is schemas.validator(uri)
