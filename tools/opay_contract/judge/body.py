"""Checks of both bodies against their schemas: what contradicts them, and what they do not know.

The errors of the schema library are put under our rules, in words that name no value.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from opay_contract.contract.contract import OTHER_TYPE
from opay_contract.contract.schemas import SchemaSet, nearest_of
from opay_contract.jsontext import NotJson, Tokens
from opay_contract.judge.body_plan import Described
from opay_contract.judge.describing import describe_value, fold_pointer
from opay_contract.judge.shapes import values_at
from opay_contract.judge.subject import Bodies, RawFinding, Subject
from opay_contract.judge.table import (
    CONSTRAINT_VIOLATED,
    ERROR_WITH_DATA,
    FIELD_MISSING,
    FIELD_NULL,
    FORMAT_MISMATCH,
    LENGTH_OUT_OF_RANGE,
    PATTERN_MISMATCH,
    REQUEST_FIELD_INVALID,
    REQUEST_FIELD_MISSING,
    REQUEST_FIELD_UNDOCUMENTED,
    RESPONSE_FIELD_UNDOCUMENTED,
    SUCCESS_WITHOUT_DATA,
    TYPE_MISMATCH,
    VALUE_OUT_OF_RANGE,
    VALUE_UNDOCUMENTED,
)
from opay_contract.model.finding import Outcome, Rule

_UNIONS = ("anyOf", "oneOf")


class Fault(NamedTuple):
    """A broken keyword: where it stands, at which place of the value, and of which schema of a union.

    `limit` is what the keyword says; of several types that a union has, all of them. `nearest` is empty where
    there is no union.
    """

    keyword: str
    limit: Any
    tokens: Tokens
    instance: Any
    uri: str | None
    nearest: str = ""

    def rule_and_words(self) -> tuple[Rule, str]:
        """Return the rule that it falls under, and what was expected."""
        rule, expected = rule_of(self.keyword, self.limit, self.instance)
        return rule, f"{expected}, by {self.nearest}" if self.nearest else expected


_About = tuple[Rule, Tokens, str]
_Said = tuple[str, str, str]

_KEYWORDS: dict[str, tuple[Rule, Callable[[Any], str]]] = {
    "type": (TYPE_MISMATCH, lambda limit: " or ".join([limit] if isinstance(limit, str) else limit)),
    "required": (FIELD_MISSING, lambda _: "a required member"),
    "oneOf": (CONSTRAINT_VIOLATED, lambda _: "one of the schemas of a `oneOf`, and several fit"),
    "enum": (VALUE_UNDOCUMENTED, lambda limit: f"one of {len(limit)} documented values"),
    "const": (VALUE_UNDOCUMENTED, lambda _: "the documented value"),
    "minimum": (VALUE_OUT_OF_RANGE, lambda limit: f"at least {limit}"),
    "maximum": (VALUE_OUT_OF_RANGE, lambda limit: f"at most {limit}"),
    "exclusiveMinimum": (VALUE_OUT_OF_RANGE, lambda limit: f"more than {limit}"),
    "exclusiveMaximum": (VALUE_OUT_OF_RANGE, lambda limit: f"less than {limit}"),
    "multipleOf": (VALUE_OUT_OF_RANGE, lambda limit: f"a multiple of {limit}"),
    "minLength": (LENGTH_OUT_OF_RANGE, lambda limit: f"at least {limit} characters"),
    "maxLength": (LENGTH_OUT_OF_RANGE, lambda limit: f"at most {limit} characters"),
    "minItems": (LENGTH_OUT_OF_RANGE, lambda limit: f"at least {limit} items"),
    "maxItems": (LENGTH_OUT_OF_RANGE, lambda limit: f"at most {limit} items"),
    "minProperties": (LENGTH_OUT_OF_RANGE, lambda limit: f"at least {limit} members"),
    "maxProperties": (LENGTH_OUT_OF_RANGE, lambda limit: f"at most {limit} members"),
    "pattern": (PATTERN_MISMATCH, lambda limit: f"text that matches {limit}"),
    "format": (FORMAT_MISMATCH, lambda limit: f"text of the format {limit}"),
}

RULES_OF_KEYWORDS = (
    FIELD_MISSING,
    FIELD_NULL,
    TYPE_MISMATCH,
    VALUE_OUT_OF_RANGE,
    LENGTH_OUT_OF_RANGE,
    PATTERN_MISMATCH,
    FORMAT_MISMATCH,
    VALUE_UNDOCUMENTED,
    CONSTRAINT_VIOLATED,
)
"""The rules that a broken keyword of a schema falls under."""


def check_response_body(subject: Subject) -> Iterable[RawFinding]:
    """Find where the answer contradicts its schema, and members that the schema does not know."""
    answer = subject.answer
    if answer is None:
        return ()
    if answer.plan.validator.is_valid(answer.value):
        return _undocumented(answer, RESPONSE_FIELD_UNDOCUMENTED)
    return _response_hits(subject, answer)


def _response_hits(subject: Subject, answer: Described) -> Iterator[RawFinding]:
    for (rule, tokens, value), (expected, actual, uri) in _contradictions(subject, answer):
        rule_of_place = _envelope_rule(subject, rule, tokens)
        yield RawFinding(rule_of_place, fold_pointer(tokens), expected, actual, uri, value)
    yield from _undocumented(answer, RESPONSE_FIELD_UNDOCUMENTED)


def check_request_body(subject: Subject) -> Iterable[RawFinding]:
    """Find what is wrong with a request that was not refused."""
    if subject.frame.is_refused:
        return ()
    query = subject.query
    if query is not None and query.plan.validator.is_valid(query.value):
        return _undocumented(query, REQUEST_FIELD_UNDOCUMENTED)
    return _request_hits(subject, query)


def _request_hits(subject: Subject, query: Described | None) -> Iterator[RawFinding]:
    if isinstance(subject.asked, NotJson) and subject.asked is not OTHER_TYPE:
        actual = f"{len(subject.exchange.request.body or b'')} bytes that are no JSON"
        yield RawFinding(REQUEST_FIELD_INVALID, "", "JSON", actual, subject.operation.request_schema)
    if query is None:
        return
    for (rule, tokens, _), (expected, actual, uri) in _contradictions(subject, query):
        request_rule = REQUEST_FIELD_MISSING if rule is FIELD_MISSING else REQUEST_FIELD_INVALID
        yield RawFinding(request_rule, fold_pointer(tokens), expected, actual, uri)
    yield from _undocumented(query, REQUEST_FIELD_UNDOCUMENTED)


def _contradictions(subject: Subject, body: Described) -> list[tuple[_About, _Said]]:
    """Return the errors of the schema library as rule, place and public value; expected, actual and address.

    A text of the wrong length breaks its pattern as well; that is said once. So is what several keywords, or
    several schemas of the same place, say under one rule.
    """
    found: dict[_About, _Said] = {}
    errors = body.plan.validator.iter_errors(body.value)
    for fault in iter_faults(errors, subject.alike.contract.schemas):
        about, said = _contradiction(fault, body)
        found.setdefault(about, said)
    wrong_length = {tokens for rule, tokens, _ in found if rule is LENGTH_OUT_OF_RANGE}
    return [
        (about, said)
        for about, said in found.items()
        if about[0] is not PATTERN_MISMATCH or about[1] not in wrong_length
    ]


def _contradiction(fault: Fault, body: Described) -> tuple[_About, _Said]:
    rule, expected = fault.rule_and_words()
    value = body.public_value(fault.tokens, fault.instance) if rule is VALUE_UNDOCUMENTED else ""
    actual = "none" if fault.keyword == "required" else value or describe_value(fault.instance)
    return (rule, fault.tokens, value), (expected, actual, fault.uri or body.plan.schema)


def _envelope_rule(subject: Subject, rule: Rule, tokens: Tokens) -> Rule:
    """Data that are missing from a success, or there in an error, have rules of their own."""
    envelope = subject.operation.envelope
    if envelope is None or tokens != envelope.data:
        return rule
    if subject.frame.outcome is Outcome.SUCCESS and rule in (FIELD_MISSING, FIELD_NULL):
        return SUCCESS_WITHOUT_DATA
    return (
        ERROR_WITH_DATA if subject.frame.outcome is Outcome.BUSINESS_ERROR and rule is TYPE_MISMATCH else rule
    )


def _undocumented(body: Described, rule: Rule) -> list[RawFinding]:
    """Return the members that nobody described, of each object in the order in which they stand there."""
    return [
        RawFinding(
            rule, stated.pointer + fold_pointer((name,)), "no such member", describe_value(value), stated.uri
        )
        for stated, names in body.plan.undocumented
        for members in values_at(body.value, stated.path)
        if type(members) is dict
        for name, value in members.items()
        if name not in names
    ]


def bodies_fit(bodies: Bodies) -> bool:
    """Tell that all bodies fit their schema, which knows all of their members.

    What is wrong with a request that was refused is no finding.
    """
    plan = bodies.plan
    if plan is None or (bodies.is_request and bodies.frame.is_refused):
        return True
    if plan.fit is None:
        return False
    return all(validator.is_valid(bodies.table.at(path)) for path, validator in plan.fit)


def rule_of(keyword: str, limit: Any, instance: Any) -> tuple[Rule, str]:
    """Return the rule that a broken keyword falls under, and what the keyword expects, in words."""
    rule, describe = _KEYWORDS.get(keyword, (CONSTRAINT_VIOLATED, lambda _: f"what `{keyword}` allows"))
    if keyword == "type" and instance is None:
        rule = FIELD_NULL
    return rule, describe(limit)


def keyword_of(error: Any) -> str:
    """Return the keyword that an error of the schema library is about."""
    return str(error.schema_path[-1]) if error.schema_path else "false"


def tokens_of_error(error: Any, keyword: str) -> Tokens:
    """Return where an error is; a missing member is where it should be."""
    tokens = tuple(error.instance_path)
    return (*tokens, error.kind.property) if keyword == "required" else tokens


def iter_faults(errors: Any, schemas: SchemaSet) -> Iterator[Fault]:
    """Yield the faults behind the errors of the schema library.

    What fits none of several schemas has the faults that it has by the nearest of them. That is the one
    that it names itself, by the discriminator; else it is of its type, has its constants, and fewest faults.
    """
    for error in errors:
        yield from _faults(error, schemas, "")


def _faults(error: Any, schemas: SchemaSet, nearest: str) -> Iterator[Fault]:
    keyword, tokens = keyword_of(error), tuple(error.instance_path)
    uri = error.absolute_keyword_location
    branches = error.kind.context if keyword in _UNIONS else []
    if not any(branches):
        place = tokens_of_error(error, keyword)
        yield Fault(keyword, error.kind.value, place, error.instance, uri, nearest)
        return
    types = [_type_at(found, tokens) for found in branches]
    if all(types):
        yield Fault("type", _joined(types), tokens, error.instance, uri, nearest)
        return
    stated = schemas.find(uri) if uri else None
    names = [_name_of(one, at) for at, one in enumerate(stated)] if isinstance(stated, list) else []
    chosen = _named_branch(uri, names, error.instance, schemas)
    if chosen is None or chosen >= len(branches) or not branches[chosen]:
        chosen = nearest_of(branches, tokens)
    others = sum(not one for one in types)
    if len(branches) == len(names) and others > 1:
        nearest = f"'{names[chosen]}', the nearest of {len(branches)}"
    for inner in branches[chosen]:
        yield from _faults(inner, schemas, nearest)


def _type_at(errors: list[Any], tokens: Tokens) -> Any:
    """Return the types that a schema wants, where the value as a whole is of none of them."""
    for error in errors:
        if tuple(error.instance_path) == tokens and keyword_of(error) == "type":
            return error.kind.value
    return None


def _joined(types: list[Any]) -> list[str]:
    return list(dict.fromkeys(name for one in types for name in ([one] if isinstance(one, str) else one)))


def _named_branch(uri: str | None, names: list[str], value: Any, schemas: SchemaSet) -> int | None:
    """Return which schema the value names by the discriminator beside the union, if there is one."""
    holder = schemas.find(uri.rpartition("/")[0]) if uri else None
    stated = holder.get("discriminator") if isinstance(holder, dict) else None
    if not isinstance(stated, dict) or not isinstance(value, dict):
        return None
    said, mapping = value.get(str(stated.get("propertyName"))), stated.get("mapping")
    if not isinstance(said, str):
        return None
    target = mapping.get(said, said) if isinstance(mapping, dict) else said
    name = _last_step(str(target))
    return names.index(name) if name in names else None


def _name_of(schema: Any, at: int) -> str:
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        return _last_step(schema["$ref"])
    title = schema.get("title") if isinstance(schema, dict) else None
    return title if isinstance(title, str) else f"schema {at + 1}"


def _last_step(reference: str) -> str:
    return reference.rpartition("/")[2].rpartition("#")[2].removesuffix(".json") or reference
