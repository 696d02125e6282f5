"""What schemathesis makes up, sent to the target: examples, coverage and fuzzing, sound data and unsound.

Against the mock it runs in process and over a socket; against any other target through the careful client.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import one_in
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.mock.answers import MockAnswer
from opay_contract.mock.app import MockApp, build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.scenarios import build_scenarios
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials, MockRequest
from opay_contract.model.finding import Severity
from opay_contract.suite import schemathesis_teaching
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.questions import ApiJudge, ApiTarget
from opay_contract.suite.schemathesis_teaching import Forwarder, Report, Run, run_schemathesis

ROOT = Path(__file__).parents[3]
OPENAPI = ROOT / "openapi.yaml"
SETTINGS = ROOT / "tools" / "opay_contract" / "suite" / "schemathesis.toml"

SEEDS = int(os.environ.get("OPAY_SCHEMATHESIS_SEEDS", "3"))
"""As many are run, the first by default."""

DRIFTS = [name for name, scenario in build_scenarios(load_contract().operations).items() if scenario.rules]
OTHERS = Credentials(merchant_id="299911112222333", private_key="OPAYPRV_TEST_ANOTHER")
"""Nobody's credentials, other than those that the documents show."""


@contextmanager
def mock_app(**options: Any) -> Iterator[MockApp]:
    contract = load_contract()
    with Store() as store:
        store.add(RecordBook(contract).examples())
        choices = assumed_choices(contract).changed(options.pop("picks", ()))
        yield build_app(contract, MockSettings(choices=choices, slow_seconds=0, **options), store)


def judge_of_mock(credentials: Credentials | None = None) -> ApiJudge:
    who = credentials or Credentials()
    target = ApiTarget(
        name="mock",
        base_url="",
        merchant_id=who.merchant_id,
        private_key=who.private_key,
        customer_id="121111113",
    )
    return ApiJudge(contract=load_contract(), target=target, fail_on=Severity.INFO)


def run_in_process(app: Any, seed: int = 1, examples: int | None = None) -> Report:
    run = Run(openapi=OPENAPI, settings=SETTINGS, seed=seed, examples=examples, app=app)
    return run_schemathesis(judge_of_mock(), run)


def expect_no_failure(report: Report) -> None:
    assert not report.failures, str(report)
    assert set(report.phases) == {"examples", "coverage", "fuzzing"}
    assert set(report.modes) == {"positive", "negative"}


@pytest.mark.parametrize("seed", one_in(SEEDS, range(SEEDS)))
def test_a_correct_target_raises_no_alarm(seed: int) -> None:
    with mock_app() as app:
        report = run_in_process(app, seed)
    expect_no_failure(report)
    assert report.phases.total() > 70


READINGS = [
    "wrong-method=business-error",
    "wrong-content-type=http-error",
    "missing-merchant-id=merchant-is-null",
    "malformed-json=http-error",
    "both-keys=customer",
    "unknown-customer=empty-list",
    "success-code=00",
    "error-data=null",
]


@pytest.mark.parametrize("picks", one_in(3, [READINGS, READINGS[:4], READINGS[4:]]))
def test_other_readings_of_open_questions_raise_no_alarm(picks: list[str]) -> None:
    with mock_app(picks=picks) as app:
        report = run_in_process(app, examples=10)
    unknown = {
        line for line in report.failures if "status-undocumented" not in line and "Undocum" not in line
    }
    assert not unknown, str(report)


@pytest.mark.parametrize("scenario", one_in(14, DRIFTS))
def test_every_drift_raises_an_alarm(scenario: str) -> None:
    with mock_app(scenario=scenario) as app:
        report = run_in_process(app, examples=5)
    assert report.failures
    assert "4111111111111111" not in str(report)


def test_success_for_unsound_data_is_a_failure_though_the_status_is_the_same() -> None:
    with mock_app() as app:
        handler = app.handler
        answer = handler.answer

        def accept(request: MockRequest) -> MockAnswer:
            usual = answer(request)
            return known if usual.status == 200 and b'"02001"' in usual.body else usual

        query = b'{"customerId":"121111113"}'
        fields = {
            b"content-type": b"application/json",
            b"merchantid": b"256612345678901",
            b"authorization": judge_of_mock().authorization(query).encode(),
        }
        path = load_contract().operations[0].path.encode()
        known = answer(MockRequest(method="POST", target=path, headers=fields, body=query))
        app.handler.answer = accept  # type: ignore[method-assign]
        report = run_in_process(app, examples=1)
    assert "coverage: negative_data_is_refused" in str(report)


