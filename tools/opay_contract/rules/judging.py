"""The one judge: every rule looks at every exchange; what only few things decide is worked out once.

An exchange comes apart into its frame (route, form, outcome, status, names of headers, media type), the
shapes of its two bodies, and values. What the contract says about the places of a body is remembered by shape
(`described`), what the checks of the frame find by frame. All other checks look at values, each time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from opay_contract.contract.contract import Contract, Match, Route, at
from opay_contract.contract.operation import DocumentedResponse, Operation
from opay_contract.jsontext import NotJson, Parsed, Tokens
from opay_contract.model.exchange import Exchange
from opay_contract.model.exchange import Headers as RawHeaders
from opay_contract.model.finding import Finding, Outcome
from opay_contract.rules.body import check_request_body, check_response_body
from opay_contract.rules.described import Decided, Plans
from opay_contract.rules.describing import describe_name
from opay_contract.rules.encoding import check_body_text, check_flaws
from opay_contract.rules.envelope import check_code, check_echoes, check_message
from opay_contract.rules.exposure import Body, CardSearch, Fields, Headers
from opay_contract.rules.routes import fold_path
from opay_contract.rules.shapes import Shape, Shapes
from opay_contract.rules.signatures import check_signature, verify_request
from opay_contract.rules.subject import (
    HTTP_ERROR,
    Hit,
    Settings,
    Subject,
    is_refusal,
    request_schema,
    response_schema,
)
from opay_contract.rules.table import METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED
from opay_contract.rules.transport import check_media_type, check_request_headers, check_status
from opay_contract.rules.values import check_lists, check_units
from opay_contract.signing.signer import Verification

Check = Callable[[Subject], Iterable[Hit]]

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

    `scope` names operation, form and outcome, `decided` the values of code and message, at
    `decided_places`. `checks` are those
    that are left to ask about each exchange; None until the first was judged. `is_known` if the next such
    exchange has the very same object.
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


class Judged(msgspec.Struct, gc=False):
    """An exchange in scope: its frame, the shapes of its bodies where they are JSON, and what was found.

    `verification` is of the request's signature, None where there is nothing to verify.
    """

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
        self._decided = {one.id: tuple(sorted(one.decided)) for one in contract.operations}

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
        return self._contract.match(exchange, route)

    def judge(self, exchange: Exchange, match: Match) -> Judged:
        """Ask every rule about an exchange in scope."""
        request, response = exchange.request, exchange.response
        sent, received = self._headers(request.headers), self._headers(response.headers)
        frame = self._frame(exchange, match, sent, received)
        query = self._body(request.body, match.request_body, frame.schemas[0], ())
        answer = self._body(response.body, match.response_body, frame.schemas[1], frame.decided)
        hits: list[Hit] = []
        verification = None
        if frame.operation is not None:
            if self._settings.private_key:
                verification = verify_request(exchange, match, self._contract, self._settings)
            subject = Subject(
                exchange,
                match,
                frame.operation,
                self._contract,
                self._settings,
                frame.documented,
                frame.is_refused,
                verification,
                query.described,
                answer.described,
            )
            for check in frame.checks if frame.checks is not None else self._learn(frame, subject):
                hits += check(subject)
        elif not _is_refused_method(self._contract, exchange, match):
            hits.append(_unknown_route(self._contract, exchange, match))
        hits += self._cards.check(request.url, sent, received, query, answer)
        findings = [_finding(self._contract, exchange, match, hit) for hit in hits] if hits else []
        return Judged(frame, query.shape, answer.shape, findings, verification)

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

    def _body(
        self, data: bytes | None, read: Parsed | NotJson | None, schema: str | None, decided: Decided
    ) -> Body:
        if type(read) is not Parsed:
            return Body(data, read, None, None)
        shape = self.shapes.of(read.value)
        described = self._plans.describe(schema, read.value, shape, decided) if schema is not None else None
        return Body(data, read, shape, described)

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
            schemas=(request_schema(operation, match), response_schema(operation, match, documented))
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

    def _idle(self, subject: Subject) -> dict[Check, tuple[Hit, ...]]:
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
        yield _finding(contract, exchange, match, _unknown_route(contract, exchange, match))


def _always(hits: tuple[Hit, ...]) -> Check:
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


def _unknown_route(contract: Contract, exchange: Exchange, match: Match) -> Hit:
    route = match.route
    if route.documented is not None:
        method = describe_name(exchange.request.method or "")
        return Hit(METHOD_UNDOCUMENTED, f"{method} {route.documented}", "a documented method", method)
    if route.near is not None:
        actual = f"another path; did you mean '{route.near.documented}'?"
        return Hit(PATH_UNDOCUMENTED, route.near.shown, "a documented path", actual)
    path = fold_path(urlsplit(exchange.request.url or "").path, contract)
    return Hit(PATH_UNDOCUMENTED, path, "a documented path, as the contract has them all", "another path")


def _finding(contract: Contract, exchange: Exchange, match: Match, hit: Hit) -> Finding:
    operation = match.route.operation
    return Finding(
        rule=hit.rule,
        operation=operation.id if operation else None,
        outcome=match.outcome,
        pointer=hit.pointer,
        expected=hit.expected,
        actual=hit.actual,
        contract=contract.schemas.place(hit.uri) if hit.uri else None,
        place=exchange.place,
        recorded_at=exchange.recorded_at,
        value=hit.value,
    )
