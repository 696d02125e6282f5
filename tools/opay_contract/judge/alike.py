"""What exchanges have in common that differ in nothing but plain values, and which checks are left for them.

What the contract says about the places of a body is a function of few things (`body_plan`), and so is what
some checks find. It is worked out for the first of each kind of exchanges, and looked up for the others.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import Contract, Match
from opay_contract.jsontext import NotJson, Parsed, Tokens
from opay_contract.judge import table
from opay_contract.judge.body import (
    RULES_OF_KEYWORDS,
    bodies_fit,
    check_request_body,
    check_response_body,
)
from opay_contract.judge.body_plan import MAX_PLANS, READ_ONLY, WRITE_ONLY, BodyPlan, BodyPlans, schemas_of
from opay_contract.judge.checks import (
    RULES_OF_FLAWS,
    check_body_text,
    check_code,
    check_echoes,
    check_flaws,
    check_media_type,
    check_message,
    check_signature,
    check_status,
    echoes_agree,
    signatures_hold,
)
from opay_contract.judge.columns import Table
from opay_contract.judge.exposure import CardSearch
from opay_contract.judge.leads import Lead, Leads, Led
from opay_contract.judge.parameters import (
    check_request,
    check_response_headers,
    requests_hold,
    response_headers_hold,
)
from opay_contract.judge.reading import Body, BodyKind, shape_of
from opay_contract.judge.shapes import EACH, Shape, Shapes, has_place, tags_of, words_of
from opay_contract.judge.subject import (
    HTTP_ERROR,
    REQUEST_BODY,
    RESPONSE_BODY,
    Alike,
    Bodies,
    BodyGlance,
    Check,
    Frame,
    Glance,
    RawFinding,
    Settings,
    Subject,
)
from opay_contract.judge.values import check_lists, check_units, items_differ, units_hold
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Outcome, Rule
from opay_contract.model.observation import days_of


class Row(NamedTuple):
    """A check of a called operation, and the rules that it finds broken.

    `glance` tells of many exchanges that it finds nothing, `of_bodies` of their requests or their answers. A
    check that looks at nothing but what makes exchanges alike `is_of_all`: it finds the same in all of them.
    """

    check: Check
    rules: tuple[Rule, ...]
    glance: Glance | None = None
    of_bodies: BodyGlance | None = None
    is_of_all: bool = False


CHECKS: tuple[Row, ...] = (
    Row(check_status, (table.STATUS_UNDOCUMENTED,), is_of_all=True),
    Row(check_media_type, (table.MEDIA_TYPE_UNDOCUMENTED, table.JSON_MISLABELLED), is_of_all=True),
    Row(check_body_text, (table.BODY_EMPTY, table.BODY_NOT_JSON, table.BODY_TRUNCATED)),
    Row(check_flaws, RULES_OF_FLAWS),
    Row(
        check_response_body,
        (
            *RULES_OF_KEYWORDS,
            table.RESPONSE_FIELD_UNDOCUMENTED,
            table.SUCCESS_WITHOUT_DATA,
            table.ERROR_WITH_DATA,
        ),
        of_bodies=bodies_fit,
    ),
    Row(check_code, (table.CODE_UNDOCUMENTED, table.SUCCESS_CODE_ON_HTTP_ERROR), is_of_all=True),
    Row(check_message, (table.MESSAGE_UNDOCUMENTED,), is_of_all=True),
    Row(check_echoes, (table.ANSWER_MISMATCHED,), of_bodies=echoes_agree),
    Row(
        check_units,
        (
            table.TIMESTAMP_NOT_SECONDS,
            table.TIMESTAMP_NOT_MILLISECONDS,
            table.TIMESTAMP_IN_FUTURE,
            table.MONTH_INVALID,
        ),
        of_bodies=units_hold,
    ),
    Row(check_lists, (table.ITEM_REPEATED,), of_bodies=items_differ),
    Row(
        check_request,
        (
            table.HEADER_MISSING,
            table.PARAMETER_MISSING,
            table.PARAMETER_INVALID,
            table.PARAMETER_UNDOCUMENTED,
        ),
        glance=requests_hold,
    ),
    Row(
        check_request_body,
        (table.REQUEST_FIELD_MISSING, table.REQUEST_FIELD_INVALID, table.REQUEST_FIELD_UNDOCUMENTED),
        of_bodies=bodies_fit,
    ),
    Row(
        check_response_headers,
        (table.RESPONSE_HEADER_MISSING, table.RESPONSE_HEADER_INVALID),
        glance=response_headers_hold,
    ),
    Row(check_signature, (table.SIGNATURE_MISMATCH,), glance=signatures_hold),
)
"""The checks of a called operation, in the order of what they find.

