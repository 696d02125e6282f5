"""Replaces one value, by what the contract says about its place or else about its property's name."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

import jsonschema_rs
import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.addresses import iter_mappings
from opay_contract.contract.contract import Contract
from opay_contract.contract.parameters import COOKIE, HEADER, Parameter
from opay_contract.jsontext import SAFE_INTEGER, NotJson, Parsed, Tokens, parse_json
from opay_contract.judge.annotations import annotate
from opay_contract.judge.body_plan import MAX_PLANS, UNITS, Decided, holds_for_shape
from opay_contract.judge.describing import describe_name
from opay_contract.judge.shapes import Shapes, fold
from opay_contract.judge.values import is_month, time_fault
from opay_contract.redact.pseudonyms import (
    FIRST_SIX,
    LAST_FOUR,
    ORDINARY_MARK,
    SHORT,
    SMALL_MARK,
    card_hits,
    is_digit_pseudonym,
    is_test_number,
    stand_in_number,
)
from opay_contract.redact.texts import ATTEMPTS, FREE_TEXT, NAME, STRICT, Manner, Texts

CUSTOMER, CARD, PUBLIC, IDENTIFIER = "customer", "card", "public", "identifier"

_TOKEN_PREFIX = re.compile(r"([A-Za-z][A-Za-z_]*_)[0-9A-Fa-f]{16,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LETTERS = re.compile(r"[A-Za-z]+")


class Statement(msgspec.Struct, frozen=True, eq=False):
    """What the contract says about one place: its class, if any, and every schema that describes it."""

    sensitivity: str | None
    schemas: tuple[jsonschema_rs.Draft202012Validator, ...] = ()
    units: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()


NOTHING_SAID = Statement(None)


class Sensitivity:
    """The contract's table of classes, and the words that are its own and nobody's data."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._documents = [document.value for document in contract.schemas.documents.values()]
        stated = [one for operation in contract.operations for one in operation.parameters]
        answered = [
            one
            for operation in contract.operations
            for response in operation.responses.values()
            for one in response.headers
        ]
        keys = [one for operation in contract.operations for way in operation.credentials for one in way]
        # documented headers of requests and answers, in lower case; cookies that hold keys are None
        self.headers = {
            one.name.lower(): one for one in (*answered, *stated) if one.place == HEADER and one.schema
        }
        self.cookies: dict[str, Parameter | None] = {one.name: None for one in keys if one.place == COOKIE}
        self.cookies |= {one.name: one for one in stated if one.place == COOKIE and one.schema}
        self._shapes = Shapes()
        self._statements: dict[tuple[Any, ...], dict[Tokens, Statement]] = {}
        self._of_schemas: dict[str, Statement] = {}
        self._of_class = {name: Statement(name) for name in contract.sensitivity_by_name.values()}
        self.identifier = Statement(IDENTIFIER)
        self.by_name = contract.sensitivity_by_name
        self.known_texts = frozenset(_iter_known_texts(contract))
        names = [str(at.tokens[-1]) for at, _ in contract.schemas.iter_properties()]
        headers = [header.name for operation in contract.operations for header in operation.required_headers]
        choices = {one for parameter in stated for one in self._choices_of(parameter)}
        texts = [*names, *headers, *self.known_texts, *choices]
        self.words = frozenset(word.lower() for text in texts for word in _LETTERS.findall(text))
        examples = [text for document in self._documents for text in _iter_texts(document)]
        found = {match[1] for text in examples if (match := _TOKEN_PREFIX.fullmatch(text))}
        self.token_prefixes = tuple(sorted(found))

    def statements(self, schema: str, value: Any, decided: Decided) -> dict[Tokens, Statement]:
        """Return what is said about each place of a body; where its shape decides it, indexes are folded.

        `decided` has the values at places that decide as well.
        """
        shape = self._shapes.of(value)
        key = (schema, shape, *[text for _, text in decided])
        known = self._statements.get(key)
        if known is not None:
            return known
        notes = annotate(self.contract, schema, value)
        is_general = holds_for_shape(notes, shape, decided)
        places: dict[Tokens, list[tuple[str, dict[str, Any]]]] = {}
        for tokens, _, uri, node in notes.nodes():
            places.setdefault(fold(tokens) if is_general else tokens, []).append((uri, node))
        found = {tokens: self._statement(stated) for tokens, stated in places.items()}
        if is_general and shape.is_known and len(self._statements) < MAX_PLANS:
            self._statements[key] = found
        return found

    def _choices_of(self, parameter: Parameter) -> list[str]:
        """Return the texts that a parameter may be one of, which are the contract's own words."""
        leaf = self.contract.parameters.leaf(parameter, parameter.name)
        nodes = [node for _, node in self.contract.schemas.iter_in_place(leaf)] if leaf else []
        return [one for node in nodes for one in node.get("enum") or () if isinstance(one, str)]

    def of_schema(self, uri: str | None, name: str) -> Statement:
        """Return what is said about the values of a schema, that of a parameter of a name."""
        if uri is None:
            return self.of_name(name)
        known = self._of_schemas.get(uri)
        if known is None:
            found = self._statement(list(self.contract.schemas.iter_in_place(uri)))
            known = replace(found, schemas=(self.contract.schemas.validator(uri),))
            self._of_schemas[uri] = known
        return known

    def of_name(self, name: str) -> Statement:
        """Return what can be said about a member by its name."""
        return self._of_class.get(self.by_name.get(name, ""), NOTHING_SAID)

    def _statement(self, found: list[tuple[str, dict[str, Any]]]) -> Statement:
        classes = [node["x-sensitivity"] for _, node in found if "x-sensitivity" in node]
        uris = dict.fromkeys(uri for uri, _ in found)
        return Statement(
            sensitivity=classes[0] if classes else None,
            schemas=tuple(map(self.contract.schemas.validator, uris)),
            units=frozenset(str(node["x-unit"]) for _, node in found if "x-unit" in node),
            choices=tuple(
                one
                for _, node in found
                for one in (*node.get("enum", ()), *([node["const"]] if "const" in node else ()))
            ),
        )


