"""The file: what it may say, what an error names, and that adding and removing touch nothing else."""

import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.baseline.acceptance import Acceptance, utc_day
from opay_contract.baseline.baseline import (
    PREAMBLE,
    add_acceptances,
    append_entries,
    find_prunable,
    lay_out,
    load_baseline,
    load_or_start_baseline,
    parse_baseline,
    remove_entries,
    render_entry,
)
from opay_contract.drift.saving import FindingsSeen
from opay_contract.errors import UsageError
from opay_contract.judge.table import RULES
from opay_contract.model.finding import Outcome

Accept = Callable[..., Acceptance]

QUICK = settings(deadline=None, derandomize=True, max_examples=40)
TODAY = date(2026, 11, 23)
CARD = "4111 1111 1111 1111"
NAMELESS = "(string of 5 characters, mixed characters)"
NAMED = [rule.id for rule in RULES if rule.id != "card-number-exposed"]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Nd"]), min_size=1).filter(lambda text: text.strip())
ACCEPTANCES = st.lists(
    st.builds(
        Acceptance,
        rule=st.sampled_from(NAMED),
        operation=st.sampled_from(["queryCardTokens", ""]),
        outcome=st.sampled_from(Outcome),
        pointer=WORDS,
        value=st.just("") | WORDS,
        reason=WORDS,
        expires=st.dates(TODAY - timedelta(days=900), TODAY + timedelta(days=366)),
        accepted_by=WORDS,
        accepted_on=st.dates(),
        file=st.just("b.toml"),
        line=st.just(0),
    ),
    max_size=6,
    unique_by=lambda acceptance: acceptance.fingerprint,
)


def without_line(acceptances: tuple[Acceptance, ...] | list[Acceptance]) -> list[dict[str, object]]:
    names = [name for name in Acceptance.__struct_fields__ if name not in {"file", "line"}]
    return [{name: getattr(acceptance, name) for name in names} for acceptance in acceptances]


@pytest.fixture
def text(accept: Accept) -> str:
    return append_entries(PREAMBLE, [accept(), accept(pointer="/data/phone")])


def test_an_entry_is_the_documented_one(accept: Accept) -> None:
    assert render_entry(accept(reason='a "quote", a tab\t and \x7f')) == (
        "[[acceptance]]\n"
        f'fingerprint = "{accept().fingerprint}"\n'
        'rule = "field-missing"\n'
        'operation = "queryCardTokens"\n'
        'outcome = "success"\n'
        'pointer = "/data/name"\n'
        'reason = "a \\"quote\\", a tab\\t and \\u007f"\n'
        "expires = 2027-01-31\n"
        'accepted_by = "Mona"\n'
        "accepted_on = 2026-11-23\n"
    )


def test_an_acceptance_knows_the_line_of_its_entry(text: str) -> None:
    lines = text.splitlines()
    assert [lines[one.line - 1] for one in parse_baseline(text, "b.toml", TODAY).acceptances] == [
        "[[acceptance]]",
        "[[acceptance]]",
    ]


def test_a_baseline_without_entries_is_one() -> None:
    assert parse_baseline("version = 1\n", "b.toml", TODAY).acceptances == ()


