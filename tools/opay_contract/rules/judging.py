"""The one judge: every rule looks at every exchange; what only few things decide is worked out once.

An exchange comes apart into its frame (route, form, outcome, status, names of headers, media type), the
shapes of its two bodies, and values. What the contract says about the places of a body is remembered by shape
(`described`), what the checks of the frame find by frame. All other checks look at values, each time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.contract import Contract, Match, Route, at
from opay_contract.contract.operation import DocumentedResponse, Operation
from opay_contract.jsontext import NotJson, Parsed
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.model.finding import Finding
from opay_contract.rules.body import check_request_body, check_response_body
from opay_contract.rules.described import Decided, Plans
from opay_contract.rules.describing import describe_name, fold_path
from opay_contract.rules.encoding import check_body_text, check_flaws
from opay_contract.rules.envelope import check_code, check_echoes, check_message
from opay_contract.rules.exposure import Body, CardSearch
from opay_contract.rules.shapes import Shape, Shapes
from opay_contract.rules.signatures import check_signature
from opay_contract.rules.subject import (
    Hit,
    Settings,
    Subject,
    is_refusal,
    request_schema,
    response_schema,
)
from opay_contract.rules.table import METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED
from opay_contract.rules.transport import check_media_type, check_request_headers, check_status
from opay_contract.rules.values import check_values

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
    check_values,
    check_request_headers,
    check_request_body,
    check_signature,
)

OF_FRAMES = frozenset(
    (check_status, check_media_type, check_body_text, check_code, check_message, check_request_headers)
)
"""Checks that look at nothing but what makes a frame."""

MAX_FRAMES = 4096
"""Frames, and methods with URLs, that are remembered; for others all is worked out each time."""

_MAX_KEPT = 1000


@dataclass(slots=True, eq=False)
class Frame:
    """What exchanges have in common that differ in their bodies and in values of headers alone.

    `scope` names operation, form and outcome, `decided` the values of code and message. `checks` are those
    that are left to ask about each exchange; None until the first was judged. `is_known` if the next such
    exchange has the very same object.
    """

    operation: Operation | None
    is_path_known: bool
    documented: DocumentedResponse | None
    is_refused: bool
    scope: tuple[str, str, str]
    decided: Decided
    schemas: tuple[str | None, str | None]
    is_known: bool
    checks: tuple[Check, ...] | None = None


@dataclass(slots=True)
class Judged:
    """An exchange in scope: its frame, the shapes of its bodies where they are JSON, and what was found."""

    frame: Frame
    query: Shape | None
    answer: Shape | None
    findings: list[Finding]


class Judge:
    """Judges exchanges by a contract; without `has_memory` each as if it were the first."""

    def __init__(self, contract: Contract, settings: Settings, *, has_memory: bool = True) -> None:
        """Begin without having seen an exchange."""
        self._contract = contract
        self._settings = settings
        self._room = MAX_FRAMES if has_memory else 0
        self.shapes = Shapes() if has_memory else Shapes(0)
        self._plans = Plans(contract) if has_memory else Plans(contract, 0)
        self._cards = CardSearch(contract)
        self._routes: dict[tuple[str | None, str | None], Route] = {}
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
                self._routes[key] = route
        return self._contract.match(exchange, route)

    def judge(self, exchange: Exchange, match: Match) -> Judged:
        """Ask every rule about an exchange in scope."""
        frame = self._frame(exchange, match)
        query = self._body(exchange.request.body, match.request_body, frame.schemas[0], ())
        answer = self._body(exchange.response.body, match.response_body, frame.schemas[1], frame.decided)
        if frame.operation is None:
            hits = [_unknown_route(self._contract, exchange, match)]
        else:
            subject = Subject(
                exchange,
                match,
                frame.operation,
                self._contract,
                self._settings,
                frame.documented,
                frame.is_refused,
                query.described,
                answer.described,
            )
            checks = frame.checks if frame.checks is not None else self._learn(frame, subject)
            hits = [hit for check in checks for hit in check(subject)]
        hits += self._cards.check(exchange, query, answer)
        findings = [_finding(self._contract, exchange, match, hit) for hit in hits]
        return Judged(frame, query.shape, answer.shape, findings)

    def _body(
        self, data: bytes | None, read: Parsed | NotJson | None, schema: str | None, decided: Decided
    ) -> Body:
        if not isinstance(read, Parsed):
            return Body(data, read, None, None)
        shape = self.shapes.of(read.value)
        described = self._plans.describe(schema, read.value, shape, decided) if schema is not None else None
        return Body(data, read, shape, described)

    def _frame(self, exchange: Exchange, match: Match) -> Frame:
        request, response, operation = exchange.request, exchange.response, match.route.operation
        values = self._values_of_decided(match)
        key = (
            operation.id if operation is not None else match.route.path_known,
            match.form.id if match.form is not None else None,
            match.code,
            *values,
            response.status,
            request.method,
            request.url is None,
            _names(request.headers),
            _names(response.headers),
            _blanks(request.headers),
            _media_types(response.headers),
            type(match.request_body),
            type(match.response_body),
        )
        frame = self._frames.get(key)
        if frame is None:
            frame = self._new_frame(exchange, match, values)
            size = len(repr(key))
            if len(self._frames) < self._room and size < _MAX_KEPT:
                frame.is_known = True
                self._frames[key] = frame
        return frame

    def _values_of_decided(self, match: Match) -> tuple[str, ...]:
        operation, body = match.route.operation, match.response_body
        if operation is None or not isinstance(body, Parsed):
            return ()
        found = [at(body.value, tokens) for tokens in self._decided[operation.id]]
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
        answers = {check: tuple(check(subject)) for check in of_frames}
        left = (check for check in CHECKS if answers.get(check) != ())
        frame.checks = tuple(_always(answers[check]) if check in answers else check for check in left)
        return frame.checks


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope, by a judge without memory."""
    yield from Judge(contract, settings, has_memory=False).judge(exchange, match).findings


def _always(hits: tuple[Hit, ...]) -> Check:
    return lambda _subject: hits


def _names(headers: Headers | None) -> tuple[str, ...] | None:
    return None if headers is None else tuple([name for name, _ in headers])


def _blanks(headers: Headers | None) -> tuple[bool, ...] | None:
    """Return which headers are empty, None where none is."""
    if headers is None or all(value for _, value in headers):
        return None
    return tuple([not value for _, value in headers])


def _media_types(headers: Headers | None) -> tuple[str, ...]:
    """Return the value of every Content-Type header: rules look at the first, statistics at the last."""
    return tuple([value for name, value in headers or () if name.lower() == "content-type"])


def _unknown_route(contract: Contract, exchange: Exchange, match: Match) -> Hit:
    path = fold_path(contract.path(exchange.request.url or "") or "")
    if not match.route.path_known:
        return Hit(PATH_UNDOCUMENTED, path, "a documented path", "another path")
    method = describe_name(exchange.request.method or "")
    return Hit(METHOD_UNDOCUMENTED, f"{method} {path}", "a documented method", method)


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
    )
