"""What the contract says about how sensitive a value is: by its place, or else by its member's name."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import iter_mappings
from opay_contract.jsontext import Tokens
from opay_contract.judge.annotations import Annotations
from opay_contract.judge.values import is_month, time_fault

CUSTOMER, CARD, PUBLIC, IDENTIFIER = "customer", "card", "public", "identifier"

_TOKEN_PREFIX = re.compile(r"([A-Za-z][A-Za-z_]*_)[0-9A-Fa-f]{16,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Statement:
    """What the contract says about one place: its class, if any, and every schema that describes it."""

    sensitivity: str | None
    uris: tuple[str, ...] = ()
    units: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()


class Sensitivity:
    """The contract's table of classes, and the words that are its own and nobody's data."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._documents = [document.value for document in contract.schemas.documents.values()]
        self.by_name = contract.sensitivity_by_name
        self.known_texts = frozenset(_iter_known_texts(contract))
        names = [str(at.tokens[-1]) for at, _ in contract.schemas.iter_properties()]
        headers = [header.name for operation in contract.operations for header in operation.required_headers]
        texts = [*names, *headers, *self.known_texts]
        self.words = frozenset(word.lower() for text in texts for word in _WORD.findall(text))
        examples = [text for document in self._documents for text in _iter_texts(document)]
        found = {match[1] for text in examples if (match := _TOKEN_PREFIX.fullmatch(text))}
        self.token_prefixes = tuple(sorted(found))

    def statements(self, described: Annotations | None) -> dict[Tokens, Statement]:
        """Return what is said about each place of a body."""
        places: dict[Tokens, list[tuple[str, dict[str, Any]]]] = {}
        for tokens, _, uri, node in described.nodes() if described else ():
            places.setdefault(tokens, []).append((uri, node))
        return {tokens: _statement(found) for tokens, found in places.items()}

    def undescribed(self, tokens: Tokens) -> Statement:
        """Return what can be said about a place that nothing describes: the class of its name."""
        names = [token for token in tokens if isinstance(token, str)]
        return Statement(self.by_name.get(names[-1]) if names else None)

    def verdict(self, statement: Statement, recorded: float) -> Callable[[Any], tuple[Any, ...]]:
        """Return a function from a value to everything that a check would see of it at this place."""
        validators = [self._contract.schemas.validator(uri) for uri in statement.uris]

        def judge(value: Any) -> tuple[Any, ...]:
            value = _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value
            keywords = [sorted(str(e.schema_path) for e in each.iter_errors(value)) for each in validators]
            month = is_month(value) if "month" in statement.units else None
            fault = time_fault(value, recorded) if "unix-seconds" in statement.units else None
            return (keywords, month, fault and fault.id)

        return judge


def _statement(found: list[tuple[str, dict[str, Any]]]) -> Statement:
    classes = [node["x-sensitivity"] for _, node in found if "x-sensitivity" in node]
    return Statement(
        sensitivity=classes[0] if classes else None,
        uris=tuple(uri for uri, _ in found),
        units=frozenset(str(node["x-unit"]) for _, node in found if "x-unit" in node),
        choices=tuple(choice for _, node in found for choice in (*node.get("enum", ()), *_constants(node))),
    )


def _constants(node: dict[str, Any]) -> tuple[Any, ...]:
    return (node["const"],) if "const" in node else ()


def _iter_known_texts(contract: Contract) -> Iterator[str]:
    for operation in contract.operations:
        envelope = operation.envelope
        if envelope is not None:
            yield from envelope.success
            for code in envelope.codes.values():
                yield code.code
                yield from code.messages


def _iter_texts(document: Any) -> Iterator[str]:
    for node in iter_mappings(document):
        for value in node.values():
            yield from (
                text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
            )
