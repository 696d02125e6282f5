"""Lists the members of a body with everything that the contract's schemas say about each of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from opay_contract.contract.addresses import absolute, below, split_uri, with_fragment
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
    limits: tuple[tuple[str, Any], ...]

    def limit(self, keyword: str) -> Any:
        """Return what a keyword in `LIMITS` says, None where it says nothing."""
        return dict(self.limits).get(keyword)


LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "enum", "const")
"""Keywords that limit values in a way that observations can be held against."""

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


def iter_fields(schemas: SchemaSet, schema: str, branches: Branches = every_branch) -> Iterator[Field]:
    """Yield the members of a body in the order in which the schemas name them, outer ones first."""
    found: _Found = {}
    _gather(_Walk(schemas, branches, found), with_fragment(schema), (), (), ())
    for place, nodes in sorted(found.items(), key=lambda item: _order(item[0], list(found))):
        if place and place[-1] != "*":
            yield _field(place, nodes, found[place[:-1]])


def iter_places(
    schemas: SchemaSet, schema: str, branches: Branches = every_branch
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every place of a body, the whole and each item among them, with the schemas that describe it.

    Those that describe it in some cases only are left out.
    """
    found: _Found = {}
    _gather(_Walk(schemas, branches, found), with_fragment(schema), (), (), ())
    for place, nodes in found.items():
        yield pointer(place), tuple(dict.fromkeys(node.uri for node in nodes if node.is_certain))


def _order(place: tuple[str, ...], places: list[tuple[str, ...]]) -> tuple[int, ...]:
    return tuple(places.index(place[: length + 1]) for length in range(len(place)))


@dataclass(frozen=True, slots=True)
class _Walk:
    schemas: SchemaSet
    branches: Branches
    found: _Found
    is_certain: bool = True


def _gather(walk: _Walk, uri: str, place: tuple[str, ...], trail: tuple[str, ...], cases: _Cases) -> None:
    """Collect what a schema says about a value and its members; one that contains itself, only once."""
    value = walk.schemas.node(uri)
    nodes = walk.found.setdefault(place, [])
    if not isinstance(value, dict) or uri in trail:
        return
    nodes.append(_Node(uri, value, cases, walk.is_certain))
    trail = (*trail, uri)
    possible = walk.branches(uri, place) if "if" in value else frozenset()
    for child, case in _in_place(uri, value):
        if case in _BRANCHES and case not in possible:
            continue
        is_open = bool(case) and (case not in _BRANCHES or len(possible) > 1)
        further = replace(walk, is_certain=walk.is_certain and not is_open)
        _gather(further, child, place, trail, (*cases, (uri, case)) if is_open else cases)
    for name in value.get("properties", {}):
        _gather(walk, below(uri, "properties", name), (*place, name), trail, ())
    if "items" in value:
        _gather(walk, below(uri, "items"), (*place, "*"), trail, ())


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
    sources = [name for value in values for name in value.get("x-source", ())]
    return Field(
        pointer=pointer(place),
        types=tuple(dict.fromkeys(types)),
        required=_required(place[-1], around),
        sensitivity=next((value["x-sensitivity"] for value in values if "x-sensitivity" in value), None),
        sources=tuple(dict.fromkeys(sources)),
        description=next((value["description"] for value in values if "description" in value), ""),
        statements=tuple(dict.fromkeys(str(split_uri(node.uri)) for node in nodes)),
        uri=nodes[0].uri,
        limits=tuple((keyword, value[keyword]) for keyword in LIMITS for value in values if keyword in value),
    )


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
