"""Lists the members of a body with everything that the contract's schemas say about each of them."""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from opay_contract.contract.addresses import MISSING, absolute, below, split_uri, with_fragment
from opay_contract.contract.keywords import Holds, Shape, Subschema, iter_beside
from opay_contract.contract.operation import Form, Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import pointer
from opay_contract.model.finding import Outcome


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


class _Node(msgspec.Struct, frozen=True):
    uri: str
    value: dict[str, Any]
    cases: _Cases
    is_certain: bool


_CONDITION = frozenset(("then", "else"))

_Found = dict[tuple[str, ...], list[_Node]]


class _Step(msgspec.Struct, frozen=True):
    """A schema to be looked at: where it stands, about which place, and which schemas led there."""

    uri: str
    place: tuple[str, ...]
    trail: tuple[str, ...]
    cases: _Cases
    is_certain: bool


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
    waiting = deque([_Step(with_fragment(schema), (), (), (), is_certain=True)])
    while waiting:
        step = waiting.popleft()
        if step.place in found or len(found) < MAX_PLACES:
            waiting += _look_at(step, schemas, depth, found)
    return found


def _look_at(step: _Step, schemas: SchemaSet, depth: int, found: _Found) -> Iterator[_Step]:
    """Note what a schema says about its place; yield the steps further down, those beside it done.

    A schema that contains itself is looked at once.
    """
    uri, value = step.uri, schemas.find(step.uri)
    nodes = found.setdefault(step.place, [])
    if value is MISSING or uri in step.trail:
        return
    value = value if isinstance(value, dict) else {}  # `true` says nothing, and `false` nothing of use here
    nodes.append(_Node(uri, value, step.cases, step.is_certain))
    trail = (*step.trail, uri)
    for child, case in _in_place(uri, value):
        cases = (*step.cases, case) if case is not None else step.cases
        beside = _Step(child, step.place, trail, cases, is_certain=step.is_certain and case is None)
        yield from _look_at(beside, schemas, depth, found)
    if len(step.place) < depth:
        for name in value.get("properties", {}):
            inner = below(uri, "properties", name)
            yield _Step(inner, (*step.place, name), trail, (), is_certain=step.is_certain)
        if "items" in value:
            yield _Step(below(uri, "items"), (*step.place, "*"), trail, (), is_certain=step.is_certain)


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
    of = range(len(value[child.keyword])) if child.kind.shape is Shape.LIST else ()
    return _Case(f"{uri}/{child.keyword}", str(child.tokens[-1]), frozenset(map(str, of)))


def _field(place: tuple[str, ...], nodes: list[_Node], around: list[_Node]) -> Field:
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


def _required(name: str, around: list[_Node]) -> str:
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
