"""Which server a run of tests talks to, a mock that starts here, the sandbox or any other, and if it can.

A probe tells in five requests if address, credentials, record, item and signature are right, and why not.
A wrong key and an unknown record are told apart by the answers to two more requests, one signed with a key
that is wrong for certain and one for a record that nobody has: whichever the known query is answered like
is what is the matter. So no code has to be known.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.contract import Contract, Server, is_loopback, with_base_url
from opay_contract.errors import UnreachableError, UsageError
from opay_contract.files import find_certificates
from opay_contract.model.exchange import header
from opay_contract.model.finding import Severity
from opay_contract.signing.doctor import describe_doubt
from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Reply
from opay_contract.suite.breach import Breach
from opay_contract.suite.client import BudgetError, Client, RatePolicy
from opay_contract.suite.questions import (
    CREDENTIAL,
    CUSTOMER_ID,
    MERCHANT_ID,
    MOCK,
    PRIVATE_KEY,
    SIGNATURE,
    ApiJudge,
    ApiTarget,
    Questions,
)
from opay_contract.words import count, without_credentials

_PRODUCTION = "production"


NO_OPERATION = "the contract has no operation, so there is nothing to ask"


def find_target(
    name: str, environment: Mapping[str, str], contract: Contract, *, allow_production: bool = False
) -> ApiTarget:
    """Return the target `name`, one of the contract's environments or a URL, with credentials.

    A UsageError says what is wrong with the name, or which variables of the environment are missing or wrong.
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
    credentials = _credentials(name, environment, Questions(contract))
    return ApiTarget(name=name, base_url=base_url, certificates=find_certificates(), **credentials)


def _checked(name: str, servers: Mapping[str, Server]) -> str:
    known = ", ".join([MOCK, *servers, "or a URL"])
    try:
        parts = urlsplit(name)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"--target {name}: this is no URL; expected {known}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--target {without_credentials(name)}: unknown target; expected {known}")
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
        client = Client(rate_policy, certificates=target.certificates)
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
    from opay_contract.mock.request_handler import MockSettings  # noqa: PLC0415
    from opay_contract.mock.serving import running  # noqa: PLC0415
    from opay_contract.mock.statement import assumed_choices  # noqa: PLC0415
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


PROBES = 5
"""Requests of a probe that finds nothing wrong."""

