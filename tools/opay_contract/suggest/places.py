"""What the contract, as it was read, says about the places of exchanges."""

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field
from opay_contract.contract.scopes import fields_of_scope, schemas_of_scope
from opay_contract.jsontext import Tokens
from opay_contract.model.observation import FieldLocation, Scope

Statement = tuple[str, Tokens]
"""A schema, or another part of the contract: its document and its place there."""


class Places:
    """Answers for scopes and spots, each found once."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._fields: dict[Scope, dict[str, Field]] = {}
        self._schemas: dict[Scope, dict[str, tuple[str, ...]]] = {}

    def fields_of(self, scope: Scope) -> dict[str, Field]:
        """Return the documented members of a scope by their pointers in the exchange."""
        if scope not in self._fields:
            self._fields[scope] = fields_of_scope(self._contract, scope)
        return self._fields[scope]

    def field_at(self, spot: FieldLocation) -> Field | None:
        """Return the documented member at a place."""
        return self.fields_of(spot[:3]).get(spot[3])

    def schemas_at(self, spot: FieldLocation) -> list[Statement]:
        """Return the schemas that speak about a place, whatever stands there."""
        scope = spot[:3]
        if scope not in self._schemas:
            self._schemas[scope] = schemas_of_scope(self._contract, scope)
        return [statement_of(uri) for uri in self._schemas[scope].get(spot[3], ())]


def statement_of(uri: str) -> Statement:
    """Return the document and the place of a schema's address."""
    file, tokens = split_uri(uri)
    return file, tuple(tokens)
