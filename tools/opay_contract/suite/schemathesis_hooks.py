"""What `st` loads: credentials from the environment, the signature, and the contract's rules as checks."""

import os
from contextlib import ExitStack

from opay_contract.contract.loading import load_contract
from opay_contract.mock.records import RecordBook
from opay_contract.mock.validation import Credentials
from opay_contract.suite.questions import (
    CREDENTIAL,
    CUSTOMER_ID,
    MERCHANT_ID,
    PRIVATE_KEY,
    ApiJudge,
    ApiTarget,
)
from opay_contract.suite.schemathesis_teaching import taught

_MOCK, _CONTRACT = Credentials(), load_contract()
_TARGET = ApiTarget(
    name="st",
    base_url="",
    merchant_id=os.environ.get(MERCHANT_ID, _MOCK.merchant_id),
    private_key=os.environ.get(PRIVATE_KEY, _MOCK.private_key),
    customer_id=os.environ.get(CUSTOMER_ID) or next((one.id for one in RecordBook(_CONTRACT).examples()), ""),
    credential=os.environ.get(CREDENTIAL, ""),
)

_TAUGHT = ExitStack()  # open for as long as the command runs
_TAUGHT.enter_context(taught(ApiJudge(contract=_CONTRACT, target=_TARGET)))
