"""Which server a run of tests talks to: a mock that starts here, the contract's sandbox, or any other."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from opay_contract.contract.contract import Contract, Server, is_loopback
from opay_contract.contract.loading import with_base_url
from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.questions import (
    CREDENTIAL,
    CUSTOMER_ID,
    MERCHANT_ID,
    MOCK,
    PRIVATE_KEY,
    ApiJudge,
    ApiTarget,
    Questions,
)

_PRODUCTION = "production"


NO_OPERATION = "the contract has no operation, so there is nothing to ask"


def find_target(
    name: str, environment: Mapping[str, str], contract: Contract, *, allow_production: bool = False
) -> ApiTarget:
    """Return the target `name`, one of the contract's environments or a URL, with credentials.

    A UsageError says what is wrong with the name, or which variables of the environment are missing.
    """
    if not contract.operations:
        raise UsageError(NO_OPERATION)
    servers = {server.environment: server for server in contract.servers if server.environment}
    named, production = servers.get(name), servers.get(_PRODUCTION)
    base_url = f"https://{named.host}{named.prefix}" if named else _checked(name, servers)
    host = (urlsplit(base_url).hostname or "").rstrip(".").lower()  # however it is written
    if production and not allow_production and host == production.host.partition(":")[0]:
        raise UsageError(
            f"--target {name} is production, with real cards; if you mean it, add --allow-production"
        )
    return ApiTarget(name=name, base_url=base_url, **_credentials(name, environment, Questions(contract)))


def _checked(name: str, servers: Mapping[str, Server]) -> str:
    known = ", ".join([MOCK, *servers, "or a URL"])
    try:
        parts = urlsplit(name)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"--target {name}: this is no URL; expected {known}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--target {name}: unknown target; expected {known}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError("--target: the URL is to have a host and perhaps a path, and nothing else")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"--target {name}: cards and customers travel by https alone; write https://")
    return name.rstrip("/")


def _credentials(name: str, environment: Mapping[str, str], asked: Questions) -> dict[str, str]:
    wanted = {
        "merchant_id": (MERCHANT_ID, asked.identity is not None),
        "private_key": (PRIVATE_KEY, asked.operation.is_signed),
        "customer_id": (CUSTOMER_ID, asked.by_record is not None),
        "credential": (CREDENTIAL, asked.needs_credential),
    }
    found = {member: environment.get(variable, "").strip() for member, (variable, _) in wanted.items()}
    missing = [
        variable for member, (variable, is_needed) in wanted.items() if is_needed and not found[member]
    ]
    if missing:
        raise UsageError(f"--target {name} needs {' and '.join(missing)} in the environment")
    return found


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
