"""Tells in five requests whether address, credentials, customer, card and signature are right, and why not.

A wrong key and an unknown customer are told apart by the answers to two more requests, one signed with a key
that is wrong for certain and one for a customer that nobody has: whichever the known query is answered like
is what is the matter. So no code has to be known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from opay_contract.model.exchange import header
from opay_contract.signing.signer import PUBLIC_TEST_KEY
from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Reply
from opay_contract.suite.breach import Breach
from opay_contract.suite.client import BudgetError, UnreachableError
from opay_contract.suite.targets import CUSTOMER_ID, MERCHANT_ID, PRIVATE_KEY, ApiTarget
from opay_contract.words import count

PROBES = 5
"""Requests of a probe that finds nothing wrong."""

_TOO_MANY_REQUESTS, _NOT_FOUND, _FORBIDDEN, _BAD_REQUEST = 429, 404, 403, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a probe looked at.

    `trouble` is the one reason where it is not right, and `doubt` what is not as the contract says, which is
    for the tests to find.
    """

    name: str
    said: str = ""
    doubt: str = ""
    trouble: str = ""


@dataclass(slots=True, kw_only=True)
class ProbeResult:
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
    known = _ask_known(result.api)
    yield _address(known)
    if not known.is_success:
        spaceless = Api(judge=replace(result.api.judge, has_space=False), client=result.api.client)
        wrong, unknown = _compared(result.api)
        if known.verdict == wrong.verdict and (retried := _ask_known(spaceless)).is_success:
            result.api, known = spaceless, retried
        else:
            yield _refused(known, wrong, unknown)
            return
    said = "" if result.api.judge.has_space else "; without a space in front of the signature"
    yield Step(name="credentials", said=f"{MERCHANT_ID} and {PRIVATE_KEY} are accepted{said}")
    yield Step(name="customer", said=f"the customer of {CUSTOMER_ID} is known")
    yield _card(result.api, known)
    wrong, _ = _compared(result.api)
    if wrong.is_success:
        yield Step(name="signature", doubt="a wrong one is accepted")
    else:
        yield Step(name="signature", said="a wrong one is refused")


def _ask_known(api: Api) -> Reply:
    return api.ask("the known customer", api.judge.known_query())


def _compared(api: Api) -> tuple[Reply, Reply]:
    """Return the answers to the known query with a wrong key, and to a query for nobody."""
    return api.send(catalogue.forgeries(api)[0]), api.send(catalogue.unknown_queries(api)[0])


def _address(known: Reply) -> Step:
    url, status = known.judge.target.base_url, known.status
    if status == _TOO_MANY_REQUESTS:
        return Step(name="address", trouble=f"{url} answers 429, too many requests; wait, or lower --pace")
    if known.code is None and status == _FORBIDDEN:
        said = "answers HTTP 403: the merchant is not known at this country's host"
        return Step(name="address", trouble=f"{url} {said}; take the host of the merchant's country")
    if known.code is None:
        media_type = (header(known.exchange.response.headers, "content-type") or "").partition(";")[0]
        what = f"HTTP {status}" + (f" and {media_type:.40}" if media_type else "")
        if status == _NOT_FOUND:
            what += f"; {known.judge.operation.path} is not served there"
        elif _is_redirect(status):
            what += "; a redirect is not followed, so give the address it leads to"
        if status < _BAD_REQUEST or status == _NOT_FOUND:
            return Step(name="address", trouble=f"{url} does not answer as the API does: {what}")
    return Step(name="address", said=f"{url} answers")


def _is_redirect(status: int) -> bool:
    return 300 <= status < _BAD_REQUEST  # noqa: PLR2004  HTTP's redirections


def _refused(known: Reply, wrong: Reply, unknown: Reply) -> Step:
    came = f"HTTP {known.status}" + (f", code {known.code}" if known.code else "")
    if known.verdict == wrong.verdict:
        doubt = describe_doubt(known.judge.target)
        reason = doubt or f"{PRIVATE_KEY} is not the key of {MERCHANT_ID}, or of another environment"
        return Step(name="credentials", trouble=f"the signature is refused ({came}): {reason}")
    if known.verdict == unknown.verdict:
        return Step(
            name="customer",
            trouble=f"the customer of {CUSTOMER_ID} is not known ({came}); the signature is accepted",
        )
    return Step(
        name="credentials",
        trouble=f"the query is refused ({came}), for another reason than a wrong key or an unknown customer; "
        "see the business codes of the contract",
    )


def _card(api: Api, known: Reply) -> Step:
    api.known = known
    try:
        cards = count(len(api.tokens), "card")
    except Breach:
        trouble = f"the customer of {CUSTOMER_ID} has no saved card, so that no token can be asked for"
        return Step(name="card", trouble=trouble)
    reply = api.send(catalogue.token_queries(api)[0])
    if not reply.is_success:
        return Step(name="card", doubt=f"{cards}, the first is not found by its token")
    return Step(name="card", said=f"{cards}, the first is found by its token")


def describe_doubt(target: ApiTarget) -> str:
    """Say what is odd about the looks of credentials, without a character of them, or nothing."""
    key, merchant = target.private_key, target.merchant_id
    if merchant.startswith("OPAYPRV") or key.isdigit():
        return f"{MERCHANT_ID} and {PRIVATE_KEY} look swapped"
    if key.startswith("OPAYPUB"):
        return f"{PRIVATE_KEY} holds a public key; the private key begins with OPAYPRV"
    if key == PUBLIC_TEST_KEY:
        return f"{PRIVATE_KEY} holds the test key of the documentation"
    for name, text in ((PRIVATE_KEY, key), (MERCHANT_ID, merchant)):
        if text[0] in "\"'" or text[-1] in "\"'":
            return f"{name} has quotes in it, which belong to the shell"
        if any(char.isspace() for char in text) or "\\n" in text:
            return f"{name} has white space in it"
    return ""
