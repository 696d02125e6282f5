"""What every report says of a run, in one set of words: verdict, numbers, outcomes, gaps, what comes next."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec

from opay_contract.baseline.acceptance import Judged, State
from opay_contract.errors import ExitCode
from opay_contract.jsontext import pointer as pointer_of
from opay_contract.judge.gap_table import NARROWER_RULES
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, RULES_OF_A_RUN
from opay_contract.model.finding import (
    Answer,
    Change,
    ChangeKind,
    Gap,
    Insight,
    Outcome,
    Rule,
    Severity,
    Share,
)
from opay_contract.model.observation import FieldLocation
from opay_contract.model.summary import (
    DriftSummary,
    Elsewhere,
    Outcomes,
    Signatures,
    count_outcome,
    describe_failures,
    describe_mistakes,
)
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.findings import describe_minute
from opay_contract.words import count, printable

INTERRUPTED = "The run was interrupted: not everything was checked."
NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
"""What a finding of a severity is called in a sentence."""

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}

_REQUEST, _RESPONSE = "/request/body", "/response/body"
_ACCEPTED_FOR = timedelta(days=90)
_MOST_NAMED = 5
_MOST_BASE_URLS = 3
_PLACES = {"host": "other hosts", "path": "other paths of the contract's hosts"}


def describe_head(run: CheckedRun) -> list[str]:
    """Return the contract with what was checked, and the program with time and inputs: two lines at most."""
    summary = run.summary
    first = [
        str(run.used) if run.used else "",
        count(run.recordings, "recording") if run.recordings else "",
        count(summary.exchanges, "exchange") if summary.exchanges else "",
    ]
    named = [
        *run.named[:_MOST_NAMED],
        *([f"{len(run.named) - _MOST_NAMED:,} more"] * (len(run.named) > _MOST_NAMED)),
    ]
    second = [run.tool, f"{describe_minute(run.moment)} UTC" if run.moment else "", ", ".join(named)]
    return [printable(" · ".join(filter(None, parts))) for parts in (first, second) if any(parts)]


def describe_numbers(run: CheckedRun, least: Severity = Severity.INFO) -> str:
    """Return how many findings count, by severity from `least` on, or nothing."""
    numbers = run.numbers
    return ", ".join(
        count(numbers[severity], NOUNS[severity])
        for severity in reversed(Severity)
        if numbers[severity] and severity >= least
    )


def count_rules(run: CheckedRun) -> list[str]:
    """Return a line for each rule, the most severe first: how many findings it has, and how often seen."""
    findings, times = Counter[Rule](), Counter[Rule]()
    for finding in run.counted.findings.values():
        findings[finding.rule] += 1
        times[finding.rule] += finding.count
    ordered = sorted(findings, key=lambda rule: (-rule.severity, -times[rule], rule.id))
    rows = [(f"{findings[rule]:,}", f"{times[rule]:,}", rule.severity.label, rule.id) for rule in ordered]
    return [
        f"{found:>8}  {seen:>9}  {severity:<7}  {rule}"
        for found, seen, severity, rule in [("findings", "times", "", "rule"), *rows][: None if rows else 0]
    ]


def mark_of(run: CheckedRun) -> str:
    """Return the sign of a run's verdict; a run that passes and proves little has one of its own."""
    if run.exit_code is not ExitCode.CLEAN:
        return "✗"
    return "!" if run.summary.is_vacuous or run.is_nothing else "✓"


