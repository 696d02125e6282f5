"""The one judge: every rule looks at every exchange; what only few things decide is worked out once.

An exchange comes apart into its frame (route, form, outcome, status, names of headers, media type), the
shapes of its two bodies, and values. Exchanges in which all but values is the same are alike: what the
contract says about the places of their bodies, and what some checks find, is the same in all of them. The
other checks look at values: first at those of many exchanges that are alike, then, where there may be
something to find, at each.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from opay_contract.contract.contract import Contract, Match, Route, at
from opay_contract.jsontext import NotJson, Parsed
from opay_contract.judge.body import answers_fit, check_request_body, check_response_body, queries_fit
from opay_contract.judge.body_plan import Plan, Plans, request_schema, response_schema
from opay_contract.judge.card_numbers import may_have_card_number
from opay_contract.judge.checks import (
    check_body_text,
    check_code,
    check_echoes,
    check_flaws,
    check_media_type,
    check_message,
    check_request_headers,
    check_signature,
    check_status,
    echoes_agree,
    signatures_hold,
    verify_request,
)
from opay_contract.judge.describing import describe_name
from opay_contract.judge.exposure import CardSearch
from opay_contract.judge.routes import fold_path
from opay_contract.judge.shapes import Shape, Shapes, has_place
from opay_contract.judge.subject import (
    HTTP_ERROR,
    Alike,
    Check,
    Frame,
    Glance,
    RawFinding,
    Settings,
    Subject,
    columns_of,
)
from opay_contract.judge.table import METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED
from opay_contract.judge.values import check_lists, check_units, items_differ, units_hold
from opay_contract.model.exchange import Exchange, Request
from opay_contract.model.finding import ContractPlace, Finding, Outcome

CHECKS: dict[Check, Glance | None] = {
    check_status: None,
    check_media_type: None,
    check_body_text: None,
    check_flaws: None,
    check_response_body: answers_fit,
    check_code: None,
    check_message: None,
    check_echoes: echoes_agree,
    check_units: units_hold,
    check_lists: items_differ,
    check_request_headers: None,
    check_request_body: queries_fit,
    check_signature: signatures_hold,
}
"""The checks of a called operation, in their order; most have what tells of many that they find nothing."""

OF_WHAT_IS_ALIKE: frozenset[Check] = frozenset(
    (check_status, check_media_type, check_code, check_message, check_request_headers)
)
"""Checks that look at nothing but what makes exchanges alike."""

MAX_ALIKE = 4096
"""Kinds of exchanges, frames, sets of headers, and methods with URLs that are remembered; others are not."""

_MAX_KEPT = 4000
"""Characters of what is remembered of one of them."""

_FEW = 4
"""Exchanges that are looked at one by one when there is something to find in one of them."""

_OF_THE_SERVER = {"OPTIONS", "TRACE"}
"""Methods that ask the server about itself, and not the API (RFC 9110, 9.3.7 and 9.3.8)."""


class Lead(msgspec.Struct, frozen=True, gc=False):
    """Where a request leads; `key` is the same for those that lead there, None where it is not remembered."""

    route: Route
    key: tuple[Any, ...] | None = None


class _Names(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What the names of an exchange's headers tell: those of the request, then those of the response.

    `media_types` takes every Content-Type of the response from all values; in the values that are
    `searched` a card number may stand. `is_known` if the same names have the very same object.
    """

    media_types: Callable[[tuple[str, ...]], Any]
    searched: tuple[bool, ...]
    is_known: bool