_TOO_MANY_REQUESTS, _NOT_FOUND, _FORBIDDEN, _UNAUTHORIZED, _BAD_REQUEST = 429, 404, 403, 401, 400
_REDIRECTS = range(300, 400)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a probe looked at.

    `trouble` is the one reason where it is not right, and `doubt` what is not as the contract says, which is
    for the tests to find.
    """

    name: str
    said: str = ""
    doubt: str = ""
    trouble: str = ""


class ProbeResult(msgspec.Struct, kw_only=True):
    """What a probe found: its steps, the last of them wrong unless all are right.

    `api` asks as the target wants to be asked, with a space in front of the signature or without.
    """

    api: Api
    steps: list[Step] = field(default_factory=list)
    is_reached: bool = True

    @property
    def trouble(self) -> str:
        """The one reason why nothing else is worth asking; empty when all is right."""
        return next((f"{step.name}: {step.trouble}" for step in self.steps if step.trouble), "")

    def describe(self) -> str:
        """Say in a line what is right, and what is not."""
        if self.trouble:
            return self.trouble
        right = ", ".join(step.name for step in self.steps if not step.doubt)
        doubts = [f"{step.name}: {step.doubt}" for step in self.steps if step.doubt]
        return "; ".join([f"{right} are right", *doubts])


def probe(api: Api) -> ProbeResult:
    """Ask, and say what is right up to the first thing that is wrong."""
    result = ProbeResult(api=api)
    try:
        for step in _steps(result):
            result.steps.append(step)
            if step.trouble:
                break
    except UnreachableError as error:
        result.is_reached = False
        result.steps.append(Step(name="address", trouble=f"{api.url}: {error}"))
    except BudgetError as error:
        result.steps.append(Step(name="budget", trouble=str(error)))
    return result


def _steps(result: ProbeResult) -> Iterator[Step]:
    if SIGNATURE not in result.api.judge.questions.had:
        yield from _steps_unsigned(result.api)
        return
    known = result.api.send(result.api.make_known())
    yield _address(known)
    if not known.is_success:
        spaceless = Api(judge=replace(result.api.judge, has_space=False), client=result.api.client)
        wrong, unknown = _compared(result.api)
        if known.verdict == wrong.verdict and (retried := spaceless.send(spaceless.make_known())).is_success:
            result.api, known = spaceless, retried
        else:
            yield _refused(known, wrong, unknown)
            return
    said = "" if result.api.judge.has_space else "; without a space in front of the signature"
    yield Step(name="credentials", said=f"{MERCHANT_ID} and {PRIVATE_KEY} are accepted{said}")
    yield Step(name="record", said=f"the record of {CUSTOMER_ID} is known")
    if result.api.judge.questions.by_item is not None:
        yield _item(result.api, known)
    wrong, _ = _compared(result.api)
    if wrong.is_success:
        yield Step(name="signature", doubt="a wrong one is accepted")
    else:
        yield Step(name="signature", said="a wrong one is refused")


def _steps_unsigned(api: Api) -> Iterator[Step]:
    """Ask one sound request, and whether it is let in without what says who asks."""
    request = api.judge.questions.requests(api.judge.target.customer_id or None)[0]
    known = api.send(api.make_sound(request))
    yield _address(known)
    came = f"HTTP {known.status}" + (f", code {known.code}" if known.code else "")
    if known.is_success:
        yield Step(name="request", said=f"a sound one of {request.operation.id} is answered")
    elif known.status in (_UNAUTHORIZED, _FORBIDDEN):
        yield Step(name="credentials", trouble=f"{CREDENTIAL} is refused ({came})")
    else:
        yield Step(name="request", doubt=f"a sound one of {request.operation.id} is refused ({came})")


def _compared(api: Api) -> tuple[Reply, Reply]:
    """Return the answers to the known query with a wrong key, and to a query for nobody."""
    return api.send(catalogue.forgeries(api)[0]), api.send(catalogue.unknown_queries(api)[0])


def _address(known: Reply) -> Step:
    url, status = known.judge.target.base_url, known.status
    if status == _TOO_MANY_REQUESTS:
        return Step(name="address", trouble=f"{url} answers 429, too many requests; wait, or lower --pace")
    has_codes = known.judge.operation.envelope is not None
    if known.code is None and status == _FORBIDDEN and has_codes:
        said = "answers HTTP 403: the merchant is not known at this country's host"
        return Step(name="address", trouble=f"{url} {said}; take the host of the merchant's country")
    if known.code is None and (has_codes or not known.is_success):
        media_type = (header(known.exchange.response.headers, "content-type") or "").partition(";")[0]
        what = f"HTTP {status}" + (f" and {media_type:.40}" if media_type else "")
        if status == _NOT_FOUND:
            what += f"; {known.judge.operation.path} is not served there"
        elif status in _REDIRECTS:
            what += "; a redirect is not followed, so give the address it leads to"
        if status < _BAD_REQUEST or status == _NOT_FOUND:
            return Step(name="address", trouble=f"{url} does not answer as the API does: {what}")
    return Step(name="address", said=f"{url} answers")


def _refused(known: Reply, wrong: Reply, unknown: Reply) -> Step:
    came = f"HTTP {known.status}" + (f", code {known.code}" if known.code else "")
    if known.verdict == wrong.verdict:
        target = known.judge.target
        doubt = describe_doubt({PRIVATE_KEY: target.private_key, MERCHANT_ID: target.merchant_id})
        reason = doubt or f"{PRIVATE_KEY} is not the key of {MERCHANT_ID}, or of another environment"
        return Step(name="credentials", trouble=f"the signature is refused ({came}): {reason}")
    if known.verdict == unknown.verdict:
        return Step(
            name="record",
            trouble=f"the record of {CUSTOMER_ID} is not known ({came}); the signature is accepted",
        )
    return Step(
        name="credentials",
        trouble=f"the query is refused ({came}), for another reason than a wrong key or an unknown record; "
        "see the business codes of the contract",
    )


def _item(api: Api, known: Reply) -> Step:
    api.known = known
    by = api.judge.questions.by_item
    what = by.lookup.records.items.name.removesuffix("s") if by and by.lookup.records.items else "item"
    try:
        items = count(len(api.tokens), what)
    except Breach:
        trouble = f"the record of {CUSTOMER_ID} has no {what}, so that none can be asked for"
        return Step(name=what, trouble=trouble)
    reply = api.send(catalogue.item_queries(api)[0])
    if not reply.is_success:
        return Step(name=what, doubt=f"{items}, the first is not found by its key")
    return Step(name=what, said=f"{items}, the first is found by its key")