Of the other rules about exchanges, unknown routes are found in place of these, card numbers everywhere.
"""

MAX_ALIKE = 4096
"""Kinds of exchanges, frames, sets of headers, and methods with URLs that are remembered; others are not."""

_MAX_KEPT = 4000
"""Characters of what is remembered of one of them."""

_NAMES, _QUERY, _ANSWER = 2, 5, 6
"""Where the names of headers and the kinds of both bodies stand in the key of exchanges that are alike."""

_SPECIAL = frozenset(("content-type", "authorization", "cookie"))
"""Names of headers that mean something whatever the contract names."""


class _Names(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What the names of an exchange's headers tell: those of the request, then those of the response.

    `media_types` takes every Content-Type from all values; in the values that are `searched` a card number
    may stand. What is judged is told by the `essence`: the names in lower case, without those of `others`,
    which nothing names. `is_known` if the same essence is the very same object.
    """

    media_types: Callable[[tuple[str, ...]], Any]
    searched: tuple[bool, ...]
    essence: tuple[Any, ...]
    others: frozenset[Tokens]
    is_known: bool


class Kinds:
    """Knows what kinds of exchanges there were; without memory each exchange is one of its own."""

    def __init__(
        self, contract: Contract, settings: Settings, cards: CardSearch, *, has_memory: bool = True
    ) -> None:
        """Begin without having seen an exchange."""
        self._contract = contract
        self._settings = settings
        self._cards = cards
        self._room = MAX_ALIKE if has_memory else 0
        self.shapes = Shapes(words=words_of(contract), tags=tags_of(contract)) if has_memory else Shapes(0)
        self._plans = BodyPlans(contract, MAX_PLANS if has_memory else 0, self.shapes.tags)
        self.leads = Leads(contract, cards, self._room)
        self._names: dict[tuple[Any, ...], _Names] = {}
        self._essences: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._getters: dict[BodyKind, Callable[[Any], Any]] = {}
        self._frames: dict[tuple[Any, ...], Frame] = {}
        self._alike: dict[tuple[Any, ...], Alike] = {}
        self._in_essence: dict[tuple[Any, ...], Alike] = {}
        self._bodies: dict[tuple[Any, ...], list[Bodies]] = {}
        self._tables: dict[Shape, tuple[Table, frozenset[Any]]] = {}
        self._decided = {one.id: tuple(sorted(one.decided)) for one in contract.operations}

    def part(self, led: Sequence[Led], asked: Iterable[Body], answered: Iterable[Body]) -> list[Subject]:
        """Put exchanges in scope, with their bodies, to those that are alike and wait."""
        known: Any = self._alike.get
        names_of, getter_of = self._names.get, self._getters.get
        found = list[Subject]()
        sent, sent_names, sent_values = None, None, ()
        days = days_of([exchange.recorded_at for exchange, _ in led])
        for (exchange, lead), (first, query), (last, answer), day in zip(
            led, asked, answered, days, strict=True
        ):
            request, response = exchange.request, exchange.response
            if request.headers is not sent:  # a reader may give equal ones as the same object
                sent = request.headers
                sent_names, sent_values = zip(*sent) if sent else (sent, ())  # noqa: B905  pairs
            received = response.headers
            names, values = zip(*received) if received else (received, ())  # noqa: B905
            values = sent_values + values
            parted = (sent_names, names)
            told = names_of(parted) or self._names_of(parted)
            decided = None
            if type(last) is Parsed:
                decided = (getter_of(answer) or self._getter(answer))(last.value)
            key = (
                lead.key,
                response.status,
                told,
                told.media_types(values),
                tuple(map(bool, values)) if "" in values else None,
                query,
                answer,
                decided,
            )
            may_show = (first is not None and first.may_show_number) or (
                last is not None and last.may_show_number
            )
            alike = known(key)
            subject = Subject(exchange, first, last, values, alike, day, may_show)
            if alike is None or (alike.is_of_fitting and not _fits(alike, subject)):
                alike = self._learn(subject, lead, told, key)
            alike.waiting.append(subject)
            found.append(subject)
        return found

    def _learn(self, first: Subject, lead: Lead, names: _Names, key: tuple[Any, ...]) -> Alike:
        """Work out what exchanges have in common; remember it where it surely is the same in all others.

        Where but for names, code and message that no document has it is what others have in common, most was
        worked out for these.
        """
        decided = key[-1]
        texts = tuple(map(self._told, decided)) if type(decided) is tuple else self._told(decided)
        exact, key = key, (*key[:_NAMES], names.essence, *key[_NAMES + 1 : -1], texts)
        has_room = len(self._alike) < self._room and len(repr(exact)) < _MAX_KEPT
        known = self._in_essence.get(key)
        match = self._contract.match_read(first.exchange, lead.route, first.asked, first.answered)
        if known is not None and _fits(known, first):
            alike = first.alike = replace(known, other_headers=names.others, code=match.code, waiting=[])
            if texts != decided and alike.frame.operation is not None:
                alike.checks, alike.of_bodies = _checks_of_values(alike, first)
            if has_room:
                self._alike[exact] = alike
            return alike
        alike = first.alike = Alike(
            contract=self._contract,
            settings=self._settings,
            frame=self._frame(first.exchange, match, key, is_known=names.is_known),
            url=lead.url,
            query=shape_of(key[_QUERY]),
            answer=shape_of(key[_ANSWER]),
            searched_headers=names.searched,
            other_headers=names.others,
            code=match.code,
        )
        frame = alike.frame
        alike.query_plan, is_query_known = self._plan(
            first.asked, frame.schemas[0], alike.query, (), READ_ONLY
        )
        alike.answer_plan, is_answer_known = self._plan(
            first.answered, frame.schemas[1], alike.answer, frame.decided, WRITE_ONLY
        )
        plans = (alike.query_plan, alike.answer_plan)
        alike.is_of_fitting = any(plan is not None and plan.is_of_fitting for plan in plans)
        alike.is_known = frame.is_known and is_query_known and is_answer_known and has_room
        if alike.is_known:
            self._alike[exact] = self._in_essence[key] = alike
            alike.searched_bodies = (
                _has_flaws(first.asked) or (not lead.route.operation and _has_fraction(alike.query)),
                _has_flaws(first.answered) or (not lead.route.operation and _has_fraction(alike.answer)),
            )
        if frame.operation is None:
            return alike
        pairs = (
            (REQUEST_BODY, alike.query, alike.query_plan),
            (RESPONSE_BODY, alike.answer, alike.answer_plan),
        )
        alike.bodies = tuple(
            self._bodies_of(alike, part, shape, plan) for part, shape, plan in pairs if shape is not None
        )
        if alike.is_known:
            alike.checks, alike.of_bodies = _checks_of_values(alike, first)
        else:
            alike.checks = tuple((row.check, None) for row in CHECKS)
        return alike

    def _bodies_of(self, alike: Alike, part: Tokens, shape: Shape, plan: BodyPlan | None) -> Bodies:
        frame = alike.frame
        table, members = self._tables.get(shape) or self._table_of(shape)
        of_schema = (plan.schema, plan.fit is None) if plan else None
        traits = (shape.has_float, shape.has_others, part == REQUEST_BODY)
        key = (frame.scope, frame.is_refused, of_schema, members, *traits)
        kept = self._bodies.setdefault(key, []) if alike.is_known else []
        for bodies in kept:
            if bodies.join(table, plan):
                return bodies
        kept.append(Bodies(part, frame, plan, alike.is_known, Table(shape), *traits))
        return kept[-1]

    def _table_of(self, shape: Shape) -> tuple[Table, frozenset[Any]]:
        """Return the places of a shape, in a table that stays empty, and its members outside of lists."""
        table = Table(shape)
        members = frozenset(
            (column.path, column.kind if column.kind in (dict, list) else None)
            for column in table.columns
            if EACH not in column.path
        )
        if shape.is_known and len(self._tables) < self._room:
            self._tables[shape] = table, members
        return table, members

    def _plan(
        self,
        read: Parsed | NotJson | None,
        schema: str | None,
        shape: Shape | None,
        decided: Any,
        unused: str,
    ) -> tuple[BodyPlan | None, bool]:
        """Return the plan for a body, and whether others of its shape have the same."""
        if type(read) is not Parsed or shape is None:
            return None, True
        if schema is None:
            return None, shape.is_known
        return self._plans.plan(schema, read.value, shape, decided, unused)

    def _frame(self, exchange: Exchange, match: Match, alike: tuple[Any, ...], *, is_known: bool) -> Frame:
        """Return the frame of an exchange whose kind has a key; `is_known` if its header names are."""
        operation, status = match.route.operation, exchange.response.status
        values = self._values_of_decided(match)
        address, _, names, media_types, blanks, *_ = alike
        kinds = (type(match.request_body), type(match.response_body))
        form = match.form.id if match.form is not None else None
        schemas = schemas_of(operation, exchange, match) if operation is not None else (None, None)
        key = (address, form, values, status, names, media_types, blanks, kinds, schemas)
        frame = self._frames.get(key)
        if frame is None:
            documented = operation.response(status) if operation is not None else None
            has_room = len(self._frames) < self._room and len(repr(key)) < _MAX_KEPT
            is_known = is_known and address is not None and has_room
            frame = Frame(
                route=match.route,
                form=match.form,
                outcome=match.outcome,
                documented=documented,
                is_refused=match.outcome is Outcome.BUSINESS_ERROR or status >= HTTP_ERROR,
                scope=(operation.id if operation is not None else "", form or "", match.outcome.value),
                decided=tuple(zip(self._decided[operation.id], values, strict=True))
                if operation is not None and values
                else (),
                schemas=schemas,
                is_known=is_known,
            )
            if is_known:
                self._frames[key] = frame
        return frame

    def _told(self, value: Any) -> Any:
        """Return the value at a decided place; None for a text that no document has."""
        words = self.shapes.words
        return None if words is not None and type(value) is str and value not in words.known else value

    def _values_of_decided(self, match: Match) -> tuple[str | None, ...]:
        operation, body = match.route.operation, match.response_body
        if operation is None or type(body) is not Parsed:
            return ()
        found = [value_below(body.value, tokens, None) for tokens in self._decided[operation.id]]
        return tuple([self._told(one) if type(one) is str else repr(one) for one in found])

    def _names_of(self, parted: tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]) -> _Names:
        sent, received = parted
        lower = [name.lower() for name in (*(sent or ()), *(received or ()))]
        places = [place for place, name in enumerate(lower) if name == "content-type"]
        unsearched, words = self._contract.unsearched_headers, self.shapes.words
        is_other = [
            words is not None and not (name in words.in_lower_case or name in _SPECIAL) for name in lower
        ]
        others = {
            ("request" if place < len(sent or ()) else "response", "headers", name)
            for place, name in enumerate(lower)
            if is_other[place]
        }
        essence = (
            tuple(["" if other else name for name, other in zip(lower, is_other, strict=True)]),
            None if sent is None else len(sent),
            received is None,
        )
        is_short = sum(map(len, lower)) < _MAX_KEPT
        is_known = essence in self._essences or (len(self._essences) < self._room and is_short)
        if is_known:
            essence = self._essences.setdefault(essence, essence)
        found = _Names(
            itemgetter(*places) if places else _nothing,
            tuple([name not in unsearched for name in lower]),
            essence,
            frozenset(others),
            is_known,
        )
        if len(self._names) < self._room and is_short:
            self._names[parted] = found
        return found

    def _getter(self, kind: BodyKind) -> Callable[[Any], Any]:
        """Return what takes the values at decided places from a body of a kind, each as a text."""
        shape = shape_of(kind)
        assert shape is not None  # noqa: S101  bodies that are no JSON have no values
        places = sorted({place for places in self._decided.values() for place in places})
        there = [place for place in places if has_place(shape, place)]
        are_texts = all(len(place) == 1 and shape.members[str(place[0])].kind is str for place in there)
        found: Callable[[Any], Any] = _nothing
        if not are_texts:
            found = lambda value: tuple([_as_key(value_below(value, place, None)) for place in there])  # noqa: E731
        elif there:
            found = itemgetter(*[place[0] for place in there])
        if shape.is_known and len(self._getters) < self._room:
            self._getters[kind] = found
        return found


