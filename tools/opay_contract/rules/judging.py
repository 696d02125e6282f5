"""Judges one exchange: its route, then every check of the operation, then the search for card numbers."""

from collections.abc import Callable, Iterator

from opay_contract.contract.contract import Contract, Match
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Finding
from opay_contract.rules.body import check_request_body, check_response_body
from opay_contract.rules.describing import describe_name, fold_path
from opay_contract.rules.encoding import check_body_text, check_flaws
from opay_contract.rules.envelope import check_code, check_echoes, check_message
from opay_contract.rules.exposure import check_exposure
from opay_contract.rules.signatures import check_signature
from opay_contract.rules.subject import Hit, Settings, Subject, build_subject
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


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope."""
    operation = match.route.operation
    if operation is None:
        hits = [
            _unknown_route(contract, exchange, match),
            *check_exposure(contract, exchange, match, None, None),
        ]
    else:
        subject = build_subject(exchange, match, operation, contract, settings)
        hits = [hit for check in CHECKS for hit in check(subject)]
        hits += check_exposure(contract, exchange, match, subject.query, subject.answer)
    return (_finding(contract, exchange, match, hit) for hit in hits)


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
        value=hit.value,
    )
