"""What a contract says in `x-mock`: the records that are kept, what operations do with them, and choices.

Without it the mock keeps nothing: each answer is an example of the contract, or made from its schemas.
A choice says what the mock does where nobody knows what the vendor does; the rest is done as most APIs do it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, Address, absolute, parse_pointer, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Form, OpenQuestion, Operation
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Tokens
from opay_contract.words import did_you_mean

_MEMBER = "x-mock"

Samples = dict[str, list[Any]]
"""What is written into a made-up value, by its place: one of each list; the empty place takes members."""


class AdmittedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was let through, as the contract's expressions see it."""

    body: Any = None
    parameters: Mapping[tuple[str, str], str]


class _MisunderstoodError(Exception):
    """A statement that means nothing."""


class Steps(tuple[str | int, ...]):
    """The steps of a JSON pointer."""

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> "Steps":
        """Read a pointer; raises where it is none."""
        tokens = parse_pointer(text)
        if tokens is None:
            raise _MisunderstoodError(f"'{text}' is no JSON pointer")
        return cls(tokens)


class Expression:
    """Something of a request, written as in OpenAPI's links: `$request.body#/id`, `$request.path.id`."""

    __slots__ = ("tokens", "where")

    def __init__(self, text: str) -> None:
        self.where, _, rest = text.removeprefix("$request.").partition(".")
        self.tokens: Tokens = (rest.lower() if self.where == "header" else rest,)
        if text.startswith("$request.body#"):
            self.where, self.tokens = "body", Steps.of(text.removeprefix("$request.body#"))
        elif not (text.startswith("$request.") and self.where in {"path", "query", "header"} and rest):
            raise _MisunderstoodError(
                f"'{text}' is nothing of a request; write it as $request.body#/id, $request.path.id or "
                "$request.query.id"
            )

    def of(self, call: AdmittedRequest) -> Any:
        """Return what stands there in a request, MISSING where nothing does."""
        if self.where != "body":
            return call.parameters.get((self.where, str(self.tokens[0])), MISSING)
        return value_below(call.body, self.tokens)


class ItemKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The items of a record that have keys of their own."""

    name: str
    at: Steps
    key: Steps
    samples: Samples = {}


class _StatedRecords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    holds: dict[str, str]
    key: Steps
    items: ItemKind | None = None
    samples: Samples = {}


class _StatedLookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operation: str
    by: Expression
    form: str | None = None
    finds: str | None = None
    adds: str | None = None
    removes: str | None = None
    to: Expression | None = None
    data: dict[str, Steps] = {}
    takes: dict[str, Expression] = {}


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


class RecordsStated(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of record: the schema of its data, where its key is, and the items in it."""

    name: str
    schema: str
    key: Tokens
    items: ItemKind | None
    samples: Samples


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
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


class MockStatement(msgspec.Struct, frozen=True, kw_only=True):
    """All of `x-mock`; `lookups` are by the ids of operation and form, None where there are no forms."""

    records: dict[str, RecordsStated]
    lookups: dict[tuple[str, str | None], Lookup]
    choices: tuple[StatedChoice, ...]


def read_mock_statement(contract: Contract) -> MockStatement:
    """Read what a contract says to the mock; raises ContractError where it cannot be understood."""
    root = contract.schemas.root
    if _MEMBER not in root.value:
        return MockStatement(records={}, lookups={}, choices=())
    at, value = contract.schemas.resolve(Address(root.name, (_MEMBER,)).uri)
    try:
        stated = msgspec.convert(value, _StatedMock, dec_hook=_read)
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


def needs_body(contract: Contract, operation: Operation) -> bool:
    """Tell whether a request is to have a body."""
    _, body = contract.schemas.resolve(f"{operation.uri}/requestBody")
    return isinstance(body, dict) and body.get("required") is True


def data_schema(contract: Contract, operation: Operation, form: Form | None) -> str | None:
    """Return the address of the schema that `x-forms` names for the data of a success, if it names one."""
    forms = contract.schemas.find(f"{operation.uri}/x-forms")
    for index, one in enumerate(forms if isinstance(forms, list) and form is not None else ()):
        if form is not None and one.get("id") == form.id:
            at, found = contract.schemas.resolve(f"{operation.uri}/x-forms/{index}/data")
            return None if found is MISSING else at.uri
    return None


def _read(kind: type, text: str) -> Any:
    return Steps.of(text) if kind is Steps else Expression(text)


def _records(name: str, stated: _StatedRecords, file: str) -> RecordsStated:
    if "$ref" not in stated.holds:
        raise _MisunderstoodError(f"the records '{name}' are to hold a reference to a schema")
    schema = absolute(stated.holds["$ref"], file)
    return RecordsStated(name=name, schema=schema, key=stated.key, items=stated.items, samples=stated.samples)


