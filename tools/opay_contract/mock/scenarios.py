"""The table of scenarios: what the mock does on demand, and what `check` says to it.

A scenario happens only to a request that would have been answered; one that is refused stays refused. Drift
is made from the customer that was asked for, or from a made-up one where that is not known or has no card.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.operation import Operation
from opay_contract.judge import table
from opay_contract.mock.answers import ABSENT, AUTHENTICATION_FAILED, INVALID_PARAMETERS
from opay_contract.mock.mutations import (
    Members,
    Mutation,
    about_another,
    business_error,
    cut,
    on_card,
    on_envelope,
    on_usual,
    page,
    slowly,
    success_with,
    success_with_status,
    too_many_requests,
    with_card_twice,
    with_member,
    with_text,
    without_cards,
)
from opay_contract.mock.naming import unknown_name

MAGIC = "scenario:"
"""A customer id, or a token, of this and a scenario's name asks for the scenario."""

_TEST_CARD = "4111111111111111"
_MONTH = 30 * 24 * 3600
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something that the mock does on demand.

    `rules` are the ids of the rules that find it: the one that it is about, then those that cannot but
    come along. None means that it is no drift.
    """

    name: str
    description: str
    play: Mutation
    rules: tuple[str, ...] = ()


def _no_drift(name: str, description: str, play: Mutation) -> Scenario:
    return Scenario(name=name, description=description, play=play)


def _drift(name: str, description: str, play: Mutation, *rules: Any) -> Scenario:
    return Scenario(name=name, description=description, play=play, rules=tuple(rule.id for rule in rules))


def _rename(card: Members) -> None:
    card["cardBrand"] = card.pop("brand")


def _count_milliseconds(card: Members) -> None:
    created = card["createTimestamp"]
    card["createTimestamp"] = type(created)(int(created) * 1000)


def _create_in_future(card: Members) -> None:
    card["createTimestamp"] = type(card["createTimestamp"])(int(time.time()) + _MONTH)


_FIXED = (
    _no_drift("slow", "The usual answer, some seconds later.", slowly),
    _no_drift("no-cards", "A customer without cards.", without_cards),
    _no_drift("new-brand", "A card of a brand that nobody saw before.", with_member("brand", "NEWBRAND")),
    _no_drift("http-403-wrong-country", "HTTP 403: the merchant is another country's.",
           page(403, b"403 Forbidden")),
    _drift("http-500-html", "HTTP 500 with an HTML page.",
           page(500, b"500 Error"), table.STATUS_UNDOCUMENTED),
    _drift("http-429", "HTTP 429: too many requests.", too_many_requests, table.STATUS_UNDOCUMENTED),
    _drift("html", "HTTP 200 with an HTML page.", page(200, b"Maintenance"), table.MEDIA_TYPE_UNDOCUMENTED),
    _drift("json-mislabelled", "JSON that calls itself text.",
           on_usual(bytes, b"text/plain; charset=utf-8"), table.JSON_MISLABELLED),
    _drift("empty-body", "No body at all.", on_usual(lambda _: b""), table.BODY_EMPTY),
    _drift("not-json", "Text that calls itself JSON.", on_usual(lambda _: b"OK"), table.BODY_NOT_JSON),
    _drift("truncated-json", "The first half of the answer, as if it were all.",
           on_usual(lambda body: body[: len(body) // 2]), table.BODY_TRUNCATED),
    _drift("cut-body", "The connection closes in mid-body.", cut, table.BODY_TRUNCATED),
    _drift("byte-order-mark", "A byte order mark in front.", on_usual(_BOM.__add__), table.BYTE_ORDER_MARK),
    _drift("invalid-utf8", "A brand in Latin-1.", with_text("brand", b'"CAF\xc9"'), table.INVALID_UTF8),
    _drift("lone-surrogate", "A brand with half of a surrogate pair.",
           with_text("brand", b'"VISA \\ud83d"'), table.LONE_SURROGATE),
    _drift("duplicate-key", "A card with its brand twice.",
           with_text("brand", b'"VISA","brand":"OTHER"'), table.DUPLICATE_KEY),
    _drift("nan", "NaN for a time.", with_text("createTimestamp", b"NaN"), table.NON_FINITE_NUMBER),
    _drift("unsafe-number", "A time of more than 53 bits.",
           with_text("createTimestamp", b"9007199254740993"),
           table.UNSAFE_NUMBER, table.TIMESTAMP_NOT_SECONDS),
    _drift("field-added", "A card with a member that nobody documented.",
           with_member("cardType", "CREDIT"), table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-removed", "A card without its brand.",
           on_card(lambda card: card.pop("brand")), table.FIELD_MISSING),
    _drift("field-renamed", "A card with `cardBrand` in place of `brand`.",
           on_card(_rename), table.FIELD_MISSING, table.RESPONSE_FIELD_UNDOCUMENTED),
    _drift("field-retyped", "The last four digits as a number.",
           with_member("lastFourDigits", 1111), table.TYPE_MISMATCH),
    _drift("field-null", "A brand that is null.", with_member("brand", None), table.FIELD_NULL),
    _drift("length", "Five last digits.", with_member("lastFourDigits", "11111"), table.LENGTH_OUT_OF_RANGE),
    _drift("pattern", "Last digits with a mask.",
           with_member("lastFourDigits", "*111"), table.PATTERN_MISMATCH),
    _drift("timestamp-milliseconds", "A time in milliseconds.",
           on_card(_count_milliseconds), table.TIMESTAMP_NOT_SECONDS),
    _drift("timestamp-future", "A card of next month.",
           on_card(_create_in_future), table.TIMESTAMP_IN_FUTURE),
    _drift("month-invalid", "A card that expires in month 13.",
           with_member("expiryMonth", "13"), table.MONTH_INVALID),
    _drift("card-number", "The full number of a test card.",
           with_member("brand", f"VISA {_TEST_CARD}"), table.CARD_NUMBER_EXPOSED),
    _drift("code-undocumented", "A code outside the catalogue.",
           on_envelope("77777", "Please contact support.", ABSENT), table.CODE_UNDOCUMENTED),
    _drift("message-undocumented", "A known code with another message.",
           on_envelope(INVALID_PARAMETERS, "Something went wrong.", ABSENT), table.MESSAGE_UNDOCUMENTED),
    _drift("success-without-data", "The success code, and no data.",
           success_with(ABSENT), table.SUCCESS_WITHOUT_DATA),
    _drift("success-null-data", "The success code, and null for data.",
           success_with(None), table.SUCCESS_WITHOUT_DATA),
    _drift("error-with-data", "An error code, and data.",
           on_envelope(AUTHENTICATION_FAILED, None, {}), table.ERROR_WITH_DATA),
    _drift("success-on-http-error", "HTTP 403 with the success code and data.",
           success_with_status(403), table.SUCCESS_CODE_ON_HTTP_ERROR),
    _drift("other-customer", "The answer to another question.", about_another, table.ANSWER_MISMATCHED),
    _drift("card-repeated", "The same card twice.", with_card_twice, table.ITEM_REPEATED),
)  # fmt: skip


def build_scenarios(operations: Iterable[Operation]) -> dict[str, Scenario]:
    """Return every scenario by name: those of the table, and one for each error of the catalogues."""
    errors = (scenario for operation in operations for scenario in _errors(operation))
    return {scenario.name: scenario for scenario in (*errors, *_FIXED)}


def find_scenario(scenarios: dict[str, Scenario], name: str) -> Scenario:
    """Return a scenario by its name; an unknown one is a UsageError."""
    if name not in scenarios:
        raise unknown_name("scenario", name, scenarios, "`opay-contract mock --scenarios`")
    return scenarios[name]


def render_scenarios(scenarios: dict[str, Scenario]) -> str:
    """Return the scenarios as text, a line each, with the rules that find them."""
    width = max(map(len, scenarios))
    return "\n".join(
        f"{name:<{width}}  {scenario.description}"
        + (f" [{', '.join(scenario.rules)}]" if scenario.rules else "")
        for name, scenario in scenarios.items()
    )


def _errors(operation: Operation) -> Iterator[Scenario]:
    envelope = operation.envelope
    for code in envelope.codes.values() if envelope else ():
        if envelope and code.code not in envelope.success:
            message = code.messages[0] if code.messages else "its message is not known"
            yield _no_drift(
                f"error-{code.code}", f"Business error {code.code}: {message}", business_error(code.code)
            )
