"""The rules about what the contract has and recordings do not show; they inform, and never fail a run."""

from opay_contract.judge.table import RULES
from opay_contract.model.finding import Area, Kind, Rule, Severity

MIN_OBSERVATIONS = 100
"""Observations that it takes before something that never varied is called narrower than documented.

By the rule of three, what was not seen among a hundred happens in fewer than three of a hundred, at a
confidence of 95 %.
"""

_ENOUGH = f"Said only from {MIN_OBSERVATIONS} observations on."


def _rule(id_: str, area: Area, explanation: str) -> Rule:
    return Rule(id=id_, kind=Kind.UNOBSERVED, area=area, severity=Severity.INFO, explanation=explanation)


FORM_UNOBSERVED = _rule(
    "form-unobserved",
    Area.ROUTE,
    "The contract describes a request form of the operation that no recorded request has. Nothing that it "
    "says about that form was checked.",
)
STATUS_UNOBSERVED = _rule(
    "status-unobserved", Area.STATUS, "The contract documents an HTTP status that no recorded answer has."
)
MEDIA_TYPE_UNOBSERVED = _rule(
    "media-type-unobserved",
    Area.MEDIA_TYPE,
    "The contract documents a media type that no recorded answer has.",
)
CODE_UNOBSERVED = _rule(
    "code-unobserved",
    Area.ENVELOPE,
    "The contract lists a business code that no recorded answer has. Nobody knows from these recordings "
    "whether the vendor sends it.",
)
FIELD_UNOBSERVED = _rule(
    "field-unobserved",
    Area.BODY,
    "The contract describes a member that was in none of the objects that could have had it. The vendor may "
    "have dropped it, or the recordings lack the case that shows it.",
)
PRESENCE_NARROWER = _rule(
    "presence-narrower",
    Area.BODY,
    f"The contract calls a member optional and it was always there. {_ENOUGH}",
)
NULL_UNOBSERVED = _rule(
    "null-unobserved", Area.BODY, f"The contract lets a member be null and it never was. {_ENOUGH}"
)
TYPE_UNOBSERVED = _rule(
    "type-unobserved",
    Area.BODY,
    f"The contract lets a member have several types and one of them was never there. {_ENOUGH}",
)
VALUE_UNOBSERVED = _rule(
    "value-unobserved",
    Area.BODY,
    f"The contract lists the values of a public member and one of them was never there. {_ENOUGH}",
)
RANGE_NARROWER = _rule(
    "range-narrower",
    Area.BODY,
    f"The contract allows a range of lengths, of items or of numbers, and what was seen fills only a part of "
    f"it. {_ENOUGH}",
)

GAP_RULES: tuple[Rule, ...] = (
    FORM_UNOBSERVED,
    STATUS_UNOBSERVED,
    MEDIA_TYPE_UNOBSERVED,
    CODE_UNOBSERVED,
    FIELD_UNOBSERVED,
    PRESENCE_NARROWER,
    NULL_UNOBSERVED,
    TYPE_UNOBSERVED,
    VALUE_UNOBSERVED,
    RANGE_NARROWER,
)
NARROWER_RULES = frozenset(rule.id for rule in GAP_RULES[5:])
"""Those that say that the contract allows more than was seen, not that something was never seen."""

EVERY_RULE: tuple[Rule, ...] = (*RULES, *GAP_RULES)
"""Rules about exchanges, then those about what is missing from them."""