FAULTS = [
    # what stands in the text, what stands there instead, the line of the error, what it says
    ("version = 1", "version = 2", 1, "no baseline of version 1; begin it with 'version = 1'"),
    ("version = 1", "version = true", 1, "no baseline of version 1"),
    ("version = 1", "", 1, "no baseline of version 1"),
    ("version = 1", "version = 1\nextra = 1", 1, "unknown member 'extra'; known are version and acceptance"),
    ("version = 1", "version = 1\n'Ann B' = 1", 1, f"unknown member '{NAMELESS}'; known are"),
    ('rule = "field-missing"', 'rule = "Ann B"', 8, f"unknown rule '{NAMELESS}'"),
    ('"success"', '"Ann B"', 10, f"unknown outcome '{NAMELESS}'; known are success"),
    ('reason = "ticket 12"', "'Ann B' = 1", 12, f"unknown member '{NAMELESS}'"),
    ("version = 1", "version 1", 4, "not TOML: Expected '='"),
    ('rule = "field-missing"', "rule = ", 8, "not TOML: Invalid value"),
    ('rule = "field-missing"', 'rule = "field-mising"', 8, "did you mean 'field-missing'?"),
    ('rule = "field-missing"', 'rule = "xyz"', 8, "unknown rule 'xyz'; `opay-contract rules` lists them"),
    ('rule = "field-missing"', "rule = 1", 8, "'rule' is not a string"),
    ('rule = "field-missing"', 'rule = "body-empty"', 7, "is not that of the rule, operation, outcome"),
    (
        'rule = "field-missing"',
        'rule = "card-number-exposed"',
        8,
        "card-number-exposed can never be accepted",
    ),
    (
        '"queryCardTokens"',
        '"another"',
        7,
        "is not that of the rule, operation, outcome, pointer and value beside it",
    ),
    ('"success"', '"business-error"', 7, "is not that of the rule"),
    ('"success"', '"perfect"', 10, "unknown outcome 'perfect'; known are success, business-error, transport"),
    ('"/data/name"', '"/data/nam"', 7, "is not that of the rule"),
    ('"/data/name"', f'"/{CARD}"', 11, "pointer holds a card number"),
    ('reason = "ticket 12"\n', "", 6, "the acceptance has no 'reason'"),
    ('reason = "ticket 12"', 'reason = " "', 12, "reason is empty; say it in a few words"),
    ('reason = "ticket 12"', f'reason = "he paid with {CARD}"', 12, "reason holds a card number"),
    ('reason = "ticket 12"', 'reasons = "ticket 12"', 12, "unknown member 'reasons'; did you mean 'reason'?"),
    ('reason = "ticket 12"', 'reason = "ticket 12"\nseverity = "info"', 13, "unknown member 'severity'"),
    ("expires = 2027-01-31\n", "", 6, "the acceptance has no 'expires'"),
    ("2027-01-31", '"2027-01-31"', 13, "'expires' is not a date, such as 2027-01-31 without quotes"),
    ("2027-01-31", "2027-01-31T10:00:00Z", 13, "'expires' is not a date"),
    ("2027-01-31", "2027-02-30", 13, "not TOML: Invalid date or datetime"),
    ("2027-01-31", "2027-11-25", 13, "expires 2027-11-25 is more than a year away; the latest is 2027-11-24"),
    ('accepted_by = "Mona"', 'accepted_by = ""', 14, "accepted_by is empty"),
    ("2026-11-23", "1", 15, "'accepted_on' is not a date"),
    ("/data/phone", "/data/name", 18, "is not that of the rule"),
    ("[[acceptance]]\n", "[acceptance]\n", None, "not TOML"),
]


