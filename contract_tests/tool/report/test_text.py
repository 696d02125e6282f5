"""The report on a terminal: golden screens, folding at the screen's edge, frames, and what comes next."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from contract_tests.tool.running import run_command
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.cli.check import check
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.exchange import Place
from opay_contract.model.finding import ContractPlace, Finding, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun, View, rank
from opay_contract.report.findings import MAX_LINES, build_frame, dotted, guide_of
from opay_contract.report.sentences import next_steps
from opay_contract.report.text_report import MIN_WIDTH, render_text

DATA = Path(__file__).parents[1] / "whole" / "acceptance" / "data"
FIXED = {"SOURCE_DATE_EPOCH": "1790000000", "LINES": "44"}
Build = Callable[..., Finding]


def without_contract_lines(text: str) -> str:
    """Scrub where in the contract a statement stands, which moves whenever the contract is edited."""
    text = re.sub(r"\b(openapi\.yaml|schemas/[a-z-]+\.json):\d+", r"\1:LINE", text)
    return re.sub(
        r"^(  (?:\x1b\[2m)?[│┊](?:\x1b\[0m)? (?:\x1b\[2m)?) *\d+ │", r"\1 LINE │", text, flags=re.MULTILINE
    )


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_screen_is_the_golden_one(width: int, assert_golden: Callable[[str, str], None]) -> None:
    for name, *options in (
        ("folded",),
        ("all", "--all", "--questions", "--observed", "-v"),
        ("full", "--full"),
    ):
        said = [
            run_command(
                *("check", "drifted", "--format", "text", "--color", colour, *options),
                cwd=DATA,
                environment={**FIXED, "COLUMNS": str(width)},
            ).stdout
            for colour in ("never", "always")
        ]
        assert click.unstyle(said[1]) == said[0], name
        lines = said[0].splitlines()
        assert max(map(len, lines)) <= width, name
        assert name != "folded" or len(lines) < 44
        assert_golden(f"text-{name}-{width}.txt", without_contract_lines(said[0]))
        if name == "folded":
            assert_golden(f"text-{name}-{width}.ansi", without_contract_lines(said[1]))


def some(build: Build, number: int) -> DriftSummary:
    """Return a summary of so many errors, each of another field."""
    place = Place(source=0, entry=1, file="calls.ndjson", line=1)
    found = [build("field-missing", f"/data/field{at:03}", place) for at in range(number)]
    return DriftSummary(
        exchanges=number,
        findings={one.key: one for one in found},
        occurrences={Severity.ERROR: number},
    )


def test_a_list_is_folded_where_the_screen_ends_and_not_a_line_before(build: Build) -> None:
    for number in (5, 12, 13, 40):
        run = CheckedRun(summary=some(build, number))
        listed = len(render_text(run, View(shows_all=True)).splitlines())
        fits, folded = (render_text(run, View(height=listed + more)) for more in (1, 0))
        assert len(fits.splitlines()) == listed, number
        assert len(folded.splitlines()) < listed, number
    folded = render_text(run, View(height=20))
    shown = len(re.findall("field-missing.*field", click.unstyle(folded)))
    assert 2 < shown < 40
    assert f"  … {40 - shown} more: --all" in folded


@pytest.mark.parametrize(("number", "step"), [(13, 1), (40, 7)])
def test_a_screen_is_filled_to_its_last_line_and_not_beyond(number: int, step: int, build: Build) -> None:
    run = CheckedRun(summary=some(build, number))
    details = len(render_text(run, View(height=200, shows_all=True)).splitlines())
    for height in range(20, details + 1, step):
        said = click.unstyle(render_text(run, View(height=height)))
        lines, shown = len(said.splitlines()), len(re.findall("field-missing.*field", said))
        assert lines < height, height
        if shown < number:
            assert lines == height - 1, "another row would fit"
            assert shown < number - 1, "the last row takes no more than the line that says that there is one"
        elif said.count("a required field") < number:
            assert lines + 3 >= height, "the details of another finding, of three lines, would fit"


def test_few_findings_are_shown_from_both_sides(build: Build) -> None:
    framed = render_text(CheckedRun(summary=some(build, 1)), View(height=40))
    assert "┌ contract" in click.unstyle(framed)
    listed = render_text(CheckedRun(summary=some(build, 9)), View(height=40))
    assert "┌ contract" not in click.unstyle(listed)
    assert click.unstyle(render_text(CheckedRun(summary=some(build, 9)), View(is_full=True))).count("┌ ") == 9


@each(("asked", "width"), [(1, MIN_WIDTH), (79, MIN_WIDTH), (80, 80), (81, 81)])
def test_lines_are_as_long_as_the_terminal_is_wide_but_eighty_at_least(
    asked: int, width: int, drifted: DriftSummary, contract: Contract
) -> None:
    run = CheckedRun(summary=drifted, contract=contract, questions=contract.questions)
    text = click.unstyle(render_text(run, View(width=asked, is_full=True, is_verbose=True)))
    assert width - 12 < max(map(len, text.splitlines())) <= width


def test_card_numbers_come_before_everything(build: Build) -> None:
    place = Place(source=0, entry=1, file="calls.ndjson", line=1)
    rules = ("answer-mismatched", "card-number-exposed", "body-empty", "code-undocumented")
    found = [build(rule, "/data", place) for rule in rules]
    assert [one.rule.id for one in rank(found)] == [rules[1], rules[0], rules[2], rules[3]]
    rule = replace(RULES_BY_ID["card-number-exposed"], severity=Severity.INFO)
    weighed = [replace(one, rule=rule) for one in found[1:2]]
    assert rank([*found[2:], *weighed])[-1].rule.severity is Severity.INFO


@each(
    ("pointer", "words"),
    [
        ("/data/cardTokens/*/brand", "data.cardTokens[].brand"),
        ("/*/a", "[].a"),
        ("/data/card-token_1", "data.card-token_1"),
        ("/data/a~1b", "/data/a~1b"),
        ("/a b", "/a b"),
        ("request:/country", "request: country"),
        ("Authorization", "Authorization"),
        ("", ""),
        ("/", "/"),
    ],
)
def test_a_place_is_written_as_people_write_it_and_as_it_is_where_that_would_mislead(
    pointer: str, words: str
) -> None:
    assert dotted(pointer) == words


def test_a_frame_quotes_the_contract_with_its_sources_and_nothing_that_stood_elsewhere(
    drifted: DriftSummary, contract: Contract
) -> None:
    run = CheckedRun(summary=drifted, contract=contract)
    frames = {one.rule.id: (one, build_frame(one, run)) for one in drifted.findings.values() if one.contract}
    folded, frame = frames["type-mismatch"]
    assert folded.contract
    file, line = folded.contract.file, folded.contract.line
    assert frame.place == f"{file}:{line}"
    text = contract.schemas.documents[file].text.splitlines()
    for quoted in frame.lines:
        assert quoted.text.strip() in (text[quoted.number - 1].strip(), "…")
    assert line in {quoted.number for quoted in frame.lines}
    assert all(source.mark in {"DOC", "OBS", "UNKNOWN"} for source in frame.sources)
    assert frame.sources
    assert all(len(frame.lines) <= MAX_LINES for _, frame in frames.values())
    assert any(len(frame.lines) == MAX_LINES for _, frame in frames.values())
    moved = replace(folded.contract, line=line + 1)
    assert build_frame(replace(folded, contract=moved), run).lines == ()


def test_a_long_statement_is_cut_at_the_last_line_that_a_frame_has(build: Build, contract: Contract) -> None:
    document = contract.schemas.documents["schemas/card-token.json"]
    place = Place(source=0, entry=1, file="calls.ndjson", line=1)
    run = CheckedRun(summary=DriftSummary(), contract=contract)
    numbers = {}
    for pointer, position in document.positions.items():
        inner = [one.line for key, one in document.positions.items() if key.startswith(f"{pointer}/")]
        statement = ContractPlace(
            file=document.name, line=position.line, column=position.column, pointer=pointer
        )
        lines = build_frame(build("type-mismatch", "/a", place, contract=statement), run).lines
        if pointer.count("/") == 2 and "/examples" not in pointer:
            numbers[max([position.line, *inner]) - position.line + 1] = [one.text for one in lines]
    longer = min(number for number in numbers if number > MAX_LINES)
    assert "…" not in numbers[MAX_LINES]
    assert numbers[longer][-1] == "…"
    assert len(numbers[longer]) == MAX_LINES


def test_what_comes_next_are_commands_with_the_run_s_own_arguments(build: Build) -> None:
    run = CheckedRun(
        summary=some(build, 2), named=("my calls.har",), options=("--contract", "mine"), started_at=0.0
    )
    commands = {step.purpose: shlex.split(step.command) for step in next_steps(run)}
    inputs = ["my calls.har", "--contract", "mine"]
    assert commands["what it means"] == ["opay-contract", "rules", "field-missing"]
    assert commands["tell the vendor"][1:] == [
        "check",
        "my calls.har",
        "--contract",
        "mine",
        "--format",
        "ticket",
    ]
    accept = commands["accept it"]
    assert accept[1:7] == ["baseline", "add", "baseline.toml", *inputs]
    assert accept[7:] == ["--all-open", "--expires", "1970-04-01", "--reason", "…"]
    one = replace(run, summary=some(build, 1))
    assert "--fingerprint" in shlex.split(next_steps(one)[-1].command)
    assert next_steps(replace(run, summary=DriftSummary(exchanges=1))) == []


def test_no_command_accepts_a_card_number(build: Build) -> None:
    place = Place(source=0, entry=1, file="calls.ndjson", line=1)
    found = build("card-number-exposed", "/data", place)
    summary = DriftSummary(exchanges=1, findings={found.key: found}, occurrences={Severity.ERROR: 1})
    purposes = [step.purpose for step in next_steps(CheckedRun(summary=summary, named=("a",)))]
    assert purposes == ["what it means", "hide the cards", "tell the vendor"]


def test_quiet_is_the_verdict_alone_and_verbose_has_the_fingerprints(drifted: DriftSummary) -> None:
    run = CheckedRun(summary=drifted)
    (line,) = click.unstyle(render_text(run, View(is_quiet=True))).splitlines()
    assert line.startswith("✗ FAILED  14 errors in 24 exchanges")
    for is_verbose, number in ((False, 0), (True, 22)):
        view = View(shows_all=True, is_verbose=is_verbose, width=500)
        assert render_text(run, view).count("fingerprint ") == number


def test_a_clean_an_empty_and_a_vacuous_run_are_told_apart() -> None:
    refused = ("call", "", "business-error", "02000")
    for summary, said in (
        (DriftSummary(exchanges=405), "✓ 405 exchanges keep the contract · exit code 0"),
        (DriftSummary(exchanges=1), "✓ 1 exchange keeps the contract · exit code 0"),
        (
            DriftSummary(exchanges=2, outcomes={refused: 2}),
            "! 2 exchanges keep the contract, but none of them succeeded · exit code 0",
        ),
        (
            DriftSummary(out_of_scope=1),
            "✗ NOTHING CHECKED  the 1 exchange does not belong to the contract · exit code 3",
        ),
        (
            DriftSummary(exchanges=1, unreadable_count=2),
            "✗ INCOMPLETE  2 could not be read; no drift in 1 exchange · exit code 4",
        ),
        (
            DriftSummary(exchanges=1, is_partial=True),
            "✗ INTERRUPTED  not everything was checked: no finding in 1 exchange so far · exit code 130",
        ),
    ):
        lines = click.unstyle(render_text(CheckedRun(summary=summary))).splitlines()
        assert said in lines


def test_every_rule_has_a_guide_that_fits_a_line_and_quotes_no_value() -> None:
    for rule in EVERY_RULE:
        guide = guide_of(rule)
        assert len(guide.sentence) <= 72, rule.id
        assert guide.sentence[0].islower() or guide.sentence.startswith("NaN"), rule.id
        assert not guide.sentence.endswith("."), rule.id
        assert guide.before != guide.after, rule.id
        assert all((guide.fault, guide.advice, guide.before, guide.after)), rule.id


def test_the_text_options_are_grouped_in_the_help() -> None:
    with click.Context(check) as context:
        said = check.get_help(context)
    assert all(option in said for option in ("--all", "--full", "--questions", "--observed", "--color"))


def test_a_report_says_how_much_it_left_out() -> None:
    summary = DriftSummary(exchanges=3, occurrences={Severity.ERROR: 7})
    text = render_text(CheckedRun(summary=summary, questions=load_contract().questions))
    assert "7 occurrences of further findings not listed" in text
