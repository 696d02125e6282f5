"""Lists the members of a body with everything that the contract's schemas say about each of them."""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, absolute, below, split_uri, with_fragment
from opay_contract.contract.contract import Contract, texts_of
from opay_contract.contract.keywords import Holds, SchemaShape, Subschema, iter_beside
from opay_contract.contract.operation import Form, Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import Parsed, parse_json, pointer
from opay_contract.model.exchange import AnswerShape, Exchange
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import Scope


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A body that an operation takes or gives: its name, its request form if any, its schema's address.

    An answer's `outcome` is None where the schema is that of all of them.
    """

    title: str
    form: str
    in_request: bool
    schema: str
    outcome: Outcome | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a body by its folded pointer.

    `statements` are the `file#pointer` that describe it, `uri` is the address of the first. `limits` has what
    the keywords in `LIMITS` say of its values.
    """

    pointer: str
    types: tuple[str, ...]
    required: str
    sensitivity: str | None
    sources: tuple[str, ...]
    description: str
    statements: tuple[str, ...]
    uri: str
    limits: tuple[tuple[str, Any], ...]

    def __hash__(self) -> int:
        """Return the same for equal ones; in `limits` an `enum` is a list."""
        return hash((self.pointer, self.statements))

    def limit(self, keyword: str) -> Any:
        """Return what a keyword in `LIMITS` says, None where it says nothing."""
        return dict(self.limits).get(keyword)


LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "enum", "const")
"""Keywords that limit values in a way that observations can be held against."""

MAX_PLACES = 5_000
"""Places of a body that are listed; the nearest to the whole, where schemas make more."""

MAX_DEPTH = 64
"""Steps below a body at which a place is listed at most."""


class _Case(NamedTuple):
    """One of the schemas of which some hold: where the choice stands, which it is, and which there are.

    None is known to hold where `of` is empty.
    """

    owner: str
    name: str
    of: frozenset[str]


_Cases = tuple[_Case, ...]
"""What leads to a schema, outer ones first."""


_CONDITION = frozenset(("then", "else"))


class _Visit(msgspec.Struct, frozen=True):
    """A schema to be looked at: where it stands, about which place, what led there; then what it says."""

    uri: str
    place: tuple[str, ...]
    trail: tuple[str, ...]
    cases: _Cases
    is_certain: bool
    value: dict[str, Any] = field(default_factory=dict)


_Found = dict[tuple[str, ...], list[_Visit]]


def iter_bodies(operation: Operation) -> Iterator[Body]:
    """Yield the bodies of each request form, or of the operation where it has but one."""
    for form in operation.forms:
        yield Body(title=form.title, form=form.id, in_request=True, schema=form.request)
        yield from (
            Body(title=form.title, form=form.id, in_request=False, schema=schema, outcome=outcome)
            for outcome, schema in _answers(operation, form).items()
        )
    if operation.forms:
        return
    if operation.request_schema:
        yield Body(title=operation.id, form="", in_request=True, schema=operation.request_schema)
    for status, response in operation.responses.items():
        for schema in response.media_types.values():
            if schema:
                yield Body(title=f"{operation.id}, {status}", form="", in_request=False, schema=schema)


def _answers(operation: Operation, form: Form) -> dict[Outcome | None, str]:
    """Return the schemas of a form's answers by outcome; None is all of them."""
    if operation.envelope is None or operation.envelope.error is None:
        return {None: form.response}
    return {Outcome.SUCCESS: form.response, Outcome.BUSINESS_ERROR: operation.envelope.error}


def iter_fields(schemas: SchemaSet, schema: str, depth: int = MAX_DEPTH) -> Iterator[Field]:
    """Yield the members of a body in the order in which the schemas name them, outer ones first.

    `depth` is how many steps below the body they are at most.
    """
    found = _gather(schemas, schema, depth)
    order = {place: number for number, place in enumerate(found)}
    places = [place for place in found if place and place[-1] != "*"]
    for place in sorted(places, key=lambda one: [order[one[: length + 1]] for length in range(len(one))]):
        yield _field(place, found[place], found[place[:-1]])


