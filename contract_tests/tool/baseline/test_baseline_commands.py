"""The commands: accept, check, explain, prune, and their exit codes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema
import pytest
from contract_tests.tool.running import published_schema

Run = Callable[..., CompletedProcess[str]]

CALLS = "drifted/browser.har"
DATE = "2026-02-02"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "baseline.toml"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Return a recording of one exchange with two findings, both errors."""
    lines = Path(__file__).parents[2] / "tool" / "whole" / "acceptance" / "data" / "clean" / "calls.ndjson"
    line = json.loads(lines.read_text(encoding="utf-8").splitlines()[0])
    body = json.loads(line["response"]["body"]) if isinstance(line["response"]["body"], str) else None
    body = line["response"]["body"] if body is None else body
    del body["message"]
    body["data"]["customer"] = 7
    line["response"]["body"] = body
    path = tmp_path / "calls.ndjson"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def report(calls: Path, tmp_path: Path, run: Run) -> Path:
    path = tmp_path / "report.json"
    run("check", "--format", "json", "--output", path, calls)
    return path


@pytest.fixture
def fingerprints(report: Path) -> list[str]:
    found = [one["fingerprint"] for one in json.loads(report.read_text(encoding="utf-8"))["findings"]]
    assert len(found) > 1
    return found


@pytest.fixture
def add(run: Run, file: Path, in_a_month: str) -> Run:
    """Return a function that accepts fingerprints, with what else is said."""

    def add_all(
        *fingerprints: str,
        others: tuple[str | Path, ...],
        reason: str = "ticket 12",
        expires: str = in_a_month,
    ) -> CompletedProcess[str]:
        named = [word for one in fingerprints for word in ("--fingerprint", one)]
        return run("baseline", "add", file, *named, "--reason", reason, "--expires", expires, *others)

    return add_all


@pytest.fixture
def accepted(add: Run, calls: Path, fingerprints: list[str]) -> int:
    """Return how many findings there are, all of which the file accepts."""
    assert add(*fingerprints, others=(calls, "--by", "Mona")).returncode == 0
    return len(fingerprints)


