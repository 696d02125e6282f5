"""Field statistics: what exchanges show at each place, and what they say about open questions.

Exchanges with the same frame and the same shapes of their bodies have the same places. So what follows from
these is counted by the number of such exchanges alone. The values of bodies that waited together are counted
together, column by column: presence and types by their number, lengths, ranges and values that may be kept
over a whole column.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import eq
from typing import Any

import msgspec
from msgspec import field

from opay_contract.contract.contract import Contract
from opay_contract.drift.evidence import Probe, build_probes, describe_exchange, describe_subject, weigh
from opay_contract.drift.field_statistics import TYPES, FieldCounter, Observer
from opay_contract.jsontext import Tokens
from opay_contract.judge.columns import Column
from opay_contract.judge.describing import describe_media_type
from opay_contract.judge.shapes import EACH, Shape, Shapes, Words, is_decided_by_names, iter_others
from opay_contract.judge.subject import REQUEST_BODY, RESPONSE_BODY, Alike, Bodies, Frame
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import EXCHANGE, MAX_LOCATIONS, Observations
from opay_contract.model.summary import NOT_NAMED, OutcomeKey, Outcomes, limit_details

MAX_GROUPS = 8192
"""Groups that are remembered; then all are counted and forgotten."""

_MAX_VERDICTS, _MAX_KEPT = 256, 4096
"""Verdicts that are remembered by names of members at a place, and characters of such names."""

_METHOD, _STATUS = ("request", "method"), ("response", "status")
_EVERY = "*"

Weights = Counter[tuple[str, str]]


class _Rows(msgspec.Struct, eq=False):
    """How often something stood, by day, at a column's place and at all below it that are in each value.

    `above` are the rows of the column above.
    """

    column: Column
    above: "_Rows | None"
    days: Counter[str] = field(default_factory=Counter)


class _Place(msgspec.Struct, eq=False):
    """What is counted at a place of bodies that are alike.

    The values at places that decide much are few: each text `is_told_apart`. Of `probes` each value is asked;
    of those `by_shape` one for each shape, or for each that `key_of` a value gives, where that says as much.
    """

    column: Column
    rows: _Rows
    counter: FieldCounter
    is_told_apart: bool
    probes: tuple[Probe, ...]
    by_shape: tuple[Probe, ...]
    key_of: Callable[[Any], Any] | None
    verdicts: dict[Any, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether nothing but the number of values is to be counted."""
        return self.column.kind in (dict, type(None)) and not self.probes and not self.by_shape


class _Places(msgspec.Struct, eq=False):
    """The places of some bodies, those of them whose values are looked at, and the rows they have.

    `pairs` are the evidence that compares the values of two places.
    """

    each: tuple[_Place, ...]
    looked_at: tuple[_Place, ...]
    rows: tuple[_Rows, ...]
    pairs: dict[tuple[Tokens, Tokens], list[Probe]]


class _Frames(msgspec.Struct, eq=False):
    """Exchanges of one frame: what stands in all of them, evidence and which header it is about, their days.

    Headers that nothing names stand in some of them.
    """

    types: tuple[tuple[FieldCounter, str], ...]
    values: tuple[tuple[FieldCounter, str], ...]
    probes: tuple[tuple[Probe, int], ...]
    weights: Weights
    days: Counter[str] = field(default_factory=Counter)


class _Group(msgspec.Struct, eq=False):
    """Exchanges that are alike; `weights` is what each says in evidence about more than values of a body.

    `probes` are evidence about more that has to look at each, `headers` those that nothing names.
    """

    frames: _Frames
    weights: Weights
    probes: tuple[Probe, ...]
    headers: tuple[FieldCounter, ...]
    outcome: OutcomeKey
    days: Counter[str] = field(default_factory=Counter)


