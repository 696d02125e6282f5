"""The report as text: for a terminal what is wrong first, folded to a screen; for a pipe a line a finding."""

import textwrap
from collections.abc import Iterable, Iterator
from functools import partial

import click
import msgspec

from opay_contract.baseline.acceptance import State
from opay_contract.errors import ExitCode
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.finding import Finding, Severity
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, View, by_gravity
from opay_contract.report.findings import build_frame, guide_of
from opay_contract.report.sentences import next_steps
from opay_contract.words import count, hanging, printable

MIN_WIDTH = 80
"""Columns that the report has at least; a narrower terminal breaks its lines itself."""

_LEAST_LINES = 8
"""Lines that findings have at least, however low the screen."""

_DETAILED = 2
"""Findings of a folded list that are told in full, however low the screen."""

_UNREADABLE = 3
_SIGNS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}
_MARK_COLOURS = {"✓": "green", "!": "yellow", "✗": "red"}
_END_OF_DIM = "\x1b[0m"
_dim = partial(click.style, dim=True)
_bold = partial(click.style, bold=True)


def render_text(run: CheckedRun, view: View | None = None) -> str:
    """Return the report with colour codes, which the writer takes off where nobody sees colours."""
    return _Screen(run, view or View()).render()


class _Row(msgspec.Struct, frozen=True):
    """A finding in a list: what stands in its columns."""

    finding: Finding
    rule: str
    field: str
    numbers: tuple[str, ...]


_TITLES = ("times", "files", "since")
"""What stands above the numbers of a list; a column without any is left out."""


