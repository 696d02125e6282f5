"""Checks of what the answer means: code, message, and whether it answers what was asked."""

from collections.abc import Iterator

from opay_contract.contract.contract import at
from opay_contract.judge.describing import describe_value, fold_pointer
from opay_contract.judge.subject import RawFinding, Subject
from opay_contract.judge.table import (
    ANSWER_MISMATCHED,
    CODE_UNDOCUMENTED,
    MESSAGE_UNDOCUMENTED,
    SUCCESS_CODE_ON_HTTP_ERROR,
)
from opay_contract.model.finding import Outcome

_HTTP_ERROR = 400


def check_code(subject: Subject) -> Iterator[RawFinding]:
    """Find a business code outside the catalogue, or a success code beside an HTTP error."""
    envelope, code = subject.operation.envelope, subject.match.code
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
    if subject.match.outcome is Outcome.SUCCESS and status >= _HTTP_ERROR:
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
    if envelope is None or subject.answer is None or subject.match.code not in envelope.codes:
        return
    known = envelope.codes[subject.match.code]
    message = at(subject.answer.value, envelope.message)
    if isinstance(message, str) and known.messages and not is_known_message(message, known.messages):
        pointer = fold_pointer(envelope.message)
        expected = f"a documented message for the code {known.code}"
        yield RawFinding(MESSAGE_UNDOCUMENTED, pointer, expected, describe_value(message), known.uri)


def check_echoes(subject: Subject) -> list[RawFinding]:
    """Find an answer about something else than what was asked for."""
    hits: list[RawFinding] = []
    if subject.match.form is None or subject.answer is None or subject.query is None:
        return hits
    for echo in subject.match.form.echoes:
        asked, answered = at(subject.query.value, echo.request), at(subject.answer.value, echo.response)
        if asked != answered and is_mismatched(asked, answered):
            expected = f"the request's {fold_pointer(echo.request)}"
            actual = f"another value ({describe_value(answered)})"
            hits.append(
                RawFinding(ANSWER_MISMATCHED, fold_pointer(echo.response), expected, actual, echo.uri)
            )
    return hits


def is_mismatched(asked: object, answered: object) -> bool:
    """Return whether an answer repeats something else; another type is another rule's matter."""
    return type(asked) is type(answered) and asked != answered


def is_known_message(message: str, known: tuple[str, ...]) -> bool:
    """Compare messages without case, white space around, and a full stop at the end."""
    return _plain(message) in {_plain(text) for text in known}


def _plain(message: str) -> str:
    return message.strip().rstrip(".").casefold()