class Statistics:
    """Counts exchanges in scope; `readings()` and `observations()` give the counts."""

    def __init__(self, contract: Contract, shapes: Shapes) -> None:
        """Take a contract, and the memory of shapes of the judge."""
        self._shapes = shapes
        self._probes = build_probes(contract)
        self._operations = contract.operations
        self._observer = Observer(contract)
        self._readings: Weights = Counter()
        self._outcomes: Counter[OutcomeKey] = Counter()
        self._groups: dict[Alike, _Group] = {}
        self._wide: dict[tuple[Any, ...], tuple[Weights, tuple[Probe, ...]]] = {}
        self._frames: dict[Frame, _Frames] = {}
        self._places: dict[Bodies, _Places] = {}
        self._evidence: dict[tuple[Any, ...], tuple[list[Probe], list[Probe]]] = {}

    def count(self, waiting: Iterable[Alike], gathered: Iterable[Bodies]) -> None:
        """Count exchanges that wait, those that are alike together, and their bodies, which were gathered."""
        texts: dict[Probe, list[str]] = {}
        for alike in waiting:
            self._count_alike(alike, self._groups.get(alike) or self._new_group(alike), texts)
        for probe, values in texts.items():
            self._readings[probe.key] += probe.count(values)
        for bodies in gathered:
            places = self._places.get(bodies)
            if places is not None and places.each[0].column is not bodies.table.columns[0]:
                self._settle_places(places)
                places = None
            places = places or self._new_places(bodies)
            self._count_bodies(bodies, places)
            if not bodies.is_known:
                self._settle_places(places)
        if max(len(self._groups), len(self._places), len(self._evidence)) > MAX_GROUPS:
            self._settle()
            self._groups, self._frames, self._places, self._evidence, self._wide = {}, {}, {}, {}, {}

    def readings(self) -> dict[tuple[str, str], int]:
        """Return by question and reading how many places speak for it."""
        self._settle()
        return {key: count for key, count in sorted(self._readings.items()) if count}

    def outcomes(self) -> Outcomes:
        """Return how the exchanges ended."""
        self._settle()
        return limit_details(dict(self._outcomes))

    def observations(self) -> Observations:
        """Return what was seen at each place."""
        self._settle()
        return self._observer.observations()

    def _settle(self) -> None:
        """Count what follows from the number of exchanges alone, and so can be left until it is asked for."""
        for group in self._groups.values():
            self._settle_group(group)
        for frames in self._frames.values():
            self._settle_frames(frames)
        for places in self._places.values():
            self._settle_places(places)

    def _settle_group(self, group: _Group) -> None:
        for counter in group.headers if group.days else ():
            counter.count_type("string", group.days)
        for key, weight in group.weights.items():
            self._readings[key] += weight * group.days.total()
        self._outcomes[group.outcome] += group.days.total()
        if len(self._outcomes) > MAX_LOCATIONS:
            self._outcomes = Counter(limit_details(self._outcomes))
        group.frames.days.update(group.days)
        group.days.clear()

    def _settle_frames(self, frames: _Frames) -> None:
        by_day, total = frames.days, frames.days.total()
        if not total:
            return
        for counter, type_ in frames.types:
            counter.count_type(type_, by_day)
        for counter, value in frames.values:
            counter.count_value(value, by_day)
        for key, weight in frames.weights.items():
            self._readings[key] += weight * total
        by_day.clear()

    def _settle_places(self, places: _Places) -> None:
        for place in places.each:
            kind, by_day = place.column.kind, place.rows.days
            if kind is not None and by_day:
                place.counter.count_type(TYPES[kind], by_day)
        for rows in places.rows:
            rows.days.clear()

    def _count_alike(self, alike: Alike, group: _Group, texts: dict[Probe, list[str]]) -> None:
        """Count exchanges that are alike; the `texts` are what evidence about a header looks at."""
        waiting, frames = alike.waiting, group.frames
        _add_days(group.days, [one.day for one in waiting])
        for probe, position in frames.probes:
            texts.setdefault(probe, []).extend([one.header_values[position] for one in waiting])
        for subject in waiting if group.probes else ():
            for key, weight in weigh(group.probes, describe_subject(subject), alike.frame.outcome).items():
                self._readings[key] += weight
        if not alike.is_known:
            self._settle_group(group)
        if not alike.frame.is_known:
            self._settle_frames(frames)

    def _count_bodies(self, bodies: Bodies, places: _Places) -> None:
        at = bodies.table.at
        for (first, other), probes in places.pairs.items():
            equal, count = sum(map(eq, at(first), at(other))), len(bodies.subjects)
            for probe in probes:
                self._readings[probe.key] += equal if probe.evidence.equal else count - equal
        days = [one.day for one in bodies.subjects]
        is_one_day = days.count(days[0]) == len(days)
        days_of: dict[_Rows, list[str]] = {}
        for rows in places.rows:
            if is_one_day:
                if number := len(rows.column.values):
                    rows.days[days[0]] += number
            else:
                days_of[rows] = days if rows.above is None else rows.column.spread(days_of[rows.above])
                rows.days.update(days_of[rows])
        if bodies.has_others and self._shapes.words is not None:
            self._count_others(bodies, self._shapes.words)
        for place in places.looked_at:
            if values := place.column.values:
                self._look_at(place, values, days[0] if is_one_day else days_of[place.rows])

    def _count_others(self, bodies: Bodies, words: Words) -> None:
        """Count members that no document names, one by one: their places are others in every body."""
        location, scope, part = self._observer.location, bodies.frame.scope, bodies.part
        for subject, body in zip(bodies.subjects, bodies.table.at(()), strict=True):
            for tokens, value in iter_others(body, words):
                counter = location(scope, (*part, *tokens))
                counter.types[TYPES[type(value)], subject.day] += 1
                counter.add_value(value)

    def _look_at(self, place: _Place, values: list[Any], days: str | list[str]) -> None:
        counter, kind = place.counter, place.column.kind
        if kind is None:
            for one, day, count in _by_day(map(type, values), days):
                counter.types[TYPES[one], day] += count
        if place.is_told_apart:
            texts = values if kind is str else [one if type(one) is str else None for one in values]
            for text, day, count in _by_day(texts, days):
                if text is not None:
                    counter.count_value(text, {day: count})
                    self._speak(place, place.probes, text, text, count)
            values = [] if kind is str else [one for one in values if type(one) is not str]
        if values:
            counter.add_column(kind, values)
            for probe in place.probes:
                self._readings[probe.key] += probe.count(values)
            if place.by_shape:
                self._count_by_shape(place, values)

    def _count_by_shape(self, place: _Place, values: list[Any]) -> None:
        """Ask evidence once for each of the shapes that stand at a place, or for all that are equal to it."""
        key_of, kind = place.key_of, place.column.kind
        if key_of is type and kind is not None:
            self._speak(place, place.by_shape, kind, values[0], len(values))
            return
        keys: list[Any] = list(map(key_of, values)) if key_of else self._shapes.measure(values)[0]
        for key, count in Counter(keys).items():
            self._speak(place, place.by_shape, key, values[keys.index(key)], count)

    def _speak(self, place: _Place, probes: Iterable[Probe], key: Any, example: Any, count: int) -> None:
        """Count what values say of which the example is one, and so are all with the key."""
        spoken = place.verdicts.get(key)
        if spoken is None:
            spoken = [one.key for one in probes if one.validator.is_valid(example)]
            if isinstance(key, Shape):
                is_kept = key.is_known
            else:
                is_kept = len(place.verdicts) < _MAX_VERDICTS and len(repr(key)) < _MAX_KEPT
            if is_kept:
                place.verdicts[key] = spoken
        for reading in spoken:
            self._readings[reading] += count

    def _new_group(self, alike: Alike) -> _Group:
        frame, first = alike.frame, alike.waiting[0]
        frames = self._frames.get(frame) or self._new_frames(first.exchange, frame, alike.other_headers)
        key = (frame, alike.query, alike.answer)
        wide = self._wide.get(key)
        if wide is None:
            bodies = ((REQUEST_BODY, alike.query), (RESPONSE_BODY, alike.answer))
            floats = [shape is not None and shape.has_float for _, shape in bodies]
            absent = tuple(part for part, shape in bodies if shape is None)
            by_value, by_shape = self._evidence_at(frame, None, *floats, absent=absent)
            wide = (weigh(by_shape, describe_subject(first), frame.outcome), tuple(by_value))
        headers = tuple([self._observer.location(frame.scope, place) for place in alike.other_headers])
        outcome = self._outcome(first.exchange, frame, alike.code)
        group = _Group(frames, *wide, headers if frame.operation is not None else (), outcome)
        if alike.is_known:
            self._groups[alike], self._wide[key] = group, wide
        return group

    def _probes_of(self, frame: Frame) -> Iterator[Probe]:
        """Yield the evidence that exchanges of a frame can give; those at unknown paths give none.

        An unknown method is asked of every operation at its path.
        """
        route, known = frame.route, frame.route.operation
        if route.path_known:
            at_path = [one for one in self._operations if one.path == route.documented]
            asked = {one.id for one in ([known] if known is not None else at_path)}
            yield from (one for one in self._probes if one.concerns(asked, frame.scope[2]))

    def _evidence_at(
        self, frame: Frame, path: Tokens | None, *floats: bool, absent: tuple[Tokens, ...] = ()
    ) -> tuple[list[Probe], list[Probe]]:
        """Return the evidence about a place in a body, by value and by shape.

        Without a path it is the evidence about more, about several places, headers, or the whole exchange,
        and what is the same in all that are alike. Of items of lists there may be more or fewer in one of a
        shape. `floats` says of request and answer whether a fraction is in them, `absent` are those of them
        that are no JSON, and so in no description of an exchange.
        """
        told = frame.decided_places if path is None else ()
        key = (frame.scope, frame.route.documented, path, floats, told, absent)
        found = self._evidence.get(key)
        if found is None:
            probes = [
                probe
                for probe in self._probes_of(frame)
                if (
                    _is_wide(probe, frame) or _is_of_all(probe, floats)
                    if path is None
                    else probe.is_at(path) and not _is_of_all(probe, floats)
                )
            ]
            decided = [*((*RESPONSE_BODY, *tokens) for tokens in told), _STATUS, _METHOD, *absent]
            by_shape = [
                probe
                for probe in probes
                if probe.is_by_shape(decided)
                and (
                    path is not None
                    or not (_EVERY in probe.evidence.at or (any(floats) and _is_wide(probe, frame)))
                )
            ]
            found = [probe for probe in probes if probe not in by_shape], by_shape
            self._evidence[key] = found
        return found

    def _outcome(self, exchange: Exchange, frame: Frame, code: str | None) -> OutcomeKey:
        """Return how an exchange ended: with its code, where that may be shown, or its class of statuses."""
        if frame.outcome is Outcome.TRANSPORT:
            return (*frame.scope, f"{exchange.response.status // 100}xx")
        envelope = frame.operation.envelope if frame.operation is not None else None
        if frame.outcome is Outcome.SUCCESS or envelope is None:
            return (*frame.scope, NOT_NAMED)
        location = self._observer.location(frame.scope, (*RESPONSE_BODY, *envelope.code))
        is_named = code is not None and location.is_public and location.may_keep(code)
        return (*frame.scope, code if is_named and code else NOT_NAMED)

    def _new_frames(self, exchange: Exchange, frame: Frame, others: frozenset[Tokens]) -> _Frames:
        seen = describe_exchange(exchange, None, None)
        types: list[tuple[FieldCounter, str]] = [(self._observer.location(frame.scope, ()), EXCHANGE)]
        values: list[tuple[FieldCounter, str]] = []
        for part in ("request", "response") if frame.operation is not None else ():
            headers = seen[part].get("headers")
            if headers is not None:
                types.append((self._observer.location(frame.scope, (part, "headers")), "object"))
            named = [place for name in headers or () if (place := (part, "headers", name)) not in others]
            types += [(self._observer.location(frame.scope, place), "string") for place in named]
        if frame.operation is not None:
            status = self._observer.location(frame.scope, _STATUS)
            types.append((status, "integer"))
            values.append((status, str(seen["response"]["status"])))
            media_type = seen["response"].get("headers", {}).get("content-type")
            if media_type is not None:
                location = self._observer.location(frame.scope, ("response", "headers", "content-type"))
                values.append((location, describe_media_type(media_type)))
        of_frame = [probe for probe in self._probes_of(frame) if _is_of_frame(probe)]
        by_value = [
            (probe, position)
            for probe in of_frame
            if (position := _position(probe.evidence.at, exchange)) is not None
        ]
        frames = _Frames(
            types=tuple(types),
            values=tuple(values),
            probes=tuple(by_value),
            weights=weigh(
                (probe for probe in of_frame if probe.evidence.at == _STATUS), seen, frame.scope[2]
            ),
        )
        if frame.is_known:
            self._frames[frame] = frames
        return frames

    def _new_places(self, bodies: Bodies) -> _Places:
        frame, part, there = bodies.frame, bodies.part, bodies.table.by_path
        pairs: dict[tuple[Tokens, Tokens], list[Probe]] = {}
        for probe in self._probes_of(frame):
            at, other = probe.evidence.at, probe.evidence.other
            if other is None or at[:2] != part or _is_wide(probe, frame):
                continue
            if at[2:] in there and other[2:] in there:
                pairs.setdefault((at[2:], other[2:]), []).append(probe)
        each: dict[Column, _Place] = {}
        for column in bodies.table.columns:
            above = each[column.above].rows if column.above is not None else None
            is_in_each = column.everywhere and column.path[-1:] != (EACH,)
            rows = above if above is not None and is_in_each else _Rows(column, above)
            each[column] = self._place(bodies, column, rows)
        places = tuple(each.values())
        found = _Places(
            each=places,
            looked_at=tuple(place for place in places if not place.is_settled),
            rows=tuple(dict.fromkeys(place.rows for place in places)),
            pairs=pairs,
        )
        if bodies.is_known:
            self._places[bodies] = found
        return found

    def _place(self, bodies: Bodies, column: Column, rows: _Rows) -> _Place:
        frame, path = bodies.frame, (*bodies.part, *column.path)
        by_value, by_shape = self._evidence_at(frame, path, bodies.has_float, bodies.has_float)
        is_told_apart = not bodies.is_request and column.path in dict(frame.decided)
        if is_told_apart or any(shape.has_float for shape in column.shapes):
            by_value, by_shape = [*by_value, *by_shape], []
        return _Place(
            column=column,
            rows=rows,
            counter=self._observer.location(frame.scope, path),
            is_told_apart=is_told_apart,
            probes=tuple(by_value),
            by_shape=tuple(by_shape),
            key_of=_key_of(column, by_shape),
        )


