"""Contracts of other people: what they say is understood, clean traffic is clean and drift is found."""

import json
from typing import Any

import pytest
from contract_tests.oracle import build_oracle
from contract_tests.tool.whole.contracts.asking import HERE, KEY, call, fold, found, load
from contract_tests.usual import each

from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract
from opay_contract.errors import ContractError
from opay_contract.signing.signer import sign
from opay_contract.spec.lint import prove_contract

SHOP, TENANT = "https://shop.example", {"X-Tenant": "t"}
ORDER = {"id": 7, "lines": [{"text": "Milk"}]}


def test_what_stands_behind_references_is_judged() -> None:
    shop = load("references")
    assert not found(
        shop,
        call("GET", f"{SHOP}/orders/7", ORDER, headers=TENANT),
        call("GET", f"{SHOP}/orders/8", {"reason": "closed"}, status=404, headers=TENANT),
        call("POST", f"{SHOP}/notes", {"text": "Milk"}, asked={"text": "Milk"}, status=201),
    )
    assert found(
        shop,
        call("GET", f"{SHOP}/orders/7", {"id": "7", "lines": [{"text": 1}]}, headers={}),
        call("GET", f"{SHOP}/orders/8", {"reason": "lost"}, status=404, headers=TENANT),
        call("POST", f"{SHOP}/notes", {"text": None}, asked={}, status=201),
    ) == {
        ("type-mismatch", "/id"),
        ("type-mismatch", "/lines/*/text"),
        ("header-missing", "X-Tenant"),
        ("value-undocumented", "/reason"),
        ("field-null", "/text"),
        ("request-field-missing", "/text"),
    }


def test_a_reference_that_leads_nowhere_costs_that_statement_and_is_said() -> None:
    shop = load("references")
    assert [note.split(": ", 1)[1] for note in shop.notes] == [
        "left out: a reference that leads somewhere belongs here"
    ]
    assert shop.notes[0].startswith("openapi.yaml:12:")
    assert not found(shop, call("POST", f"{SHOP}/notes", {"any": 1}, asked={"text": "x"}, status=400))
    undocumented = call("POST", f"{SHOP}/notes", {}, asked={"text": "x"}, status=500)
    assert found(shop, undocumented) == {("status-undocumented", "500")}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#/components/schemas/Gone"}}},
        {"properties": {"a": {"$ref": "gone.json"}}},
        {"properties": {"a": {"$ref": "https://elsewhere.example/a.json"}}},
        {"properties": {"a": {"$ref": "../outside.json"}}},
        {"properties": {"a": {"type": "tea"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"allOf": [7]}}},
        {"properties": {"a": {"required": [5]}}},
        {"properties": {"a": 7}},
    ],
    ids=lambda schema: json.dumps(schema["properties"]["a"]),
)
def test_a_schema_that_is_not_understood_costs_that_schema_alone(schema: dict[str, Any]) -> None:
    stated = schema | {"required": ["b"]}
    answers = {"200": {"description": "d", "content": {"application/json": {"schema": stated}}}}
    root = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": answers}}}}
    contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
    assert len(contract.notes) == 2  # and that any host is taken
    assert found(contract, call("GET", "https://any.example/a", {"a": 1})) == {("field-missing", "/b")}


FILES = "https://files.example/reports"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def as_type(media_type: str, body: Any) -> dict[str, Any]:
    return call("POST", FILES, body, answered={"Content-Type": media_type}, headers=FORM, asked="month=2")


def test_a_body_that_is_documented_as_something_else_is_not_judged_as_json() -> None:
    files = load("media-types")
    assert not found(
        files,
        as_type("text/csv; charset=utf-8", "a,b\n1,2\n"),
        as_type("text/csv", 7),
        as_type("application/pdf", "%PDF-1.7"),
        as_type("image/png", "PNG"),
        call("POST", FILES, {"rows": []}, asked={"month": "2"}),
        call("GET", "https://files.example/pings", "pong", answered={"Content-Type": "text/plain"}),
    )
    unnamed = call("GET", "https://files.example/pings", "pong", answered={})
    assert found(files, unnamed) == {("media-type-undocumented", "no Content-Type")}


def test_each_media_type_has_its_own_schema() -> None:
    files = load("media-types")
    assert not found(files, as_type("application/vnd.totals+json", {"total": 1}))
    assert found(files, as_type("application/vnd.totals+json", {"rows": []})) == {
        ("field-missing", "/total"),
        ("response-field-undocumented", "/rows"),
    }
    assert found(files, as_type("application/json", {"total": 1})) == {
        ("field-missing", "/rows"),
        ("response-field-undocumented", "/total"),
    }
    assert found(files, as_type("application/json", "no JSON")) == {("body-not-json", "")}
    assert found(files, as_type("text/html", "<p>")) == {("media-type-undocumented", "text/html")}
    refused = call("POST", FILES, {}, status=400, answered={"Content-Type": "application/problem+json"})
    assert found(files, refused) == {("field-missing", "/title")}


