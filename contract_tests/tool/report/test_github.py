"""Workflow commands: one a line, read back as GitHub's runner reads them."""

import re
from collections.abc import Callable

from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.annotations import render_github
from opay_contract.report.checked_run import CheckedRun
from opay_contract.words import printable

COMMAND = re.compile(r"::(error|warning|notice) ([^:\n]*)::([^\n]*)")
KEYS = {"file", "line", "col", "title"}

Annotation = tuple[str, dict[str, str], str]


def read(line: str) -> Annotation:
    """Read a command as the runner does: properties up to the next `::`, split at commas."""
    command = COMMAND.fullmatch(line)
    assert command, line
    pairs = [pair.partition("=") for pair in command[2].split(",") if pair]
    properties = {key: unescape(value) for key, _, value in pairs}
    assert properties.keys() <= KEYS
    return command[1], properties, unescape(command[3])


def unescape(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def annotations(summary: DriftSummary, folder: str | None = None) -> list[Annotation]:
    return read_all(CheckedRun(summary=summary, contract_folder=folder))


def test_the_report_is_the_golden_one(
    fixed: DriftSummary, contract: Contract, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden(
        "drifted.github.txt",
        render_github(CheckedRun(summary=fixed, questions=contract.questions, contract_folder="")),
    )


def test_the_gravest_come_first_as_github_shows_ten_of_a_kind(drifted: DriftSummary) -> None:
    kinds = [kind for kind, _, _ in annotations(drifted)]
    assert kinds == sorted(kinds, key=["error", "warning", "notice"].index)
    assert len(kinds) == len(drifted.findings) + 1


def test_a_finding_is_at_the_statement_where_the_contract_is_at_hand(drifted: DriftSummary) -> None:
    for folder, file in (("", "schemas/card-token.json"), ("api", "api/schemas/card-token.json")):
        files = [properties["file"] for _, properties, _ in annotations(drifted, folder)]
        assert file in files
    assert {properties["file"] for _, properties, _ in annotations(drifted)} == {
        "drifted/calls.ndjson",
        "drifted/browser.har",
    }


def test_unreadable_input_is_one_error_that_says_how_many(drifted: DriftSummary) -> None:
    kind, properties, message = annotations(drifted)[0]
    assert (kind, properties["title"]) == ("error", "opay-contract: unreadable")
    assert message.endswith("(and 4 more entries)")


def test_nothing_checked_is_an_error_and_no_drift_a_notice(
    nothing: DriftSummary, clean: DriftSummary
) -> None:
    assert [(kind, message.split(":")[0]) for kind, _, message in annotations(nothing)] == [
        ("error", "Nothing was checked")
    ]
    assert annotations(clean) == [("notice", {"title": "opay-contract"}, "Checked 2 exchanges: no drift.")]


def test_what_no_report_keeps_is_told(capped: DriftSummary) -> None:
    said = [message for _, _, message in annotations(capped)]
    assert "4 occurrences of further findings not listed: the report keeps 22 findings." in said


def test_standard_input_is_no_file(build: Callable[..., Finding]) -> None:
    folded = build("duplicate-key", "/a", Place(source=0, entry=1, file="-", line=1), contract=None)
    summary = DriftSummary(exchanges=1, findings={folded.key: folded}, occurrences={Severity.ERROR: 1})
    ((_, properties, message),) = annotations(summary)
    assert properties == {"title": "opay-contract: duplicate-key"}
    assert "at -:1" in message


@each("folder", [None, "", "a,b:c%0A"])
def test_nothing_from_outside_begins_a_command_or_ends_a_property(
    folder: str | None,
    hostile: DriftSummary,
    hostile_questions: tuple[OpenQuestion, ...],
    hostile_text: str,
) -> None:
    text = render_github(CheckedRun(summary=hostile, questions=hostile_questions, contract_folder=folder))
    assert text.replace("\n", "").isprintable()
    read_back = annotations(hostile, folder)
    assert len(read_back) == len(hostile.findings) + 1
    assert {properties["title"] for _, properties, _ in read_back} == {
        "opay-contract: unreadable",
        "opay-contract: type-mismatch",
        "opay-contract: path-undocumented",
        "opay-contract: message-undocumented",
    }
    assert printable(hostile_text.replace("\ud800", "")) in {
        properties["file"] for _, properties, _ in read_back
    }


def read_all(run: CheckedRun) -> list[Annotation]:
    """Read the commands; what the step's log says beside them begins with the program's name."""
    lines = render_github(run).split("\n")[:-1]
    assert re.fullmatch(r"opay-contract: .*; exit code \d+", lines[-1])
    return [read(line) for line in lines if not line.startswith("opay-contract: ")]


def test_beside_a_baseline_the_report_is_the_golden_one(
    judged: CheckedRun, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("judged.github.txt", render_github(judged))


def test_expired_and_unused_acceptances_are_at_their_lines_of_the_baseline(judged: CheckedRun) -> None:
    entries = {
        properties["line"]: (kind, properties["title"].removeprefix("opay-contract: "))
        for kind, properties, _ in read_all(judged)
        if properties.get("file") == "baseline.toml"
    }
    assert entries == {"16": ("warning", "acceptance expired"), "26": ("error", "unused acceptance")}
    allowed = [one for one in read_all(replace(judged, allow_unused=True)) if "unused" in one[1]["title"]]
    assert [(kind, message[-17:]) for kind, _, message in allowed] == [("notice", " (--allow-unused)")]


def test_what_is_accepted_is_counted_and_annotated_nowhere(judged: CheckedRun) -> None:
    said = [message for _, _, message in read_all(judged)]
    assert said[0].startswith("Baseline: 1 open, 1 accepted, 1 expired; 3 occurrences accepted;")
    assert not [message for message in said if "/data/accepted" in message]


def test_nothing_from_a_baseline_begins_a_command_or_ends_a_property(
    hostile_judged: CheckedRun, hostile_text: str
) -> None:
    assert render_github(hostile_judged).replace("\n", "").isprintable()
    read_back = read_all(hostile_judged)
    assert len(read_back) == 6  # unreadable, the numbers, two that count, expired, unused
    file = printable(hostile_text.replace("\ud800", ""))
    assert [properties["line"] for _, properties, _ in read_back if properties.get("file") == file][-2:] == [
        "16",
        "26",
    ]
