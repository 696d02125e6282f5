"""Whatever contract it is given, the mock answers each operation by it: by records, examples or schemas."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from weakref import finalize

import pytest
from contract_tests.usual import each

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import load_documents, parse_document
from opay_contract.contract.loading import build_contract, load_contract
from opay_contract.errors import ContractError
from opay_contract.mock.answers import REASON_HEADER, MockAnswer
from opay_contract.mock.calls import render_greeting, sound_request
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings, RequestHandler
from opay_contract.mock.samples import Sampler
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials, MockRequest
from opay_contract.signing.signer import sign

SIBLINGS = Path(__file__).parents[2] / "contracts" / "opay"
JSON = "application/json"
Ask = Callable[..., MockAnswer]


def answering(contract: Contract) -> Ask:
    """Return what asks a mock of a contract in process, signed where it must be."""
    store = Store()
    handler = RequestHandler(contract, MockSettings(choices=assumed_choices(contract)), store)
    signed = {one.path for one in contract.operations if one.is_signed}

    def ask(method: str, target: str, body: Any = None, **fields: str | None) -> MockAnswer:
        path, _, query = target.partition("?")
        sent = b"" if body is None else json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        given: dict[str, str | None] = {"content-type": JSON if sent else None}
        if path in signed and contract.signature is not None:
            given["authorization"] = sign(sent, Credentials().private_key, contract.signature).header
            given["merchantid"] = Credentials().merchant_id
        given |= {name.replace("_", "-"): value for name, value in fields.items()}
        headers = {name.encode(): value.encode() for name, value in given.items() if value is not None}
        request = MockRequest(
            method=method, target=path.encode(), query=query.encode(), headers=headers, body=sent
        )
        return handler.answer(request)

    finalize(ask, store.close)
    return ask


def reason(answer: MockAnswer) -> str:
    return dict(answer.fields).get(REASON_HEADER, b"").decode()


def said(answer: MockAnswer) -> Any:
    return json.loads(answer.body)


def test_a_token_that_was_created_is_deleted_once() -> None:
    ask, base = answering(load_contract(SIBLINGS)), "/api/v1/international/token/"
    card = {"reference": "r", "cardNumber": "4111111111111111", "expiryYear": "31", "expiryMonth": "02"}
    made = said(ask("POST", base + "create", {**card, "customerInfo": {"customerId": "7"}}))
    assert (made["code"], made["data"]["customerInfo"]["customerId"]) == ("00000", "7")
    token = {"opayToken": made["data"]["opayToken"]}
    deleted = ask("POST", base + "delete", token)
    assert said(deleted) == {"code": "00000", "message": "SUCCESSFUL", "data": None}
    again = ask("POST", base + "delete", token)
    assert (said(again)["code"], reason(again)) == ("02001", "the mock knows nobody of this opayToken")


def test_a_payment_is_begun_with_the_public_key_and_found_with_a_signature() -> None:
    ask, base = answering(load_contract(SIBLINGS)), "/api/v1/international/cashier/"
    wanted = {"reference": "order-9", "country": "NG", "amount": {"total": 5, "currency": "NGN"}}
    begin = {**wanted, "returnUrl": "https://shop.example"}
    assert said(ask("POST", base + "create", begin, merchantid="1"))["code"] == "02000"
    who = {"merchantid": "1", "authorization": "Bearer OPAYPUB1"}
    begun = said(ask("POST", base + "create", begin, **who))
    assert (begun["code"], begun["data"]["reference"], begun["data"]["amount"]["total"]) == (
        "00000",
        "order-9",
        5,
    )
    found = said(ask("POST", base + "status", {"reference": "order-9", "country": "NG"}))
    assert found["data"]["orderNo"] == begun["data"]["orderNo"]
    assert said(ask("POST", base + "create", begin, **who))["code"] == "02004"
    lost = said(ask("POST", base + "status", {"reference": "order-8", "country": "NG"}))
    forged = ask("POST", base + "status", {"reference": "order-9", "country": "NG"}, authorization="Bearer 0")
    assert (lost["code"], said(forged)["code"]) == ("02001", "02000")


def test_an_answer_has_the_header_fields_that_are_required_and_no_others() -> None:
    ask = answering(load_contract(SIBLINGS.parents[1] / "tool" / "whole" / "contracts" / "parameters"))
    hotel = "/rooms?hotel=00000000-0000-4000-8000-000000000000"
    answer = ask("GET", hotel, x_trace="abcd", cookie="theme=dark")
    assert answer.status == 200
    assert {name for name, _ in answer.fields if name.startswith(b"x-")} == {b"x-count"}


PET = {"type": "object", "required": ["id", "name"], "properties": {
    "id": {"type": "integer", "minimum": 1}, "name": {"type": "string", "minLength": 3},
    "tag": {"enum": ["cat", "dog"]}, "born": {"type": "string", "format": "date"},
    "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}}}  # fmt: skip
SHOP: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example/v1"}],
    "components": {
        "schemas": {"Pet": PET},
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "query", "name": "key"},
            "basic": {"type": "http", "scheme": "basic"},
        },
    },
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "operationId": "getPet",
                "responses": {
                    "200": {"content": {JSON: {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                    "404": {
                        "content": {
                            JSON: {
                                "schema": {"type": "object"},
                                "examples": {
                                    "gone": {"value": {"why": "gone"}},
                                    "odd": {"value": {"why": "odd"}},
                                },
                            }
                        }
                    },
                },
            },
            "delete": {"security": [{"basic": []}], "responses": {"204": {"description": "Gone."}}},
        },
        "/pets": {
            "post": {
                "security": [{"key": []}, {"basic": []}],
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/Pet"}}},
                },
                "responses": {
                    "201": {"content": {JSON: {"schema": PET, "example": {"id": 7, "name": "Rex"}}}},
                    "422": {"content": {JSON: {"example": {"wrong": True}}}},
                },
            }
        },
        "/list.csv": {
            "get": {"responses": {"200": {"content": {"text/csv": {"example": "id,name\n1,Rex\n"}}}}}
        },
    },
}


@pytest.fixture(scope="module")
def pets() -> Contract:
    return build_contract({"openapi.yaml": parse_document(json.dumps(SHOP), "openapi.yaml")})


@pytest.fixture
def ask(pets: Contract) -> Ask:
    return answering(pets)


def test_without_an_example_an_answer_is_made_from_the_schema_the_same_each_time(
    pets: Contract, ask: Ask
) -> None:
    first, again = ask("GET", "/pets/1"), ask("GET", "/pets/1")
    assert first.status == 200
    assert first == again != ask("GET", "/pets/2")
    schema = pets.operations[0].responses["200"].media_types[JSON]
    assert schema is not None
    assert pets.schemas.closed_validator(schema).is_valid(said(first))
    assert ask("GET", "/v1/pets/1").status == 200  # behind the server's own path, too


def test_an_example_is_the_answer_and_other_media_types_have_theirs(ask: Ask) -> None:
    made = ask("POST", "/pets?key=k", {"id": 1, "name": "Rex"})
    assert (made.status, said(made)) == (201, {"id": 7, "name": "Rex"})
    table = ask("GET", "/list.csv")
    assert (dict(table.fields)[b"content-type"], table.body) == (b"text/csv", b"id,name\n1,Rex\n")
    assert (ask("DELETE", "/pets/1", authorization="Basic eA==").status, table.status) == (204, 200)


def test_the_greeting_names_a_method_that_curl_would_not_take_by_itself() -> None:
    for method, has_body, named in (("put", True, True), ("post", False, True), ("post", True, False)):
        body = {"requestBody": {"content": {JSON: {"example": {"a": 1}}}}} if has_body else {}
        operation = {"operationId": "call", **body, "responses": {"200": {"description": "d"}}}
        text = json.dumps(SHOP | {"paths": {"/pets": {method: operation}}})
        contract = build_contract({"openapi.yaml": parse_document(text, "openapi.yaml")})
        greeting = render_greeting("http://127.0.0.1:1", contract, Credentials(), None)
        assert (f"/pets -X {method.upper()}" in greeting) is named, (method, has_body)


def test_prefer_chooses_a_status_and_an_example(ask: Ask) -> None:
    assert said(ask("GET", "/pets/1", prefer="code=404")) == {"why": "gone"}
    assert said(ask("GET", "/pets/1", prefer="code=404, example=odd")) == {"why": "odd"}
    unknown = ask("GET", "/pets/1", prefer="code=418")
    assert (unknown.status, said(unknown)["title"]) == (
        404,
        "no answer 418 is documented; there are 200, 404",
    )
    unnamed = ask("GET", "/pets/1", prefer="code=404, example=oddd")
    assert said(unnamed)["title"] == "no example 'oddd' is documented; there are gone, odd"
    assert ask("GET", "/pets/1", prefer="respond-async").status == 200


@each(
    ("method", "target", "body", "fields", "status", "why"),
    [
        ("GET", "/pets/x", None, {}, 400, "the path parameter id does not fit its schema"),
        ("POST", "/pets", {"id": 1, "name": "Rex"}, {}, 401, "no query key or Basic Authorization"),
        ("POST", "/pets", {"id": 1, "name": "Rex"}, {"authorization": "Basic "}, 401, "no query key or"),
        ("POST", "/pets?key=k", {"id": 1}, {}, 422, "/name is missing"),
        ("POST", "/pets?key=k", None, {}, 415, "expected Content-Type application/json, got no Content-Type"),
        ("PUT", "/pets", None, {}, 405, "another method than POST"),
        ("GET", "/pet", None, {}, 404, "another path"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(  # noqa: PLR0913, PLR0917  a request and its answer
    ask: Ask, method: str, target: str, body: Any, fields: dict[str, str], status: int, why: str
) -> None:
    answer = ask(method, target, body, **fields)
    assert (answer.status, reason(answer)[: len(why)]) == (status, why)


def test_another_path_or_method_hears_what_is_served(ask: Ask) -> None:
    served = "the mock serves GET /pets/{id}, DELETE /pets/{id}, POST /pets, GET /list.csv"
    assert said(ask("GET", "/"))["title"] == served
    other = ask("PATCH", "/pets/1")
    assert (said(other)["title"], dict(other.fields)[b"allow"]) == (
        "the mock serves GET /pets/{id}, DELETE /pets/{id}",
        b"GET, DELETE",
    )


SCHEMAS: list[dict[str, Any]] = [
    PET,
    {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number", "multipleOf": 0.5, "minimum": 3},
    },
    {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"const": 7}}}]},
    {"oneOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]},
    {"type": ["null", "integer"], "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    {"type": "string", "pattern": r"^(ab|cd)[^x-z]\d+\.$"},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"type": "object", "required": ["c"]}},
    {
        "type": "object",
        "properties": {"at": {"type": "integer", "x-unit": "unix-seconds"}},
        "required": ["at"],
    },
    {"$ref": "#/components/schemas/Tree"},
]


@each("number", range(len(SCHEMAS)))
def test_what_is_made_fits_its_schema(number: int) -> None:
    tree = {"type": "object", "required": ["leaf"], "properties": {"leaf": {"type": "boolean"},
            "more": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}}  # fmt: skip
    schemas = {"Tree": tree, "One": SCHEMAS[number]}
    root = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}}
    contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
    uri = "https://contract.invalid/openapi.yaml#/components/schemas/One"
    made = [Sampler(contract.schemas).sample(uri, seed) for seed in (1, 1, 2)]
    assert all(contract.schemas.validator(uri).is_valid(value) for value in made)
    assert made[0] == made[1]


@each(
    ("mock", "message"),
    [
        ({"records": {"pets": {"key": "/id"}}}, r"missing required field `holds`"),
        (
            {"lookups": [{"operation": "getPet", "finds": "pets", "by": "$request.path.id"}]},
            "no records 'pets'",
        ),
        ({"lookups": [{"operation": "getPet", "by": "$request.path.id"}]}, "finds, adds or removes"),
        ({"choices": [{"question": "q", "decides": "signing", "readings": {}}]}, "no open question 'q'"),
        (
            {"records": {"pets": {"holds": {"$ref": "#/components/schemas/Pet"}, "key": "id"}}},
            "no JSON pointer",
        ),
    ],
)
def test_what_is_wrong_in_x_mock_is_said_in_a_sentence(mock: dict[str, Any], message: str) -> None:
    root = {**SHOP, "x-mock": mock}
    contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
    with Store() as store, pytest.raises(ContractError, match=re.escape(message)):
        RequestHandler(contract, MockSettings(choices=assumed_choices(contract)), store)


def test_a_record_may_be_looked_up_by_a_parameter_of_the_path() -> None:
    mock = {
        "records": {"pets": {"holds": {"$ref": "#/components/schemas/Pet"}, "key": "/id"}},
        "lookups": [
            {"operation": "getPet", "finds": "pets", "by": "$request.path.id"},
            {"operation": "POST /pets", "adds": "pets", "by": "$request.body#/id",
             "takes": {"/name": "$request.body#/name"}},
            {"operation": "DELETE /pets/{id}", "removes": "pets", "by": "$request.path.id"},
        ],
    }  # fmt: skip
    root = {**SHOP, "x-mock": mock}
    ask = answering(build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")}))
    assert ask("GET", "/pets/3").status == 404
    assert ask("POST", "/pets?key=k", {"id": 3, "name": "Rex"}).status == 201
    found = said(ask("GET", "/pets/3"))
    assert (found["id"], found["name"]) == (3, "Rex")
    assert ask("DELETE", "/pets/3", authorization="Basic eA==").status == 204
    assert ask("GET", "/pets/3").status == 404


def test_a_sound_request_has_what_is_looked_up_and_no_other_that_may_be_left_out() -> None:
    records = {"pets": {"holds": {"$ref": "#/components/schemas/Pet"}, "key": "/id"}}
    lookups = [{"operation": "findPet", "finds": "pets", "by": "$request.query.id"}]
    parameters = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("id", "limit")]
    found = {"operationId": "findPet", "parameters": parameters, "responses": {"204": {"description": "d"}}}
    root = {**SHOP, "paths": {"/pets": {"get": found}}}
    for more, asked in (
        ({}, "/pets"),
        ({"x-mock": {"records": records, "lookups": lookups}}, "/pets?id=7"),
    ):
        document = parse_document(json.dumps(root | more), "openapi.yaml")
        contract = build_contract({"openapi.yaml": document})
        assert sound_request(contract, RecordBook(contract), "7").target == asked


def test_what_lacks_is_one_name_where_the_contract_has_one_form() -> None:
    documents = load_documents(Path(__file__).parents[3])
    spec = deepcopy(documents["openapi.yaml"].value)
    path, item = next(iter(spec["paths"].items()))
    del item["post"]["x-forms"][0], spec["x-mock"]
    contract = build_contract(documents | {"openapi.yaml": parse_document(json.dumps(spec), "openapi.yaml")})
    assert reason(answering(contract)("POST", path, {})) == "no customerId"


def test_what_is_signed_and_has_no_body_is_greeted_with_an_empty_object() -> None:
    contract = load_contract(Path(__file__).parents[1] / "whole" / "contracts" / "security")
    said = render_greeting("http://127.0.0.1:1", contract, Credentials(), None)
    assert "-d '{}'" in said
    assert contract.signature is not None
    assert sign(b"{}", Credentials().private_key, contract.signature).header in said


def test_a_parameter_needs_no_schema_and_a_body_that_may_be_left_out_is_not_asked_for() -> None:
    parameter = {"name": "id", "in": "query", "required": True}
    body = {"content": {JSON: {"schema": {"type": "object"}}}}
    operation = {"parameters": [parameter], "requestBody": body, "responses": {"204": {"description": "d"}}}
    root = {**SHOP, "paths": {"/pets": {"post": {"operationId": "call", **operation}}}}
    contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
    asked = sound_request(contract, RecordBook(contract), None)
    assert asked.target == "/pets?id=text"
    assert answering(contract)("POST", asked.target).status == 204
