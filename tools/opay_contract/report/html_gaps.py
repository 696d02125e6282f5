"""What the contract has and the recordings do not show, on the HTML page."""

from itertools import groupby

from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.finding import ContractPlace, Rule
from opay_contract.model.insight import Gap
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.insights import describe_gap, describe_scope, describe_spot, narrower, never_seen
from opay_contract.words import count

_ABOUT_NEVER = (
    "None of it is a finding: either the vendor does not send it, or the recordings lack the case that "
    "shows it."
)
_ABOUT_NARROWER = (
    "None of it is a finding: the contract allows more than these recordings need. It is said only from "
    f"{MIN_OBSERVATIONS} observations on."
)


def build_never_seen(run: CheckedRun) -> Section | None:
    """Return what is documented and was never there, by rule, operation, form and outcome."""
    gaps = never_seen(run.insight)
    if not gaps:
        return None
    grouped = groupby(gaps, key=lambda gap: (gap.rule, describe_scope(gap.spot)))
    items = (_never_seen(rule, scope, list(found)) for (rule, scope), found in grouped)
    body = "\n".join([f"<p>{_ABOUT_NEVER}</p>", '<ul class="plain">', *items, "</ul>"])
    return Section(id="never", title=f"Documented and never seen ({len(gaps):,})", body=body)


def build_narrower(run: CheckedRun) -> Section | None:
    """Return what the contract allows in vain."""
    gaps = narrower(run.insight)
    if not gaps:
        return None
    body = "\n".join([f"<p>{_ABOUT_NARROWER}</p>", '<ul class="plain">', *map(_narrower, gaps), "</ul>"])
    return Section(id="narrower", title=f"Narrower than documented ({len(gaps):,})", body=body)


def _never_seen(rule: Rule, scope: str, gaps: list[Gap]) -> str:
    most = max(gap.opportunities for gap in gaps)
    chips = "\n".join(
        f"<li><code>{as_text(describe_gap(gap))}</code> {_contract(gap.contract)}</li>" for gap in gaps
    )
    return (
        f'<li>\n<h3><code>{rule.id}</code> <span class="soft">{as_text(scope)}; 0 of {most:,}</span></h3>\n'
        f'<ul class="chips">\n{chips}\n</ul>\n{_about(rule)}\n</li>'
    )


def _narrower(gap: Gap) -> str:
    return (
        f"<li>\n<h3><code>{gap.rule.id}</code> "
        f'<code class="pointer">{as_text(describe_spot(gap.spot))}</code></h3>\n'
        f"<p>Documented <strong>{as_text(gap.documented)}</strong>, "
        f"seen <strong>{as_text(gap.seen)}</strong> in {count(gap.opportunities, 'observation')}.</p>\n"
        f'<p class="statement">{as_text(describe_scope(gap.spot))}; '
        f"contract {_contract(gap.contract)}</p>\n</li>"
    )


def _about(rule: Rule) -> str:
    return f"<details><summary>About {rule.id}</summary><p>{as_text(rule.explanation)}</p></details>"


def _contract(place: ContractPlace) -> str:
    return f'<code class="soft">{as_text(f"{place.file}:{place.line}:{place.column}")}</code>'
