"""The records that a mock starts with: made up, read from a file, or the contract's examples.

Nobody real is among those made up, as far as the contract's samples are nobody's. The same number makes the
same records on every machine.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, Position, load_document
from opay_contract.contract.fields import iter_places
from opay_contract.contract.operation import Form, Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Tokens, pointer
from opay_contract.judge import body
from opay_contract.judge.describing import fold_pointer
from opay_contract.mock.samples import Sampler, iter_described, success_examples
from opay_contract.mock.statement import (
    AdmittedRequest,
    Lookup,
    RecordsStated,
    Samples,
    Steps,
    put,
    read_mock_statement,
)
from opay_contract.mock.store import StoredRecord

_ITEMS_OF_RECORDS = (0, 1, 1, 2, 3)
_SAMPLE_ITEMS = 2


class RecordKind:
    """One kind of record: makes, reads and checks them, and turns them into data and back."""

    def __init__(self, contract: Contract, stated: RecordsStated) -> None:
        self.stated, self.name = stated, stated.name
        self.single = stated.name.removesuffix("s")
        self._contract, self._sampler = contract, Sampler(contract.schemas)
        schemas = contract.schemas
        self._items_uri = ""
        if stated.items:
            place = pointer((*stated.items.at, "*"))
            found = (uris[0] for at, uris in iter_places(schemas, stated.schema) if at == place and uris)
            self._items_uri = next(found, "")
            if not self._items_uri:
                said = f"the schema of {stated.name} describes nothing at '{place}'"
                raise ContractError(f"{schemas.root.name}: x-mock: {said}")
        self._data_validator = schemas.closed_validator(stated.schema)
        self._item_validator = schemas.closed_validator(self._items_uri or stated.schema)

    def faults(self, data: Any) -> Iterator[tuple[Tokens, str]]:
        """Yield place and fault of whatever keeps data from being a record."""
        return iter_faults(self._data_validator, data, self._contract.schemas)

    def item_faults(self, item: Any) -> Iterator[tuple[Tokens, str]]:
        """Yield place and fault of whatever keeps a value from being an item."""
        return iter_faults(self._item_validator, item, self._contract.schemas)

    def id_of(self, data: Any) -> str:
        """Return what identifies a record, empty where the data lack it."""
        found = value_below(data, self.stated.key)
        return "" if found is MISSING else str(found)

    def item_id(self, item: dict[str, Any]) -> str:
        """Return what identifies an item."""
        return str(value_below(item, self.stated.items.key)) if self.stated.items else ""

    def stored(self, data: Any) -> StoredRecord:
        """Return the record that sound data hold."""
        document = deepcopy(data)
        items: list[dict[str, Any]] = []
        if self.stated.items:
            items = value_below(document, self.stated.items.at) or []
            put(document, self.stated.items.at, [])
        return StoredRecord(
            kind=self.name,
            id=self.id_of(data),
            document=document,
            items={self.item_id(item): item for item in items},
        )

    def data(self, stored: StoredRecord) -> dict[str, Any]:
        """Return a record as data again; `stored` turns it back."""
        data: dict[str, Any] = deepcopy(stored.document)
        if self.stated.items:
            put(data, self.stated.items.at, [deepcopy(item) for item in stored.items.values()])
        return data

    def made_up(self, id_: str, number: int, random: Random, items: int) -> StoredRecord:
        """Return a record of an id with made-up members, and as many made-up items."""
        data = self._made_up(self.stated.schema, self.stated.samples, number, random)
        put(data, self.stated.key, self._as_key(data, self.stated.key, id_))
        made = [self.made_up_item(random) for _ in range(items)] if self.stated.items else []
        return replace(self.stored(data), id=id_, items={self.item_id(item): item for item in made})

    def made_up_item(self, random: Random, id_: str | None = None) -> dict[str, Any]:
        """Return a made-up item, of an id where one is given."""
        items = self.stated.items
        if items is None:
            return {}
        number = random.getrandbits(24)
        item: dict[str, Any] = self._made_up(self._items_uri, items.samples, number, random)
        if id_ is not None:
            put(item, items.key, id_)
        elif not items.samples.get(pointer(items.key)):
            name = f"{items.name.removesuffix('s')}-{number}"
            put(item, items.key, self._as_key(item, items.key, name, number))
        return item

    def sample(self, id_: str) -> StoredRecord:
        """Return a record with two items; the same for every id, but for the id."""
        return self.made_up(id_, 0, Random(id_), _SAMPLE_ITEMS)  # noqa: S311  made-up data

    def sample_of_item(self, item: str) -> StoredRecord:
        """Return a record with one item of an id."""
        record = self.sample(f"{self.single}-0")
        return replace(record, items={item: self.made_up_item(Random(record.id), item)})  # noqa: S311

    def blank(self, id_: str) -> StoredRecord:
        """Return a record of an id with empty texts and without items."""
        data = self.data(replace(self.sample(id_), items={}))
        for one in list(iter_described(self._contract.schemas, self.stated.schema, data)):
            if isinstance(one.value, str) and one.tokens != self.stated.key:
                put(data, one.tokens, "")
        return self.stored(data)

    def load(self, document: Document, at: Tokens, found: Any) -> list[StoredRecord]:
        """Read the records of a seed file's list; every fault names its line and column."""
        if not isinstance(found, list):
            raise UsageError(
                f"{_place_in(document, at)}: expected a list of {self.name}, each as the data of an answer"
            )
        for index, item in enumerate(found):
            for tokens, fault in self.faults(item):
                raise UsageError(_fault_at(document, (*at, index, *tokens), len(at), self.single, fault))
        key, items = self.stated.key, self.stated.items
        places = [((*at, index, *key), value_below(data, key)) for index, data in enumerate(found)]
        if items is not None:
            places += [
                ((*at, index, *items.at, number, *items.key), self.item_id(item))
                for index, data in enumerate(found)
                for number, item in enumerate(value_below(data, items.at))
            ]
        seen: set[tuple[int, Any]] = set()
        for tokens, identity in places:
            if (len(tokens), identity) in seen:
                said = f"is there twice; it must identify one {self.single} or item"
                raise UsageError(_fault_at(document, tokens, len(at), self.single, said))
            seen.add((len(tokens), identity))
        return [self.stored(item) for item in found]

    def _made_up(self, uri: str, samples: Samples, number: int, random: Random) -> Any:
        seed = random.random()
        value = self._sampler.sample(uri, seed, by_example=False)
        if value is MISSING:
            value = self._sampler.sample(uri, seed)
        if value is MISSING or not isinstance(value, dict):
            raise ContractError(
                f"{self._contract.schemas.root.name}: x-mock: no {self.single} can be made from its schema"
            )
        for place, given in samples.items():
            one = random.choice(given)
            if place:
                put(value, Steps.of(place), _filled(one, number, random))
            else:
                value |= {name: _filled(child, number, random) for name, child in one.items()}
        return value

    def _as_key(self, data: Any, key: Tokens, id_: str, number: int | None = None) -> Any:
        """Return an id of the type that the key has in made-up data."""
        made = value_below(data, key)
        if isinstance(made, int) and not isinstance(made, bool):
            digits = "".join(filter(str.isdecimal, id_))
            return int(digits) if digits else number or made
        return id_


