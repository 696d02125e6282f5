"""A proposal as a patch: what speaks for it in front as comments, then a unified diff."""

import difflib
import re
import textwrap
from collections.abc import Iterator

from opay_contract.contract.used import ContractUsed
from opay_contract.suggest.suggestion import Judgement, Proposal, Revision, Suggestion
from opay_contract.suggest.words import (
    ADVICE,
    JUDGEMENTS,
    describe_action,
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
        *(block for judgement in Judgement for block in _groups(judgement, proposal)),
        describe_thresholds(proposal.thresholds),
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


def _groups(judgement: Judgement, proposal: Proposal) -> Iterator[str]:
    """Yield what was judged alike: what the patch has, then what is left to a person."""
    for note, suggestions in ((", in the patch below", proposal.changes), ("", proposal.others)):
        alike = [one for one in suggestions if one.judgement is judgement]
        if not alike:
            continue
        actions = {describe_action(one) for one in alike}
        shared = actions.pop() if len(actions) == 1 else ADVICE.get(judgement, "")
        title = f"{JUDGEMENTS[judgement][0].upper()}{JUDGEMENTS[judgement][1:]} ({len(alike)}){note}"
        head = f"{title}: {shared}" if shared else title
        yield "\n".join([head, *(line for one in alike for line in _lines_of(one, shared))])


def _lines_of(suggestion: Suggestion, shared: str) -> tuple[str, str]:
    """Return where it is and what to do about it, then why."""
    subject, action = describe_subject(suggestion), describe_action(suggestion)
    what = f"{subject}: {action}" if action != shared else subject
    why = [suggestion.because, describe_evidence(suggestion.evidence)]
    if suggestion.judgement is Judgement.API_VIOLATION:  # what a baseline would accept
        why.append(", ".join(suggestion.fingerprints))
    return f"  {describe_place(suggestion)}: {what}", f"    {'; '.join(why)}"


def _comment(block: str) -> str:
    return "".join(f"# {line}\n" for paragraph in block.split("\n") for line in _wrap(paragraph))


def _wrap(paragraph: str) -> list[str]:
    indent = " " * (len(paragraph) - len(paragraph.lstrip()))
    return textwrap.wrap(
        paragraph,
        _WIDTH,
        subsequent_indent=f"{indent}    " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
