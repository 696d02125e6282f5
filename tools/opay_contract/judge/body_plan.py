"""What the contract says about the places of a body, worked out once for all bodies of one shape.

The schema library is asked in full (`annotate`) about the first body of each shape. Where conditions look at
nothing but the shape and the values at few decided places, what it said holds for every other body of that
shape; list items of one shape are then one place, `EACH`. Otherwise it is asked about each body anew, and
places are those of that body alone. Either way the rules read the same `BodyPlan`.
"""

from collections.abc import Callable, Container, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import below, tokens_of, value_below, with_fragment
from opay_contract.contract.contract import Contract, Match, content_type
from opay_contract.contract.keywords import (
    CHOICES,
    KEYWORDS,
    OF_PLAIN_VALUES,
    OF_POSITIONS,
    OF_SHAPE,
    said_in,
)
from opay_contract.contract.operation import DocumentedResponse, Form, Operation, schema_of
from opay_contract.contract.schemas import Validator
from opay_contract.jsontext import NotJson, Parsed, Tokens, iter_nodes, value_at
from opay_contract.judge.annotations import Annotations, annotate
from opay_contract.judge.describing import fold_pointer, is_label
from opay_contract.judge.shapes import NO_TAGS, Shape, Tags, fold, is_decided_by_shape
from opay_contract.model.exchange import Exchange, Headers

_NOT_SEARCHED = frozenset({"identifier", "credential", "card-number"})
"""Classes of fields that look like card numbers by their nature, or are meant to hold one."""

READ_ONLY, WRITE_ONLY = "readOnly", "writeOnly"
"""Members that a request need not have, and those that an answer need not."""

MAX_PLANS = 4096
"""Shapes of bodies, by schema and decided values, whose plans are remembered."""

_NOT_ABOUT_PLAIN_VALUES = OF_SHAPE | (KEYWORDS.keys() - {"if", "not"}) | {"$ref"}
_NOT_ABOUT_CONTENTS = OF_SHAPE | OF_PLAIN_VALUES | (KEYWORDS.keys() - {"not"}) | {"$ref"}
UNITS = {"unix-seconds": 1, "unix-milliseconds": 1000}
"""Units of times, and how many of each are a second."""

_CLASS, _PUBLIC = "x-sensitivity", "public"
_STATEMENTS = frozenset((_CLASS, "x-unit", "x-unique-by"))
_OF_NAMES = frozenset(("required", "additionalProperties", "falseSchema"))
"""Errors that the names of members decide."""

_MAX_DECIDED = 1000

Decided = tuple[tuple[Tokens, str | None], ...]
"""Places of a body whose values, as text, are few and decide much: those of code and message.

None stands for any text that no document has.
"""


class StatedPlace(msgspec.Struct, frozen=True):
    """What one schema says about a place: the place as a path and in words, and the schema's address.

    `factor` is how many of a time's unit are a second.
    """

    path: Tokens
    pointer: str
    uri: str
    factor: int = 1


class BodyPlan(msgspec.Struct, frozen=True):
    """What rules look for in a body.

    `validator` tells whether a body fits the schema at the address `schema`. `fit` tells of many of the shape
    whether all do; None where none of the shape does, or it says of a member that nobody described it.
    At some places stand `times` and `months`. `lists` must not repeat an item, told by the member there.
    At the `undocumented` places are objects with members that nobody described, beside those of some names.
    `searched` tells whether a place that some schema
    describes is searched for card numbers. The values at `public` places may be shown.
    With `is_of_fitting` it is the plan for those bodies of the shape that fit the schema, and no others.
    """

    schema: str
    validator: Validator
    fit: tuple[tuple[Tokens, Validator], ...] | None
    times: tuple[StatedPlace, ...]
    months: tuple[StatedPlace, ...]
    lists: tuple[tuple[StatedPlace, str, Tokens], ...]
    undocumented: tuple[tuple[StatedPlace, frozenset[str]], ...]
    searched: dict[Tokens, bool]
    public: frozenset[Tokens]
    is_of_fitting: bool = False

    def holds_for(self, value: Any) -> bool:
        """Tell whether it is the plan for a body of its shape."""
        return not self.is_of_fitting or self.validator.is_valid(value)

    def joined(self, other: "BodyPlan", shared: Container[Tokens]) -> "BodyPlan | None":
        """Return what is looked for in bodies of both plans; None where it differs at a shared path."""
        ours, others = ({one for one in plan.looks() if one[0] in shared} for plan in (self, other))
        if ours != others:
            return None
        return replace(
            self,
            fit=None if self.fit is None else _both(self.fit, other.fit or ()),
            times=_both(self.times, other.times),
            months=_both(self.months, other.months),
            lists=_both(self.lists, other.lists),
        )

    def looks(self) -> Iterator[tuple[Tokens, Any]]:
        """Yield what is looked for in many bodies, each with its path."""
        yield from self.fit or ()
        yield from ((stated.path, stated) for stated in (*self.times, *self.months))
        yield from ((one[0].path, one) for one in self.lists)


