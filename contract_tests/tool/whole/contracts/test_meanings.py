"""What contracts of others say about bodies, codes, times and card numbers, and how it is understood."""

import json
from typing import Any

from contract_tests.tool.running import run_command
from contract_tests.tool.whole.contracts.asking import JSON, call, fold, found
from contract_tests.usual import each

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract
from opay_contract.contract.operation import code_text

BASE = "https://any.example"
PAN = "4508750015741019"


def of(schema: Any, **operations: dict[str, Any]) -> Contract:
    """Return a contract of which GET /a answers by a schema, beside other operations."""
    answers = {"200": {"description": "d", "content": {"application/json": {"schema": schema}}}}
    root = {
        "openapi": "3.1.0",
        "servers": [{"url": BASE}],
        "paths": {"/a": {"get": {"operationId": "a", "responses": answers}}, **operations.pop("paths", {})},
        "components": operations.pop("components", {}),
    }
    return build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})


def answered(contract: Contract, body: Any) -> set[tuple[str, str]]:
    return found(contract, call("GET", f"{BASE}/a", body))


def test_http_lets_answers_have_no_body_whatever_is_documented() -> None:
    answers = {"default": {"description": "d", "content": {"application/json": {"schema": {}}}}}
    item = {method: {"responses": answers} for method in ("head", "put")}
    contract = of({}, paths={"/b": item})
    empty = [("HEAD", 200), ("HEAD", 404), ("PUT", 204), ("PUT", 205), ("PUT", 304), ("PUT", 199)]
    assert not found(contract, *(call(method, f"{BASE}/b", "", status=status) for method, status in empty))
    for status in (200, 203, 206):
        assert found(contract, call("PUT", f"{BASE}/b", "", status=status)) == {("body-empty", "")}


def test_what_is_read_only_is_not_asked_of_requests_nor_what_is_write_only_of_answers() -> None:
    user = {
        "required": ["id", "name", "password"],
        "properties": {
            "id": {"$ref": "#/components/schemas/Id"},
            "name": {"type": "string"},
            "password": {"type": "string", "writeOnly": True},
        },
        "additionalProperties": False,
    }
    media = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/User"}}}}
    post = {"post": {"requestBody": media, "responses": {"200": {"description": "d", **media}}}}
    parts = {"User": user, "Id": {"type": "integer", "readOnly": True}}
    contract = of({}, paths={"/users": post}, components={"schemas": parts})
    asked, said = {"name": "n", "password": "p"}, {"id": 1, "name": "n"}

    def ask(asked: Any, said: Any) -> set[tuple[str, str]]:
        return found(contract, call("POST", f"{BASE}/users", said, asked=asked))

    assert not ask(asked, said)
    assert not ask({**asked, "id": 1}, {**said, "password": "p"})
    assert ask({"name": "n"}, {"name": "n"}) == {
        ("request-field-missing", "/password"),
        ("field-missing", "/id"),
    }
    assert ask({"password": "p"}, {"id": 1}) == {
        ("request-field-missing", "/name"),
        ("field-missing", "/name"),
    }


CARD = {"required": ["kind", "pan"], "properties": {"kind": {"const": "card"}, "pan": {"type": "string"}}}
BANK = {"required": ["kind", "iban"], "properties": {"kind": {"enum": ["bank"]}, "iban": {"type": "string"}}}
UNIONS: list[tuple[dict[str, Any], Any, tuple[str, str, str]]] = [
    (
        {"oneOf": [CARD, BANK]},
        {"kind": "bank", "pan": "x"},
        ("field-missing", "/iban", "a required member, by 'schema 2'"),
    ),
    (
        {"oneOf": [CARD, BANK]},
        {"kind": "bank", "iban": 7},
        ("type-mismatch", "/iban", "string, by 'schema 2'"),
    ),
    (
        {"anyOf": [CARD, BANK]},
        {"kind": "card"},
        ("field-missing", "/pan", "a required member, by 'schema 1'"),
    ),
    ({"oneOf": [CARD, {"type": "null"}]}, {"kind": "card", "pan": 7}, ("type-mismatch", "/pan", "string")),
    (
        {"anyOf": [{"type": "integer"}, {"type": ["null", "boolean"]}]},
        "x",
        ("type-mismatch", "", "integer or null or boolean"),
    ),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, None, ("field-null", "", "integer or string")),
    (
        {"oneOf": [{"type": "integer"}, {"minimum": 1}]},
        2,
        ("constraint-violated", "", "one of the schemas of a `oneOf`"),
    ),
    (
        {
            "oneOf": [
                {"properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
                {"required": ["b", "c"]},
            ]
        },
        {"a": "x"},
        ("type-mismatch", "/a", "integer or null, by 'schema 1', the nearest of 2"),
    ),
]