def describe_verdict(run: CheckedRun) -> str:
    """Return the verdict in one sentence without its end, its word in capitals where the run fails."""
    summary, code = run.counted, run.exit_code
    exchanges = count(summary.exchanges, "exchange")
    if code is ExitCode.NOTHING_CHECKED:
        return f"NOTHING CHECKED  {describe_nothing(run.summary, run.inputs)}"
    if code is ExitCode.INTERRUPTED:
        found = describe_numbers(run) or "no finding"
        return f"INTERRUPTED  not everything was checked: {found} in {exchanges} so far"
    if code is ExitCode.INCOMPLETE:
        found = (
            f"{describe_numbers(run) or describe_no_drift(run)} in {exchanges}" if summary.exchanges else ""
        )
        unread = f"{summary.unreadable_count:,} could not be read"
        return f"INCOMPLETE  {'; '.join(filter(None, (unread, found or 'nothing was checked')))}"
    if code is ExitCode.FINDINGS:
        failing = describe_numbers(run, run.fail_on)
        reasons = [f"{failing} in {exchanges}" if failing else ""]
        reasons += [describe_shortage(run).removesuffix(".")]
        reasons += [count(len(run.unused), "unused acceptance") if not failing and run.unused else ""]
        reasons += [f"{summary.unreadable_count:,} could not be read" if summary.unreadable_count else ""]
        return f"FAILED  {'; '.join(filter(None, reasons))}{_succeeded(summary)}"
    if run.is_nothing:
        return f"Nothing was checked: {describe_nothing(run.summary, run.inputs)}"
    if summary.is_vacuous:
        but = "but it did not succeed" if summary.exchanges == 1 else "but none of them succeeded"
        return f"{exchanges} {_keep(summary)} the contract, {but}{_found(run)}"
    return f"{exchanges} {_keep(summary)} the contract{_found(run)}{_succeeded(summary)}"


def _keep(summary: DriftSummary) -> str:
    return "keeps" if summary.exchanges == 1 else "keep"


def _found(run: CheckedRun) -> str:
    """Return what was found that does not fail the run."""
    found = [describe_numbers(run), f"{len(run.accepted):,} accepted" if run.accepted else ""]
    return f"; {', '.join(filter(None, found))}" if any(found) else ""


def _succeeded(summary: DriftSummary) -> str:
    return f" ({count(summary.successes, 'success', 'successes')})" if summary.successes else ""


def describe_no_drift(run: CheckedRun) -> str:
    """Return what is said of a run in which nothing counts."""
    if run.summary.is_vacuous:
        return "none of them succeeded" if run.summary.exchanges > 1 else "it did not succeed"
    return "no drift but what is accepted" if run.accepted else "no drift"


def explain_nothing(run: CheckedRun) -> str:
    """Return why nothing was checked, as a sentence; nothing where something was."""
    return f"Nothing was checked: {describe_nothing(run.summary, run.inputs)}." if run.is_nothing else ""


def describe_nothing(summary: DriftSummary, inputs: int | None) -> str:
    """Return why nothing was checked; `inputs` is how many files were read, None where that is not known."""
    if summary.out_of_scope:
        none = "none of the" if summary.out_of_scope > 1 else "the"
        verb = "belongs" if summary.out_of_scope > 1 else "does not belong"
        return f"{none} {count(summary.out_of_scope, 'exchange')} {verb} to the contract"
    if summary.out_of_window:
        return "all exchanges are outside --since and --until"
    if summary.unreadable_count:
        return "nothing could be read"
    if inputs == 0:
        return "there is no file to read"
    if inputs is None:
        return "there are no exchanges"
    if summary.passed_over_count == inputs:
        return f"none of the {inputs:,} files is a recording" if inputs > 1 else "the file is no recording"
    return f"the {inputs:,} files hold no exchange" if inputs > 1 else "the file holds no exchange"


def describe_omitted(summary: DriftSummary) -> str:
    """Return how many occurrences belong to findings that no report has, as a sentence, or nothing."""
    if not summary.omitted:
        return ""
    kept = count(len(summary.findings), "finding")
    return f"{count(summary.omitted, 'occurrence')} of further findings not listed: the report keeps {kept}."


def describe_outside(summary: DriftSummary) -> str:
    """Return how many exchanges were not looked at because of their time, or nothing."""
    if not summary.out_of_window:
        return ""
    undated = f", {summary.undated:,} of them without a time" if summary.undated else ""
    return f"Outside --since and --until: {count(summary.out_of_window, 'exchange')}{undated}."


