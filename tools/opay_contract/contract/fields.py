"""Lists the members of a body with everything that the contract's schemas say about each of them."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opay_contract.contract.addresses import MISSING, absolute, below, split_uri, with_fragment
from opay_contract.contract.keywords import About, Holds, iter_subschemas
from opay_contract.contract.operation import Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import pointer

_BRANCHES = ("then", "else")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body that an operation takes or gives: its name, its request form if any, its schema's address."""

    title: str
    form: str
    in_request: bool
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
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
    limits: tuple[tuple[str, Any], ...] = field(hash=False)  # an `enum` is a list

    def limit(self, keyword: str) -> Any:
        """Return what a keyword in `LIMITS` says, None where it says nothing."""
        return dict(self.limits).get(keyword)


LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "enum", "const")
"""Keywords that limit values in a way that observations can be held against."""

MAX_PLACES = 5_000
"""Places of a body that are listed; the nearest to the whole, where schemas make more."""

MAX_DEPTH = 64
"""Steps below a body at which a place is listed at most."""

Branches = Callable[[str, tuple[str, ...]], frozenset[str]]
"""Which branches of the `if` of the schema at an address, about the value at a place, can hold."""

_Cases = tuple[tuple[str, str], ...]
"""Which branches lead to a schema, outer ones first: the address of each `if`, and `then` or `else`."""


@dataclass(frozen=True, slots=True)
class _Node:
    uri: str
    value: dict[str, Any]
    cases: _Cases
    is_certain: bool


_Found = dict[tuple[str, ...], list[_Node]]


@dataclass(frozen=True, slots=True)
class _Step:
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
        yield Body(title=form.title, form=form.id, in_request=False, schema=form.response)
    if operation.forms:
        return
    if operation.request_schema:
        yield Body(title=operation.id, form="", in_request=True, schema=operation.request_schema)
    for status, response in operation.responses.items():
        for schema in response.media_types.values():
            if schema:
                yield Body(title=f"{operation.id}, {status}", form="", in_request=False, schema=schema)


def every_branch(_uri: str, _place: tuple[str, ...]) -> frozenset[str]:
    """Let both branches of every `if` hold."""
    return frozenset(_BRANCHES)


def iter_fields(
    schemas: SchemaSet, schema: str, branches: Branches = every_branch, depth: int = MAX_DEPTH
) -> Iterator[Field]:
    """Yield the members of a body in the order in which the schemas name them, outer ones first.

    `depth` is how many steps below the body they are at most.
    """
    found = _gather(schemas, schema, branches, depth)
    order = {place: number for number, place in enumerate(found)}
    places = [place for place in found if place and place[-1] != "*"]
    for place in sorted(places, key=lambda one: [order[one[: length + 1]] for length in range(len(one))]):
        yield _field(place, found[place], found[place[:-1]])


def iter_places(
    schemas: SchemaSet, schema: str, branches: Branches = every_branch
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every place of a body, the whole and each item among them, with the schemas that describe it.

    Those that describe it in some cases only are left out.
    """
    for place, nodes in _gather(schemas, schema, branches, MAX_DEPTH).items():
        yield pointer(place), tuple(dict.fromkeys(node.uri for node in nodes if node.is_certain))


def _gather(schemas: SchemaSet, schema: str, branches: Branches, depth: int) -> _Found:
    """Collect what a schema says about a value and its members, outer places first."""
    found: _Found = {}
    waiting = deque([_Step(with_fragment(schema), (), (), (), is_certain=True)])
    while waiting:
        step = waiting.popleft()
        if step.place in found or len(found) < MAX_PLACES:
            waiting += _look_at(step, schemas, branches, depth, found)
    return found


def _look_at(
    step: _Step, schemas: SchemaSet, branches: Branches, depth: int, found: _Found
) -> Iterator[_Step]:
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
    possible = branches(uri, step.place) if "if" in value else frozenset()
    for child, case in _in_place(uri, value):
        if case in _BRANCHES and case not in possible:
            continue
        is_open = bool(case) and (case not in _BRANCHES or len(possible) > 1)
        beside = _Step(
            child,
            step.place,
            trail,
            (*step.cases, (uri, case)) if is_open else step.cases,
            is_certain=step.is_certain and not is_open,
        )
        yield from _look_at(beside, schemas, branches, depth, found)
    if len(step.place) < depth:
        for name in value.get("properties", {}):
            inner = below(uri, "properties", name)
            yield _Step(inner, (*step.place, name), trail, (), is_certain=step.is_certain)
        if "items" in value:
            yield _Step(below(uri, "items"), (*step.place, "*"), trail, (), is_certain=step.is_certain)


def _in_place(uri: str, value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the schemas of the same value, and in which case each holds; always where that is empty."""
    if isinstance(value.get("$ref"), str):
        yield with_fragment(absolute(value["$ref"], split_uri(uri).file)), ""
    for child in iter_subschemas(value):
        if child.kind.about is About.VALUE and child.kind.holds is not Holds.AS_QUESTION:
            case = "" if child.kind.holds is Holds.ALWAYS else "/".join(map(str, child.tokens))
            yield below(uri, *child.tokens), case


def _field(place: tuple[str, ...], nodes: list[_Node], around: list[_Node]) -> Field:
    values = [node.value for node in nodes]
    types = [name for value in values for name in _types(value)]
    sources = [name for value in values for name in _texts(value.get("x-source"))]
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


def _texts(value: Any) -> list[str]:
    """Return a list's texts; what else other people's extensions say is passed over."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _types(value: dict[str, Any]) -> list[str]:
    declared = value.get("type", [])
    if isinstance(declared, str):
        return [declared]
    return list(declared) or (["one of a list"] if "enum" in value else [])


def _required(name: str, around: list[_Node]) -> str:
    demanding = [node.cases for node in around if name in node.value.get("required", ())]
    if not demanding:
        return "no"
    return "yes" if _is_every_case(demanding) else "in some cases"


def _is_every_case(demanding: list[_Cases]) -> bool:
    """Tell whether branches leave no way out: none is needed, or both of one `if` are there."""
    if () in demanding:
        return True
    owners = {cases[0][0] for cases in demanding}
    return any(
        all(
            _is_every_case([cases[1:] for cases in demanding if cases[0] == (owner, branch)])
            for branch in _BRANCHES
        )
        for owner in owners
    )
