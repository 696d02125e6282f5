"""What of a contract the suite asks by: which operation looks records up, and by which members.

Tests that need what a contract does not have are left out, and that is said.
"""

import secrets
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Form, Operation
from opay_contract.mock.records import RecordBook
from opay_contract.mock.sound import SoundRequest, make_request
from opay_contract.mock.state import Lookup, put

RECORDS, ITEMS, SIGNATURE, IDENTITY = "records", "items", "signature", "identity"
"""What a test may need of a contract."""

LACKS: Mapping[str, str] = {
    RECORDS: "no operation looks a record up by its body (`x-mock`)",
    ITEMS: "no operation looks an item up by its body (`x-mock`)",
    SIGNATURE: "no request is signed (`x-signature`)",
    IDENTITY: "no header says who signs",
}

NEEDS = "opay_needs"
"""The attribute of a test with what it needs."""

_Test = TypeVar("_Test", bound=Callable[..., Any])


def needs(*names: str) -> Callable[[_Test], _Test]:
    """Mark a test with what it needs of a contract."""

    def mark(test: _Test) -> _Test:
        setattr(test, NEEDS, names)
        return test

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBy:
    """A form of an operation that looks something up by a member of the body."""

    operation: Operation
    form: Form | None
    lookup: Lookup

    @property
    def member(self) -> str:
        """The name of the member that says what is asked for."""
        return str(self.lookup.by.tokens[-1])


class Questions:
    """What can be asked by a contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.book = RecordBook(contract)

    def _by(self, *, of_items: bool) -> AskedBy | None:
        for operation in self.contract.operations:
            for form in operation.forms or (None,):
                lookup = self.book.lookup(operation, form)
                if lookup and (lookup.does, lookup.by.where, lookup.of_items) == ("finds", "body", of_items):
                    return AskedBy(operation=operation, form=form, lookup=lookup)
        return None

    @cached_property
    def by_record(self) -> AskedBy | None:
        """How a record is asked for; None where none can be by a body."""
        return self._by(of_items=False)

    @cached_property
    def by_item(self) -> AskedBy | None:
        """How an item is asked for, at the same operation."""
        found = self._by(of_items=True)
        same = (
            found is not None and self.by_record is not None and found.operation is self.by_record.operation
        )
        return found if same else None

    @cached_property
    def operation(self) -> Operation:
        """The operation that most is asked of: one that looks a record up, or is signed, or the first."""
        if self.by_record is not None:
            return self.by_record.operation
        signed = (one for one in self.contract.operations if one.is_signed)
        return next(signed, self.contract.operations[0])

    @property
    def identity(self) -> str | None:
        """The name of the header that says who signs."""
        scheme = self.contract.signature
        return self.operation.identity_header(scheme) if scheme and self.operation.is_signed else None

    @cached_property
    def had(self) -> frozenset[str]:
        """What a test may need and the contract has."""
        found = {
            RECORDS: self.by_record is not None,
            ITEMS: self.by_item is not None,
            SIGNATURE: self.operation.is_signed and self.by_record is not None,
            IDENTITY: self.identity is not None,
        }
        return frozenset(name for name, is_there in found.items() if is_there)

    @cached_property
    def needs_credential(self) -> bool:
        """Whether some operation asks for a key or a password that is no signature."""
        return any(not one.is_signed and any(one.credentials) for one in self.contract.operations)

    def body(self, by: AskedBy | None, asked: str) -> dict[str, Any]:
        """Return the body that asks for a record or an item of a key."""
        if by is None:
            made = make_request(
                self.contract, self.book, self.operation, next(iter(self.operation.forms), None)
            )
            return made.body if isinstance(made.body, dict) else {}
        if asked:
            made = make_request(self.contract, self.book, by.operation, by.form, asked)
        else:  # a placeholder would stand in place of a key without a character
            made = make_request(self.contract, self.book, by.operation, by.form, "-")
        body = deepcopy(made.body) if isinstance(made.body, dict) else {}
        if value_below(body, by.lookup.by.tokens) is not MISSING:
            put(body, by.lookup.by.tokens, asked)
        return body

    def requests(self, asked: str | None) -> list[SoundRequest]:
        """Return a sound request of each form of each operation, about a record of a key where about any."""
        return [
            make_request(self.contract, self.book, operation, form, self._key(operation, form, asked))
            for operation in self.contract.operations
            for form in operation.forms or (None,)
        ]

    def is_known(self, request: SoundRequest, asked: str | None) -> bool:
        """Tell whether a target has what a request is about: nothing, something new, or what it knows."""
        lookup = self.book.lookup(request.operation, request.form)
        return lookup is None or lookup.does == "adds" or (asked is not None and request.asked == asked)

    def _key(self, operation: Operation, form: Form | None, asked: str | None) -> str | None:
        lookup, by = self.book.lookup(operation, form), self.by_record
        if lookup is None:
            return None
        if lookup.does != "finds":  # nothing that is there is to be changed, least of all removed
            return f"opay-contract-{secrets.token_hex(6)}"
        is_known = by is not None and lookup.records is by.lookup.records and not lookup.of_items
        return asked if is_known else None
