"""Field statistics: what exchanges show at each place, and what they say about open questions.

Exchanges with the same frame and the same shapes of their bodies have the same places. So the values of
those that waited together are counted together, column by column: presence and types by their number alone,
lengths, ranges and values that may be kept over a whole column, evidence by shape once for all of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import eq
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.drift.evidence import Probe, build_probes, describe_subject, weigh
from opay_contract.drift.field_statistics import TYPES, FieldCounter, Observer
from opay_contract.jsontext import Parsed, Tokens
from opay_contract.judge.describing import describe_media_type
from opay_contract.judge.shapes import EACH, Shape, Shapes, column, has_place
from opay_contract.judge.subject import Alike, Frame, Subject
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import EXCHANGE, MAX_SPOTS, UNDATED, Observations
from opay_contract.model.outcomes import NOT_NAMED, OutcomeKey, Outcomes, limit_details
from opay_contract.model.timestamps import day_of

MAX_GROUPS = 8192
"""Groups that are remembered; then all are counted and forgotten."""

_REQUEST, _RESPONSE = ("request", "body"), ("response", "body")
_METHOD, _STATUS = ("request", "method"), ("response", "status")
_EVERY = "*"

Weights = Counter[tuple[str, str]]
ByDay = dict[str, int]


@dataclass(slots=True, eq=False)
class _Place:
    """A place in bodies of one group, with what is below it.

    `shapes` are those that stand there: one, or in items of a list several. `members` and `items` are the
    places below, a member with whether it is in all of the values. The value at a `decided` place is the same
    in the whole group. `kind` is the type of all values, None where there are several. Evidence `by_shape`
    has one verdict for each shape.
    """

    counter: FieldCounter
    shapes: frozenset[Shape]
    is_decided: bool
    members: tuple[tuple[str, "_Place", bool], ...]
    items: "_Place | None"
    probes: tuple[Probe, ...]
    by_shape: tuple[Probe, ...]
    kind: type | None
    verdicts: dict[Shape, list[tuple[str, str]]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Bodies:
    """Bodies of one scope and shape that wait; `pairs` are the evidence that compares two of their values."""

    root: _Place
    pairs: dict[tuple[Tokens, Tokens], list[Probe]] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)
    days: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Frames:
    """Exchanges of one frame that wait: what stands in all of them, and evidence that looks at a header."""

    types: tuple[tuple[FieldCounter, str], ...]
    values: tuple[tuple[FieldCounter, str], ...]
    probes: tuple[tuple[Probe, int, int], ...]
    weights: Weights
    outcome: OutcomeKey
    headers: list[Any] = field(default_factory=list)
    days: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Group:
    """Exchanges that are alike; `weights` is what each says in evidence about more than a body.

    `probes` are such evidence that has to look at each.
    """

    frames: _Frames
    query: _Bodies | None
    answer: _Bodies | None
    weights: Weights
    probes: tuple[Probe, ...]


class Statistics:
    """Counts exchanges in scope; `readings()` and `observations()` give the counts."""

    def __init__(self, contract: Contract, shapes: Shapes) -> None:
        """Take a contract, and the memory of shapes of the judge."""
        self._shapes = shapes
        self._probes = build_probes(contract)
        self._observer = Observer(contract)
        self._readings: Weights = Counter()
        self._outcomes: Counter[OutcomeKey] = Counter()
        self._groups: dict[Alike, _Group] = {}
        self._frames: dict[Frame, _Frames] = {}
        self._bodies: dict[tuple[Any, ...], _Bodies] = {}
        self._evidence: dict[tuple[Any, ...], tuple[list[Probe], list[Probe]]] = {}

    def count(self, waiting: Iterable[Alike]) -> None:
        """Count exchanges, those that are alike together."""
        groups = [(alike, self._groups.get(alike) or self._new_group(alike)) for alike in waiting]
        for alike, group in groups:
            _spread(group, alike.waiting)
            for key, weight in group.weights.items():
                self._readings[key] += weight * len(alike.waiting)
            for subject in alike.waiting if group.probes else ():
                self._readings += weigh(group.probes, describe_subject(subject), alike.frame.outcome)
        for _, group in groups:
            self._count_frames(group.frames)
            for bodies in (group.query, group.answer):
                if bodies is not None and bodies.values:
                    self._count_bodies(bodies)
        if max(len(self._groups), len(self._bodies), len(self._evidence)) > MAX_GROUPS:
            self._groups, self._frames, self._bodies, self._evidence = {}, {}, {}, {}

    def readings(self) -> dict[tuple[str, str], int]:
        """Return by question and reading how many places speak for it."""
        return {key: count for key, count in sorted(self._readings.items()) if count}

    def outcomes(self) -> Outcomes:
        """Return how the exchanges ended."""
        return limit_details(dict(self._outcomes))

    def observations(self) -> Observations:
        """Return what was seen at each place."""
        return self._observer.observations()

    def _count_frames(self, frames: _Frames) -> None:
        if not frames.days:
            return
        by_day: ByDay = Counter(frames.days)
        for counter, type_ in frames.types:
            for day, count in by_day.items():
                counter.types[type_, day] += count
        for counter, value in frames.values:
            counter.count_value(value, by_day)
        for key, weight in frames.weights.items():
            self._readings[key] += weight * len(frames.days)
        for probe, part, position in frames.probes:
            self._readings[probe.key] += probe.count([one[part][position][1] for one in frames.headers])
        self._outcomes[frames.outcome] += len(frames.days)
        if len(self._outcomes) > MAX_SPOTS:
            self._outcomes = Counter(limit_details(self._outcomes))
        frames.headers, frames.days = [], []

    def _count_bodies(self, bodies: _Bodies) -> None:
        for (at, other), probes in bodies.pairs.items():
            equal = sum(map(eq, column(bodies.values, at), column(bodies.values, other)))
            for probe in probes:
                count = equal if probe.evidence.equal else len(bodies.values) - equal
                self._readings[probe.key] += count
        by_day: ByDay = Counter(bodies.days)
        self._count(bodies.root, bodies.values, bodies.days if len(by_day) > 1 else None, by_day)
        bodies.values, bodies.days = [], []

    def _count(self, place: _Place, values: list[Any], days: list[str] | None, by_day: ByDay) -> None:
        """Count the values at a place, and what is below; `days` are theirs, None where there is but one."""
        _count_types(place, values, days, by_day)
        if place.is_decided and place.kind is str:
            place.counter.count_value(values[0], by_day)
        else:
            place.counter.add_column(place.kind, values)
        for probe in place.probes:
            self._readings[probe.key] += probe.count(values)
        if place.by_shape:
            self._count_by_shape(place, values)
        for name, below, is_everywhere in place.members:
            if is_everywhere:
                self._count(below, [value[name] for value in values], days, by_day)
            else:
                having = [type(value) is dict and name in value for value in values]
                found = [value[name] for value in compress(values, having)]
                self._count_some(below, found, days and list(compress(days, having)), by_day)
        if place.items is not None:
            lists = [value if type(value) is list else [] for value in values]
            each = days and [day for day, items in zip(days, lists, strict=True) for _ in items]
            self._count_some(place.items, [item for items in lists for item in items], each, by_day)

    def _count_some(self, place: _Place, values: list[Any], days: list[str] | None, by_day: ByDay) -> None:
        if values:
            self._count(place, values, days, Counter(days) if days else dict.fromkeys(by_day, len(values)))

    def _count_by_shape(self, place: _Place, values: list[Any]) -> None:
        """Ask evidence once for each shape that stands at a place."""
        if len(place.shapes) == 1:
            examples = {next(iter(place.shapes)): values[0]}
            numbers = dict.fromkeys(examples, len(values))
        else:
            shapes = list(map(self._shapes.of, values))
            examples = dict(zip(shapes, values, strict=True))
            numbers = Counter(shapes)
        for shape, number in numbers.items():
            spoken = place.verdicts.get(shape)
            if spoken is None:
                spoken = [one.key for one in place.by_shape if one.validator.is_valid(examples[shape])]
                place.verdicts[shape] = spoken
            for key in spoken:
                self._readings[key] += number

    def _new_group(self, alike: Alike) -> _Group:
        frame, shapes, first = alike.frame, (alike.query, alike.answer), alike.waiting[0]
        seen = describe_subject(first)
        by_value, by_shape = self._evidence_at(frame, None)
        if any(shape is not None and shape.has_float for shape in shapes):
            by_value, by_shape = [*by_value, *by_shape], []
        group = _Group(
            frames=self._frames.get(frame) or self._new_frames(first.exchange, frame, seen),
            query=self._bodies_of(frame, _REQUEST, alike.query),
            answer=self._bodies_of(frame, _RESPONSE, alike.answer),
            weights=weigh(by_shape, seen, frame.outcome),
            probes=tuple(by_value),
        )
        if alike.is_known:
            self._groups[alike] = group
        return group

    def _probes_of(self, frame: Frame) -> Iterator[Probe]:
        """Yield the evidence that exchanges of a frame can give; those at unknown paths give none."""
        if frame.route.path_known:
            yield from (one for one in self._probes if one.concerns(frame.scope[0], frame.scope[2]))

    def _evidence_at(self, frame: Frame, path: Tokens | None) -> tuple[list[Probe], list[Probe]]:
        """Return the evidence about a place in a body, by value and by shape.

        Without a path it is the evidence about more: about several places, headers, or the whole exchange.
        """
        key = (frame.scope, frame.route.path_known, path)
        found = self._evidence.get(key)
        if found is None:
            probes = [
                probe
                for probe in self._probes_of(frame)
                if (
                    _is_wide(probe, frame)
                    if path is None
                    else probe.evidence.other is None and probe.is_at(path)
                )
            ]
            decided = frozenset((*_RESPONSE, *tokens) for tokens in frame.decided_places) | {_STATUS, _METHOD}
            by_shape = [probe for probe in probes if probe.is_by_shape(decided)]
            found = [probe for probe in probes if probe not in by_shape], by_shape
            self._evidence[key] = found
        return found

    def _outcome(self, exchange: Exchange, frame: Frame) -> OutcomeKey:
        """Return how an exchange ended: with its code, where that may be shown, or its class of statuses."""
        if frame.outcome is Outcome.TRANSPORT:
            return (*frame.scope, f"{exchange.response.status // 100}xx")
        envelope = frame.operation.envelope if frame.operation is not None else None
        if frame.outcome is Outcome.SUCCESS or envelope is None:
            return (*frame.scope, NOT_NAMED)
        spot, code = self._observer.spot(frame.scope, (*_RESPONSE, *envelope.code)), frame.code or NOT_NAMED
        return (*frame.scope, code if spot.is_public and spot.may_keep(code) else NOT_NAMED)

    def _new_frames(self, exchange: Exchange, frame: Frame, seen: dict[str, Any]) -> _Frames:
        types: list[tuple[FieldCounter, str]] = [(self._observer.spot(frame.scope, ()), EXCHANGE)]
        values: list[tuple[FieldCounter, str]] = []
        for part in ("request", "response") if frame.operation is not None else ():
            headers = seen[part].get("headers")
            if headers is not None:
                types.append((self._observer.spot(frame.scope, (part, "headers")), "object"))
            spots = [self._observer.spot(frame.scope, (part, "headers", name)) for name in headers or ()]
            types += [(spot, "string") for spot in spots]
        if frame.operation is not None:
            status = self._observer.spot(frame.scope, _STATUS)
            types.append((status, "integer"))
            values.append((status, str(seen["response"]["status"])))
            media_type = seen["response"].get("headers", {}).get("content-type")
            if media_type is not None:
                spot = self._observer.spot(frame.scope, ("response", "headers", "content-type"))
                values.append((spot, describe_media_type(media_type)))
        of_frame = [probe for probe in self._probes_of(frame) if _is_of_frame(probe)]
        by_value = [
            (probe, part, position)
            for probe in of_frame
            for part, headers in enumerate((exchange.request.headers, exchange.response.headers))
            if (position := _position(probe, part, headers)) is not None
        ]
        frames = _Frames(
            types=tuple(types),
            values=tuple(values),
            probes=tuple(by_value),
            weights=weigh(
                (probe for probe in of_frame if probe.evidence.at == _STATUS), seen, frame.scope[2]
            ),
            outcome=self._outcome(exchange, frame),
        )
        if frame.is_known:
            self._frames[frame] = frames
        return frames

    def _bodies_of(self, frame: Frame, part: Tokens, shape: Shape | None) -> _Bodies | None:
        if shape is None or frame.operation is None:
            return None
        key = (frame.scope, frame.decided, part, shape)
        bodies = self._bodies.get(key)
        if bodies is None:
            bodies = _Bodies(self._place(frame, part, frozenset((shape,))))
            for probe in self._probes_of(frame):
                at, other = probe.evidence.at, probe.evidence.other
                if other is None or at[:2] != part or _is_wide(probe, frame):
                    continue
                if has_place(shape, at[2:]) and has_place(shape, other[2:]):
                    bodies.pairs.setdefault((at[2:], other[2:]), []).append(probe)
            if shape.is_known:
                self._bodies[key] = bodies
        return bodies

    def _place(self, frame: Frame, path: Tokens, shapes: frozenset[Shape]) -> _Place:
        by_value, by_shape = self._evidence_at(frame, path)
        if by_shape and any(shape.has_float for shape in shapes):
            by_value, by_shape = [*by_value, *by_shape], []
        members: dict[str, list[Shape]] = {}
        for shape in shapes:
            for name, member in shape.members.items():
                members.setdefault(name, []).append(member)
        kinds = {shape.kind for shape in shapes}
        items = frozenset().union(*[shape.items for shape in shapes])
        return _Place(
            counter=self._observer.spot(frame.scope, path),
            shapes=shapes,
            is_decided=path[:2] == _RESPONSE and path[2:] in frame.decided_places,
            members=tuple(
                (name, self._place(frame, (*path, name), frozenset(found)), len(found) == len(shapes))
                for name, found in members.items()
            ),
            items=self._place(frame, (*path, EACH), items) if items else None,
            probes=tuple(by_value),
            by_shape=tuple(by_shape),
            kind=kinds.pop() if len(kinds) == 1 else None,
        )


def _spread(group: _Group, subjects: list[Subject]) -> None:
    """Put exchanges that are alike into the columns that they share with others."""
    moments = [subject.exchange.recorded_at for subject in subjects]
    days = list(map(day_of, moments)) if any(moments) else [UNDATED] * len(moments)
    group.frames.days += days
    if group.frames.probes:
        group.frames.headers += [
            (one.exchange.request.headers, one.exchange.response.headers) for one in subjects
        ]
    if group.query is not None:
        group.query.values += [one.asked.value for one in subjects if type(one.asked) is Parsed]
        group.query.days += days
    if group.answer is not None:
        group.answer.values += [one.answered.value for one in subjects if type(one.answered) is Parsed]
        group.answer.days += days


def _is_wide(probe: Probe, frame: Frame) -> bool:
    """Return whether evidence looks at more than places of one body, one header or the status."""
    at, other = probe.evidence.at, probe.evidence.other
    in_body = frame.operation is not None and at[:2] in (_REQUEST, _RESPONSE)
    if other is None:
        return not (in_body or _is_of_frame(probe))
    return not in_body or other[:2] != at[:2] or _EVERY in (*at, *other)


def _count_types(place: _Place, values: list[Any], days: list[str] | None, by_day: ByDay) -> None:
    types = place.counter.types
    if place.kind is not None:
        type_ = TYPES[place.kind]
        for day, count in by_day.items():
            types[type_, day] += count
    else:
        found = map(type, values)
        for (kind, day), count in Counter(zip(found, days or repeat(next(iter(by_day))))).items():  # noqa: B905
            types[TYPES[kind], day] += count


def _is_of_frame(probe: Probe) -> bool:
    """Return whether evidence looks at the status, or at the value of one header."""
    at = probe.evidence.at
    is_header = len(at) == 3 and at[:2] in (("request", "headers"), ("response", "headers"))  # noqa: PLR2004
    return probe.evidence.other is None and (at == _STATUS or is_header)


def _position(probe: Probe, part: int, headers: Headers | None) -> int | None:
    """Return where the header stands that evidence looks at; of several of a name the last counts."""
    at = probe.evidence.at
    if at[:2] != (("request", "response")[part], "headers"):
        return None
    names = [name.lower() for name, _ in headers or ()]
    return max((number for number, name in enumerate(names) if name == at[2]), default=None)
