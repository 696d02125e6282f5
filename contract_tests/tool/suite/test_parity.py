"""Two targets are asked the same, and what differs is told once, without a value."""

from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from contract_tests.tool.suite.conftest import CREDENTIALS, Staging
from contract_tests.tool.suite.defects import on_answers, on_cards, on_values, put
from contract_tests.tool.suite.park import Came, SoundServer, asking

from opay_contract.cli import compare
from opay_contract.cli.main import cli
from opay_contract.suite.catalogue import Parity, compare_targets, render_parity


def compared(first: SoundServer, second: SoundServer) -> Parity:
    with ExitStack() as stack:
        return compare_targets(
            stack.enter_context(asking(first.answer)), stack.enter_context(asking(second.answer))
        )


def test_targets_that_answer_alike_differ_in_nothing() -> None:
    second = SoundServer()
    second.people["121111113"]["customerName"] = "another"  # values are not compared
    parity = compared(SoundServer(), second)
    assert parity.differences == ()
    assert parity.asked > 90
    assert render_parity(parity, "mock", "sandbox").endswith(" requests, 0 differences")


def test_a_difference_in_shape_is_told_once_for_all_requests() -> None:
    second = SoundServer()
    on_cards(put("createTimestamp", "1637822753"))(second)
    text = render_parity(compared(SoundServer(), second), "mock", "sandbox")
    assert "  /data/cardTokens/*/createTimestamp: number against string\n" in text
    assert "    asked a sound request of queryCardTokens (by-customer); the known record; " in text
    assert "1637822753" not in text


def test_status_code_headers_and_members_are_compared() -> None:
    second = SoundServer({"missing-merchant-id": "merchant-is-null", "wrong-method": "business-error"})
    on_values(put("traceId", "1"))(second)
    rows = {
        (row.what, row.first, row.second): row.asked for row in compared(SoundServer(), second).differences
    }
    assert rows["code", "02000", "00003"] == (
        "the known record, with no merchant id",
        "the known record, with an empty merchant id",
    )
    assert rows["HTTP status", "405", "200"][0] == "the known record, by GET"
    assert rows["header content-type", "absent", "there"]
    assert rows["/traceId", "absent", "string"]


def test_a_server_that_answers_no_json_is_compared_too() -> None:
    second = SoundServer()
    on_answers(lambda *_: Came(status=500, body=b"<html>", headers={}))(second)
    rows = {(row.what, row.first, row.second) for row in compared(SoundServer(), second).differences}
    assert ("the body", "object", "no JSON") in rows


def test_the_command_compares_two_servers(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(f"{name}_2", value)
    monkeypatch.setattr(compare, "_PACE", 1000)
    done = CliRunner().invoke(cli, ["compare", "--target", "mock", "--target", staging.url])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"mock against {staging.url}: ")
    assert staging.seen > 90
    staging.app.handler.scenario = "field-null"
    done = CliRunner().invoke(cli, ["compare", "--target", "mock", "--target", staging.url])
    assert done.exit_code == 1
    assert "/data/cardTokens/*/brand: string against null" in done.output


def test_a_comparison_is_of_two() -> None:
    for options in (["--target", "mock"], ["--target", "mock", "--target", "mock", "a", "b"], ["a"], []):
        done = CliRunner().invoke(cli, ["compare", *options])
        assert done.exit_code != 0
        assert "twice" in str(done.exception)


def test_pace_and_budget_are_of_servers_and_have_their_bounds() -> None:
    two = ("--target", "mock", "--target", "mock")
    for options, words in (
        (("--pace", "1", "a", "b"), "--pace and --budget are for servers"),
        ((*two, "--pace", "0"), "--pace is to be more than 0"),
        ((*two, "--budget", "0"), "0 is not in the range"),
    ):
        done = CliRunner().invoke(cli, ["compare", *options])
        assert done.exit_code
        assert words in str(done.exception) + done.output