@each(("schema", "body", "wanted"), UNIONS)
def test_a_value_that_fits_none_of_several_schemas_is_told_by_the_nearest(
    schema: dict[str, Any], body: Any, wanted: tuple[str, str, str]
) -> None:
    contract = of({"properties": {"a": schema}})
    (only,) = fold(contract, call("GET", f"{BASE}/a", {"a": body})).findings.values()
    assert (only.rule.id, only.pointer.removeprefix("/a")) == wanted[:2]
    assert only.expected.startswith(wanted[2])


def test_a_discriminator_names_the_schema_whatever_else_is_nearer() -> None:
    mapping = {"c": "#/components/schemas/Card"}
    union = {
        "oneOf": [{"$ref": "#/components/schemas/Bank"}, {"$ref": "#/components/schemas/Card"}],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    parts = {
        "Bank": {"required": ["iban"], "properties": {"type": {}, "iban": {"type": "string"}}},
        "Card": {"required": ["pan", "month", "year"]},
    }
    contract = of(union, components={"schemas": parts})
    missing = {("field-missing", f"/{name}") for name in ("pan", "month", "year")}
    assert answered(contract, {"type": "c"}) == missing
    assert answered(contract, {"type": "Card"}) == missing
    assert answered(contract, {"type": "Bank"}) == {("field-missing", "/iban")}
    assert answered(contract, {"type": "other"}) == {("field-missing", "/iban")}
    (first, *_) = fold(contract, call("GET", f"{BASE}/a", {"type": "c"})).findings.values()
    assert first.expected == "a required member, by 'Card', the nearest of 2"


@each(
    ("value", "rule"),
    [
        (1_700_000_000_000, None),
        ("1700000000000", None),
        (10**11, None),
        (0, None),
        (10**11 - 1, "timestamp-not-milliseconds"),
        (10**14, "timestamp-not-milliseconds"),
        (1_700_000_000, "timestamp-not-milliseconds"),
        ("soon", "timestamp-not-milliseconds"),
        (-1, "timestamp-not-milliseconds"),
        (1_790_000_300_000, None),
        (1_790_000_301_000, "timestamp-in-future"),
    ],
)
def test_times_may_be_counted_in_milliseconds(value: Any, rule: str | None) -> None:
    contract = of({"properties": {"at": {"type": ["integer", "string"], "x-unit": "unix-milliseconds"}}})
    assert answered(contract, {"at": value}) == ({(rule, "/at")} if rule else set())


@each(("good", "bad", "new"), [(0, 7, 8), (True, False, None), ("OK", "NO", "NEW")])
def test_codes_may_be_texts_integers_or_booleans(good: Any, bad: Any, new: Any) -> None:
    envelope = {"properties": {"code": {"x-sensitivity": "public"}, "message": {}, "data": {}}}
    operation = {
        "operationId": "b",
        "x-envelope": {
            "schema": {"$ref": "#/components/schemas/Envelope"},
            "code": "/code",
            "message": "/message",
            "data": "/data",
            "success": {"$ref": "#/components/schemas/Good"},
        },
        "x-business-codes": [{"code": good, "messages": ["fine"]}, {"code": bad, "messages": []}],
        "responses": {
            "200": {
                "description": "d",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}},
            }
        },
    }
    parts = {"Envelope": envelope, "Good": {"enum": [good]}}
    contract = of({}, paths={"/b": {"get": operation}}, components={"schemas": parts})
    calls = [call("GET", f"{BASE}/b", {"code": code, "message": "fine"}) for code in (good, bad)]
    summary = fold(contract, *calls)
    assert not summary.findings
    assert {key[2] for key in summary.outcomes} == {"success", "business-error"}
    assert found(contract, call("GET", f"{BASE}/b", {"code": good, "message": "odd"})) == {
        ("message-undocumented", "/message")
    }
    if new is not None:
        assert found(contract, call("GET", f"{BASE}/b", {"code": new})) == {("code-undocumented", "/code")}
    read = next(one.envelope for one in contract.operations if one.id == "b")
    assert read
    for code in (good, bad) if new is None else (good, bad, new):
        written = read.value_of(str(code_text(code)))
        assert (type(written), written) == (type(code), code)


def test_a_credential_of_one_operation_is_not_passed_over_in_another() -> None:
    secret = {"type": "string", "x-sensitivity": "credential"}
    schema: dict[str, Any] = {"properties": {"other": {}}}
    other = {"content": {"application/json": {"schema": schema}}}
    item = {"get": {"operationId": "b", "responses": {"200": {"description": "d", **other}}}}
    contract = of({"properties": {"token": secret}}, paths={"/b": item})
    assert not answered(contract, {"token": PAN})
    exposed = {("card-number-exposed", "/token"), ("response-field-undocumented", "/token")}
    assert found(contract, call("GET", f"{BASE}/b", {"token": PAN})) == exposed


