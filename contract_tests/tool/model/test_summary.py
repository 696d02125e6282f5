"""A summary joins: any split of the input, in any order of the parts, gives the same summary as one pass."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift import fold as fold_module
from opay_contract.drift import fold as folding
from opay_contract.drift.fold import Fold
from opay_contract.formats.native import parse_line
from opay_contract.judge.judge import Judge
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import RULES
from opay_contract.model import summary as summary_module
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import ContractPlace, Finding, Outcome, fingerprint
from opay_contract.model.summary import MAX_FILES, NOT_NAMED, DriftSummary, Elsewhere, Signatures, join, merge
from opay_contract.recordings.inputs import Source
from opay_contract.report.findings import describe_files
from opay_contract.report.json_report import build_finding

QUICK = settings(deadline=None, derandomize=True, max_examples=40)
CASES = sorted((Path(__file__).parents[1] / "judge" / "cases").glob("*/*.ndjson"))
LINES = [line for path in CASES for line in path.read_bytes().splitlines()]
UNREADABLE_LINES = [
    b'{"response": {}}',
    b'{"response": {"status": 0, "body": 1}}',
    b'{"response": {"status": "200", "body": 1}}',
]
OUT_OF_SCOPE_LINES = [
    b'{"request": {"url": "https://elsewhere.example/"}, "response": {"status": 200, "body": 1}}'
]
SETTINGS = Settings(started_at=1_790_000_000.0)

contract = cache(load_contract)


@pytest.fixture(autouse=True)
def small_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (summary_module, folding):
        monkeypatch.setattr(module, "MAX_FINDINGS", 5)
    monkeypatch.setattr(summary_module, "MAX_DETAILS", 2)
    for module in (summary_module, fold_module):
        monkeypatch.setattr(module, "MAX_UNREADABLE", 3)
        monkeypatch.setattr(module, "MAX_ELSEWHERE", 3)


PLACES = st.builds(
    lambda source, entry: Place(source=source, entry=entry, file=f"f{source}"),
    st.integers(0, 3),
    st.integers(1, 999),
)
FINDINGS = st.builds(
    lambda rule, pointer, outcome, moment, place: Finding(
        rule=rule,
        operation="call",
        outcome=outcome,
        pointer=pointer,
        expected="e",
        actual=f"at {place.entry}",
        contract=ContractPlace(file="f", line=1, column=1, pointer=""),
        place=place,
        recorded_at=moment,
    ),
    st.sampled_from(RULES[:12]),
    st.sampled_from(["", "/a", "/a/*", "/b"]),
    st.sampled_from([Outcome.SUCCESS, Outcome.BUSINESS_ERROR]),
    st.sampled_from([None, "2026-05-01T10:00:00Z"]),
    PLACES,
)
UNREADABLES = PLACES.map(lambda place: Unreadable(place=place, reason=f"r{place.entry}"))
OUTCOMES = st.tuples(
    st.just("call"),
    st.sampled_from(["", "form"]),
    st.sampled_from([Outcome.SUCCESS.value, Outcome.BUSINESS_ERROR.value]),
    st.sampled_from([NOT_NAMED, "01", "02", "03", "04"]),
)
READINGS = st.tuples(st.sampled_from(["q", "r"]), st.sampled_from(["yes", "no"]))


def one_finding(finding: Finding) -> DriftSummary:
    folded = structs.replace(
        finding,
        last_place=finding.place,
        last_recorded_at=finding.recorded_at,
        files=(finding.place.source,),
    )
    return DriftSummary(exchanges=1, findings={finding.key: folded}, occurrences={finding.rule.severity: 1})


def one_of_place(summary: DriftSummary) -> Place:
    if summary.unreadable:
        return summary.unreadable[0].place
    return (
        next(iter(summary.findings.values())).last_place
        if summary.findings
        else Place(source=9, entry=0, file="")
    )


def one_elsewhere(name: str) -> DriftSummary:
    base_url = f"https://{name}" if name > "f" else ""
    return DriftSummary(
        out_of_scope=1, elsewhere={Elsewhere(reason="host", host=name, path="/", base_url=base_url): 1}
    )


SMALLEST = (
    FINDINGS.map(one_finding)
    | UNREADABLES.map(lambda one: DriftSummary(unreadable_count=1, unreadable=(one,)))
    | st.sampled_from("abcdefgh").map(one_elsewhere)
    | READINGS.map(lambda key: DriftSummary(exchanges=1, readings={key: 1}))
    | OUTCOMES.map(lambda key: DriftSummary(outcomes={key: 1}, signatures=Signatures(refused_failed=1)))
)


def merged(parts: list[DriftSummary]) -> DriftSummary:
    whole = DriftSummary()
    for part in parts:
        whole = merge(whole, part)
    return whole


STREAMS = st.lists(
    SMALLEST,
    max_size=24,
    unique_by=lambda one: (
        one_of_place(one),
        one.out_of_scope,
        *one.elsewhere,
        *one.readings,
        *one.outcomes,
    ),
)
SUMMARIES = STREAMS.map(merged)


@QUICK
@given(STREAMS, st.data())
def test_merging_is_associative(stream: list[DriftSummary], data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.tuples(st.integers(0, len(stream)), st.integers(0, len(stream)))))
    a, b, c = merged(stream[:first]), merged(stream[first:second]), merged(stream[second:])
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merged(stream)


@QUICK
@given(STREAMS, st.data())
def test_merging_is_commutative(stream: list[DriftSummary], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stream)))
    a, b = merged(stream[:at]), merged(stream[at:])
    assert merge(a, b) == merge(b, a)


@QUICK
@given(SUMMARIES)
def test_the_empty_summary_is_the_zero(summary: DriftSummary) -> None:
    assert merge(summary, DriftSummary()) == merge(DriftSummary(), summary) == summary


@QUICK
@given(STREAMS)
def test_what_is_beyond_the_caps_is_counted(stream: list[DriftSummary]) -> None:
    whole = merged(stream)
    assert len(whole.findings) <= 5
    assert len(whole.unreadable) <= 3
    assert whole.unreadable == tuple(sorted(whole.unreadable, key=lambda one: one.place))
    assert whole.unreadable_count == sum(part.unreadable_count for part in stream)
    total = sum(len(part.findings) for part in stream)
    assert sum(whole.occurrences.values()) == total
    assert whole.omitted == total - sum(folded.count for folded in whole.findings.values()) >= 0


@QUICK
@given(STREAMS)
def test_of_many_codes_the_first_in_order_are_named_and_all_are_counted(stream: list[DriftSummary]) -> None:
    whole = merged(stream).outcomes
    assert sum(whole.values()) == sum(len(part.outcomes) for part in stream)
    for scope in {key[:3] for key in whole}:
        seen = {key[3] for part in stream for key in part.outcomes if key[:3] == scope} - {NOT_NAMED}
        named = {key[3] for key in whole if key[:3] == scope} - {NOT_NAMED}
        assert named == set(sorted(seen)[:2])


@QUICK
@given(STREAMS)
def test_what_is_kept_is_the_gravest(stream: list[DriftSummary]) -> None:
    found = {key: folded for part in stream for key, folded in part.findings.items()}
    order = sorted(found, key=lambda key: (-found[key].rule.severity, fingerprint(key)))
    assert set(merged(stream).findings) == set(order[:5])


@QUICK
@given(SUMMARIES, SUMMARIES)
def test_merging_changes_neither_side(a: DriftSummary, b: DriftSummary) -> None:
    before = deepcopy((a, b))
    merge(a, b)
    assert (a, b) == before


@QUICK
@given(st.lists(FINDINGS, min_size=1, max_size=8, unique_by=lambda finding: finding.place), st.randoms())
def test_equal_findings_become_one_with_the_first_and_the_last(
    findings: list[Finding], source: object
) -> None:
    same = [
        structs.replace(finding, rule=RULES[0], pointer="/a", outcome=Outcome.SUCCESS) for finding in findings
    ]
    getattr(source, "shuffle")(same)  # noqa: B009  hypothesis' random has no stub
    parts = [next(iter(one_finding(finding).findings.values())) for finding in same]
    whole = parts[0]
    for part in parts[1:]:
        whole = join(whole, part)
    in_order = sorted(same, key=lambda finding: finding.place)
    assert whole == structs.replace(
        in_order[0],
        count=len(same),
        last_place=in_order[-1].place,
        last_recorded_at=in_order[-1].recorded_at,
        files=tuple(sorted({finding.place.source for finding in same})),
    )


def test_a_finding_knows_so_many_files_and_that_there_are_more() -> None:
    line = b'{"response":{"status":200,"body":[]}}'
    for number, kept in ((MAX_FILES, MAX_FILES), (MAX_FILES + 1, MAX_FILES + 1), (500, MAX_FILES + 1)):
        folds = [Fold(contract(), SETTINGS) for _ in range(3)]
        for source in reversed(range(number)):
            seen = structs.replace(
                parse_line(Place(source=source, entry=1, file="-"), line), is_asserted=True
            )
            folds[0].add(seen)
            folds[1 + source % 2].add(seen)
        (whole,), *halves = (tuple(fold.summary().findings.values()) for fold in folds)
        assert (whole.files, whole.count) == (tuple(range(kept)), number)
        assert whole.place.source == 0
        assert join(halves[0][0], halves[1][0]) == whole
        assert describe_files(whole) == (str(number) if number <= MAX_FILES else f"{MAX_FILES}+")
        told = build_finding(whole)
        assert (told["files"], told["more_files"]) == (min(number, MAX_FILES), number > MAX_FILES)


@QUICK
@given(FINDINGS, st.text(), st.text(), PLACES)
def test_a_fingerprint_depends_on_no_prose_and_no_place(
    finding: Finding, expected: str, actual: str, place: Place
) -> None:
    other = structs.replace(
        finding, expected=expected, actual=actual, place=place, contract=None, recorded_at=None
    )
    assert fingerprint(other.key) == fingerprint(finding.key)
    assert fingerprint(structs.replace(finding, pointer="/z").key) != fingerprint(finding.key)


def test_a_fingerprint_never_changes() -> None:
    assert (
        fingerprint(("field-missing", "queryCardTokens", "success", "/data/cardTokens/*/brand"))
        == "1a9afd77c512e076"
    )


def fold_part(
    judge: Contract,
    part: list[tuple[int, bytes]],
    *,
    has_memory: bool = True,
    shared: Judge | None = None,
) -> DriftSummary:
    fold = Fold(judge, SETTINGS, has_memory=has_memory, judge=shared)
    source = Source(ordinal=0, name="-", path=None)
    for number, line in part:
        fold.add(parse_line(source.place(number, number), line))
    return fold.summary()


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[tuple[int, bytes]], list[list[tuple[int, bytes]]]]:
    lines = list(
        enumerate(
            draw(
                st.lists(
                    st.sampled_from(LINES + UNREADABLE_LINES * 8 + OUT_OF_SCOPE_LINES * 3),
                    min_size=1,
                    max_size=30,
                )
            ),
            1,
        )
    )
    owners = draw(st.lists(st.integers(0, 3), min_size=len(lines), max_size=len(lines)))
    parts = [[line for line, owner in zip(lines, owners, strict=True) if owner == part] for part in range(4)]
    return lines, draw(st.permutations(parts))


@settings(QUICK, max_examples=20)
@given(splits(), st.booleans())
def test_any_split_of_a_stream_gives_the_summary_of_one_pass(
    case: tuple[list[tuple[int, bytes]], list[list[tuple[int, bytes]]]], has_memory: object
) -> None:
    lines, parts = case
    whole = fold_part(contract(), lines, has_memory=bool(has_memory))
    assert merged([fold_part(contract(), part, has_memory=bool(has_memory)) for part in parts]) == whole
    shared = Judge(contract(), SETTINGS)  # as a worker has one for all of its parts
    assert merged([fold_part(contract(), part, shared=shared) for part in parts]) == whole


def test_the_caps_bite_in_a_fold_of_every_case() -> None:
    whole = fold_part(contract(), list(enumerate(LINES + UNREADABLE_LINES * 3, 1)))
    assert len(whole.findings) == 5
    assert whole.omitted > 0
    assert [one.place.entry for one in whole.unreadable] == [len(LINES) + number for number in (1, 2, 3)]
    assert whole.unreadable_count == 9
