"""What the package asks of a target, collected here: `pytest contract_tests/api --target NAME`."""

from opay_contract.suite.test_answers import *  # noqa: F403
from opay_contract.suite.test_operations import *  # noqa: F403
from opay_contract.suite.test_refusals import *  # noqa: F403
from opay_contract.suite.test_schemathesis import *  # noqa: F403