class _Screen:
    """Puts a run on a screen."""

    def __init__(self, run: CheckedRun, view: View) -> None:
        self._run = run
        self._view = view
        self._width = max(view.width, MIN_WIDTH)

    def render(self) -> str:
        verdict = self._verdict()
        if self._view.is_quiet:
            return "\n".join(verdict) + "\n"
        head = [_dim(line) for said in say.describe_head(self._run) for line in self._hanging(said, 0, 2)]
        rest = [self._listed(), self._observed(), self._questions()]
        notes = self._notes()
        if self._view.counts_rules:
            return (
                "\n\n".join(
                    "\n".join(block) for block in (head, say.count_rules(self._run), verdict) if block
                )
                + "\n"
            )
        used = sum(len(block) + 1 for block in (head, *rest, notes, verdict) if block)
        blocks = [head, *self._findings(self._view.height - used), *rest, notes, verdict]
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _findings(self, room: int) -> Iterator[list[str]]:
        """Yield a block for each severity: frames or lists where these fit, else the most severe folded."""
        view, room = self._view, max(room, _LEAST_LINES)
        findings = by_gravity(self._run.counted)
        by_severity = [
            (severity, [one for one in findings if one.rule.severity is severity])
            for severity in reversed(Severity)
        ]
        present = [(severity, found) for severity, found in by_severity if found]
        framed = [
            [line for one in found for line in ("", *self._frame(one))][1:]  # a blank line between two
            for _, found in present
        ]
        if view.is_full or (not view.shows_all and sum(len(one) + 1 for one in framed) <= room):
            yield from framed
            return
        detailed = [self._list(severity, found, len(found), len(found)) for severity, found in present]
        if view.shows_all or sum(len(one) + 1 for one in detailed) <= room:
            yield from detailed
            return
        others = present[1:]
        if present:
            yield self._folded(*present[0], room - (2 if others else 0))
        if others:
            said = ", ".join(count(len(found), say.NOUNS[severity]) for severity, found in others)
            yield [
                click.style(f"{_SIGNS[others[0][0]]} {said}: --all", fg=say.COLOURS[others[0][0]], bold=True)
            ]

    def _folded(self, severity: Severity, findings: list[Finding], room: int) -> list[str]:
        """Return as much of a list as fits, the first told in full and the last line saying what is left."""
        details = [len(self._details(one)) for one in findings]
        detailed = min(_DETAILED, len(findings))
        rows = room - 2 - sum(details[:detailed])  # below a title, with a blank line behind
        shown = len(findings) if len(findings) <= rows else max(detailed, rows - 1)
        rest = 2 + (shown < len(findings))
        while detailed < shown and shown + sum(details[: detailed + 1]) + rest <= room:
            detailed += 1
        return self._list(severity, findings, shown, detailed)

    def _list(self, severity: Severity, findings: list[Finding], shown: int, detailed: int) -> list[str]:
        rows = [self._row(one, findings) for one in findings[:shown]]
        columns = [[title, *(row.numbers[place] for row in rows)] for place, title in enumerate(_TITLES)]
        filled = [column for column in columns if any(column[1:])]
        titles, *numbers = ["  ".join(cells).rstrip() for cells in zip(*map(_aligned, filled), strict=True)]
        rule = max(len(row.rule) for row in rows)
        field = min(max(len(row.field) for row in rows), self._width - rule - len(titles) - 6)
        title = f"{_SIGNS[severity]} {count(len(findings), say.NOUNS[severity])}"
        gap = max(2, 6 + rule + field - len(title))
        lines = [click.style(title, fg=say.COLOURS[severity], bold=True) + " " * gap + _dim(titles)]
        for number, row in enumerate(rows):
            name = click.style(f"{row.rule:<{rule}}", fg=say.COLOURS[severity])
            place = row.field if len(row.field) <= field else f"…{row.field[1 - field :]}"
            lines.append(f"  {name}  {_bold(place)}{' ' * (field - len(place))}  {numbers[number]}".rstrip())
            lines += self._details(row.finding) if number < detailed else []
        if more := len(findings) - shown:
            lines.append(_dim(f"  … {more:,} more: --all"))
        return lines

    def _row(self, finding: Finding, among: Iterable[Finding]) -> _Row:
        field = tell.describe_field(finding)
        alike = [one for one in among if one.rule is finding.rule and tell.describe_field(one) == field]
        if len(alike) > 1:
            field = f"{field} ({finding.outcome})".strip()
        files = tell.describe_files(finding) if self._run.counts_files else ""
        day = tell.describe_day(finding.first_seen).removesuffix(
            f" {(self._run.moment or '')[:4]}"
        )  # of the run
        numbers = (f"{finding.count:,}", files, day)
        return _Row(finding, finding.rule.id, field, numbers)

    def _details(self, finding: Finding) -> list[str]:
        frame = build_frame(finding, self._run)
        names = ", ".join(source.name for source in frame.sources)
        contract = [finding.expected, frame.place, names] if frame.place else []
        sides = {"contract": contract, "seen": [finding.actual, frame.seen_at]}
        lines = self._hanging(guide_of(finding.rule).sentence, 6)
        for side, parts in sides.items():
            lines += self._hanging(f"{side:<10}{'   '.join(parts)}", 6, 10) if parts else []
        return [*map(_dim, lines), *self._acceptance(finding), *self._verbose(finding)]

    def _acceptance(self, finding: Finding) -> list[str]:
        words = tell.describe_acceptance(self._run, finding)
        colour = "yellow" if self._run.state(finding) is State.EXPIRED else "green"
        return [click.style(line, fg=colour) for line in self._hanging(words, 6)] if words else []

    def _verbose(self, finding: Finding) -> list[str]:
        if not self._view.is_verbose:
            return []
        last = f"last at {tell.describe_place(finding.last_place)}" if finding.count > 1 else ""
        rule = finding.rule
        parts = [
            tell.describe_call(finding),
            f"{rule.kind}, {rule.area}",
            last,
            tell.describe_recorded(finding),
        ]
        words = "; ".join(filter(None, [*parts, f"fingerprint {finding.fingerprint}"]))
        return [_dim(line) for line in self._hanging(words, 6)]

    def _frame(self, finding: Finding) -> list[str]:
        """Return a finding with the contract's own lines beside what was recorded."""
        frame = build_frame(finding, self._run)
        colour = say.COLOURS[finding.rule.severity]
        head = f"{_SIGNS[finding.rule.severity]} {finding.rule.id}"
        field, times = tell.describe_field(finding), tell.describe_spread(finding, self._run)
        named = f"{head}  {field}".rstrip()
        if len(named) + 2 + len(times) > self._width:
            times = count(finding.count, "time")
        title = click.style(head, fg=colour, bold=True) + (f"  {_bold(field)}" if field else "")
        lines = [title + " " * max(2, self._width - len(named) - len(times)) + times]
        lines += [f"  {line}" for line in self._hanging(guide_of(finding.rule).sentence, 0)]
        if frame.place:
            lines.append(f"  {_dim('┌ contract ')}  {frame.place}   {printable(finding.expected)}")
            lines += [
                self._cut(
                    f"  {_dim('┊' if one.is_after_gap else '│')} {_dim(f'{one.number:>5} │')} {one.text}"
                )
                for one in frame.lines
            ]
            for source in frame.sources:
                lines += self._inside(printable(str(source)))
        corner = "├" if frame.place else "┌"
        first, *more = self._inside(", ".join(filter(None, (frame.seen_at, frame.ended))))
        lines += [first.replace(f"│{_END_OF_DIM}{'':<12}", f"{corner} recording{_END_OF_DIM}  ", 1), *more]
        is_described = "digit" in finding.actual or "character" in finding.actual
        lines += self._inside(printable(finding.actual) + "   (values are never shown)" * is_described)
        lines += self._acceptance(finding) + self._verbose(finding)
        first, *more = textwrap.wrap(frame.advice, self._width - 15, break_on_hyphens=False)
        return [*lines, f"  {_dim('└ next     ')}  {first}", *(f"{'':<15}{line}" for line in more)]

    def _inside(self, text: str) -> list[str]:
        wrapped = textwrap.wrap(text, self._width - 15, break_on_hyphens=False, break_long_words=True)
        return [f"  {_dim('│')}{'':<12}{line}" for line in wrapped]

    def _cut(self, line: str) -> str:
        """Return a line that is no longer than the screen is wide; what stands in files is not wrapped."""
        plain = click.unstyle(line)
        excess = len(plain) - self._width
        return line if excess <= 0 else f"{line[: len(line) - excess - 1]}…"

    def _listed(self) -> list[str]:
        run, view = self._run, self._view
        summary, lines = run.counted, []
        if run.accepted and (view.shows_all or view.is_full):
            lines.append(click.style(f"✓ {len(run.accepted):,} accepted", fg="green", bold=True))
            for finding in run.accepted:
                lines.append(f"  {finding.rule.id}  {_bold(tell.describe_field(finding))}  {finding.count:,}")
                lines += self._details(finding)
        if run.unused:
            excuse = f" (no failure: {run.unused_excuse})" if run.unused_excuse else ""
            title = f"{'!' if excuse else '✗'} {count(len(run.unused), 'unused acceptance')}{excuse}"
            lines.append(click.style(title, fg="yellow" if excuse else "red", bold=True))
            for one in run.unused:
                said = f"{tell.describe_covered(one)}: {tell.describe_unused(one)}"
                lines += self._hanging(f"{printable(one.file)}:{one.line}: {said}", 2, 4)
        if summary.unreadable_count:
            title = f"✗ {summary.unreadable_count:,} could not be read"
            lines.append(click.style(title, fg="magenta", bold=True))
            shown = summary.unreadable if view.shows_all else summary.unreadable[:_UNREADABLE]
            for unread in shown:
                lines += self._hanging(
                    f"{tell.describe_place(unread.place)}: {printable(unread.reason)}", 2, 4
                )
            if more := summary.unreadable_count - len(shown):
                is_there = len(shown) < len(summary.unreadable)
                lines.append(_dim(f"  … {more:,} more{': --all' if is_there else ''}"))
        return lines

    def _observed(self) -> list[str]:
        """Return changes, what is narrower and what was never seen, where that was asked for."""
        insight = self._run.insight
        if not self._view.shows_observed:
            return []
        lines = [_bold(f"Changes over time ({len(insight.changes):,})")] if insight.changes else []
        for change in insight.changes:
            place = printable(say.describe_location(change.location))
            said = f"{change.day}  {change.kind.value}  {place}: {say.describe_change(change)}"
            lines += self._hanging(f"{said} ({say.describe_scope(change.location)})", 2, 4)
        groups = say.group_gaps(insight.gaps, is_narrower=True)
        if groups:
            number = len(say.narrower(insight))
            lines.append(
                _bold(f"Narrower than documented ({number:,}; from {MIN_OBSERVATIONS} observations on)")
            )
        for group in groups:
            for item in group.items:
                said = f"{group.rule.id}  {group.scope}: {printable(item)} ({group.opportunities:,} seen)"
                lines += self._hanging(said, 2, 4)
        groups = say.group_gaps(insight.gaps, is_narrower=False)
        lines += [_bold(f"Documented and never seen ({len(say.never_seen(insight)):,})")] if groups else []
        for group in groups:
            items = printable(", ".join(group.items))
            lines += self._hanging(
                f"{group.rule.id}  {group.scope}: {items} (0 of {group.opportunities:,})", 2, 4
            )
        return lines

    def _questions(self) -> list[str]:
        """Return the open questions that recordings speak to, where that was asked for."""
        answers = [answer for answer in self._run.insight.answers if answer.observations]
        if not self._view.shows_questions or not answers:
            return []
        width = max(len(answer.question) for answer in answers)
        lines = [_bold("Open questions that these recordings speak to")]
        for answer in answers:
            said = f"{printable(answer.question):<{width}}  {printable(say.describe_answer(answer))}"
            lines += self._hanging(said, 2, width + 2)
        return lines

    def _notes(self) -> list[str]:
        run, view = self._run, self._view
        summary, insight, lines = run.counted, run.insight, []
        seen = [
            count(len(insight.changes), "change over time", "changes over time") if insight.changes else "",
            f"{len(say.narrower(insight)):,} narrower than documented" if say.narrower(insight) else "",
            f"{len(say.never_seen(insight)):,} documented and never seen" if say.never_seen(insight) else "",
        ]
        if any(seen) and not view.shows_observed:
            lines.append(f"? {', '.join(filter(None, seen))}: --observed")
        answers = [answer for answer in insight.answers if answer.observations]
        if answers and not view.shows_questions:
            settled = sum(answer.verdict is not None for answer in answers)
            verb = "has" if settled == 1 else "have"
            what = f"{verb} an answer" if settled else f"of {len(insight.answers):,} are spoken to"
            lines.append(f"? {count(settled or len(answers), 'open question')} {what} here: --questions")
        if run.judged:
            lines.append(
                say.describe_judged(run.judged) + (" (--all)" if run.accepted and not view.shows_all else "")
            )
        lines += [say.describe_omitted(summary), *insight.limits, say.describe_outside(summary)]
        lines += [*say.describe_out_of_scope(summary), say.describe_passed_over(summary)]
        outcomes, signatures = (
            say.describe_outcomes(summary.outcomes),
            say.describe_signatures(summary.signatures),
        )
        lines += [
            f"Outcomes: {outcomes}." if outcomes else "",
            f"Signatures: {signatures}." if signatures else "",
        ]
        return [part for line in lines if line for part in self._hanging(printable(line), 2, 2)]

    def _verdict(self) -> list[str]:
        run = self._run
        mark, words = say.mark_of(run), say.describe_verdict(run)
        colour = _MARK_COLOURS[mark]
        said = f"{mark} {words} · exit code {int(run.exit_code)}"
        first, *more = textwrap.wrap(said, self._width, subsequent_indent="  ", break_on_hyphens=False)
        lines = [click.style(line, fg=colour, bold=True) for line in (first, *more)]
        if run.exit_code is ExitCode.INTERRUPTED:
            lines.append(f"  {say.INTERRUPTED}")
        if vacuity := say.describe_vacuity(run):
            lines += self._hanging(vacuity, 2)
        steps = [] if self._view.is_quiet else next_steps(run)
        width = max((len(step.purpose) for step in steps), default=0)
        for step in steps:
            first, *more = _continued(step.command, self._width - width - 5)
            lines.append(f"  {step.purpose:<{width}}   {_dim(first)}")
            lines += [f"{'':<{width + 5}}{_dim(line)}" for line in more]
        return lines

    def _hanging(self, text: str, indent: int, more: int = 0) -> list[str]:
        return hanging(text, self._width, indent, more)


