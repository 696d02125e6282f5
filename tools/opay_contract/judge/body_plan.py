"""What the contract says about the places of a body, worked out once for all bodies of one shape.

The schema library is asked in full (`annotate`) about the first body of each shape. Where conditions look at
nothing but the shape and the values at few decided places, what it said holds for every other body of that
shape; list items of one shape are then one place, `EACH`. Otherwise it is asked about each body anew, and
places are those of that body alone. Either way the rules read the same `BodyPlan`.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import tokens_of, value_below
from opay_contract.contract.contract import Contract, Match, content_type
from opay_contract.contract.keywords import (
    CHOICES,
    FOR_PEOPLE,
    KEYWORDS,
    OF_PLAIN_VALUES,
    OF_POSITIONS,
    OF_SHAPE,
)
from opay_contract.contract.operation import DocumentedResponse, Form, Operation, schema_of
from opay_contract.contract.schemas import Validator
from opay_contract.jsontext import NotJson, Parsed, Tokens, iter_nodes, value_at
from opay_contract.judge.annotations import Annotations, annotate
from opay_contract.judge.describing import fold_pointer, is_label
from opay_contract.judge.shapes import Shape, fold, is_decided_by_shape
from opay_contract.model.exchange import Exchange, Headers

_NOT_SEARCHED = frozenset({"identifier", "credential", "card-number"})
"""Classes of fields that look like card numbers by their nature, or are meant to hold one."""

READ_ONLY, WRITE_ONLY = "readOnly", "writeOnly"
"""Members that a request need not have, and those that an answer need not."""

MAX_PLANS = 4096
"""Shapes of bodies, by schema and decided values, whose plans are remembered."""

_NOT_ABOUT_PLAIN_VALUES = FOR_PEOPLE | OF_SHAPE | (KEYWORDS.keys() - {"if", "not"}) | {"$ref"}
_NOT_ABOUT_CONTENTS = FOR_PEOPLE | OF_SHAPE | OF_PLAIN_VALUES | (KEYWORDS.keys() - {"not"}) | {"$ref"}
UNITS = {"unix-seconds": 1, "unix-milliseconds": 1000}
"""Units of times, and how many of each are a second."""

_CLASS, _PUBLIC = "x-sensitivity", "public"
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
    """Works out plans, and remembers those that a shape decides."""

    def __init__(self, contract: Contract, limit: int = MAX_PLANS) -> None:
        self._contract = contract
        self._limit = limit
        self._plans: dict[tuple[Any, ...], BodyPlan] = {}

    def plan(
        self, schema: str, value: Any, shape: Shape, decided: Decided = (), unused: str = WRITE_ONLY
    ) -> tuple[BodyPlan, bool]:
        """Return what the contract says about a body, and whether others of its shape have the same plan.

        `decided` has some of its places with their values. `unused` is the keyword of members that it need
        not have.
        """
        key: tuple[Any, ...] = (schema, shape, *[found for _, found in decided], unused)
        plan = self._plans.get(key)
        if plan is not None:
            return plan, True
        plan, is_general = _plan_of(annotate(self._contract, schema, value, unused), shape, decided)
        is_short = sum(len(one or "") for one in key[2:]) <= _MAX_DECIDED
        is_kept = is_general and shape.is_known and is_short and len(self._plans) < self._limit
        if is_kept:
            self._plans[key] = plan
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


def _plan_of(notes: Annotations, shape: Shape, decided: Decided) -> tuple[BodyPlan, bool]:
    """Return the plan for a body, and whether it holds for every other of the shape."""
    if holds_for_shape(notes, shape, decided):
        plan = _build(notes, fold)
        lists = tuple(stated for stated, _, _ in plan.lists)
        objects = tuple(stated for stated, _ in plan.undocumented)
        if all(map(_are_apart, (plan.times, plan.months, lists, objects))):
            told = frozenset(place for place, value in decided if value is not None)
            return replace(plan, fit=_fit_of(notes, plan, told)), True
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
        named = {keyword for keyword in node if not keyword.startswith("x-")}
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
    return all(
        uris.setdefault(fold(tokens), found) == found
        for tokens, _ in iter_nodes(notes.value)
        for found in (notes.schemas.get(tokens, []),)
    ) and all(_is_decided(node, tokens, shape, decided) for tokens, _, _, node in notes.nodes())


def _are_apart(stated: tuple[StatedPlace, ...]) -> bool:
    """Return whether no two paths are the same in words; else what comes first would depend on the body."""
    return len({one.path for one in stated}) == len({one.pointer for one in stated})


def _is_decided(node: dict[str, Any], tokens: Tokens, shape: Shape, decided: Decided) -> bool:
    """Return whether values of the shape, at other than the decided places, have no say in what applies."""
    if not (CHOICES.isdisjoint(node) and OF_POSITIONS.isdisjoint(node)):
        return False
    return "if" not in node or (
        not shape.has_float and is_decided_by_shape(node["if"], tokens, dict(decided))
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
