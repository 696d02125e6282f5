"""Answers from recorded exchanges: a question gets the answers that it got in turn, then the last again."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from urllib.parse import parse_qsl, unquote, urlsplit

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract, Match, Route, read_bodies
from opay_contract.contract.fields import answer_shape
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import UsageError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.mock.answers import AUTHENTICATION_FAILED, REASON_HEADER, Fields, MockAnswer
from opay_contract.mock.records import RecordBook
from opay_contract.mock.statement import AdmittedRequest
from opay_contract.mock.validation import MockRequest
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

_UNSENDABLE = re.compile("[^ -~\x80-\xff]")

_Question = tuple[str, str, str]
"""The ids of an operation and of a request form, and what it asks for: a key, or else the whole request."""


class Replay:
    """The answers of recordings, by form and by what was asked, in recorded order.

    What cannot be answered is counted by its reason: a question that was not recorded, one that was refused
    for its signature, which the mock verifies itself, what went elsewhere, and what cannot be read.
    """

    def __init__(self, contract: Contract, items: Iterable[Exchange | Unreadable]) -> None:
        self._contract, self._book = contract, RecordBook(contract)
        self._answers: dict[_Question, list[MockAnswer]] = {}
        self._turns: Counter[_Question] = Counter()
        self._left_out: Counter[str] = Counter()
        for item in items:
            self._take(item)
        if not self._answers:
            raise UsageError(f"nothing to replay: {self._describe_left_out() or 'there is no exchange'}")

    def answer(
        self, operation: Operation, form: Form | None, asked: str, request: MockRequest
    ) -> MockAnswer | None:
        """Return the next recorded answer to a question, then the last again; None where there is none."""
        whole = _whole(request.target.decode("latin-1"), request.query.decode("latin-1"), request.body)
        question = (operation.id, form.id if form else "", asked or whole)
        recorded = self._answers.get(question)
        if recorded is None:
            return None
        turn = self._turns[question]
        self._turns[question] += 1
        return recorded[min(turn, len(recorded) - 1)]

    def asked(self, form_id: str) -> list[str]:
        """Return what can be asked for by a form, in recorded order: ids or tokens."""
        return [asked for _, form, asked in self._answers if form == form_id]

    def describe(self) -> str:
        """Return how much can be answered, and what cannot, as a sentence without a value."""
        answers = sum(map(len, self._answers.values()))
        forms = Counter(form or operation for operation, form, _ in self._answers)
        asked = ", ".join(f"{number} {form}" for form, number in sorted(forms.items()))
        left_out = self._describe_left_out()
        return f"replaying {answers} answers ({asked})" + (f"; not answered: {left_out}" if left_out else "")

    def _take(self, item: Exchange | Unreadable) -> None:
        if isinstance(item, Unreadable):
            if not item.is_passed_over:
                self._left_out["unreadable"] += 1
            return
        try:
            path = urlsplit(item.request.url or "").path
        except ValueError:
            path = " "  # which no operation has
        operation = next(
            (
                one
                for one in self._contract.operations  # on whatever host
                if item.request.method in (None, one.method)
                and (not path or one.path_pattern.fullmatch(path))
            ),
            None,
        )
        if operation is None:
            self._left_out["of another API or method"] += 1
            return
        match = self._contract.match_read(item, Route(operation=operation), *read_bodies(item, operation))
        form, asked = match.form, self._asked(item, operation, match)
        if not asked:
            self._left_out["without a question that a request form has"] += 1
        elif self._is_refused(operation, match, item.response):
            self._left_out["refused for the signature"] += 1
        else:
            question = (operation.id, form.id if form else "", asked)
            answers = self._answers.setdefault(question, [])
            fields, body = _sendable(item.response.headers), item.response.body
            length = (b"content-length", b"%d" % len(body))
            answers.append(MockAnswer(status=item.response.status, fields=(*fields, length), body=body))

    def _asked(self, item: Exchange, operation: Operation, match: Match) -> str:
        """Return what a request asks for: the key of a record, or else the whole of it."""
        body = match.request_body.value if isinstance(match.request_body, Parsed) else MISSING
        lookup = self._book.lookup(operation, match.form)
        if operation.forms and match.form is None:
            return ""
        parts = urlsplit(item.request.url or "")
        if lookup is not None:
            found = operation.path_pattern.fullmatch(parts.path)
            groups = map(unquote, found.groups()) if found else ()
            values = {("path", name): text for name, text in zip(operation.path_names, groups, strict=False)}
            values |= {("query", name): text for name, text in parse_qsl(parts.query)}
            asked = lookup.by.of(AdmittedRequest(body=body, parameters=values))
        else:
            echoes = match.form.echoes if match.form else ()
            asked = value_below(body, echoes[0].request, None) if echoes and body is not MISSING else MISSING
        if isinstance(asked, str):
            return asked
        return (
            ""
            if lookup is not None or operation.forms
            else _whole(parts.path, parts.query, item.request.body or b"")
        )

    @staticmethod
    def _is_refused(operation: Operation, match: Match, response: Response) -> bool:
        if operation.envelope is None:
            return response.status in (401, 403) and operation.is_signed
        known = operation.envelope.codes.get(match.code or "")
        return known is not None and known.means == AUTHENTICATION_FAILED

    def _describe_left_out(self) -> str:
        return ", ".join(f"{number} {reason}" for reason, number in sorted(self._left_out.items()))


def load_replay(contract: Contract, paths: Sequence[str]) -> Replay:
    """Read recordings, files or folders of them, for a mock that answers from them."""
    if missing := find_missing(paths, literally=True):
        raise UsageError(missing)
    answers, items = answer_shape(contract), list[Iterable[Exchange | Unreadable]]()
    for found in iter_sources(paths):
        if not isinstance(found, Source):
            items.append([found])
        elif not is_passed_over(found, answers):
            items.append(iter_exchanges(found, answers=answers))
    return Replay(contract, chain.from_iterable(items))


def _whole(path: str, query: str, body: bytes) -> str:
    parsed = parse_json(body) if body else None
    told = json.dumps(parsed.value, sort_keys=True) if isinstance(parsed, Parsed) else body.decode("latin-1")
    return f"{path}?{query} {told}"


def _sendable(headers: Headers | None) -> Fields:
    """Return the recorded fields that can be sent again; a recorder may have written what no field holds."""
    if headers is None:
        return ((b"content-type", b"application/json"),)
    return tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in _NOT_SENT and not _UNSENDABLE.search(name + value)
    )
