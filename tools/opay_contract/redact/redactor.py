"""Redacts one exchange: the door for whoever records, and what the writers of every format ask."""

import time

from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.formats.bounds import excess_of
from opay_contract.formats.editing import Edited
from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import describe_name
from opay_contract.judge.subject import annotate_bodies
from opay_contract.judge.values import unix_time
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.redact.bodies import Bodies, BodyContext
from opay_contract.redact.cards import card_hits
from opay_contract.redact.detection import Detector
from opay_contract.redact.headers import HeaderFields
from opay_contract.redact.memory import Memory
from opay_contract.redact.pseudonyms import Pseudonyms
from opay_contract.redact.sensitivity import Sensitivity, Statement
from opay_contract.redact.signatures import Resigning
from opay_contract.redact.texts import FREE_TEXT, NAME, STRICT, Texts
from opay_contract.redact.urls import Urls
from opay_contract.redact.values import Log, Values, is_moment, is_time
from opay_contract.redact.vocabulary import METHODS, RECORDER_NAMES


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

    def bodies(self, exchange: Exchange) -> Edited:
        """Return the exchange before, and after with nothing but its bodies edited."""
        asked, answered = self._new_bodies(exchange)
        request = structs.replace(exchange.request, body=asked)
        response = structs.replace(exchange.response, body=answered)
        return Edited(old=exchange, new=structs.replace(exchange, request=request, response=response))

    def redact(self, exchange: Exchange) -> Edited:
        """Return the exchange before and after."""
        edited = self.bodies(exchange)
        request, response = edited.new.request, edited.new.response
        new_request = structs.replace(
            request,
            method=None if request.method is None else self.method(request.method),
            url=None if request.url is None else self.url(request.url),
            headers=self._headers(edited, "request", request.headers),
        )
        new_response = structs.replace(response, headers=self._headers(edited, "response", response.headers))
        moment = exchange.recorded_at
        return Edited(
            old=exchange,
            new=structs.replace(
                exchange,
                request=new_request,
                response=new_response,
                recorded_at=None if moment is None else self.moment(moment),
            ),
        )

    def header(self, edited: Edited, side: str, name: str, value: str) -> str:
        """Return the new value of a header field of one side of an exchange."""
        lower = name.lower()
        old = edited.old.request.body if side == "request" else edited.old.response.body
        new = edited.new.request.body if side == "request" else edited.new.response.body
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

    def field_name(self, name: str) -> str:
        """Return the new name of a header field."""
        return self.fields.name(name)

    def field_value(self, name: str, value: str) -> str:
        """Return the new value of a header field that belongs to no exchange."""
        return self.fields.value(name, value)

    def link(self, url: str) -> str:
        """Return what takes the place of any URL, or of the path and query of one."""
        return self.urls.redact(url)

    def host(self, host: str) -> str:
        """Return what takes the place of a host."""
        return self.urls.host(host)

    def segment(self, segment: str) -> str:
        """Return what takes the place of a part of a path."""
        return self.urls.segment(segment)

    def parameter(self, name: str, value: str) -> str:
        """Return what takes the place of the value of a parameter."""
        return self.urls.value(name, value)

    def name(self, name: str, salt: int = 0, *, is_shown: bool = True) -> str:
        """Return what takes the place of a member's name; another `salt` asks for another one."""
        return self.values.name(name, salt, is_shown=is_shown)

    def number(self, token: str, least: int) -> str:
        """Return a number that is below `least` or a time as it is, and a pseudonym for any other."""
        value = float(token)
        if abs(value) < least or is_moment(value):
            return token
        return self.values.number(token, Statement(None), 0.0)

    def member(self, name: str, value: str) -> str:
        """Return a time as it is, and of any other text the known words where a recorder writes them."""
        if is_time(value):
            return value
        return self.values.texts.redact(value, FREE_TEXT if name in RECORDER_NAMES else STRICT)

    def text(self, text: str) -> str:
        """Return the pseudonym of a text."""
        return self.values.texts.redact(text, STRICT)

    def words(self, text: str) -> str:
        """Return a text with its known words."""
        return self.values.texts.redact(text, FREE_TEXT)

    def exact(self, text: str) -> str:
        """Return the pseudonym of a text, in its very length."""
        return self.values.texts.redact(text, NAME)

    def knows(self, name: str) -> bool:
        """Tell whether the contract says how sensitive what has this name is."""
        return name in self.values.sensitivity.by_name

    def is_plain(self, name: str) -> bool:
        """Tell whether a name is one that may be shown."""
        return describe_name(name) == name

    def cards(self, text: str) -> list[int]:
        """Return how long the card numbers in a text are."""
        return card_hits(text)

    def say(self, tokens: Tokens) -> str:
        """Return a place in words that show nothing."""
        return self.values.texts.say(tokens)

    def note(self, kind: str, place: str) -> None:
        """Note that something was replaced."""
        self.log.add(kind, place)

    @property
    def notes(self) -> int:
        """How much was replaced so far."""
        return len(self.log.replaced)

    def noted(self, made: str, old: str, place: str, kind: str) -> str:
        """Note a replacement, if it is one."""
        if made != old:
            self.log.add(kind, place)
        return made

    def _headers(self, edited: Edited, side: str, headers: Headers | None) -> Headers | None:
        if headers is None:
            return None
        return tuple(
            (self.fields.name(name), self.header(edited, side, name, value)) for name, value in headers
        )

    def _new_bodies(self, exchange: Exchange) -> tuple[bytes | None, bytes]:
        recorded, asked, answered = 0.0, None, None
        if not excess_of(exchange):
            match = self.contract.match(exchange)
            asked, answered = annotate_bodies(self.contract, match, exchange.response.status)
            if match.route.operation is not None:
                recorded = unix_time(exchange.recorded_at, self._started_at)
        query = BodyContext(described=asked, recorded=recorded, prefix="request:")
        answer = BodyContext(described=answered, recorded=recorded, prefix="")
        body = exchange.request.body
        return (
            None if body is None else self._bodies.redact(body, query),
            self._bodies.redact(exchange.response.body, answer),
        )