def verdict(statement: Statement, recorded: float) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function from a value to everything that a check would see of it at this place."""

    def judge(value: Any) -> tuple[Any, ...]:
        value = _SURROGATE.sub("\ufffd", value) if isinstance(value, str) and not value.isascii() else value
        keywords = [
            [] if each.is_valid(value) else sorted(str(one.schema_path) for one in each.iter_errors(value))
            for each in statement.schemas
        ]
        month = is_month(value) if "month" in statement.units else None
        units = [factor for unit, factor in UNITS.items() if unit in statement.units]
        faults = [fault and fault.id for fault in (time_fault(value, recorded, one) for one in units)]
        return (keywords, month, faults)

    return judge


def _iter_known_texts(contract: Contract) -> Iterator[str]:
    for operation in contract.operations:
        envelope = operation.envelope
        if envelope is not None:
            yield from envelope.success
            for code in envelope.codes.values():
                yield code.code
                yield from code.messages


def _iter_texts(document: Any) -> Iterator[str]:
    for node in iter_mappings(document):
        for value in node.values():
            yield from (
                text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
            )


_WORDS = ("true", "false", "null")
_IDENTIFIER = Manner(lengthen=True)
_UNSEARCHED = Manner(cards=False, lengthen=True)
_MONTHS = ("12", "1")
_CODE = re.compile(r"[0-9]{1,6}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NUMBER = re.compile(r"(-?)([0-9]+)(\.[0-9]+)?(?:([eE][+-]?)([0-9]+))?")
_SAFE_DIGITS, _KEPT_DIGITS = 16, 15
"""How long the longest safe integers are; so many digits of a number with a fraction every reader keeps."""

_LONGEST = 10**19
_BITS = ("0", "1")
_SECONDS = range(1_420_070_400, 2_000_000_000)
"""Counts of seconds that are taken for times and stay: 2015 to 2033; below and above are phone numbers."""

_TIMES = tuple((_SECONDS[0] * factor, _SECONDS[-1] * factor) for factor in (1, 1000, 1_000_000))


def is_time(text: str) -> bool:
    """Return whether a text says a moment: RFC 3339, or a count since 1970 of (milli-, micro-) seconds."""
    if _MOMENT.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
        return True
    is_count = text.isascii() and text.isdigit() and len(text) <= 16  # noqa: PLR2004  microseconds
    return is_count and any(low <= int(text) <= high for low, high in _TIMES)


class Log(msgspec.Struct):
    """What was replaced: the kind of data and the place; never the data."""

    replaced: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, place: str) -> None:
        """Note one replacement."""
        self.replaced.append((kind, place))


class Values(msgspec.Struct, frozen=True):
    """Replaces values of bodies; `recorded` is when the exchange was, as a check takes it."""

    texts: Texts
    sensitivity: Sensitivity

    def text(self, value: str, statement: Statement, recorded: float, *, searched: bool = True) -> str:
        """Return what takes the place of a text."""
        if self._may_stay(value, statement):
            return value
        at = recorded if not statement.units.isdisjoint(UNITS) else 0.0
        return self.texts.memory.once(
            value, (statement, at, searched), lambda: self._text(value, statement, at, searched=searched)
        )

    def _text(self, value: str, statement: Statement, recorded: float, *, searched: bool) -> str:
        if not self.texts.is_clean(value, STRICT):
            self.texts.memory.replace(value, with_words=statement.sensitivity == CUSTOMER)
        judge = verdict(statement, recorded)
        wanted = judge(value)
        if statement.sensitivity == CARD and value.isascii() and value.isdigit():
            return self._card_text(value, statement, lambda one: judge(one) == wanted)
        manner = self._manner(statement, searched=searched)
        return self.texts.redact(value, manner, lambda one: judge(one) == wanted)

    def number(self, token: str, statement: Statement, recorded: float) -> str:
        """Return what takes the place of a number, as JSON has it."""
        match = _NUMBER.fullmatch(token)
        if match is None or _is_clean_number(match):
            self.texts.memory.own(token, token)
            return token
        if self._number_may_stay(token, match, statement):
            return token
        judge = verdict(statement, recorded)
        value = _value_of(token)
        wanted, hits, is_odd = judge(value), _number_hits(value), _is_odd(token)
        doubled = ""
        for made in self._numbers(match, value, statement, is_card=bool(hits)):
            if (
                _number_hits(_value_of(made)) == hits
                and judge(_value_of(made)) == wanted
                and _is_odd(made) == is_odd
            ):
                if self.texts.memory.own(made, token):
                    return made
                doubled = doubled or made
        if doubled:
            return self.texts.memory.share(doubled)
        if "month" in statement.units and judge(12) == wanted:
            return "12"
        return self._make_number(match, value, bool(hits), 0)

    def _numbers(
        self, match: re.Match[str], value: Any, statement: Statement, *, is_card: bool
    ) -> Iterator[str]:
        """Yield what may take the place of a number; what is smaller where a schema has a bound."""
        yield from (self._make_number(match, value, is_card, salt) for salt in range(ATTEMPTS))
        sign, whole, fraction, *_ = (str(part or "") for part in match.groups())
        if isinstance(value, int) and not is_card:
            digits = self.texts.pseudonyms.digits
            yield from (sign + digits(whole, salt=salt, mark=SMALL_MARK) for salt in range(ATTEMPTS))
        elif _is_short_and_masked(statement, whole, "9") and fraction:
            yield f"{sign}{whole}.{'9' * (len(fraction) - 1)}"

    def parameter(self, parameter: Parameter, name: str, raw: str) -> str:
        """Return what takes the place of a parameter's value, as it stands in a URL, a header or a cookie.

        Each item keeps what its schema says of it, and so does the whole, as far as that can be.
        """
        reader = self.sensitivity.contract.parameters
        schema = reader.leaf(parameter, name)
        statement = self.sensitivity.of_schema(schema, parameter.name)
        made = "".join(
            part if at % 2 else self._leaf(part, schema, statement)
            for at, part in enumerate(reader.parts(parameter, raw))
        )
        wanted = reader.verdict(parameter, ((name, raw),))
        if reader.verdict(parameter, ((name, made),)) == wanted:
            return made
        return self.texts.redact(raw, NAME, lambda one: reader.verdict(parameter, ((name, one),)) == wanted)

    def _leaf(self, raw: str, schema: str | None, statement: Statement) -> str:
        text = unquote(raw)
        if not text or text in _WORDS or text in map(str, statement.choices):
            return raw
        is_number = schema is not None and self.sensitivity.contract.parameters.is_typed(
            schema, "integer", "number"
        )
        made = self.number(text, statement, 0.0) if is_number and _NUMBER.fullmatch(text) else ""
        made = made or self.text(text, statement, 0.0)
        return quote(made, safe="") if raw != text else made

    def name(self, name: str, salt: int = 0, *, is_shown: bool = True) -> str:
        """Return a name: itself where it is made of known words, or looks like a name and may be shown.

        A name that a report may show stays, unless it is a value somewhere else; any other is replaced by one
        of the same shape.
        """
        if self.texts.detector.is_known(name) or self.texts.is_clean(name, NAME):
            return name
        if is_shown and describe_name(name) == name and self.texts.memory.keep(name):
            return name
        shape, hits = _shape_of(name), card_hits(name)
        for more in range(salt * ATTEMPTS, (salt + 1) * ATTEMPTS):
            made = self.texts.variant(name, NAME, more)
            is_alike = _shape_of(made) == shape and card_hits(made) == hits
            if is_alike and self.texts.is_clean(made, NAME):
                return made
        made = self.texts.redact(name, NAME)
        looks_like_name = describe_name(made) == made and shape != _shape_of(made)
        return f"9{made[1:]}" if looks_like_name else made

    def _may_stay(self, value: str, statement: Statement) -> bool:
        if not value or value in statement.choices:
            return True
        if statement.sensitivity == PUBLIC:
            return value in self.sensitivity.known_texts or is_time(value) or bool(_CODE.fullmatch(value))
        return "month" in statement.units and value in _MONTHS

    def _manner(self, statement: Statement, *, searched: bool) -> Manner:
        if statement.sensitivity == PUBLIC:
            return FREE_TEXT
        if statement.sensitivity == IDENTIFIER:
            return _IDENTIFIER if searched or not statement.schemas else _UNSEARCHED
        return STRICT

    def _card_text(self, value: str, statement: Statement, accept: Callable[[str], bool]) -> str:
        choices = {4: LAST_FOUR, 6: FIRST_SIX}.get(len(value), ())
        if value in choices:
            return value
        picked = [self.texts.pseudonyms.pick(choices, value)] if choices else []
        months = _MONTHS if "month" in statement.units else ()
        candidates: list[str] = [*picked, "9" * len(value), *months]
        for candidate in candidates if len(value) in (*range(1, SHORT + 1), *map(len, choices)) else ():
            is_safe = candidate in (*LAST_FOUR, *FIRST_SIX, *_MONTHS) or self.texts.is_clean(candidate)
            if is_safe and accept(candidate):
                return candidate
        return self.texts.redact(value, STRICT, accept)

    def _number_may_stay(self, token: str, match: re.Match[str], statement: Statement) -> bool:
        value = _value_of(token)
        if statement.sensitivity == PUBLIC:
            return is_moment(value) or (abs(value) < 10**SHORT and len(match[3] or "") <= SHORT)
        if any(value == one and type(value) is type(one) for one in statement.choices):
            return True
        if statement.sensitivity is None and statement.schemas:
            is_short = len(token) <= SHORT + 2 and not match[5]
            return is_short or _is_short_and_masked(statement, match[2], (match[3] or "")[1:])
        return "month" in statement.units and token in _MONTHS

    def _make_number(self, match: re.Match[str], value: Any, is_card: bool, salt: int) -> str:  # noqa: FBT001
        sign, digits, fraction, exponent, power = (str(part or "") for part in match.groups())
        pseudonyms = self.texts.pseudonyms
        if is_card:
            number = stand_in_number(pseudonyms, str(abs(int(value))), salt)
            return f"{sign}{number}{'.0' if isinstance(value, float) else ''}"
        if isinstance(value, int):
            is_safe = abs(value) <= SAFE_INTEGER
            mark = SMALL_MARK if is_safe and len(digits) == _SAFE_DIGITS else ORDINARY_MARK
            return sign + pseudonyms.digits(digits, salt=salt, mark=mark)
        if abs(value) >= _LONGEST:
            whole = "1" + "0" * (len(digits) - 1) if exponent else pseudonyms.digits(digits, salt=salt)
            return sign + whole + (exponent + power[-3:] if exponent else ".0" if fraction else "")
        whole = str(int(abs(value)))
        mark = SMALL_MARK if len(whole) == _SAFE_DIGITS else ORDINARY_MARK
        made = whole if whole in _BITS else pseudonyms.digits(whole, salt=salt, mark=mark)
        nines = max(1, min(len(fraction) - 1, _KEPT_DIGITS - len(made)))
        return f"{sign}{made}.{'0' if value == int(value) else '9' * nines}"


def _is_short_and_masked(statement: Statement, whole: str, fraction: str) -> bool:
    """Tell whether a number, which a schema describes and nothing calls sensitive, says little."""
    is_plain = statement.sensitivity is None and bool(statement.schemas)
    return is_plain and len(whole) <= SHORT and set(fraction) == {"9"}


def _shape_of(name: str) -> str:
    described = describe_name(name)
    return "name" if described == name else described


def is_moment(value: float) -> bool:
    """Return whether a number counts from 1970 to a moment, however it is written: 1637822753.5, 1.6e9."""
    return any(low <= value <= high for low, high in _TIMES)


def _is_clean_number(match: re.Match[str]) -> bool:
    _, digits, fraction, _, power = match.groups()
    is_whole_clean = (
        digits in _BITS
        or (power and not digits.strip("0").strip("1"))
        or is_digit_pseudonym(digits)
        or is_test_number(digits)
    )
    is_fraction_clean = not fraction or set(fraction[1:]) in ({"9"}, {"0"})
    return bool(is_whole_clean) and is_fraction_clean and (not power or len(power) <= 3)  # noqa: PLR2004


def _is_odd(token: str) -> bool:
    """Return whether readers of JSON disagree on a number."""
    parsed = parse_json(token.encode())
    return isinstance(parsed, NotJson) or bool(parsed.flaws)


def _value_of(token: str) -> Any:
    parsed = parse_json(token.encode())
    return parsed.value if isinstance(parsed, Parsed) else 0


def _number_hits(value: Any) -> list[int]:
    """Return what a check finds in a number; it looks at whole ones of up to nineteen digits."""
    is_whole = abs(value) < _LONGEST and value == int(value)
    return card_hits(str(int(value))) if is_whole else []
