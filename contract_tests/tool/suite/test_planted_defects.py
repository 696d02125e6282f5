"""Each planted defect is found by the test that names it, and none is where nothing was planted."""

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec

import pytest
from contract_tests.tool.suite.defects import DEFECTS, TABLES, Defect, Table, defects_of
from contract_tests.tool.suite.park import (
    CONTRACT,
    CUSTOMER,
    KEY,
    MERCHANT,
    TOKENS,
    Came,
    Sent,
    SoundServer,
    asking,
)
from contract_tests.usual import one_in
from hypothesis import settings

from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials, MockRequest
from opay_contract.suite import test_answers, test_refusals
from opay_contract.suite.api import Api
from opay_contract.suite.breach import Breach, breach_in, quote_for_shell
from opay_contract.suite.plugin import REAL_PROFILE
from opay_contract.suite.targets import probe

Test = Callable[[Api], None]


def load_tests() -> dict[str, Test]:
    """Return the tests that ask one query at a time, with the few examples that a real target gets.

    A test takes its number of examples when its module is loaded, so the modules are loaded once more.
    """
    before = settings.get_current_profile_name()
    settings.load_profile(REAL_PROFILE)
    tests: dict[str, Test] = {}
    for spec in (test_answers.__spec__, test_refusals.__spec__):
        assert spec is not None
        assert spec.loader is not None
        again = module_from_spec(spec)
        spec.loader.exec_module(again)
        tests |= {name: one for name, one in vars(again).items() if name.startswith("test_")}
    settings.load_profile(before)
    return tests


TESTS = load_tests()


def run_suite(answer: Callable[[Sent], Came], names: Iterable[str] = TESTS) -> dict[str, str]:
    """Run tests of the suite against a server; returns what those that failed said, never a value."""
    failed = {}
    with asking(answer) as api:
        judged = probe(api).api
        for name in names:
            try:
                TESTS[name](judged)
            except (Breach, BaseExceptionGroup) as error:
                failed[name] = str(breach_in(error) or error)
    said = "\n".join(failed.values())
    for secret in (KEY, MERCHANT, CUSTOMER, *TOKENS, "nour", "990000002", "7411", "4111111111111111"):
        assert secret not in said
    assert not re.search("[0-9a-f]{128}", said)
    return failed


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_a_planted_defect_is_found_by_the_test_that_names_it(table: Table) -> None:
    defects = list(defects_of(table))
    missed = [defect.name for defect in defects if not run_suite(defect.server().answer, [defect.found_by])]
    assert not missed


def test_there_are_some_fifty_defects_and_each_has_a_name_of_its_own() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 48
    assert {defect.found_by for defect in DEFECTS} <= TESTS.keys()


@pytest.mark.thorough
@pytest.mark.parametrize("defect", DEFECTS[::9], ids=lambda defect: defect.name)
def test_whatever_else_fails_is_told_without_a_secret_or_a_value(defect: Defect) -> None:
    assert run_suite(defect.server().answer)


READINGS = {one.question.id: list(one.stated.readings) for one in assumed_choices(CONTRACT)}


def columns() -> list[dict[str, str]]:
    """Return choices of readings such that each reading of each question is in one."""
    ids = {question.id: [reading.id for reading in question.readings] for question in CONTRACT.questions}
    most = max(map(len, ids.values()))
    return [{name: known[number % len(known)] for name, known in ids.items()} for number in range(most)]


@pytest.mark.parametrize("readings", one_in(2, columns()))
def test_a_sound_server_raises_no_alarm_under_any_reading(readings: dict[str, str]) -> None:
    assert run_suite(SoundServer(readings).answer) == {}


@pytest.mark.parametrize("number", one_in(4, range(len(columns()))))
def test_the_mock_raises_no_alarm_under_any_reading(number: int) -> None:
    picks = {name: known[number % len(known)] for name, known in READINGS.items()}
    with in_mock(picks) as answer:
        assert run_suite(answer) == {}


@contextmanager
def in_mock(picks: dict[str, str]) -> Iterator[Callable[[Sent], Came]]:
    """Return what answers as the mock does by some choices, for the merchant of the park."""
    choices = assumed_choices(CONTRACT).changed(f"{name}={one}" for name, one in picks.items())
    who = Credentials(merchant_id=MERCHANT, private_key=KEY)
    with Store() as store:
        store.add(RecordBook(CONTRACT).examples())
        handler = build_app(CONTRACT, MockSettings(choices=choices, credentials=who), store).handler

        def answer(sent: Sent) -> Came:
            fields = {name.encode(): value.encode("latin-1") for name, value in sent.headers.items()}
            came = handler.answer(
                MockRequest(method=sent.method, target=sent.path.encode(), headers=fields, body=sent.body)
            )
            headers = {name.decode(): value.decode() for name, value in came.fields}
            return Came(status=came.status, headers=headers, body=came.body)

        yield answer


def test_a_failure_is_a_few_lines_that_say_what_was_asked_what_came_and_how_to_ask_again() -> None:
    defect = next(one for one in DEFECTS if one.name == "unsigned accepted")
    again = """body='{"customerId":"'"$OPAY_CUSTOMER_ID"'"}'; curl -sS """
    again += "'http://127.0.0.1:9/api/v1/international/token/query' -H 'Content-Type: application/json' "
    again += """-H 'MerchantId: '"$OPAY_MERCHANT_ID" --data-raw "$body\""""
    first, *_ = run_suite(defect.server().answer, [defect.found_by])[defect.found_by].split("\n\n")
    assert first.splitlines() == [
        "rule:     a request without a signature is refused",
        "found:    it was accepted",
        "asked:    the known record, with no signature",
        "came:     HTTP 200, code 00000, application/json, 531 bytes",
        f"again:    {again}",
    ]


def test_a_refusal_with_data_is_a_breach() -> None:
    server = SoundServer()
    vars(server)["failed"] = lambda: server.write({"code": "02000", "message": "a", "data": {"a": 1}})
    failed = run_suite(server.answer, ["test_a_request_without_a_signature_is_refused"])
    assert "found:    data" in "".join(failed.values())
    assert "an answer that refuses holds no data" in "".join(failed.values())


def test_a_body_is_a_word_of_bash_with_variables_in_it() -> None:
    bodies = [b"", b"{}", b"it's", b'{"a":"who"}', b"who", b"whowho", "\u00e9\n\\ $x `y`".encode(), b"\xff!"]
    words = [quote_for_shell(body, {"WHO": "who", "NONE": ""}) for body in bodies]
    script = "".join(f"printf %s {word} | od -An -tx1 | tr -d ' \\n'; echo; " for word in words)
    done = subprocess.run(["/bin/bash", "-c", script], env={"WHO": "who"}, capture_output=True, check=True)
    assert [bytes.fromhex(line) for line in done.stdout.decode().split("\n")[:-1]] == bodies
    assert "who" not in script
    assert quote_for_shell(b"a\0b", {}) is None
