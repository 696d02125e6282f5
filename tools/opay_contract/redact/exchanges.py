"""Redacts one exchange: the door for whoever records, and what the writers of every format ask."""

import time
from dataclasses import dataclass

from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.judge.subject import annotate_bodies
from opay_contract.judge.values import unix_time
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.recordings.bounds import excess_of
from opay_contract.redact.bodies import Bodies, BodyContext
from opay_contract.redact.detection import Detector
from opay_contract.redact.headers import HeaderFields
from opay_contract.redact.memory import Memory
from opay_contract.redact.pseudonyms import Pseudonyms
from opay_contract.redact.sensitivity import Sensitivity
from opay_contract.redact.signatures import Resigning
from opay_contract.redact.texts import STRICT, Texts
from opay_contract.redact.urls import Urls
from opay_contract.redact.values import Log, Values, is_time
from opay_contract.redact.vocabulary import METHODS


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """An exchange before and after."""

    old: Exchange
    new: Exchange


class Redactor:
    """Redacts with one key by one contract; `log` has what was replaced, as kind and place.

    `private_key` is the merchant's: with it a signature that does not verify stays one that does not.
    """

    def __init__(self, contract: Contract, key: bytes, private_key: str | None = None) -> None:
        self.contract = contract
        self.log = Log()
        sensitivity = Sensitivity(contract)
        detector = Detector(sensitivity.words, sensitivity.token_prefixes)
        self.memory = Memory(detector.known)
        self.values = Values(Texts(Pseudonyms(key), detector, self.memory), sensitivity)
        self.urls = Urls(contract, self.values)
        self.fields = HeaderFields(contract, self.values, self.urls)
        self._bodies = Bodies(self.values, self.log)
        self._started_at = time.time()
        scheme = contract.signature
        self._resigning = (
            Resigning(scheme=scheme, fields=self.fields, private_key=private_key)
            if scheme is not None
            else None
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return the exchange as it may be written to a file."""
        made = self.redact(exchange).new
        if clashes := self.memory.clashes():
            self.memory.begin(self.memory.forced | clashes)
            made = self.redact(made).new
        return made

    def bodies(self, exchange: Exchange) -> Redacted:
        """Return the exchange before, and after with nothing but its bodies redacted."""
        asked, answered = self._new_bodies(exchange)
        request = structs.replace(exchange.request, body=asked)
        response = structs.replace(exchange.response, body=answered)
        return Redacted(old=exchange, new=structs.replace(exchange, request=request, response=response))

    def redact(self, exchange: Exchange) -> Redacted:
        """Return the exchange before and after."""
        redacted = self.bodies(exchange)
        request, response = redacted.new.request, redacted.new.response
        new_request = structs.replace(
            request,
            method=None if request.method is None else self.method(request.method),
            url=None if request.url is None else self.url(request.url),
            headers=self._headers(redacted, "request", request.headers),
        )
        new_response = structs.replace(
            response, headers=self._headers(redacted, "response", response.headers)
        )
        moment = exchange.recorded_at
        return Redacted(
            old=exchange,
            new=structs.replace(
                exchange,
                request=new_request,
                response=new_response,
                recorded_at=None if moment is None else self.moment(moment),
            ),
        )

    def header(self, redacted: Redacted, side: str, name: str, value: str) -> str:
        """Return the new value of a header field of one side of an exchange."""
        lower = name.lower()
        old = redacted.old.request.body if side == "request" else redacted.old.response.body
        new = redacted.new.request.body if side == "request" else redacted.new.response.body
        if lower == "content-length" and old is not None and value == str(len(old)):
            return str(len(new or b""))
        resigning = self._resigning
        if resigning is not None and side == "request" and lower == resigning.scheme.header.lower():
            made = resigning.value(value, old, new)
        else:
            made = self.fields.value(name, value)
        return self.noted(made, value, f"{side}-header:{self.values.texts.say((name,))}", "header value")

    def method(self, method: str) -> str:
        """Return the method: itself where it is one, or made of known words."""
        made = method if method.upper() in METHODS else self.values.name(method, 0, is_shown=False)
        return self.noted(made, method, "method", "undocumented value")

    def url(self, url: str) -> str:
        """Return the URL without what is personal in it."""
        return self.noted(self.urls.redact(url), url, "url", "URL")

    def moment(self, moment: str) -> str:
        """Return a time as it is, and anything else as a pseudonym."""
        made = moment if is_time(moment) else self.values.texts.redact(moment, STRICT)
        return self.noted(made, moment, "recorded_at", "free text")

    def noted(self, made: str, old: str, place: str, kind: str) -> str:
        """Note a replacement, if it is one."""
        if made != old:
            self.log.add(kind, place)
        return made

    def _headers(self, redacted: Redacted, side: str, headers: Headers | None) -> Headers | None:
        if headers is None:
            return None
        return tuple(
            (self.fields.name(name), self.header(redacted, side, name, value)) for name, value in headers
        )

    def _new_bodies(self, exchange: Exchange) -> tuple[bytes | None, bytes]:
        recorded, asked, answered = 0.0, None, None
        if not excess_of(exchange):
            match = self.contract.match(exchange)
            asked, answered = annotate_bodies(self.contract, exchange, match)
            if match.route.operation is not None:
                recorded = unix_time(exchange.recorded_at, self._started_at)
        query = BodyContext(described=asked, recorded=recorded, prefix="request:")
        answer = BodyContext(described=answered, recorded=recorded, prefix="")
        body = exchange.request.body
        return (
            None if body is None else self._bodies.redact(body, query),
            self._bodies.redact(exchange.response.body, answer),
        )
