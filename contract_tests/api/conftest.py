"""The target, to be asked."""

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.model.finding import Severity
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client
from opay_contract.suite.judge import Judge
from opay_contract.suite.targets import Target


@pytest.fixture(scope="session")
def judge(target: Target, target_contract: Contract) -> Judge:
    """Everything that the mock answers is ours to get right; elsewhere, errors fail a test."""
    return Judge(
        contract=target_contract,
        target=target,
        fail_on=Severity.ERROR if target.is_real else Severity.INFO,
    )


@pytest.fixture(scope="session")
def api(judge: Judge, client: Client) -> Api:
    return Api(judge=judge, client=client)
