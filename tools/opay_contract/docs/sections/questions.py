"""What nobody knows: open questions with each reading, contradictions among sources, the mock's choices."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.docs.markdown import code, codes, document, plain, table
from opay_contract.docs.reference import NOT_VERIFIED, Reference

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
    yield f"{_conclusion(reference, question)} About {about}."


def _seen(reference: Reference, question: OpenQuestion, reading: Reading) -> str:
    if not reading.evidence:
        return "cannot be shown by recordings"
    if reference.evidence is None:
        return NOT_VERIFIED
    return reference.evidence.times(question.id, reading.id)


def _conclusion(reference: Reference, question: OpenQuestion) -> str:
    if reference.evidence is None:
        return "Not verified yet."
    counts = reference.evidence.readings
    seen = [reading.id for reading in question.readings if counts.get((question.id, reading.id))]
    if not seen:
        return "Recordings say nothing about it."
    return f"Recordings speak for {' and for '.join(map(code, seen))}{'' if len(seen) > 1 else ' alone'}."


def render_contradictions(reference: Reference) -> str:
    """Return the questions on which the vendor's pages, or what was observed, say different things."""
    rows = [
        (code(question.id), plain(question.question), " ".join(sides))
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
    return document([introduction, table(("Question", "Of what", "Who says what"), rows)])


def _is_sourced(reference: Reference, reading: Any) -> bool:
    return any(reference.mark(source) in _KNOWN for source in reading.get("x-source", ()))


def _side(reference: Reference, reading: Any) -> str:
    return f"{reference.cite(reading.get('x-source', ()))}: {plain(reading['statement'])}"


def render_choices(reference: Reference) -> str:
    """Return which reading the mock takes of each question."""
    rows = [
        (code(question.id), code(reading.id), plain(reading.statement), codes(_others(question)))
        for question in reference.contract.questions
        for reading in question.readings
        if reading.assumed
    ]
    if not rows:
        return ""
    introduction = (
        "Where nobody knows what the API does, the mock takes one reading: a choice, not knowledge. "
        "`opay-contract mock --choices` lists those that it acts on and a few of its own; "
        "`--choice QUESTION=READING` takes another."
    )
    return document([introduction, table(("Question", "Taken", "That is", "Others"), rows)])


def _others(question: OpenQuestion) -> list[str]:
    return [reading.id for reading in question.readings if not reading.assumed]
