"""Puts findings at the values that they are about: the line and column in the file, in place of the entry's.

Done once, for the findings that a run keeps; nothing of it is known while exchanges are judged.
"""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
from msgspec import structs

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import Contract
from opay_contract.formats.errors import StreamError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.table import Format
from opay_contract.jsontext import NotJson, Tokens, parse_json, steps_of, value_at
from opay_contract.judge.card_numbers import iter_card_number_lengths
from opay_contract.judge.describing import describe_name, describe_value
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Area, ContractPlace, Finding
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.text_places import EntryText, LinePlace, iter_entry_texts

_MOST_MEANT = 10_000
"""Places that a folded pointer may stand for, of which one is looked for."""

_HELD_ALONE = frozenset(
    {"type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"}
    | {"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems"}
)
"""Keywords that a value breaks whatever stands beside them."""

_OF_HEADERS = re.compile("(request|response)-header:([^/]*).*", re.DOTALL)
_IN_REQUEST = "request:"


def locate(
    summary: DriftSummary,
    contract: Contract,
    format_in: Format | None = None,
    max_unpacked: int | None = None,
) -> DriftSummary:
    """Return a summary in which each finding's first place is that of its value, where the file tells it.

    Files are read once more, up to the last of those places; pipes and what is in a store are not. The last
    place stays that of its entry: for that each file would have to be read whole. An interrupt leaves the
    rest as it is.
    """
    of_file: dict[tuple[int, str], dict[int, list[FoldedFinding]]] = defaultdict(lambda: defaultdict(list))
    for folded in summary.findings.values():
        place = folded.finding.place
        if place.entry and _is_file(place.file):
            of_file[place.source, place.file][place.entry].append(folded)
    findings = dict(summary.findings)
    with suppress(KeyboardInterrupt):
        for (ordinal, name), entries in sorted(of_file.items()):
            source = Source(ordinal=ordinal, name=name, path=Path(name), max_unpacked=max_unpacked)
            for exchange, text in iter_entry_texts(source, format_in, entries):
                for folded in entries[exchange.place.entry]:
                    findings[folded.finding.key] = _placed(folded, exchange, text, contract)
    return replace(summary, findings=findings)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _placed(folded: FoldedFinding, exchange: Exchange, text: EntryText, contract: Contract) -> FoldedFinding:
    found = find_place(folded.finding, exchange, text, contract)
    if found is None:
        return folded
    place = structs.replace(folded.finding.place, line=found.line, column=found.column)
    return replace(folded, finding=replace(folded.finding, place=place))


def find_place(finding: Finding, exchange: Exchange, text: EntryText, contract: Contract) -> LinePlace | None:
    """Return where a finding's value stands in its recording; None where that cannot be told."""
    area, pointer = finding.rule.area, finding.pointer
    if area in (Area.HEADER, Area.PARAMETER) and finding.actual == "none":  # it is missing
        return None
    if in_headers := _OF_HEADERS.fullmatch(pointer):
        return text.header(in_headers[1], in_headers[2])
    if area is Area.STATUS:
        return text.status()
    if area is Area.MEDIA_TYPE:
        return text.header("response", "content-type")
    if area in (Area.SIGNATURE, Area.HEADER):
        return text.header("request", pointer)
    if area in (Area.ROUTE, Area.PARAMETER) or pointer == "url":
        return text.header("request", "cookie") if pointer.startswith("cookie:") else text.url()
    is_asked = pointer.startswith(_IN_REQUEST) or finding.rule.id.startswith("request-")
    side, part = ("request", exchange.request) if is_asked else ("response", exchange.response)
    body = part.body or b""
    read = parse_json(body)
    if isinstance(read, NotJson):
        return text.body(side, _offset_of_fault(body, read))
    tokens = tokens_of(finding, read.value, contract)
    return text.body(side, _offset_of(body, tokens))


def _offset_of_fault(body: bytes, fault: NotJson) -> int:
    """Return where a text stops being JSON; the reader counts characters."""
    lines = body.decode(errors="replace").split("\n")
    before = "\n".join([*lines[: fault.line - 1], lines[fault.line - 1][: fault.column - 1]])
    return len(before.encode())


def _offset_of(body: bytes, tokens: Tokens) -> int:
    """Return where a value stands in JSON text; of members of one name it is the last, which holds."""
    start = 0
    with suppress(StreamError):
        for token in tokens:
            start += _step(body[start:], token)
    return start


def _step(data: bytes, token: str | int) -> int:
    cursor, found = JsonCursor(io.BytesIO(data)), 0
    cursor.peek()
    steps: Iterable[Any] = cursor.iter_members() if isinstance(token, str) else cursor.iter_items()
    for number, name in enumerate(steps):
        cursor.peek()
        if token in (number, name):
            found = cursor.offset
        if token == number:
            break
        cursor.skip_value()
    return found


def tokens_of(finding: Finding, root: Any, contract: Contract) -> Tokens:
    """Return the place that a finding's folded pointer stands for: the first that is as the finding says.

    Of a member that is missing it is that of the object that lacks it.
    """
    pointer = finding.pointer.removeprefix(_IN_REQUEST)
    steps = steps_of(pointer)
    is_missing = finding.actual == "none" and bool(steps)
    places: list[Tokens] = [()]
    for step in steps[: len(steps) - is_missing]:
        below = [place for one in places for place in _below(one, value_at(root, one), step)]
        if not below:
            return places[0]
        places = below[:_MOST_MEANT]
    if is_missing:
        return next(
            (one for one in places if not list(_below(one, value_at(root, one), steps[-1]))), places[0]
        )
    values = [(one, value_at(root, one)) for one in places]
    alike = [(one, value) for one, value in values if _is_said(finding, value)] or values
    return next((one for one, value in alike if _breaks(finding.contract, value, contract)), alike[0][0])


def _below(tokens: Tokens, value: Any, step: str) -> Iterator[Tokens]:
    """Yield the places that a step of a folded pointer leads to."""
    if isinstance(value, list) and step == "*":
        yield from ((*tokens, index) for index in range(len(value)))
    elif isinstance(value, dict):
        names = [step] if step in value else [name for name in value if describe_name(name) == step]
        yield from ((*tokens, name) for name in names)


def _is_said(finding: Finding, value: Any) -> bool:
    """Tell whether a value is one that a finding describes."""
    if finding.rule is CARD_NUMBER_EXPOSED:
        return any(True for _ in iter_card_number_lengths(str(value)))
    return finding.actual in (describe_value(value), finding.value)


def _breaks(stated: ContractPlace | None, value: Any, contract: Contract) -> bool:
    """Tell whether a value breaks the very keyword that a finding names, where that can be held alone."""
    document = contract.schemas.documents.get(stated.file) if stated else None
    if document is None or stated is None:
        return False
    *_, keyword = steps_of(stated.pointer) or [""]
    limit = value_below(document.value, tuple(steps_of(stated.pointer)))
    if keyword not in _HELD_ALONE:
        return False
    try:
        return not jsonschema_rs.is_valid({keyword: limit}, value)
    except ValueError:
        return False
