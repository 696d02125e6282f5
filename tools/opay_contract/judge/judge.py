"""The one judge: every rule looks at every exchange; what only few things decide is worked out once.

An exchange comes apart into its frame (route, form, outcome, status, names of headers, media type), the
shapes of its two bodies, and values. What the contract says about the places of a body is remembered by shape
(`described`), what the checks of the frame find by frame. All other checks look at values, each time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import msgspec
from msgspec import structs

from opay_contract.contract.contract import Contract, Match, Route, at
from opay_contract.contract.operation import DocumentedResponse, Operation
from opay_contract.jsontext import NotJson, Parsed, Tokens
from opay_contract.judge.body import check_request_body, check_response_body
from opay_contract.judge.card_numbers import may_have_card_number
from opay_contract.judge.described import Decided, Described, Plan, Plans
from opay_contract.judge.describing import describe_name
from opay_contract.judge.encoding import check_body_text, check_flaws
from opay_contract.judge.envelope import check_code, check_echoes, check_message
from opay_contract.judge.exposure import Body, CardSearch, Fields, Headers
from opay_contract.judge.routes import fold_path
from opay_contract.judge.shapes import Shape, Shapes, has_place
from opay_contract.judge.signatures import check_signature, verify_request
from opay_contract.judge.subject import (
    HTTP_ERROR,
    RawFinding,
    Settings,
    Subject,
    is_refusal,
    request_schema,
    response_schema,
)
from opay_contract.judge.table import METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED
from opay_contract.judge.transport import check_media_type, check_request_headers, check_status
from opay_contract.judge.values import check_lists, check_units
from opay_contract.model.exchange import Exchange
from opay_contract.model.exchange import Headers as RawHeaders
from opay_contract.model.finding import ContractPlace, Finding, Outcome
from opay_contract.signing.signer import Verification

Check = Callable[[Subject], Iterable[RawFinding]]

CHECKS: tuple[Check, ...] = (
    check_status,
    check_media_type,
    check_body_text,
    check_flaws,
    check_response_body,
    check_code,
    check_message,
    check_echoes,
    check_units,
    check_lists,
    check_request_headers,
    check_request_body,
    check_signature,
)

OF_FRAMES: frozenset[Check] = frozenset(
    (check_status, check_media_type, check_body_text, check_message, check_request_headers)
)
"""Checks that look at nothing but what makes a frame."""

MAX_FRAMES = 4096
"""Frames, sets of headers, and methods with URLs that are remembered; others are worked out each time."""

_MAX_KEPT = 4000
"""Characters of what is remembered of one of them."""

_OF_THE_SERVER = {"OPTIONS", "TRACE"}
"""Methods that ask the server about itself, and not the API (RFC 9110, 9.3.7 and 9.3.8)."""


@dataclass(slots=True, eq=False)
class Frame:
    """What exchanges have in common that differ in their bodies and in values of headers alone.

    `scope` names operation, form and outcome, `decided` the values of code and message, at `decided_places`.
    `checks` are those that are left to ask about each exchange; None until the first was judged. `is_known`
    if the next such exchange has the very same object.
    """

    operation: Operation | None
    is_path_known: bool
    documented: DocumentedResponse | None
    is_refused: bool
    scope: tuple[str, str, str]
    decided: Decided
    decided_places: tuple[Tokens, ...]
    schemas: tuple[str | None, str | None]
    is_known: bool
    checks: tuple[Check, ...] | None = None


_Stated = tuple[str, jsonschema_rs.Draft202012Validator, Plan]
"""Address and validator of the schema of a body, and the plan for it."""


class Alike(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What exchanges have in common that differ in nothing but plain values: a frame and two shapes.

    Both plans are None where there is nothing to judge. `checks` are those that find something in some of
    them. `is_searched` if each of them is searched for card numbers.
    """

    operation: Operation
    frame: Frame
    query_plan: _Stated | None
    answer_plan: _Stated | None
    checks: tuple[Check, ...]
    is_searched: bool


