"""Recordings as tests: each file of `--opay-recordings` passes if what it holds conforms to the contract."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.scopes import answer_shape
from opay_contract.drift.fold import Fold
from opay_contract.drift.locating import locate
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.outcomes import Outcomes, join_outcomes
from opay_contract.model.summary import DriftSummary
from opay_contract.pytest_plugin.checking import Bar, render_findings
from opay_contract.pytest_plugin.plugin import OUTCOMES
from opay_contract.recordings.inputs import STDIN, Repeats, Source, find_missing, iter_sources
from opay_contract.recordings.reading import is_passed_over, iter_exchanges
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.sentences import (
    describe_nothing,
    describe_out_of_scope,
    describe_outcomes,
    describe_vacuity,
)


def pack_outcomes(outcomes: Outcomes) -> str:
    """Return outcomes as text that a report can carry; it holds no recorded value but public codes."""
    return json.dumps([[*key, count] for key, count in outcomes.items()])


def join_packed(packed: Iterable[str]) -> DriftSummary:
    """Return what the recordings of a run show together."""
    total: Outcomes = {}
    for text in packed:
        for operation, form, outcome, detail, count in json.loads(text):
            total = join_outcomes(total, {(operation, form, outcome, detail): count})
    return DriftSummary(exchanges=sum(total.values()), outcomes=total)


def find_shortage(summary: DriftSummary, required: int | None) -> bool:
    """Tell whether a run fails because too few exchanges succeeded; by default none is too few."""
    if required is None:
        return summary.is_vacuous
    return summary.successes < required


def describe_run(summary: DriftSummary, required: int | None, contract: Contract) -> list[str]:
    """Return what the terminal says at the end, the verdict last."""
    lines = [f"Outcomes: {describe_outcomes(summary.outcomes)}."]
    if required and summary.successes < required:
        asked = f"{required:,} that --opay-require-success asks for"
        lines.append(f"Too few successes: {summary.successes:,} of the {asked}.")
    vacuity = describe_vacuity(CheckedRun(summary=summary, contract=contract))
    return [*lines, *([vacuity] if vacuity else [])]


_MOST_UNREADABLE = 20
"""How many unreadable entries a failure lists."""


class RecordingError(AssertionError):
    """A recording drifts, cannot be read, or holds nothing to check; the message shows no recorded value."""


class RecordingItem(pytest.Item):
    """One file of recorded exchanges."""

    contract: Contract
    bar: Bar
    found: Source | Unreadable

    def runtest(self) -> None:
        """Fail with what is wrong with the file."""
        found = self.found
        faults = [found.reason] if isinstance(found, Unreadable) else _faults(self, found)
        if faults:
            raise RecordingError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the fault alone: nobody wants to see where in this module it was raised."""
        if isinstance(excinfo.value, RecordingError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file, and the name that a failure is listed under."""
        name = self.found.name if isinstance(self.found, Source) else self.found.place.file
        return Path(name), None, name


def iter_items(
    session: pytest.Session, paths: Sequence[str], contract: Contract, bar: Bar
) -> Iterator[RecordingItem]:
    """Yield an item for each recording at `paths`, also for what cannot be read; UsageError where is none."""
    if STDIN in paths:
        raise pytest.UsageError(
            "--opay-recordings takes files and folders; `opay-contract check -` reads pipes"
        )
    if missing := find_missing(paths, literally=True):
        raise pytest.UsageError(f"--opay-recordings: {missing}")
    repeats = Repeats()
    for path in paths:
        answers = answer_shape(contract)
        sources = [one for one in iter_sources([path]) if not is_passed_over(one, answers)]
        if not sources:
            raise pytest.UsageError(f"--opay-recordings {path}: there are no recordings")
        named = [source for source in sources if not _is_repeat(source, repeats)]
        yield from (_item(session, source, contract, bar) for source in named)


def _is_repeat(found: Source | Unreadable, repeats: Repeats) -> bool:
    return isinstance(found, Source) and repeats.is_repeat(found)


def summarize(contract: Contract, source: Source) -> DriftSummary:
    """Hold every exchange of a file against the contract. Signatures are not verified."""
    fold = Fold(contract, Settings(started_at=time.time()))
    for item in iter_exchanges(source, answers=answer_shape(contract)):
        fold.add(item)
    return locate(fold.summary(), contract)


def _item(session: pytest.Session, found: Source | Unreadable, contract: Contract, bar: Bar) -> RecordingItem:
    name = found.name if isinstance(found, Source) else found.place.file
    item: RecordingItem = RecordingItem.from_parent(session, name=name, nodeid=f"{name}::recording")
    item.contract, item.bar, item.found = contract, bar, found
    return item


def _faults(item: RecordingItem, source: Source) -> list[str]:
    summary = summarize(item.contract, source)
    item.user_properties.append((OUTCOMES, pack_outcomes(summary.outcomes)))
    faults = [f"{one.place.file}: entry {one.place.entry}: {one.reason}" for one in summary.unreadable]
    if len(faults) > _MOST_UNREADABLE:
        faults = [*faults[:_MOST_UNREADABLE], f"and {summary.unreadable_count - _MOST_UNREADABLE} more"]
    found = item.bar.policy.findings(folded.finding for folded in summary.findings.values())
    if item.bar.is_failed_by(found):
        faults.append(render_findings(found))
    if not faults and not summary.exchanges:
        faults.append(_describe_nothing(summary))
    return faults


def _describe_nothing(summary: DriftSummary) -> str:
    sentences = describe_out_of_scope(summary, "--opay-base-url")
    return "\n".join([f"nothing was checked: {describe_nothing(summary, 1)}", *sentences])
