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

from msgspec import structs

from opay_contract.contract.contract import Contract, Match, Route, texts_of
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.judge import table
from opay_contract.judge.alike import CHECKS, MAX_ALIKE, Kinds, Lead, Led
from opay_contract.judge.body import bodies_fit
from opay_contract.judge.card_numbers import may_have_card_number
from opay_contract.judge.checks import verify_request
from opay_contract.judge.describing import describe_name
from opay_contract.judge.exposure import CardSearch, has_great_fraction
from opay_contract.judge.parameters import read_url
from opay_contract.judge.reading import NO_BODY, Body, measure, read_bodies
from opay_contract.judge.routes import fold_path
from opay_contract.judge.subject import HTTP_ERROR, Alike, Bodies, Frame, RawFinding, Settings, Subject
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import ContractPlace, Finding, Outcome

_FEW = 16
"""Exchanges that are looked at one by one when there is something to find in one of them."""

_OF_REQUESTS = (bodies_fit,)
_OF_ANSWERS = tuple(row.of_bodies for row in CHECKS if row.of_bodies is not None)
"""What is looked at in bodies."""

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
        self.shapes, self.lead = self._kinds.shapes, self._kinds.lead

    def read(self, led: Sequence[Led]) -> dict[Alike, None]:
        """Read both bodies of exchanges in scope, and `take` them."""
        texts = [texts_of(exchange, lead.route.operation) for exchange, lead in led]
        queries, answers = [query for query, _ in texts], [answer for _, answer in texts]
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

    def take(self, led: Iterable[Led], asked: Iterable[Body], answered: Iterable[Body]) -> dict[Alike, None]:
        """Put exchanges in scope, whose bodies are read, to those that are alike and wait; return these."""
        found: dict[Alike, None] = {}
        for subject in self._kinds.part(led, asked, answered):
            found[subject.alike] = None
            if self._settings.private_key:
                subject.verification = verify_request(
                    subject.exchange,
                    subject.asked,
                    subject.alike.frame.route.operation,
                    self._contract,
                    self._settings,
                )
        return found

    def judge(self, waiting: Iterable[Alike], gathered: Sequence[Bodies]) -> list[Finding]:
        """Return the findings of those that wait, whose bodies were gathered."""
        found = [
            self._finding(subject, hit)
            for subject in self._suspects(waiting, gathered)
            for check in subject.alike.checks
            for hit in check(subject)
        ]
        for alike in waiting:
            if alike.frame.route.operation is None:
                found += [
                    self._finding(
                        subject, _unknown_route(self._contract, subject.exchange, alike.frame.route)
                    )
                    for subject in alike.waiting
                    if not _is_refused_method(self._contract, subject)
                ]
        return found + [self._finding(subject, hit) for subject, hit in self._card_numbers(waiting, gathered)]

    def _suspects(self, waiting: Iterable[Alike], gathered: Sequence[Bodies]) -> Iterable[Subject]:
        """Return those in which checks may find something."""
        found: dict[int, Subject] = {}
        for alike in waiting:
            if alike.checks and (
                alike.glances is None or not all(is_clean(alike.waiting) for is_clean in alike.glances)
            ):
                found.update((id(one), one) for one in alike.waiting)
        for bodies in gathered:
            if bodies.is_known and not self._is_clean(bodies):
                for one in self._parted(bodies, bodies.subjects):
                    if one.alike.checks:
                        found[id(one)] = one
        return found.values()

    def _is_clean(self, bodies: Bodies) -> bool:
        glances = _OF_REQUESTS if bodies.is_request else _OF_ANSWERS
        return all(is_clean(bodies) for is_clean in glances)

    def _parted(self, bodies: Bodies, subjects: list[Subject]) -> Iterator[Subject]:
        """Yield those of exchanges whose bodies are not clean that a look at halves does not clear."""
        if len(subjects) <= _FEW or (bodies.plan is not None and bodies.plan.fit is None):
            yield from subjects
            return
        for half in (subjects[: len(subjects) // 2], subjects[len(subjects) // 2 :]):
            bodies.fill(half)
            if not self._is_clean(bodies):
                yield from self._parted(bodies, half)

    def _card_numbers(
        self, waiting: Iterable[Alike], gathered: Sequence[Bodies]
    ) -> Iterator[tuple[Subject, RawFinding]]:
        """Yield the card numbers in those that wait; URLs of known kinds have none.

        Most are cleared together: all headers, and all bodies in whose text a card number would stand.
        """
        cards = self._cards
        in_any_header = cards.is_thorough or _may_be_in_headers(waiting)
        numbers = _with_numbers(waiting)
        have_great_numbers = {bodies for bodies in gathered if has_great_fraction(bodies)}
        for alike in waiting:
            operation = alike.frame.route.operation
            in_query, in_answer = alike.searched_bodies
            for bodies in have_great_numbers.intersection(alike.bodies):
                in_query, in_answer = in_query or bodies.is_request, in_answer or not bodies.is_request
            if in_any_header or in_query or in_answer or not alike.is_known:
                subjects: Iterable[Subject] = alike.waiting
            else:
                subjects = [one for one in alike.waiting if id(one) in numbers] if numbers else ()
            for one in subjects:
                found: list[Iterable[RawFinding]] = []
                if not alike.is_known:
                    found.append(cards.in_url(one.exchange.request.url, operation))
                if in_any_header and (cards.is_thorough or _may_be_in_headers([alike], [one])):
                    found.append(cards.in_headers(one.exchange))
                if in_query or (one.asked is not None and one.asked.may_have_long_row):
                    found.append(
                        cards.in_query(one.exchange, one.asked, operation, alike.query_plan, alike.query)
                    )
                if in_answer or (one.answered is not None and one.answered.may_have_long_row):
                    found.append(
                        cards.in_answer(
                            one.exchange, one.answered, operation, alike.answer_plan, alike.answer
                        )
                    )
                for hits in found:
                    yield from ((one, hit) for hit in hits)

    def _finding(self, subject: Subject, hit: RawFinding) -> Finding:
        stated = None
        if hit.uri:
            stated = self._places.get(hit.uri)
            if stated is None:
                stated = self._contract.schemas.place(hit.uri)
                if len(self._places) < MAX_ALIKE:
                    self._places[hit.uri] = stated
        frame = subject.alike.frame
        return _finding(subject.exchange, frame, hit, stated)


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
    found = judge.judge(waiting, ())
    for alike in waiting:
        alike.waiting.clear()  # no circle is left that holds bodies
    yield from found


def check_route(contract: Contract, exchange: Exchange, match: Match) -> Iterator[Finding]:
    """Yield a finding where the contract has no operation for a request, however it was answered."""
    if match.route.operation is None:
        hit = _unknown_route(contract, exchange, match.route)
        stated = contract.schemas.place(hit.uri) if hit.uri else None
        yield _finding(exchange, match, hit, stated)


def _may_be_in_headers(waiting: Iterable[Alike], subjects: list[Subject] | None = None) -> bool:
    texts = [
        text
        for alike in waiting
        for one in subjects or alike.waiting
        for text in compress(one.header_values, alike.searched_headers)
    ]
    return may_have_card_number("\n".join(texts).encode(errors="replace"))


def _with_numbers(waiting: Iterable[Alike]) -> set[int]:
    """Return the ids of those in whose bodies, which have no flaws, a card number may stand.

    Where no text has an escape, which may hide digits, all of them are looked at in one go.
    """
    having = [
        (id(one), (one.exchange.request.body or b"") + b"\n" + one.exchange.response.body)
        for alike in waiting
        for one in alike.waiting
        if one.may_show_number
    ]
    is_any = may_have_card_number(b"\n".join([text for _, text in having if b"\\" not in text]))
    return {number for number, text in having if is_any or b"\\" in text}


def _is_refused_method(contract: Contract, subject: Subject) -> bool:
    """Tell whether a documented path refused a method that it does not have: the contract at work.

    Refused is an error code, or without a code an HTTP error; of OPTIONS and TRACE anything but a code.
    """
    exchange, route = subject.exchange, subject.frame.route
    if not route.path_known:
        return False
    request = exchange.request
    alike = [structs.replace(request, method=operation.method) for operation in contract.operations]
    matches = [
        contract.match_read(exchange, contract.route(one), subject.asked, subject.answered) for one in alike
    ]
    coded = {one.outcome for one in matches if one.code is not None}
    if coded:
        return coded == {Outcome.BUSINESS_ERROR}
    return exchange.response.status >= HTTP_ERROR or (request.method or "").upper() in _OF_THE_SERVER


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
    exchange: Exchange, seen: Frame | Match, hit: RawFinding, stated: ContractPlace | None
) -> Finding:
    operation = seen.route.operation
    envelope = operation.envelope if operation else None
    is_known = envelope is not None and (seen.code in envelope.codes or seen.code in envelope.success)
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
        code=(seen.code or "") if is_known else "",
    )