def test_an_operation_without_responses_documents_no_status() -> None:
    files = load("media-types")
    assert found(files, call("HEAD", "https://files.example/pings")) == {("status-undocumented", "200")}


SAFE = "https://safe.example"


@each(
    ("path", "missing"),
    [("signed", "Authorization"), ("public", ""), ("optional", ""), ("either", "X-Key"), ("cookie", "X-Key")],
)
def test_credentials_are_demanded_where_security_says_so(path: str, missing: str) -> None:
    wanted = {("header-missing", missing)} if missing else set()
    assert found(load("security"), call("POST", f"{SAFE}/{path}", headers={})) == wanted


def test_one_of_several_credentials_is_enough_and_together_means_both() -> None:
    safe = load("security")
    key, login = {"X-Key": "k"}, {"Authorization": "Bearer t"}
    assert not found(safe, *(call("POST", f"{SAFE}/either", headers=one) for one in (key, login)))
    assert found(safe, call("POST", f"{SAFE}/both", headers=key)) == {("header-missing", "Authorization")}
    assert found(safe, call("POST", f"{SAFE}/both", headers=login)) == {("header-missing", "X-Key")}
    assert not found(safe, call("POST", f"{SAFE}/both", headers=key | login))


def test_a_signature_is_verified_where_security_asks_for_one() -> None:
    safe, body = load("security"), {"a": 1}
    scheme = safe.signature
    assert scheme is not None
    right = {"Authorization": str(sign(b'{"a":1}', KEY, scheme).header)}
    wrong = {"Authorization": str(sign(b'{"a":2}', KEY, scheme).header)}
    signed = [call("POST", f"{SAFE}/signed", asked=body, headers=one) for one in (right, wrong)]
    assert not found(safe, signed[0], key=KEY)
    assert found(safe, signed[1], key=KEY) == {("signature-mismatch", "Authorization")}
    assert not found(safe, call("POST", f"{SAFE}/either", asked=body, headers=wrong), key=KEY)


OLD = "https://old.example/prices/7"
PRICES: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"amount": 1, "unit": "kilo"}, set()),
    ({"amount": 100, "unit": None, "discount": None, "note": None, "tags": None}, set()),
    ({"amount": 1, "unit": "kilo", "tags": ["a", None], "seller": {"text": "x"}}, set()),
    ({"amount": 0, "unit": "kilo"}, {("value-out-of-range", "/amount")}),
    ({"amount": 100.5, "unit": "kilo"}, {("value-out-of-range", "/amount")}),
    ({"amount": 1, "unit": "kilo", "discount": 1}, {("value-out-of-range", "/discount")}),
    ({"amount": None, "unit": "kilo"}, {("field-null", "/amount")}),
    ({"amount": 1, "unit": "litre"}, {("value-undocumented", "/unit")}),
    ({"amount": 1, "unit": "kilo", "seller": None}, {("field-null", "/seller")}),
    ({"amount": 1, "unit": "kilo", "tags": [7]}, {("type-mismatch", "/tags/*")}),
]


@each(("price", "wanted"), PRICES)
def test_openapi_3_0_is_read_as_it_means(price: dict[str, Any], wanted: set[tuple[str, str]]) -> None:
    old = load("version-3-0")
    assert found(old, call("GET", OLD, price)) == wanted
    uri = old.operations[0].responses["200"].media_types["application/json"]
    assert uri is not None
    assert (
        build_oracle(old, uri).is_valid(price) is (not wanted) is old.schemas.validator(uri).is_valid(price)
    )


@each(
    ("head", "words"),
    [
        ({"swagger": "2.0"}, r"OpenAPI 2\.0 \(Swagger\), which is not read; convert it"),
        ({"openapi": "3.2.0"}, r"OpenAPI 3\.2\.0 is not read; known are 3\.0 and 3\.1"),
        ({"openapi": "4.0"}, r"OpenAPI 4\.0 is not read"),
        ({"openapi": "Ann B"}, r": OpenAPI of such a version is not read"),
        ({}, "has no `openapi`"),
    ],
)
def test_other_versions_are_refused_in_plain_words(head: dict[str, str], words: str) -> None:
    document = parse_document(json.dumps(head | {"paths": {}}), "openapi.yaml")
    with pytest.raises(ContractError, match=words):
        build_contract({"openapi.yaml": document})