def _checks_of_values(
    alike: Alike, first: Subject
) -> tuple[tuple[tuple[Check, Glance | None], ...], frozenset[Check]]:
    """Return the checks that may find something in exchanges that are alike, those of bodies apart.

    What checks of the rest found in the first of them, they find in all.
    """
    form, query, answer = alike.frame.form, alike.query_plan, alike.answer_plan
    is_idle: dict[Check, bool] = {
        check_body_text: not isinstance(first.answered, NotJson) and first.answered is not None,
        check_flaws: not _has_flaws(first.answered),
        check_response_body: answer is None,
        check_echoes: form is None or not form.echoes or query is None or answer is None,
        check_units: answer is None or not (answer.times or answer.months),
        check_lists: answer is None or not answer.lists,
        check_request: alike.frame.is_refused or not (alike.url.faults or _asks_beside_body(first)),
        check_response_headers: alike.frame.documented is None or not alike.frame.documented.headers,
        check_request_body: alike.frame.is_refused
        or (query is None and not isinstance(first.asked, NotJson)),
        check_signature: alike.frame.is_refused or not alike.settings.private_key,
    }
    checks: list[tuple[Check, Glance | None]] = []
    of_bodies = set[Check]()
    for row in CHECKS:
        if row.is_of_all:
            if hits := tuple(row.check(first)):
                checks.append((_always(hits), None))
        elif not is_idle[row.check]:
            is_read = alike.query is not None if row.check is check_request_body else alike.answer is not None
            if row.of_bodies is not None and is_read:
                of_bodies.add(row.check)
            else:
                checks.append((row.check, row.glance))
    return tuple(checks), frozenset(of_bodies)


def _fits(alike: Alike, subject: Subject) -> bool:
    """Tell whether what was worked out for bodies that fit their schemas is true of those of an exchange."""
    pairs = ((subject.asked, alike.query_plan), (subject.answered, alike.answer_plan))
    return all(plan is None or type(read) is not Parsed or plan.holds_for(read.value) for read, plan in pairs)


def _asks_beside_body(subject: Subject) -> bool:
    operation = subject.operation
    return bool(operation.required_headers or operation.credentials or operation.parameters)


def _has_flaws(read: Parsed | NotJson | None) -> bool:
    return type(read) is Parsed and bool(read.flaws)


def _has_fraction(shape: Shape | None) -> bool:
    return shape is not None and shape.has_float


def _as_key(value: Any) -> Any:
    """Return a text as it is, and anything else as what no text is."""
    return value if type(value) is str else (repr(value),)


def _nothing(_: Any) -> None:
    """Take no value."""


def _always(hits: tuple[RawFinding, ...]) -> Check:
    return lambda _subject: hits
