"""JUnit XML: well-formed, with the elements and attributes that CI systems read, and right numbers."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import OpenQuestion
from opay_contract.judge.table import RULES
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.junit_report import render_junit
from opay_contract.words import on_one_line, printable

NUMBERS = {"name", "tests", "failures", "errors", "skipped", "time"}
SHAPES: dict[str, tuple[set[str], list[str]]] = {
    "testsuites": (NUMBERS, ["testsuite"]),
    "testsuite": (NUMBERS, ["properties", "testcase"]),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "testcase": ({"classname", "name", "time", "file", "line"}, ["failure", "error", "skipped"]),
    "failure": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "skipped": ({"message"}, []),
}
"""What the readers of GitLab, Jenkins and pytest's schema know, with the children in their order."""


def parse(text: str) -> ET.Element:
    return ET.fromstring(text.encode())  # noqa: S314  our own output


def results(root: ET.Element) -> Counter[str]:
    return Counter(case[0].tag if len(case) else "passed" for case in root.iter("testcase"))


def assert_shape(element: ET.Element) -> None:
    attributes, children = SHAPES[element.tag]
    assert set(element.attrib) <= attributes
    ranks = [children.index(child.tag) for child in element]
    assert ranks == sorted(ranks)
    for child in element:
        assert_shape(child)


@pytest.mark.parametrize("name", ["drifted", "nothing", "clean", "capped", "hostile"])
def test_it_has_the_shape_that_readers_know_and_the_right_numbers(
    name: str, contract: Contract, request: pytest.FixtureRequest
) -> None:
    root = parse(
        render_junit(CheckedRun(summary=request.getfixturevalue(name), questions=contract.questions))
    )
    assert_shape(root)
    counted = results(root)
    for element in (root, root[0]):
        assert int(element.attrib["tests"]) == counted.total()
        assert int(element.attrib["failures"]) == counted["failure"]
        assert int(element.attrib["errors"]) == counted["error"]
        assert int(element.attrib["skipped"]) == counted["skipped"]


def test_the_report_is_the_golden_one(
    fixed: DriftSummary, contract: Contract, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("drifted.junit.xml", render_junit(CheckedRun(summary=fixed, questions=contract.questions)))


def test_every_test_case_has_a_name_of_its_own(drifted: DriftSummary) -> None:
    cases = list(parse(render_junit(CheckedRun(summary=drifted))).iter("testcase"))
    assert len({(case.attrib["classname"], case.attrib["name"]) for case in cases}) == len(cases)


@each("fail_on", list(Severity))
def test_what_fails_is_what_fails_the_run(fail_on: Severity, drifted: DriftSummary) -> None:
    severities = [folded.rule.severity for folded in drifted.findings.values()]
    failing = sum(severity >= fail_on for severity in severities)
    counted = results(parse(render_junit(CheckedRun(summary=drifted, fail_on=fail_on))))
    assert (counted["failure"], counted["skipped"]) == (failing, len(severities) - failing)
    assert counted["error"] == drifted.unreadable_count


def test_rules_that_found_nothing_pass(clean: DriftSummary) -> None:
    names = [case.attrib["name"] for case in parse(render_junit(CheckedRun(summary=clean))).iter("testcase")]
    assert names == ["exchanges were checked", *(rule.id for rule in RULES)]


def test_nothing_checked_is_a_failure_and_no_rule_passes(nothing: DriftSummary) -> None:
    root = parse(render_junit(CheckedRun(summary=nothing)))
    assert results(root) == {"failure": 1}
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("Nothing was checked: ")


@pytest.mark.parametrize(("fail_on", "tag"), [(Severity.ERROR, "skipped"), (Severity.WARNING, "failure")])
def test_what_no_report_keeps_is_told_by_its_worst_severity(
    fail_on: Severity, tag: str, capped: DriftSummary
) -> None:
    root = parse(render_junit(CheckedRun(summary=capped, fail_on=fail_on)))
    case = root.find(".//testcase[@name='further findings']")
    assert case is not None
    assert case[0].tag == tag
    assert "4 occurrences of further findings not listed, at worst warning" in case[0].attrib["message"]
    more = root.find(".//testcase[@name='further entries']/error")
    assert more is not None
    assert more.attrib["message"] == "95 more could not be read"


def test_what_xml_cannot_hold_is_written_as_escapes(
    hostile: DriftSummary, hostile_questions: tuple[OpenQuestion, ...], hostile_text: str
) -> None:
    text = render_junit(CheckedRun(summary=hostile, questions=hostile_questions))
    text.encode()
    root = parse(text)
    files = [case.attrib.get("file") for case in root.iter("testcase")]
    assert printable(hostile_text.replace("\ud800", "")) in files
    assert any(printable(hostile_text) in failure.attrib["message"] for failure in root.iter("failure"))


def cases_of(run: CheckedRun) -> dict[str, ET.Element]:
    """Return the test cases that did not pass, by name, with what became of them as the only child."""
    return {case.attrib["name"]: case for case in parse(render_junit(run)).iter("testcase") if len(case)}


def test_beside_a_baseline_the_report_is_the_golden_one(
    judged: CheckedRun, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("judged.junit.xml", render_junit(judged))


def test_accepted_is_skipped_and_expired_and_unused_fail_and_say_so(judged: CheckedRun) -> None:
    cases = cases_of(judged)
    unused = "acceptance of type-mismatch /data/unused (queryCardTokens, success)"
    said = {name: (case[0].tag, case[0].attrib["message"]) for name, case in cases.items()}
    by = "(baseline.toml:6) by Mona: ticket 12: they mend it in March: expected string"
    for name, tag, words in (
        ("type-mismatch /data/open (success)", "failure", "expected string"),
        ("type-mismatch /data/accepted (success)", "skipped", f"accepted until 2026-11-23 {by}"),
        ("field-missing /data/expired (success)", "failure", "acceptance expired on 2026-11-22 (baseline"),
        (unused, "failure", "no finding has the fingerprint "),
    ):
        assert said[name][0] == tag
        assert said[name][1].startswith(words)
    assert len(said) == 4
    assert (cases[unused].attrib["file"], cases[unused].attrib["line"]) == ("baseline.toml", "26")


@pytest.mark.parametrize(
    ("changes", "excuse"),
    [
        ({"allow_unused": True}, "--allow-unused: "),
        ({"summary": DriftSummary(exchanges=1, unreadable_count=1)}, "not everything was checked: "),
    ],
)
def test_an_unused_acceptance_fails_where_it_fails_the_run(
    changes: dict[str, Any], excuse: str, judged: CheckedRun
) -> None:
    cases = cases_of(replace(judged, **changes))
    (unused,) = (case for name, case in cases.items() if name.startswith("acceptance of "))
    assert unused[0].tag == "skipped"
    assert unused[0].attrib["message"].startswith(excuse)


def test_words_of_a_baseline_are_written_as_escapes(hostile_judged: CheckedRun, hostile_text: str) -> None:
    root = parse(render_junit(hostile_judged))
    assert_shape(root)
    skipped = [one.attrib["message"] for one in root.iter("skipped")]
    assert any(on_one_line(hostile_text) in message for message in skipped)
