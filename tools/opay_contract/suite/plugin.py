"""The suite for pytest: which target it talks to, how carefully, with how many examples, and what it found.

It is loaded with `-p`, or by opay-contract's own plugin where `opay_contract.suite` is among pytest's
arguments, so that the options are known whatever paths pytest is called with.
"""

import os
import secrets
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from msgspec.structs import asdict

import opay_contract
from opay_contract.contract.contract import Contract, with_base_url
from opay_contract.contract.documents import default_directory, locate_root
from opay_contract.contract.loading import load_contract
from opay_contract.errors import OpayContractError, UnreachableError, UsageError
from opay_contract.suite.api import Api
from opay_contract.suite.breach import (
    REPORTED,
    Discrepancy,
    breach_in,
    discrepancies_of,
    distinct_findings,
    render_findings_markdown,
    render_findings_text,
)
from opay_contract.suite.client import Client, Listener, RatePolicy, share
from opay_contract.suite.questions import LACKS, MOCK, NEEDS, ApiJudge, ApiTarget, Questions
from opay_contract.suite.targets import (
    NO_OPERATION,
    PROBES,
    ProbeResult,
    find_target,
    judge_of,
    probe,
    running_mock,
)
from opay_contract.words import count

PACKAGE = Path(opay_contract.__file__).parent

REAL_PROFILE = "real"
PACE, BUDGET, TRIES = 2.0, 500, 5
"""What a real target is asked: requests a second, requests in all, and times that one is tried."""

_KEY_LENGTH = 32
_KEY_INPUT, _SPACE_INPUT, _SENT_OUTPUT = "opay_redaction_key", "opay_has_space", "opay_sent"

_PROFILES: dict[str, dict[str, Any]] = {
    "dev": {},
    "ci": {"derandomize": True, "database": None, "print_blob": True},
    "nightly": {"max_examples": 1000, "print_blob": True},
    REAL_PROFILE: {
        "max_examples": 5,
        "derandomize": True,
        "database": None,
        "report_multiple_bugs": False,
        "phases": [Phase.explicit, Phase.generate],  # to shrink what failed costs requests
        "verbosity": Verbosity.quiet,  # what is made up for a real target may name a real customer
    },
}
for _name, _kept in _PROFILES.items():
    settings.register_profile(_name, deadline=None, suppress_health_check=[HealthCheck.too_slow], **_kept)


@dataclass(slots=True, kw_only=True, eq=False)
class SuiteRun:
    """What a run of pytest knows of the suite; `target` is None for a mock of its own.

    It is a plugin of pytest itself. Whoever runs pytest in process gives it one, and reads what became of it.
    """

    is_alone: bool = False
    """Whether the run is of nothing else."""
    target: ApiTarget | None = None
    rate_policy: RatePolicy = field(default_factory=RatePolicy)
    redaction_key: bytes = field(default=b"", repr=False)
    has_space: bool = True
    probed: ProbeResult | None = None
    client: Client | None = None
    sent: int = 0
    """Requests that were sent, those of other processes too; the client counts on from there."""
    counts: Counter[str] = field(default_factory=Counter)
    """Tests by outcome."""
    failed: list[tuple[str, Discrepancy]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Tests that the contract has nothing for, by what it lacks."""
    was_cut_short: bool = False
    """Whether the budget was used up, or the target gone, before everything was asked."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test's report says, also from another process."""
        if report.when == "call" or report.failed:
            self.counts[report.outcome] += 1
            test = report.nodeid.rpartition("::")[2]
            self.failed.extend((test, one) for one in discrepancies_of(report))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Count what a process of pytest-xdist sent."""
        self.sent += getattr(node, "workeroutput", {}).get(_SENT_OUTPUT, 0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the distinct findings, and say how much of the budget was used."""
        found = distinct_findings(self.failed)
        if found:
            terminalreporter.section(count(len(found), "distinct finding"))
            for line in render_findings_text(found):
                terminalreporter.write_line(line)
        for name, number in sorted(self.left_out.items()):
            terminalreporter.write_line(f"left out: {count(number, 'test')}, as {LACKS[name]}")
        if self.target is not None:
            said = f"target: {self.requests} of {self.rate_policy.budget} requests sent"
            terminalreporter.write_line(said)

    @property
    def requests(self) -> int:
        """How many requests the run sent, the probe's and retries included."""
        return self.sent if self.client is None else self.client.sent

    def markdown(self) -> str:
        """Return the findings for a page of a pipeline's run."""
        found = distinct_findings(self.failed)
        name = self.target.name if self.target is not None else MOCK
        verdict = count(len(found), "distinct finding") if self.counts["failed"] else "No finding"
        tests = f"{self.counts['passed']} of {count(self.counts.total(), 'test')} passed"
        sent = f", {count(self.requests, 'request')} sent" if self.target is not None else ""
        if self.probed is not None and self.probed.trouble:
            verdict, tests, sent = "Nothing was tested", self.probed.trouble, ""
        return render_findings_markdown(found, f"opay-contract test: {name}", f"{verdict}; {tests}{sent}.")


_RUN = pytest.StashKey[SuiteRun]()
_CONTRACT = pytest.StashKey[Contract]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a target."""
    group = parser.getgroup("target", "which server the contract tests talk to")
    group.addoption("--target", default=MOCK, help="mock (as it is unless set), sandbox, or a URL")
    group.addoption(
        "--contract", type=Path, metavar="PATH", help="the contract; that of the package unless set"
    )
    group.addoption("--allow-production", action="store_true", help="let --target be production")
    group.addoption("--pace", type=float, default=PACE, help=f"requests a second to a real target ({PACE:g})")
    group.addoption("--budget", type=int, default=BUDGET, help=f"requests to a real target in all ({BUDGET})")
    group.addoption("--record-to", type=Path, metavar="FILE", help="append what the target answers, redacted")
    group.addoption("--markdown", type=Path, metavar="FILE", help="write the findings as Markdown")


@pytest.hookimpl(tryfirst=True)  # so that hypothesis' own options change the profile, and not the reverse
def pytest_configure(config: pytest.Config) -> None:
    """Settle target, care and profile before anything is collected."""
    given = [one for one in config.pluginmanager.get_plugins() if isinstance(one, SuiteRun)]
    config.stash[_RUN] = run = given[0] if given else SuiteRun()
    if not given:
        config.pluginmanager.register(run, "opay-contract-suite-run")
    inherited = getattr(config, "workerinput", {})
    name, allowed = config.getoption("--target"), config.getoption("--allow-production")
    if name != MOCK:
        try:
            run.target = find_target(name, os.environ, contract_of(config), allow_production=allowed)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
    run.rate_policy = _find_care(config) if run.target else RatePolicy()
    run.has_space = inherited.get(_SPACE_INPUT, True)
    key = inherited.get(_KEY_INPUT)
    run.redaction_key = bytes.fromhex(key) if key else secrets.token_bytes(_KEY_LENGTH)
    settings.load_profile(_profile(config))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Probe a real target; where something is wrong with it, nothing else is asked."""
    config = session.config
    run = config.stash[_RUN]
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if run.is_alone:  # pytest shows no header
        _say(config, *pytest_report_header(config)[:2])
    if run.target is None:
        return
    with _asking(config, run, run.target) as client:
        try:
            run.probed = probe(Api(judge=judge_of(run.target, contract_of(config)), client=client))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        run.sent, run.has_space = client.sent, run.probed.api.judge.has_space
    if run.probed.trouble:
        raise pytest.UsageError(run.probed.trouble)
    _say(config, f"probe: {run.probed.describe()} ({count(run.sent, 'request')})")


def _say(config: pytest.Config, *lines: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines if reporter else ():
        reporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each process of pytest-xdist the same key, so that the same customer gets the same pseudonym."""
    run = node.config.stash[_RUN]
    node.workerinput |= {_KEY_INPUT: run.redaction_key.hex(), _SPACE_INPUT: run.has_space}


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the run talks to, and how."""
    run = config.stash[_RUN]
    profile = f"hypothesis profile '{_profile(config)}'"
    record, care = config.getoption("--record-to"), run.rate_policy
    kept = f"recorded to {record}" if record else "not recorded"
    if run.target is None:
        return [f"target: the mock, without a budget; {profile}" + (f"; {kept}" if record else "")]
    return [
        f"target: {run.target.name} at {run.target.base_url}; {profile}",
        f"budget: {care.budget} requests, {care.pace:g} a second, {care.tries} tries each; {kept}",
        "deselected: tests that do not ask the target",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the contract has nothing for, and what does not ask a target that is not the mock."""
    run = config.stash[_RUN]
    needs = {item: getattr(getattr(item, "function", None), NEEDS, ()) for item in items}
    if any(needs.values()):
        had = Questions(contract_of(config)).had
        lacking = {item: set(names) - had for item, names in needs.items()}
        run.left_out.update(min(lacks) for lacks in lacking.values() if lacks)
        config.hook.pytest_deselected(items=[item for item in items if lacking[item]])
        items[:] = [item for item in items if not lacking[item]]
    if run.target is not None:  # a recording was asked for by its own option
        others = [item for item in items if "target" not in getattr(item, "fixturenames", ("target",))]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what was found in the suite's words, no answer of a real target, and end a run without a budget.

    What did not run must not look like success.
    """
    report = yield
    run = item.config.stash[_RUN]
    if call.excinfo is not None and report.failed:
        breach = breach_in(call.excinfo.value)
        if breach is not None:
            report.longrepr = str(breach)
            report.sections.clear()
            report.__dict__[REPORTED] = [asdict(one) for one in breach.discrepancies]
        elif run.target is not None:
            report.longrepr = _without_values(call.excinfo, item.config.rootpath)
            report.sections.clear()
        if isinstance(call.excinfo.value, UnreachableError):  # each test more would wait for it in vain
            run.was_cut_short = True
            item.session.shouldfail = f"the target is gone: {call.excinfo.value}"
    if run.client is not None and run.client.was_refused:
        run.was_cut_short = True
        item.session.shouldfail = (
            f"the budget of {run.client.rate_policy.budget} requests is used up; raise --budget"
        )
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that began the run how much was sent from here."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[_SENT_OUTPUT] = config.stash[_RUN].requests


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the findings, where they were asked for."""
    path = config.getoption("--markdown")
    if path is not None and not hasattr(config, "workerinput"):
        path.write_text(config.stash[_RUN].markdown(), encoding="utf-8")


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[ApiTarget]:
    """The server that the run talks to; the mock starts here, with its admin path."""
    found = pytestconfig.stash[_RUN].target
    if found is not None:
        yield found
        return
    with running_mock(contract_of(pytestconfig)) as mock:
        yield mock


@pytest.fixture(scope="session")
def judge(pytestconfig: pytest.Config, target: ApiTarget) -> ApiJudge:
    """The contract, which the target is a server of, and what of it matters there."""
    return judge_of(target, contract_of(pytestconfig), has_space=pytestconfig.stash[_RUN].has_space)


@pytest.fixture(scope="session")
def contract_file(pytestconfig: pytest.Config) -> Path:
    """The first file of the contract."""
    named = pytestconfig.getoption("--contract")
    folder, name = locate_root(named or default_directory())
    return folder / name


@pytest.fixture(scope="session")
def client(pytestconfig: pytest.Config, target: ApiTarget) -> Iterator[Client]:
    """What every request to the target goes through."""
    run = pytestconfig.stash[_RUN]
    with _asking(pytestconfig, run, target) as made:
        run.client = made
        yield made


@pytest.fixture(scope="session")
def api(judge: ApiJudge, client: Client) -> Api:
    """The target, to be asked."""
    return Api(judge=judge, client=client)


@contextmanager
def _asking(config: pytest.Config, run: SuiteRun, target: ApiTarget) -> Iterator[Client]:
    """Make the client of a run, which records where that is asked for."""
    path = config.getoption("--record-to")
    with ExitStack() as stack:
        contract = contract_of(config)
        listeners = [_recorder(stack, path, run.redaction_key, target, contract)] if path else []
        made = Client(run.rate_policy, listeners, sent=run.sent, certificates=target.certificates)
        stack.callback(made.close)
        yield made


def contract_of(config: pytest.Config) -> Contract:
    """Return the contract of a run, read once."""
    if _CONTRACT not in config.stash:
        named = config.getoption("--contract")
        try:
            config.stash[_CONTRACT] = load_contract(named)
        except OpayContractError as error:
            raise pytest.UsageError(str(error)) from None
        if not config.stash[_CONTRACT].operations:
            raise pytest.UsageError(NO_OPERATION)
    return config.stash[_CONTRACT]


def _find_care(config: pytest.Config) -> RatePolicy:
    pace, budget = config.getoption("--pace"), config.getoption("--budget")
    if not pace > 0:
        raise pytest.UsageError("--pace is to be more than 0 requests a second")
    if budget < 1:
        raise pytest.UsageError("--budget is to be 1 request at least")
    processes = getattr(config, "workerinput", {}).get("workercount")
    if processes is None:
        return RatePolicy(pace=pace, budget=budget, tries=TRIES)
    return share(RatePolicy(pace=pace, budget=max(0, budget - PROBES), tries=TRIES), processes)


def _without_values(excinfo: pytest.ExceptionInfo[BaseException], root: Path) -> str:
    """Return where a test failed, and the words of this project's own errors, which hold no value."""
    ours = isinstance(excinfo.value, OpayContractError) or _is_ours(excinfo.traceback[-1])
    shown = [entry for entry in excinfo.traceback if "site-packages" not in Path(entry.path).parts]
    places = [one for one in shown if Path(one.path).is_relative_to(root) or _is_ours(one)]
    lines = [f"{entry.path}:{entry.lineno + 1}: {entry.statement}" for entry in places]
    said = f": {excinfo.value}" if ours else "; run it against the mock to see values"
    return "\n".join([*lines, excinfo.typename + said])


def _is_ours(entry: Any) -> bool:
    return PACKAGE in Path(entry.path).parents


def _profile(config: pytest.Config) -> str:
    """Return the profile that was asked for, or the one that fits the target and the machine."""
    asked: str | None = config.getoption("--hypothesis-profile", default=None)
    if asked:
        return asked
    if config.stash[_RUN].target is not None:
        return REAL_PROFILE
    return "ci" if os.environ.get("CI") else "dev"


def _recorder(stack: ExitStack, path: Path, key: bytes, target: ApiTarget, contract: Contract) -> Listener:
    from opay_contract.record.files import Captured  # noqa: PLC0415  of no use but here
    from opay_contract.record.recorder import open_recorder  # noqa: PLC0415

    judged = with_base_url(contract, target.base_url)
    try:
        recorder = open_recorder(path, judged, key, target.private_key or None, say=warnings.warn)
    except UsageError as error:
        raise pytest.UsageError(f"--record-to: {error}") from None
    stack.callback(recorder.close)
    return lambda exchange: recorder.add([Captured(exchange=exchange)])