_T = TypeVar("_T")


def _both(some: tuple[_T, ...], others: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*some, *others)))


class _Common(msgspec.Struct, frozen=True):
    """What bodies have in common for which a plan may hold: the shape, in which tags are told apart."""

    shape: Shape
    decided: dict[Tokens, str | None]
    tags: Tags


class Described(msgspec.Struct, gc=False):
    """A body with the plan for it."""

    value: Any
    plan: BodyPlan

    def public_value(self, tokens: Tokens, value: Any) -> str:
        """Return a value as text where the contract calls its place public and it looks like a label."""
        is_public = not self.plan.public.isdisjoint((tokens, fold(tokens)))
        text = str(value) if is_public and type(value) in (str, int) else ""
        return text if is_label(text) else ""


class BodyPlans:
    """Works out plans, and remembers those that a shape decides, in which `tags` are told apart.

    Where what is said about a body does not depend on its decided values, the plan for one that fits is that
    for all others that do.
    """

    def __init__(self, contract: Contract, limit: int = MAX_PLANS, tags: Tags = NO_TAGS) -> None:
        self._contract = contract
        self._limit = limit
        self._tags = tags
        self._plans: dict[tuple[Any, ...], BodyPlan] = {}
        self._of_any: dict[tuple[Any, ...], BodyPlan] = {}

    def plan(
        self, schema: str, value: Any, shape: Shape, decided: Decided = (), unused: str = WRITE_ONLY
    ) -> tuple[BodyPlan, bool]:
        """Return what the contract says about a body, and whether others of its shape have the same plan.

        `decided` has some of its places with their values. `unused` is the keyword of members that it need
        not have.
        """
        key: tuple[Any, ...] = (schema, shape, *[found for _, found in decided], unused)
        plan = self._plans.get(key)
        if plan is not None and plan.holds_for(value):
            return plan, True
        of_any = (schema, shape, *[found is None for _, found in decided], unused)
        plan, is_general = self._of_any.get(of_any), True
        if plan is None or not plan.validator.is_valid(value):
            notes = annotate(self._contract, schema, value, unused)
            plan, is_general = _plan_of(notes, shape, decided, self._tags)
        is_short = sum(len(one or "") for one in key[2:]) <= _MAX_DECIDED
        is_kept = is_general and shape.is_known and is_short and len(self._plans) < self._limit
        if is_kept:
            self._plans[key] = plan
            is_new = decided and of_any not in self._of_any and plan.validator.is_valid(value)
            if is_new and holds_for_shape(notes, shape, ()):
                self._of_any[of_any] = plan
        return plan, is_kept


def request_schema(operation: Operation, form: Form | None, headers: Headers | None) -> str | None:
    """Return the address of the schema of a request's body, that of the last form for want of one."""
    described = schema_of(content_type(headers), operation.request_types)
    if form is None and described is not None and operation.forms:
        form = operation.forms[-1]
    return form.request if form else described


def response_schema(
    operation: Operation, match: Match, documented: DocumentedResponse | None, headers: Headers | None
) -> str | None:
    """Return the address of the schema that an answer is judged by, None where nothing describes it.

    An answer without a business code is judged as a bare envelope, any other by its outcome and by the form
    that the request chose, or that the answer looks like where the request is not known.
    """
    envelope = operation.envelope
    if envelope is not None and match.code is None:
        return envelope.schema if documented is not None and documented.media_types else None
    described = schema_of(content_type(headers), documented.media_types if documented is not None else {})
    if match.form is None and described is None:
        return envelope.schema if envelope is not None else None
    body = match.response_body
    answer = body.value if isinstance(body, Parsed) else None
    return operation.answer_schema(match.form or operation.form_of_answer(answer), match.outcome) or described


def schemas_of(operation: Operation, exchange: Exchange, match: Match) -> tuple[str | None, str | None]:
    """Return the addresses of the schemas that both bodies of an exchange are judged by."""
    response = exchange.response
    documented = operation.response(response.status)
    return (
        request_schema(operation, match.form, exchange.request.headers),
        response_schema(operation, match, documented, response.headers),
    )


def decided_of(operation: Operation, body: Parsed | NotJson | None) -> Decided:
    """Return the places of an answer that decide much, with their values."""
    if not isinstance(body, Parsed):
        return ()
    found = ((tokens, value_below(body.value, tokens, None)) for tokens in sorted(operation.decided))
    return tuple((tokens, one if type(one) is str else repr(one)) for tokens, one in found)


