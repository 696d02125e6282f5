"""The options that choose a target, in runs of their own; the only real target here is on the loopback."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.responses import Response

from opay_contract.cli.main import cli
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.mock.app import build_app
from opay_contract.mock.choices import assumed_choices
from opay_contract.mock.customers import Seeds
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.finding import Severity
from opay_contract.pytest_plugin.collection import summarize
from opay_contract.recordings.inputs import Source
from opay_contract.suite.targets import find_target

ROOT = Path(__file__).parents[3]
API = "contract_tests/api/"
EXAMPLES = "tools/opay_contract/suite/test_answers.py"
CREDENTIALS = {
    "OPAY_MERCHANT_ID": "299911112222333",
    "OPAY_PRIVATE_KEY": "OPAYPRV_TEST_ANOTHER",
    "OPAY_CUSTOMER_ID": "121111113",
}
PRODUCTION = "https://cashierapi.opaycheckout.com"


class _Staging:
    """A server that is not ours: it knows one merchant, and refuses the first requests for haste."""

    def __init__(self, app: Any, refusals: int) -> None:
        self.app, self.refusals, self.seen = app, refusals, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen += 1
        if self.seen <= self.refusals:
            await Response("", 429, {"Retry-After": "0"})(scope, receive, send)
            return
        await self.app(scope, receive, send)


@pytest.fixture
def staging() -> Iterator[tuple[str, _Staging]]:
    contract = load_contract()
    who = Credentials(
        merchant_id=CREDENTIALS["OPAY_MERCHANT_ID"], private_key=CREDENTIALS["OPAY_PRIVATE_KEY"]
    )
    made = MockSettings(choices=assumed_choices(contract.questions), credentials=who)
    with Store() as store:
        store.add(Seeds(contract).examples())
        server = _Staging(build_app(contract, made, store), refusals=0)
        with running(server) as url:
            yield url, server


def run_pytest(
    *options: str, credentials: dict[str, str] = CREDENTIALS, variables: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run the suite in a process of its own, with these variables and none of the machine's."""
    dropped = {*CREDENTIALS, "CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {"PYTHONPATH": str(ROOT / "tools"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = [
        "-p",
        "opay_contract.pytest_plugin.plugin",
        "-p",
        "_hypothesis_pytestplugin",
        "-p",
        "xdist.plugin",
    ]
    command = [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, **credentials, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target", "sandbox", "--record-to", "sandbox.ndjson"],
        ["--target=sandbox", "--record-to=sandbox.ndjson"],
        ["--record-to", "sandbox.ndjson", "--target", "sandbox", str(ROOT)],
        ["--target", "sandbox", "--record-to", "sandbox.ndjson", "-n", "2", str(ROOT / "contract_tests")],
        [str(ROOT / EXAMPLES), "--target", "sandbox", "--record-to", "sandbox.ndjson"],
    ],
)
@pytest.mark.parametrize("folder", [ROOT, ROOT / API, None], ids=["root", "below", "elsewhere"])
def test_the_options_are_known_however_pytest_is_called(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, folder: Path | None, arguments: list[str]
) -> None:
    if folder is None:
        arguments = [*arguments, "-c", str(ROOT / "pyproject.toml")]
    else:
        monkeypatch.chdir(folder)
    config = pytester.parseconfig(*arguments)
    asked = config.getoption("--target"), config.getoption("--record-to")
    assert asked == ("sandbox", Path("sandbox.ndjson"))


@pytest.mark.parametrize(
    "missing", [["OPAY_PRIVATE_KEY"], ["OPAY_CUSTOMER_ID", "OPAY_MERCHANT_ID"], list(CREDENTIALS)]
)
def test_missing_credentials_are_named(missing: list[str]) -> None:
    given = {name: value for name, value in CREDENTIALS.items() if name not in missing}
    with pytest.raises(UsageError, match="--target sandbox needs ") as raised:
        find_target("sandbox", given, load_contract())
    said = str(raised.value)
    assert [name for name in CREDENTIALS if name in said] == [name for name in CREDENTIALS if name in missing]


def test_missing_credentials_are_a_usage_error_not_a_skip() -> None:
    done = run_pytest("--target", "sandbox", credentials={"OPAY_MERCHANT_ID": "1", "OPAY_CUSTOMER_ID": " "})
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--target sandbox needs OPAY_PRIVATE_KEY and OPAY_CUSTOMER_ID" in done.stderr + done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "production",
        PRODUCTION,
        PRODUCTION + "/",
        PRODUCTION.upper().replace("HTTPS", "https"),
        PRODUCTION + ":443",
        PRODUCTION + ".",
        PRODUCTION + "/api/v1",
    ],
)
def test_production_needs_a_flag_of_its_own(name: str) -> None:
    with pytest.raises(UsageError, match=r"is production, .* --allow-production"):
        find_target(name, CREDENTIALS, load_contract())
    found = find_target(name, CREDENTIALS, load_contract(), allow_production=True)
    assert found.is_real
    assert CREDENTIALS["OPAY_PRIVATE_KEY"] not in repr(found)


