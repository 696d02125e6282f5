"""The contract's open questions on the HTML page, with what these recordings say about them as bars."""

from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.text_report import count


def build_questions(run: CheckedRun) -> Section | None:
    """Return the questions that these recordings say something about, and the names of the others."""
    summary, questions = run.summary, run.questions
    if not questions:
        return None
    answered = [question for question in questions if any(_counts(question, summary).values())]
    silent = [question for question in questions if question not in answered]
    parts = [_question(question, summary) for question in answered]
    if silent:
        names = "\n".join(
            f"<li><code>{as_text(one.id)}</code>: {as_text(one.question)}</li>" for one in silent
        )
        title = f"{count(len(silent), 'question')} without evidence in these recordings"
        parts.append(f'<details><summary>{title}</summary>\n<ul class="plain">\n{names}\n</ul></details>')
    return Section(id="questions", title=f"Open questions ({len(answered):,})", body="\n".join(parts))


def _question(question: OpenQuestion, summary: DriftSummary) -> str:
    counts = _counts(question, summary)
    rows = "\n".join(_reading(one, counts[one.id], sum(counts.values())) for one in question.readings)
    return (
        f"<h3><code>{as_text(question.id)}</code></h3>\n<p>{as_text(question.question)}</p>\n"
        f'<ul class="readings">\n{rows}\n</ul>'
    )


def _reading(reading: Reading, number: int, total: int) -> str:
    share = 100 * number / total
    assumed = " (the contract assumes it)" if reading.assumed else ""
    return (
        f'<li><span class="reading"><code>{as_text(reading.id)}</code>{assumed}</span> '
        f'<span class="number">{number:,} of {total:,}, {share:.1f} %</span>\n'
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="1"/>'
        f'<rect class="value" width="{share:.2f}" height="1"/></svg>\n'
        f'<span class="statement">{as_text(reading.statement)}</span></li>'
    )


def _counts(question: OpenQuestion, summary: DriftSummary) -> dict[str, int]:
    return {reading.id: summary.readings.get((question.id, reading.id), 0) for reading in question.readings}
