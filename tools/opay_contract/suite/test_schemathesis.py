"""What schemathesis makes up, sent to the target: examples, coverage and fuzzing, sound data and unsound.

A mock is asked over its socket; any other target through the careful client.
"""

from hypothesis import settings

from opay_contract.contract.loading import default_directory
from opay_contract.suite.client import Client
from opay_contract.suite.forwarding import Forwarder
from opay_contract.suite.judge import Judge
from opay_contract.suite.schemathesis_running import SETTINGS, Run, run_schemathesis
from opay_contract.suite.targets import Target


def test_the_target_raises_no_alarm(target: Target, judge: Judge, client: Client) -> None:
    examples = settings().max_examples if target.is_real else None
    over_socket = Forwarder(client, target.base_url) if target.is_real else None
    report = run_schemathesis(
        judge,
        Run(
            openapi=default_directory() / "openapi.yaml",
            settings=SETTINGS,
            seed=1,
            examples=examples,
            app=over_socket,
            base_url=None if over_socket else target.base_url,
        ),
    )
    assert not report.failures, str(report)
    assert set(report.phases) == {"examples", "coverage", "fuzzing"}
    assert set(report.modes) == {"positive", "negative"}