def test_a_version_may_be_a_number_and_a_contract_a_list() -> None:
    number = parse_document("openapi: 3.1\npaths: {}\n", "openapi.yaml")
    assert build_contract({"openapi.yaml": number}).operations == ()
    with pytest.raises(ContractError, match="no OpenAPI document"):
        build_contract({"openapi.yaml": parse_document("[1]", "openapi.yaml")})


@each(
    ("url", "is_ours"),
    [
        ("https://acme.example.com/v1/things", True),
        ("https://acme.example.com/v2/things", True),
        ("https://acme.example.com/v3/things", False),
        ("https://example.com/v1/things", False),
        ("http://plain.example:8080/api/things", True),
        ("http://plain.example/api/things", False),
        ("https://others.example/others", True),
    ],
)
def test_servers_are_told_by_their_variables_paths_and_ports(url: str, is_ours: bool) -> None:  # noqa: FBT001
    servers = load("servers")
    match = servers.path(url)
    routes = [one.path_pattern.fullmatch(match or "") for one in servers.operations]
    assert any(routes) is is_ours


def test_a_server_that_is_no_url_costs_that_server() -> None:
    assert ["a URL" in note for note in load("servers").notes] == [True]


@each(("servers", "path"), [([], "/a"), ([{"url": "/v1"}], "/v1/a"), ([{"url": "/"}], "/a")])
def test_without_a_host_every_host_is_taken_until_one_is_named(servers: list[Any], path: str) -> None:
    root = {"openapi": "3.1.0", "servers": servers, "paths": {"/a": {"get": {"responses": {"200": {}}}}}}
    documents = {"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")}
    anywhere, named = build_contract(documents), build_contract(documents, ("https://mine.example",))
    calls = [call("GET", f"https://{host}.example{path}") for host in ("some", "mine")]
    assert fold(anywhere, *calls).exchanges == 4
    assert not found(anywhere, call("GET", "https://cdn.example/aa"))
    assert fold(named, *calls[:1], call("GET", "https://mine.example/a")).exchanges == 2


def test_a_question_is_asked_of_the_operation_that_it_is_about() -> None:
    ask = load("questions")
    calls = [
        call("GET", "https://ask.example/orders", {"created": 1}),
        call("GET", "https://ask.example/payments", {"created": 2}),
    ]
    assert fold(ask, *calls).readings == {("created-of-orders", "number"): 2}


@each("name", ["media-types", "version-3-0", "questions"])
def test_spec_finds_nothing_wrong_with_a_sound_contract_of_others(name: str) -> None:
    assert [problem.message for problem in prove_contract(HERE / name).problems] == []


def test_spec_names_what_is_broken_in_a_contract_of_others() -> None:
    broken = [(one.check, one.line) for one in prove_contract(HERE / "references").problems]
    assert broken == [("reference", 12)]


@pytest.mark.parametrize("version", ["3.1.0", "3.0.3"])
def test_what_is_named_by_an_anchor_or_an_absolute_id_is_found(version: str) -> None:
    pet = {
        "$id": "https://pets.example/pet#",
        "$anchor": "pet",
        "properties": {"name": {"$anchor": "name", "type": "string"}, "mate": {"$ref": "#name"}},
    }
    named = {
        "#cat": "integer",  # of the document itself
        "https://pets.example/pet#name": "string",
        "https://pets.example/pet#/properties/name": "string",
        "parts/pets.json#cat": "boolean",
        "https://pets.example/pet": "object",
        "https://pets.example/pet#": "object",
        "https://elsewhere.example/pet": None,
        "#dog": None,
        "http://[": None,
    }
    asked = {f"m{at}": {"$ref": reference} for at, reference in enumerate(named)}
    answers = {
        "200": {"description": "d", "content": {"application/json": {"schema": {"properties": asked}}}}
    }
    root = {
        "openapi": version,
        "paths": {"/a": {"get": {"responses": answers}}},
        "components": {
            "schemas": {"Pet": pet | {"type": "object"}, "Cat": {"$anchor": "cat", "type": "integer"}}
        },
        "x-other": {"$ref": "parts/pets.json#/Cat"},
    }
    parts = {"Cat": {"$anchor": "cat", "type": "boolean"}}
    files = {"pets.yaml": root, "parts/pets.json": parts}
    contract = build_contract({name: parse_document(json.dumps(one), name) for name, one in files.items()})
    wrong = {f"/m{at}" for at, kind in enumerate(named.values()) if kind is not None}
    answer: dict[str, Any] = dict.fromkeys(asked)
    got = found(contract, call("GET", "https://any.example/a", answer))
    assert {pointer for _, pointer in got} == wrong
    assert found(contract, call("GET", "https://any.example/a", {"m4": {"mate": 1}})) == {
        ("type-mismatch", "/m4/mate")
    }
    assert len(contract.notes) == 1 + list(named.values()).count(None)
