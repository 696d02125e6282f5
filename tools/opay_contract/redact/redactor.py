"""Redacts one exchange, and says what becomes of each value of a recording: the policy of all formats."""

import re
import time
from functools import partial
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from opay_contract.contract.contract import Contract, Match, Outside
from opay_contract.contract.fields import answer_shape, is_answer
from opay_contract.formats.bounds import excess, excess_of, stand_in
from opay_contract.formats.editing import Edited, Policy
from opay_contract.formats.json_text import read_text, rewrite_json
from opay_contract.jsontext import NotJson, Parsed, Tokens, last_name, parse_json
from opay_contract.judge.body_plan import Decided, decided_of, schemas_of
from opay_contract.judge.describing import describe_name
from opay_contract.judge.exposure import without_values
from opay_contract.judge.routes import prefix_of
from opay_contract.judge.shapes import fold
from opay_contract.judge.values import unix_time
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.redact.headers import WEB, HeaderFields, Resigning, Urls
from opay_contract.redact.pseudonyms import Pseudonyms, card_hits, stand_in_number
from opay_contract.redact.texts import FREE_TEXT, NAME, STRICT, Detector, Manner, Memory, Texts
from opay_contract.redact.values import (
    NOTHING_SAID,
    PUBLIC,
    Log,
    Sensitivity,
    Statement,
    Values,
    is_moment,
    is_time,
)
from opay_contract.redact.vocabulary import METHODS, RECORDER_NAMES

_JSON_BEGINS = ("{", "[", '"')
_BYTE_ORDER_MARK = "\ufeff"
_HALF = re.compile("[\ud800-\udfff]")