class LookedUp(msgspec.Struct, frozen=True, kw_only=True):
    """A form of an operation that looks something up."""

    operation: Operation
    form: Form | None
    lookup: Lookup


class RecordBook:
    """Every kind of record of a contract, and what lookups make of them."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.statement = read_mock_statement(contract)
        self.kinds = {name: RecordKind(contract, one) for name, one in self.statement.records.items()}

    @property
    def first(self) -> RecordKind:
        """The kind that is meant where none is named."""
        for kind in self.kinds.values():
            return kind
        raise UsageError("the contract has no records (`x-mock`), so nothing can be kept")

    def lookup(self, operation: Operation, form: Form | None) -> Lookup | None:
        """Return what a request of a form does with records."""
        return self.statement.lookups.get((operation.id, form.id if form else None))

    def data_of(self, lookup: Lookup, stored: StoredRecord) -> dict[str, Any]:
        """Return what an answer by a lookup has as data."""
        whole = self.kinds[lookup.records.name].data(stored)
        if not lookup.of_items:
            return whole
        data = deepcopy(next(iter(stored.items.values())))
        for at, of in lookup.data:
            put(data, at, value_below(whole, of))
        return data

    def made_up(self, count: int, seed_number: int) -> Iterator[StoredRecord]:
        """Yield `count` records of each kind, named `customer-1` and so on where they are customers."""
        for kind in self.kinds.values():
            random = Random(seed_number)  # noqa: S311  made-up data
            for number in range(1, count + 1):
                yield kind.made_up(
                    f"{kind.single}-{number}", number, random, random.choice(_ITEMS_OF_RECORDS)
                )

    def added(self, lookup: Lookup, call: AdmittedRequest, key: str) -> tuple[StoredRecord, str | None]:
        """Return the record, and its item, that a request adds: made up but for what the request says."""
        kind = self.kinds[lookup.records.name]
        owner = lookup.to.of(call) if lookup.to is not None else MISSING
        record_id = key if not lookup.of_items else str(f"{kind.single}-0" if owner is MISSING else owner)
        random = Random(f"{record_id} {key}")  # noqa: S311  made-up data
        record = kind.made_up(record_id, 0, random, 0)
        if not lookup.of_items:
            return replace(record, document=_with(record.document, lookup, call, kind.faults)), None
        item = _with(kind.made_up_item(random), lookup, call, kind.item_faults)
        id_ = kind.item_id(item)
        return replace(record, items={id_: item}), id_

    def load(self, path: Path) -> list[StoredRecord]:
        """Read a JSON or YAML file that holds a list of records, or a list by the name of each kind."""
        try:
            document = load_document(path, str(path))
        except ContractError as error:
            raise UsageError(str(error)) from error
        if not isinstance(document.value, dict):
            return self.first.load(document, (), document.value)
        unknown = [name for name in document.value if name not in self.kinds]
        if unknown:
            known = ", ".join(self.kinds) or "none"
            raise UsageError(f"{path}:1:1: the contract has no records of this name; there are {known}")
        lists = document.value.items()
        return [one for name, found in lists for one in self.kinds[name].load(document, (name,), found)]

    def examples(self) -> list[StoredRecord]:
        """Return the records of the contract's examples, with what the examples by item add to them."""
        found: dict[tuple[str, str], StoredRecord] = {}
        for one in (*self.looking_up(), *self.looking_up(of_items=True)):
            envelope, kind = one.operation.envelope, self.kinds[one.lookup.records.name]
            for value in success_examples(self._contract, one.operation, one.form):
                data = value if envelope is None else value_below(value, envelope.data)
                if not isinstance(data, dict):
                    continue
                whole = _as_record(kind, one.lookup, data) if one.lookup.of_items else data
                if not kind.id_of(whole):
                    continue
                stored = kind.stored(whole)
                before = found.get((kind.name, stored.id))
                items = {**(before.items if before else {}), **stored.items}
                found[kind.name, stored.id] = replace(stored, items=items)
        return list(found.values())

    def looking_up(self, *, of_items: bool = False) -> Iterator[LookedUp]:
        """Yield the forms of operations that look records up, or the items in them."""
        for operation in self._contract.operations:
            for form in operation.forms or (None,):
                lookup = self.lookup(operation, form)
                if lookup is not None and lookup.does == "finds" and lookup.of_items is of_items:
                    yield LookedUp(operation=operation, form=form, lookup=lookup)


