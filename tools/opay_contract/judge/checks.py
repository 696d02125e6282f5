"""Checks of status, headers, text, code, message, echoes and signature: all but schemas and values."""

from collections.abc import Iterator
from operator import eq

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import OTHER_TYPE, Contract
from opay_contract.contract.operation import Operation, find_media_type, is_json
from opay_contract.jsontext import FlawKind, NotJson, Parsed
from opay_contract.judge.describing import describe_media_type, describe_value, fold_pointer
from opay_contract.judge.shapes import column
from opay_contract.judge.subject import HTTP_ERROR, Bodies, RawFinding, Settings, Subject
from opay_contract.judge.table import (
    ANSWER_MISMATCHED,
    BODY_EMPTY,
    BODY_NOT_JSON,
    BODY_TRUNCATED,
    BYTE_ORDER_MARK,
    CODE_UNDOCUMENTED,
    DUPLICATE_KEY,
    INVALID_UTF8,
    JSON_MISLABELLED,
    LONE_SURROGATE,
    MEDIA_TYPE_UNDOCUMENTED,
    MESSAGE_UNDOCUMENTED,
    NON_FINITE_NUMBER,
    SIGNATURE_MISMATCH,
    STATUS_UNDOCUMENTED,
    SUCCESS_CODE_ON_HTTP_ERROR,
    UNSAFE_NUMBER,
)
from opay_contract.model.exchange import Exchange, header
from opay_contract.model.finding import Outcome
from opay_contract.signing.signer import Verification, is_mask, verify

_FLAWS = {
    FlawKind.BYTE_ORDER_MARK: (BYTE_ORDER_MARK, "text without a byte order mark", "a byte order mark"),
    FlawKind.INVALID_UTF8: (INVALID_UTF8, "UTF-8", "bytes that are no UTF-8"),
    FlawKind.LONE_SURROGATE: (LONE_SURROGATE, "characters", "half of a surrogate pair"),
    FlawKind.DUPLICATE_KEY: (DUPLICATE_KEY, "a key once in an object", "the same key again"),
    FlawKind.NON_FINITE_NUMBER: (NON_FINITE_NUMBER, "a JSON number", "NaN or Infinity"),
    FlawKind.UNSAFE_NUMBER: (UNSAFE_NUMBER, "a number that every reader keeps", "a number beyond 2^53-1"),
}

_WITHOUT_BODY, _FIRST_WITH_BODY = (204, 205, 304), 200

RULES_OF_FLAWS = tuple(rule for rule, _, _ in _FLAWS.values())
"""The rules about what readers of JSON disagree on."""


def check_status(subject: Subject) -> Iterator[RawFinding]:
    """Find an HTTP status that the operation does not document."""
    if subject.frame.documented is None:
        status = str(subject.exchange.response.status)
        documented = ", ".join(subject.operation.responses)
        expected = f"one of {documented}" if documented else "a documented status, of which there is none"
        uri = f"{subject.operation.uri}/responses" if documented else subject.operation.uri
        yield RawFinding(STATUS_UNDOCUMENTED, status, expected, status, uri)


def check_media_type(subject: Subject) -> Iterator[RawFinding]:
    """Find an answer whose Content-Type is not one of the documented."""
    headers, documented = subject.exchange.response.headers, subject.frame.documented
    if headers is None or documented is None or not documented.media_types or subject.answered is None:
        return
    content_type = header(headers, "content-type")
    if find_media_type(content_type, documented.media_types) is not None:
        return
    rule = JSON_MISLABELLED if isinstance(subject.answered, Parsed) else MEDIA_TYPE_UNDOCUMENTED
    actual = describe_media_type(content_type)
    yield RawFinding(rule, actual, ", ".join(documented.media_types), actual, f"{documented.uri}/content")


def check_body_text(subject: Subject) -> Iterator[RawFinding]:
    """Find an empty, broken or cut body where the contract documents JSON."""
    documented, body = subject.frame.documented, subject.answered
    if documented is None or not documented.media_types:
        return
    if body is None and not _has_no_body(subject):
        yield RawFinding(BODY_EMPTY, "", "a body", "no body", f"{documented.uri}/content")
    elif isinstance(body, NotJson) and body is not OTHER_TYPE and _claims_json(subject):
        yield _broken(body, f"{documented.uri}/content", len(subject.exchange.response.body))


def _has_no_body(subject: Subject) -> bool:
    """Tell whether HTTP lets an answer have no body, whatever is documented (RFC 9110, 6.4.1)."""
    status = subject.exchange.response.status
    return subject.operation.method == "HEAD" or status in _WITHOUT_BODY or status < _FIRST_WITH_BODY


def check_flaws(subject: Subject) -> Iterator[RawFinding]:
    """Find what is odd about the text of a body that could be read."""
    body = subject.answered
    for flaw in body.flaws if isinstance(body, Parsed) else ():
        rule, expected, actual = _FLAWS[flaw.kind]
        yield RawFinding(rule, fold_pointer(flaw.tokens), expected, actual)


