"""A value of the contract with the place where it stands, read as what belongs there."""

from collections.abc import Mapping
from typing import Any

from opay_contract.contract.addresses import MISSING, Address, resolve, tokens_of
from opay_contract.contract.operation import code_text
from opay_contract.jsontext import Tokens


class MisplacedError(Exception):
    """A statement that is not what belongs there."""

    def __init__(self, at: Address, wanted: str) -> None:
        """Say what belongs at a place."""
        super().__init__(f"{at}: {wanted} belongs here")
        self.at = at
        self.wanted = wanted


class Stated:
    """A value of the contract and where it stands, wherever `$ref` led; steps say what they expect."""

    def __init__(self, values: Mapping[str, Any], at: Address) -> None:
        """Follow what stands at a place to where it leads."""
        self._values = values
        self.at, self.value = resolve(values, at)

    @property
    def uri(self) -> str:
        """The address of the value."""
        return self.at.uri

    def of(self, *tokens: str | int) -> "Stated":
        """Return what stands below; its value is MISSING where nothing does."""
        return Stated(self._values, self.at.child(*tokens))

    def as_object(self) -> "Stated":
        """Return it if it is an object; else it is misplaced."""
        if self.value is MISSING:
            raise MisplacedError(self.at, "a reference that leads somewhere")
        if not isinstance(self.value, dict):
            raise MisplacedError(self.at, "an object")
        return self

    def has(self, name: str) -> bool:
        """Tell whether it is an object with a member."""
        return isinstance(self.value, dict) and name in self.value

    def members(self, name: str) -> list[tuple[str, "Stated"]]:
        """Return the members of the object `name`; none where there is none."""
        found = self.of(name)
        if self.has(name) and not isinstance(found.value, dict):
            raise MisplacedError(found.at, "an object")
        return [(key, found.of(key)) for key in found.value] if self.has(name) else []

    def items(self, name: str) -> list["Stated"]:
        """Return the items of the list `name`; none where there is none."""
        found = self.of(name)
        if self.has(name) and not isinstance(found.value, list):
            raise MisplacedError(found.at, "a list")
        return [found.of(index) for index in range(len(found.value))] if self.has(name) else []

    def text(self, name: str) -> str:
        """Return the text `name`."""
        found = self.of(name)
        if not isinstance(found.value, str):
            raise MisplacedError(found.at, "text")
        return found.value

    def texts(self, name: str) -> list[str]:
        """Return the list of texts `name`."""
        found = self.of(name)
        if not isinstance(found.value, list) or not all(isinstance(one, str) for one in found.value):
            raise MisplacedError(found.at, "a list of texts")
        return found.value

    def code(self, name: str) -> str:
        """Return the business code `name` as text."""
        found = code_text(self.of(name).value)
        if found is None:
            raise MisplacedError(self.of(name).at, "text, an integer or a boolean")
        return found

    def codes(self, name: str) -> list[Any]:
        """Return the list of business codes `name` as they are written."""
        found = self.of(name)
        if not isinstance(found.value, list) or None in map(code_text, found.value):
            raise MisplacedError(found.at, "a list of texts, integers or booleans")
        return found.value

    def pointer(self, name: str) -> Tokens:
        """Return the steps of the JSON pointer `name`."""
        return tokens_of(self.text(name))
