"""What the command reads, what it leaves out of scope, and by which contract it judges."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import zstandard

Run = Callable[..., CompletedProcess[str]]
Record = Callable[..., Path]
Report = Callable[..., Any]

QUERY = "/api/v1/international/token/query"
LEDGER = Path(__file__).parents[3] / "tool" / "whole" / "contracts" / "ledger"


def at(line: str, url: str, method: str = "POST") -> bytes:
    exchange = json.loads(line)
    exchange["request"] |= {"url": url, "method": method}
    return json.dumps(exchange).encode()


def counts(report: Any) -> tuple[int, int, int]:
    summary = report["summary"]
    return summary["exchanges_checked"], summary["out_of_scope"], summary["unreadable"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
def test_a_recording_reads_the_same_packed_and_through_a_pipe(
    pack: Callable[[bytes], bytes], run: Run, report: Report, record: Record, tmp_path: Path
) -> None:
    content = record("clean", "error").read_bytes()
    packed = tmp_path / "packed"
    packed.write_bytes(pack(content))
    from_file = report(run, packed)
    from_pipe = report(run, "-", stdin=pack(content))
    assert counts(from_file) == counts(from_pipe) == (2, 0, 0)
    assert [finding["fingerprint"] for finding in from_file["findings"]] == [
        finding["fingerprint"] for finding in from_pipe["findings"]
    ]
    assert from_pipe["findings"][0]["first"]["file"] == "-"
    assert from_file["findings"][0]["first"]["file"] == str(packed)


def test_a_damaged_archive_is_read_as_far_as_it_goes(
    run: Run, report: Report, lines: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "calls.ndjson.gz"
    broken.write_bytes(gzip.compress("".join(f"{lines['clean']}\n" * 50).encode())[:-20])
    checked, _, unreadable = counts(report(run, broken))
    assert checked > 0
    assert unreadable > 0


def test_folders_are_walked_in_the_order_of_names(run: Run, record: Record, tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.ndjson", "c.ndjson"):
        record("unreadable", file=name)
    (tmp_path / "b").mkdir()
    record("unreadable", file="b/z.ndjson")
    (tmp_path / "notes.txt").write_text("not a recording", encoding="utf-8")
    (tmp_path / ".hidden.ndjson").write_text("{", encoding="utf-8")
    done = run("check", tmp_path)
    found = [line.split(":")[0] for line in done.stdout.splitlines() if ": unreadable: " in line]
    assert [str(Path(file).relative_to(tmp_path)) for file in found] == [
        "a.ndjson",
        "b/z.ndjson",
        "b.ndjson",
        "c.ndjson",
    ]
    assert done.stdout == run("check", tmp_path).stdout


def test_paths_are_read_in_the_order_they_are_given(run: Run, record: Record) -> None:
    record("unreadable", file="a.ndjson")
    cwd = record("unreadable", file="b.ndjson").parent
    done = run("check", "b.ndjson", "a.ndjson", cwd=cwd)
    assert done.stdout.index("b.ndjson") < done.stdout.index("a.ndjson")


def test_format_in_overrides_what_the_content_looks_like(run: Run, report: Report) -> None:
    body = b'{"interactions": []}'
    assert run("check", "-", stdin=body).returncode == 3
    judged = report(run, "--format-in", "body", "-", stdin=body)
    assert counts(judged) == (1, 0, 0)
    assert "field-missing" in {finding["rule"] for finding in judged["findings"]}


def test_format_in_reads_what_is_not_recognised(run: Run, lines: dict[str, str]) -> None:
    text = f"# a comment\n{lines['clean']}\n".encode()
    assert run("check", "-", stdin=text).returncode == 4
    done = run("check", "--format-in", "ndjson", "-", stdin=text)
    assert "no drift in 1 exchange" in done.stdout


def test_a_bare_body_is_judged_as_an_answer_of_the_operation(run: Run, report: Report) -> None:
    judged = report(run, "-", stdin=b'{"code": "00000", "message": "SUCCESSFUL"}')
    assert counts(judged) == (1, 0, 0)
    assert judged["findings"][0]["operation"] == "queryCardTokens"


def test_other_hosts_and_preflights_are_counted_as_out_of_scope(run: Run, data: Path) -> None:
    done = run("check", "clean/browser.har", cwd=data)
    assert done.returncode == 0
    assert "1 exchange keeps the contract" in done.stdout
    assert (
        "went to other hosts (fonts.example 1).\nopay-contract: 1 exchange was a preflight.\n" in done.stdout
    )


def test_an_unknown_path_on_a_known_host_is_a_finding(
    run: Run, report: Report, lines: dict[str, str]
) -> None:
    url = "https://cashierapi.opaycheckout.com/api/v1/international/token/query/"
    judged = report(run, "-", stdin=at(lines["clean"], url))
    assert [finding["rule"] for finding in judged["findings"]] == ["nothing-succeeded", "path-undocumented"]
    assert judged["findings"][1]["operation"] is None
    assert counts(judged) == (1, 0, 0)


def test_an_unknown_method_on_a_known_path_is_a_finding(
    run: Run, report: Report, lines: dict[str, str]
) -> None:
    url = f"https://cashierapi.opaycheckout.com{QUERY}"
    judged = report(run, "-", stdin=at(lines["clean"], url, "PUT"))
    assert [finding["rule"] for finding in judged["findings"]] == ["method-undocumented", "nothing-succeeded"]


def test_base_url_adds_hosts_to_those_of_the_contract(
    run: Run, report: Report, lines: dict[str, str]
) -> None:
    mine = at(lines["error"], f"http://localhost:8080/opay{QUERY}")
    sandbox = lines["error"].encode()
    assert counts(report(run, "-", stdin=mine)) == (0, 1, 0)
    added = report(run, "--base-url", "http://localhost:8080/opay/", "-", stdin=mine + b"\n" + sandbox)
    assert counts(added) == (2, 0, 0)
    both = ["--base-url", "http://other.example", "--base-url", "http://localhost:8080/opay"]
    assert counts(report(run, *both, "-", stdin=mine)) == (1, 0, 0)


@pytest.mark.parametrize(
    "url", ["https://cashierapi.opaycheckout.com:443", "HTTPS://CashierAPI.OPayCheckout.com"]
)
def test_one_host_may_be_written_in_several_ways(
    url: str, run: Run, report: Report, lines: dict[str, str]
) -> None:
    assert counts(report(run, "-", stdin=at(lines["clean"], url + QUERY))) == (1, 0, 0)


def test_a_path_that_only_begins_like_the_base_url_is_another_one(
    run: Run, report: Report, lines: dict[str, str]
) -> None:
    recorded = at(lines["clean"], f"http://localhost/apiary{QUERY}")
    assert counts(report(run, "--base-url", "http://localhost/api", "-", stdin=recorded)) == (0, 1, 0)


def test_another_contract_judges_another_api(run: Run, report: Report) -> None:
    def balance(amount: float) -> bytes:
        request = {"method": "GET", "url": "https://ledger.example/v2/accounts/7/balance"}
        body = {"amount": amount, "currency": "EGP"}
        return json.dumps({"request": request, "response": {"status": 200, "body": body}}).encode()

    assert run("check", "--contract", LEDGER, "-", stdin=balance(10)).returncode == 0
    assert run("check", "-", stdin=balance(10)).returncode == 3
    judged = report(run, "--contract", LEDGER, "-", stdin=balance(-1))
    assert [finding["rule"] for finding in judged["findings"]] == ["value-out-of-range"]
    assert judged["findings"][0]["operation"] == "getBalance"
    assert judged["findings"][0]["contract"]["file"] == "schemas/balance.json"


def test_a_folder_without_a_contract_is_named(run: Run, tmp_path: Path) -> None:
    done = run("check", "--contract", tmp_path, "clean")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path}: no openapi.yaml there; name the folder that holds openapi.yaml and schemas/, or "
        "the file of a contract\n"
    )


def test_a_broken_contract_is_named_with_line_and_column(run: Run, tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text("openapi: 3.1.1\npaths: [1\ninfo: 2\n", encoding="utf-8")
    done = run("check", "--contract", tmp_path, "clean")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "openapi.yaml:3:" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b\n",
        "openapi: 3.1.1\n",
        "openapi: 3.1.1\npaths: 3\n",
        "a: 1\na: 2\n",
        "a: \x01\n",
        'paths: {/a: {get: {operationId: a, responses: {"200": {$ref: "#/nope"}}}}}\n',
        "servers: [{url: 'http://[bad'}]\npaths: {}\n",
    ],
)
def test_an_unsound_contract_is_2_and_one_line(text: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text(text, encoding="utf-8")
    done = run("check", "--contract", tmp_path, "clean")
    assert done.returncode == 2
    assert "openapi.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_signatures_are_verified_with_the_key_of_the_environment(
    run: Run, report: Report, record: Record
) -> None:
    recording = record("clean")
    right, wrong = "OPAYPRV_TEST_SYNTHETIC_0001", "OPAYPRV_TEST_SYNTHETIC_0002"
    assert run("check", recording, OPAY_PRIVATE_KEY=right).returncode == 0
    assert run("check", recording, OPAY_PRIVATE_KEY=wrong).returncode == 1
    assert run("check", recording, OPAY_PRIVATE_KEY="").returncode == 0
    judged = report(run, recording, OPAY_PRIVATE_KEY=wrong)
    assert [finding["rule"] for finding in judged["findings"]] == ["signature-mismatch"]