def iter_faults(validator: Any, value: Any, schemas: SchemaSet) -> Iterator[tuple[Tokens, str]]:
    """Yield place and fault of whatever keeps a value from being what a schema describes."""
    for error in validator.iter_errors(value):
        if error.kind.name == "unevaluatedProperties":
            yield (*error.instance_path, error.kind.unexpected[0]), "is no member that the contract knows"
            continue
        for fault in body.iter_faults([error], schemas):
            is_missing = fault.keyword == "required"
            yield fault.tokens, "is missing" if is_missing else f"is not {fault.rule_and_words()[1]}"


def _as_record(kind: RecordKind, lookup: Lookup, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an answer about an item as those of its record, `RecordBook.data_of` undone."""
    item = deepcopy(data)
    record: dict[str, Any] = {}
    for at, of in lookup.data:
        put(record, of, value_below(item, at))
        holder = value_below(item, at[:-1])
        holder.pop(at[-1], None)
    if kind.stated.items:
        put(record, kind.stated.items.at, [item])
    return record


def _with(
    made: dict[str, Any], lookup: Lookup, call: AdmittedRequest, faults: Callable[[Any], Iterator[object]]
) -> dict[str, Any]:
    """Return what was made up with what is taken of a request, as far as the schemas know it."""
    for at, of in lookup.takes:
        taken = of.of(call)
        if taken is not MISSING:
            changed = put(deepcopy(made), at, deepcopy(taken))
            made = made if next(faults(changed), None) else changed
    return made


def _filled(given: Any, number: int, random: Random) -> Any:
    """Return a sample with its `{number}` and `{hex}` filled in."""
    if not isinstance(given, str):
        return deepcopy(given)
    made = given.replace("{number}", f"{number:08}")
    return made.replace("{hex}", f"{random.getrandbits(128):032x}") if "{hex}" in made else made


def _fault_at(document: Document, tokens: Tokens, depth: int, single: str, fault: str) -> str:
    named = fold_pointer(tokens[depth + 1 :]) or f"the {single}"
    return f"{_place_in(document, tokens)}: {named} {fault}"


def _place_in(document: Document, tokens: Tokens) -> str:
    """Return where a value stands; where its nearest container does when it is missing."""
    while pointer(tokens) not in document.positions:
        tokens = tokens[:-1]
    place: Position = document.positions[pointer(tokens)]
    return f"{document.name}:{place.line}:{place.column}"