def _aligned(column: list[str]) -> list[str]:
    """Return the cells of a column in one width, days from the left and numbers from the right."""
    width = max(map(len, column))
    return [cell.ljust(width) if column[0] == "since" else cell.rjust(width) for cell in column]


def _continued(command: str, width: int) -> list[str]:
    """Return a command on as many lines as it needs, each but the last going on as a shell reads it."""
    lines = textwrap.wrap(command, width - 2, break_on_hyphens=False, break_long_words=False)
    return [*(f"{line} \\" for line in lines[:-1]), *lines[-1:]]


def render_concise(run: CheckedRun, view: View | None = None) -> str:
    """Return `file:line: severity rule place: message` for each finding, and lines that name the program.

    What is quiet has the verdict alone; what is verbose has fingerprints, too.
    """
    summary, view = run.counted, view or View()
    found = say.count_rules(run) if view.counts_rules else []
    if not view.counts_rules:
        found += [_line(finding, run, is_verbose=view.is_verbose) for finding in by_gravity(summary)]
    found += [
        f"{printable(one.file)}:{one.line}: unused {tell.describe_covered(one)}: {tell.describe_unused(one)}"
        for one in run.unused
    ]
    found += [
        f"{tell.describe_place(one.place)}: unreadable: {printable(one.reason)}" for one in summary.unreadable
    ]
    more = summary.unreadable_count - len(summary.unreadable)
    said = [f"{more:,} more could not be read."] if more else []
    said += [
        say.describe_judged(run.judged) if run.judged else "",
        say.describe_omitted(summary),
        say.describe_outside(summary),
        *say.describe_out_of_scope(summary),
        say.describe_vacuity(run),
    ]
    notes = [*say.describe_head(run), *filter(None, said)]
    verdict = f"{say.describe_verdict(run)}; exit code {int(run.exit_code)}"
    own = [f"{TOOL}: {line}" for line in ([*notes, verdict] if not view.is_quiet else [verdict])]
    return "\n".join([*([] if view.is_quiet else found), *own]) + "\n"


def _line(finding: Finding, run: CheckedRun, *, is_verbose: bool) -> str:
    severity = click.style(finding.rule.severity.label, fg=say.COLOURS[finding.rule.severity])
    where = f" {printable(finding.pointer)}" if finding.pointer else ""
    place = finding.place
    details = [
        "" if place.is_whole_run or place.entry in (0, place.line) else f"entry {place.entry}",
        f"{finding.count:,} times" if finding.count > 1 else "",
        run.acceptance_status(finding),
        f"fingerprint {finding.fingerprint}" if is_verbose else "",
    ]
    about = ", ".join(filter(None, details))
    message = f"expected {printable(finding.expected)}, got {printable(finding.actual)}"
    head = f"{tell.describe_file(place)}: {severity} {_bold(finding.rule.id)}{where}:"
    return f"{head} {message}" + (f" ({about})" if about else "")
