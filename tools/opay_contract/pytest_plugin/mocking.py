"""The mock of one test: its customers, what it was asked, how it misbehaves, and the server of all tests."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import structs
from msgspec.structs import replace
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import Match
from opay_contract.errors import UsageError
from opay_contract.jsontext import pointer
from opay_contract.judge.judge import check_route
from opay_contract.judge.table import SIGNATURE_MISMATCH
from opay_contract.mock.answers import REASON_HEADER, Writer
from opay_contract.mock.app import build_app
from opay_contract.mock.calls import describe_call, render_call, shown_operation
from opay_contract.mock.records import RecordBook, RecordKind
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.scenarios import build_scenarios, find_scenario
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices, put
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.model.exchange import Exchange, Place, header
from opay_contract.model.finding import Area, Finding
from opay_contract.pytest_plugin.checking import NothingCheckedError, OpayContract, with_known_host
from opay_contract.signing.doctor import Doctor

if TYPE_CHECKING:
    from opay_contract.mock.replay import Replay

_MOST_CALLS = 50
"""How many calls, the last, a failing test lists."""

_PLAYED = re.compile(r"(?:^|; )scenario ([^;:]+)")
"""What the reason of an answer says of a scenario that was asked for, in whatever way."""

_AREAS_OF_CLIENT = (Area.ROUTE, Area.HEADER, Area.PARAMETER, Area.SIGNATURE)

_NOBODY: ASGIApp = Response(status_code=503)


class AppSwitcher:
    """Passes each request on to the application that is there; between tests nobody is.

    Starting and stopping a server for each test would take 0.2 s; a new application takes a millisecond.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.app = _NOBODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.app(scope, receive, send)


@contextmanager
def open_stage() -> Iterator[AppSwitcher]:
    """Answer on the loopback, in a thread, for as long as the context lasts."""
    stage = AppSwitcher()
    with running(stage) as stage.base_url:
        yield stage


