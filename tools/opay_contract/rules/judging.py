"""Judges one exchange: its route, then every check of the operation, then the search for card numbers."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from msgspec import structs

from opay_contract.contract.contract import Contract, Match
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Finding, Outcome
from opay_contract.rules.body import check_request_body, check_response_body
from opay_contract.rules.describing import describe_name
from opay_contract.rules.encoding import check_body_text, check_flaws
from opay_contract.rules.envelope import check_code, check_echoes, check_message
from opay_contract.rules.exposure import check_exposure
from opay_contract.rules.routes import fold_path
from opay_contract.rules.signatures import check_signature
from opay_contract.rules.subject import HTTP_ERROR, Hit, Settings, Subject, build_subject
from opay_contract.rules.table import METHOD_UNDOCUMENTED, PATH_UNDOCUMENTED
from opay_contract.rules.transport import check_media_type, check_request_headers, check_status
from opay_contract.rules.values import check_values

CHECKS: tuple[Callable[[Subject], Iterator[Hit]], ...] = (
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

_OF_THE_SERVER = {"OPTIONS", "TRACE"}
"""Methods that ask the server about itself, and not the API (RFC 9110, 9.3.7 and 9.3.8)."""


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope."""
    operation = match.route.operation
    if operation is None:
        refused = _is_refused_method(contract, exchange, match)
        hits = [] if refused else [_unknown_route(contract, exchange, match)]
        hits += check_exposure(contract, exchange, match, None, None)
    else:
        subject = build_subject(exchange, match, operation, contract, settings)
        hits = [hit for check in CHECKS for hit in check(subject)]
        hits += check_exposure(contract, exchange, match, subject.query, subject.answer)
    return (_finding(contract, exchange, match, hit) for hit in hits)


def check_route(contract: Contract, exchange: Exchange, match: Match) -> Iterator[Finding]:
    """Yield a finding where the contract has no operation for a request, however it was answered."""
    if match.route.operation is None:
        yield _finding(contract, exchange, match, _unknown_route(contract, exchange, match))


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
    )