def _plan_of(notes: Annotations, shape: Shape, decided: Decided, tags: Tags) -> tuple[BodyPlan, bool]:
    """Return the plan for a body, and whether it holds for every other of the shape, or that fits as well."""
    is_of_all = holds_for_shape(notes, shape, decided)
    if is_of_all or notes.contract.schemas.validator(notes.schema, notes.unused).is_valid(notes.value):
        plan = _build(notes, fold)
        lists = tuple(stated for stated, _, _ in plan.lists)
        objects = tuple(stated for stated, _ in plan.undocumented)
        if all(map(_are_apart, (plan.times, plan.months, lists, objects))):
            if is_of_all:
                told = frozenset(place for place, value in decided if value is not None)
                return replace(plan, fit=_fit_of(notes, plan, told)), True
            if _holds_for_fitting(notes, plan, _Common(shape, dict(decided), tags)):
                return replace(plan, fit=None if plan.undocumented else (), is_of_fitting=True), True
    return _build(notes, lambda tokens: tokens), False


def _fit_of(
    notes: Annotations, plan: BodyPlan, decided: frozenset[Tokens]
) -> tuple[tuple[Tokens, Validator], ...] | None:
    """Return at which places of a shape the schema library is to be asked about all values, and about what.

    The shape of a body decides most of what its schema says. What it leaves open is about texts and numbers,
    and is asked about columns of them; where it is about more, whole bodies are.
    """
    if plan.undocumented:
        return None
    asked: dict[Tokens, dict[str, None]] = {}
    for tokens, value, uri, node in notes.nodes():
        path = fold(tokens)
        named = said_in(node)
        if isinstance(value, dict | list):
            if not named <= _NOT_ABOUT_CONTENTS:
                asked = {(): {plan.schema: None}}
                break
        elif path not in decided and (isinstance(value, float) or not named <= _NOT_ABOUT_PLAIN_VALUES):
            asked.setdefault(path, {})[uri] = None
    for error in plan.validator.iter_errors(notes.value):
        is_of_type = error.schema_path[-1:] == ["type"] and not isinstance(error.instance, float)
        if () not in asked and (is_of_type or fold(tuple(error.instance_path)) not in asked):
            return None
    compiled = notes.contract.schemas.validator_of_items
    return tuple((path, compiled(tuple(uris), notes.unused)) for path, uris in asked.items())


def holds_for_shape(notes: Annotations, shape: Shape, decided: Decided) -> bool:
    """Return whether what is said about a body is said about every other of its shape.

    Items of a list that have the same shape have the same place then.
    """
    uris: dict[Tokens, list[str]] = {}
    values = dict(decided)
    return all(
        uris.setdefault(fold(tokens), found) == found
        for tokens, _ in iter_nodes(notes.value)
        for found in (notes.schemas.get(tokens, []),)
    ) and all(
        CHOICES.isdisjoint(node) and _is_decided(node, tokens, shape, values)
        for tokens, _, _, node in notes.nodes()
    )


def _holds_for_fitting(notes: Annotations, plan: BodyPlan, common: _Common) -> bool:
    """Return whether what a plan has of a body that fits is true of every other of its shape that fits.

    Such a body fits every union in it, so that the schema of a union describes it that alone may.
    """
    objects = {stated.path for stated, _ in plan.undocumented}
    closed = {tokens: (uri, names) for tokens, names, uri in notes.closed() if fold(tokens) in objects}
    stated: dict[Tokens, list[tuple[str, dict[str, Any]]]] = {}
    for tokens, _, uri, node in notes.nodes():
        stated.setdefault(tokens, []).append((uri, node))
    said: dict[Tokens, Any] = {}
    for tokens, _ in iter_nodes(notes.value):
        nodes = stated.get(tokens, [])
        meant = [(uri, node.get("x-unit"), node.get("x-unique-by")) for uri, node in nodes]
        here = (
            bool(nodes),
            {_text(node, _CLASS) for _, node in nodes} - {None},
            [one for one in meant if one[1:] != (None, None)],
            closed.get(tokens),
        )
        if said.setdefault(fold(tokens), here) != here:
            return False
    return all(
        _is_decided(node, tokens, common.shape, common.decided)
        and all(
            _is_chosen(notes, tokens, value, below(with_fragment(uri), keyword), common)
            for keyword in CHOICES & node.keys()
        )
        for tokens, value, uri, node in notes.nodes()
    )