@pytest.mark.parametrize(("before", "after", "line", "said"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_named_by_file_and_line(
    before: str, after: str, line: int | None, said: str, text: str
) -> None:
    assert before in text
    with pytest.raises(UsageError) as caught:
        parse_baseline(text.replace(before, after, 1), "b.toml", TODAY)
    assert str(caught.value).startswith(f"b.toml:{line}: " if line else "b.toml:")
    assert said in str(caught.value)
    assert CARD not in str(caught.value)


def test_entries_that_do_not_begin_with_their_header_are_refused(text: str) -> None:
    entry = tomllib.loads(text)["acceptance"][0]
    inline = ", ".join(f'{name} = "{value}"' for name, value in entry.items())
    for other in (f"acceptance = [{{{inline}}}]", "acceptance = 1", "[acceptance]\na = 1", "acceptance = {}"):
        with pytest.raises(UsageError, match=r"b\.toml:1: write every acceptance as a table of its own"):
            parse_baseline(f"version = 1\n{other}\n", "b.toml", TODAY)


def test_the_same_acceptance_twice_is_refused(accept: Accept, text: str) -> None:
    with pytest.raises(UsageError, match=rf"b\.toml:29: '{accept().fingerprint}' stands in line 7 already"):
        parse_baseline(append_entries(text, [accept(reason="again")]), "b.toml", TODAY)


def test_values_inside_values_do_not_end_the_program() -> None:
    with pytest.raises(UsageError, match=r"b\.toml:1: "):
        parse_baseline(f"version = {'[' * 50_000}", "b.toml", TODAY)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read: No such file"):
        load_baseline(tmp_path / "none.toml", TODAY)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"b\.toml: not UTF-8 text"):
        load_baseline(tmp_path / "b.toml", TODAY)


def test_a_baseline_is_begun_where_there_is_none(tmp_path: Path, accept: Accept) -> None:
    before = load_or_start_baseline(tmp_path / "b.toml", TODAY)
    text = add_acceptances(before, [accept()])
    assert text.startswith(PREAMBLE)
    assert without_line(parse_baseline(text, "b.toml", TODAY).acceptances) == without_line([accept()])


def test_what_is_there_already_is_not_added(accept: Accept, text: str) -> None:
    baseline = parse_baseline(text, "b.toml", TODAY)
    with pytest.raises(UsageError, match=r"b\.toml:6: '[0-9a-f]{16}' stands here, until 2027-01-31; edit"):
        add_acceptances(baseline, [accept(reason="again")])


def test_the_day_is_that_of_utc() -> None:
    assert utc_day(1_795_391_999.0) == date(2026, 11, 22)
    assert utc_day(1_795_392_000.0) == date(2026, 11, 23)


def test_a_tricky_layout_is_understood(accept: Accept) -> None:
    first, second = accept(reason="[[acceptance]]\nnot one # \"'"), accept(pointer="/b")
    text = (
        '# "an open quote in a comment\nversion = 1 # """\n'
        "[['acceptance']] # '''\n"
        f'fingerprint = "{first.fingerprint}"\n"rule" = "field-missing"\n'
        "operation = 'queryCardTokens'\noutcome = '''success'''\npointer = \"\"\"/data/name\"\"\"\n"
        'reason = """\n[[acceptance]]\nnot one # "\'"""\n\n'
        "# in the middle of the first\nexpires = 2027-01-31\naccepted_by = 'Mona'\naccepted_on = 2026-11-23\n"
        "# below the first\n\n# of neither\n\n# above the second\n"
        + render_entry(second)
        + "# the end\n\n# last"
    )
    baseline = parse_baseline(text, "b.toml", TODAY)
    assert without_line(baseline.acceptances) == without_line([first, second])
    assert [one.line for one in baseline.acceptances] == [3, 22]
    entry = lay_out(text).entries[0]
    assert [lay_out(text).line_of(entry, name) for name in ("rule", "expires", "not")] == [5, 14, 3]
    assert "# below the first" not in remove_entries(baseline.text, [0])
    kept = remove_entries(baseline.text, [1])
    assert kept.endswith("# below the first\n\n# of neither\n\n# last")
    both = remove_entries(baseline.text, [0, 1])
    assert both == '# "an open quote in a comment\nversion = 1 # """\n\n# of neither\n\n# last'


def test_line_ends_of_another_system_stay(accept: Accept, text: str) -> None:
    theirs = text.replace("\n", "\r\n")
    baseline = parse_baseline(theirs, "b.toml", TODAY)
    longer = add_acceptances(baseline, [accept(pointer="/c")])
    assert longer.count("\n") == longer.count("\r\n")
    assert remove_entries(longer, [2]) == theirs


@QUICK
@given(ACCEPTANCES)
def test_what_is_written_is_read(acceptances: list[Acceptance]) -> None:
    text = append_entries(PREAMBLE, acceptances)
    assert without_line(parse_baseline(text, "b.toml", TODAY).acceptances) == without_line(acceptances)


@QUICK
@given(ACCEPTANCES, st.data(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "# a note", "\n\n# a"]))
def test_adding_and_then_pruning_changes_nothing_else(
    acceptances: list[Acceptance], data: st.DataObject, ends: str, tail: str
) -> None:
    at = data.draw(st.integers(0, len(acceptances)))
    kept, added = acceptances[:at], acceptances[at:]
    before = append_entries(PREAMBLE, kept).replace("\n", ends) + (
        f"{tail}\n".replace("\n", ends) if tail else ""
    )
    after = parse_baseline(add_acceptances(parse_baseline(before, "b.toml", TODAY), added), "b.toml", TODAY)
    assert without_line(after.acceptances) == without_line(acceptances)
    assert remove_entries(after.text, range(at, len(acceptances))) == before


@QUICK
@given(ACCEPTANCES, st.data())
def test_pruning_takes_out_the_expired_and_the_unused_and_keeps_the_rest(
    acceptances: list[Acceptance], data: st.DataObject
) -> None:
    seen = data.draw(st.sets(st.sampled_from(acceptances).map(lambda one: one.key))) if acceptances else set()
    findings_seen = FindingsSeen(keys=frozenset(seen), omitted=0, exchanges=9, unreadable=0)
    baseline = parse_baseline(append_entries(PREAMBLE, acceptances), "b.toml", TODAY)
    text = remove_entries(baseline.text, find_prunable(baseline, findings_seen, TODAY))
    useful = [one for one in acceptances if one.key in seen and one.expires >= TODAY]
    assert text == append_entries(PREAMBLE, useful)


@pytest.mark.parametrize(("exchanges", "unreadable"), [(0, 0), (9, 1)])
def test_a_run_that_did_not_read_everything_shows_no_acceptance_as_unused(
    exchanges: int, unreadable: int, accept: Accept
) -> None:
    findings_seen = FindingsSeen(keys=frozenset(), omitted=0, exchanges=exchanges, unreadable=unreadable)
    text = append_entries(PREAMBLE, [accept(), accept(pointer="/x", expires="2026-11-22")])
    baseline = parse_baseline(text, "b.toml", TODAY)
    assert find_prunable(baseline, findings_seen, TODAY) == {1: "acceptance expired on 2026-11-22"}


def test_the_example_of_the_docs_is_a_baseline() -> None:
    page = Path(__file__).parents[3] / "tools" / "docs" / "reference" / "baseline.md"
    example = page.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    assert [one.line for one in parse_baseline(example, "b.toml", TODAY).acceptances] == [4]