def test_production_ends_the_run() -> None:
    done = run_pytest("--target", "production", API)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--allow-production" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sandbx", "unknown target; expected mock, sandbox, production, or a URL"),
        ("ftp://a", "unknown target"),
        ("https://", "unknown target"),
        ("http://example.com", "by https alone"),
        ("https://example.com:port", "no URL"),
        ("https://user:password@example.com", "nothing else"),
        ("https://example.com?a=b", "nothing else"),
    ],
)
def test_what_is_no_target_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as raised:
        find_target(name, CREDENTIALS, load_contract())
    assert "password" not in str(raised.value)


def test_the_sandbox_is_the_contracts() -> None:
    found = find_target("sandbox", CREDENTIALS, load_contract())
    assert found.base_url == "https://sandbox-cashierapi.opaycheckout.com"
    assert find_target("https://staging.example.com/opay/", CREDENTIALS, load_contract()).base_url.endswith(
        "opay"
    )


@pytest.mark.parametrize(("variables", "profile"), [({}, "dev"), ({"CI": "1"}, "ci")])
def test_the_header_says_target_budget_and_profile(variables: dict[str, str], profile: str) -> None:
    done = run_pytest("--collect-only", API, variables=variables)
    assert f"target: the mock, without a budget; hypothesis profile '{profile}'" in done.stdout


def test_another_target_is_asked_the_same(staging: tuple[str, _Staging], tmp_path: Path) -> None:
    url, server = staging
    server.refusals = 2
    record = tmp_path / "record.ndjson"
    options = ["--target", url, "--pace", "1000", "--budget", "400", "--record-to", str(record)]
    done = run_pytest(*options, API)
    assert done.returncode == 0, done.stdout
    assert f"target: {url} at {url}; hypothesis profile 'real'" in done.stdout
    assert f"budget: 400 requests, 1000 a second, 5 tries each; recorded to {record}" in done.stdout
    assert "deselected: tests that do not ask the target" in done.stdout
    assert re.search(r" \d+ passed in ", done.stdout)
    assert f"target: {server.seen} of 400 requests sent" in done.stdout
    expect_clean_record(record, url, server.seen)


def expect_clean_record(record: Path, url: str, seen: int) -> None:
    text = record.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) == seen
    assert all(json.loads(line)["request"]["method"] for line in lines)
    for secret in (*CREDENTIALS.values(), "20123111111", "bf8593c1693546ea83743e4d433c5bf5"):
        assert secret not in text
    assert record.stat().st_mode & 0o077 == 0
    summary = summarize(load_contract(base_urls=(url,)), Source(ordinal=0, name=str(record), path=record))
    assert (summary.exchanges, summary.unreadable_count) == (seen, 0)
    found = [folded.finding for folded in summary.findings.values()]
    errors = [(one.rule.id, one.pointer) for one in found if one.rule.severity is Severity.ERROR]
    assert errors == [("status-undocumented", "429")]  # which the suite tried again; nothing that it provoked
    proved = CliRunner().invoke(cli, ["redact", "--verify", "--base-url", url, str(record)])
    assert proved.exit_code == 0, proved.output


def test_processes_share_the_budget(staging: tuple[str, _Staging]) -> None:
    url, server = staging
    done = run_pytest("--target", url, "--pace", "1000", "--budget", "300", "-n", "2", EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert server.seen > 20


def test_a_budget_that_is_used_up_fails_the_run(staging: tuple[str, _Staging]) -> None:
    url, server = staging
    done = run_pytest("--target", url, "--pace", "1000", "--budget", "7", EXAMPLES)
    assert done.returncode != 0
    assert "the budget of 7 requests is used up; raise --budget" in done.stdout
    assert "target: 7 of 7 requests sent" in done.stdout
    assert server.seen == 7


def test_a_failure_shows_no_value_of_a_real_target(staging: tuple[str, _Staging]) -> None:
    url, server = staging
    handler = server.app.handler
    handler.scenario = "field-null"
    done = run_pytest("--target", url, "--pace", "1000", API, "-k", "known_customer or text_is", "-l")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "field-null: /data/cardTokens/*/brand: expected string, got null" in done.stdout
    for secret in ("20123111111", "123@1231.com", "450875", *CREDENTIALS.values()):
        assert secret not in done.stdout + done.stderr
    assert not re.search("[0-9a-f]{128}", done.stdout)


@pytest.mark.parametrize(
    "options", [["--pace", "0"], ["--budget", "0"], ["--record-to", "/no/such/folder/a"]]
)
def test_options_that_make_no_sense_end_the_run(staging: tuple[str, _Staging], options: list[str]) -> None:
    url, server = staging
    done = run_pytest("--target", url, *options, EXAMPLES, "-x")
    assert done.returncode != 0
    assert options[0] in done.stdout + done.stderr
    assert server.seen == 0
