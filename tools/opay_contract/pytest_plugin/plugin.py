"""What pytest loads: fixtures `opay_mock` and `opay_contract`, two markers, `--opay-recordings`.

It is imported in every run of whoever has the package installed, so it imports nothing but pytest: the rest
comes when a fixture or the marker is used.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opay_contract.contract.contract import Contract
    from opay_contract.pytest_plugin.checking import Bar, OpayContract
    from opay_contract.pytest_plugin.mocking import AppSwitcher, OpayMock
    from opay_contract.settings import ProjectSettings

_MARKER, _RECORD = "opay_scenario", "opay_record"
_SUITE = "opay_contract.suite"
_DIRECTORY = "opay_contract_dir"
_FAIL_ON = "opay_contract_fail_on"
_RECORDINGS, _BASE_URL, _SUCCESSES = "--opay-recordings", "--opay-base-url", "--opay-require-success"
_CONFIG, _BASELINE = "--opay-config", "--opay-baseline"
OUTCOMES = "opay_outcomes"
"""The property of a test's report that says how the calls in its recording ended."""
_CONTRACT = pytest.StashKey["Contract"]()
_SETTINGS = pytest.StashKey["ProjectSettings"]()
_CHECKER = pytest.StashKey["OpayContract"]()
_MOCK = pytest.StashKey["OpayMock"]()
_PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings and options."""
    group = parser.getgroup("opay-contract")
    group.addoption(
        _RECORDINGS,
        action="append",
        metavar="PATH",
        help="a recording, or a folder of them: each file is a test that fails where it drifts",
    )
    group.addoption(
        _BASE_URL,
        action="append",
        metavar="URL",
        help="a server whose recordings count, beside the contract's",
    )
    group.addoption(
        _SUCCESSES,
        type=_number,
        metavar="N",
        help="how many exchanges of all recordings have to succeed, else the run fails; by default one, "
        "0 says that all may be refused",
    )
    group.addoption(
        _CONFIG,
        metavar="FILE",
        help="a file with the settings of opay-contract; by default the nearest pyproject.toml that has them",
    )
    group.addoption(_BASELINE, metavar="FILE", help="findings that are accepted and fail no test")
    parser.addini(
        _DIRECTORY,
        "the contract's file, or the folder with openapi.yaml and schemas/; empty: as in the settings",
    )
    parser.addini(_FAIL_ON, "least severity of a finding that fails a check; empty: as in the settings")


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Load the suite's options where its tests are asked for; nobody else is to see them."""
    if _SUITE in args:
        early_config.pluginmanager.import_plugin(f"{_SUITE}.plugin")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that --strict-markers knows it."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(name, seconds=3.0): opay_mock misbehaves in this test; names as in `opay-contract mock "
        "--scenarios`, seconds for those that take time",
    )
    config.addinivalue_line(
        "markers",
        f"{_RECORD}: where the test passes, what opay_mock saw and opay_contract checked is "
        "written beside it, redacted, to recordings/MODULE/TEST.ndjson, unless that is there",
    )
    if config.getoption(_RECORDINGS) and not _is_worker(config):
        _settings(config)  # what is wrong with them ends the run here, and not in some process
        config.pluginmanager.register(_Successes(config), "opay-contract-successes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the recordings, and refuse a marker that would do nothing, or something else than was meant."""
    if paths := config.getoption(_RECORDINGS):
        items.extend(_recordings(session, paths))
    if not _is_worker(config):
        for item in items:
            if fault := _fault_of_marker(item):
                raise pytest.UsageError(fault)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse it where the tests run in several processes: these cannot refuse the run."""
    if _is_worker(item.config) and (fault := _fault_of_marker(item)):
        pytest.fail(fault, pytrace=False)
    if checker := item.config.stash.get(_CHECKER, None):
        checker.checked.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Write the calls of a test that passed, where its marker asks for it, before its mock is gone."""
    try:
        if item.get_closest_marker(_RECORD) and item.stash.get(_PASSED, False):
            _record(item)
    finally:
        yield


def _record(item: pytest.Item) -> None:
    from opay_contract.pytest_plugin.checking import NothingCheckedError, record_calls  # noqa: PLC0415  heavy

    name = re.sub(r"[^\w.-]+", "-", item.name).strip("-")
    path = item.path.parent / "recordings" / item.path.stem / f"{name}.ndjson"
    if path.exists():
        return
    mock, checker = item.stash.get(_MOCK, None), item.config.stash[_CHECKER]
    calls, own = (mock.exchanges, mock.base_url) if mock else ([], None)
    calls += [one for one in checker.checked if not own or not (one.request.url or "").startswith(own)]
    if not calls:
        what = "the mock was not called" if mock else "no response was checked"
        raise NothingCheckedError(f"nothing was recorded: {what}")
    record_calls(path, calls, checker.contract, mock.private_key if mock else None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside a failure what the test's mock was asked, and why it refused what it refused."""
    report = yield
    mock = item.stash.get(_MOCK, None)
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    if mock is not None and report.failed:
        report.sections.append(("opay_mock saw", mock.describe_calls()))
    return report


class _Successes:
    """Gathers how the calls of all recordings ended, and fails the run where too few succeeded.

    A single recording may well hold refusals alone, so no test fails for that.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._packed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test's report says, also from another process."""
        if report.when == "call":
            self._packed.extend(str(value) for name, value in report.user_properties if name == OUTCOMES)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the run when all tests are done."""
        result = yield
        if self._packed:
            from opay_contract.pytest_plugin.checking import find_shortage, join_packed  # noqa: PLC0415  heavy

            required = self._config.getoption(_SUCCESSES)
            session.testsfailed += find_shortage(join_packed(self._packed), required)
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how the calls ended, and what was not checked."""
        if self._packed:
            from opay_contract.pytest_plugin.checking import describe_run, join_packed  # noqa: PLC0415  heavy

            terminalreporter.section("opay-contract")
            required = self._config.getoption(_SUCCESSES)
            for line in describe_run(join_packed(self._packed), required, _contract(self._config)):
                terminalreporter.write_line(line)


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


@pytest.fixture(scope="session")
def opay_contract(pytestconfig: pytest.Config) -> "OpayContract":
    """The contract; `check(response)` raises with a list of findings where an answer drifts from it."""
    from opay_contract.pytest_plugin.checking import OpayContract  # noqa: PLC0415  heavy

    made = pytestconfig.stash[_CHECKER] = OpayContract(_contract(pytestconfig), _bar(pytestconfig))
    return made


@pytest.fixture
def opay_mock(
    request: pytest.FixtureRequest, opay_contract: "OpayContract", _opay_stage: "AppSwitcher"
) -> Iterator["OpayMock"]:
    """A mock of the sandbox, this test's own: it verifies signatures and answers as the contract says."""
    from opay_contract.pytest_plugin.mocking import OpayMock  # noqa: PLC0415  heavy

    marker = request.node.get_closest_marker(_MARKER)
    with ExitStack() as stack:
        mock = stack.enter_context(OpayMock(opay_contract, _opay_stage))
        request.node.stash[_MOCK] = mock
        if marker is not None:
            stack.enter_context(mock.scenario(*marker.args, **marker.kwargs))
        yield mock


@pytest.fixture(scope="session")
def _opay_stage() -> Iterator["AppSwitcher"]:
    """The server in which every test's mock appears."""
    from opay_contract.errors import UsageError  # noqa: PLC0415  of no use before

    try:  # heavy and optional
        from opay_contract.pytest_plugin.mocking import open_stage  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            "opay_mock needs starlette and uvicorn: pip install 'opay-contract[mock]'"
        ) from error
    with open_stage() as stage:
        yield stage


def _recordings(session: pytest.Session, paths: list[str]) -> Iterator[pytest.Item]:
    from opay_contract.contract.loading import load_contract  # noqa: PLC0415  heavy, as all that follows
    from opay_contract.pytest_plugin.checking import iter_items  # noqa: PLC0415

    config = session.config
    base_urls = tuple(config.getoption(_BASE_URL) or _settings(config).base_url)
    return iter_items(session, paths, load_contract(_directory(config), base_urls), _bar(config))


def _settings(config: pytest.Config) -> "ProjectSettings":
    """Return the project's settings: of the file that is named, or of the root folder of the tests."""
    from opay_contract.errors import UsageError  # noqa: PLC0415  of no use before
    from opay_contract.settings import load_settings  # noqa: PLC0415  heavy

    if _SETTINGS not in config.stash:
        named = config.getoption(_CONFIG)
        try:
            config.stash[_SETTINGS] = load_settings(Path(named) if named else None, config.rootpath)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_SETTINGS]