def _is_chosen(notes: Annotations, tokens: Tokens, value: Any, union: str, common: _Common) -> bool:
    """Return whether it is known which schemas of a union describe a value, or does not matter.

    One does where all others are broken whatever the plain values are.
    """
    schemas, unused = notes.contract.schemas, notes.unused
    branches = {below(union, number): branch for number, branch in enumerate(schemas.node(union))}
    if not isinstance(value, dict | list) and all(
        _STATEMENTS.isdisjoint(node) for uri in branches for _, node in schemas.iter_in_place(uri)
    ):
        return True
    left = [
        branch
        for uri, branch in branches.items()
        if not any(
            _is_in_all(error, 0, tokens, common)
            for error in schemas.validator(uri, unused).iter_errors(value)
        )
    ]
    return len(left) == 1 or (
        not common.shape.has_float
        and all(is_decided_by_shape(branch, tokens, common.decided) for branch in left)
    )


def _is_in_all(error: Any, start: int, tokens: Tokens, common: _Common) -> bool:
    """Return whether an error of the schema at a place is in all bodies, by its path from `start`."""
    name, path = error.kind.name, error.evaluation_path
    steps = iter(path[start:] if name == "falseSchema" else path[start:-1])
    for step in steps:
        if step in ("properties", "allOf"):
            next(steps, None)
        elif step != "$ref":
            return False
    if name in CHOICES:
        return bool(error.kind.context) and all(
            any(_is_in_all(inner, len(path) + 1, tokens, common) for inner in branch)
            for branch in error.kind.context
        )
    if name in _OF_NAMES or (name == "type" and type(error.instance) is not float):
        return True
    return _is_of_told_value(error, (*tokens, *error.instance_path), common)


def _is_of_told_value(error: Any, place: Tokens, common: _Common) -> bool:
    """Return whether other bodies have the same value at a place, or another that is not listed."""
    value, kind = error.instance, error.kind
    is_listed = kind.name in ("const", "enum")
    if value is None or common.decided.get(place) is not None:
        return True
    if place in common.decided:
        return is_listed
    told = common.tags.get(str(place[-1]), ()) if place and type(value) in (str, bool) else ()
    if value in told:
        return True
    if not told or not is_listed:
        return False
    listed = kind.value if kind.name == "enum" else [kind.value]
    return all(one in told for one in listed if type(one) is type(value))


def _are_apart(stated: tuple[StatedPlace, ...]) -> bool:
    """Return whether no two paths are the same in words; else what comes first would depend on the body."""
    return len({one.path for one in stated}) == len({one.pointer for one in stated})


def _is_decided(
    node: dict[str, Any], tokens: Tokens, shape: Shape, decided: dict[Tokens, str | None]
) -> bool:
    """Return whether values of the shape, at other than the decided places, have no say in what applies.

    Which schemas of a union do is another question.
    """
    return OF_POSITIONS.isdisjoint(node) and (
        "if" not in node or (not shape.has_float and is_decided_by_shape(node["if"], tokens, decided))
    )


def _build(notes: Annotations, path_of: Callable[[Tokens], Tokens]) -> BodyPlan:
    times: dict[StatedPlace, None] = {}
    months: dict[StatedPlace, None] = {}
    lists: dict[tuple[StatedPlace, str, Tokens], None] = {}
    searched: dict[Tokens, bool] = {}
    classes: dict[Tokens, set[str]] = {}
    for tokens, _, uri, node in notes.nodes():
        path = path_of(tokens)
        declared, unit, identity = (_text(node, name) for name in (_CLASS, "x-unit", "x-unique-by"))
        searched[path] = searched.get(path, True) and declared not in _NOT_SEARCHED
        if declared is not None:
            classes.setdefault(path, set()).add(declared)
        if unit in UNITS:
            times[StatedPlace(path, fold_pointer(tokens), f"{uri}/x-unit", UNITS[unit])] = None
        elif unit == "month":
            months[StatedPlace(path, fold_pointer(tokens), f"{uri}/x-unit")] = None
        if identity is not None:
            stated = StatedPlace(path, f"{fold_pointer(tokens)}/*", f"{uri}/x-unique-by")
            lists[stated, identity, tokens_of(identity)] = None
    closed: dict[StatedPlace, set[str]] = {}
    members: dict[StatedPlace, set[str]] = {}
    for tokens, names, uri in notes.closed():
        stated = StatedPlace(path_of(tokens), fold_pointer(tokens), uri)
        closed.setdefault(stated, set()).update(names)
        members.setdefault(stated, set()).update(value_at(notes.value, tokens))
    public = frozenset(path for path, stated in classes.items() if stated == {_PUBLIC})
    return BodyPlan(
        schema=notes.schema,
        validator=notes.contract.schemas.validator(notes.schema, notes.unused),
        fit=None,
        times=tuple(times),
        months=tuple(months),
        lists=tuple(lists),
        undocumented=tuple(
            (stated, frozenset(names)) for stated, names in closed.items() if members[stated] - names
        ),
        searched=searched,
        public=public,
    )


def _text(node: dict[str, Any], name: str) -> str | None:
    """Return what one of this tool's extensions says; what is no text is somebody else's."""
    value = node.get(name)
    return value if isinstance(value, str) else None
