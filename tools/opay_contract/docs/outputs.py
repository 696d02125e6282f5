"""Makes the files of the reference: the same bytes from the same contract and evidence.

One model (`build_reference`) becomes a page that asks for nothing and obeys no text, and Markdown; the
contract in one file is for other programs. Nothing that comes from the contract becomes a tag.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace as Shown
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.docs.building import build_reference, slug
from opay_contract.docs.bundle import build_bundle, render_bundle
from opay_contract.docs.evidence import (
    DRIFTED,
    NEVER_SEEN,
    NO_DRIFT,
    RunEvidence,
    Seen,
    day_of,
    describe_change,
)
from opay_contract.errors import ContractError
from opay_contract.model.observation import EARLIER, MAX_DAYS, MAX_LOCATIONS, MAX_VALUES, UNDATED, Days
from opay_contract.model.summary import MAX_FINDINGS, DriftSummary
from opay_contract.pages import build_environment, load_asset, render_page
from opay_contract.report.samples import MOCK
from opay_contract.signing.signer import PUBLIC_TEST_KEY
from opay_contract.words import count

PAGE, MARKDOWN, OPENAPI = "index.html", "reference.md", "openapi.json"

Gather = Callable[[Contract], RunEvidence]
"""Returns what recordings say about a contract."""

_DOCS = "opay_contract.docs"
_LIVE = {"connect-src": "'self'"}
_STATES = {DRIFTED: "drifted", NO_DRIFT: "clean", NEVER_SEEN: "unseen"}
"""The class of what recordings show, by how it begins."""


def build_outputs(path: Path | None, gather: Gather | None, *, live: bool = False) -> Mapping[str, str]:
    """Return the text of each file by its name; raises ContractError when the contract is not sound.

    `gather` tells what recordings say about a contract, None where nothing was verified. With `live` the page
    asks its server for news.
    """
    contract = load_contract(path)
    try:
        bundle = build_bundle(contract.schemas.documents)
        reference = build_reference(contract, gather(contract) if gather else None)
        page, markdown = _render_html(reference, live=live), render_markdown(reference)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ContractError(
            f"{contract.schemas.root.name}: a member is missing or of another type near {error}; "
            "`opay-contract spec` says which"
        ) from error
    return {PAGE: page, MARKDOWN: markdown, OPENAPI: render_bundle(bundle, is_json=True)}


def iter_stale(directory: Path, outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield for each file that is missing or stale what is wrong: in how many lines it differs, then these.

    The page's lines are left out: what they say stands in the Markdown as well.
    """
    for name, expected in outputs.items():
        path = directory / name
        try:
            there = path.read_bytes()
        except OSError as error:
            yield f"{path}: {error.strerror}"
            continue
        if there == expected.encode():
            continue
        told = (f"{path} (there)", f"{path} (expected)")
        before, after = there.decode(errors="replace").splitlines(), expected.splitlines()
        lines = list(difflib.unified_diff(before, after, *told, lineterm=""))
        if not lines:
            yield f"{path} differs in its line endings"
            continue
        gone, new = (sum(line.startswith(sign) for line in lines[2:]) for sign in "-+")
        yield f"{path} differs: {count(gone, 'line')} to go, {count(new, 'line')} to come"
        if name != PAGE:
            yield from lines


def render_waiting() -> str:
    """Return the page that is shown while there is no good one yet; it asks its server for news."""
    return render_page(
        build_environment(_DOCS),
        "waiting.html",
        styles=[_asset("page.css")],
        scripts=[_asset("live.js")],
        policy=_LIVE,
        title="opay-contract docs",
    )


def _render_html(reference: Shown, *, live: bool) -> str:
    """Return the page; names of sources and of open questions lead there wherever they stand as code."""
    sources = {one.name: (f"#source-{one.name}", f"{one.mark}: {one.title}") for one in reference.sources}
    questions = {one.id: (f"#question-{one.id}", one.question) for one in reference.questions}
    return render_page(
        _page_templates(),
        "reference.html",
        styles=[_asset("page.css")],
        scripts=[_asset("page.js"), *([_asset("live.js")] if live else [])],
        policy=_LIVE if live else None,
        links=sources | questions,
        **_values(reference),
    )


def render_markdown(reference: Shown) -> str:
    """Return the reference as Markdown."""
    text = _markdown_templates().get_template("reference.md").render(_values(reference))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


@cache
def _page_templates() -> Environment:
    @pass_context
    def inline(context: Context, text: str) -> Markup:
        return to_html(line(text), context["links"], inline=True)

    @pass_context
    def block(context: Context, text: str) -> Markup:
        return to_html(prose(text), context["links"])

    def state(part: str) -> str:
        return next((name for start, name in _STATES.items() if part.startswith(start)), "plain")

    return build_environment(_DOCS, "templates", **_FILTERS, inline=inline, markdown=block, state=state)


