"""Puts findings at the values that they are about: the line and column in the file, in place of the entry's.

Done once, for the findings that a run keeps; nothing of it is known while exchanges are judged.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from msgspec import structs
from msgspec.structs import replace

from opay_contract.contract.addresses import value_below
from opay_contract.contract.contract import Contract
from opay_contract.formats.json_cursor import STRING
from opay_contract.formats.table import Format
from opay_contract.jsontext import NotJson, Parsed, Tokens, parse_json, steps_of, value_at
from opay_contract.judge.card_numbers import iter_card_number_lengths
from opay_contract.judge.describing import describe_name, describe_value
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Area, ContractPlace, Finding
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.text_places import EntryText, LinePlace, iter_entry_texts

_MOST_MEANT = 10_000
"""Places that a folded pointer may stand for, of which one is looked for."""

MAX_SEARCHED = 512 << 20
"""Bytes that are searched in a run: of a body for each finding in it; what is left stays at its entry."""

_HELD_ALONE = frozenset(
    {"type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"}
    | {"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems"}
)
"""Keywords that a value breaks whatever stands beside them."""

_TOKEN = re.compile(rb'"%b"|[{}\[\],:]|[^\s{}\[\],:"]++' % STRING, re.DOTALL)
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
    rest as it is, and so does `MAX_SEARCHED`.
    """
    of_file: dict[tuple[int, str], dict[int, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in summary.findings.values():
        place = finding.place
        if place.entry and _is_file(place.file):
            of_file[place.source, place.file][place.entry].append(finding)
    findings, left = dict(summary.findings), MAX_SEARCHED
    with suppress(KeyboardInterrupt):
        for (ordinal, name), entries in sorted(of_file.items()):
            source = Source(ordinal=ordinal, name=name, path=Path(name), max_unpacked=max_unpacked)
            places = {number: finding[0].place for number, finding in entries.items()}
            for exchange, text in iter_entry_texts(source, format_in, places):
                for finding in entries[exchange.place.entry]:
                    left -= text.size
                    if left >= 0:
                        findings[finding.key] = _placed(finding, exchange, text, contract)
    for read in (_read, _offsets_of):  # nobody asks again, and they hold bodies
        read.cache_clear()
    return replace(summary, findings=findings)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _placed(finding: Finding, exchange: Exchange, text: EntryText, contract: Contract) -> Finding:
    found = find_place(finding, exchange, text, contract)
    if found is None:
        return finding
    place = structs.replace(finding.place, line=found.line, column=found.column)
    return replace(finding, place=place)


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
    read = _read(body)
    if isinstance(read, NotJson):
        return text.body(side, _offset_of_fault(body, read))
    tokens = tokens_of(finding, read.value, contract)
    return text.body(side, _offset_of(body, tokens))


def _offset_of_fault(body: bytes, fault: NotJson) -> int:
    """Return where a text stops being JSON; the reader counts characters."""
    lines = body.decode(errors="replace").split("\n")
    before = "\n".join([*lines[: fault.line - 1], lines[fault.line - 1][: fault.column - 1]])
    return len(before.encode())


@lru_cache(maxsize=2)
def _read(body: bytes) -> Parsed | NotJson:
    return parse_json(body)


@lru_cache(maxsize=2)
def _offsets_of(body: bytes) -> dict[Tokens, int]:
    """Return where each value of JSON text stands; of members of one name it is the last, which holds."""
    found: dict[Tokens, int] = {}
    path: list[str | int] = []
    is_name = False
    for match in _TOKEN.finditer(body):
        first = match[0][:1]
        if first == b",":
            is_name = isinstance(path[-1], str)
            path[-1] = "" if is_name else int(path[-1]) + 1
        elif first == b":":
            is_name = False
        elif first in (b"}", b"]"):
            path.pop()
            is_name = False
        elif is_name:
            path[-1] = json.loads(match[0].decode(errors="replace"), strict=False)
        else:
            if path or not found:
                found[tuple(path)] = match.start()
            if first in (b"{", b"["):
                path.append("" if first == b"{" else 0)
                is_name = first == b"{"
    return found


def _offset_of(body: bytes, tokens: Tokens) -> int:
    """Return where a value stands in JSON text, or the nearest around it whose name is read as it is."""
    offsets = _offsets_of(body)
    while tokens not in offsets and tokens:
        tokens = tokens[:-1]
    return offsets.get(tokens, 0)


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
    keyword = _keyword_of(finding.contract, contract) if len(alike) > 1 else None
    broken = (one for one, value in alike if keyword is not None and not keyword.is_valid(value))
    return next(broken, alike[0][0])


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


def _keyword_of(
    stated: ContractPlace | None, contract: Contract
) -> jsonschema_rs.Draft202012Validator | None:
    """Return what tells whether a value keeps the very keyword that a finding names, if that stands alone."""
    document = contract.schemas.documents.get(stated.file) if stated else None
    steps = steps_of(stated.pointer) if stated else []
    if document is None or not steps or steps[-1] not in _HELD_ALONE:
        return None
    try:
        return jsonschema_rs.Draft202012Validator({steps[-1]: value_below(document.value, tuple(steps))})
    except ValueError:
        return None