def describe_passed_over(summary: DriftSummary) -> str:
    """Return how many files of folders are no recordings, or nothing."""
    files = count(summary.passed_over_count, "file of a folder", "files of folders")
    return (
        f"Passed over: {files}, no recordings (named by --format json)." if summary.passed_over_count else ""
    )


def describe_outcomes(outcomes: Outcomes) -> str:
    """Return how many calls ended in each way, parted by form, by code and by class of statuses."""
    kinds = (
        (Outcome.SUCCESS, "success", "successes", 1),
        (Outcome.BUSINESS_ERROR, "business error", "business errors", 3),
        (Outcome.TRANSPORT, "answer without a business code", "answers without a business code", 3),
    )
    said = []
    for outcome, one, many, part in kinds:
        if number := count_outcome(outcomes, outcome):
            parts = part_outcomes(outcomes, outcome, part)
            named = ", ".join(f"{name} {times:,}" for name, times in parts if name)
            said.append(count(number, one, many) + (f" ({named})" if named else ""))
    return printable("; ".join(said))


def part_outcomes(outcomes: Outcomes, outcome: Outcome, part: int) -> list[tuple[str, int]]:
    """Return the calls of an outcome by one part of their key, the most frequent first."""
    counts: Counter[str] = Counter()
    for key, number in outcomes.items():
        if key[2] == outcome:
            counts[key[part]] += number
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def describe_signatures(signatures: Signatures) -> str:
    """Return how many signatures verify, those of refused requests apart, or nothing where none was tried."""
    verified, refused = signatures.verified, signatures.refused_verified + signatures.refused_failed
    accepted = verified + signatures.failed
    parts = [f"{verified:,} of {accepted:,} verify"] if accepted else []
    parts += [f"of refused requests {signatures.refused_verified:,} of {refused:,} verify"] if refused else []
    mistakes = describe_mistakes(signatures)
    return printable("; ".join([", ".join(parts), *([mistakes] if mistakes else [])]))


def describe_vacuity(run: CheckedRun) -> str:
    """Return what a run without a success leaves unsaid, or nothing where something succeeded."""
    summary = run.summary
    if not summary.is_vacuous:
        return ""
    exchanges = "The exchange" if summary.exchanges == 1 else f"None of the {summary.exchanges:,} exchanges"
    verb = "did not succeed" if summary.exchanges == 1 else "succeeded"
    ended = describe_failures(summary.outcomes)
    operations = run.contract.operations if run.contract else ()
    names = dict.fromkeys(pointer_of(one.envelope.data)[1:] for one in operations if one.envelope)
    data = " and ".join(f"`{name}`" for name in names) or "what a success carries"
    said = f"{exchanges} {verb} ({ended}): nothing about {data} was checked"
    signatures = summary.signatures
    if failed := signatures.failed + signatures.refused_failed:
        said += f"; with the key given, {failed:,} of {signatures.total:,} signatures do not verify"
        mistakes = describe_mistakes(signatures)
        said += f"; {mistakes}" if mistakes else ""
    return f"{printable(said)}."


def describe_shortage(run: CheckedRun) -> str:
    """Return how far a run stays behind the successes that were asked for, or nothing."""
    if not run.is_short:
        return ""
    asked = f"{run.require_success:,} that --require-success asks for"
    return f"Too few successes: {run.summary.successes:,} of the {asked}."


def describe_out_of_scope(summary: DriftSummary, option: str = "--base-url") -> list[str]:
    """Return where the exchanges went that are out of scope, a sentence for each reason that there is.

    Where a path ends in one of the contract's, the host may be a gateway to it, and the sentence says how to
    have it checked, with the `option` that names a base URL. Where nothing else was recorded, paths are
    named, too.
    """
    sentences = [printable(sentence) for sentence in _iter_scope(summary, option)]
    return sorted(sentences, key=lambda sentence: not sentence.endswith("."))  # an option ends a text best