class _Names(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What the names of an exchange's headers tell: those of the request, then those of the response.

    `media_types` takes every Content-Type from all values; in the values that are
    `searched` a card number may stand. `is_known` if the same names have the very same object.
    """

    media_types: Callable[[tuple[str, ...]], Any]
    searched: tuple[bool, ...]
    is_known: bool


class Judged(msgspec.Struct, gc=False):
    """An exchange in scope: its frame, the shapes of its bodies where they are JSON, and what was found.

    `verification` is of the request's signature, None where there is nothing to verify. `alike` is None if
    nothing is remembered of such exchanges.
    """

    alike: Alike | None
    frame: Frame
    query: Shape | None
    answer: Shape | None
    findings: list[Finding]
    verification: Verification | None


class Judge:
    """Judges exchanges by a contract; without `has_memory` each as if it were the first."""

    def __init__(self, contract: Contract, settings: Settings, *, has_memory: bool = True) -> None:
        """Begin without having seen an exchange."""
        self._contract = contract
        self._settings = settings
        self._room = MAX_FRAMES if has_memory else 0
        self.shapes = Shapes() if has_memory else Shapes(0)
        self._plans = Plans(contract) if has_memory else Plans(contract, 0)
        self._cards = CardSearch(contract, is_thorough=not has_memory)
        self._routes: dict[tuple[str | None, str | None], Route] = {}
        self._fields: dict[tuple[str, ...], Fields] = {}
        self._frames: dict[tuple[Any, ...], Frame] = {}
        self._alike: dict[tuple[Any, ...], Alike] = {}
        self._names: dict[tuple[Any, ...], _Names] = {}
        self._addresses: dict[tuple[str | None, str | None], tuple[Any, ...]] = {}
        self._decided = {one.id: tuple(sorted(one.decided)) for one in contract.operations}
        self._places: dict[str, ContractPlace] = {}
        self._getters: dict[Shape, Callable[[Any], Any]] = {}

    def match(self, exchange: Exchange) -> Match:
        """See an exchange through the contract."""
        request = exchange.request
        key = (request.method, request.url)
        route = self._routes.get(key)
        if route is None:
            route = self._contract.route(request)
            is_short = len(request.url or "") + len(request.method or "") < _MAX_KEPT
            if len(self._routes) < self._room and is_short and (request.method or "").upper() != "OPTIONS":
                self._routes[key] = route  # a preflight is told by a header
                operation = route.operation
                if operation is not None and not self._cards.is_in_url(request.url or ""):
                    address = (operation.id, route.documented, request.method, request.url is None)
                    self._addresses[key] = address
        return self._contract.match(exchange, route)

    def judge(self, exchange: Exchange, match: Match) -> Judged:
        """Ask every rule about an exchange in scope."""
        asked, answered = match.request_body, match.response_body
        query = self.shapes.of(asked.value) if type(asked) is Parsed else None
        answer = self.shapes.of(answered.value) if type(answered) is Parsed else None
        headers = (*(exchange.request.headers or ()), *(exchange.response.headers or ()))
        names, values = zip(*headers, strict=True) if headers else ((), ())
        found = self._names_of(exchange, names)
        key = (
            self._addresses.get((exchange.request.method, exchange.request.url)),
            exchange.response.status,
            found,
            found.media_types(values),
            tuple(map(bool, values)) if "" in values else None,
            query or type(asked),
            answer or type(answered),
            self._getter(answer)(answered.value) if type(answered) is Parsed and answer is not None else None,
        )
        alike = self._alike.get(key)
        if alike is None or _has_flaws(asked) or _has_flaws(answered):
            return self._judge_in_full(exchange, match, query, answer, key)
        hits: list[RawFinding] = []
        verification = None
        described = self._described(alike, asked, answered)
        if alike.checks or self._settings.private_key:
            subject = self._subject(exchange, match, alike.operation, alike.frame, described)
            verification = subject.verification
            for check in alike.checks:
                hits += check(subject)
        if (
            alike.is_searched
            or (type(asked) is Parsed and asked.may_have_long_row)
            or (type(answered) is Parsed and answered.may_have_long_row)
            or may_have_card_number("\n".join(compress(values, found.searched)).encode(errors="replace"))
        ):
            hits += self._cards.check(
                None,
                self._headers(exchange.request.headers),
                self._headers(exchange.response.headers),
                Body(exchange.request.body, asked, query, described[0]),
                Body(exchange.response.body, answered, answer, described[1]),
            )
        findings = [self._finding(exchange, match, hit) for hit in hits] if hits else []
        return Judged(alike, alike.frame, query, answer, findings, verification)

    def _judge_in_full(
        self,
        exchange: Exchange,
        match: Match,
        query: Shape | None,
        answer: Shape | None,
        key: tuple[Any, ...],
    ) -> Judged:
        """Judge an exchange, and remember under a key what need not be asked of others that are alike."""
        sent, received = self._headers(exchange.request.headers), self._headers(exchange.response.headers)
        frame = self._frame(exchange, match, sent, received)
        described = (
            self._describe(match.request_body, frame.schemas[0], query, ()),
            self._describe(match.response_body, frame.schemas[1], answer, frame.decided),
        )
        hits: list[RawFinding] = []
        subject = verification = None
        if frame.operation is not None:
            subject = self._subject(exchange, match, frame.operation, frame, described)
            verification = subject.verification
            for check in frame.checks if frame.checks is not None else self._learn(frame, subject):
                hits += check(subject)
        elif not _is_refused_method(self._contract, exchange, match):
            hits.append(_unknown_route(self._contract, exchange, match))
        bodies = (
            Body(exchange.request.body, match.request_body, query, described[0]),
            Body(exchange.response.body, match.response_body, answer, described[1]),
        )
        hits += self._cards.check(exchange.request.url, sent, received, *bodies)
        findings = [self._finding(exchange, match, hit) for hit in hits]
        alike = self._remember(key, frame, subject, (query, answer)) if subject is not None else None
        return Judged(alike, frame, query, answer, findings, verification)

    def _remember(
        self, key: tuple[Any, ...], frame: Frame, subject: Subject, shapes: tuple[Shape | None, Shape | None]
    ) -> Alike | None:
        """Keep what an exchange has in common with others, where all of that is known to be the same."""
        query, answer = shapes
        bodies = (subject.match.request_body, subject.match.response_body)
        address, _, names, *_ = key
        are_known = frame.is_known and names.is_known and all(shape.is_known for shape in shapes if shape)
        have_plans = (query is None or self._plans.knows(subject.query, query, ())) and (
            answer is None or self._plans.knows(subject.answer, answer, frame.decided)
        )
        if (
            address is None
            or not (are_known and have_plans)
            or any(map(_has_flaws, bodies))
            or len(self._alike) >= self._room
            or len(repr(key)) >= _MAX_KEPT
        ):
            return None
        self._alike[key] = Alike(
            operation=subject.operation,
            frame=frame,
            query_plan=_stated(subject.query),
            answer_plan=_stated(subject.answer),
            checks=_checks_of_values(frame, subject),
            is_searched=any(isinstance(body, NotJson) for body in bodies)
            or any(shape.has_float for shape in shapes if shape),
        )
        return self._alike[key]

    def _subject(
        self,
        exchange: Exchange,
        match: Match,
        operation: Operation,
        frame: Frame,
        bodies: tuple[Described | None, Described | None],
    ) -> Subject:
        return Subject(
            exchange,
            match,
            operation,
            self._contract,
            self._settings,
            frame.documented,
            frame.is_refused,
            verify_request(exchange, match, self._contract, self._settings)
            if self._settings.private_key
            else None,
            *bodies,
        )

    def _described(
        self, alike: Alike, asked: Parsed | NotJson | None, answered: Parsed | NotJson | None
    ) -> tuple[Described | None, Described | None]:
        query = answer = None
        if alike.query_plan is not None and type(asked) is Parsed:
            query = Described(asked.value, *alike.query_plan)
        if alike.answer_plan is not None and type(answered) is Parsed:
            answer = Described(answered.value, *alike.answer_plan)
        return query, answer

    def _finding(self, exchange: Exchange, match: Match, hit: RawFinding) -> Finding:
        stated = None
        if hit.uri:
            stated = self._places.get(hit.uri)
            if stated is None:
                stated = self._contract.schemas.place(hit.uri)
                if len(self._places) < self._room:
                    self._places[hit.uri] = stated
        return _finding(exchange, match, hit, stated)

    def _names_of(self, exchange: Exchange, names: tuple[str, ...]) -> _Names:
        sent, received = exchange.request.headers, exchange.response.headers
        key = (
            names,
            None if sent is None else len(sent),
            None if received is None else len(received),
        )
        found = self._names.get(key)
        if found is None:
            lower = [name.lower() for name in names]
            places = [place for place, name in enumerate(lower) if name == "content-type"]
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
        found = self._getters.get(shape)
        if found is None:
            places = sorted({place for places in self._decided.values() for place in places})
            there = [place for place in places if has_place(shape, place)]
            are_texts = all(len(place) == 1 and shape.members[str(place[0])].kind is str for place in there)
            if not are_texts:
                found = lambda value: tuple([repr(at(value, place)) for place in there])  # noqa: E731
            else:
                found = itemgetter(*[place[0] for place in there]) if there else _nothing
            if shape.is_known and len(self._getters) < self._room:
                self._getters[shape] = found
        return found

    def _headers(self, headers: RawHeaders | None) -> Headers | None:
        """Return headers with what their names tell."""
        if headers is None:
            return None
        names, values = zip(*headers, strict=True) if headers else ((), ())
        fields = self._fields.get(names)
        if fields is None:
            fields = Fields(names, self._contract.unsearched_headers)
            if len(self._fields) < self._room and sum(map(len, names)) < _MAX_KEPT:
                self._fields[names] = fields
        return Headers(fields, values)

    def _describe(
        self, read: Parsed | NotJson | None, schema: str | None, shape: Shape | None, decided: Decided
    ) -> Described | None:
        if type(read) is not Parsed or schema is None or shape is None:
            return None
        return self._plans.describe(schema, read.value, shape, decided)

    def _frame(
        self, exchange: Exchange, match: Match, sent: Headers | None, received: Headers | None
    ) -> Frame:
        request, operation, form = exchange.request, match.route.operation, match.form
        values = self._values_of_decided(operation, match.response_body)
        key = (
            operation.id if operation is not None else match.route.path_known,
            form.id if form is not None else None,
            values,
            exchange.response.status,
            request.method,
            request.url is None,
            sent.fields.names if sent is not None else None,
            received.fields.names if received is not None else None,
            tuple(map(bool, sent.values)) if sent is not None and "" in sent.values else None,
            sent.media_types if sent is not None else None,
            received.media_types if received is not None else None,
            type(match.request_body),
            type(match.response_body),
        )
        frame = self._frames.get(key)
        if frame is None:
            frame = self._new_frame(exchange, match, values)
            if len(self._frames) < self._room and len(repr(key)) < _MAX_KEPT:
                frame.is_known = True
                self._frames[key] = frame
        return frame

    def _values_of_decided(
        self, operation: Operation | None, body: Parsed | NotJson | None
    ) -> tuple[str, ...]:
        if operation is None or type(body) is not Parsed:
            return ()
        value, places = body.value, self._decided[operation.id]
        found = [at(value, tokens) for tokens in places]
        return tuple([one if type(one) is str else repr(one) for one in found])

    def _new_frame(self, exchange: Exchange, match: Match, values: tuple[str, ...]) -> Frame:
        operation, status = match.route.operation, exchange.response.status
        documented = operation.response(status) if operation is not None else None
        return Frame(
            operation=operation,
            is_path_known=match.route.path_known,
            documented=documented,
            is_refused=is_refusal(match, status),
            scope=(
                operation.id if operation is not None else "",
                match.form.id if match.form is not None else "",
                match.outcome.value,
            ),
            decided=tuple(zip(self._decided[operation.id], values, strict=True))
            if operation is not None and values
            else (),
            decided_places=self._decided[operation.id] if operation is not None and values else (),
            schemas=(
                request_schema(operation, match, exchange.request.headers),
                response_schema(operation, match, documented, exchange.response.headers),
            )
            if operation is not None
            else (None, None),
            is_known=False,
        )

    def _learn(self, frame: Frame, subject: Subject) -> tuple[Check, ...]:
        """Return the checks for an exchange, those of its frame answered already."""
        if not frame.is_known:
            return CHECKS
        of_frames = OF_FRAMES
        if isinstance(subject.match.response_body, NotJson):
            of_frames -= {check_body_text}  # says how long the text is, and where it stops being JSON
        answers = {check: tuple(check(subject)) for check in of_frames} | self._idle(subject)
        left = (check for check in CHECKS if answers.get(check) != ())
        frame.checks = tuple(_always(answers[check]) if check in answers else check for check in left)
        return frame.checks

    def _idle(self, subject: Subject) -> dict[Check, tuple[RawFinding, ...]]:
        """Return checks that have nothing to look at in any exchange of a frame."""
        form, has_key = subject.match.form, bool(self._settings.private_key)
        idle = {
            check_signature: subject.is_refused or not has_key,
            check_echoes: form is None or not form.echoes,
            check_request_body: subject.is_refused,
        }
        return {check: () for check, is_idle in idle.items() if is_idle}


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope, by a judge without memory."""
    yield from Judge(contract, settings, has_memory=False).judge(exchange, match).findings


def check_route(contract: Contract, exchange: Exchange, match: Match) -> Iterator[Finding]:
    """Yield a finding where the contract has no operation for a request, however it was answered."""
    if match.route.operation is None:
        hit = _unknown_route(contract, exchange, match)
        yield _finding(exchange, match, hit, contract.schemas.place(hit.uri) if hit.uri else None)


def _checks_of_values(frame: Frame, subject: Subject) -> tuple[Check, ...]:
    """Return the checks of a frame that values of two shapes can fail, with the answers of the others."""
    query, answer = subject.query, subject.answer
    is_idle: dict[Check, bool] = {
        check_flaws: True,  # a text with flaws is judged in full
        check_code: not (code := tuple(check_code(subject))),
        check_response_body: answer is None,
        check_echoes: query is None or answer is None,
        check_units: answer is None or not answer.plan.units,
        check_lists: answer is None or not answer.plan.lists,
        check_request_body: query is None and not isinstance(subject.match.request_body, NotJson),
    }
    left = [check for check in frame.checks or CHECKS if not is_idle.get(check)]
    return tuple([_always(code) if check is check_code else check for check in left])


def _stated(body: Described | None) -> _Stated | None:
    return (body.schema, body.validator, body.plan) if body is not None else None


def _has_flaws(read: Parsed | NotJson | None) -> bool:
    return type(read) is Parsed and bool(read.flaws)


def _nothing(_: Any) -> None:
    """Take no value."""


def _always(hits: tuple[RawFinding, ...]) -> Check:
    return lambda _subject: hits


def _is_refused_method(contract: Contract, exchange: Exchange, match: Match) -> bool:
    """Tell whether a documented path refused a method that it does not have: the contract at work.

    Refused is an error code, or without a code an HTTP error; of OPTIONS and TRACE anything but a code.
    """
    if match.route.operation is not None or not match.route.path_known:
        return False
    request = exchange.request
    alike = [structs.replace(request, method=operation.method) for operation in contract.operations]
    matches = [contract.match(structs.replace(exchange, request=one)) for one in alike]
    coded = {one.outcome for one in matches if one.code is not None}
    if coded:
        return coded == {Outcome.BUSINESS_ERROR}
    return exchange.response.status >= HTTP_ERROR or (request.method or "").upper() in _OF_THE_SERVER


def _unknown_route(contract: Contract, exchange: Exchange, match: Match) -> RawFinding:
    route = match.route
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


def _finding(exchange: Exchange, match: Match, hit: RawFinding, stated: ContractPlace | None) -> Finding:
    operation = match.route.operation
    return Finding(
        rule=hit.rule,
        operation=operation.id if operation else None,
        outcome=match.outcome,
        pointer=hit.pointer,
        expected=hit.expected,
        actual=hit.actual,
        contract=stated,
        place=exchange.place,
        recorded_at=exchange.recorded_at,
        value=hit.value,
    )
