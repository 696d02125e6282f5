"""Answers from recorded exchanges: a question gets the answers that it got in turn, then the last again."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from opay_contract.contract.answers import answer_shape
from opay_contract.contract.contract import Contract, Route, at, read_bodies
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import UsageError
from opay_contract.jsontext import Parsed
from opay_contract.mock.answers import AUTHENTICATION_FAILED, REASON_HEADER, Fields, MockAnswer
from opay_contract.model.exchange import Exchange, Headers, Response, Unreadable
from opay_contract.recordings.inputs import Source, find_missing, iter_sources
from opay_contract.recordings.reading import is_passed_over, iter_exchanges

_NOT_SENT = frozenset(
    {
        "connection",
        "content-encoding",  # the body is recorded without it
        "content-length",
        "date",
        "keep-alive",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
        REASON_HEADER.decode(),
    }
)

_Question = tuple[str, str]
"""The id of a request form, and what it asks for."""


class Replay:
    """The answers of recordings, by form and by what was asked, in recorded order.

    What cannot be answered is counted by its reason: a question that was not recorded, one that was refused
    for its signature, which the mock verifies itself, what went elsewhere, and what cannot be read.
    """

    def __init__(self, contract: Contract, items: Iterable[Exchange | Unreadable]) -> None:
        self._contract = contract
        self._answers: dict[_Question, list[MockAnswer]] = {}
        self._turns: Counter[_Question] = Counter()
        self._left_out: Counter[str] = Counter()
        for item in items:
            self._take(item)
        if not self._answers:
            raise UsageError(f"nothing to replay: {self._describe_left_out() or 'there is no exchange'}")

    def answer(self, form: Form, asked: str) -> MockAnswer | None:
        """Return the next recorded answer to a question, then the last again; None where there is none."""
        question = (form.id, asked)
        recorded = self._answers.get(question)
        if recorded is None:
            return None
        turn = self._turns[question]
        self._turns[question] += 1
        return recorded[min(turn, len(recorded) - 1)]

    def asked(self, form_id: str) -> list[str]:
        """Return what can be asked for by a form, in recorded order: ids or tokens."""
        return [asked for form, asked in self._answers if form == form_id]

    def describe(self) -> str:
        """Return how much can be answered, and what cannot, as a sentence without a value."""
        answers = sum(map(len, self._answers.values()))
        forms = Counter(form for form, _ in self._answers)
        asked = ", ".join(f"{number} {form}" for form, number in sorted(forms.items()))
        left_out = self._describe_left_out()
        return f"replaying {answers} answers ({asked})" + (f"; not answered: {left_out}" if left_out else "")

    def _take(self, item: Exchange | Unreadable) -> None:
        if isinstance(item, Unreadable):
            if not item.is_passed_over:
                self._left_out["unreadable"] += 1
            return
        operation = self._operation(item)
        if operation is None:
            self._left_out["of another API or method"] += 1
            return
        match = self._contract.match_read(item, Route(operation=operation), *read_bodies(item, operation))
        form, body = match.form, match.request_body
        asked = at(body.value, form.echoes[0].request) if form and isinstance(body, Parsed) else None
        if form is None or not isinstance(asked, str):
            self._left_out["without a question that a request form has"] += 1
        elif operation.envelope and match.code == operation.envelope.code_of(AUTHENTICATION_FAILED):
            self._left_out["refused for the signature"] += 1
        else:
            self._answers.setdefault((form.id, asked), []).append(_answer(item.response))

    def _operation(self, exchange: Exchange) -> Operation | None:
        """Return the operation that was called, on whatever host."""
        request = exchange.request
        try:
            path = urlsplit(request.url or "").path
        except ValueError:
            return None
        return next(
            (
                operation
                for operation in self._contract.operations
                if operation.forms
                and request.method in (None, operation.method)
                and (not path or operation.path_pattern.fullmatch(path))
            ),
            None,
        )

    def _describe_left_out(self) -> str:
        return ", ".join(f"{number} {reason}" for reason, number in sorted(self._left_out.items()))


def load_replay(contract: Contract, paths: Sequence[str]) -> Replay:
    """Read recordings, files or folders of them, for a mock that answers from them."""
    if missing := find_missing(paths, literally=True):
        raise UsageError(missing)
    return Replay(contract, _iter_items(contract, paths))


def _iter_items(contract: Contract, paths: Sequence[str]) -> Iterator[Exchange | Unreadable]:
    answers = answer_shape(contract)
    for found in iter_sources(paths):
        if isinstance(found, Source):
            if not is_passed_over(found, answers):
                yield from iter_exchanges(found, answers=answers)
        else:
            yield found


def _answer(response: Response) -> MockAnswer:
    length = ((b"content-length", b"%d" % len(response.body)),)
    return MockAnswer(
        status=response.status, fields=(*_fields(response.headers), *length), body=response.body
    )


def _fields(headers: Headers | None) -> Fields:
    """Return the recorded fields that can be sent again; a recorder may have written what no field holds."""
    if headers is None:
        return ((b"content-type", b"application/json"),)
    return tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in _NOT_SENT and _is_sendable(name) and _is_sendable(value)
    )


def _is_sendable(text: str) -> bool:
    return all(" " <= character <= "\xff" and character != "\x7f" for character in text)
