"""Checks of the answer's text: whether it is JSON at all, and what readers of JSON disagree on."""

from collections.abc import Iterator

from opay_contract.contract.contract import OTHER_TYPE
from opay_contract.contract.operation import find_media_type, is_json
from opay_contract.jsontext import FlawKind, NotJson, Parsed
from opay_contract.judge.describing import fold_pointer
from opay_contract.judge.subject import RawFinding, Subject
from opay_contract.judge.table import (
    BODY_EMPTY,
    BODY_NOT_JSON,
    BODY_TRUNCATED,
    BYTE_ORDER_MARK,
    DUPLICATE_KEY,
    INVALID_UTF8,
    LONE_SURROGATE,
    NON_FINITE_NUMBER,
    UNSAFE_NUMBER,
)
from opay_contract.model.exchange import header

_FLAWS = {
    FlawKind.BYTE_ORDER_MARK: (BYTE_ORDER_MARK, "text without a byte order mark", "a byte order mark"),
    FlawKind.INVALID_UTF8: (INVALID_UTF8, "UTF-8", "bytes that are no UTF-8"),
    FlawKind.LONE_SURROGATE: (LONE_SURROGATE, "characters", "half of a surrogate pair"),
    FlawKind.DUPLICATE_KEY: (DUPLICATE_KEY, "a key once in an object", "the same key again"),
    FlawKind.NON_FINITE_NUMBER: (NON_FINITE_NUMBER, "a JSON number", "NaN or Infinity"),
    FlawKind.UNSAFE_NUMBER: (UNSAFE_NUMBER, "a number that every reader keeps", "a number beyond 2^53-1"),
}


def check_body_text(subject: Subject) -> Iterator[RawFinding]:
    """Find an empty, broken or cut body where the contract documents JSON."""
    documented, body = subject.documented, subject.match.response_body
    if documented is None or not documented.media_types:
        return
    if body is None:
        yield RawFinding(BODY_EMPTY, "", "a body", "no body", f"{documented.uri}/content")
    elif isinstance(body, NotJson) and body is not OTHER_TYPE and _claims_json(subject):
        yield _broken(body, f"{documented.uri}/content", len(subject.exchange.response.body))


def check_flaws(subject: Subject) -> Iterator[RawFinding]:
    """Find what is odd about the text of a body that could be read."""
    body = subject.match.response_body
    for flaw in body.flaws if isinstance(body, Parsed) else ():
        rule, expected, actual = _FLAWS[flaw.kind]
        yield RawFinding(rule, fold_pointer(flaw.tokens), expected, actual)


def _claims_json(subject: Subject) -> bool:
    """An answer that says itself that it is something else is a matter of its media type.

    A media type may be documented without being JSON, as a gateway's HTML page; it then has no schema.
    """
    headers, documented = subject.exchange.response.headers, subject.documented
    if headers is None or documented is None or header(headers, "content-type") is None:
        return True
    of_json = {name: schema for name, schema in documented.media_types.items() if is_json(name)}
    return find_media_type(header(headers, "content-type"), of_json) is not None


def _broken(body: NotJson, uri: str, length: int) -> RawFinding:
    if body.too_deep:
        return RawFinding(BODY_NOT_JSON, "", "JSON", f"{length} bytes nested too deeply to read", uri)
    if body.truncated:
        return RawFinding(
            BODY_TRUNCATED, "", "a whole JSON text", f"JSON that breaks off after {length} bytes", uri
        )
    where = f"{length} bytes that are no JSON from line {body.line}, column {body.column}"
    return RawFinding(BODY_NOT_JSON, "", "JSON", where, uri)