@contextmanager
def mock_that_lets_in(*, unsigned: bool) -> Iterator[MockApp]:
    """Give a mock that answers to requests that are not signed, or to those that are signed wrongly."""
    with mock_app() as app:
        answer = app.handler.answer

        def let_in(request: MockRequest) -> MockAnswer:
            if unsigned is (b"authorization" not in request.headers):
                signed = judge_of_mock().authorization(request.body).encode()
                request = replace(request, headers={**request.headers, b"authorization": signed})
            return answer(request)

        app.handler.answer = let_in  # type: ignore[method-assign]
        yield app


STRANGERS = pytest.mark.parametrize(
    ("unsigned", "rule"), [(False, "signature-mismatch"), (True, "header-missing")]
)


@STRANGERS
def test_answers_to_anybody_are_a_failure(  # of what is drawn, all is signed wrongly or not at all
    monkeypatch: pytest.MonkeyPatch,
    unsigned: bool,  # noqa: FBT001  a parameter
    rule: str,
) -> None:
    monkeypatch.setattr(schemathesis_teaching, "_WRONG_EVERY", 2)
    with mock_that_lets_in(unsigned=unsigned) as app:
        assert rule in str(run_in_process(app, examples=10))


@pytest.mark.thorough
@STRANGERS
def test_answers_to_anybody_are_found_by_a_few_seeds(unsigned: bool, rule: str) -> None:  # noqa: FBT001  a parameter
    with mock_that_lets_in(unsigned=unsigned) as app:
        assert any(rule in str(run_in_process(app, seed)) for seed in range(5))


def test_a_failing_check_of_the_merchants_header_is_a_failure() -> None:
    with mock_app() as app:
        answer = app.handler.answer

        def supply(request: MockRequest) -> MockAnswer:
            return answer(replace(request, headers={b"merchantid": b"256612345678901", **request.headers}))

        app.handler.answer = supply  # type: ignore[method-assign]
        report = run_in_process(app, examples=1)
    assert "missing_header_is_refused" in str(report)


def run_st(base_url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the documented command, with every report that it can write."""
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", str(SETTINGS), "run", "openapi.yaml", "--url", base_url]
    command += [
        "--seed",
        "7",
        "--max-examples",
        "5",
        "--report",
        "junit,vcr,har,ndjson,json",
        "--report-dir",
        str(folder),
        *options,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tools"),
        "OPAY_MERCHANT_ID": OTHERS.merchant_id,
        "OPAY_PRIVATE_KEY": OTHERS.private_key,
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def written_by(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    files = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 5
    return "\n".join([done.stdout, done.stderr, *files])


@pytest.mark.thorough
def test_the_command_line_raises_no_alarm(tmp_path: Path) -> None:
    with mock_app(credentials=OTHERS) as app, running(app) as base_url:
        done = run_st(base_url, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "No issues found" in done.stdout
    expect_silence(written_by(done, tmp_path))


def test_the_command_line_finds_drift_and_says_no_secret(tmp_path: Path) -> None:
    with mock_app(credentials=OTHERS, scenario="field-null") as app, running(app) as base_url:
        done = run_st(base_url, tmp_path)
    assert done.returncode == 1
    assert "contract_rules" in done.stdout
    assert "field-null /data/" in done.stdout
    assert "450875" not in done.stdout  # nothing of a card on the screen
    expect_silence(written_by(done, tmp_path))


def expect_silence(written: str) -> None:
    assert not re.search("[0-9a-f]{128}", written)
    assert OTHERS.private_key not in written
    assert OTHERS.merchant_id not in written


def test_no_check_is_off_without_a_reason_beside_it() -> None:
    lines = SETTINGS.read_text(encoding="utf-8").splitlines()
    off = [line for line in lines if re.match("enabled *= *false", line)]
    assert off
    assert all("  # " in line for line in off)


def test_an_exhausted_budget_is_a_failure() -> None:
    with mock_app() as app, running(app) as base_url:
        client = Client(RatePolicy(budget=9))
        report = run_in_process(Forwarder(client, base_url), examples=5)
        client.close()
    assert "the budget of 9 requests is used up" in str(report)
    assert client.was_refused
