"""The contract's open questions on the HTML page, with what these recordings say about them as bars."""

from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.insight import Answer
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_charts import draw_bar
from opay_contract.report.html_parts import Section, as_text
from opay_contract.words import count


def build_questions(run: CheckedRun) -> Section | None:
    """Return the questions that these recordings say something about, and the names of the others."""
    summary, questions = run.summary, run.questions
    if not questions:
        return None
    answered = [question for question in questions if any(_counts(question, summary).values())]
    silent = [question for question in questions if question not in answered]
    verdicts = {answer.question: answer for answer in run.insight.answers}
    parts = [_question(question, summary, verdicts.get(question.id)) for question in answered]
    if silent:
        names = "\n".join(
            f"<li><code>{as_text(one.id)}</code>: {as_text(one.question)}</li>" for one in silent
        )
        title = f"{count(len(silent), 'question')} without evidence in these recordings"
        parts.append(f'<details><summary>{title}</summary>\n<ul class="plain">\n{names}\n</ul></details>')
    return Section(id="questions", title=f"Open questions ({len(answered):,})", body="\n".join(parts))


def _question(question: OpenQuestion, summary: DriftSummary, answer: Answer | None) -> str:
    counts = _counts(question, summary)
    rows = "\n".join(_reading(one, counts[one.id], sum(counts.values())) for one in question.readings)
    return (
        f"<h3><code>{as_text(question.id)}</code></h3>\n<p>{as_text(question.question)}</p>\n"
        f"{_verdict(answer)}"
        f'<ul class="readings">\n{rows}\n</ul>'
    )


def _verdict(answer: Answer | None) -> str:
    if answer is None:
        return ""
    number = count(answer.observations, "observation")
    if answer.verdict is not None:
        verdict = f"<strong>Verdict: <code>{as_text(answer.verdict)}</code></strong>, alone in {number}."
    elif sum(1 for _, found in answer.counts if found) > 1:
        verdict = f"No verdict: more than one reading holds, in {number}."
    else:
        verdict = f"No verdict yet: {number}; it takes {MIN_OBSERVATIONS}."
    return f'<p class="verdict">{verdict}</p>\n'


def _reading(reading: Reading, number: int, total: int) -> str:
    share = 100 * number / total
    assumed = " (the contract assumes it)" if reading.assumed else ""
    return (
        f'<li><span class="reading"><code>{as_text(reading.id)}</code>{assumed}</span> '
        f'<span class="number">{number:,} of {total:,}, {share:.1f} %</span>\n'
        f"{draw_bar(share)}\n"
        f'<span class="statement">{as_text(reading.statement)}</span></li>'
    )


def _counts(question: OpenQuestion, summary: DriftSummary) -> dict[str, int]:
    return {reading.id: summary.readings.get((question.id, reading.id), 0) for reading in question.readings}
