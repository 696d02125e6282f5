"""Puts the errors of the schema library under our rules, in words that name no value."""

from collections.abc import Callable
from typing import Any

from opay_contract.jsontext import Tokens
from opay_contract.judge.table import (
    CONSTRAINT_VIOLATED,
    FIELD_MISSING,
    FIELD_NULL,
    FORMAT_MISMATCH,
    LENGTH_OUT_OF_RANGE,
    PATTERN_MISMATCH,
    TYPE_MISMATCH,
    VALUE_OUT_OF_RANGE,
    VALUE_UNDOCUMENTED,
)
from opay_contract.model.finding import Rule

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