class Judge:
    """Judges exchanges by a contract; without `has_memory` each as if it were the first."""

    def __init__(self, contract: Contract, settings: Settings, *, has_memory: bool = True) -> None:
        """Begin without having seen an exchange."""
        self._contract = contract
        self._settings = settings
        self._room = MAX_ALIKE if has_memory else 0
        self.shapes = Shapes() if has_memory else Shapes(0)
        self._plans = Plans(contract) if has_memory else Plans(contract, 0)
        self._cards = CardSearch(contract, is_thorough=not has_memory)
        self._leads: dict[tuple[str | None, str | None], Lead] = {}
        self._names: dict[tuple[Any, ...], _Names] = {}
        self._getters: dict[Shape, Callable[[Any], Any]] = {}
        self._frames: dict[tuple[Any, ...], Frame] = {}
        self._alike: dict[tuple[Any, ...], Alike] = {}
        self._decided = {one.id: tuple(sorted(one.decided)) for one in contract.operations}
        self._places: dict[str, ContractPlace] = {}

    def lead(self, request: Request) -> Lead:
        """Find where a request leads."""
        key = (request.method, request.url)
        lead = self._leads.get(key)
        if lead is None:
            method, url, route = request.method or "", request.url or "", self._contract.route(request)
            lead = Lead(route)
            if route.operation is not None and not self._cards.in_url(url):
                lead = Lead(
                    route, (route.operation.id, route.documented, request.method, request.url is None)
                )
            is_short = len(url) + len(method) < _MAX_KEPT
            if len(self._leads) < self._room and is_short and method.upper() != "OPTIONS":
                self._leads[key] = lead  # a preflight is told by a header
        return lead

    def add(
        self,
        exchange: Exchange,
        lead: Lead,
        asked: Parsed | NotJson | None,
        answered: Parsed | NotJson | None,
    ) -> Alike:
        """Put an exchange in scope, with its bodies, to those that are alike and wait; returns them."""
        query = answer = decided = None
        is_query_flawed = is_answer_flawed = False
        if type(asked) is Parsed:
            query, is_query_flawed = self.shapes.of(asked.value), bool(asked.flaws)
        if type(answered) is Parsed:
            answer, is_answer_flawed = self.shapes.of(answered.value), bool(answered.flaws)
            decided = (self._getters.get(answer) or self._getter(answer))(answered.value)
        headers = (*(exchange.request.headers or ()), *(exchange.response.headers or ()))
        names, values = zip(*headers, strict=True) if headers else ((), ())
        found = self._names_of(exchange, names)
        key = (
            lead.key,
            exchange.response.status,
            found,
            found.media_types(values),
            tuple(map(bool, values)) if "" in values else None,
            query or type(asked),
            answer or type(answered),
            is_query_flawed,
            is_answer_flawed,
            decided,
        )
        alike = self._alike.get(key)
        if alike is None:
            match = self._contract.match_read(exchange, lead.route, asked, answered)
            alike = Alike(
                contract=self._contract,
                settings=self._settings,
                frame=self._frame(exchange, match, key, is_known=found.is_known),
                query=query,
                answer=answer,
                searched_headers=found.searched,
            )
            self._learn(alike, Subject(exchange, asked, answered, values, alike), key)
        verification = None
        if self._settings.private_key:
            operation = alike.frame.route.operation
            verification = verify_request(exchange, operation, self._contract, self._settings)
        alike.waiting.append(Subject(exchange, asked, answered, values, alike, verification))
        return alike

    def judge(self, alike: Alike) -> list[Finding]:
        """Return the findings of those that wait."""
        found = [
            self._finding(subject, hit)
            for subject in self._suspects(alike, alike.waiting)
            for check in alike.checks
            for hit in check(subject)
        ]
        if alike.frame.route.operation is None:
            found += [
                self._finding(subject, _unknown_route(self._contract, subject.exchange, alike.frame.route))
                for subject in alike.waiting
                if not _is_refused_method(self._contract, subject)
            ]
        return found + [self._finding(subject, hit) for subject, hit in self._card_numbers(alike)]

    def _suspects(self, alike: Alike, subjects: list[Subject]) -> list[Subject]:
        """Return those in which the checks may find something."""
        if not alike.checks or not subjects:
            return []
        if alike.glances is None:
            return subjects
        columns = columns_of(alike, subjects)
        if all(is_clean(columns) for is_clean in alike.glances):
            return []
        if len(subjects) <= _FEW:
            return subjects
        half = len(subjects) // 2
        return self._suspects(alike, subjects[:half]) + self._suspects(alike, subjects[half:])

    def _card_numbers(self, alike: Alike) -> Iterator[tuple[Subject, RawFinding]]:
        """Yield the card numbers in those that wait; URLs of known kinds have none."""
        cards, (in_query, in_answer) = self._cards, alike.searched_bodies
        in_headers = cards.is_thorough or _may_be_in_headers(alike, alike.waiting)
        is_each = in_headers or in_query or in_answer or not alike.is_known
        for one in alike.waiting:
            if not (is_each or _has_long_row(one.asked) or _has_long_row(one.answered)):
                continue
            found: list[Iterable[RawFinding]] = []
            if not alike.is_known:
                found.append(cards.in_url(one.exchange.request.url))
            if in_headers and (cards.is_thorough or _may_be_in_headers(alike, [one])):
                found.append(cards.in_headers(one.exchange))
            if in_query or _has_long_row(one.asked):
                found.append(cards.in_query(one.exchange, one.asked, alike.query, alike.query_plan))
            if in_answer or _has_long_row(one.answered):
                found.append(cards.in_answer(one.exchange, one.answered, alike.answer, alike.answer_plan))
            for hits in found:
                yield from ((one, hit) for hit in hits)

    def _learn(self, alike: Alike, first: Subject, key: tuple[Any, ...]) -> None:
        """Work out what exchanges have in common; remember it where it surely is the same in all others."""
        frame = alike.frame
        alike.query_plan, is_query_known = self._plan(first.asked, frame.schemas[0], alike.query, ())
        alike.answer_plan, is_answer_known = self._plan(
            first.answered, frame.schemas[1], alike.answer, frame.decided
        )
        if frame.operation is None:
            return
        alike.is_known = (
            frame.is_known
            and is_query_known
            and is_answer_known
            and len(self._alike) < self._room
            and len(repr(key)) < _MAX_KEPT
        )
        if not alike.is_known:
            alike.checks = tuple(CHECKS)
            return
        self._alike[key] = alike
        alike.checks, alike.glances = _checks_of_values(alike, first)
        alike.searched_bodies = (
            _is_searched(first.asked, alike.query),
            _is_searched(first.answered, alike.answer),
        )

    def _plan(
        self, read: Parsed | NotJson | None, schema: str | None, shape: Shape | None, decided: Any
    ) -> tuple[Plan | None, bool]:
        """Return the plan for a body, and whether others of its shape have the same."""
        if type(read) is not Parsed or shape is None:
            return None, True
        if schema is None:
            return None, shape.is_known
        return self._plans.plan(schema, read.value, shape, decided)

    def _frame(self, exchange: Exchange, match: Match, alike: tuple[Any, ...], *, is_known: bool) -> Frame:
        """Return the frame of an exchange whose kind has a key; `is_known` if its header names are."""
        operation, status = match.route.operation, exchange.response.status
        values = self._values_of_decided(match)
        address, _, names, media_types, blanks, *_ = alike
        kinds = (type(match.request_body), type(match.response_body))
        form = match.form.id if match.form is not None else None
        key = (address, form, values, status, names, media_types, blanks, kinds)
        frame = self._frames.get(key)
        if frame is None:
            documented = operation.response(status) if operation is not None else None
            has_room = len(self._frames) < self._room and len(repr(key)) < _MAX_KEPT
            is_known = is_known and address is not None and has_room
            frame = Frame(
                route=match.route,
                form=match.form,
                outcome=match.outcome,
                code=match.code,
                documented=documented,
                is_refused=match.outcome is Outcome.BUSINESS_ERROR or status >= HTTP_ERROR,
                scope=(operation.id if operation is not None else "", form or "", match.outcome.value),
                decided=tuple(zip(self._decided[operation.id], values, strict=True))
                if operation is not None and values
                else (),
                schemas=(request_schema(operation, match.form), response_schema(operation, match, documented))
                if operation is not None
                else (None, None),
                is_known=is_known,
            )
            if is_known:
                self._frames[key] = frame
        return frame

    def _values_of_decided(self, match: Match) -> tuple[str, ...]:
        operation, body = match.route.operation, match.response_body
        if operation is None or type(body) is not Parsed:
            return ()
        found = [at(body.value, tokens) for tokens in self._decided[operation.id]]
        return tuple([one if type(one) is str else repr(one) for one in found])

    def _names_of(self, exchange: Exchange, names: tuple[str, ...]) -> _Names:
        sent, received = exchange.request.headers, exchange.response.headers
        key = (names, None if sent is None else len(sent), received is None)
        found = self._names.get(key)
        if found is None:
            lower = [name.lower() for name in names]
            places = [
                place
                for place, name in enumerate(lower)
                if name == "content-type" and place >= len(sent or ())
            ]
            is_known = len(self._names) < self._room and sum(map(len, names)) < _MAX_KEPT
            unsearched = self._contract.unsearched_headers
            found = _Names(
                itemgetter(*places) if places else _nothing,
                tuple([name not in unsearched for name in lower]),
                is_known,
            )
            if is_known:
                self._names[key] = found
        return found

    def _getter(self, shape: Shape) -> Callable[[Any], Any]:
        """Return what takes the values at decided places from a body of a shape, each as a text."""
        places = sorted({place for places in self._decided.values() for place in places})
        there = [place for place in places if has_place(shape, place)]
        are_texts = all(len(place) == 1 and shape.members[str(place[0])].kind is str for place in there)
        found: Callable[[Any], Any] = _nothing
        if not are_texts:
            found = lambda value: tuple([repr(at(value, place)) for place in there])  # noqa: E731
        elif there:
            found = itemgetter(*[place[0] for place in there])
        if shape.is_known and len(self._getters) < self._room:
            self._getters[shape] = found
        return found

    def _finding(self, subject: Subject, hit: RawFinding) -> Finding:
        stated = None
        if hit.uri:
            stated = self._places.get(hit.uri)
            if stated is None:
                stated = self._contract.schemas.place(hit.uri)
                if len(self._places) < self._room:
                    self._places[hit.uri] = stated
        frame = subject.alike.frame
        return _finding(subject.exchange, frame.route, frame.outcome, hit, stated)


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope, by a judge without memory."""
    judge = Judge(contract, settings, has_memory=False)
    alike = judge.add(exchange, Lead(match.route), match.request_body, match.response_body)
    found = judge.judge(alike)
    alike.waiting.clear()  # no circle is left that holds bodies
    yield from found


def check_route(contract: Contract, exchange: Exchange, match: Match) -> Iterator[Finding]:
    """Yield a finding where the contract has no operation for a request, however it was answered."""
    if match.route.operation is None:
        hit = _unknown_route(contract, exchange, match.route)
        stated = contract.schemas.place(hit.uri) if hit.uri else None
        yield _finding(exchange, match.route, match.outcome, hit, stated)


def _checks_of_values(alike: Alike, first: Subject) -> tuple[tuple[Check, ...], tuple[Glance, ...] | None]:
    """Return the checks that may find something in exchanges that are alike, and what tells that they do not.

    What checks of the rest found in the first of them, they find in all.
    """
    form, query, answer = alike.frame.form, alike.query_plan, alike.answer_plan
    is_idle: dict[Check, bool] = {
        check_body_text: not isinstance(first.answered, NotJson) and first.answered is not None,
        check_flaws: not _has_flaws(first.answered),
        check_response_body: answer is None,
        check_echoes: form is None or not form.echoes or query is None or answer is None,
        check_units: answer is None or not answer.units,
        check_lists: answer is None or not answer.lists,
        check_request_body: alike.frame.is_refused
        or (query is None and not isinstance(first.asked, NotJson)),
        check_signature: alike.frame.is_refused or not alike.settings.private_key,
    }
    checks: list[Check] = []
    glances: list[Glance] = []
    has_glances = True
    for check, glance in CHECKS.items():
        if check in OF_WHAT_IS_ALIKE:
            if hits := tuple(check(first)):
                checks.append(_always(hits))
                has_glances = False
        elif not is_idle[check]:
            checks.append(check)
            if glance is None:
                has_glances = False
            else:
                glances.append(glance)
    return tuple(checks), tuple(glances) if has_glances else None


def _may_be_in_headers(alike: Alike, subjects: list[Subject]) -> bool:
    texts = [text for one in subjects for text in compress(one.header_values, alike.searched_headers)]
    return may_have_card_number("\n".join(texts).encode(errors="replace"))


def _is_searched(read: Parsed | NotJson | None, shape: Shape | None) -> bool:
    """Tell whether a card number may stand in such a body although its text has no long row of digits."""
    return isinstance(read, NotJson) or _has_flaws(read) or (shape is not None and shape.has_float)


def _has_flaws(read: Parsed | NotJson | None) -> bool:
    return type(read) is Parsed and bool(read.flaws)


def _has_long_row(read: Parsed | NotJson | None) -> bool:
    return type(read) is Parsed and read.may_have_long_row


def _nothing(_: Any) -> None:
    """Take no value."""


def _always(hits: tuple[RawFinding, ...]) -> Check:
    return lambda _subject: hits


def _is_refused_method(contract: Contract, subject: Subject) -> bool:
    """Tell whether a documented path refused a method that it does not have: the contract at work.

    Refused is an error code, or without a code an HTTP error; of OPTIONS and TRACE anything but a code.
    """
    exchange, route = subject.exchange, subject.frame.route
    if not route.path_known:
        return False
    request = exchange.request
    alike = [structs.replace(request, method=operation.method) for operation in contract.operations]
    matches = [
        contract.match_read(exchange, contract.route(one), subject.asked, subject.answered) for one in alike
    ]
    coded = {one.outcome for one in matches if one.code is not None}
    if coded:
        return coded == {Outcome.BUSINESS_ERROR}
    return exchange.response.status >= HTTP_ERROR or (request.method or "").upper() in _OF_THE_SERVER


def _unknown_route(contract: Contract, exchange: Exchange, route: Route) -> RawFinding:
    if route.documented is not None:
        method = describe_name(exchange.request.method or "")
        return RawFinding(METHOD_UNDOCUMENTED, f"{method} {route.documented}", "a documented method", method)
    if route.near is not None:
        actual = f"another path; did you mean '{route.near.documented}'?"
        return RawFinding(PATH_UNDOCUMENTED, route.near.shown, "a documented path", actual)
    path = fold_path(urlsplit(exchange.request.url or "").path, contract)
    return RawFinding(
        PATH_UNDOCUMENTED, path, "a documented path, as the contract has them all", "another path"
    )


def _finding(
    exchange: Exchange, route: Route, outcome: Outcome, hit: RawFinding, stated: ContractPlace | None
) -> Finding:
    return Finding(
        rule=hit.rule,
        operation=route.operation.id if route.operation else None,
        outcome=outcome,
        pointer=hit.pointer,
        expected=hit.expected,
        actual=hit.actual,
        contract=stated,
        place=exchange.place,
        recorded_at=exchange.recorded_at,
        value=hit.value,
    )