def test_accepted_findings_do_not_fail_the_run(
    run: Run, add: Run, file: Path, calls: Path, fingerprints: list[str]
) -> None:
    done = add(*fingerprints, others=(calls, "--by", "Mona"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(fingerprints)
    checked = run("check", "--fail-on", "info", "--baseline", file, calls, "--format=text", "--all")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "1 exchange keeps the contract; 2 accepted" in checked.stdout
    assert f"Baseline: {len(fingerprints)} accepted; " in checked.stdout
    assert "by Mona: ticket 12" in " ".join(checked.stdout.split())


def test_what_is_not_accepted_fails_the_run_still(
    run: Run, add: Run, file: Path, calls: Path, fingerprints: list[str]
) -> None:
    add(fingerprints[0], others=(calls,))
    done = run("check", "--fail-on", "info", "--baseline", file, calls)
    assert done.returncode == 1
    assert f"Baseline: {len(fingerprints) - 1} open, 1 accepted;" in done.stdout


def test_a_saved_report_serves_as_well_as_the_recordings(
    add: Run, file: Path, calls: Path, report: Path, fingerprints: list[str]
) -> None:
    add(*fingerprints, others=(calls,))
    text = file.read_text(encoding="utf-8")
    file.unlink()
    add(*fingerprints, others=("--from", report))
    assert file.read_text(encoding="utf-8") == text
    assert 'accepted_by = "mona"' in text


def test_the_json_report_of_a_run_with_a_baseline_fits_its_schema(
    run: Run, add: Run, file: Path, calls: Path, fingerprints: list[str]
) -> None:
    add(fingerprints[0], others=(calls,))
    judged = json.loads(run("check", "--format", "json", "--baseline", file, calls).stdout)
    jsonschema.Draft202012Validator(published_schema("report/report-v1.schema.json")).validate(judged)
    assert judged["schema_version"] == 1
    assert (judged["baseline"]["open"], judged["baseline"]["accepted"]) == (len(fingerprints) - 1, 1)
    assert [one["fingerprint"] for one in judged["findings"] if one["state"] == "accepted"] == fingerprints[
        :1
    ]


def expire(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text(
        "".join(f"expires = {DATE}\n" if line.startswith("expires") else line for line in lines),
        encoding="utf-8",
    )


def test_expired_acceptances_count_again(run: Run, file: Path, calls: Path, accepted: int) -> None:
    expire(file)
    done = run("check", "--fail-on", "info", "--baseline", file, calls)
    assert done.returncode == 1
    assert f"Baseline: {accepted} expired." in done.stdout
    assert f"acceptance expired on {DATE}" in done.stdout


def test_unused_acceptances_fail_the_run_unless_allowed(
    run: Run, add: Run, file: Path, calls: Path, fingerprints: list[str]
) -> None:
    add(fingerprints[0], others=(calls,))
    done = run("check", "--baseline", file, "clean")
    assert done.returncode == 1
    assert f"{file}:6: unused " in done.stdout
    assert "1 unused acceptance." in done.stdout
    assert run("check", "--baseline", file, "--allow-unused", "clean").returncode == 0
    assert run("check", "--baseline", file, "*.no-such-name").returncode == 4


def test_prune_takes_out_what_is_of_no_use_and_says_so(
    run: Run, file: Path, calls: Path, report: Path, accepted: int
) -> None:
    before = file.read_text(encoding="utf-8")
    done = run("baseline", "prune", file, calls)
    assert (done.returncode, done.stdout) == (0, f"0 removed, {accepted} kept.\n")
    assert file.read_text(encoding="utf-8") == before
    done = run("baseline", "prune", file, "clean")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{file}:6: removed ")
    assert done.stdout.endswith(f"{accepted} removed, 0 kept.\n")
    file.write_text(before, encoding="utf-8")
    expire(file)
    done = run("baseline", "prune", file, "--from", report)
    assert f": acceptance expired on {DATE}\n" in done.stdout
    assert "[[acceptance]]" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("what", "code"), [("*.no-such-name", 4), ("drifted/browser.har", 4)])
def test_prune_of_a_run_that_did_not_read_everything_keeps_what_is_unused(
    what: str, code: int, run: Run, file: Path, accepted: int
) -> None:
    done = run("baseline", "prune", file, what)
    assert (done.returncode, done.stdout) == (code, f"0 removed, {accepted} kept.\n")


def test_prune_of_a_run_that_checked_nothing_says_so(
    run: Run, file: Path, calls: Path, accepted: int, tmp_path: Path
) -> None:
    line = json.loads(calls.read_text(encoding="utf-8"))
    line["request"]["url"] = "https://shop.example/"
    elsewhere = tmp_path / "elsewhere.ndjson"
    elsewhere.write_text(json.dumps(line), encoding="utf-8")
    done = run("baseline", "prune", file, elsewhere)
    assert (done.returncode, done.stdout) == (3, f"0 removed, {accepted} kept.\n")
    assert run("check", "--baseline", file, elsewhere).returncode == 3


def test_explain_says_each_acceptance_in_words(run: Run, file: Path, accepted: int, in_a_month: str) -> None:
    done = run("baseline", "explain", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{file}:6: accepted until {in_a_month}, " in done.stdout
    assert "Reason: ticket 12" in done.stdout
    assert done.stdout.endswith(f"{accepted} acceptances: {accepted} accepted, 0 expired.\n")
    expire(file)
    done = run("baseline", "explain", file)
    assert f"{file}:6: acceptance expired on {DATE}, counts again: error " in done.stdout
    assert done.stdout.endswith(f"{accepted} acceptances: 0 accepted, {accepted} expired.\n")


def test_what_cannot_be_accepted_is_refused_and_nothing_is_written(
    add: Run, file: Path, calls: Path, report: Path, fingerprints: list[str]
) -> None:
    tomorrow_in_a_year = str(datetime.now(UTC).date() + timedelta(days=368))
    one = fingerprints[0]
    for done, said in (
        (add("0" * 16, others=(calls,)), "no finding there has the fingerprint '0000000000000000'"),
        (add(one, others=(calls,), reason="  "), "--reason is empty"),
        (add(one, others=(calls,), reason="card 4111 1111 1111 1111"), "--reason holds a card number"),
        (add(one, others=(calls,), expires=DATE), f"--expires: {DATE} is past; today is "),
        (add(one, others=(calls,), expires=tomorrow_in_a_year), "is more than a year away"),
        (add(one, others=(calls,), expires="soon"), "'soon' does not match the format '%Y-%m-%d'"),
        (add(one, others=(calls, "--by", "")), "--by is empty"),
        (add(one, others=()), "name recordings, or a report with --from: one of the two"),
        (add(one, others=(calls, "--from", report)), "one of the two"),
        (add(one, others=("--from", calls)), "no report of schema version 1"),
    ):
        assert done.returncode == 2, said
        assert said in " ".join(done.stderr.split())
        assert done.stdout == ""
    assert not file.exists()


def test_an_exposed_card_number_is_never_accepted(run: Run, add: Run, file: Path) -> None:
    findings = json.loads(run("check", "--format", "json", CALLS).stdout)["findings"]
    exposed = next(one["fingerprint"] for one in findings if one["rule"] == "card-number-exposed")
    done = add(exposed, others=(CALLS,))
    assert done.returncode == 2
    assert "card-number-exposed can never be accepted" in done.stderr
    assert not file.exists()


def test_a_report_that_was_changed_is_refused(
    add: Run, file: Path, report: Path, fingerprints: list[str]
) -> None:
    changed = json.loads(report.read_text(encoding="utf-8"))
    changed["findings"][0]["pointer"] = "/elsewhere"
    for broken in (
        json.dumps(changed),
        '{"schema_version": 1}',
        "[]",
        "{",
        '{"schema_version": 1, "summary": 1}',
    ):
        report.write_text(broken, encoding="utf-8")
        done = add(fingerprints[0], others=("--from", report))
        assert done.returncode == 2
        assert "save a report with `opay-contract check --format json`" in done.stderr
    assert not file.exists()


def test_an_unsound_baseline_is_named_by_file_and_line_and_ends_the_run(run: Run, file: Path) -> None:
    file.write_text('version = 1\n\n[[acceptance]]\nrules = "x"\n', encoding="utf-8")
    for command in (
        ("check", "--baseline", file, "clean"),
        ("baseline", "explain", file),
        ("baseline", "prune", file, "clean"),
    ):
        done = run(*command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"error: {file}:4: unknown member 'rules'; did you mean 'rule'?\n"


def test_allowing_unused_acceptances_of_no_baseline_is_refused(run: Run) -> None:
    done = run("check", "--allow-unused", "clean")
    assert done.returncode == 2
    assert "--baseline" in done.stderr
