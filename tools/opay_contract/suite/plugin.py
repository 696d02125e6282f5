"""Which target the tests talk to, how carefully, and with how many examples: options, header and fixtures.

It is loaded with `-p`, so that the options are known whatever paths pytest is called with: a conftest.py is
read early only where `testpaths` or the paths lead to it.
"""

import os
import secrets
import warnings
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Verbosity, settings

import opay_contract
from opay_contract.errors import OpayContractError, UsageError
from opay_contract.model.finding import Severity
from opay_contract.suite.client import Client, Listener, RatePolicy, share
from opay_contract.suite.targets import MOCK, Target, find_target

if TYPE_CHECKING:
    from opay_contract.contract.contract import Contract
    from opay_contract.suite.api import Api
    from opay_contract.suite.judge import Judge

PACKAGE = Path(opay_contract.__file__).parent

REAL_PROFILE = "real"
PACE, BUDGET, TRIES = 2.0, 500, 5
"""What a real target is asked: requests a second, requests in all, and times that one is tried."""

_KEY_LENGTH = 32
_KEY_OPTION = "opay_redaction_key"
_TARGET = pytest.StashKey[Target | None]()
_CARE = pytest.StashKey[RatePolicy]()
_KEY = pytest.StashKey[bytes]()
_CLIENT = pytest.StashKey[Client]()

