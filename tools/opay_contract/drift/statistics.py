"""Field statistics: what exchanges show at each place, and what they say about open questions.

Exchanges with the same frame and the same shapes of their bodies have the same places. So the values of
those that waited together are counted together, column by column: presence and types by their number alone,
lengths, ranges and values that may be kept over a whole column, evidence by shape once for all of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import eq
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.drift.evidence import Probe, build_probes, describe_subject, weigh
from opay_contract.drift.field_statistics import TYPES, FieldCounter, Observer
from opay_contract.jsontext import Tokens
from opay_contract.judge.columns import Column
from opay_contract.judge.describing import describe_media_type
from opay_contract.judge.shapes import Shape, Shapes, has_place
from opay_contract.judge.subject import REQUEST_BODY, RESPONSE_BODY, Alike, Bodies, Frame, Subject
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import EXCHANGE, MAX_SPOTS, UNDATED, Observations
from opay_contract.model.outcomes import NOT_NAMED, OutcomeKey, Outcomes, limit_details
from opay_contract.model.timestamps import day_of

MAX_GROUPS = 8192
"""Groups that are remembered; then all are counted and forgotten."""

_METHOD, _STATUS = ("request", "method"), ("response", "status")
_EVERY = "*"

Weights = Counter[tuple[str, str]]
ByDay = dict[str, int]


@dataclass(slots=True, eq=False)
class _Place:
    """What is counted at a place of bodies that are alike.

    The value at a `decided` place is the same in all of them. Evidence `by_shape` has one verdict for each
    shape.
    """

    column: Column
    counter: FieldCounter
    is_decided: bool
    probes: tuple[Probe, ...]
    by_shape: tuple[Probe, ...]
    verdicts: dict[Shape, list[tuple[str, str]]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Places:
    """The places of bodies that are alike; `pairs` are the evidence that compares the values of two."""

    each: tuple[_Place, ...]
    pairs: dict[tuple[Tokens, Tokens], list[Probe]]


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
        self._places: dict[Bodies, _Places] = {}
        self._evidence: dict[tuple[Any, ...], tuple[list[Probe], list[Probe]]] = {}

    def count(self, waiting: Sequence[Alike], gathered: Iterable[Bodies]) -> None:
        """Count exchanges that wait, those that are alike together, and their bodies, which were gathered."""
        groups = [(alike, self._groups.get(alike) or self._new_group(alike)) for alike in waiting]
        for alike, group in groups:
            _spread(group.frames, alike.waiting)
            for key, weight in group.weights.items():
                self._readings[key] += weight * len(alike.waiting)
            for subject in alike.waiting if group.probes else ():
                self._readings += weigh(group.probes, describe_subject(subject), alike.frame.outcome)
        for _, group in groups:
            self._count_frames(group.frames)
        for bodies in gathered:
            self._count_bodies(bodies, self._places.get(bodies) or self._new_places(bodies))
        if len(self._groups) > MAX_GROUPS:
            self._groups, self._frames, self._places, self._evidence = {}, {}, {}, {}

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

    def _count_bodies(self, bodies: Bodies, places: _Places) -> None:
        at = bodies.table.at
        for (first, other), probes in places.pairs.items():
            equal, count = sum(map(eq, at(first), at(other))), len(bodies.subjects)
            for probe in probes:
                self._readings[probe.key] += equal if probe.evidence.equal else count - equal
        days = _days_of(bodies.subjects)
        by_day: ByDay = Counter(days)
        is_one_day = len(by_day) == 1
        each: dict[Column, tuple[list[str], ByDay]] = {}
        for place in places.each:
            column = place.column
            if not column.values:
                continue
            if is_one_day:
                by_day = dict.fromkeys(by_day, len(column.values))
            elif column.above is not None:
                above = each[column.above]
                days = column.spread(above[0])
                by_day = above[1] if days is above[0] else Counter(days)
            each[column] = days, by_day
            self._count_place(place, column, days, by_day)

    def _count_place(self, place: _Place, column: Column, days: list[str], by_day: ByDay) -> None:
        values, counter, kind = column.values, place.counter, column.kind
        if kind is not None:
            type_ = TYPES[kind]
            for day, count in by_day.items():
                counter.types[type_, day] += count
        else:
            each = days if len(by_day) > 1 else repeat(next(iter(by_day)))
            for (one, day), count in Counter(zip(map(type, values), each)).items():  # noqa: B905  one may not end
                counter.types[TYPES[one], day] += count
        if place.is_decided and kind is str:
            counter.count_value(values[0], by_day)
        else:
            counter.add_column(kind, values)
        for probe in place.probes:
            self._readings[probe.key] += probe.count(values)
        if place.by_shape:
            self._count_by_shape(place, column)

    def _count_by_shape(self, place: _Place, column: Column) -> None:
        """Ask evidence once for each shape that stands at a place."""
        values, shapes = column.values, list(column.shapes)
        if len(shapes) > 1:
            shapes, _ = self._shapes.measure(values)
            examples = dict(zip(shapes, values, strict=True))
            numbers: dict[Shape, int] = Counter(shapes)
        else:
            examples, numbers = {shapes[0]: values[0]}, {shapes[0]: len(values)}
        for shape, number in numbers.items():
            spoken = place.verdicts.get(shape)
            if spoken is None:
                spoken = [one.key for one in place.by_shape if one.validator.is_valid(examples[shape])]
                if shape.is_known:
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
            decided = frozenset((*RESPONSE_BODY, *tokens) for tokens in frame.decided_places) | {
                _STATUS,
                _METHOD,
            }
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
        spot, code = (
            self._observer.spot(frame.scope, (*RESPONSE_BODY, *envelope.code)),
            frame.code or NOT_NAMED,
        )
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

    def _new_places(self, bodies: Bodies) -> _Places:
        frame, shape, part = bodies.frame, bodies.shape, bodies.part
        pairs: dict[tuple[Tokens, Tokens], list[Probe]] = {}
        for probe in self._probes_of(frame):
            at, other = probe.evidence.at, probe.evidence.other
            if other is None or at[:2] != part or _is_wide(probe, frame):
                continue
            if has_place(shape, at[2:]) and has_place(shape, other[2:]):
                pairs.setdefault((at[2:], other[2:]), []).append(probe)
        found = _Places(tuple(self._place(bodies, column) for column in bodies.table.columns), pairs)
        if bodies.is_known:
            self._places[bodies] = found
        return found

    def _place(self, bodies: Bodies, column: Column) -> _Place:
        frame, path = bodies.frame, (*bodies.part, *column.path)
        by_value, by_shape = self._evidence_at(frame, path)
        if by_shape and any(shape.has_float for shape in column.shapes):
            by_value, by_shape = [*by_value, *by_shape], []
        return _Place(
            column=column,
            counter=self._observer.spot(frame.scope, path),
            is_decided=not bodies.is_request and column.path in frame.decided_places,
            probes=tuple(by_value),
            by_shape=tuple(by_shape),
        )


def _spread(frames: _Frames, subjects: list[Subject]) -> None:
    """Put exchanges that are alike to others of their frame."""
    frames.days += _days_of(subjects)
    if frames.probes:
        frames.headers += [(one.exchange.request.headers, one.exchange.response.headers) for one in subjects]


def _days_of(subjects: list[Subject]) -> list[str]:
    moments = [subject.exchange.recorded_at for subject in subjects]
    return list(map(day_of, moments)) if any(moments) else [UNDATED] * len(moments)


def _is_wide(probe: Probe, frame: Frame) -> bool:
    """Return whether evidence looks at more than places of one body, one header or the status."""
    at, other = probe.evidence.at, probe.evidence.other
    in_body = frame.operation is not None and at[:2] in (REQUEST_BODY, RESPONSE_BODY)
    if other is None:
        return not (in_body or _is_of_frame(probe))
    return not in_body or other[:2] != at[:2] or _EVERY in (*at, *other)


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