def test_a_name_is_passed_over_at_unknown_paths_where_all_that_have_it_identify() -> None:
    def having(members: dict[str, str]) -> dict[str, Any]:
        named = {name: {"type": "string", "x-sensitivity": stated} for name, stated in members.items()}
        return {"properties": named}

    content = {"application/json": {"schema": having({"both": "public", "other": "customer"})}}
    item = {"get": {"operationId": "b", "responses": {"200": {"description": "d", "content": content}}}}
    contract = of(having({"token": "credential", "both": "credential"}), paths={"/b": item})
    assert contract.names_not_searched(None) == {"token"}
    assert contract.names_not_searched(contract.operations[0]) == {"token", "both"}


def test_a_card_number_that_is_documented_is_no_finding_where_it_is_documented() -> None:
    contract = of({"properties": {"pan": {"type": "string", "x-sensitivity": "card-number"}, "note": {}}})
    assert not answered(contract, {"pan": PAN})
    assert answered(contract, {"pan": "x", "note": PAN}) == {("card-number-exposed", "/note")}
    assert ("card-number-exposed", "/inner/pan") in answered(contract, {"inner": {"pan": PAN}})


HASH = "d41d8cd98f00b204e9800998ecf8427e"


@each(
    ("text", "is_card"),
    [
        (f"ab{PAN}cd{HASH[:12]}", False),
        (f"ab{PAN}cdabcd", False),
        (f"AB{PAN}CDABCD", False),
        (f"{PAN[:8]}-{PAN[8:12]}-{PAN[12:]}-abcd-0123456789ab", False),
        (f"urn:uuid:{PAN[:8]}-{PAN[8:12]}-{PAN[12:]}-abcd-0123456789ab", False),
        (f"{PAN[:8]}-{PAN[8:12]}-{PAN[12:]}-0000-000000000000", True),
        (f"ab{PAN}", True),
        (f"aB{PAN}cdabcd", True),
        (f"abc{PAN}00000", False),
        (f"{HASH} {PAN}", True),
        (f"{HASH}:{PAN[:4]} {PAN[4:8]} {PAN[8:12]} {PAN[12:]}", True),
        (f"{HASH[:22]}gh {PAN}", True),
    ],
)
def test_digits_of_hashes_and_uuids_are_no_card_numbers(text: str, is_card: bool) -> None:  # noqa: FBT001
    exposed = {("card-number-exposed", "/a")} if is_card else set()
    assert answered(of({"properties": {"a": {}}}), {"a": text}) == exposed


def test_members_of_others_that_begin_with_x_are_no_faults(tmp_path: Any) -> None:
    root = {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1", "x-logo": {"url": "u"}},
        "x-tagGroups": [],
        "servers": [{"url": BASE, "x-internal": True}],
        "paths": {
            "/a": {
                "x-path": {"x": 1},
                "get": {
                    "x-codeSamples": [{"lang": "C"}],
                    "parameters": [{"name": "q", "in": "query", "x-more": 7, "schema": {"x-other": ["a"]}}],
                    "responses": {
                        "200": {
                            "x-b": 1,
                            "description": "d",
                            "content": {
                                "application/json": {"schema": {"type": "object", "x-mine": {"a": 1}}}
                            },
                        }
                    },
                },
            }
        },
    }
    (tmp_path / "openapi.yaml").write_text(json.dumps(root))
    (tmp_path / "calls.ndjson").write_text(json.dumps(call("GET", f"{BASE}/a?q=1", {}, answered=JSON)))
    for command in (
        ["spec", "."],
        ["check", "calls.ndjson", "--contract", "."],
        ["docs", ".", "--output", "o"],
    ):
        done = run_command(*command, cwd=tmp_path)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_an_extension_of_our_name_and_another_form_is_passed_over_where_bodies_are_judged() -> None:
    odd = {"x-sensitivity": {"a": 1}, "x-unit": ["unix-seconds"], "x-unique-by": 7, "x-source": 7}
    assert answered(of({"properties": {"a": {"type": "integer", **odd}}}), {"a": "x"}) == {
        ("type-mismatch", "/a")
    }


def test_a_contract_of_webhooks_alone_judges_nothing_and_says_so(tmp_path: Any) -> None:
    media = {"content": {"application/json": {"schema": {"type": "object"}}}}
    hook = {"post": {"requestBody": media, "responses": {"200": {"description": "d"}}}}
    root = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "webhooks": {"paid": hook}}
    (tmp_path / "openapi.yaml").write_text(json.dumps(root))
    (tmp_path / "calls.ndjson").write_text(json.dumps(call("GET", f"{BASE}/a", {})))
    assert run_command("spec", ".", cwd=tmp_path).returncode == 0
    done = run_command("check", "calls.ndjson", "--contract", ".", cwd=tmp_path)
    assert done.returncode == 3
    assert "note: openapi.yaml:1:1: no operation is described" in done.stderr
