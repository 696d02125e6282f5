"""What the mock does where nobody knows what the vendor does: one choice for each open question.

The questions and their readings stand in openapi.yaml; here is only which of them the mock acts on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opay_contract.contract.operation import OpenQuestion
from opay_contract.errors import ContractError, UsageError
from opay_contract.words import did_you_mean

IMPLEMENTED: dict[str, tuple[str, ...]] = {
    "wrong-method": ("http-error", "business-error"),
    "oversized-body": ("business-error", "http-error"),
    "wrong-content-type": ("http-error", "business-error", "accepted"),
    "missing-merchant-id": ("authentication-failed", "merchant-is-null"),
    "malformed-json": ("business-error", "http-error"),
    "authentication-code": ("02000", "other"),
    "authorization-form": ("one-space", "no-space"),
    "missing-parameter": ("business-error", "http-error"),
    "both-keys": ("token", "customer", "business-error"),
    "undocumented-member": ("business-error", "ignored"),
    "unknown-customer": ("business-error", "empty-list", "no-data"),
    "unknown-token": ("business-error", "no-data"),
    "customer-without-cards": ("empty-list", "null-list", "no-data", "business-error"),
    "error-data": ("null", "absent"),
    "error-status": ("always-200", "http-status"),
    "success-code": ("00000", "00"),
    "create-timestamp-type": ("string", "number"),
    "expiry-presence": ("present", "absent"),
    "customer-name-content": ("name", "mobile-number"),
}
"""The questions that the mock acts on, in the order in which a request meets them, and their readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An open question and the reading that the mock acts on."""

    question: OpenQuestion
    taken: str


class Choices:
    """Every choice of one mock, by question; `choices["both-keys"]` is the id of the reading taken."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Iterable[Choice]) -> None:
        self._taken = {choice.question.id: choice for choice in taken}

    def __getitem__(self, question: str) -> str:
        """Return the id of the reading that is taken."""
        return self._taken[question].taken

    def __iter__(self) -> Iterator[Choice]:
        """Iterate in the order in which a request meets them."""
        return iter(self._taken.values())

    def changed(self, picks: Iterable[str]) -> "Choices":
        """Return the choices with every `QUESTION=READING` of `picks` taken."""
        taken = dict(self._taken)
        for pick in picks:
            choice = self._pick(pick)
            taken[choice.question.id] = choice
        return Choices(taken.values())

    def _pick(self, pick: str) -> Choice:
        question, equals, reading = pick.partition("=")
        if not equals:
            raise UsageError(f"choice '{pick}' has no '='; write it as QUESTION=READING")
        if question not in self._taken:
            raise unknown_name("question", question, self._taken, "`opay-contract mock --choices`")
        if reading not in IMPLEMENTED[question]:
            kind = f"reading of the question '{question}'"
            raise unknown_name(kind, reading, IMPLEMENTED[question], "`opay-contract mock --choices`")
        return Choice(question=self._taken[question].question, taken=reading)


def assumed_choices(questions: tuple[OpenQuestion, ...]) -> Choices:
    """Return the choices that take each question's assumed reading."""
    asked = {question.id: question for question in questions}
    missing = [name for name in IMPLEMENTED if name not in asked]
    if missing:
        raise ContractError(
            f"openapi.yaml: x-open-questions lacks '{missing[0]}', which the mock has to choose"
        )
    return Choices(Choice(question=asked[name], taken=_assumed(asked[name])) for name in IMPLEMENTED)


def render_choices(choices: Choices) -> str:
    """Return the choices as text: each question with its readings, the one taken marked by `*`."""
    return "\n".join(line for choice in choices for line in _lines(choice))


def _lines(choice: Choice) -> list[str]:
    readings = [
        reading for reading in choice.question.readings if reading.id in IMPLEMENTED[choice.question.id]
    ]
    marked = [(reading, "*" if reading.id == choice.taken else " ") for reading in readings]
    return [
        f"{choice.question.id}: {choice.question.question}",
        *(f"  {mark} {reading.id}: {reading.statement}" for reading, mark in marked),
    ]


def _assumed(question: OpenQuestion) -> str:
    known = [reading for reading in question.readings if reading.id in IMPLEMENTED[question.id]]
    for reading in known:
        if reading.assumed:
            return reading.id
    raise ContractError(
        f"openapi.yaml: the question '{question.id}' has no assumed reading that the mock knows"
    )


def unknown_name(kind: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """Return the error for a name that is none of `known`; `where` tells what lists them."""
    return UsageError(f"unknown {kind} '{name}'; {did_you_mean(name, known) or f'{where} lists them'}")
