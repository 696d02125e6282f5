"""Answers requests: the checks first, then the store or a scenario. No network, no clock but a scenario's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import pointer
from opay_contract.mock.answers import BY_CUSTOMER, MockAnswer, Writer
from opay_contract.mock.choices import Choices
from opay_contract.mock.customers import sample_customer
from opay_contract.mock.scenarios import (
    MAGIC,
    Faults,
    Scenario,
    ScenarioContext,
    build_scenarios,
    find_scenario,
)
from opay_contract.mock.store import Store, StoredCustomer
from opay_contract.mock.validation import Credentials, Query, Validation, served_by

if TYPE_CHECKING:
    from opay_contract.mock.replay import Replay  # reads every format, which few mocks need

SCENARIO_HEADER = b"x-mock-scenario"

_MOST_ANSWERS = 4096
_SAMPLE_ID = "customer-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class MockSettings:
    """How a mock behaves, apart from its customers.

    `slow_seconds` is how long the scenario `slow` takes. With a `replay` what it has is answered from there.
    """

    choices: Choices
    credentials: Credentials = field(default_factory=Credentials)
    scenario: str | None = None
    faults: Faults = field(default_factory=Faults)
    slow_seconds: float = 3.0
    admin: bool = False
    replay: "Replay | None" = None


class RequestHandler:
    """Answers the requests to those of a contract's operations that have request forms."""

    def __init__(self, contract: Contract, settings: MockSettings, store: Store) -> None:
        self.scenarios = build_scenarios(contract.operations)
        self.scenario = settings.scenario
        self._handlers = {
            operation.path.encode(): _OperationHandler(contract, operation, settings, store, self.scenarios)
            for operation in contract.operations
            if operation.forms
        }
        if not self._handlers:
            raise ContractError("openapi.yaml: no operation has x-forms, which the mock answers by")

    @property
    def scenario(self) -> str | None:
        """The scenario of requests that ask for none; it may be changed at any time."""
        return self._scenario

    @scenario.setter
    def scenario(self, name: str | None) -> None:
        if name is not None:
            find_scenario(self.scenarios, name)
        self._scenario = name

    def answer(self, method: str, path: bytes, fields: Mapping[bytes, bytes], body: bytes) -> MockAnswer:
        """Return the answer to a request; the names of header fields are in lower case."""
        handler = self._handlers.get(path)
        return (
            self._not_served(path)
            if handler is None
            else handler.answer(method, fields, body, self._scenario)
        )

    def _not_served(self, path: bytes) -> MockAnswer:
        reason = "another path"
        for served in self._handlers:
            if path.count(served) > 1:
                reason = f"the path {served.decode()} is there twice: give the client the address without it"
        first = next(iter(self._handlers.values()))
        paths = ", ".join(handler.served for handler in self._handlers.values())
        return first.writer.elsewhere(404, paths).because(reason)


class _OperationHandler:
    """Answers the requests to one operation."""

    def __init__(
        self,
        contract: Contract,
        operation: Operation,
        settings: MockSettings,
        store: Store,
        scenarios: dict[str, Scenario],
    ) -> None:
        self._settings, self._store, self._scenarios = settings, store, scenarios
        self._answers: dict[tuple[str, str], MockAnswer] = {}
        self._version = store.version()
        self.served = served_by(operation)
        self.writer = Writer(operation, settings.choices)
        self._validation = Validation(
            contract, operation, settings.credentials, settings.choices, self.writer
        )

    def answer(
        self, method: str, fields: Mapping[bytes, bytes], body: bytes, usual_scenario: str | None
    ) -> MockAnswer:
        query = self._validation.pass_or_refuse(method, fields, body)
        if isinstance(query, MockAnswer):
            return query
        magic = query.asked.removeprefix(MAGIC) if query.asked.startswith(MAGIC) else None
        named = fields.get(SCENARIO_HEADER, b"").decode("latin-1") or magic
        name = named or self._settings.faults.draw() or usual_scenario
        if name is None:
            return self._remembered(query)
        try:
            scenario = find_scenario(self._scenarios, name)
        except UsageError as error:
            told = self.writer.text(str(error).encode(), 400, b"text/plain; charset=utf-8")
            return told.because("unknown scenario")
        context = self._context(query, made_up=magic is not None)
        return scenario.play(context).because(f"scenario {scenario.name}")

    def _remembered(self, query: Query) -> MockAnswer:
        """Return the usual answer, written once for what is stored for as long as the store is the same."""
        if self._settings.replay is not None:
            return self._usual(query, self._find(query))
        version = self._store.version()
        if version != self._version or len(self._answers) >= _MOST_ANSWERS:
            self._answers, self._version = {}, version
        key = (query.form.id, query.asked)
        answer = self._answers.get(key)
        if answer is None:
            found = self._find(query)
            answer = self._usual(query, found)
            if found is not None:  # the stored are so many, the unknown are without end
                self._answers[key] = answer
        return answer

    def _context(self, query: Query, *, made_up: bool) -> ScenarioContext:
        found = _sample(query.form, query.asked) if made_up else self._find(query)
        return ScenarioContext(
            form=query.form,
            usual=self._usual(query, found),
            stored=found if found is not None and found.cards else _sample(query.form, query.asked),
            writer=self.writer,
            slow_seconds=self._settings.slow_seconds,
        )

    def _find(self, query: Query) -> StoredCustomer | None:
        if query.form.id == BY_CUSTOMER:
            return self._store.customer(query.asked)
        return self._store.card(query.asked)

    def _usual(self, query: Query, found: StoredCustomer | None) -> MockAnswer:
        replay = self._settings.replay
        recorded = replay.answer(query.form, query.asked) if replay else None
        if recorded is not None:
            return recorded
        if found is not None:
            return self.writer.found(query.form, found)
        unknown = self.writer.unknown(query.form, _blank(query.form, query.asked))
        asked = pointer(query.form.echoes[0].request)[1:]
        whose = "no recording answers" if replay else "the mock knows nobody of"
        return unknown.because(f"{whose} this {asked}")


def _sample(form: Form, asked: str) -> StoredCustomer:
    if form.id == BY_CUSTOMER:
        return sample_customer(asked)
    sample = sample_customer(_SAMPLE_ID)
    card = next(iter(sample.cards.values()))
    return StoredCustomer(
        id=_SAMPLE_ID, customer=sample.customer, cards={asked: {**card, _identifier(form): asked}}
    )


def _blank(form: Form, asked: str) -> StoredCustomer:
    sample = sample_customer(asked).customer
    return StoredCustomer(
        id=asked, customer={**dict.fromkeys(sample, ""), _identifier(form): asked}, cards={}
    )


def _identifier(form: Form) -> str:
    """Return the name of the member that repeats what was asked for."""
    return str(form.echoes[0].response[-1])
