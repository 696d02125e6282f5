"""What the mock says: a greeting to copy from, and a line for each request, without a value of any."""

import json
import shlex
from collections.abc import Callable

from opay_contract.contract.contract import Contract, Route, read_bodies
from opay_contract.judge.describing import describe_name, is_label
from opay_contract.judge.routes import fold_path
from opay_contract.mock.answers import REASON_HEADER
from opay_contract.mock.records import RecordBook
from opay_contract.mock.sound import sound_request
from opay_contract.mock.store import StoredRecord
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange, header
from opay_contract.signing.signer import sign

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
