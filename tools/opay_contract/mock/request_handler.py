"""Answers requests: the checks first, then the store, an example or a scenario. No network."""

import re
from copy import deepcopy
from typing import TYPE_CHECKING

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.errors import UsageError
from opay_contract.jsontext import pointer
from opay_contract.mock.answers import NOT_FOUND, MockAnswer, Writer, problem
from opay_contract.mock.records import RecordBook
from opay_contract.mock.scenarios import (
    MAGIC,
    Faults,
    Scenario,
    ScenarioContext,
    build_scenarios,
    find_scenario,
)
from opay_contract.mock.statement import Choices, Lookup, put
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.mock.validation import Credentials, MockRequest, Query, Validation

if TYPE_CHECKING:
    from opay_contract.mock.replay import Replay  # reads every format, which few mocks need

SCENARIO_HEADER, PREFER_HEADER = b"x-mock-scenario", b"prefer"

_MOST_ANSWERS = 4096
_MOST_NAMED = 10
_WISH = re.compile(r"\b(code|example)=\"?([^\s,;\"]+)")


class MockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a mock behaves, apart from its records.

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
    """Answers the requests to a contract's operations."""

    def __init__(self, contract: Contract, settings: MockSettings, store: Store) -> None:
        if not contract.operations:
            raise UsageError("the contract has no operation, so there is nothing that a mock could answer")
        self.scenarios = build_scenarios(contract.operations)
        self.scenario = settings.scenario
        book = RecordBook(contract)
        self._by_path: dict[bytes, list[_OperationHandler]] = {}
        for operation in contract.operations:
            handler = _OperationHandler(contract, operation, settings, store, book, self.scenarios)
            self._by_path.setdefault(operation.path.encode(), []).append(handler)
        self._prefixes = sorted({server.prefix.encode() for server in contract.servers if server.prefix})

    @property
    def scenario(self) -> str | None:
        """The scenario of requests that ask for none; it may be changed at any time."""
        return self._scenario

    @scenario.setter
    def scenario(self, name: str | None) -> None:
        if name is not None:
            find_scenario(self.scenarios, name)
        self._scenario = name

    def answer(self, request: MockRequest) -> MockAnswer:
        """Return the answer to a request; the names of header fields are in lower case."""
        handlers, path = self._find(request.target)
        if not handlers:
            return self._not_served(request.target)
        handler = next((one for one in handlers if one.operation.method == request.method), None)
        if handler is None:
            served = ", ".join(one.writer.served for one in handlers)
            allowed = ", ".join(one.operation.method for one in handlers)
            return handlers[0].validation.refuse_method(served, allowed)
        return handler.answer(
            replace(request, target=path) if path is not request.target else request, self._scenario
        )

    def _find(self, path: bytes) -> "tuple[list[_OperationHandler], bytes]":
        """Return the handlers of a path, and what of it is theirs: it may be behind a server's own path."""
        if found := self._by_path.get(path):
            return found, path
        for one in (path, *(path.removeprefix(one) for one in self._prefixes if path.startswith(one + b"/"))):
            text = one.decode("latin-1")
            fitting = [f for f in self._by_path.values() if f[0].operation.path_pattern.fullmatch(text)]
            if fitting:
                return min(fitting, key=lambda found: found[0].operation.path.count("{")), one
        return [], path

    def _not_served(self, path: bytes) -> MockAnswer:
        reason = "another path"
        for served in self._by_path:
            if path.count(served) > 1:
                reason = f"the path {served.decode()} is there twice: give the client the address without it"
        handlers = [one for found in self._by_path.values() for one in found]
        named = [one.writer.served for one in handlers[:_MOST_NAMED]]
        more = len(handlers) - len(named)
        paths = ", ".join([*named, *([f"and {more} more"] if more else [])])
        return handlers[0].writer.elsewhere(404, paths).because(reason)


