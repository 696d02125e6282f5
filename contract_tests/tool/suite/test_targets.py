"""The options that choose a target, in runs of their own; the only real target here is on the loopback."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from contract_tests.tool.suite.conftest import CREDENTIALS, Staging
from contract_tests.usual import each

from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.suite.targets import find_target

ROOT = Path(__file__).parents[3]
API = "contract_tests/api/"
EXAMPLES = "tools/opay_contract/suite/test_answers.py"
PRODUCTION = "https://cashierapi.opaycheckout.com"


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
    ("folder", "arguments"),
    [
        (ROOT, ["--target", "sandbox", "--record-to", "sandbox.ndjson"]),
        (ROOT / API, ["--target=sandbox", "--record-to=sandbox.ndjson"]),
        (None, ["--record-to", "sandbox.ndjson", "--target", "sandbox", str(ROOT)]),
        (ROOT, ["--target", "sandbox", "--record-to", "sandbox.ndjson", "-n", "2", f"{ROOT}/contract_tests"]),
        (ROOT / API, [str(ROOT / EXAMPLES), "--target", "sandbox", "--record-to", "sandbox.ndjson"]),
        (None, ["--target", "sandbox", "--record-to", "sandbox.ndjson"]),
    ],
)
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


@each("missing", [["OPAY_PRIVATE_KEY"], ["OPAY_CUSTOMER_ID", "OPAY_MERCHANT_ID"], list(CREDENTIALS)])
def test_missing_credentials_are_named(missing: list[str]) -> None:
    given = {name: value for name, value in CREDENTIALS.items() if name not in missing}
    with pytest.raises(UsageError, match="--target sandbox needs ") as raised:
        find_target("sandbox", given, load_contract())
    said = str(raised.value)
    assert [name for name in CREDENTIALS if name in said] == [name for name in CREDENTIALS if name in missing]


@each(
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


@each(
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


@pytest.mark.thorough
def test_processes_share_the_budget(staging: Staging) -> None:
    url, server = staging.url, staging
    done = run_pytest("--target", url, "--pace", "1000", "--budget", "300", "-n", "2", EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert server.seen > 20


def test_the_suite_is_there_for_pytest_wherever_the_package_is_installed(staging: Staging) -> None:
    options = ["--pyargs", "opay_contract.suite", "--target", staging.url, "--pace", "1000"]
    done = run_pytest(*options, "-c", os.devnull, "-k", "method")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "probe: address, credentials, record, token, signature are right" in done.stdout
    assert "2 passed" in done.stdout
