"""A client of the mock, and a pytest of its own for tests of the plugin as people load it."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

import opay_contract
from opay_contract.pytest_plugin.mocking import OpayMock
from opay_contract.signing.requests_auth import SignatureAuth

PLUGIN = "opay_contract.pytest_plugin.plugin"
PATIENCE = 60
SPREAD = ("-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "xdist.plugin", "-n")
"""Options that spread a run that begins in this process, which has xdist, over as many as are named next."""

Ask = Callable[..., requests.Response]
RunPytest = Callable[..., pytest.RunResult]


@pytest.fixture
def ask(opay_mock: OpayMock, opay_contract: Any) -> Ask:
    """Return a function that sends a signed query."""

    def send(
        body: Any,
        *,
        key: str | None = None,
        url: str | None = None,
        timeout: float = PATIENCE,
        **options: Any,
    ) -> requests.Response:
        auth = SignatureAuth(
            key=key or opay_mock.private_key,
            scheme=opay_contract.contract.signature,
            identity=("MerchantId", opay_mock.merchant_id),
        )
        return requests.post(url or opay_mock.url, json=body, auth=auth, timeout=timeout, **options)

    return send


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunPytest:
    """Return a function that runs pytest on a test file, in a folder and perhaps a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(opay_contract.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # so that no other plugin has a part in it
    options = ["-p", PLUGIN, "-W", "error", "--strict-markers", "--strict-config"]

    def run(
        source: str, *more: str, settings: str = "", process: bool = False, **files: str
    ) -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{settings}")
        pytester.makepyfile(**files, test_it=source)
        if process:
            return pytester.runpytest_subprocess(*options, *more, timeout=120)
        gc.freeze()  # a run of pytest ends with a collection of garbage: not of all that is here already
        return pytester.runpytest_inprocess(*options, *more)

    return run