class OpayMock:
    """A mock of the sandbox, as the fixture `opay_mock`.

    It knows the records of the contract's examples and those that a test adds.
    """

    def __init__(self, checker: OpayContract, stage: AppSwitcher) -> None:
        self._checker, self._stage = checker, stage
        self._contract = checker.contract
        self._book = RecordBook(self._contract)
        self._operation = shown_operation(self._contract, self._book)
        self._scenarios = build_scenarios(self._contract.operations)
        self._store = Store()
        self._settings = MockSettings(choices=assumed_choices(self._contract))
        self._heard: list[tuple[Exchange, MockSettings]] = []
        self._added = 0
        scheme = self._contract.signature
        identity = self._operation.identity_header(scheme) if scheme else None
        self._doctor = Doctor(self.private_key, scheme, identity) if scheme else None

    def __enter__(self) -> Self:
        """Begin to answer."""
        self.reset()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Answer no more."""
        self._stage.app = _NOBODY
        self._store.close()

    @property
    def base_url(self) -> str:
        """The address, without the operation's path."""
        return self._stage.base_url

    @property
    def url(self) -> str:
        """The full URL of the operation that looks a record up, or else of the contract's first."""
        return self.base_url + self._operation.path

    @property
    def merchant_id(self) -> str:
        """The id of the one merchant that may ask."""
        return self._settings.credentials.merchant_id

    @property
    def private_key(self) -> str:
        """The key that the merchant signs with; made up, it opens nothing."""
        return self._settings.credentials.private_key

    @property
    def exchanges(self) -> list[Exchange]:
        """What was asked and answered so far, in order."""
        return [exchange for exchange, _ in self._heard]

    def add(
        self,
        record: str | Mapping[str, Any] | None = None,
        items: int | Iterable[Mapping[str, Any]] = 1,
        kind: str | None = None,
    ) -> dict[str, Any]:
        """Add a record and return what an answer about it has as data.

        `record` is its key, or the members that matter, those of the object that holds the key; `items` is
        the number of its items, or for each the members that matter. The rest is made up. `kind` is the name
        of the records in the contract, the first unless given. A record of the same key is replaced.
        """
        self._added += 1
        records = self._book.kinds.get(kind) if kind is not None else self._book.first
        if records is None:
            raise UsageError(f"no records are called '{kind}'; there are {', '.join(self._book.kinds)}")
        stated = records.stated
        *around, name = stated.key
        members = {str(name): record} if isinstance(record, str) else dict(record or {})
        key = str(members.get(str(name), f"{records.single}-{self._added}"))
        given = [{}] * items if isinstance(items, int) else list(items)
        data = records.data(replace(records.sample(key), items={}))
        value_below(data, tuple(around)).update(members)
        if stated.items is not None:
            samples = (records.sample(f"{key}/{number}") for number in range(len(given)))
            items_of = (next(iter(one.items.values())) for one in samples)
            made = [{**sample, **item} for sample, item in zip(items_of, given, strict=True)]
            put(data, stated.items.at, made)
        for tokens, fault in records.faults(data):
            raise UsageError(f"cannot add this {records.single}: {pointer(tokens)} {fault}")
        stored = records.stored(data)
        self._store.remove(stored.kind, stored.id)
        self._store.add([stored])
        return self._told(records, stored)

    def _told(self, kind: RecordKind, stored: StoredRecord) -> dict[str, Any]:
        """Return a record's data as the readings taken have them."""
        for one in self._book.looking_up():
            if one.lookup.records is kind.stated:
                writer = Writer(self._contract, one.operation, self._settings.choices, self._book)
                value = writer.success_value(self._book.data_of(one.lookup, stored))
                told: dict[str, Any] = value_below(value, writer.envelope.data) if writer.envelope else value
                return told
        return kind.data(stored)

    @contextmanager
    def scenario(self, name: str, seconds: float | None = None) -> Iterator[None]:
        """Misbehave in the context; `seconds` is how long the scenarios take that take time."""
        find_scenario(self._scenarios, name)
        before = self._settings
        took = before.slow_seconds if seconds is None else seconds
        self._appear(replace(before, scenario=name, slow_seconds=took))
        try:
            yield
        finally:
            self._appear(replace(self._settings, scenario=before.scenario, slow_seconds=before.slow_seconds))

    def choose(self, *picks: str) -> None:
        """Take other readings, each `QUESTION=READING`, of what nobody knows about the vendor."""
        self._appear(replace(self._settings, choices=self._settings.choices.changed(picks)))

    def replay(self, *paths: str | Path) -> "Replay":
        """Answer from recordings, files or folders, from now on; what they have not is answered as before.

        Returns what can be asked: `asked("by-customer")` and `asked("by-token")`.
        """
        from opay_contract.mock.replay import load_replay  # noqa: PLC0415  reads every format

        replay = load_replay(self._contract, [str(path) for path in paths])
        self._appear(replace(self._settings, replay=replay))
        return replay

    def reset(self) -> None:
        """Forget what was added, asked, chosen and asked for, as if the test began."""
        self._store.reset(self._book.examples())
        self._heard = []
        self._added = 0
        self._appear(MockSettings(choices=assumed_choices(self._contract)))

    def check(self, *, fail_on: str | None = None, signed: bool = True) -> tuple[Finding, ...]:
        """Raise a `DriftError` where an exchange drifts from the contract; return lesser findings.

        What a scenario does on purpose, or a recorded answer has, is not counted. What is left is the
        client's doing, as a path or a method that the contract does not have, or a wrong signature;
        `signed=False` says that it was meant.
        """
        __tracebackhide__ = True
        if not self._heard:
            raise NothingCheckedError("nothing was checked: the mock was not called")
        findings = [
            finding
            for exchange, settings in self._heard
            for finding in self._unexpected(exchange, settings)
            if signed or finding.rule.id != SIGNATURE_MISMATCH.id
        ]
        hints = {hint for exchange, _ in self._heard if (hint := self._hint(exchange))}
        return self._checker.raise_or_return(findings, fail_on, sorted(hints))

    def describe_calls(self) -> str:
        """Return a line for each call, with the reason where it was refused and without a value of it."""
        told = []
        for number, exchange in enumerate(self.exchanges, 1):
            hint = self._hint(exchange)
            line = f"{number}. {render_call(describe_call(exchange, self._contract))}"
            told.append(f"{line} ({hint})" if hint else line)
        left_out = [f"({len(told) - _MOST_CALLS} earlier calls)"] if len(told) > _MOST_CALLS else []
        return "\n".join([*left_out, *told[-_MOST_CALLS:]]) or "no call"

    def _hint(self, exchange: Exchange) -> str:
        """Name the trap of taking `url` for `base_url`, where a client fell into it."""
        is_twice = (exchange.request.url or "").count(self._operation.path) > 1
        return "give a client that appends the path opay_mock.base_url, not opay_mock.url" if is_twice else ""

    def _appear(self, settings: MockSettings) -> None:
        """Answer with these settings from now on; a request in flight is answered with those before."""
        heard = self._heard

        def hear(exchange: Exchange) -> None:
            place = Place(source=0, entry=len(heard) + 1, file="call")
            heard.append((structs.replace(exchange, place=place), settings))

        self._settings = settings
        self._stage.app = build_app(self._contract, settings, self._store, listeners=[hear])

    def _unexpected(self, exchange: Exchange, settings: MockSettings) -> Iterator[Finding]:
        played = _PLAYED.search(header(exchange.response.headers, REASON_HEADER.decode()) or "")
        scenario = self._scenarios.get(played[1]) if played else None
        expected = scenario.rules if scenario else ()
        return (
            finding
            for finding in self._checker.bar.policy.findings(self._findings(exchange))
            if finding.rule.id not in expected and (settings.replay is None or _is_of_client(finding))
        )

    def _findings(self, exchange: Exchange) -> Iterator[Finding]:
        """Yield the findings of an exchange; a call of what the contract lacks is one, refused or not."""
        ours = with_known_host(exchange, self._contract)
        match = self._contract.match(ours)
        if match.route.in_scope and match.route.operation is None:
            yield from check_route(self._contract, ours, match)
            return
        found = list(self._checker.findings(exchange, self.private_key))
        yield from found
        if all(one.rule.id != SIGNATURE_MISMATCH.id for one in found):
            yield from self._wrong_signature(exchange, match)

    def _wrong_signature(self, exchange: Exchange, match: Match) -> Iterator[Finding]:
        """Yield a finding of a call that was refused for its signature: in recordings that is none."""
        operation, scheme = match.route.operation, self._contract.signature
        if operation is None or not operation.is_signed or scheme is None or self._doctor is None:
            return
        diagnosis = self._doctor.examine(exchange.request)
        if diagnosis is not None and diagnosis.is_sound:
            return
        header_name = scheme.header
        yield Finding(
            rule=SIGNATURE_MISMATCH,
            operation=operation.id,
            outcome=match.outcome,
            pointer=header_name,
            expected="the signature of the body",
            actual=diagnosis.explain() if diagnosis else f"no {header_name}",
            contract=self._contract.schemas.place(self._contract.signature_uri),
            place=exchange.place,
            recorded_at=exchange.recorded_at,
        )


def _is_of_client(finding: Finding) -> bool:
    """Tell whether a finding is about what was asked; a recorded answer is not the client's doing."""
    if finding.pointer.startswith("response-header:"):
        return False
    return finding.rule.area in _AREAS_OF_CLIENT or finding.pointer.startswith("request")
