"""The two reports of one run: their shape, that they agree, and golden files of both."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import jsonschema
import pytest
from contract_tests.tool.running import published_schema

Run = Callable[..., CompletedProcess[str]]
Record = Callable[..., Path]
Report = Callable[..., Any]
Golden = Callable[[str, str], None]

MEMBERS = {
    "": {
        "schema_version",
        "tool",
        "run",
        "contract",
        "elsewhere",
        "summary",
        "findings",
        "unreadable",
        "passed_over",
        "open_questions",
        "changes",
        "gaps",
        "observations",
    },
    "summary": {
        "exchanges_checked",
        "outcomes",
        "signatures",
        "out_of_scope",
        "out_of_window",
        "undated",
        "unreadable",
        "passed_over",
        "findings",
        "by_severity",
        "occurrences",
        "occurrences_omitted",
        "partial",
        "limits",
    },
    "findings": {
        "rule",
        "kind",
        "area",
        "severity",
        "operation",
        "outcome",
        "pointer",
        "value",
        "count",
        "files",
        "more_files",
        "expected",
        "actual",
        "status",
        "code",
        "fingerprint",
        "first",
        "last",
        "first_seen",
        "last_seen",
        "days",
        "contract",
    },
    "unreadable": {"file", "entry", "line", "reason"},
    "open_questions": {"id", "readings", "verdict"},
    "changes": {
        "kind",
        "operation",
        "form",
        "outcome",
        "pointer",
        "day",
        "type",
        "before",
        "after",
        "documented",
    },
    "gaps": {
        "rule",
        "operation",
        "form",
        "outcome",
        "pointer",
        "documented",
        "seen",
        "opportunities",
        "contract",
    },
    "observations": {
        "operation",
        "form",
        "outcome",
        "pointer",
        "documented",
        "count",
        "opportunities",
        "types",
        "lengths",
        "items",
        "numbers",
        "values",
        "other_values",
        "many_values",
    },
    "seen": {"file", "entry", "line", "column", "recorded_at"},
    "contract": {"file", "line", "column", "pointer"},
    "readings": {"reading", "count"},
    "by_severity": {"error", "warning", "info"},
}
"""What the report has, as the README and the schema tell its readers."""

FINDING = re.compile(
    r"(?P<file>[^:\s][^:]*):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<severity>error|warning|info) "
    r"(?P<rule>[a-z0-9-]+)(?: (?P<pointer>.*?))?: expected (?P<expected>.+), got (?P<actual>.+?)"
    r"(?: \((?:(?:entry \d+|\d+ times)(?:, )?)+\))?"
)
UNREADABLE = re.compile(r"(?P<file>[^:\s][^:]*)(?::(?P<line>\d+))?: (?:entry \d+: )?unreadable: .+")


def without_contract_lines(text: str) -> str:
    """Scrub where in the contract a statement stands, which moves whenever the contract is edited."""
    text = re.sub(r"(contract (?:openapi\.yaml|schemas/[a-z-]+\.json)):\d+:\d+", r"\1:LINE:COLUMN", text)
    return re.sub(
        r'("contract": \{\s+"file": "[^"]+",\s+"line": )\d+(,\s+"column": )\d+', r"\g<1>0\g<2>0", text
    )


@pytest.mark.parametrize("folder", ["clean", "drifted"])
def test_the_concise_report_is_the_golden_one(folder: str, run: Run, assert_golden: Golden) -> None:
    assert_golden(f"{folder}.txt", run("check", folder).stdout)


@pytest.mark.parametrize("folder", ["clean", "drifted"])
def test_the_json_report_is_the_golden_one(folder: str, run: Run, assert_golden: Golden) -> None:
    done = run("check", "--format", "json", folder)
    assert_golden(f"{folder}.json", without_contract_lines(done.stdout))


def test_the_scrubber_hides_nothing_but_the_lines_of_the_contract() -> None:
    kept = "calls.ndjson:7:1: error; openapi.yaml is 3:4; contract elsewhere.txt:1:2"
    assert without_contract_lines(kept) == kept


@pytest.mark.parametrize(
    "names", [(), ("clean",), ("elsewhere",), ("unreadable",), ("error", "unreadable", "info")]
)
def test_the_json_report_fits_its_published_schema(
    names: tuple[str, ...], run: Run, report: Report, record: Record
) -> None:
    schema = published_schema("report/report-v1.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report(run, record(*names)))


def test_the_drifted_report_fits_its_published_schema(run: Run, report: Report) -> None:
    jsonschema.Draft202012Validator(published_schema("report/report-v1.schema.json")).validate(
        report(run, "drifted")
    )


def test_the_published_schema_refuses_what_is_not_documented(run: Run, report: Report) -> None:
    judged = report(run, "drifted")
    validator = jsonschema.Draft202012Validator(published_schema("report/report-v1.schema.json"))
    for spoiled in (
        {**judged, "extra": 1},
        {**judged, "schema_version": 2},
        {**judged, "findings": [{**judged["findings"][0], "recorded": "x"}]},
        {**judged, "findings": [{**judged["findings"][0], "severity": "fatal"}]},
    ):
        assert not validator.is_valid(spoiled)


def test_the_json_report_has_exactly_the_documented_members(run: Run, report: Report) -> None:
    judged = report(run, "drifted")
    assert judged["schema_version"] == 1
    assert judged.keys() == MEMBERS[""]
    assert judged["summary"].keys() == MEMBERS["summary"]
    assert judged["summary"]["by_severity"].keys() == MEMBERS["by_severity"]
    for finding in judged["findings"]:
        assert finding.keys() == MEMBERS["findings"]
        assert finding["first"].keys() == finding["last"].keys() == MEMBERS["seen"]
        assert finding["contract"] is None or finding["contract"].keys() == MEMBERS["contract"]
    assert all(one.keys() == MEMBERS["unreadable"] for one in judged["unreadable"])
    for part in ("changes", "gaps", "observations"):
        assert all(one.keys() == MEMBERS[part] for one in judged[part])
    for question in judged["open_questions"]:
        assert question.keys() == MEMBERS["open_questions"]
        assert all(reading.keys() == MEMBERS["readings"] for reading in question["readings"])


def test_the_numbers_of_the_summary_add_up(run: Run, report: Report) -> None:
    judged = report(run, "drifted")
    summary, findings = judged["summary"], judged["findings"]
    assert summary["findings"] == len(findings)
    assert summary["unreadable"] == len(judged["unreadable"])
    assert summary["by_severity"] == {"error": 0, "warning": 0, "info": 0} | Counter(
        finding["severity"] for finding in findings
    )
    assert summary["occurrences"] == sum(finding["count"] for finding in findings)
    assert summary["occurrences_omitted"] == 0
    assert len({finding["fingerprint"] for finding in findings}) == len(findings)


def test_both_reports_have_the_same_findings_in_the_same_order(run: Run, report: Report) -> None:
    judged = report(run, "drifted")
    lines = run("check", "drifted").stdout.splitlines()
    found = [match for line in lines if (match := FINDING.fullmatch(line))]
    assert [
        (
            hit["file"],
            int(hit["line"]),
            hit["column"] and int(hit["column"]),
            hit["severity"],
            hit["rule"],
            hit["pointer"] or "",
            hit["expected"],
            hit["actual"],
        )
        for hit in found
    ] == [
        (
            one["first"]["file"],
            one["first"]["line"],
            one["first"]["column"],
            one["severity"],
            one["rule"],
            one["pointer"],
            one["expected"],
            one["actual"],
        )
        for one in judged["findings"]
    ]


def test_both_reports_have_the_same_numbers(run: Run, report: Report) -> None:
    summary, text = report(run, "drifted")["summary"], run("check", "drifted").stdout
    failing = summary["by_severity"]["error"]
    assert f"FAILED  {failing} errors in {summary['exchanges_checked']} exchanges" in text
    assert summary["out_of_scope"] == 3
    assert "2 exchanges went to other hosts (fonts.example 1, shop.example 1).\n" in text
    assert "1 exchange was a preflight.\n" in text
    assert len([line for line in text.splitlines() if UNREADABLE.fullmatch(line)]) == summary["unreadable"]


def test_the_most_severe_findings_come_first(run: Run, report: Report) -> None:
    ranks = [
        ("error", "warning", "info").index(one["severity"]) for one in report(run, "drifted")["findings"]
    ]
    assert ranks == sorted(ranks)


def test_a_finding_is_one_line_that_begins_with_a_file_and_line_that_are_there(run: Run, data: Path) -> None:
    lines = run("check", "drifted").stdout.splitlines()
    starts = [line for line in lines if " expected " in line and ", got " in line]
    assert len(starts) == 22
    for line in starts:
        match = FINDING.fullmatch(line)
        assert match, line
        recording = (data / match["file"]).read_text(encoding="utf-8").splitlines()
        assert 1 <= int(match["line"]) <= len(recording)
        assert 1 <= int(match["column"] or 1) <= len(recording[int(match["line"]) - 1])
        assert match["column"] or match["rule"] == "header-missing"


def test_the_line_is_the_values_and_the_last_one_the_entrys(run: Run, report: Report, data: Path) -> None:
    found = report(run, "drifted/browser.har")["findings"]
    assert found
    text = (data / "drifted/browser.har").read_text(encoding="utf-8").splitlines()
    starts = [
        number
        for number, line in enumerate(text, 1)
        if line == "      {" and "startedDateTime" in text[number]
    ]
    for one in found:
        first, last = one["first"], one["last"]
        assert starts[first["entry"] - 1] < first["line"] < [*starts, len(text)][first["entry"]]
        assert (last["line"], last["column"]) == (starts[last["entry"] - 1], None)


def test_first_and_last_name_where_a_finding_was_seen(run: Run, report: Report) -> None:
    judged = report(run, "drifted")
    exposed = next(one for one in judged["findings"] if one["rule"] == "card-number-exposed")
    assert exposed["count"] == 3
    assert exposed["first"] == {
        "file": "drifted/browser.har",
        "entry": 4,
        "line": exposed["first"]["line"],
        "column": exposed["first"]["column"],
        "recorded_at": "2026-05-02T08:00:03.000Z",
    }
    assert exposed["last"] == {
        "file": "drifted/calls.ndjson",
        "entry": 3,
        "line": 3,
        "column": None,
        "recorded_at": "2026-05-01T10:00:03Z",
    }


def test_a_finding_names_the_line_of_the_contract_that_it_is_about(
    run: Run, report: Report, repository: Path
) -> None:
    places = [one["contract"] for one in report(run, "drifted")["findings"] if one["contract"]]
    assert len(places) > 10
    for place in places:
        line = (repository / place["file"]).read_text(encoding="utf-8").splitlines()[place["line"] - 1]
        last = place["pointer"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        named = line[place["column"] - 1 :]
        assert last.isdecimal() or named.lstrip("'\"").startswith(last), place


def test_the_order_of_entries_does_not_change_a_fingerprint(run: Run, report: Report, record: Record) -> None:
    one, other = report(run, record("error", "warning")), report(run, record("warning", "clean", "error"))
    assert [finding["fingerprint"] for finding in one["findings"]] == [
        finding["fingerprint"] for finding in other["findings"]
    ]


def test_the_json_report_ends_in_one_line_feed(run: Run) -> None:
    stdout = run("check", "--format", "json", "clean").stdout
    assert stdout.endswith("}\n")
    assert json.loads(stdout)["findings"] == []


def test_the_real_recordings_without_drift_have_no_error(run: Run, report: Report, repository: Path) -> None:
    done = run("check", "contract_tests/recordings/clean", cwd=repository)
    assert done.returncode == 0
    judged = report(run, "contract_tests/recordings/clean", cwd=repository)
    assert judged["summary"]["exchanges_checked"] > 100
    assert judged["summary"]["by_severity"]["error"] == judged["summary"]["unreadable"] == 0


def test_the_real_recordings_with_drift_have_errors(run: Run, report: Report, repository: Path) -> None:
    judged = report(run, "contract_tests/recordings/drifted", cwd=repository)
    jsonschema.Draft202012Validator(published_schema("report/report-v1.schema.json")).validate(judged)
    assert judged["summary"]["by_severity"]["error"] > 10
    assert "card-number-exposed" in {one["rule"] for one in judged["findings"]}
    assert run("check", "contract_tests/recordings/drifted", cwd=repository).returncode == 1
