"""Where an answer breaks the contract: a few lines for who has to mend it, the same thing told once.

A discrepancy says what was asked, what came, the rule, and how to ask again. No line of it holds a value of
an answer; a customer and a token that were asked for stand in it as variables of the shell.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

REPORTED = "opay_discrepancies"
"""The attribute of a test's report that carries discrepancies."""

_MOST_SHOWN = 3
_PLAIN = re.compile(r"[ -&(-~]*")  # what single quotes of a shell take as it is

_Case = TypeVar("_Case")


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an answer broke the contract; two of the same `rule` and `found` are one finding.

    `rule` is the id of a rule, or the promise that was broken, in words. `contract` is where it stands.
    `again` is a shell's command that asks the same; empty where there is none.
    """

    rule: str
    found: str
    asked: str
    came: str = ""
    contract: str = ""
    again: str = ""

    def __str__(self) -> str:
        """Return a line each for what is known."""
        told = {"rule": self.rule, "found": self.found, "asked": self.asked, "came": self.came}
        told |= {"contract": self.contract, "again": self.again}
        return "\n".join(f"{name + ':':<10}{text}" for name, text in told.items() if text)


class Breach(AssertionError):  # noqa: N818  names what a test found
    """Fails a test of the suite; its text is what its discrepancies say."""

    def __init__(self, discrepancies: Iterable[Discrepancy]) -> None:
        self.discrepancies = tuple(discrepancies)
        distinct = list({(one.rule, one.found): one for one in reversed(self.discrepancies)}.values())[::-1]
        shown = [str(one) for one in distinct[:_MOST_SHOWN]]
        if len(distinct) > _MOST_SHOWN:
            shown.append(f"and {len(distinct) - _MOST_SHOWN} more, see the findings at the end")
        super().__init__("\n\n".join(shown))


def check_each(cases: Iterable[_Case], check: Callable[[_Case], object]) -> None:
    """Check every case, and fail with whatever was found in all of them."""
    found: list[Discrepancy] = []
    for case in cases:
        try:
            check(case)
        except Breach as breach:
            found.extend(breach.discrepancies)
    if found:
        raise Breach(found)


def breach_in(error: BaseException) -> Breach | None:
    """Return the breach that failed a test; hypothesis wraps one that comes and goes."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(breach_in, error.exceptions)), None)
    return error if isinstance(error, Breach) else None


class DistinctFinding(msgspec.Struct, frozen=True, kw_only=True):
    """The same discrepancy wherever it was met: the first, what was asked, and the tests that failed."""

    first: Discrepancy
    asked: tuple[str, ...]
    tests: tuple[str, ...]


def distinct_findings(failed: Iterable[tuple[str, Discrepancy]]) -> list[DistinctFinding]:
    """Fold discrepancies, each with its test, into findings; what fails most tests comes first."""
    groups: dict[tuple[str, str], list[tuple[str, Discrepancy]]] = {}
    for test, one in failed:
        groups.setdefault((one.rule, one.found), []).append((test, one))
    found = [
        DistinctFinding(
            first=group[0][1],
            asked=tuple(dict.fromkeys(one.asked for _, one in group)),
            tests=tuple(dict.fromkeys(test for test, _ in group)),
        )
        for group in groups.values()
    ]
    return sorted(found, key=lambda finding: -len(finding.tests))


def render_findings_text(findings: list[DistinctFinding]) -> Iterator[str]:
    """Yield the lines of a summary for a terminal."""
    for number, finding in enumerate(findings, 1):
        one = finding.first
        yield f"{number}. {one.rule}: {one.found}"
        yield f"   failed {_tests(finding)}; asked {_some(finding.asked)}"
        for name, text in (("came", one.came), ("contract", one.contract), ("again", one.again)):
            if text:
                yield f"   {name}: {text}"


def render_findings_markdown(findings: list[DistinctFinding], title: str, said: str) -> str:
    """Return a summary for a page of a pipeline's run."""
    lines = [f"## {title}", "", said, ""]
    if findings:
        lines += ["| Rule | Found | Tests | Asked |", "|---|---|---|---|"]
    for finding in findings:
        cells = (finding.first.rule, finding.first.found, _tests(finding), _some(finding.asked))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    for finding in findings:
        if finding.first.again:
            lines += ["", f"`{finding.first.rule}` again:", "", "```sh", finding.first.again, "```"]
    return "\n".join(lines) + "\n"


def _tests(finding: DistinctFinding) -> str:
    more = len(finding.tests) - 1
    return finding.tests[0] + (f" and {more} other{'s' if more > 1 else ''}" if more else "")


def _some(asked: tuple[str, ...]) -> str:
    more = len(asked) - _MOST_SHOWN
    return "; ".join(asked[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def quote_for_shell(text: bytes, variables: Mapping[str, str]) -> str | None:
    """Return text as a word of bash in which the values of `variables` stand as these; None for NUL bytes."""
    if b"\0" in text:
        return None
    values = {name: value.encode() for name, value in variables.items() if value}
    found = [(text.find(value), -len(value), name) for name, value in values.items() if value in text]
    if not found:
        return _literal(text) if text else "''"
    place, length, name = min(found)
    before, after = text[:place], text[place - length :]
    parts = [_literal(before) if before else "", f'"${name}"']
    rest = quote_for_shell(after, variables) if after else ""
    return "".join(parts) + (rest or "")


def _literal(text: bytes) -> str:
    shown = text.decode("latin-1")
    if _PLAIN.fullmatch(shown):
        return f"'{shown}'"
    escaped = (f"\\{char}" if char in "\\'" else char for char in shown)
    written = "".join(char if " " <= char[-1] <= "~" else f"\\x{ord(char):02x}" for char in escaped)
    return f"$'{written}'"


def discrepancies_of(report: Any) -> list[Discrepancy]:
    """Return what a test's report carries."""
    return [Discrepancy(**one) for one in getattr(report, REPORTED, ())]