def _bar(config: pytest.Config) -> "Bar":
    from opay_contract.pytest_plugin.checking import build_bar  # noqa: PLC0415  heavy

    return build_bar(_settings(config), config.getoption(_BASELINE), config.getini(_FAIL_ON))


def _directory(config: pytest.Config) -> Path | None:
    named = config.getini(_DIRECTORY)
    return config.rootpath / named if named else _settings(config).contract


def _contract(config: pytest.Config) -> "Contract":
    from opay_contract.contract.loading import load_contract  # noqa: PLC0415  heavy

    if _CONTRACT not in config.stash:
        config.stash[_CONTRACT] = load_contract(_directory(config))
    return config.stash[_CONTRACT]


def _is_worker(config: pytest.Config) -> bool:
    """Tell a process of pytest-xdist that runs tests for another."""
    return hasattr(config, "workerinput")


def _fault_of_marker(item: pytest.Item) -> str | None:
    marker, record = item.get_closest_marker(_MARKER), item.get_closest_marker(_RECORD)
    if marker is not None and (len(marker.args) != 1 or marker.kwargs.keys() - {"seconds"}):
        return f"{item.nodeid}: write the marker as {_MARKER}(name) or {_MARKER}(name, seconds=1)"
    if record is not None and (record.args or record.kwargs):
        return f"{item.nodeid}: write the marker as {_RECORD}, without arguments"
    fixtures = getattr(item, "fixturenames", ())
    if marker is not None and "opay_mock" not in fixtures:
        return f"{item.nodeid}: {_MARKER} does nothing in a test without the fixture opay_mock"
    if record is not None and not {"opay_mock", "opay_contract"} & set(fixtures):
        return f"{item.nodeid}: {_RECORD} does nothing in a test without opay_mock or opay_contract"
    if marker is None:
        return None
    from opay_contract.errors import UsageError  # noqa: PLC0415  heavy, as all that follows
    from opay_contract.mock.scenarios import build_scenarios, find_scenario  # noqa: PLC0415

    try:
        find_scenario(build_scenarios(_contract(item.config).operations), marker.args[0])
    except UsageError as error:
        return f"{item.nodeid}: {error}"
    return None