def _lookup(stated: _StatedLookup, records: Mapping[str, RecordsStated]) -> Lookup:
    said = {does: getattr(stated, does) for does in ("finds", "adds", "removes")}
    named = [(does, what) for does, what in said.items() if what is not None]
    if len(named) != 1:
        raise _MisunderstoodError(f"a lookup of '{stated.operation}' is to have finds, adds or removes")
    does, what = named[0]
    for one in records.values():
        is_items = one.items is not None and one.items.name == what
        if is_items or one.name == what:
            return Lookup(
                does=does,
                records=one,
                of_items=is_items,
                by=stated.by,
                to=stated.to,
                data=tuple((Steps.of(at), of) for at, of in stated.data.items()),
                takes=tuple((Steps.of(at), of) for at, of in stated.takes.items()),
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


ANSWERING = "answering"
"""The situation of every answer: it is made to fit the evidence of the reading that is taken."""

USUAL: dict[str, Action] = {
    "wrong-method": Action(status=405),
    "oversized-body": Action(status=413),
    "wrong-content-type": Action(status=415),
    "missing-identity": Action(means="authentication-failed"),
    "malformed-json": Action(means="parameters-not-valid"),
    "authentication-failed": Action(means="authentication-failed"),
    "signing": Action(),
    "missing-parameter": Action(means="parameters-not-valid"),
    "several-forms": Action(means="parameters-not-valid"),
    "undocumented-member": Action(accepted=True),
    "unknown-record": Action(means="not-found"),
    "empty-record": Action(answers="no-items"),
    ANSWERING: Action(),
}
"""The situations in which a choice may decide, and what is done where none does."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An open question, the reading that the mock acts on, and what it does by each."""

    question: OpenQuestion
    taken: str
    stated: StatedChoice


class Choices:
    """Every choice of one mock, by question; `choices["error-data"]` is the id of the reading taken."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Iterable[Choice]) -> None:
        self._taken = {choice.question.id: choice for choice in taken}

    def __getitem__(self, question: str) -> str:
        """Return the id of the reading that is taken."""
        return self._taken[question].taken

    def __iter__(self) -> Iterator[Choice]:
        """Iterate in the order in which a request meets them."""
        return iter(self._taken.values())

    def action(self, situation: str, form: str | None = None) -> Action:
        """Return what the mock does in a situation, about a request of a form."""
        for choice in self._taken.values():
            if choice.stated.decides == situation and choice.stated.form in (None, form):
                return choice.stated.readings[choice.taken]
        return USUAL[situation]

    def changed(self, picks: Iterable[str]) -> "Choices":
        """Return the choices with every `QUESTION=READING` of `picks` taken."""
        taken = dict(self._taken)
        for pick in picks:
            name, equals, reading = pick.partition("=")
            if not equals:
                raise UsageError(f"choice '{pick}' has no '='; write it as QUESTION=READING")
            if name not in taken:
                raise unknown_name("question", name, taken, "`opay-contract mock --choices`")
            choice = taken[name]
            if reading not in choice.stated.readings:
                kind = f"reading of the question '{name}'"
                raise unknown_name(kind, reading, choice.stated.readings, "`opay-contract mock --choices`")
            taken[name] = replace(choice, taken=reading)
        return Choices(taken.values())


def assumed_choices(contract: Contract) -> Choices:
    """Return the choices that take each question's assumed reading."""
    asked = {question.id: question for question in contract.questions}
    taken, file = list[Choice](), contract.schemas.root.name
    for one in read_mock_statement(contract).choices:
        if one.question not in asked:
            raise ContractError(f"{file}: x-mock: there is no open question '{one.question}'")
        if one.decides not in USUAL:
            raise ContractError(
                f"{file}: x-mock: '{one.decides}' is no situation; there are {', '.join(USUAL)}"
            )
        readings = asked[one.question].readings
        assumed = next(
            (reading.id for reading in readings if reading.assumed and reading.id in one.readings), None
        )
        if assumed is None:
            said = f"the question '{one.question}' has no assumed reading that `x-mock` knows"
            raise ContractError(f"{file}: {said}")
        taken.append(Choice(question=asked[one.question], taken=assumed, stated=one))
    return Choices(taken)


def render_choices(choices: Choices) -> str:
    """Return the choices as text: each question with its readings, the one taken marked by `*`."""
    lines = []
    for choice in choices:
        lines.append(f"{choice.question.id}: {choice.question.question}")
        for reading in choice.question.readings:
            if reading.id in choice.stated.readings:
                mark = "*" if reading.id == choice.taken else " "
                lines.append(f"  {mark} {reading.id}: {reading.statement}")
    none = "none: the contract has no open question that the mock decides on (`x-mock`)"
    return "\n".join(lines) or none


def unknown_name(kind: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """Return the error for a name that is none of `known`; `where` tells what lists them."""
    return UsageError(f"unknown {kind} '{name}'; {did_you_mean(name, known) or f'{where} lists them'}")