class _OperationHandler:
    """Answers the requests to one operation."""

    def __init__(  # noqa: PLR0913, PLR0917  what all of them share
        self,
        contract: Contract,
        operation: Operation,
        settings: MockSettings,
        store: Store,
        book: RecordBook,
        scenarios: dict[str, Scenario],
    ) -> None:
        self.operation, self._contract, self._settings = operation, contract, settings
        self._store, self._book, self._scenarios = store, book, scenarios
        self._answers: dict[tuple[str, str, bytes], MockAnswer] = {}
        self._version = store.version()
        self._names = operation.path_names
        self.writer = Writer(contract, operation, settings.choices, book)
        self.validation = Validation(contract, operation, settings.credentials, settings.choices, self.writer)

    def answer(self, request: MockRequest, usual_scenario: str | None) -> MockAnswer:
        if self._names:
            found = self.operation.path_pattern.fullmatch(request.target.decode("latin-1"))
            values = list(found.groups()) if found else []
            request = replace(request, path_values=dict(zip(self._names, values, strict=False)))
        query = self.validation.pass_or_refuse(request)
        if isinstance(query, MockAnswer):
            return query
        magic = query.asked.removeprefix(MAGIC) if query.asked.startswith(MAGIC) else None
        named = request.headers.get(SCENARIO_HEADER, b"").decode("latin-1") or magic
        name = named or self._settings.faults.draw() or usual_scenario
        if name is None:
            wish = request.headers.get(PREFER_HEADER)
            answer = self._wished(wish) if wish else None
            return answer or self._remembered(query, request)
        try:
            scenario = find_scenario(self._scenarios, name)
        except UsageError as error:
            told = self.writer.text(str(error).encode(), 400, b"text/plain; charset=utf-8")
            return told.because("unknown scenario")
        context = self._context(query, request, made_up=magic is not None)
        played = scenario.play(context)
        nothing = "" if played else ": this answer has nothing for it"
        return (played or context.usual).because(f"scenario {scenario.name}{nothing}")

    def _wished(self, header: bytes) -> MockAnswer | None:
        """Return the documented answer that a `Prefer` asks for by status or example; None for others."""
        wishes = dict(_WISH.findall(header.decode("latin-1")))
        if not wishes:
            return None
        key = wishes.get("code", self.writer.success_key)
        documented = (
            self.operation.response(int(key)) if key.isdecimal() else self.operation.responses.get(key)
        )
        if documented is None:
            known = ", ".join(self.operation.responses) or "none"
            return problem(404, f"no answer {key} is documented; there are {known}").because("unknown answer")
        own = next(key for key, one in self.operation.responses.items() if one is documented)
        name = wishes.get("example")
        if name is not None and name not in self.writer.example_names(own):
            known = ", ".join(self.writer.example_names(own)) or "none"
            return problem(404, f"no example '{name}' is documented; there are {known}").because(
                "unknown example"
            )
        status = int(key) if key.isdecimal() else 200
        return self.writer.documented(own, status, name).because("the Prefer of the request")

    def _remembered(self, query: Query, request: MockRequest) -> MockAnswer:
        """Return the usual answer, written once for what is stored for as long as the store is the same."""
        if self._settings.replay is not None or (query.lookup and query.lookup.does != "finds"):
            return self._usual(query, request, self._find(query))
        version = self._store.version()
        if version != self._version or len(self._answers) >= _MOST_ANSWERS:
            self._answers, self._version = {}, version
        whole = b"" if query.lookup else b"%s?%s %s" % (request.target, request.query, request.body)
        key = (query.form.id if query.form else "", query.asked, whole)
        answer = self._answers.get(key)
        if answer is None:
            found = self._find(query)
            answer = self._usual(query, request, found)
            # the stored are so many, the unknown are without end
            if found is not None or query.lookup is None:
                self._answers[key] = answer
        return answer

    def _context(self, query: Query, request: MockRequest, *, made_up: bool) -> ScenarioContext:
        found = self._sample(query) if made_up else self._find(query)
        usual = self._usual(query, request, found)
        lookup, stored, value = query.lookup, found, MISSING
        if lookup is None or lookup.does != "finds":
            stored = None
        elif stored is None or (lookup.records.items and not stored.items):
            stored = self._sample(query)
        if lookup is not None and stored is not None:
            value = self.writer.success_value(self._book.data_of(lookup, stored))
        elif self.writer.is_json:
            value = self._made(query, request)
        return ScenarioContext(
            form=query.form,
            usual=usual,
            value=value,
            stored=stored,
            writer=self.writer,
            slow_seconds=self._settings.slow_seconds,
        )

    def _find(self, query: Query) -> StoredRecord | None:
        lookup = query.lookup
        if lookup is None or (lookup.does == "adds" and lookup.of_items):
            return None
        find = self._store.record_of_item if lookup.of_items else self._store.record
        return find(lookup.records.name, query.asked)

    def _sample(self, query: Query) -> StoredRecord | None:
        lookup = query.lookup
        if lookup is None or lookup.does != "finds":
            return None
        kind = self._book.kinds[lookup.records.name]
        return kind.sample_of_item(query.asked) if lookup.of_items else kind.sample(query.asked)

    def _usual(self, query: Query, request: MockRequest, found: StoredRecord | None) -> MockAnswer:
        replay, lookup = self._settings.replay, query.lookup
        recorded = replay.answer(self.operation, query.form, query.asked, request) if replay else None
        if recorded is not None:
            return recorded
        if lookup is None:
            answer = self.writer.whole(self._made(query, request))
            return answer.because("no recording answers this") if replay else answer
        if lookup.does == "adds":
            return self._add(query, lookup, found)
        if found is None:
            return self._unknown(query, lookup)
        if lookup.does == "removes":
            remove = self._store.remove_item if lookup.of_items else self._store.remove
            remove(lookup.records.name, query.asked)
            return self.writer.whole(self._made(query, request))
        data = self._book.data_of(lookup, found)
        if lookup.records.items and not found.items:
            return self.writer.without_items(data, found)
        return self.writer.success(data)

    def _unknown(self, query: Query, lookup: Lookup) -> MockAnswer:
        action = self._settings.choices.action("unknown-record", query.form.id if query.form else None)
        if action.answers == "blank" and not lookup.of_items:
            blank = self._book.kinds[lookup.records.name].blank(query.asked)
            answer = self.writer.success(self._book.data_of(lookup, blank))
        elif action.answers is not None:
            answer = self.writer.success(None)
        else:
            answer = self.writer.act(action) or self.writer.refusal(NOT_FOUND)
        asked = pointer(lookup.by.tokens)[1:]
        whose = "no recording answers" if self._settings.replay else "the mock knows nobody of"
        return answer.because(f"{whose} this {asked}")

    def _add(self, query: Query, lookup: Lookup, found: StoredRecord | None) -> MockAnswer:
        if found is not None and self.writer.means("already-exists"):
            return self.writer.refusal("already-exists").because(
                f"this {pointer(lookup.by.tokens)[1:]} is there"
            )
        kind = self._book.kinds[lookup.records.name]
        added, item = self._book.added(lookup, query.call, query.asked)
        if item is not None and self._store.record(added.kind, added.id) is not None:
            self._store.add_item(added.kind, added.id, item, added.items[item])
        else:
            self._store.add([added])
        told = self._book.data_of(lookup, added) if item is not None else kind.data(added)
        value = self.writer.made_value(query.form, query.asked.encode())
        envelope = self.writer.envelope
        data = MISSING if value is MISSING else value_below(value, envelope.data) if envelope else value
        if isinstance(data, dict):  # of what was added it has what the answer has a member for
            data |= {name: deepcopy(child) for name, child in told.items() if name in data}
        return self.writer.whole(value)

    def _made(self, query: Query, request: MockRequest) -> object:
        """Return the body of an answer that no record gives, with what it must repeat of the request."""
        seed = b"%s?%s %s" % (request.target, request.query, request.body)
        value = self.writer.made_value(query.form, seed) if self.writer.is_json else MISSING
        for echo in query.form.echoes if query.form and value is not MISSING else ():
            asked = value_below(query.call.body, echo.request)
            if asked is not MISSING and value_below(value, echo.response) is not MISSING:
                put(value, echo.response, asked)
        return value
