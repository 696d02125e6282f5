"""What a contract says in `x-mock`: the records that are kept, what operations do with them, and choices.

Without it the mock keeps nothing: each answer is an example of the contract, or made from its schemas.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from opay_contract.contract.addresses import (
    MISSING,
    Address,
    absolute,
    parse_pointer,
    resolve,
    split_uri,
    value_below,
)
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens

_MEMBER = "x-mock"

Samples = dict[str, list[Any]]
"""What is written into a made-up value, by its place: one of each list; the empty place takes members."""


class _StatedItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    at: str
    key: str
    samples: Samples = {}


class _StatedRecords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    holds: dict[str, str]
    key: str
    items: _StatedItems | None = None
    samples: Samples = {}


class _StatedLookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operation: str
    by: str
    form: str | None = None
    finds: str | None = None
    adds: str | None = None
    removes: str | None = None
    to: str | None = None
    data: dict[str, str] = {}
    takes: dict[str, str] = {}


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the mock does by a reading: one of these; none, to make its answers fit the reading's evidence."""

    means: str | None = None
    status: int | None = None
    accepted: bool = False
    form: str | None = None
    prefix: str | None = None
    answers: Literal["no-data", "no-items", "null-items", "blank"] | None = None


class StatedChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An open question that the mock decides on: in which situation, for which form, and how by a reading."""

    question: str
    decides: str
    readings: dict[str, Action]
    form: str | None = None


class _StatedMock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    records: dict[str, _StatedRecords] = {}
    lookups: list[_StatedLookup] = []
    choices: list[StatedChoice] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let through, as the contract's expressions see it."""

    body: Any = None
    parameters: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """Something of a request, written as in OpenAPI's links: `$request.body#/id`, `$request.path.id`."""

    where: str
    tokens: Tokens

    def of(self, call: Call) -> Any:
        """Return what stands there in a request, MISSING where nothing does."""
        if self.where != "body":
            return call.parameters.get((self.where, str(self.tokens[0])), MISSING)
        return value_below(call.body, self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKind:
    """The items of a record that have keys of their own."""

    name: str
    at: Tokens
    key: Tokens
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsStated:
    """A kind of record: the schema of its data, where its key is, and the items in it."""

    name: str
    schema: str
    key: Tokens
    items: ItemKind | None
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What an operation, or one of its forms, does with records, or with the items in them.

    `data` says for places of the answer's data which place of the record they take, beside the item. `takes`
    says for places of what is added what of the request it is; an item is added `to` the record of a key.
    """

    does: str
    records: RecordsStated
    of_items: bool
    by: Expression
    to: Expression | None
    data: tuple[tuple[Tokens, Tokens], ...]
    takes: tuple[tuple[Tokens, Expression], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MockStatement:
    """All of `x-mock`; `lookups` are by the ids of operation and form, None where there are no forms."""

    records: dict[str, RecordsStated]
    lookups: dict[tuple[str, str | None], Lookup]
    choices: tuple[StatedChoice, ...]


def read_mock_statement(contract: Contract) -> MockStatement:
    """Read what a contract says to the mock; raises ContractError where it cannot be understood."""
    values = document_values(contract)
    root = contract.schemas.root
    if _MEMBER not in root.value:
        return MockStatement(records={}, lookups={}, choices=())
    at, value = resolve(values, Address(root.name, (_MEMBER,)))
    try:
        stated = msgspec.convert(value, _StatedMock)
        records = {name: _records(name, one, at.file) for name, one in stated.records.items()}
        lookups = {(one.operation, one.form): _lookup(one, records) for one in stated.lookups}
    except (msgspec.ValidationError, _MisunderstoodError) as error:
        raise ContractError(f"{at.file}: {_MEMBER}: {error}") from error
    known = {(one.id, form) for one in contract.operations for form in (None, *(f.id for f in one.forms))}
    if unknown := [key for key in lookups if key not in known]:
        name, form = unknown[0]
        form_words = f" of the form '{form}'" if form else ""
        raise ContractError(f"{at.file}: {_MEMBER}: there is no operation '{name}'{form_words}")
    return MockStatement(records=records, lookups=lookups, choices=tuple(stated.choices))


def document_values(contract: Contract) -> dict[str, Any]:
    """Return what each document of a contract says."""
    return {name: document.value for name, document in contract.schemas.documents.items()}


def data_schema(contract: Contract, operation: Operation, form: Form | None) -> str | None:
    """Return the address of the schema that `x-forms` names for the data of a success, if it names one."""
    forms = contract.schemas.find(f"{operation.uri}/x-forms")
    for index, one in enumerate(forms if isinstance(forms, list) and form is not None else ()):
        if form is not None and one.get("id") == form.id:
            at, found = resolve(document_values(contract), split_uri(f"{operation.uri}/x-forms/{index}/data"))
            return None if found is MISSING else at.uri
    return None


class _MisunderstoodError(Exception):
    """A statement that means nothing."""


def pointer_of(text: str) -> Tokens:
    """Return the steps of a JSON pointer; raises where it is none."""
    tokens = parse_pointer(text)
    if tokens is None:
        raise _MisunderstoodError(f"'{text}' is no JSON pointer")
    return tokens


def _expression(text: str) -> Expression:
    where, _, rest = text.removeprefix("$request.").partition(".")
    if text.startswith("$request.body#"):
        return Expression(where="body", tokens=pointer_of(text.removeprefix("$request.body#")))
    if text.startswith("$request.") and where in {"path", "query", "header"} and rest:
        return Expression(where=where, tokens=(rest.lower() if where == "header" else rest,))
    raise _MisunderstoodError(
        f"'{text}' is nothing of a request; write it as $request.body#/id, $request.path.id or "
        "$request.query.id"
    )


def _records(name: str, stated: _StatedRecords, file: str) -> RecordsStated:
    items = stated.items
    if "$ref" not in stated.holds:
        raise _MisunderstoodError(f"the records '{name}' are to hold a reference to a schema")
    return RecordsStated(
        name=name,
        schema=absolute(stated.holds["$ref"], file),
        key=pointer_of(stated.key),
        items=None
        if items is None
        else ItemKind(
            name=items.name, at=pointer_of(items.at), key=pointer_of(items.key), samples=items.samples
        ),
        samples=stated.samples,
    )


def _lookup(stated: _StatedLookup, records: Mapping[str, RecordsStated]) -> Lookup:
    said = [(does, getattr(stated, does)) for does in ("finds", "adds", "removes")]
    said = [(does, what) for does, what in said if what is not None]
    if len(said) != 1:
        raise _MisunderstoodError(f"a lookup of '{stated.operation}' is to have finds, adds or removes")
    does, what = said[0]
    for one in records.values():
        is_items = one.items is not None and one.items.name == what
        if is_items or one.name == what:
            return Lookup(
                does=does,
                records=one,
                of_items=is_items,
                by=_expression(stated.by),
                to=None if stated.to is None else _expression(stated.to),
                data=tuple((pointer_of(at), pointer_of(of)) for at, of in stated.data.items()),
                takes=tuple((pointer_of(at), _expression(of)) for at, of in stated.takes.items()),
            )
    raise _MisunderstoodError(f"there are no records '{what}'")


def put(value: Any, tokens: Tokens, child: Any) -> Any:
    """Return a value in which something else stands at `tokens`; objects on the way are made, and changed."""
    if not tokens:
        return child
    target = value
    for token in tokens[:-1]:
        target = target[int(token)] if isinstance(target, list) else target.setdefault(str(token), {})
    if isinstance(target, list):
        target[int(tokens[-1])] = child
    else:
        target[str(tokens[-1])] = child
    return value


def iter_places(value: Any, tokens: Tokens) -> Iterator[tuple[Any, str | int]]:
    """Yield container and step of each place that tokens, with `*` for each item, lead to."""
    *path, last = tokens
    holders = [value]
    for step in path:
        inner: list[Any] = []
        for holder in holders:
            if step == "*" and isinstance(holder, list):
                inner += holder
            elif isinstance(holder, dict) and step in holder:
                inner.append(holder[step])
        holders = inner
    for holder in holders:
        if last == "*" and isinstance(holder, list):
            yield from ((holder, index) for index in range(len(holder)))
        elif isinstance(holder, dict):
            yield holder, last
