"""What an entry of a baseline may say; every fault is named by file and line."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from opay_contract.baseline.acceptance import Acceptance
from opay_contract.baseline.text import Entry, Layout
from opay_contract.errors import UsageError
from opay_contract.judge.card_numbers import has_card_number
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, RULES_BY_ID
from opay_contract.model.finding import Outcome, key_of
from opay_contract.model.summary import fingerprint
from opay_contract.words import did_you_mean

LONGEST = timedelta(days=366)
"""How far away an expiry may be: a year, so that everything accepted is looked at again."""

NEVER_ACCEPTED = frozenset({CARD_NUMBER_EXPOSED.id})
"""Rules whose findings cannot be accepted."""

_MEMBERS: dict[str, type] = {
    "fingerprint": str,
    "rule": str,
    "operation": str,
    "outcome": str,
    "pointer": str,
    "value": str,
    "reason": str,
    "expires": date,
    "accepted_by": str,
    "accepted_on": date,
}
_OPTIONAL = "value"
_KNOWN = f"known are {', '.join(_MEMBERS)}"
_WHERE_RULES_ARE = "`opay-contract rules` lists them"
_NAMES = {str: "a string", date: "a date, such as 2027-01-31 without quotes"}


def read_acceptance(
    values: Mapping[str, Any], file: str, layout: Layout, entry: Entry, today: date
) -> Acceptance:
    """Return the acceptance that an entry holds; raises UsageError."""

    def fail(member: str, fault: str) -> UsageError:
        return UsageError(f"{file}:{layout.line_of(entry, member)}: {fault}")

    for member, fault in _find_faults(values, today):
        raise fail(member, fault)
    return Acceptance(
        rule=values["rule"],
        operation=values["operation"],
        outcome=Outcome(values["outcome"]),
        pointer=values["pointer"],
        value=values.get("value", ""),
        reason=values["reason"],
        expires=values["expires"],
        accepted_by=values["accepted_by"],
        accepted_on=values["accepted_on"],
        file=file,
        line=entry.header + 1,
    )


def find_rule_fault(rule: str) -> str | None:
    """Return why findings of a rule cannot be accepted, or None."""
    if rule in NEVER_ACCEPTED:
        return f"{rule} can never be accepted: take the card number out of where it is exposed"
    return (
        None if rule in RULES_BY_ID else f"unknown rule '{rule}'{_hint(rule, RULES_BY_ID, _WHERE_RULES_ARE)}"
    )


def find_expiry_fault(expires: date, today: date) -> str | None:
    """Return what is wrong with the last day of an acceptance, or None; a day that is past is not wrong."""
    latest = today + LONGEST
    return f"expires {expires} is more than a year away; the latest is {latest}" if expires > latest else None


def find_text_fault(name: str, text: str) -> str | None:
    """Return what is wrong with words that a person wrote, or None."""
    if not text.strip():
        return f"{name} is empty; say it in a few words"
    return f"{name} holds a card number" if has_card_number(text) else None


def _find_faults(values: Mapping[str, Any], today: date) -> list[tuple[str, str]]:
    """Return members and what is wrong with them; what rests on a sound member is looked at only then."""
    return _find_shape_faults(values) or _find_value_faults(values, today)


def _find_shape_faults(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    unknown = [
        (name, f"unknown member '{name}'{_hint(name, _MEMBERS, _KNOWN)}") for name in values - _MEMBERS.keys()
    ]
    needed = [name for name in _MEMBERS if name != _OPTIONAL]
    missing = [(name, f"the acceptance has no '{name}'") for name in needed if name not in values]
    mistyped = [
        (name, f"'{name}' is not {_NAMES[kind]}")
        for name, kind in _MEMBERS.items()
        if name in values and type(values[name]) is not kind  # a date with a time is a date to isinstance
    ]
    return [*unknown, *missing, *mistyped]


def _find_value_faults(values: Mapping[str, Any], today: date) -> list[tuple[str, str]]:
    about = (values["rule"], values["operation"], values["outcome"], values["pointer"])
    right = fingerprint(key_of(*about, values.get("value", "")))
    outcomes = [outcome.value for outcome in Outcome]
    faults = {
        "rule": find_rule_fault(values["rule"]),
        "outcome": None
        if values["outcome"] in outcomes
        else f"unknown outcome '{values['outcome']}'; known are {', '.join(outcomes)}",
        "pointer": "pointer holds a card number" if has_card_number(values["pointer"]) else None,
        "value": "value holds a card number" if has_card_number(values.get("value", "")) else None,
        "reason": find_text_fault("reason", values["reason"]),
        "accepted_by": find_text_fault("accepted_by", values["accepted_by"]),
        "expires": find_expiry_fault(values["expires"], today),
        "fingerprint": None
        if values["fingerprint"] == right
        else f"fingerprint '{values['fingerprint']}' is not that of the rule, operation, outcome, pointer "
        f"and value beside it, which is '{right}'",
    }
    return [(name, fault) for name, fault in faults.items() if fault]


def _hint(name: str, known: Mapping[str, Any], otherwise: str) -> str:
    return f"; {did_you_mean(name, known) or otherwise}"
