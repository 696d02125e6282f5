"""The independent judge of bodies: the `jsonschema` package over the same documents."""

from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from opay_contract.contract.addresses import document_uri
from opay_contract.contract.contract import Contract


def build_oracle(contract: Contract, uri: str) -> jsonschema.Draft202012Validator:
    """Return the other library's validator of the schema at an address of a contract."""
    resources = [
        (document_uri(name), DRAFT202012.create_resource(document.value))
        for name, document in contract.schemas.documents.items()
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    return jsonschema.Draft202012Validator({"$ref": uri}, registry=registry)
