"""A probe tells in five requests what is right, and of what is wrong the one reason."""

from collections.abc import Callable

from contract_tests.tool.suite.defects import html
from contract_tests.tool.suite.park import (
    CONTRACT,
    CUSTOMER,
    KEY,
    MERCHANT,
    Came,
    InProcess,
    Sent,
    SoundServer,
    asking,
)
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.errors import UnreachableError
from opay_contract.signing.doctor import describe_doubt
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.questions import ApiJudge, ApiTarget
from opay_contract.suite.targets import PROBES, ProbeResult, probe

TARGET = ApiTarget(
    name="park", base_url="http://127.0.0.1:9", merchant_id=MERCHANT, private_key=KEY, customer_id=CUSTOMER
)


def probe_as(target: ApiTarget, answer: Callable[[Sent], Came] | None = None, **policy: int) -> ProbeResult:
    client = Client(RatePolicy(**policy), adapter=InProcess(answer or SoundServer().answer))
    return probe(Api(judge=ApiJudge(contract=CONTRACT, target=target), client=client))


def test_what_is_right_takes_five_requests_at_most() -> None:
    server = SoundServer()
    with asking(server.answer) as api:
        result = probe(api)
    assert result.describe() == "address, credentials, record, token, signature are right"
    assert [step.said for step in result.steps] == [
        "http://127.0.0.1:9 answers",
        "OPAY_MERCHANT_ID and OPAY_PRIVATE_KEY are accepted",
        "the record of OPAY_CUSTOMER_ID is known",
        "2 tokens, the first is found by its key",
        "a wrong one is refused",
    ]
    assert server.answered <= PROBES


@each("readings", [{}, {"authentication-code": "other"}, {"error-status": "http-status"}])
def test_a_wrong_key_and_an_unknown_customer_are_told_apart(readings: dict[str, str]) -> None:
    answer = SoundServer(readings).answer
    wrong = {
        "credentials: the signature is refused": replace(TARGET, private_key="OPAYPRV_OF_SOMEBODY"),
        "record: the record of OPAY_CUSTOMER_ID is not known": replace(TARGET, customer_id="7"),
    }
    for words, target in wrong.items():
        assert probe_as(target, answer).trouble.startswith(words)
    foreign = probe_as(replace(TARGET, merchant_id="256600000000001"), answer).trouble
    assert foreign.endswith("OPAY_PRIVATE_KEY is not the key of OPAY_MERCHANT_ID, or of another environment")


def test_a_customer_without_a_card_is_named() -> None:
    server = SoundServer()
    server.cards[CUSTOMER] = []
    assert probe_as(TARGET, server.answer).trouble == (
        "token: the record of OPAY_CUSTOMER_ID has no token, so that none can be asked for"
    )


@each(
    ("came", "words"),
    [
        (Came(status=404, headers={}), "HTTP 404; /api/v1/international/token/query is not served there"),
        (Came(status=302, headers={}), "a redirect is not followed, so give the address it leads to"),
        (html(Sent(method="", path="", headers={}, body=b""), Came()), "HTTP 200 and text/html"),
        (Came(status=403, headers={}), "the merchant is not known at this country's host"),
        (Came(status=429, headers={}), "too many requests; wait, or lower --pace"),
    ],
)
def test_an_address_that_does_not_answer_as_the_api_does_is_named(came: Came, words: str) -> None:
    result = probe_as(TARGET, lambda _: came)
    assert result.trouble.startswith("address: http://127.0.0.1:9 ")
    assert words in result.trouble
    assert len(result.steps) == 1


def test_a_server_that_is_not_there_is_not_reached() -> None:
    def unreachable(_: Sent) -> Came:
        raise UnreachableError("no answer in 2 tries: ConnectionError; is the target up?")

    result = probe_as(TARGET, unreachable)
    assert not result.is_reached
    assert "no answer in 2 tries" in result.trouble


def test_a_budget_that_is_too_small_for_a_probe_is_named() -> None:
    assert probe_as(TARGET, budget=2).trouble.startswith("budget: the budget of 2 requests is used up")
    assert not probe_as(TARGET, budget=4).trouble


def test_a_server_that_wants_no_space_is_asked_so() -> None:
    result = probe_as(TARGET, SoundServer({"authorization-form": "no-space"}).answer)
    assert not result.trouble
    assert not result.api.judge.has_space
    assert "without a space in front of the signature" in result.steps[1].said


def test_what_is_for_the_tests_to_find_does_not_end_a_probe() -> None:
    server = SoundServer()
    vars(server)["is_signed"] = lambda *_: True
    vars(server)["by_token"] = server.unknown_token
    assert probe_as(TARGET, server.answer).describe() == (
        "address, credentials, record are right; token: 2 tokens, the first is not found by its key; "
        "signature: a wrong one is accepted"
    )


def doubt_of(target: ApiTarget) -> str:
    return describe_doubt({"OPAY_PRIVATE_KEY": target.private_key, "OPAY_MERCHANT_ID": target.merchant_id})


def test_what_is_odd_about_credentials_is_told_without_them() -> None:
    odd = {
        "OPAY_MERCHANT_ID and OPAY_PRIVATE_KEY look swapped": {"merchant_id": KEY, "private_key": MERCHANT},
        "OPAY_PRIVATE_KEY holds a public key; the private key begins with OPAYPRV": {
            "private_key": "OPAYPUB1"
        },
        "OPAY_PRIVATE_KEY has quotes in it, which belong to the shell": {"private_key": f"'{KEY}'"},
        "OPAY_MERCHANT_ID has quotes in it, which belong to the shell": {"merchant_id": f'"{MERCHANT}'},
        "OPAY_PRIVATE_KEY has white space in it": {"private_key": f"{KEY}\\n"},
        "OPAY_PRIVATE_KEY holds the test key of the documentation": {
            "private_key": "OPAYPRV_TEST_SYNTHETIC_0001"
        },
    }
    for words, changed in odd.items():
        assert doubt_of(replace(TARGET, **changed)) == words
        assert words in probe_as(replace(TARGET, **changed)).trouble
    assert doubt_of(TARGET) == ""