def _iter_scope(summary: DriftSummary, option: str) -> Iterator[str]:
    for reason, places in _PLACES.items():
        seen = {one: number for one, number in summary.elsewhere.items() if one.reason == reason}
        if seen:
            names = _join_places(seen, with_path=reason == "path" or not summary.exchanges)
            hint = _hint(seen, option, is_needed=not summary.exchanges and reason == "host")
            yield f"{count(sum(seen.values()), 'exchange')} went to {places} ({names}){hint or '.'}"
    preflights = sum(number for one, number in summary.elsewhere.items() if one.reason == "preflight")
    if preflights:
        verb = "was a preflight" if preflights == 1 else "were preflights"
        yield f"{count(preflights, 'exchange')} {verb}."
    if others := summary.out_of_scope - sum(summary.elsewhere.values()):
        yield f"{count(others, 'exchange')} went elsewhere."


def _join_places(seen: dict[Elsewhere, int], *, with_path: bool) -> str:
    counts: Counter[str] = Counter()
    for one, number in seen.items():
        counts[f"{one.host}{one.path if with_path else ''}"] += number
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = len(ordered) - _MOST_NAMED
    named = [f"{name} {number:,}" for name, number in ordered[:_MOST_NAMED]]
    return ", ".join([*named, *([f"and {more:,} more"] if more > 0 else [])])


