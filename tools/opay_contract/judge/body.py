"""Checks of both bodies against their schemas: what contradicts them, and what they do not know.

The errors of the schema library are put under our rules, in words that name no value.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opay_contract.contract.contract import OTHER_TYPE
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

_About = tuple[Rule, Tokens, str]
_Said = tuple[str, str, str]

_KEYWORDS: dict[str, tuple[Rule, Callable[[Any], str]]] = {
    "type": (TYPE_MISMATCH, lambda limit: " or ".join([limit] if isinstance(limit, str) else limit)),
    "required": (FIELD_MISSING, lambda _: "a required member"),
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
    if answer is None or (not answer.plan.undocumented and answer.plan.validator.is_valid(answer.value)):
        return ()
    return _response_hits(subject, answer)


def _response_hits(subject: Subject, answer: Described) -> Iterator[RawFinding]:
    for (rule, tokens, value), (expected, actual, uri) in _contradictions(answer):
        rule_of_place = _envelope_rule(subject, rule, tokens)
        yield RawFinding(rule_of_place, fold_pointer(tokens), expected, actual, uri, value)
    yield from _undocumented(answer, RESPONSE_FIELD_UNDOCUMENTED)


def check_request_body(subject: Subject) -> Iterable[RawFinding]:
    """Find what is wrong with a request that was not refused."""
    if subject.frame.is_refused:
        return ()
    query = subject.query
    if query is not None and not query.plan.undocumented and query.plan.validator.is_valid(query.value):
        return ()
    return _request_hits(subject, query)


def _request_hits(subject: Subject, query: Described | None) -> Iterator[RawFinding]:
    if isinstance(subject.asked, NotJson) and subject.asked is not OTHER_TYPE:
        actual = f"{len(subject.exchange.request.body or b'')} bytes that are no JSON"
        yield RawFinding(REQUEST_FIELD_INVALID, "", "JSON", actual, subject.operation.request_schema)
    if query is None:
        return
    for (rule, tokens, _), (expected, actual, uri) in _contradictions(query):
        request_rule = REQUEST_FIELD_MISSING if rule is FIELD_MISSING else REQUEST_FIELD_INVALID
        yield RawFinding(request_rule, fold_pointer(tokens), expected, actual, uri)
    yield from _undocumented(query, REQUEST_FIELD_UNDOCUMENTED)


def _contradictions(body: Described) -> list[tuple[_About, _Said]]:
    """Return the errors of the schema library as rule, place and public value; expected, actual and address.

    A text of the wrong length breaks its pattern as well; that is said once. So is what several keywords, or
    several schemas of the same place, say under one rule.
    """
    found: dict[_About, _Said] = {}
    for about, said in (_contradiction(error, body) for error in body.plan.validator.iter_errors(body.value)):
        found.setdefault(about, said)
    wrong_length = {tokens for rule, tokens, _ in found if rule is LENGTH_OUT_OF_RANGE}
    return [
        (about, said)
        for about, said in found.items()
        if about[0] is not PATTERN_MISMATCH or about[1] not in wrong_length
    ]


def _contradiction(error: Any, body: Described) -> tuple[_About, _Said]:
    keyword = keyword_of(error)
    rule, expected = rule_of(keyword, error.kind.value, error.instance)
    tokens = tokens_of_error(error, keyword)
    value = body.public_value(tokens, error.instance) if rule is VALUE_UNDOCUMENTED else ""
    actual = "none" if keyword == "required" else value or describe_value(error.instance)
    return (rule, tokens, value), (expected, actual, error.absolute_keyword_location or body.plan.schema)


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


def _undocumented(body: Described, rule: Rule) -> Iterator[RawFinding]:
    for stated in body.plan.undocumented:
        for value in values_at(body.value, stated.path):
            yield RawFinding(rule, stated.pointer, "no such member", describe_value(value), stated.uri)


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
