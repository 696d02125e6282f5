"""Targets that are there to be asked: a mock that runs for as long, or a server somewhere."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import with_base_url
from opay_contract.model.finding import Severity
from opay_contract.suite.api import Api, ApiJudge
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.questions import Questions
from opay_contract.suite.targets import CUSTOMER_ID, MERCHANT_ID, MOCK, PRIVATE_KEY, ApiTarget, find_target


@contextmanager
def asking(
    name: str,
    environment: Mapping[str, str],
    contract: Contract,
    rate_policy: RatePolicy,
    *,
    allow_production: bool = False,
) -> Iterator[Api]:
    """Return what asks a target: carefully, or a mock, which starts here, without ado."""
    with ExitStack() as stack:
        if name == MOCK:
            target, rate_policy = stack.enter_context(running_mock(contract)), RatePolicy()
        else:
            target = find_target(name, environment, contract, allow_production=allow_production)
        client = Client(rate_policy)
        stack.callback(client.close)
        yield Api(judge=judge_of(target, contract), client=client)


def second_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials of a second target: `OPAY_MERCHANT_ID_2` and so on, where they are set."""
    names = (MERCHANT_ID, PRIVATE_KEY, CUSTOMER_ID)
    return {name: environment.get(f"{name}_2", environment.get(name, "")) for name in names}


def judge_of(target: ApiTarget, contract: Contract, *, has_space: bool = True) -> ApiJudge:
    """Everything that the mock answers is ours to get right; elsewhere, errors fail a test."""
    fail_on = Severity.ERROR if target.is_real else Severity.INFO
    judged = with_base_url(contract, target.base_url) if target.base_url else contract
    return ApiJudge(contract=judged, target=target, fail_on=fail_on, has_space=has_space)


@contextmanager
def running_mock(contract: Contract) -> Iterator[ApiTarget]:
    """Run a mock of a contract in a thread, with its admin path; who asks has the credentials it knows."""
    from opay_contract.mock.app import build_app  # noqa: PLC0415  heavy, and of use to a run on the mock alone
    from opay_contract.mock.choices import assumed_choices  # noqa: PLC0415
    from opay_contract.mock.request_handler import MockSettings  # noqa: PLC0415
    from opay_contract.mock.serving import running  # noqa: PLC0415
    from opay_contract.mock.store import Store  # noqa: PLC0415

    made = MockSettings(choices=assumed_choices(contract), admin=True, slow_seconds=0)
    questions = Questions(contract)
    records = questions.book.examples()
    by = questions.by_record
    known = [one.id for one in records if by is not None and one.kind == by.lookup.records.name]
    with Store() as store:
        store.add(records)
        app = build_app(contract, made, store, initial=records)
        with running(app) as base_url:
            yield ApiTarget(
                name=MOCK,
                base_url=base_url,
                merchant_id=made.credentials.merchant_id,
                private_key=made.credentials.private_key,
                customer_id=next(iter(known), ""),
                credential="of-the-mock",
            )
