"""Holds the judge with its memory against full evaluation, and builds the lines that it is held to."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache, reduce
from itertools import product
from typing import Any

from contract_tests.tool.drift.conftest import CARD, CUSTOMER

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.loading import load_contract
from opay_contract.drift.evidence import build_probes, describe_exchange, weigh
from opay_contract.drift.fold import Fold
from opay_contract.drift.saving import summary_to_json
from opay_contract.errors import OpayContractError
from opay_contract.formats.native import parse_line
from opay_contract.jsontext import Tokens, iter_nodes
from opay_contract.judge.describing import fold_pointer
from opay_contract.judge.judge import Judge
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.inputs import Source
from opay_contract.signing.signer import SignatureScheme, sign

SOURCE = Source(ordinal=0, name="-", path=None)
STARTED_AT = 1_790_000_000.0
RECORDED = 1_777_629_600
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
PAN = "4111111111111111"
URL = "https://cashierapi.opaycheckout.com/api/v1/international/token/query"
ENVELOPE = {
    "schema": {"$ref": "schemas/envelope.json"},
    "code": "/code",
    "message": "/message",
    "data": "/data",
    "success": {"$ref": "schemas/success.json"},
}

contract = cache(load_contract)


def exchanges_of(lines: Iterable[bytes]) -> list[Exchange | Unreadable]:
    return [parse_line(SOURCE.place(number, number), line) for number, line in enumerate(lines, 1)]


def fold_all(judge: Contract, run: Settings, items: Iterable[Exchange | Unreadable]) -> DriftSummary:
    fold = Fold(judge, run)
    for item in items:
        fold.add(item)
    return fold.summary()


def fold_each(judge: Contract, run: Settings, items: Iterable[Exchange | Unreadable]) -> DriftSummary:
    """Judge each exchange in full and by itself, and join what was found, two and two."""
    alone = Judge(judge, run, has_memory=False)
    found = []
    for item in items:
        fold = Fold(judge, run, judge=alone)
        fold.add(item)
        found.append(fold.summary())
    while len(found) > 1:
        found = [reduce(merge, found[at : at + 2]) for at in range(0, len(found), 2)]
    return found[0] if found else DriftSummary()


def assert_same(
    items: list[Exchange | Unreadable], run: Settings, judge: Contract | None = None
) -> DriftSummary:
    """Hold the judge with its memory against full evaluation, in this order and in the reverse one."""
    full = fold_each(judge or contract(), run, items)
    expected = summary_to_json(full)
    for order in (items, items[::-1], [*items[1::2], *items[::2]]):
        remembered = fold_all(judge or contract(), run, order)
        assert remembered.findings == full.findings
        assert remembered.readings == full.readings
        assert remembered.observations == full.observations
        assert summary_to_json(remembered) == expected
    assert full.readings == readings_of(judge or contract(), items, run)
    assert {location: observed.count for location, observed in full.observations.items()} == places_of(
        judge or contract(), items, run
    )
    return full


def assert_lines(
    lines: Iterable[bytes], private_key: str | None = None, judge: Contract | None = None
) -> DriftSummary:
    return assert_same(exchanges_of(lines), Settings(started_at=STARTED_AT, private_key=private_key), judge)


def judged(judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings) -> Iterator[Exchange]:
    for item in items:
        if (
            isinstance(item, Exchange)
            and judge.route(item.request).in_scope
            and (run.window is None or run.window.holds(item.recorded_at))
        ):
            yield item


def described(exchange: Exchange, match: Match) -> dict[str, Any]:
    return describe_exchange(exchange, match.request_body, match.response_body)


def readings_of(
    judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings
) -> dict[tuple[str, str], int]:
    """Count the evidence in the plainest way: each piece, in each exchange, value by value."""
    counts: Counter[tuple[str, str]] = Counter()
    probes = build_probes(judge)
    for exchange in judged(judge, items, run):
        match = judge.match(exchange)
        if match.route.path_known:
            counts += weigh(probes, described(exchange, match), match.outcome)
    return dict(counts)


def places_of(
    judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings
) -> dict[tuple[str, ...], int]:
    """Count in the plainest way how often something stands at each place."""
    counts: Counter[tuple[str, ...]] = Counter()
    for exchange in judged(judge, items, run):
        match = judge.match(exchange)
        operation, form = match.route.operation, match.form
        scope = (operation.id if operation else "", form.id if form else "", match.outcome.value)
        seen = described(exchange, match)
        places: list[Tokens] = [()]
        for part, name in product(("request", "response"), ("headers", "body")) if operation else ():
            if name in seen[part]:
                places += [tokens for tokens, _ in iter_nodes(seen[part][name], (part, name))]
        places += [("response", "status")] if operation else []
        counts.update((*scope, fold_pointer(tokens)) for tokens in places)
    return dict(counts)


DATED_CARD = {
    **CARD,
    "opayToken": "another",
    "expiryYear": "26",
    "expiryMonth": "02",
    "createTimestamp": "1700000000",
}
HEADERS = {
    "Authorization": "Bearer x",
    "MerchantId": "256612345678901",
    "Content-Type": "application/json",
    "X-Note": "n",
}


def template(query: Any, answer: Any) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": URL, "headers": dict(HEADERS), "body": query},
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json", "Date": "Fri, 01 May 2026 10:00:00 GMT"},
            "body": answer,
        },
        "recorded_at": "2026-05-01T10:00:00Z",
    }


def success(data: Any) -> dict[str, Any]:
    return {"code": "00000", "message": "SUCCESSFUL", "data": data}


TEMPLATES = [
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": [CARD]})),
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": [CARD, DATED_CARD]})),
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": []})),
    template({"opayToken": "another"}, success({**DATED_CARD, "customerInfo": CUSTOMER})),
    template({"customerId": "121111113"}, {"code": "02000", "message": "Authentication failed"}),
    template(
        {"amount": 1.5, "deep": [{"x": 1}]},
        {"code": "02001", "message": "request params not valid.", "data": None},
    ),
]
TWICE_NAMED = {"content-type": "application/json", "authorization": "Bearer x"}
TEMPLATES += [
    {
        **TEMPLATES[0],
        "request": {**TEMPLATES[0]["request"], "headers": {**TWICE_NAMED, **HEADERS}},
        "response": {
            **TEMPLATES[0]["response"],
            "headers": {**TWICE_NAMED, "Content-Type": "application/json"},
        },
    },
    {**TEMPLATES[3], "recorded_at": None},
    {
        "request": {"headers": dict(HEADERS), "body": {"customerId": "1"}},
        "response": TEMPLATES[2]["response"],
    },
]


class Raw(str):
    """JSON text that stands for itself."""

    __slots__ = ()


def encode(value: Any, *, spaced: bool = False) -> str:
    """Write JSON as `json.dumps` does, with `Raw` as it stands."""
    if isinstance(value, Raw):
        return str(value)
    comma, colon = (" ,\t", " : ") if spaced else (",", ":")
    if isinstance(value, dict):
        members = (f"{encode(key)}{colon}{encode(child, spaced=spaced)}" for key, child in value.items())
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(encode(child, spaced=spaced) for child in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def signed(line: dict[str, Any]) -> dict[str, Any]:
    """Sign the request's body where it can be signed."""
    body = encode(line["request"]["body"]).encode("utf-8", "surrogatepass")
    try:
        value = sign(body, KEY, signature_scheme()).header
    except OpayContractError:
        return line
    return changed(line, "request", "headers", "Authorization", to=value)


def signature_scheme() -> SignatureScheme:
    scheme = contract().signature
    assert scheme is not None
    return scheme


def changed(line: dict[str, Any], *steps: str | int, to: Any) -> dict[str, Any]:
    line = deepcopy(line)
    target: Any = line
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = to
    return line


def line_of(value: dict[str, Any]) -> bytes:
    return encode(signed(value)).encode("utf-8", "surrogatepass")


CALL = changed(TEMPLATES[0], "request", "url", to="https://api.example/call")
"""A call of the operation that contracts of another build have."""


def lines_with(bodies: list[Any]) -> list[bytes]:
    """Return exchanges whose request has the same body as the answer."""
    answered = (changed(CALL, "response", "body", to=body) for body in bodies)
    return [encode(changed(one, "request", "body", to=one["response"]["body"])).encode() for one in answered]
