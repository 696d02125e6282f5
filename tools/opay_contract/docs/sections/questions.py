"""What nobody knows: open questions with each reading, contradictions among sources, the mock's choices."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.docs.markdown import code, codes, document, plain, table
from opay_contract.docs.reference import NOT_VERIFIED, Reference
from opay_contract.judge.gap_table import MIN_OBSERVATIONS

NOT_SHOWN = "cannot be shown by recordings"
_KNOWN = ("DOC", "OBS")


def render_questions(reference: Reference) -> str:
    """Return every question with its readings."""
    return document(
        block for question, raw in reference.raw_questions() for block in _question(reference, question, raw)
    )


def _question(reference: Reference, question: OpenQuestion, raw: Any) -> Iterator[str]:
    rows = [
        (
            code(reading.id),
            plain(reading.statement),
            reference.cite(node.get("x-source", ())),
            _seen(reference, question, reading),
        )
        for reading, node in zip(question.readings, raw["readings"], strict=True)
    ]
    yield f"### {code(question.id)}"
    yield plain(question.question)
    yield table(("Reading", "Says", "Sources", "Recordings"), rows)
    about = codes(uri.removeprefix(OPEN) for uri in question.about)
    yield f"{_sentence(verdict_on(reference, question))} About {about}."


def _seen(reference: Reference, question: OpenQuestion, reading: Reading) -> str:
    if not reading.evidence:
        return NOT_SHOWN
    if reference.evidence is None:
        return NOT_VERIFIED
    times = dict(reference.evidence.answer(question.id).counts)[reading.id]
    return f"seen {times:,} {'time' if times == 1 else 'times'}" if times else "never seen"


def verdict_on(reference: Reference, question: OpenQuestion) -> str:
    """Return what recordings say about a question, as Markdown: the reading that holds alone over enough."""
    if reference.evidence is None:
        return NOT_VERIFIED
    if not any(reading.evidence for reading in question.readings):
        return NOT_SHOWN
    answer = reference.evidence.answer(question.id)
    seen = [code(reading) for reading, count in answer.counts if count]
    if answer.verdict is not None:
        return f"verdict: {code(answer.verdict)} holds alone over {answer.observations:,} observations"
    if len(seen) == 1:
        few = f"{answer.observations:,} of the {MIN_OBSERVATIONS} observations that a verdict takes"
        return f"no verdict: {seen[0]} alone was seen, with {few}"
    return f"no verdict: {' and '.join(seen)} were seen" if seen else "nothing was seen that speaks to it"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def render_contradictions(reference: Reference) -> str:
    """Return the questions on which the vendor's pages, or what was observed, say different things."""
    rows = [
        (code(question.id), plain(question.question), " ".join(sides), verdict_on(reference, question))
        for question, raw in reference.raw_questions()
        if len(sides := [_side(reference, node) for node in raw["readings"] if _is_sourced(reference, node)])
        > 1
    ]
    if not rows:
        return ""
    introduction = (
        "`DOC` is a page of the vendor, `OBS` was observed on one of its hosts. Where two readings have such "
        "a source, at least one of them is wrong, or both happen."
    )
    return document([introduction, table(("Question", "Of what", "Who says what", "Recordings"), rows)])


def _is_sourced(reference: Reference, reading: Any) -> bool:
    return any(reference.mark(source) in _KNOWN for source in reading.get("x-source", ()))


def _side(reference: Reference, reading: Any) -> str:
    return f"{reference.cite(reading.get('x-source', ()))}: {plain(reading['statement'])}"


def render_choices(reference: Reference) -> str:
    """Return which reading the mock takes of each question."""
    rows = [
        (
            code(question.id),
            code(reading.id),
            plain(reading.statement),
            codes(_others(question)),
            verdict_on(reference, question),
        )
        for question in reference.contract.questions
        for reading in question.readings
        if reading.assumed
    ]
    if not rows:
        return ""
    introduction = (
        "Where nobody knows what the API does, the mock takes one reading: a choice, not knowledge. "
        "`opay-contract mock --choices` lists those that it acts on; "
        "`--choice QUESTION=READING` takes another."
    )
    return document([introduction, table(("Question", "Taken", "That is", "Others", "Recordings"), rows)])


def _others(question: OpenQuestion) -> list[str]:
    return [reading.id for reading in question.readings if not reading.assumed]
