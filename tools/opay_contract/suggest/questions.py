"""Plans what becomes of an open question that recordings answer."""

from collections.abc import Iterator

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.insight import Answer
from opay_contract.suggest.edit import Add, Remove
from opay_contract.suggest.edit_context import EditContext, Plan
from opay_contract.suggest.suggestion import Evidence, Judgement, Suggestion

_QUESTIONS = "x-open-questions"


def suggest_answers(answers: tuple[Answer, ...], work: EditContext) -> Iterator[Suggestion]:
    """Yield what to do about each question whose verdict is known."""
    for answer in answers:
        found = [i for i, one in enumerate(work.contract.questions) if one.id == answer.question]
        if answer.verdict is None or not found:
            continue
        plan = _plan(found[0], work.contract.questions[found[0]], answer.verdict)
        yield Suggestion(
            judgement=Judgement.ANSWERED,
            because=f"the reading '{answer.verdict}' holds alone, in {answer.observations:,} places",
            action=plan.action,
            edits=plan.edits,
            evidence=Evidence(count=answer.observations, of=answer.observations),
            question=answer.question,
            contract=work.contract.schemas.place(split_about(work.contract.questions[found[0]])),
        )


def split_about(question: OpenQuestion) -> str:
    """Return the address of the first statement that a question concerns."""
    return question.about[0]


def _plan(index: int, question: OpenQuestion, verdict: str) -> Plan:
    """Let the mock assume what holds; where it does already, the question is for a person to close."""
    readings = {reading.id: position for position, reading in enumerate(question.readings)}
    assumed = next((one.id for one in question.readings if one.assumed), None)
    if assumed == verdict or assumed is None:
        about = ", ".join(str(split_uri(uri)).removesuffix("#") for uri in question.about)
        return Plan(
            action=f"close the question by hand: say in {about} what holds, with its source, and take the "
            "question out"
        )
    at = (_QUESTIONS, index, "readings")
    return Plan(
        action=f"assume '{verdict}' in place of '{assumed}'",
        edits=(
            Remove(file=ROOT, at=(*at, readings[assumed], "assumed")),
            Add(file=ROOT, at=(*at, readings[verdict]), name="assumed", value=True, after="statement"),
        ),
    )