_SLOW = [HealthCheck.too_slow]
settings.register_profile("dev", deadline=None, suppress_health_check=_SLOW)
settings.register_profile(
    "ci", deadline=None, suppress_health_check=_SLOW, derandomize=True, database=None, print_blob=True
)
settings.register_profile(
    "nightly", deadline=None, suppress_health_check=_SLOW, max_examples=1000, print_blob=True
)
settings.register_profile(
    REAL_PROFILE,
    deadline=None,
    suppress_health_check=_SLOW,
    max_examples=5,
    derandomize=True,
    database=None,
    verbosity=Verbosity.quiet,  # what is made up for a real target may name a real customer
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a target."""
    group = parser.getgroup("target", "which server the contract tests talk to")
    group.addoption("--target", default=MOCK, help="mock (as it is unless set), sandbox, or a URL")
    group.addoption("--allow-production", action="store_true", help="let --target be production")
    group.addoption("--pace", type=float, default=PACE, help=f"requests a second to a real target ({PACE:g})")
    group.addoption("--budget", type=int, default=BUDGET, help=f"requests to a real target in all ({BUDGET})")
    group.addoption(
        "--record-to", type=Path, metavar="FILE", help="append what a real target answers, redacted"
    )


@pytest.hookimpl(tryfirst=True)  # so that hypothesis' own options change the profile, and not the reverse
def pytest_configure(config: pytest.Config) -> None:
    """Settle target, care and profile before anything is collected."""
    config.addinivalue_line("markers", "mock_only: needs the mock; no part of a run against another target")
    config.stash[_TARGET] = target = _find_target(config)
    config.stash[_CARE] = _find_care(config) if target else RatePolicy()
    key = getattr(config, "workerinput", {}).get(_KEY_OPTION)
    config.stash[_KEY] = bytes.fromhex(key) if key else secrets.token_bytes(_KEY_LENGTH)
    settings.load_profile(_profile(config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each process of pytest-xdist the same key, so that the same customer gets the same pseudonym."""
    node.workerinput[_KEY_OPTION] = node.config.stash[_KEY].hex()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the run talks to, and how."""
    target, rate_policy = config.stash[_TARGET], config.stash[_CARE]
    profile = f"hypothesis profile '{_profile(config)}'"
    if target is None:
        return [f"target: the mock, without a budget; {profile}"]
    record = config.getoption("--record-to")
    pace, budget = config.getoption("--pace"), config.getoption("--budget")
    kept = f"recorded to {record}" if record else "not recorded"
    return [
        f"target: {target.name} at {target.base_url}; {profile}",
        f"budget: {budget} requests, {pace:g} a second, {rate_policy.tries} tries each; {kept}",
        "deselected: tests that do not ask the target, or need a mock's admin path or misbehaviour",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the mock, or asks nobody, where the target is another."""
    if config.stash[_TARGET] is None:
        return
    config.hook.pytest_deselected(items=[item for item in items if not _asks_any_target(item)])
    items[:] = [item for item in items if _asks_any_target(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show no answer of a real target, and end the run when the budget is used up.

    What did not run must not look like success.
    """
    report = yield
    if item.config.stash[_TARGET] is not None and report.failed and call.excinfo is not None:
        report.longrepr = _without_values(call.excinfo, item.config.rootpath)
        report.sections.clear()
    client = item.config.stash.get(_CLIENT, None)
    if client is not None and client.was_refused:
        item.session.shouldfail = (
            f"the budget of {client.rate_policy.budget} requests is used up; raise --budget"
        )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much of the budget was used."""
    client = config.stash.get(_CLIENT, None)
    if client is not None and config.stash[_TARGET] is not None:
        terminalreporter.write_line(f"target: {client.sent} of {client.rate_policy.budget} requests sent")


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The server that the run talks to; the mock starts here, with its admin path."""
    found = pytestconfig.stash[_TARGET]
    if found is not None:
        yield found
        return
    with _running_mock() as mock:
        yield mock


@pytest.fixture(scope="session")
def target_contract(target: Target) -> "Contract":
    """The contract, which the target is a server of."""
    from opay_contract.contract.loading import load_contract  # noqa: PLC0415  heavy

    return load_contract(base_urls=(target.base_url,))


@pytest.fixture(scope="session")
def client(pytestconfig: pytest.Config, target: Target, target_contract: "Contract") -> Iterator[Client]:
    """What every request to the target goes through."""
    with ExitStack() as stack:
        path = pytestconfig.getoption("--record-to") if pytestconfig.stash[_TARGET] else None
        key = pytestconfig.stash[_KEY]
        listeners = [_recorder(stack, path, target_contract, key, target)] if path else []
        made = Client(pytestconfig.stash[_CARE], listeners)
        stack.callback(made.close)
        pytestconfig.stash[_CLIENT] = made
        yield made


@pytest.fixture(scope="session")
def judge(target: Target, target_contract: "Contract") -> "Judge":
    """Everything that the mock answers is ours to get right; elsewhere, errors fail a test."""
    from opay_contract.suite.judge import Judge  # noqa: PLC0415  heavy

    fail_on = Severity.ERROR if target.is_real else Severity.INFO
    return Judge(contract=target_contract, target=target, fail_on=fail_on)


@pytest.fixture(scope="session")
def api(judge: "Judge", client: Client) -> "Api":
    """The target, to be asked."""
    from opay_contract.suite.api import Api  # noqa: PLC0415  heavy

    return Api(judge=judge, client=client)


def _asks_any_target(item: pytest.Item) -> bool:
    """Tell whether a test asks the target, and may ask any; a recording was asked for by its own option."""
    asks = "target" in getattr(item, "fixturenames", ("target",))
    return asks and item.get_closest_marker("mock_only") is None


def _find_target(config: pytest.Config) -> Target | None:
    from opay_contract.contract.loading import load_contract  # noqa: PLC0415  heavy

    name = config.getoption("--target")
    if name == MOCK:
        return None
    try:
        return find_target(
            name, os.environ, load_contract(), allow_production=config.getoption("--allow-production")
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _find_care(config: pytest.Config) -> RatePolicy:
    pace, budget = config.getoption("--pace"), config.getoption("--budget")
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if not pace > 0:
        raise pytest.UsageError("--pace is to be more than 0 requests a second")
    if budget < processes:
        raise pytest.UsageError("--budget is to be 1 request at least, for each process")
    return share(RatePolicy(pace=pace, budget=budget, tries=TRIES), processes)


def _without_values(excinfo: pytest.ExceptionInfo[BaseException], root: Path) -> str:
    """Return where a test failed, and the words of this project's own errors, which hold no value."""
    raised = excinfo.traceback[-1]
    ours = isinstance(excinfo.value, OpayContractError) or PACKAGE in Path(raised.path).parents
    places = [entry for entry in excinfo.traceback if Path(entry.path).is_relative_to(root)]
    lines = [f"{entry.path}:{entry.lineno + 1}: {entry.statement}" for entry in places]
    said = f": {excinfo.value}" if ours else "; run it against the mock to see values"
    return "\n".join([*lines, excinfo.typename + said])


def _profile(config: pytest.Config) -> str:
    """Return the profile that was asked for, or the one that fits the target and the machine."""
    asked: str | None = config.getoption("--hypothesis-profile", default=None)
    if asked:
        return asked
    if config.stash[_TARGET] is not None:
        return REAL_PROFILE
    return "ci" if os.environ.get("CI") else "dev"


def _recorder(stack: ExitStack, path: Path, contract: "Contract", key: bytes, target: Target) -> Listener:
    from opay_contract.record.capture import captured_of  # noqa: PLC0415  of no use but here
    from opay_contract.record.files import RotatingFile  # noqa: PLC0415
    from opay_contract.record.recorder import Recorder  # noqa: PLC0415
    from opay_contract.redact.redactor import Redactor  # noqa: PLC0415

    try:
        file = RotatingFile(path)
    except UsageError as error:
        raise pytest.UsageError(f"--record-to: {error}") from None
    recorder = Recorder(file, Redactor(contract, key, target.private_key), say=warnings.warn)
    stack.callback(recorder.close)
    return lambda exchange: recorder.add([captured_of(exchange)])


@contextmanager
def _running_mock() -> Iterator[Target]:
    from opay_contract.contract.loading import load_contract  # noqa: PLC0415  heavy, as all that follows
    from opay_contract.mock.app import build_app  # noqa: PLC0415
    from opay_contract.mock.choices import assumed_choices  # noqa: PLC0415
    from opay_contract.mock.customers import Seeds  # noqa: PLC0415
    from opay_contract.mock.request_handler import MockSettings  # noqa: PLC0415
    from opay_contract.mock.serving import running  # noqa: PLC0415
    from opay_contract.mock.store import Store  # noqa: PLC0415

    contract = load_contract()
    made = MockSettings(choices=assumed_choices(contract.questions), admin=True, slow_seconds=0)
    customers = Seeds(contract).examples()
    with Store() as store:
        store.add(customers)
        app = build_app(contract, made, store, initial=customers)
        with running(app) as base_url:
            yield Target(
                name=MOCK,
                base_url=base_url,
                merchant_id=made.credentials.merchant_id,
                private_key=made.credentials.private_key,
                customer_id=customers[0].id,
            )
