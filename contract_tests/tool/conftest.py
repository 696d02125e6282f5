"""The contracts that the tests of the core judge by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract, load_contract

LEDGER = Path(__file__).parent / "whole" / "contracts" / "ledger"

Build = Callable[..., Contract]


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return OPay's contract."""
    return load_contract()


@pytest.fixture(scope="session")
def ledger() -> Contract:
    """Return the invented contract, whose base URL has a path and whose path has a parameter."""
    return load_contract(LEDGER)


@pytest.fixture(scope="session")
def build() -> Build:
    """Return a function from schemas, and an operation's body schemas, to a contract made up for a test."""

    def build_one(
        schemas: dict[str, Any],
        request: str = "",
        response: str = "",
        paths: dict[str, str] | None = None,
        **more: Any,
    ) -> Contract:
        operation = {
            **({"requestBody": {"content": _json(request)}} if request else {}),
            "responses": {"200": {"description": "d", **({"content": _json(response)} if response else {})}},
            **more,
        }
        root = {
            "openapi": "3.1.1",
            "info": {"title": "t", "version": "1"},
            "servers": [{"url": "https://api.example"}],
            "paths": {
                path: {"post": {"operationId": name, **operation}}
                for path, name in (paths or {"/call": "call"}).items()
            },
        }
        texts = {"openapi.yaml": root, **{f"schemas/{name}.json": schema for name, schema in schemas.items()}}
        return build_contract(
            {name: parse_document(json.dumps(value), name) for name, value in texts.items()}
        )

    return build_one


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"schemas/{name}.json"}}}
