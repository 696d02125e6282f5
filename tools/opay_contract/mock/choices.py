"""What the mock does where nobody knows what the vendor does: one choice for each open question.

The questions and their readings stand in the contract, and so does what the mock does by each, in `x-mock`;
what is not said there is done as most APIs do it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Evidence, OpenQuestion
from opay_contract.contract.schemas import SchemaSet
from opay_contract.errors import ContractError, UsageError
from opay_contract.mock.state import Action, StatedChoice, iter_places, read_mock_statement
from opay_contract.words import did_you_mean

ANSWERING = "answering"
"""The situation of every answer: it is made to fit the evidence of the reading that is taken."""

USUAL: dict[str, Action] = {
    "wrong-method": Action(status=405),
    "oversized-body": Action(status=413),
    "wrong-content-type": Action(status=415),
    "missing-identity": Action(means="authentication-failed"),
    "malformed-json": Action(means="parameters-not-valid"),
    "authentication-failed": Action(means="authentication-failed"),
    "signing": Action(),
    "missing-parameter": Action(means="parameters-not-valid"),
    "several-forms": Action(means="parameters-not-valid"),
    "undocumented-member": Action(accepted=True),
    "unknown-record": Action(means="not-found"),
    "empty-record": Action(answers="no-items"),
    ANSWERING: Action(),
}
"""The situations in which a choice may decide, and what is done where none does."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An open question, the reading that the mock acts on, and what it does by each."""

    question: OpenQuestion
    taken: str
    stated: StatedChoice

    @property
    def action(self) -> Action:
        """What the mock does."""
        return self.stated.readings[self.taken]


class Choices:
    """Every choice of one mock, by question; `choices["error-data"]` is the id of the reading taken."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Iterable[Choice]) -> None:
        self._taken = {choice.question.id: choice for choice in taken}

    def __getitem__(self, question: str) -> str:
        """Return the id of the reading that is taken."""
        return self._taken[question].taken

    def __iter__(self) -> Iterator[Choice]:
        """Iterate in the order in which a request meets them."""
        return iter(self._taken.values())

    def action(self, situation: str, form: str | None = None) -> Action:
        """Return what the mock does in a situation, about a request of a form."""
        for choice in self._taken.values():
            if choice.stated.decides == situation and choice.stated.form in (None, form):
                return choice.action
        return USUAL[situation]

    def changed(self, picks: Iterable[str]) -> "Choices":
        """Return the choices with every `QUESTION=READING` of `picks` taken."""
        taken = dict(self._taken)
        for pick in picks:
            name, equals, reading = pick.partition("=")
            if not equals:
                raise UsageError(f"choice '{pick}' has no '='; write it as QUESTION=READING")
            if name not in taken:
                raise unknown_name("question", name, taken, "`opay-contract mock --choices`")
            choice = taken[name]
            if reading not in choice.stated.readings:
                kind = f"reading of the question '{name}'"
                raise unknown_name(kind, reading, choice.stated.readings, "`opay-contract mock --choices`")
            taken[name] = replace(choice, taken=reading)
        return Choices(taken.values())


def assumed_choices(contract: Contract) -> Choices:
    """Return the choices that take each question's assumed reading."""
    asked = {question.id: question for question in contract.questions}
    taken, file = list[Choice](), contract.schemas.root.name
    for one in read_mock_statement(contract).choices:
        if one.question not in asked:
            raise ContractError(f"{file}: x-mock: there is no open question '{one.question}'")
        if one.decides not in USUAL:
            raise ContractError(
                f"{file}: x-mock: '{one.decides}' is no situation; there are {', '.join(USUAL)}"
            )
        readings = asked[one.question].readings
        assumed = next(
            (reading.id for reading in readings if reading.assumed and reading.id in one.readings), None
        )
        if assumed is None:
            said = f"the question '{one.question}' has no assumed reading that `x-mock` knows"
            raise ContractError(f"{file}: {said}")
        taken.append(Choice(question=asked[one.question], taken=assumed, stated=one))
    return Choices(taken)


def render_choices(choices: Choices) -> str:
    """Return the choices as text: each question with its readings, the one taken marked by `*`."""
    lines = []
    for choice in choices:
        lines.append(f"{choice.question.id}: {choice.question.question}")
        for reading in choice.question.readings:
            if reading.id in choice.stated.readings:
                mark = "*" if reading.id == choice.taken else " "
                lines.append(f"  {mark} {reading.id}: {reading.statement}")
    none = "none: the contract has no open question that the mock decides on (`x-mock`)"
    return "\n".join(lines) or none


def unknown_name(kind: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """Return the error for a name that is none of `known`; `where` tells what lists them."""
    return UsageError(f"unknown {kind} '{name}'; {did_you_mean(name, known) or f'{where} lists them'}")


class ReadingFitter:
    """Makes answers show the readings that are taken: what speaks for another is changed at its place."""

    def __init__(self, choices: Choices, schemas: SchemaSet) -> None:
        self._wanted: list[tuple[Evidence, Any, list[Any]]] = []
        for choice in choices:
            if choice.stated.decides != ANSWERING:
                continue
            readings = {reading.id: reading for reading in choice.question.readings}
            others = [
                one.schema["const"]
                for name, reading in readings.items()
                for one in reading.evidence
                if name != choice.taken and isinstance(one.schema, dict) and "const" in one.schema
            ]
            self._wanted += [
                (one, schemas.compile(one.schema), others)
                for one in readings[choice.taken].evidence
                if one.at[:1] == ("response",)
            ]

    def fit(self, outcome: str, status: int, value: Any) -> tuple[int, Any]:
        """Return the status and the value of an answer, changed in place where that is needed."""
        for wanted, validator, others in self._wanted:
            if wanted.outcome not in (None, outcome):
                continue
            if wanted.at == ("response", "status"):
                status = next(one for one in (status, 400, 200) if validator.is_valid(one))
            elif wanted.at[1:2] == ("body",):
                _fit_body(value, wanted, validator, others)
        return status, value


def _fit_body(body: Any, wanted: Evidence, validator: Any, others: list[Any]) -> None:
    tokens = wanted.at[2:]
    if not tokens:
        _fit_object(body, wanted.schema)
        return
    holder: Any
    for holder, step in list(iter_places(body, tokens)):
        current = holder.get(step, MISSING) if isinstance(holder, dict) else holder[int(step)]
        if wanted.other is not None:
            if wanted.equal and current is not MISSING:  # the other place is a member of the same object
                holder[step] = holder.get(wanted.other[-1], holder[wanted.at[-1]])
            continue
        if current is not MISSING and validator.is_valid(current):
            continue
        changed = _changed(current, wanted.schema, others)
        if changed is not MISSING:
            holder[step] = changed


def _changed(current: Any, schema: Any, others: list[Any]) -> Any:
    """Return a value made to fit a schema, MISSING where it cannot be, or is to stay as it is."""
    if not isinstance(schema, dict):
        return MISSING
    kind = schema.get("type")
    if "const" in schema:
        return schema["const"] if current in others else MISSING
    if kind == "null":
        return None
    if isinstance(current, dict):
        _fit_object(current, schema)
        return MISSING
    if kind == "string" and isinstance(current, int) and not isinstance(current, bool):
        return str(current)
    if kind in ("number", "integer") and isinstance(current, str) and current.isascii() and current.isdigit():
        return int(current)
    return MISSING


def _fit_object(value: Any, schema: Any) -> None:
    """Drop the members that a schema says are not there."""
    if isinstance(value, dict) and isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            if inner is False:
                value.pop(name, None)
