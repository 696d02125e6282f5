"""The report as one HTML page that asks for nothing and can be read without its script."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from importlib import resources

from opay_contract.model.finding import Severity
from opay_contract.report.acceptance_status import describe_no_drift
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_baseline import build_accepted, build_unused
from opay_contract.report.html_changes import build_changes
from opay_contract.report.html_findings import build_findings
from opay_contract.report.html_gaps import build_narrower, build_never_seen
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.html_presence import build_presence
from opay_contract.report.html_questions import build_questions
from opay_contract.report.html_summary import build_summary
from opay_contract.report.html_timeline import build_over_time
from opay_contract.report.text_report import describe_place
from opay_contract.words import count

_FOOTER = (
    "Card and customer data is never shown: findings name type, length and place, and values are counted "
    "only where the contract calls them public."
)


def render_html(run: CheckedRun) -> str:
    """Return the page; what came from outside is escaped, and the policy allows no script but the page's."""
    summary = run.counted
    script, style = _asset("html_report.js"), _asset("html_report.css")
    sections = [section for build in _SECTIONS if (section := build(run))]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        "<title>opay-contract check</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">Skip to the content</a>',
        f"<header>\n<p>opay-contract check</p>\n{_contents(sections)}\n</header>",
        '<main id="main" tabindex="-1">',
        f'<h1 class="{_mood(run)}">{_verdict(run)}</h1>',
        *(["<p>The run was interrupted: not everything was checked.</p>"] if summary.is_partial else []),
        *(_render_section(section) for section in sections),
        "</main>",
        f"<footer><p>{_FOOTER}</p></footer>",
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _build_unreadable(run: CheckedRun) -> Section | None:
    summary = run.summary
    if not summary.unreadable_count:
        return None
    items = [
        f"<li><code>{as_text(describe_place(one.place))}</code>: {as_text(one.reason)}</li>"
        for one in summary.unreadable
    ]
    more = summary.unreadable_count - len(items)
    items += [f"<li>and {more:,} more</li>"] if more else []
    title = f"Unreadable ({summary.unreadable_count:,})"
    return Section(id="unreadable", title=title, body="\n".join(['<ul class="plain">', *items, "</ul>"]))


_SECTIONS: tuple[Callable[[CheckedRun], Section | None], ...] = (
    build_summary,
    build_over_time,
    build_findings,
    build_unused,
    build_accepted,
    _build_unreadable,
    build_changes,
    build_presence,
    build_never_seen,
    build_narrower,
    build_questions,
)
"""What the page is made of, in its order; a section that returns None is left out."""


def _contents(sections: Iterable[Section]) -> str:
    items = "".join(f'<li><a href="#{section.id}">{section.title}</a></li>' for section in sections)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _render_section(section: Section) -> str:
    heading = f'<h2 id="{section.id}-title">{section.title}</h2>'
    labelled = f'id="{section.id}" aria-labelledby="{section.id}-title"'
    return f"<section {labelled}>\n{heading}\n{section.body}\n</section>"


def _verdict(run: CheckedRun) -> str:
    summary = run.counted
    if run.is_nothing:
        return as_text(run.nothing.removesuffix("."))
    checked = f"Checked {count(summary.exchanges, 'exchange')}"
    drift = count(len(summary.findings), "finding") if summary.findings else describe_no_drift(run)
    return f"{checked}: {drift}"


def _mood(run: CheckedRun) -> str:
    summary = run.counted
    if run.is_nothing:
        return Severity.WARNING.label if run.is_allowed_nothing else Severity.ERROR.label
    counted = [severity for severity, number in summary.occurrences.items() if number]
    if not counted:
        return Severity.WARNING.label if summary.is_vacuous else "clean"
    return max(counted).label


def _hash(asset: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(asset.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (resources.files("opay_contract.report") / name).read_text(encoding="utf-8")