class BodyContext(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a body: what the contract says about its places, and when it was recorded."""

    schema: str | None
    recorded: float
    prefix: str
    unsearched: frozenset[str] = frozenset()
    decided: Decided = ()


class BodyRedactor:
    """Rewrites bodies, and notes in a log what was replaced in them."""

    def __init__(self, values: Values, log: Log) -> None:
        self._values = values
        self._log = log

    def redact(self, body: bytes, context: BodyContext) -> bytes:
        """Return the body with everything sensitive replaced."""
        too_much = excess(body)
        if too_much is not None:
            made = stand_in(too_much)
            if made != body:
                self._log.add("body of too many values", context.prefix)
            return made
        text, errors = _decoded(body)
        parsed = parse_json(body)
        mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
        rest = text.removeprefix(mark)
        if isinstance(parsed, NotJson) and not rest.lstrip().startswith(_JSON_BEGINS):
            new = self._values.texts.redact(rest, FREE_TEXT)
            if new != rest:
                self._log.add(self._values.texts.found_in(rest, FREE_TEXT), context.prefix)
        else:
            new = rewrite_json(rest, _BodyVisitor(self._values, self._log, context, parsed))
        made = (mark + new).encode(errors=errors)
        if isinstance(parsed, NotJson):
            return self._keep_broken(body, parsed, made, context.unsearched)
        return made

    def _keep_broken(self, old: bytes, fault: NotJson, new: bytes, unsearched: frozenset[str]) -> bytes:
        """Return a body that is no JSON for the same reason, with as many card numbers in it."""
        hits = _hits_of_broken(old, unsearched)
        made = parse_json(new)
        is_same = isinstance(made, NotJson) and (made.truncated, made.too_deep) == (
            fault.truncated,
            fault.too_deep,
        )
        if is_same and _hits_of_broken(new, unsearched) == hits:
            return new
        numbers = " x ".join(stand_in_number(self._values.texts.pseudonyms, "0" * length) for length in hits)
        if fault.too_deep:
            return b"[" * 200_000
        return f'{{"x{numbers}'.encode() if fault.truncated else f"{{x {numbers} x}}".encode()


def _hits_of_broken(broken: bytes, unsearched: frozenset[str]) -> list[int]:
    """Return the card numbers that a check finds in a body that is no JSON."""
    return card_hits(without_values(unsearched, broken.decode(errors="replace")))


def _decoded(body: bytes) -> tuple[str, str]:
    """Return the text of a body, and how it is written as bytes again.

    Half of a surrogate pair, as a reader of JSON text gives it, is text; any other byte that is no UTF-8
    becomes the same one.
    """
    try:
        return _HALF.sub("\udcff", body.decode(errors="surrogatepass")), "surrogatepass"
    except UnicodeDecodeError:
        return read_text(body), "surrogateescape"


class _BodyVisitor:
    """What becomes of each value of a body."""

    def __init__(self, values: Values, log: Log, context: BodyContext, parsed: Parsed | NotJson) -> None:
        self._values, self._log, self._context = values, log, context
        self._broken = isinstance(parsed, NotJson)
        self._searched = isinstance(parsed, NotJson) or bool(parsed.shadowed)
        self._statements: dict[Tokens, Statement] = {}
        if isinstance(parsed, Parsed) and context.schema is not None:
            sensitivity = values.sensitivity
            self._statements = sensitivity.statements(context.schema, parsed.value, context.decided)

    def _stated(self, tokens: Tokens) -> Statement | None:
        """Return what is said about a place, under itself or with indexes folded."""
        return self._statements.get(tokens) or self._statements.get(fold(tokens))

    def _statement(self, tokens: Tokens) -> Statement:
        found = self._stated(tokens) or self._values.sensitivity.of_name(last_name(tokens) or "")
        return NOTHING_SAID if self._broken and found.sensitivity == PUBLIC else found

    def text(self, tokens: Tokens, value: str) -> str:
        if self._broken and value in self._values.sensitivity.known_texts:
            return value
        statement = self._statement(tokens)
        new = self._values.text(value, statement, self._context.recorded, searched=self._searched)
        if new != value:
            self._note(statement, tokens)
        return new

    def number(self, tokens: Tokens, token: str) -> str:
        statement = self._statement(tokens)
        new = self._values.number(token, statement, self._context.recorded)
        if new != token:
            self._note(statement, tokens)
        return new

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        if self._stated(tokens):
            return name
        return self._values.name(name, salt, is_shown=self._stated(tokens[:-1]) is not None)

    def renamed(self, tokens: Tokens) -> None:
        self._log.add("member name", self._place(tokens))

    def subtree(self, tokens: Tokens, token: str) -> str | None:  # noqa: ARG002  nothing in a body goes whole
        return None

    def _note(self, statement: Statement, tokens: Tokens) -> None:
        kind = f"{statement.sensitivity} data" if statement.sensitivity else "undocumented value"
        self._log.add(kind, self._place(tokens))

    def _place(self, tokens: Tokens) -> str:
        return self._context.prefix + "".join(f"/{self._values.texts.say((token,))}" for token in tokens)


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
        self.answers = answer_shape(contract)
        self.policy = self._policy()
        self._bodies = BodyRedactor(self.values, self.log)
        self._started_at = time.time()
        scheme = contract.signature
        self._resigning = (
            Resigning(scheme=scheme, fields=self.fields, private_key=private_key)
            if scheme is not None
            else None
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return the exchange as it may be written to a file."""
        made = self._redacted(exchange)
        if clashes := self.memory.clashes():
            self.memory.begin(self.memory.forced | clashes)
            made = self._redacted(made)
        return made

    def bodies(self, exchange: Exchange) -> Edited:
        """Return the exchange before, and after with nothing but its bodies edited."""
        asked, answered = self._new_bodies(exchange)
        request = structs.replace(exchange.request, body=asked)
        response = structs.replace(exchange.response, body=answered)
        return Edited(old=exchange, new=structs.replace(exchange, request=request, response=response))

    def _redacted(self, exchange: Exchange) -> Exchange:
        policy, edited, moment = self.policy, self.bodies(exchange), exchange.recorded_at

        def headers(side: str, fields: Headers | None) -> Headers | None:
            return fields and tuple(
                (policy.field_name(name), policy.header(edited, side, name, value)) for name, value in fields
            )

        request, response = edited.new.request, edited.new.response
        return structs.replace(
            exchange,
            request=structs.replace(
                request,
                method=None if request.method is None else policy.method(request.method),
                url=None if request.url is None else policy.url(request.url),
                headers=headers("request", request.headers),
            ),
            response=structs.replace(response, headers=headers("response", response.headers)),
            recorded_at=None if moment is None else policy.moment(moment),
        )

    def _policy(self) -> Policy:
        texts = self.values.texts
        return Policy(
            bodies=self.bodies,
            header=self._header,
            url=lambda url: self.policy.noted(self.urls.redact(url), url, "url", "URL"),
            method=self._method,
            moment=self._moment,
            field_name=self.fields.name,
            field_value=self.fields.value,
            link=self.urls.redact,
            host=self.urls.host,
            segment=self.urls.segment,
            parameter=self.urls.value,
            number=self._number,
            member=self._member,
            text=texts.redact,
            words=partial(texts.redact, manner=FREE_TEXT),
            remark=partial(texts.redact, manner=Manner(keep_words=True, cards=False)),
            exact=partial(texts.redact, manner=NAME),
            knows=self.values.sensitivity.by_name.__contains__,
            is_plain=lambda name: describe_name(name) == name,
            is_answer=self._is_answer,
            is_in_scope=lambda request: self.contract.route(request).in_scope,
            cards=card_hits,
            say=texts.say,
            name=self.values.name,
            note=self.log.add,
            notes=lambda: len(self.log.replaced),
        )

    def _is_answer(self, exchange: Exchange) -> bool:
        return is_answer(self.answers, exchange, self.contract.route(exchange.request).operation)

    def _header(self, edited: Edited, side: str, name: str, value: str) -> str:
        lower, old, new = name.lower(), edited.old.request.body, edited.new.request.body
        if side == "response":
            old, new = edited.old.response.body, edited.new.response.body
        if lower == "content-length" and old is not None and value == str(len(old)):
            return str(len(new or b""))
        resigning = self._resigning
        if resigning is not None and side == "request" and lower == resigning.scheme.header.lower():
            made = resigning.value(value, old, new)
        else:
            made = self.fields.value(name, value)
        return self.policy.noted(
            made, value, f"{side}-header:{self.values.texts.say((name,))}", "header value"
        )

    def _method(self, method: str) -> str:
        """Return the method: itself where it is one, or made of known words."""
        made = method if method.upper() in METHODS else self.values.name(method, 0, is_shown=False)
        return self.policy.noted(made, method, "method", "undocumented value")

    def _moment(self, moment: str) -> str:
        """Return a time as it is, and anything else as a pseudonym."""
        made = moment if is_time(moment) else self.values.texts.redact(moment)
        return self.policy.noted(made, moment, "recorded_at", "free text")

    def _number(self, token: str, least: int) -> str:
        """Return a number that is below `least` or a time as it is, and a pseudonym for any other."""
        value = float(token)
        if abs(value) < least or is_moment(value):
            return token
        return self.values.number(token, NOTHING_SAID, 0.0)

    def _member(self, name: str, value: str) -> str:
        """Return a time as it is, and of any other text the known words where a recorder writes them."""
        if is_time(value):
            return value
        return self.values.texts.redact(value, FREE_TEXT if name in RECORDER_NAMES else STRICT)

    def _match(self, exchange: Exchange) -> Match:
        """Find the operation of an exchange, also of one with a gateway that may answer by the contract."""
        match = self.contract.match(exchange)
        url = exchange.request.url
        if match.route.outside not in (Outside.HOST, Outside.PATH) or url is None:
            return match
        try:
            scheme, _, path, *_ = urlsplit(url)
        except ValueError:
            return match
        before = prefix_of(path, self.contract) if scheme in WEB else None
        if before is None:
            return match
        request = structs.replace(exchange.request, url=path.removeprefix(before))
        return self.contract.match(structs.replace(exchange, request=request))

    def _new_bodies(self, exchange: Exchange) -> tuple[bytes | None, bytes]:
        recorded, unsearched = 0.0, frozenset[str]()
        schemas: tuple[str | None, str | None] = (None, None)
        decided: Decided = ()
        if not excess_of(exchange):
            match = self._match(exchange)
            operation = match.route.operation
            unsearched = self.contract.names_not_searched(operation)
            if operation is not None:
                recorded = unix_time(exchange.recorded_at, self._started_at)
                schemas = schemas_of(operation, exchange, match)
                decided = decided_of(operation, match.response_body)
        query = BodyContext(schema=schemas[0], recorded=recorded, prefix="request:", unsearched=unsearched)
        answer = BodyContext(
            schema=schemas[1], recorded=recorded, prefix="", decided=decided, unsearched=unsearched
        )
        body = exchange.request.body
        return (
            None if body is None else self._bodies.redact(body, query),
            self._bodies.redact(exchange.response.body, answer),
        )
