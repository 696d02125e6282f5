"""Counts what recorded exchanges show at each place: presence, types, ranges and values that may be kept."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.fields import Field
from opay_contract.contract.operation import Operation
from opay_contract.contract.scopes import RESPONSE_BODY, fields_of_scope
from opay_contract.drift.evidence import describe_exchange
from opay_contract.drift.spots import SpotCounter, json_type
from opay_contract.jsontext import Tokens, iter_nodes, pointer, value_at
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Outcome
from opay_contract.model.moments import day_of
from opay_contract.model.observation import EXCHANGE, MAX_SPOTS, Observations, Scope, Spot, limit_spots
from opay_contract.model.outcomes import NOT_NAMED, OutcomeKey, Outcomes, limit_details
from opay_contract.rules.columns import Batch, Column
from opay_contract.rules.describing import describe_media_type, fold_pointer

STATUS = "/response/status"
CONTENT_TYPE = "/response/headers/content-type"

_PUBLIC = "public"
_MAX_DAYS = 64
"""Days of a template that are waiting; memory stays small however many there are."""


@dataclass(slots=True, eq=False)
class Template:
    """What every exchange of one structure shows, and how many there were on each day.

    `outcome` is how they ended, one of those that are counted in `outcomes`. `weights` has each typed spot
    and how often it occurs, `values` what is the same in all of them, `probes` where a value has to be looked
    at in each.
    """

    outcome: OutcomeKey
    outcomes: Counter[OutcomeKey]
    weights: tuple[tuple[SpotCounter, str, int], ...]
    values: tuple[tuple[SpotCounter, str], ...]
    probes: tuple[tuple[SpotCounter, Tokens], ...]
    days: dict[str, int] = field(default_factory=dict)

    def count(self, day: str, times: int = 1) -> None:
        """Take so many exchanges of this structure, but for the values in them."""
        self.days[day] = self.days.get(day, 0) + times
        if len(self.days) > _MAX_DAYS:
            self.settle()

    def settle(self) -> None:
        """Hand what was counted to the outcomes and to the spots."""
        days, self.days = self.days, {}
        self.outcomes[self.outcome] += sum(days.values())
        for spot, type_, weight in self.weights:
            for day, times in days.items():
                spot.types[type_, day] += weight * times
        for spot, value in self.values:
            spot.count_value(value, days)


Columns = tuple[tuple[SpotCounter, Column], ...]
"""Where to look at values in lines that were decoded together, and the spots that they belong to."""


class Observer:
    """Takes exchanges one at a time, by their structure or by columns; all ways show the same."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._spots: dict[Spot, SpotCounter] = {}
        self._fields: dict[Scope, dict[str, Field]] = {}
        self._templates: list[Template] = []
        self._outcomes: Counter[OutcomeKey] = Counter()

    def add(self, exchange: Exchange, match: Match) -> None:
        """Take one exchange."""
        template = self._template(exchange, match)
        self.add_to(template, describe_exchange(exchange, match), day_of(exchange.recorded_at))
        template.settle()
        if len(self._outcomes) > MAX_SPOTS:
            limited = limit_details(self._outcomes)
            self._outcomes.clear()
            self._outcomes.update(limited)

    def learn(self, exchange: Exchange, match: Match) -> Template:
        """Return the template for exchanges of this one's structure; it has not taken this one."""
        template = self._template(exchange, match)
        self._templates.append(template)
        return template

    def add_to(self, template: Template, seen: dict[str, Any], day: str) -> None:
        """Take an exchange of a known structure, as `describe_exchange` has it."""
        template.count(day)
        for spot, tokens in template.probes:
            spot.add_value(value_at(seen, tokens))

    def columns(self, template: Template, column_of: Callable[[Tokens], Column | None]) -> Columns:
        """Return where to look at values in lines of a template's kind."""
        found = {
            (spot, column_of(tuple("*" if isinstance(token, int) else token for token in tokens)))
            for spot, tokens in template.probes
        }
        return tuple((spot, column) for spot, column in found if column is not None)

    def add_columns(self, columns: Columns, batch: Batch) -> None:
        """Take the values of lines that were decoded together; their templates count the rest."""
        for spot, column in columns:
            kinds = batch.types(column)
            kind = next(iter(kinds)) if len(kinds) == 1 else None
            if (kind is str or kind is list) and (lengths := batch.lengths(column)):
                spot.add_lengths(kind, lengths)
                if kind is str:
                    spot.add_texts(batch.of(column))
            elif not (kind is int and (extremes := batch.extremes(column)) and spot.add_range(extremes)):
                spot.add_values(batch.of(column))

    def outcomes(self) -> Outcomes:
        """Return how the exchanges ended so far."""
        self._settle()
        return limit_details({key: count for key, count in self._outcomes.items() if count})

    def observations(self) -> Observations:
        """Return what was seen so far."""
        self._settle()
        kept = limit_spots(self._spots, lambda spot: spot.is_documented)
        return {spot: counter.observed() for spot, counter in sorted(kept.items()) if counter.types}

    def _settle(self) -> None:
        for template in self._templates:
            template.settle()

    def _outcome(self, scope: Scope, exchange: Exchange, match: Match) -> OutcomeKey:
        """Return how an exchange ended: with its code, where that may be shown, or its class of statuses."""
        operation = match.route.operation
        if match.outcome is Outcome.TRANSPORT:
            return (*scope, f"{exchange.response.status // 100}xx")
        if match.outcome is Outcome.SUCCESS or operation is None or operation.envelope is None:
            return (*scope, NOT_NAMED)
        spot = self._spot(scope, operation, ("response", "body", *operation.envelope.code))
        is_shown = spot.is_public and spot.may_keep(match.code or NOT_NAMED)
        return (*scope, match.code or NOT_NAMED) if is_shown else (*scope, NOT_NAMED)

    def _template(self, exchange: Exchange, match: Match) -> Template:
        operation = match.route.operation
        scope = (operation.id if operation else "", match.form.id if match.form else "", match.outcome.value)
        weights: Counter[tuple[SpotCounter, str]] = Counter()
        values: list[tuple[SpotCounter, str]] = []
        probes: list[tuple[SpotCounter, Tokens]] = []
        seen = describe_exchange(exchange, match)
        decided = {("response", "body", *tokens) for tokens in operation.decided} if operation else set()
        for tokens, type_, value in _iter_places(seen) if operation else [((), EXCHANGE, None)]:
            spot = self._spot(scope, operation, tokens)
            weights[spot, type_] += 1
            if tokens in (("response", "status"), ("response", "headers", "content-type")) or (
                tokens in decided and isinstance(value, str)
            ):
                values.append((spot, _kept_form(tokens, value)))
            elif "headers" not in tokens[:2] and isinstance(value, str | int | float | list):
                probes.append((spot, tokens))
        return Template(
            self._outcome(scope, exchange, match),
            self._outcomes,
            tuple((spot, type_, weight) for (spot, type_), weight in weights.items()),
            tuple(values),
            tuple(probes),
        )

    def _spot(self, scope: Scope, operation: Operation | None, tokens: Tokens) -> SpotCounter:
        key = (*scope, fold_pointer(tokens))
        spot = self._spots.get(key)
        if spot is None:
            spot = self._spots[key] = self._new_spot(scope, operation, tokens)
            if len(self._spots) > 2 * MAX_SPOTS:
                self._spots = limit_spots(self._spots, lambda spot: spot.is_documented)
        return spot

    def _new_spot(self, scope: Scope, operation: Operation | None, tokens: Tokens) -> SpotCounter:
        place = pointer(tuple("*" if isinstance(token, int) else token for token in tokens))
        documented = self._documented(scope)
        known = documented.get(place)
        is_outside = "body" not in tokens[:2]
        return SpotCounter(
            is_documented=place.removesuffix("/*") in documented or is_outside or tokens[2:] == (),
            is_public=place in (STATUS, CONTENT_TYPE) or (known is not None and known.sensitivity == _PUBLIC),
            words=_words(operation, place),
        )

    def _documented(self, scope: Scope) -> dict[str, Field]:
        if scope not in self._fields:
            self._fields[scope] = fields_of_scope(self._contract, scope)
        return self._fields[scope]


def _iter_places(seen: dict[str, Any]) -> Iterator[tuple[Tokens, str, Any]]:
    """Yield every place of a described exchange that is worth counting, and the type of what is there."""
    yield (), EXCHANGE, None
    for part in ("request", "response"):
        for name, value in seen[part].items():
            if name in ("headers", "body"):
                yield from ((place, json_type(one), one) for place, one in iter_nodes(value, (part, name)))
            elif name == "status":
                yield (part, name), "integer", value


def _kept_form(tokens: Tokens, value: Any) -> str:
    return describe_media_type(value) if tokens[-1] == "content-type" else str(value)


def _words(operation: Operation | None, place: str) -> frozenset[str]:
    """Return the texts that the contract itself has for a place: business codes and their messages."""
    envelope = operation.envelope if operation else None
    if envelope is None:
        return frozenset()
    if place == RESPONSE_BODY + pointer(envelope.code):
        return frozenset(envelope.codes)
    if place == RESPONSE_BODY + pointer(envelope.message):
        return frozenset(message for code in envelope.codes.values() for message in code.messages)
    return frozenset()