def _claims_json(subject: Subject) -> bool:
    """An answer that says itself that it is something else is a matter of its media type.

    A media type may be documented without being JSON, as a gateway's HTML page; it then has no schema.
    """
    headers, documented = subject.exchange.response.headers, subject.frame.documented
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


def check_code(subject: Subject) -> Iterator[RawFinding]:
    """Find a business code outside the catalogue, or a success code beside an HTTP error."""
    envelope, code = subject.operation.envelope, subject.alike.code
    if envelope is None or code is None:
        return
    if code not in envelope.codes and code not in envelope.success:
        pointer = fold_pointer(envelope.code)
        shown = subject.answer.public_value(envelope.code, code) if subject.answer else ""
        actual = shown or describe_value(code)
        yield RawFinding(
            CODE_UNDOCUMENTED, pointer, "a code of the catalogue", actual, envelope.codes_uri, value=shown
        )
    status = subject.exchange.response.status
    if subject.frame.outcome is Outcome.SUCCESS and status >= HTTP_ERROR:
        actual = f"a success code with HTTP status {status}"
        yield RawFinding(
            SUCCESS_CODE_ON_HTTP_ERROR,
            fold_pointer(envelope.code),
            "an error code with an HTTP error",
            actual,
            envelope.codes_uri,
        )


def check_message(subject: Subject) -> Iterator[RawFinding]:
    """Find a known code with a message that is not documented for it."""
    envelope = subject.operation.envelope
    if envelope is None or subject.answer is None or subject.alike.code not in envelope.codes:
        return
    known = envelope.codes[subject.alike.code]
    message = value_below(subject.answer.value, envelope.message, None)
    if isinstance(message, str) and known.messages and not is_known_message(message, known.messages):
        pointer = fold_pointer(envelope.message)
        expected = f"a documented message for the code {known.code}"
        yield RawFinding(MESSAGE_UNDOCUMENTED, pointer, expected, describe_value(message), known.uri)


def check_echoes(subject: Subject) -> list[RawFinding]:
    """Find an answer about something else than what was asked for."""
    hits: list[RawFinding] = []
    if subject.frame.form is None or subject.answer is None or subject.query is None:
        return hits
    for echo in subject.frame.form.echoes:
        asked = value_below(subject.query.value, echo.request, None)
        answered = value_below(subject.answer.value, echo.response, None)
        if asked != answered and is_mismatched(asked, answered):
            expected = f"the request's {fold_pointer(echo.request)}"
            actual = f"another value ({describe_value(answered)})"
            hits.append(
                RawFinding(ANSWER_MISMATCHED, fold_pointer(echo.response), expected, actual, echo.uri)
            )
    return hits


def echoes_agree(answers: Bodies) -> bool:
    """Tell that every answer repeats what it must; where a body lacks the place, another rule says so."""
    form, subjects = answers.frame.form, answers.subjects
    for echo in form.echoes if form is not None else ():
        answered = answers.table.at(echo.response)
        asked = column([one.asked.value for one in subjects if type(one.asked) is Parsed], echo.request)
        if not asked or not answered:
            continue
        if not len(asked) == len(answered) == len(subjects) or not all(map(eq, asked, answered)):
            return False
    return True


def is_mismatched(asked: object, answered: object) -> bool:
    """Return whether an answer repeats something else; another type is another rule's matter."""
    return type(asked) is type(answered) and asked != answered


def is_known_message(message: str, known: tuple[str, ...]) -> bool:
    """Compare messages without case, white space around, and a full stop at the end."""
    return _plain(message) in {_plain(text) for text in known}


def _plain(message: str) -> str:
    return message.strip().rstrip(".").casefold()


def check_signature(subject: Subject) -> Iterator[RawFinding]:
    """Find a signature that does not verify although the request was not refused."""
    contract, verification = subject.alike.contract, subject.verification
    if subject.frame.is_refused or verification is None:
        return
    if not verification.ok and contract.signature is not None:
        actual = f"a header that does not verify ({verification.reason})"
        header_name = contract.signature.header
        yield RawFinding(
            SIGNATURE_MISMATCH, header_name, "the signature of the body", actual, contract.signature_uri
        )


def signatures_hold(subjects: list[Subject]) -> bool:
    """Tell that every signature that can be verified holds."""
    return all(one.verification is None or one.verification.ok for one in subjects)


def verify_request(
    exchange: Exchange,
    asked: Parsed | NotJson | None,
    operation: Operation | None,
    contract: Contract,
    settings: Settings,
) -> Verification | None:
    """Verify the signature of a call of the API; None where there is no key, or nothing to verify.

    What a recording tool put in its place says nothing about it.
    """
    scheme, key, request = contract.signature, settings.private_key, exchange.request
    if scheme is None or not key or request.body is None or operation is None or not operation.is_signed:
        return None
    value = header(request.headers, scheme.header)
    if value is None or (settings.may_be_masked and is_mask(value, scheme.prefix)):
        return None
    known = asked if isinstance(asked, Parsed) else None  # what is documented as another type is still signed
    return verify(request.body, value, key, scheme, known)
