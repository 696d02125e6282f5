"""SARIF 2.1.0: valid by its schema, and every region, index, URI and fingerprint leads somewhere."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory
from opay_contract.contract.operation import OpenQuestion
from opay_contract.judge.table import RULES
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.annotations import render_sarif
from opay_contract.report.checked_run import CheckedRun

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
URI_REFERENCE = re.compile(r"(?:file:///)?[A-Za-z0-9._~%/-]+")
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(summary: DriftSummary, questions: tuple[OpenQuestion, ...] = (), **options: Any) -> Any:
    asked = {"contract_folder": ""} | options
    return render_run(CheckedRun(summary=summary, questions=questions, **asked))


def render_run(checked: CheckedRun) -> Any:
    text = render_sarif(checked)
    assert text.isascii()
    document = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document["runs"][0]


def physical(location: Any) -> Any:
    return location["physicalLocation"]


def one(folded: Finding) -> DriftSummary:
    severity = folded.rule.severity
    return DriftSummary(exchanges=1, findings={folded.key: folded}, occurrences={severity: folded.count})


@pytest.mark.parametrize("name", ["drifted", "nothing", "clean", "capped", "hostile"])
@pytest.mark.parametrize("folder", ["", "a b/ü", None])
def test_it_fits_the_published_schema(
    name: str, folder: str | None, contract: Contract, request: pytest.FixtureRequest
) -> None:
    render(request.getfixturevalue(name), contract.questions, contract_folder=folder)


def test_the_schema_refuses_what_is_no_sarif(drifted: DriftSummary) -> None:
    document = json.loads(render_sarif(CheckedRun(summary=drifted)))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_the_report_is_the_golden_one(
    fixed: DriftSummary, contract: Contract, assert_golden: Callable[[str, str], None]
) -> None:
    document = json.loads(
        render_sarif(CheckedRun(summary=fixed, questions=contract.questions, contract_folder=""))
    )
    driver = document["runs"][0]["tool"]["driver"]
    driver["rules"] = driver["rules"][:1]  # the rest is of the same form
    assert_golden("drifted.sarif", json.dumps(document, indent=2) + "\n")


def test_every_rule_is_described_and_every_result_names_its_rule(drifted: DriftSummary) -> None:
    run = render(drifted)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == [LEVELS[r.severity] for r in RULES]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert sum(result["occurrenceCount"] for result in run["results"]) == sum(drifted.occurrences.values())


def test_regions_lead_to_the_statement_in_the_contract(drifted: DriftSummary) -> None:
    seen = 0
    for result in render(drifted)["results"]:
        place = physical(result["locations"][0])
        uri, region = place["artifactLocation"]["uri"], place["region"]
        if not uri.startswith(("openapi.yaml", "schemas/")):
            continue
        seen += 1
        lines = (default_directory() / uri).read_text(encoding="utf-8").splitlines()
        statement = lines[region["startLine"] - 1][region["startColumn"] - 1 :]
        assert re.match(r"[\w\"'{\[-]", statement), (uri, region)
        assert physical(result["relatedLocations"][0])["artifactLocation"]["uri"].startswith("drifted/")
    assert seen > 10


def test_a_finding_without_a_statement_is_put_at_its_recording(drifted: DriftSummary) -> None:
    result = next(r for r in render(drifted)["results"] if r["ruleId"] == "duplicate-key")
    place = physical(result["locations"][0])
    assert place["artifactLocation"]["uri"] == "drifted/calls.ndjson"
    assert place["region"] == {"startLine": 16}
    assert "relatedLocations" not in result


def test_the_contract_s_folder_is_part_of_the_uri(drifted: DriftSummary) -> None:
    def artifacts(folder: str | None) -> set[tuple[str, str]]:
        locations = [result["locations"][0] for result in render(drifted, contract_folder=folder)["results"]]
        found = [physical(location)["artifactLocation"] for location in locations]
        return {(one["uri"], one["uriBaseId"]) for one in found}

    assert ("openapi.yaml", "%SRCROOT%") in artifacts("")
    assert ("openapi.yaml", "%SRCROOT%") in artifacts(".")
    assert ("api/v1/openapi.yaml", "%SRCROOT%") in artifacts("api/v1")
    assert ("openapi.yaml", "CONTRACT") in artifacts(None)


def test_fingerprints_are_ours_and_tell_findings_apart(drifted: DriftSummary) -> None:
    prints = [result["partialFingerprints"] for result in render(drifted)["results"]]
    assert {one["opayContractFinding/v1"] for one in prints} == {
        folded.fingerprint for folded in drifted.findings.values()
    }
    assert len({one["primaryLocationLineHash"] for one in prints}) == len(prints)


def test_standard_input_has_no_uri(build: Callable[..., Finding]) -> None:
    place = Place(source=0, entry=3, file="-", line=3)
    with_statement = render(one(build("type-mismatch", "/a", place)))["results"][0]
    assert "relatedLocations" not in with_statement
    assert "-:3" in with_statement["message"]["text"]
    without = render(one(build("duplicate-key", "/a", place, contract=None)))["results"][0]
    assert physical(without["locations"][0]) == {
        "artifactLocation": {"uri": "openapi.yaml", "uriBaseId": "%SRCROOT%"}
    }


def test_unreadable_input_is_a_notification_and_no_success(drifted: DriftSummary) -> None:
    invocation = render(drifted)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    notifications = invocation["toolExecutionNotifications"]
    assert len(notifications) == drifted.unreadable_count
    assert all(physical(one["locations"][0])["region"]["startLine"] for one in notifications)


def test_only_a_run_that_checked_everything_was_successful(
    clean: DriftSummary, nothing: DriftSummary, capped: DriftSummary
) -> None:
    assert render(clean)["invocations"] == [
        {
            "exitCode": 0,
            "exitCodeDescription": "passed",
            "executionSuccessful": True,
            "toolExecutionNotifications": [],
        }
    ]
    (empty,) = render(nothing)["invocations"]
    assert empty["executionSuccessful"] is False
    assert empty["toolExecutionNotifications"][0]["message"]["text"].startswith("Nothing was checked")
    texts = [one["message"]["text"] for one in render(capped)["invocations"][0]["toolExecutionNotifications"]]
    assert texts[-2:] == [
        "95 more entries could not be read.",
        "4 occurrences of further findings not listed: the report keeps 22 findings.",
    ]


def test_hostile_names_are_uris_and_hostile_words_are_no_links(
    hostile: DriftSummary, hostile_questions: tuple[OpenQuestion, ...]
) -> None:
    run = render(hostile, hostile_questions)
    for result in run["results"]:
        for location in [*result["locations"], *result.get("relatedLocations", [])]:
            assert URI_REFERENCE.fullmatch(physical(location)["artifactLocation"]["uri"])
        text = result["message"]["text"]
        assert text.isprintable()
        assert not re.search(r"(?<!\\)[\[\]]|(?<!\{)\{(?!\{)", text)


def test_a_name_that_is_not_utf8_keeps_its_bytes(build: Callable[..., Finding]) -> None:
    place = Place(source=0, entry=1, file="a\udcff b.har", line=1)
    result = render(one(build("duplicate-key", "", place, contract=None)))["results"][0]
    uri = physical(result["locations"][0])["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri) == b"a\xff b.har"


def test_an_absolute_path_is_a_file_uri(build: Callable[..., Finding]) -> None:
    place = Place(source=0, entry=1, file="/data/a b.har", line=1)
    result = render(one(build("duplicate-key", "", place, contract=None)))["results"][0]
    assert physical(result["locations"][0])["artifactLocation"] == {"uri": "file:///data/a%20b.har"}


def test_beside_a_baseline_the_report_is_the_golden_one(
    judged: CheckedRun, assert_golden: Callable[[str, str], None]
) -> None:
    run = render_run(judged)
    del run["tool"]  # as in the golden report without a baseline
    assert_golden("judged.sarif", json.dumps(run, indent=2) + "\n")


def test_what_is_accepted_is_suppressed_and_nothing_else_is(judged: CheckedRun) -> None:
    results = {result["properties"]["pointer"]: result for result in render_run(judged)["results"]}
    suppressions = {pointer: result["suppressions"] for pointer, result in results.items()}
    (suppression,) = suppressions.pop("/data/accepted")
    assert suppressions == {"/data/open": [], "/data/expired": []}
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"] == "ticket 12: they mend it in March"
    place = physical(suppression["location"])
    assert place["artifactLocation"] == {"uri": "baseline.toml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 6}
    assert {name: one["properties"]["baseline"] for name, one in results.items()} == {
        f"/data/{state}": state for state in ("open", "accepted", "expired")
    }
    assert not [result for result in results.values() if "baselineState" in result]


def test_an_expired_acceptance_is_told_and_related(judged: CheckedRun) -> None:
    (result,) = (one for one in render_run(judged)["results"] if one["ruleId"] == "field-missing")
    assert result["message"]["text"].endswith("; acceptance expired on 2026-11-22).")
    related = result["relatedLocations"][-1]
    assert physical(related)["region"] == {"startLine": 16}
    assert "expired" in related["message"]["text"]


@pytest.mark.parametrize(("allow_unused", "level"), [(False, "error"), (True, "note")])
def test_an_unused_acceptance_is_a_notification_about_the_configuration(
    allow_unused: bool,  # noqa: FBT001  pytest passes it by name
    level: str,
    judged: CheckedRun,
) -> None:
    (invocation,) = render_run(replace(judged, allow_unused=allow_unused))["invocations"]
    (unused,) = invocation["toolConfigurationNotifications"]
    assert unused["level"] == level
    assert "type-mismatch /data/unused" in unused["message"]["text"]
    assert physical(unused["locations"][0])["region"] == {"startLine": 26}


def test_without_a_baseline_nothing_is_said_about_suppression(drifted: DriftSummary) -> None:
    run = render(drifted)
    assert not [result for result in run["results"] if "suppressions" in result]
    assert "toolConfigurationNotifications" not in run["invocations"][0]
    assert "baseline" not in run["properties"]


def test_words_of_a_baseline_fit_the_schema_and_drive_no_terminal(hostile_judged: CheckedRun) -> None:
    run = render_run(hostile_judged)
    (suppression,) = (one for result in run["results"] for one in result["suppressions"])
    assert suppression["justification"].isprintable()
    assert URI_REFERENCE.fullmatch(physical(suppression["location"])["artifactLocation"]["uri"])
