"""The report as a ticket for the vendor: what its page says, what was seen, how often, how to see it again.

Markdown for people outside: no file of this machine, no host that was recorded, no card or customer data.
"""

from collections import Counter
from collections.abc import Iterator

from opay_contract.baseline.acceptance import State
from opay_contract.contract.fields import RESPONSE_BODY, find_operation
from opay_contract.judge.table import RULES_OF_A_RUN
from opay_contract.model.finding import Kind, Severity
from opay_contract.model.summary import FoldedFinding
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.frames import build_frame, guide_of
from opay_contract.report.markdown_report import code, prose, table
from opay_contract.report.samples import build_calls, parameters_of
from opay_contract.report.sentences import describe_day, describe_field, describe_outcomes
from opay_contract.words import count

MAX_TOLD = 50
"""Findings that a ticket tells; nobody reads further."""

_OF_A_CLIENT = ("path-undocumented", "method-undocumented", "header-missing", "signature-mismatch")


def render_ticket(run: CheckedRun) -> str:
    """Return the ticket; findings that are accepted, of the client or of the run as a whole are not in it."""
    found = [one for one in by_gravity(run.counted) if _is_for_vendor(one, run)]
    told = found[:MAX_TOLD]
    blocks = [_title(run, found), *_intro(run, found)]
    blocks += [_finding(number, one, run) for number, one in enumerate(told, 1)]
    if more := len(found) - len(told):
        blocks.append(f"{count(more, 'further difference')} of less weight not listed here.")
    blocks.append(_closing(run))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _is_for_vendor(folded: FoldedFinding, run: CheckedRun) -> bool:
    rule = folded.finding.rule
    if rule.id in {one.id for one in RULES_OF_A_RUN} or rule.severity < Severity.WARNING:
        return False
    is_of_client = rule.id in _OF_A_CLIENT or rule.id.startswith(("request-", "parameter-"))
    return not is_of_client and run.state(folded) is not State.ACCEPTED


def _title(run: CheckedRun, found: list[FoldedFinding]) -> str:
    name = prose(run.used.title) if run.used and run.used.title else "The API"
    if not found:
        return f"# {name}: nothing to tell the vendor"
    return f"# {name}: {count(len(found), 'difference')} between documentation and answers"


def _intro(run: CheckedRun, found: list[FoldedFinding]) -> Iterator[str]:
    summary = run.counted
    if not summary.exchanges:
        yield "Nothing was checked."
        return
    days = sorted(day for one in found for day in (one.first_seen, one.last_seen) if day)
    span = f", recorded {' to '.join(dict.fromkeys(map(describe_day, (days[0], days[-1]))))}" if days else ""
    outcomes = prose(describe_outcomes(summary.outcomes))
    yield f"Compared: {count(summary.exchanges, 'call')}{span}: {outcomes}."
    yield "Types, lengths and places stand for values, as answers hold card and customer data."
    numbered = enumerate(found[:MAX_TOLD], 1)
    rows = [
        [str(number), _field(one), guide_of(one.finding.rule).sentence, f"{one.count:,}"]
        for number, one in numbered
    ]
    if rows:
        yield table(("", "Field", "What differs", "Times"), rows, right=1)


def _field(folded: FoldedFinding) -> str:
    field = describe_field(folded.finding)
    return code(field) if field else "the answer as a whole"


def _finding(number: int, folded: FoldedFinding, run: CheckedRun) -> str:
    finding, frame = folded.finding, build_frame(folded, run)
    says = [f"- {prose(str(source))}" for source in frame.sources if source.mark == "DOC"]
    is_new = finding.rule.kind is Kind.UNDOCUMENTED or not says
    days = [describe_day(utc) for utc in (folded.first_seen, folded.last_seen) if utc]
    since = f", first on {days[0]}, last on {days[-1]}" if days else ""
    lines = [
        f"## {number}. {_field(folded)}: {guide_of(finding.rule).sentence}",
        "**Your documentation says**" if not is_new else "**Your documentation does not say it**",
        "\n".join([f"- expected: {prose(finding.expected)}", *says]),
        "**What we see**",
        f"- {prose(finding.actual)}, {count(folded.count, 'time')} in {_calls(folded, run)}{since}",
        *_reproduction(folded, run),
    ]
    return "\n\n".join(lines)


def _calls(folded: FoldedFinding, run: CheckedRun) -> str:
    called = folded.finding.operation
    total = sum(number for key, number in run.counted.outcomes.items() if key[0] == (called or ""))
    return (
        f"{count(max(total, folded.count), 'call')} of {code(called)}" if called else "calls of no operation"
    )


def _reproduction(folded: FoldedFinding, run: CheckedRun) -> Iterator[str]:
    """Yield a request of the contract's own example, sent to the mock, which misbehaves in this way."""
    operation = find_operation(run.contract, folded.finding.operation or "") if run.contract else None
    scenario = run.scenarios.get(folded.finding.rule.id)
    if operation is None or run.contract is None:
        return
    yield "**How to see it**"
    shows = "shows the difference" if scenario else "answers as your documentation says, for comparison"
    yield f"A stand-in for your sandbox, with a public test key, {shows}:"
    # a call with the contract's own example, which is no recorded one
    calls = list(build_calls(run.contract, operation, parameters_of(run.contract, operation)))
    form = _form_of(folded, run)
    call = next((call for of_form, call in calls if of_form == form), calls[0][1])
    line = call.curl([("X-Mock-Scenario", scenario)] if scenario else [])
    yield f"```sh\n{TOOL} mock --port 8000   # in a terminal of its own\n{line}\n```"


def _form_of(folded: FoldedFinding, run: CheckedRun) -> str:
    """Return the request form in whose answers the place was seen most, or of most calls."""
    operation, place = folded.finding.operation, f"{RESPONSE_BODY}{folded.finding.pointer}"
    places = {
        spot[1]: one.count
        for spot, one in run.summary.observations.items()
        if spot[0] == operation and spot[3] == place
    }
    calls = Counter[str]()
    for key, number in run.summary.outcomes.items():
        calls[key[1]] += number if key[0] == operation and key[1] else 0
    return max(places or calls or {"": 0}, key=lambda form: (places.get(form, 0), calls[form], form))


def _closing(run: CheckedRun) -> str:
    """Return what the ticket was made with and from."""
    contract = f" from the contract {prose(run.used.name)}" if run.used else ""
    verdict = f"Verdict of the run: {run.verdict}, exit code {int(run.exit_code)}."
    moment = f" on {describe_day(run.moment)}" if run.moment else ""
    files = "" if run.inputs is None else f", {count(run.inputs, 'recording')}"
    return f"Made by {run.tool}{contract}{moment}{files}. {verdict}"
