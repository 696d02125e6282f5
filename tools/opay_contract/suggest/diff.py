"""A proposal as a patch: what speaks for it in front as comments, then a unified diff."""

import difflib
import re
import textwrap
from collections.abc import Iterator

from opay_contract.contract.used import ContractUsed
from opay_contract.suggest.suggestion import Proposal, Revision, Suggestion
from opay_contract.suggest.words import (
    JUDGEMENTS,
    describe_evidence,
    describe_place,
    describe_result,
    describe_subject,
    describe_thresholds,
)
from opay_contract.words import printable

_CONTEXT = 3
_WIDTH = 108
_NO_FEED = "\n\\ No newline at end of file\n"


def render_diff(proposal: Proposal, used: ContractUsed | None = None) -> str:
    """Return a patch for `git apply` and `patch -p1` in the contract's folder; they skip its comments."""
    blocks = [
        *([printable(str(used))] if used else []),
        describe_result(proposal),
        describe_thresholds(proposal.thresholds),
        *_sections("Changes", proposal.changes),
        *_sections("For a person", proposal.others),
    ]
    head = "#\n".join(_comment(block) for block in blocks)
    return head + "".join(map(render_revision, proposal.revisions))


def render_revision(revision: Revision) -> str:
    """Return the unified diff of one document."""
    lines = difflib.unified_diff(
        _lines(revision.before),
        _lines(revision.after),
        f"a/{revision.name}",
        f"b/{revision.name}",
        n=_CONTEXT,
        lineterm="\n",
    )
    return "".join(line if line.endswith("\n") else line + _NO_FEED for line in lines)


def _lines(text: str) -> list[str]:
    """Part a text at line feeds and at nothing else, as the readers of patches do."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _sections(title: str, suggestions: tuple[Suggestion, ...]) -> Iterator[str]:
    if suggestions:
        yield f"{title} ({len(suggestions)})"
        yield from (_block(number, one) for number, one in enumerate(suggestions, start=1))


def _block(number: int, suggestion: Suggestion) -> str:
    scopes = f" ({'; '.join(suggestion.scopes)})" if suggestion.scopes else ""
    fingerprints = suggestion.fingerprints
    lines = [
        f"{number}. {JUDGEMENTS[suggestion.judgement]}: {suggestion.because}",
        f"   {describe_subject(suggestion)}{scopes}",
        f"   {describe_evidence(suggestion.evidence)}",
        f"   {describe_place(suggestion)}: {suggestion.action}",
    ]
    return "\n".join([*lines, *([f"   fingerprint {', '.join(fingerprints)}"] if fingerprints else [])])


def _comment(block: str) -> str:
    return "".join(f"# {line}\n" for paragraph in block.split("\n") for line in _wrap(paragraph))


def _wrap(paragraph: str) -> list[str]:
    indent = " " * (len(paragraph) - len(paragraph.lstrip()))
    return textwrap.wrap(
        paragraph,
        _WIDTH,
        subsequent_indent=indent or ("   " if re.match(r"[0-9]+\. ", paragraph) else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )
