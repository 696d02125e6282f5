"""Calls of an API: a sound one, made by the contract alone; one to copy; and a line for each that came.

A line has no value of a request. A sound one is made by the contract's examples, or else from its schemas.
"""

import json
import shlex
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract, Route, read_bodies
from opay_contract.contract.operation import Form, Operation, is_json
from opay_contract.contract.parameters import Parameter
from opay_contract.judge.describing import describe_name, is_label
from opay_contract.judge.routes import fold_path
from opay_contract.mock.answers import REASON_HEADER
from opay_contract.mock.records import RecordBook
from opay_contract.mock.samples import Sampler, request_examples, schema_examples
from opay_contract.mock.statement import needs_body, put
from opay_contract.mock.store import StoredRecord
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange, header
from opay_contract.signing.signer import sign

PLACEHOLDER = "CREDENTIAL"
"""Stands in a request for a key or a password that the contract asks for and does not say."""


class SoundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request in parts, but for its signature and for who signs; a body of None is none.

    `asked` is the key of the record that it is about, None where it is about none.
    """

    operation: Operation
    form: Form | None
    target: str
    headers: tuple[str, ...]
    body: Any
    media_type: str
    asked: str | None


def shown_operation(contract: Contract, book: RecordBook) -> Operation:
    """Return the operation that shows an API: one that looks a record up, or else the first."""
    return next((one.operation for one in book.looking_up()), contract.operations[0])


def sound_request(contract: Contract, book: RecordBook, asked: str | None) -> SoundRequest:
    """Return a request that shows an API, about a record of a key, or else with a placeholder."""
    found = next(book.looking_up(), None)
    if found is None:
        operation = contract.operations[0]
        return make_request(contract, book, operation, next(iter(operation.forms), None))
    single = found.lookup.records.name.removesuffix("s")
    return make_request(contract, book, found.operation, found.form, asked or f"{single.upper()}_ID")


def make_request(
    contract: Contract, book: RecordBook, operation: Operation, form: Form | None, asked: str | None = None
) -> SoundRequest:
    """Return a sound request of an operation, about a record where it is about any."""
    lookup, values = book.lookup(operation, form), {}
    for one in operation.parameters:
        if one.is_required or (lookup and lookup.by.where == one.place and lookup.by.tokens[-1] == one.name):
            values[one.place, one.name] = _parameter_value(contract, one)
    types = operation.request_types or ({"application/json": None} if operation.is_signed else {})
    media_type = next(filter(is_json, types), next(iter(types), ""))
    body = _body(contract, operation, form, media_type) if media_type else None
    if lookup is not None and lookup.by.where == "body":
        if asked is not None and isinstance(body, dict):
            like = value_below(body, lookup.by.tokens)
            is_number = isinstance(like, int) and not isinstance(like, bool) and asked.isdecimal()
            put(body, lookup.by.tokens, int(asked) if is_number else asked)
        found = value_below(body, lookup.by.tokens)
        asked = None if found is MISSING else str(found)
    elif lookup is not None:
        wanted = lookup.by.where, str(lookup.by.tokens[0]).lower()
        for key in [one for one in values if (one[0], one[1].lower()) == wanted]:
            values[key] = asked = asked if asked is not None else values[key]
    else:
        asked = None
    if not operation.is_signed:
        for said in next(iter(operation.credentials), ()) if () not in operation.credentials else ():
            values[said.place, said.name] = f"{said.word} {PLACEHOLDER}".strip()
    scheme = contract.signature if operation.is_signed else None
    signing = {scheme.header, operation.identity_header(scheme)} if scheme else set[str | None]()
    headers = [
        f"{name}: {value}"
        for (place, name), value in values.items()
        if place == "header" and name not in signing
    ]
    cookies = [f"{name}={value}" for (where, name), value in values.items() if where == "cookie"]
    return SoundRequest(
        operation=operation,
        form=form,
        target=_target(operation, values),
        headers=(*headers, *([f"Cookie: {'; '.join(cookies)}"] if cookies else [])),
        body=body,
        media_type=media_type,
        asked=asked,
    )


def _target(operation: Operation, values: dict[tuple[str, str], str]) -> str:
    path = operation.path
    for (where, name), value in values.items():
        if where == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
    query = urlencode([(name, value) for (where, name), value in values.items() if where == "query"])
    return f"{path}?{query}" if query else path


def _parameter_value(contract: Contract, parameter: Parameter) -> str:
    """Return a value as text; a list is its first item."""
    _, stated = contract.schemas.resolve(parameter.uri)
    named = stated.get("examples") if isinstance(stated, dict) else None
    first: Any = next(iter(named.values()), None) if isinstance(named, dict) else None
    given = first.get("value", MISSING) if isinstance(first, dict) else MISSING
    value = stated.get("example", given) if isinstance(stated, dict) else MISSING
    if value is MISSING and parameter.schema is not None:
        value = Sampler(contract.schemas).sample(parameter.schema, parameter.name)
    while isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        value = inner[0] if inner else MISSING
    if isinstance(value, bool):
        return str(value).lower()
    return "text" if value is MISSING or value is None else str(value)


def _body(contract: Contract, operation: Operation, form: Form | None, media_type: str) -> Any:
    schema = form.request if form is not None else operation.request_types.get(media_type)
    examples = [one.value for one in request_examples(contract, operation) if one.media_type == media_type]
    if form is not None:
        own = form.required
        others = [one.required for one in operation.forms if one is not form]
        candidates = [*schema_examples(contract, form.request), *examples]
        examples = [
            one
            for one in candidates
            if isinstance(one, dict)
            and own <= one.keys()
            and not any(o <= one.keys() for o in others if not o <= own)
        ]
    validator = contract.schemas.validator(schema) if schema else None
    for value in examples:
        if validator is None or not is_json(media_type) or validator.is_valid(value):
            return deepcopy(value)
    made = Sampler(contract.schemas).sample(schema, operation.id) if schema else MISSING
    if made is not MISSING:
        return made
    # Of a body that nobody described; where none is documented, an empty object is what is signed.
    return {} if operation.is_signed or needs_body(contract, operation) else None


_CLOCK = slice(11, 23)
"""Hours to milliseconds in a time as exchanges have it, which is in UTC."""


class RequestLog:
    """Turns each exchange into a line, as text or as JSON."""

    def __init__(self, contract: Contract, say: Callable[[str], None], *, as_json: bool = False) -> None:
        self._contract, self._say, self._as_json = contract, say, as_json

    def __call__(self, exchange: Exchange) -> None:
        """Say what was asked and what became of it."""
        told = describe_call(exchange, self._contract)
        self._say(json.dumps(told) if self._as_json else f"{told['time']}Z {render_call(told)}")


def describe_call(exchange: Exchange, contract: Contract) -> dict[str, str | int | None]:
    """Return time, method, path, status, business code and reason of a call of the mock.

    Path and method show words that the contract or many APIs have; what else a client puts there may be data.
    """
    request, response = exchange.request, exchange.response
    path = "/" + (request.url or "").partition("://")[2].partition("/")[2].partition("?")[0]
    called = [operation for operation in contract.operations if operation.path_pattern.fullmatch(path)]
    route = Route(operation=(called or contract.operations)[0])
    code = contract.match_read(exchange, route, *read_bodies(exchange, route.operation)).code
    return {
        "time": (exchange.recorded_at or "")[_CLOCK],
        "method": describe_name(request.method or ""),
        "path": path if called else fold_path(path, contract),
        "status": response.status,
        "code": code if code is not None and is_label(code) else None,
        "reason": header(response.headers, REASON_HEADER.decode()),
    }


def render_call(told: dict[str, str | int | None]) -> str:
    """Return a call as one line of text."""
    head = " ".join(
        f"{told[name]}" for name in ("method", "path", "status", "code") if told[name] is not None
    )
    return head + (f": {told['reason']}" if told["reason"] else "")


def render_greeting(
    url: str, contract: Contract, credentials: Credentials, known: StoredRecord | None
) -> str:
    """Return a sound request to copy, and the variables of the environment that clients and the suite read.

    A key of the user's is in none of it, nor anything made with it: there `opay-contract sign` stands, which
    takes it from the environment. Without a record that may be shown there is a placeholder.
    """
    request = sound_request(contract, RecordBook(contract), known.id if known else None)
    operation, scheme = request.operation, contract.signature
    is_shown = credentials.private_key == Credentials().private_key
    body = (
        None if request.body is None else json.dumps(request.body, ensure_ascii=False, separators=(",", ":"))
    )
    lines = [f"curl -sS {shlex.quote(url + request.target)}"]
    if operation.method != "POST" or body is None:
        lines[0] += f" -X {operation.method}"
    if body is not None:
        lines[0] += f" -H {shlex.quote(f'Content-Type: {request.media_type}')}"
    variables = {"OPAY_BASE_URL": url}
    if operation.is_signed and scheme is not None:
        signed = body or ""
        signature = f"{scheme.header}: {sign(signed.encode(), credentials.private_key, scheme).header}"
        if (identity := operation.identity_header(scheme)) is not None:
            lines.append(f"-H {shlex.quote(f'{identity}: {credentials.merchant_id}')}")
        by_command = f'"$(opay-contract sign {shlex.quote(signed)} 2>/dev/null)"'
        lines.append(f"-H {shlex.quote(signature) if is_shown else by_command}")
        variables["OPAY_MERCHANT_ID"] = credentials.merchant_id
        variables |= {"OPAY_PRIVATE_KEY": credentials.private_key} if is_shown else {}
    lines += [f"-H {shlex.quote(one)}" for one in request.headers]
    lines += [f"-d {shlex.quote(body)}"] if body is not None else []
    if request.asked is not None:
        variables["OPAY_CUSTOMER_ID"] = request.asked
    return "\n".join(
        [
            "",
            "# a signed query:" if operation.is_signed else "# a request:",
            " \\\n  ".join(lines),
            "",
            f"# for your client, and for the contract's tests with --target {url}:",
            *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        ]
    )