def _hint(seen: dict[Elsewhere, int], option: str, *, is_needed: bool) -> str:
    """Return the base URLs to give, those that most of the exchanges would need first."""
    counts: Counter[str] = Counter()
    for one, number in seen.items():
        counts[one.base_url] += number
    del counts[""]
    urls = [url for url, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if urls:
        options = " ".join(f"{option} {url}" for url in urls[:_MOST_BASE_URLS] if "*" not in url)
        described = f"{option} {urls[0]} with what stands for *"
        return f"; if one answers by the contract: {options or described}"
    return f"; if one answers by the contract, name it with {option}" if is_needed else ""


def describe_judged(judged: Judged) -> str:
    """Return how many findings are in each state that there is, and how many acceptances have none."""
    parts = [", ".join(f"{number:,} {state}" for state in State if (number := len(judged.findings(state))))]
    if occurrences := sum(finding.count for finding in judged.findings(State.ACCEPTED)):
        parts.append(f"{count(occurrences, 'occurrence')} accepted")
    if judged.unused:
        parts.append(count(len(judged.unused), "unused acceptance"))
    return f"Baseline: {'; '.join(filter(None, parts)) or 'no findings'}."


class GapGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Gaps of one rule in one scope, which reports tell as one; `opportunities` are the most that one had."""

    rule: Rule
    scope: str
    gaps: tuple[Gap, ...]
    opportunities: int

    @property
    def items(self) -> tuple[str, ...]:
        """What each of them is about."""
        return tuple(map(describe_gap, self.gaps))


def group_gaps(gaps: Iterable[Gap], *, is_narrower: bool) -> list[GapGroup]:
    """Return what was never seen, or what was allowed in vain, by rule and scope in the order of gaps."""
    chosen = [gap for gap in gaps if (gap.rule.id in NARROWER_RULES) is is_narrower]
    grouped = groupby(chosen, key=lambda gap: (gap.rule, describe_scope(gap.location)))
    return [
        GapGroup(
            rule=rule, scope=scope, gaps=tuple(found), opportunities=max(gap.opportunities for gap in found)
        )
        for (rule, scope), group in grouped
        if (found := list(group))
    ]


def never_seen(insight: Insight) -> list[Gap]:
    """Return what is documented and was never there."""
    return [gap for gap in insight.gaps if gap.rule.id not in NARROWER_RULES]


def narrower(insight: Insight) -> list[Gap]:
    """Return what the contract allows and the recordings do not need."""
    return [gap for gap in insight.gaps if gap.rule.id in NARROWER_RULES]


def describe_gap(gap: Gap) -> str:
    """Return what a gap is about, and for what is narrower what was documented and seen."""
    place = describe_location(gap.location)
    if gap.rule.id in NARROWER_RULES:
        return f"{place}: documented {gap.documented}, seen {gap.seen}"
    return place if gap.rule.id == "field-unobserved" else gap.documented


def describe_change(change: Change) -> str:
    """Return the shares before and since, and of which type they are."""
    what = f"{change.type} " if change.kind is ChangeKind.TYPE else ""
    return f"{what}{describe_share(change.before)} before, {describe_share(change.after)} since"


def describe_share(share: Share) -> str:
    """Return a share as a percentage with the numbers that it comes from."""
    return f"{describe_rate(share)} ({share.count:,} of {share.of:,})"


def describe_rate(share: Share) -> str:
    """Return a percentage; what is rare or nearly always does not become none or all."""
    if share.count in (0, share.of):
        return "100 %" if share.count else "0 %"
    percent = 100 * share.rate
    for digits in range(5):
        text = f"{percent:.{digits}f}"
        if float(text) not in (0.0, 100.0):
            return f"{text} %"
    return "under 0.0001 %" if percent < 50 else "over 99.9999 %"  # noqa: PLR2004  the nearer end


def describe_location(location: FieldLocation) -> str:
    """Return a place as findings have it: a pointer into the answer, or into the request where it says so."""
    return describe_place_in_exchange(location[3])


def describe_place_in_exchange(place: str) -> str:
    """Return a pointer into an exchange as findings have it."""
    if place == _REQUEST or place.startswith(f"{_REQUEST}/"):
        return f"request:{place.removeprefix(_REQUEST)}"
    if place == _RESPONSE or place.startswith(f"{_RESPONSE}/"):
        return place.removeprefix(_RESPONSE)
    return place


def describe_scope(location: FieldLocation) -> str:
    """Return operation, request form and outcome, as far as they are said."""
    return ", ".join(part for part in location[:3] if part) or "no operation"


def describe_answer(answer: Answer) -> str:
    """Return the counts of the readings that something speaks for, and the verdict."""
    counts = ", ".join(f"{reading} {count:,}" for reading, count in answer.counts if count)
    return f"{counts}: '{answer.verdict}' holds alone" if answer.verdict else counts


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """A command that comes next, and what for."""

    purpose: str
    command: str


def next_steps(run: CheckedRun) -> list[NextStep]:
    """Return the commands that come next, with the run's own arguments."""
    open_ = [
        one
        for one in by_gravity(run.counted)
        if one.rule.severity >= run.fail_on and run.state(one) is not State.ACCEPTED
    ]
    if not open_ or run.exit_code is not ExitCode.FINDINGS:
        return []
    steps = [NextStep(purpose="what it means", command=f"{TOOL} rules {open_[0].rule.id}")]
    if not run.named:
        return steps
    inputs = shlex.join([*run.named, *run.options])
    if any(one.rule.id == CARD_NUMBER_EXPOSED.id for one in open_):
        steps.append(
            NextStep(purpose="hide the cards", command=f"{TOOL} redact {shlex.join(run.named)} -o redacted")
        )
    of_a_run = {rule.id for rule in RULES_OF_A_RUN}
    told = [one for one in open_ if one.rule.id not in of_a_run]
    if told:
        steps.append(NextStep(purpose="tell the vendor", command=f"{TOOL} check {inputs} --format ticket"))
    acceptable = [one for one in open_ if one.rule.id != CARD_NUMBER_EXPOSED.id]
    if acceptable:
        which = f"--fingerprint {acceptable[0].fingerprint}" if len(acceptable) == 1 else "--all-open"
        today = datetime.fromtimestamp(run.started_at or 0, UTC)
        until = f"{today + _ACCEPTED_FOR:%Y-%m-%d}"
        accept = f"{TOOL} baseline add baseline.toml {inputs} {which} --expires {until} --reason …"
        steps.append(NextStep(purpose="accept it", command=accept))
    return [NextStep(purpose=one.purpose, command=printable(one.command)) for one in steps]
