"""The one judge: every rule looks at every exchange; what only few things decide is worked out once.

An exchange comes apart into its frame (route, form, outcome, status, names of headers, media type), the
shapes of its two bodies, and values. Exchanges in which all but values is the same are alike: what the
contract says about the places of their bodies, and what some checks find, is the same in all of them. The
other checks look at values: first at those of many exchanges that are alike, then, where there may be
something to find, at each.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from urllib.parse import urlsplit

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import Contract, Match, Route, texts_of
from opay_contract.jsontext import NotJson, Parsed, parse_json
from opay_contract.judge import table
from opay_contract.judge.alike import CHECKS, MAX_ALIKE, Kinds, Row
from opay_contract.judge.body import bodies_fit, check_request_body
from opay_contract.judge.card_numbers import may_have_card_number
from opay_contract.judge.checks import verify_request
from opay_contract.judge.describing import describe_name
from opay_contract.judge.exposure import CardSearch, has_great_fraction
from opay_contract.judge.leads import Lead, Led
from opay_contract.judge.parameters import read_url
from opay_contract.judge.reading import NO_BODY, Body, measure, read_bodies
from opay_contract.judge.routes import fold_path
from opay_contract.judge.subject import HTTP_ERROR, Alike, Bodies, Frame, Hit, RawFinding, Settings, Subject
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import ContractPlace, Finding

_FEW = 16
"""Exchanges that are looked at one by one when there is something to find in one of them."""

_OF_REQUESTS = tuple(row for row in CHECKS if row.check is check_request_body)
_OF_ANSWERS = tuple(row for row in CHECKS if row.of_bodies is not None and row not in _OF_REQUESTS)
"""The checks that look at many bodies at once."""

_OF_THE_SERVER = {"OPTIONS", "TRACE"}
"""Methods that ask the server about itself, and not the API (RFC 9110, 9.3.7 and 9.3.8)."""


class Judge:
    """Judges exchanges by a contract; without `has_memory` each as if it were the first."""

    def __init__(self, contract: Contract, settings: Settings, *, has_memory: bool = True) -> None:
        """Begin without having seen an exchange."""
        self._contract = contract
        self._settings = settings
        self._has_memory = has_memory
        self._cards = CardSearch(contract, is_thorough=not has_memory)
        self._kinds = Kinds(contract, settings, self._cards, has_memory=has_memory)
        self._places: dict[str, ContractPlace] = {}
        self.shapes, self.leads = self._kinds.shapes, self._kinds.leads

    def read(self, led: Sequence[Led]) -> dict[Alike, None]:
        """Read both bodies of exchanges in scope, and `take` them."""
        queries, answers = list[bytes | NotJson | None](), list[bytes | NotJson | None]()
        for exchange, lead in led:
            query, answer = texts_of(exchange, lead.route.operation)
            queries.append(query)
            answers.append(answer)
        return self.take(led, self._read(queries), self._read(answers))

    def _read(self, texts: Sequence[bytes | NotJson | None]) -> list[Body]:
        given = [text for text in texts if type(text) is bytes]
        if self._has_memory:
            read = read_bodies(given, self.shapes)
        else:
            read = [measure(parse_json(text), self.shapes) for text in given]
        if len(read) == len(texts):
            return read
        each = iter(read)
        return [
            NO_BODY
            if text is None
            else measure(text, self.shapes)
            if isinstance(text, NotJson)
            else next(each)
            for text in texts
        ]

    def take(self, led: Sequence[Led], asked: Iterable[Body], answered: Iterable[Body]) -> dict[Alike, None]:
        """Put exchanges in scope, whose bodies are read, to those that are alike and wait; return these."""
        found = self._kinds.part(led, asked, answered)
        for subject in found if self._settings.private_key else ():
            subject.verification = verify_request(
                subject.exchange,
                subject.asked,
                subject.alike.frame.route.operation,
                self._contract,
                self._settings,
            )
        return dict.fromkeys([subject.alike for subject in found])

    def judge(self, waiting: Iterable[Alike], gathered: Sequence[Bodies]) -> list[Hit]:
        """Return what is found in those that wait, whose bodies were gathered."""
        found: list[Hit] = []
        for alike in waiting:
            for check, is_clean in alike.checks:
                if is_clean is None or not is_clean(alike.waiting):
                    found += [(one, hit) for one in alike.waiting for hit in check(one)]
            if alike.frame.route.operation is None:
                found += [
                    (one, _unknown_route(self._contract, one.exchange, alike.frame.route))
                    for one in alike.waiting
                    if not _is_refused_method(one)
                ]
        for bodies in gathered:
            for row in (_OF_REQUESTS if bodies.is_request else _OF_ANSWERS) if bodies.is_known else ():
                for one in _not_clean(bodies, row):
                    if row.check in one.alike.of_bodies:
                        found += [(one, hit) for hit in row.check(one)]
        found += self._card_numbers(waiting, gathered)
        return found

    def _card_numbers(self, waiting: Iterable[Alike], gathered: Sequence[Bodies]) -> Iterator[Hit]:
        """Yield the card numbers in those that wait; URLs of known kinds have none.

        Most are cleared together: all headers, and all bodies in whose text a card number would stand.
        """
        cards = self._cards
        in_any_header = cards.is_thorough or _may_be_in_headers(waiting)
        have_great_numbers = {bodies for bodies in gathered if has_great_fraction(bodies)}
        for alike in waiting:
            operation = alike.frame.route.operation
            in_query, in_answer = alike.searched_bodies
            for bodies in have_great_numbers.intersection(alike.bodies) if have_great_numbers else ():
                in_query, in_answer = in_query or bodies.is_request, in_answer or not bodies.is_request
            if in_any_header or in_query or in_answer or not alike.is_known:
                subjects: Iterable[Subject] = alike.waiting
            else:
                subjects = [one for one in alike.waiting if one.may_show_number]
            for one in subjects:
                found: list[Iterable[RawFinding]] = []
                if not alike.is_known:
                    found.append(cards.in_url(one.exchange.request.url, operation))
                if in_any_header and (cards.is_thorough or _may_be_in_headers([alike], [one])):
                    found.append(cards.in_headers(one.exchange))
                if in_query or (one.asked is not None and one.asked.may_show_number):
                    found.append(
                        cards.in_query(one.exchange, one.asked, operation, alike.query_plan, alike.query)
                    )
                if in_answer or (one.answered is not None and one.answered.may_show_number):
                    found.append(
                        cards.in_answer(
                            one.exchange, one.answered, operation, alike.answer_plan, alike.answer
                        )
                    )
                for hits in found:
                    yield from ((one, hit) for hit in hits)

    def finding(self, subject: Subject, hit: RawFinding) -> Finding:
        """Return what was found as a finding, with its place in the contract."""
        stated = None
        if hit.uri:
            stated = self._places.get(hit.uri)
            if stated is None:
                stated = self._contract.schemas.place(hit.uri)
                if len(self._places) < MAX_ALIKE:
                    self._places[hit.uri] = stated
        return _finding(subject.exchange, subject.alike.frame, subject.alike.code, hit, stated)


def check_exchange(
    contract: Contract, exchange: Exchange, match: Match, settings: Settings
) -> Iterator[Finding]:
    """Yield every finding of an exchange that is in scope, by a judge without memory."""
    judge = Judge(contract, settings, has_memory=False)
    asked, answered = (
        measure(body, judge.shapes) if body is not None else NO_BODY
        for body in (match.request_body, match.response_body)
    )
    lead = Lead(match.route, read_url(contract, match.route, exchange.request))
    waiting = judge.take([(exchange, lead)], [asked], [answered])
    found = [judge.finding(*hit) for hit in judge.judge(waiting, ())]
    for alike in waiting:
        alike.waiting.clear()  # no circle is left that holds bodies
    yield from found


def check_route(contract: Contract, exchange: Exchange, match: Match) -> Iterator[Finding]:
    """Yield a finding where the contract has no operation for a request, however it was answered."""
    if match.route.operation is None:
        hit = _unknown_route(contract, exchange, match.route)
        stated = contract.schemas.place(hit.uri) if hit.uri else None
        yield _finding(exchange, match, None, hit, stated)


def _may_be_in_headers(waiting: Iterable[Alike], subjects: list[Subject] | None = None) -> bool:
    texts = {
        text
        for alike in waiting
        for one in subjects or alike.waiting
        for text in compress(one.header_values, alike.searched_headers)
    }
    return may_have_card_number("\n".join(texts).encode(errors="replace"))


def _not_clean(bodies: Bodies, row: Row) -> Iterator[Subject]:
    """Yield those of exchanges of whose bodies a check may find something, looking at halves again."""
    assert row.of_bodies is not None  # noqa: S101  asked of no other rows
    if row.of_bodies(bodies):
        return
    subjects = bodies.subjects
    if len(subjects) <= _FEW or (row.of_bodies is bodies_fit and bodies.plan and bodies.plan.fit is None):
        yield from subjects
        return
    for half in (subjects[: len(subjects) // 2], subjects[len(subjects) // 2 :]):
        bodies.fill(half)
        yield from _not_clean(bodies, row)
    bodies.fill(subjects)


def _is_refused_method(subject: Subject) -> bool:
    """Tell whether a documented path refused a method that it does not have: the contract at work.

    Refused is an error code, or without a code an HTTP error; of OPTIONS and TRACE anything but a code.
    """
    exchange, route, answered = subject.exchange, subject.frame.route, subject.answered
    if not route.path_known:
        return False
    value = answered.value if type(answered) is Parsed else None
    envelopes = [one.envelope for one in route.others if one.envelope is not None]
    codes = [(one, one.read_code(value_below(value, one.code, None))) for one in envelopes]
    if any(code is not None for _, code in codes):
        return not any(code in one.success for one, code in codes)
    return exchange.response.status >= HTTP_ERROR or (exchange.request.method or "").upper() in _OF_THE_SERVER


def _unknown_route(contract: Contract, exchange: Exchange, route: Route) -> RawFinding:
    if route.documented is not None:
        method = describe_name(exchange.request.method or "")
        return RawFinding(
            table.METHOD_UNDOCUMENTED, f"{method} {route.documented}", "a documented method", method
        )
    if route.near is not None:
        actual = f"another path; did you mean '{route.near.documented}'?"
        return RawFinding(table.PATH_UNDOCUMENTED, route.near.shown, "a documented path", actual)
    path = fold_path(urlsplit(exchange.request.url or "").path, contract)
    return RawFinding(
        table.PATH_UNDOCUMENTED, path, "a documented path, as the contract has them all", "another path"
    )


def _finding(
    exchange: Exchange, seen: Frame | Match, code: str | None, hit: RawFinding, stated: ContractPlace | None
) -> Finding:
    operation = seen.route.operation
    envelope = operation.envelope if operation else None
    is_known = envelope is not None and (code in envelope.codes or code in envelope.success)
    return Finding(
        rule=hit.rule,
        operation=operation.id if operation else None,
        outcome=seen.outcome,
        pointer=hit.pointer,
        expected=hit.expected,
        actual=hit.actual,
        contract=stated,
        place=exchange.place,
        recorded_at=exchange.recorded_at,
        value=hit.value,
        status=exchange.response.status,
        code=(code or "") if is_known else "",
    )