def _by_day(values: Iterable[Any], days: str | list[str]) -> Iterator[tuple[Any, str, int]]:
    """Yield values with the day of each, or that of all, and how often each was there."""
    if isinstance(days, str):
        yield from ((value, days, count) for value, count in Counter(values).items())
    else:
        pairs = Counter(zip(values, days, strict=True))
        yield from ((value, day, count) for (value, day), count in pairs.items())


def _add_days(by_day: Counter[str], days: list[str]) -> None:
    """Count days, most often the same."""
    if days.count(days[0]) == len(days):
        by_day[days[0]] += len(days)
    else:
        by_day.update(days)


def _key_of(column: Column, by_shape: Iterable[Probe]) -> Callable[[Any], Any] | None:
    """Return what tells the shapes of values apart as far as evidence goes: their type, or their names."""
    kinds = {shape.kind for shape in column.shapes}
    if not all(is_decided_by_names(probe.evidence.schema) for probe in by_shape):
        return None
    return tuple if kinds == {dict} else type if kinds.isdisjoint((dict, list)) else None


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


def _is_of_all(probe: Probe, floats: tuple[bool, ...]) -> bool:
    """Return whether evidence about a place in a body is the same in all exchanges that are alike."""
    at = probe.evidence.at
    is_in_body = at[:2] in (REQUEST_BODY, RESPONSE_BODY) and _EVERY not in at
    return is_in_body and not floats[at[0] == "response"] and probe.is_by_shape(())


def _position(at: Tokens, exchange: Exchange) -> int | None:
    """Return which value of a header evidence at a place looks at; of several of a name the last counts."""
    sent, received = (one.headers or () for one in (exchange.request, exchange.response))
    places = [("request", "headers", name.lower()) for name, _ in sent]
    places += [("response", "headers", name.lower()) for name, _ in received]
    return max((number for number, place in enumerate(places) if place == at), default=None)
