"""The repository's own contract: sound, with the vendor's bodies in it, and its extensions explained."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from opay_contract.contract.documents import load_document
from opay_contract.jsontext import iter_nodes
from opay_contract.spec.extensions import load_extension_schema
from opay_contract.spec.lint import prove_contract
from opay_contract.spec.subject import read_subject

# https://documentation.opaycheckout.com, "Token Info By User API": the example response and the sample error.
PAGE_EXAMPLE = """
{
    "code":"00000",
    "message":"SUCCESSFUL",
    "data":{
        "customer":{
        "customerId":"121111113",
        "customerName":"20123111111",
        "customerEmail":"123@1231.com",
        "customerMobile":"20123111111"
    },
    "cardTokens":[
        {
            "opayToken":"OPAY_TOKEN_bf8593c1693546ea83743e4d433c5bf5",
            "brand":"VISA",
            "createTimestamp":1637822753,
            "lastFourDigits":"7411",
            "firstSixDigits":"450875"
        }
        ]
    }
}
"""
PAGE_ERROR = """
{
    "code": "20000",
    "message": "Duplicate merchant order number",
    "data": null
}
"""


def test_the_contract_of_this_repository_is_sound(repository: Path) -> None:
    proof = prove_contract(repository)
    assert proof.problems == ()
    assert min(proof.documents, proof.schemas, proof.examples, proof.references) > 10


def test_openapi_spec_validator_finds_nothing_either(repository: Path) -> None:
    spec = load_document(repository / "openapi.yaml", "openapi.yaml").value
    base = (repository / "openapi.yaml").as_uri()
    assert [error.message for error in OpenAPIV31SpecValidator(spec, base_uri=base).iter_errors()] == []


@pytest.mark.parametrize(
    ("source", "body"), [("page-example", PAGE_EXAMPLE), ("page-sample-error", PAGE_ERROR)]
)
def test_the_vendors_sample_is_an_example_word_for_word(repository: Path, source: str, body: str) -> None:
    spec = load_document(repository / "openapi.yaml", "openapi.yaml").value
    marked = [node["value"] for _, node in iter_nodes(spec) if _is_example_from(node, source)]
    assert [_exact(value) for value in marked] == [_exact(json.loads(body))]


def test_each_schema_file_is_valid_by_the_jsonschema_package_too(repository: Path) -> None:
    for path in (repository / "schemas").glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_the_schema_of_the_extensions_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(load_extension_schema())


def test_every_extension_is_explained_and_described_by_the_schema(repository: Path) -> None:
    subject, _ = read_subject(repository)
    occurring = {key for _, value in subject.statements for key in value if key.startswith("x-")}
    text = (repository / "tools/docs/reference/extensions.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^## `(x-[a-z-]+)`", text, flags=re.MULTILINE))
    assert occurring == explained == load_extension_schema()["properties"].keys()


def test_every_part_of_an_extension_is_mentioned_where_it_is_explained(repository: Path) -> None:
    text = (repository / "tools/docs/reference/extensions.md").read_text(encoding="utf-8")
    described = [node for _, node in iter_nodes(load_extension_schema()) if isinstance(node, dict)]
    names = {name for node in described for name in node.get("properties", {}) if isinstance(name, str)}
    assert {name for name in names if name not in text} == set()


def _is_example_from(node: Any, source: str) -> bool:
    return isinstance(node, dict) and "value" in node and node.get("x-source") == [source]


def _exact(value: Any) -> str:
    """Return a text that differs for values that Python calls equal, as 1 and 1.0, and keeps the order."""
    return json.dumps(value)
