"""The contract in one file: what refers, what is data, and what leads nowhere."""

import json
from pathlib import Path

import pytest

from opay_contract.contract.loading import load_documents
from opay_contract.docs.bundle import build_bundle
from opay_contract.errors import ContractError

SEEN = {"$ref": "a value that was seen"}


def edit(path: Path, **members: object) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**schema, **members}), encoding="utf-8")


def test_what_is_data_stays_as_it_is_though_it_looks_like_a_reference(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "customer.json", examples=[SEEN], default=SEEN)
    customer = build_bundle(load_documents(contract_dir))["components"]["schemas"]["Customer"]
    assert (customer["examples"], customer["default"]) == ([SEEN], SEEN)
    assert customer["properties"]["customerId"]["$ref"] == "#/components/schemas/CustomerId"


def test_a_member_that_is_called_like_a_keyword_is_no_keyword(contract_dir: Path) -> None:
    names = {"$ref": {"type": "string"}, "const": {"$ref": "customer-id.json"}}
    edit(contract_dir / "schemas" / "customer.json", properties=names)
    customer = build_bundle(load_documents(contract_dir))["components"]["schemas"]["Customer"]
    assert customer["properties"]["$ref"] == {"type": "string"}
    assert customer["properties"]["const"] == {"$ref": "#/components/schemas/CustomerId"}


def test_two_schemas_of_one_title_are_two_components(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "envelope.json", title="Customer")
    schemas = build_bundle(load_documents(contract_dir))["components"]["schemas"]
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


def test_what_an_extension_of_others_refers_to_is_theirs(contract_dir: Path) -> None:
    edit(contract_dir / "schemas" / "customer.json", **{"x-mine": {"$ref": "#/nowhere"}})
    customer = build_bundle(load_documents(contract_dir))["components"]["schemas"]["Customer"]
    assert customer["x-mine"] == {"$ref": "#/nowhere"}