@cache
def _markdown_templates() -> Environment:
    environment = Environment(  # noqa: S701  Markdown, in which the filters escape what is no Markdown
        loader=PackageLoader(_DOCS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        **_FILTERS,
        "cite": lambda sources: ", ".join(f"{code(one.mark)} {code(one.name)}" for one in sources),
        "code": code,
        "fenced": fenced,
        "github": lambda title: re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"),
        "line": line,
        "plain": plain,
        "prose": prose,
        "quote": lambda messages: ", ".join(f"“{plain(message)}”" for message in messages),
        "row": row,
        "seen": _seen,
        "sentence": lambda text: f"{text[0].upper()}{text[1:]}.",
    }
    return environment


def _values(reference: Shown) -> dict[str, Any]:
    contradicted = [one for one in reference.questions if one.is_contradicted]
    silent = [one for one in reference.questions if not one.is_contradicted]
    return {
        "title": reference.title,
        "reference": reference,
        "contents": tuple(_contents(reference)),
        "beside": partial(_of_operation, reference, "Headers and HTTP statuses"),
        "codes_title": partial(_of_operation, reference, "Business codes"),
        "verification": describe_verification(reference.evidence),
        "questions": (("Where sources contradict each other", contradicted), ("What nobody says", silent)),
        "words": {
            "caps": _caps(reference.evidence) if reference.evidence else "",
            "codes": _CODES,
            "example": _EXAMPLE,
            "hint": _HINT,
            "marks": _MARKS,
            "questions": _QUESTIONS,
        },
    }


def _contents(reference: Shown) -> Iterator[tuple[str, str]]:
    yield "overview", "Overview"
    for operation in reference.operations:
        for call in operation.calls:
            yield call.anchor, call.title
        yield operation.anchor, _of_operation(reference, "Headers and HTTP statuses", operation)
        if operation.codes:
            yield f"{operation.anchor}-codes", _of_operation(reference, "Business codes", operation)
    sections = (
        ("how-to-sign", "How to sign", reference.signature),
        ("open-questions", "Open questions", reference.questions),
        ("what-recordings-say", "What recordings say", True),
        ("sensitivity", "Sensitivity", reference.sensitivity),
        ("sources", "Sources", reference.sources),
    )
    yield from ((anchor, title) for anchor, title, is_there in sections if is_there)


def _of_operation(reference: Shown, title: str, operation: Shown) -> str:
    """Return the title of a section, with the operation's name where there are several."""
    return f"{title}: {operation.operation.id}" if len(reference.operations) > 1 else title


def _seen(seen: Seen | None) -> str:
    if seen is None:
        return ""
    parts = ((plain(part), part.startswith(DRIFTED)) for part in seen.parts())
    return "; ".join(f"**{part}**" if is_drift else part for part, is_drift in parts)


def _times(reading: Shown) -> str:
    if not reading.is_shown_by_recordings:
        return "cannot be shown by recordings"
    return f"seen {count(reading.times, 'time')}" if reading.times else NEVER_SEEN


def _asset(name: str) -> str:
    return load_asset(_DOCS, f"page/{name}")


_FILTERS: dict[str, Callable[..., Any]] = {
    "changed": describe_change,
    "day": day_of,
    "number": lambda number: f"{number:,}",
    "slug": slug,
    "times": _times,
}


def describe_verification(evidence: RunEvidence | None) -> str:
    """Return one paragraph of Markdown on what stands behind the reference."""
    if evidence is None:
        return (
            "**Nothing has been verified yet.** This reference was made without recordings: it says what the "
            "sources say, and nobody has held it against the API."
        )
    summary = evidence.summary
    parts = [
        f"**Held against {count(summary.exchanges, 'recorded exchange')}**{_span(summary.days())}.",
        f"They gave {count(len(summary.findings), 'different finding')}.",
        *_left_out(summary),
        "“No drift” means that no recording contradicted a statement where it was seen.",
    ]
    return " ".join(parts)


def _span(days: Days) -> str:
    dated = sorted(days.keys() - {EARLIER, UNDATED})
    if not dated:
        return " without a recorded time"
    first = f"days before {dated[0]}" if EARLIER in days else dated[0]
    span = f" of {first}" if first == dated[-1] else f" of {first} to {dated[-1]}"
    undated = f", {days[UNDATED]:,} of them without a recorded time" if days.get(UNDATED) else ""
    return f"{span} (UTC){undated}"


def _left_out(summary: DriftSummary) -> Iterator[str]:
    """Yield a sentence for each kind of input that says nothing here."""
    if summary.is_partial:
        yield "The run was interrupted."
    if summary.out_of_scope:
        verb = "is" if summary.out_of_scope == 1 else "are"
        yield f"{summary.out_of_scope:,} more {verb} out of scope: other hosts, other paths, preflights."
    if summary.out_of_window:
        yield f"{summary.out_of_window:,} more were outside the time that was asked for, or had no time."
    if summary.unreadable_count:
        yield f"{summary.unreadable_count:,} more could not be read."


def _caps(evidence: RunEvidence) -> str:
    """Return how much a run keeps, and where that was not enough."""
    kept = (
        f"A run keeps at most {MAX_FINDINGS:,} findings, {MAX_LOCATIONS:,} places, {MAX_VALUES} values of a "
        f"place and {MAX_DAYS} days; values only of fields that are `public`, of codes and of statuses."
    )
    bitten = [plain(limit) for limit in evidence.insight.limits]
    omitted = evidence.summary.omitted
    if omitted:
        bitten.append(f"{omitted:,} occurrences of findings beyond the cap are not shown.")
    enough = "Of this run that was not enough:" if bitten else "This run stayed below that."
    return " ".join([kept, enough, *bitten])


_CODES = (
    "Decide on the code, never on the message or the HTTP status. The catalogue has an open end: a code that "
    "is missing here is no broken answer, and a client must live with it."
)
_EXAMPLE = (
    f"With the public test key `{PUBLIC_TEST_KEY}` the text has the signature below it. The sample requests "
    "use that key: as they stand they ask "
    f"`opay-contract mock --port {MOCK.rpartition(':')[2]}`, which needs no credentials of yours. For the "
    "sandbox, the programs that sign by themselves take `OPAY_BASE_URL`, `OPAY_MERCHANT_ID` and "
    "`OPAY_PRIVATE_KEY` from the environment."
)
_QUESTIONS = (
    "Where two readings of a question have a source that says something (`DOC` is a page of the vendor, "
    "`OBS` was observed on one of its hosts), at least one of them is wrong, or both happen. Where nobody "
    "knows what the API does, the mock takes one reading: a choice, not knowledge. "
    "`opay-contract mock --choices` lists those that it acts on; `--choice QUESTION=READING` takes another."
)
_HINT = (
    "Save the summary of a run with `opay-contract check PATH --save-summary FILE` and give it to "
    "`opay-contract docs --evidence FILE`."
)
_MARKS = (
    "`DOC` is a page of the vendor. `OBS` was observed on a host of the vendor by someone who published it. "
    "`UNKNOWN` is nobody's knowledge."
)


_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#!])")
_LIST_START = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BAR = re.compile(r"(?<!\\)\|")
_HTML = {"html_inline", "html_block"}
_RAW = MarkdownIt("commonmark", {"html": True}).enable("table")
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

Links = Mapping[str, tuple[str, str]]
"""Where a name that is written as code leads: the anchor, and a sentence on what it is."""


def plain(text: object) -> str:
    """Return words that are not Markdown as Markdown, in one line."""
    line = _SPECIAL.sub(r"\\\1", _one_line(text))
    return _LIST_START.sub(r"\1\\\2", line)


def code(text: object) -> str:
    """Return a code span that holds any text, in one line."""
    line = _one_line(text)
    if not line:
        return ""
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def codes(texts: Iterable[object]) -> str:
    """Return code spans with commas between them."""
    return ", ".join(code(text) for text in texts)


def prose(text: object) -> str:
    """Return the contract's own Markdown, a description, with tags and pictures shown as text."""
    source = str(text or "").strip()
    escaped = "".join(_without_tags(source))
    if not any(token.type in _HTML for token in _flat(_RAW.parse(escaped))):
        return escaped
    return source.replace("&", "&amp;").replace("<", "&lt;")


def line(text: object) -> str:
    """Return a description for a cell of a table: one line."""
    return prose(" ".join(str(text or "").split()))


def row(cells: Iterable[str]) -> str:
    """Return a row of a table from cells that are Markdown of one line each, whose bars are not escaped."""
    escaped = (_BAR.sub(r"\\|", cell) or "–" for cell in cells)  # noqa: RUF001  a dash for an empty cell
    return f"| {' | '.join(escaped)} |"


def fenced(text: str, language: str = "") -> str:
    """Return a block of code."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def to_html(markdown: str, links: Links, *, inline: bool = False) -> Markup:
    """Return Markdown as HTML, in which the names of `links` that stand as code lead somewhere."""
    tokens = _READER.parseInline(markdown) if inline else _READER.parse(markdown)
    for token in tokens:
        if token.type == "inline":
            token.children = [*_linked(token.children or [], links)]
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))  # noqa: S704  the reader escapes tags


def _linked(children: list[Token], links: Links) -> Iterator[Token]:
    depth = 0
    for token in children:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type == "code_inline" and token.content in links and not depth:
            href, title = links[token.content]
            yield Token("link_open", "a", 1, attrs={"href": href, "title": title})
            yield from (token, Token("link_close", "a", -1))
        else:
            yield token


def _one_line(text: object) -> str:
    """Return text in one line, without what could steer a terminal that shows it."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))


def _without_tags(text: str) -> Iterable[str]:
    end = 0
    for span in _SPAN.finditer(text):
        yield _disarm(text[end : span.start()])
        yield span.group()
        end = span.end()
    yield _disarm(text[end:])


def _disarm(text: str) -> str:
    return text.replace("<", "\\<").replace("![", "!\\[")


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())