def iter_places(schemas: SchemaSet, schema: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every place of a body, the whole and each item among them, with the schemas that describe it.

    Those that describe it in some cases only are left out.
    """
    for place, nodes in _gather(schemas, schema, MAX_DEPTH).items():
        yield pointer(place), tuple(dict.fromkeys(node.uri for node in nodes if node.is_certain))


def _gather(schemas: SchemaSet, schema: str, depth: int) -> _Found:
    """Collect what a schema says about a value and its members, outer places first."""
    found: _Found = {}
    waiting = deque([_Visit(with_fragment(schema), (), (), (), is_certain=True)])
    while waiting:
        step = waiting.popleft()
        if step.place in found or len(found) < MAX_PLACES:
            waiting += _look_at(step, schemas, depth, found)
    return found


def _look_at(step: _Visit, schemas: SchemaSet, depth: int, found: _Found) -> Iterator[_Visit]:
    """Note what a schema says about its place; yield the steps further down, those beside it done.

    A schema that contains itself is looked at once.
    """
    uri, value = step.uri, schemas.find(step.uri)
    nodes = found.setdefault(step.place, [])
    if value is MISSING or uri in step.trail:
        return
    value = value if isinstance(value, dict) else {}  # `true` says nothing, and `false` nothing of use here
    nodes.append(replace(step, value=value))
    trail = (*step.trail, uri)
    for child, case in _in_place(uri, value):
        cases = (*step.cases, case) if case is not None else step.cases
        beside = _Visit(child, step.place, trail, cases, is_certain=step.is_certain and case is None)
        yield from _look_at(beside, schemas, depth, found)
    if len(step.place) < depth:
        for name in value.get("properties", {}):
            inner = below(uri, "properties", name)
            yield _Visit(inner, (*step.place, name), trail, (), is_certain=step.is_certain)
        if "items" in value:
            yield _Visit(below(uri, "items"), (*step.place, "*"), trail, (), is_certain=step.is_certain)


def _in_place(uri: str, value: dict[str, Any]) -> Iterator[tuple[str, _Case | None]]:
    """Yield the schemas of the same value, and in which case each holds; always where that is None."""
    if isinstance(value.get("$ref"), str):
        yield with_fragment(absolute(value["$ref"], split_uri(uri).file)), None
    for child in iter_beside(value):
        yield (
            below(uri, *child.tokens),
            _case(uri, value, child) if child.kind.holds is Holds.IN_CASES else None,
        )


def _case(uri: str, value: dict[str, Any], child: Subschema) -> _Case:
    if child.keyword in _CONDITION:
        return _Case(f"{uri}/if", child.keyword, _CONDITION)
    of = range(len(value[child.keyword])) if child.kind.shape is SchemaShape.LIST else ()
    return _Case(f"{uri}/{child.keyword}", str(child.tokens[-1]), frozenset(map(str, of)))


def _field(place: tuple[str, ...], nodes: list[_Visit], around: list[_Visit]) -> Field:
    values = [node.value for node in nodes]
    declared = [value.get("type", []) for value in values]
    types = [name for one in declared for name in ([one] if isinstance(one, str) else one)]
    types = types or ["one of a list" for value in values if "enum" in value]
    named = [value["x-source"] for value in values if isinstance(value.get("x-source"), list)]
    sources = [name for names in named for name in names if isinstance(name, str)]
    classes = [value["x-sensitivity"] for value in values if isinstance(value.get("x-sensitivity"), str)]
    descriptions = [value["description"] for value in values if isinstance(value.get("description"), str)]
    return Field(
        pointer=pointer(place),
        types=tuple(dict.fromkeys(types)),
        required=_required(place[-1], around),
        sensitivity=next(iter(classes), None),
        sources=tuple(dict.fromkeys(sources)),
        description=next(iter(descriptions), ""),
        statements=tuple(dict.fromkeys(str(split_uri(node.uri)) for node in nodes)),
        uri=nodes[0].uri,
        limits=tuple((keyword, value[keyword]) for keyword in LIMITS for value in values if keyword in value),
    )


def _required(name: str, around: list[_Visit]) -> str:
    demanding = [node.cases for node in around if name in node.value.get("required", ())]
    if not demanding:
        return "no"
    return "yes" if _is_every_case(demanding) else "in some cases"


def _is_every_case(demanding: list[_Cases]) -> bool:
    """Tell whether cases leave no way out: none is needed, or all of one choice are there."""
    if () in demanding:
        return True
    choices = {(cases[0].owner, cases[0].of) for cases in demanding}
    return any(
        bool(of)
        and all(
            _is_every_case([cases[1:] for cases in demanding if cases[0] == (owner, name, of)]) for name in of
        )
        for owner, of in choices
    )


REQUEST_BODY, RESPONSE_BODY = "/request/body", "/response/body"
"""Pointers of the bodies in an exchange, as the native recording format has it."""

_KEPT = 1024
"""So many answers about contracts are kept, as each report, fold and row asks anew."""


@lru_cache(maxsize=_KEPT)
def fields_of_scope(contract: Contract, scope: Scope) -> Mapping[str, Field]:
    """Return the documented members of both bodies by their pointers in the exchange."""
    found: dict[str, Field] = {}
    for body, schema in _bodies(contract, scope):
        for one in iter_fields(contract.schemas, schema):
            found.setdefault(body + one.pointer, one)
    return found


@lru_cache(maxsize=_KEPT)
def schemas_of_scope(contract: Contract, scope: Scope) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of the schemas that describe each place of both bodies, whatever stands there."""
    found: dict[str, tuple[str, ...]] = {}
    for body, schema in _bodies(contract, scope):
        for place, uris in iter_places(contract.schemas, schema):
            found[body + place] = tuple(dict.fromkeys((*found.get(body + place, ()), *uris)))
    return found


def _bodies(contract: Contract, scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield each body of a scope's exchanges: where it stands, and its schema."""
    operation = find_operation(contract, scope[0])
    if operation is None:
        return
    form = next((one for one in operation.forms if one.id == scope[1]), None)
    outcome = Outcome(scope[2])
    request = form.request if form else operation.request_schema
    if request:
        yield REQUEST_BODY, request
    for response in _response_schemas(operation, form, outcome):
        yield RESPONSE_BODY, response


def find_operation(contract: Contract, operation: str) -> Operation | None:
    """Return the operation of an id."""
    return next((one for one in contract.operations if one.id == operation), None)


def _response_schemas(operation: Operation, form: Form | None, outcome: Outcome) -> list[str]:
    if operation.envelope is not None and outcome is Outcome.TRANSPORT:
        return []
    if (schema := operation.answer_schema(form, outcome)) is not None:
        return [schema]
    is_success = outcome is Outcome.SUCCESS
    return [
        schema
        for status, response in operation.responses.items()
        if operation.envelope is not None or status.startswith("2") is is_success
        for schema in response.media_types.values()
        if schema
    ]


@lru_cache(maxsize=_KEPT)
def answer_shape(contract: Contract) -> AnswerShape:
    """Return by what an answer of the contract is told: its envelope, else what its schemas require."""
    known = (names for operation in contract.operations for names in _root_members(contract, operation))
    return AnswerShape(tuple(dict.fromkeys(names for names in known if names)))


def is_answer(shape: AnswerShape, exchange: Exchange, operation: Operation | None) -> bool:
    """Tell whether an exchange has an answer of the contract where no URL says whose it is."""
    if exchange.is_asserted:
        return True
    _, text = texts_of(exchange, operation)
    body = parse_json(text) if isinstance(text, bytes) else text
    return isinstance(body, Parsed) and isinstance(body.value, dict) and shape.fits(body.value)


def _root_members(contract: Contract, operation: Operation) -> Iterator[frozenset[str]]:
    envelope = operation.envelope
    if envelope is not None:
        yield frozenset(
            str(tokens[0]) for tokens in (envelope.code, envelope.message, envelope.data) if tokens
        )
        return
    for response in operation.responses.values():
        for schema in filter(None, response.media_types.values()):
            members = iter_fields(contract.schemas, schema, depth=1)
            names = [one.pointer for one in members if one.required == "yes"]
            yield frozenset(name.removeprefix("/") for name in names if name.count("/") == 1)
