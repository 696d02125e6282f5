"""The loaded contract: its operations, open questions and schemas, and which exchange belongs to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from opay_contract.contract.operation import Form, OpenQuestion, Operation
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import NotJson, Parsed, Tokens, parse_json
from opay_contract.model.exchange import Exchange, Request, header
from opay_contract.model.finding import Outcome
from opay_contract.model.signature import SignatureScheme

_SCHEMES = {"": None, "http": 80, "https": 443}
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A host that answers by this contract, and the path in front of the operations' paths."""

    host: str
    prefix: str
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a request leads.

    `in_scope` is false for other hosts and for a browser's preflight. An operation of None in scope is
    an unknown path, or with `path_known` an unknown method.
    """

    in_scope: bool
    operation: Operation | None = None
    path_known: bool = False


@dataclass(slots=True, kw_only=True)
class Match:
    """An exchange seen through the contract: operation, request form, outcome, and both bodies, read once.

    A body is None where nothing was recorded or nothing was sent.
    """

    route: Route
    form: Form | None
    outcome: Outcome
    code: str | None
    request_body: Parsed | NotJson | None
    response_body: Parsed | NotJson | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that openapi.yaml and schemas/ say, resolved.

    `unsearched_headers` are the request headers, in lower case, that hold identifiers or credentials.
    `sensitivity_by_name` has the class of each member that a schema names.
    """

    schemas: SchemaSet
    servers: tuple[Server, ...]
    operations: tuple[Operation, ...]
    questions: tuple[OpenQuestion, ...]
    signature: SignatureScheme | None
    signature_uri: str
    unsearched_headers: frozenset[str]
    sensitivity_by_name: Mapping[str, str]

    def match(self, exchange: Exchange, route: Route | None = None) -> Match:
        """Find the operation, unless it is given, and the outcome of an exchange, reading its bodies."""
        route = route or self.route(exchange.request)
        request_body = parse_json(exchange.request.body) if exchange.request.body else None
        response_body = parse_json(exchange.response.body) if exchange.response.body else None
        code = _business_code(route.operation, response_body)
        return Match(
            route=route,
            form=_form(route.operation, request_body),
            outcome=_outcome(route.operation, code, exchange.response.status),
            code=code,
            request_body=request_body,
            response_body=response_body,
        )

    def route(self, request: Request) -> Route:
        """Find the operation of a request; one without a URL is taken for the only operation."""
        if request.url is None:
            return Route(in_scope=True, operation=self._only_operation(), path_known=True)
        path = self.path(request.url)
        if path is None or _is_preflight(request):
            return Route(in_scope=False)
        known = [operation for operation in self.operations if operation.path_pattern.fullmatch(path)]
        known.sort(key=lambda operation: operation.path.count("{"))
        method = (request.method or "").upper()
        operation = next((operation for operation in known if method in ("", operation.method)), None)
        return Route(in_scope=True, operation=operation, path_known=bool(known))

    def _only_operation(self) -> Operation | None:
        return self.operations[0] if len(self.operations) == 1 else None

    def path(self, url: str) -> str | None:
        """Return the path below a server, or None when the URL is another host's.

        A URL without a host is a path on a host that was not recorded, and taken for ours.
        """
        try:
            parts = urlsplit(url)
            host = host_of(parts)
        except ValueError:
            return None
        if parts.scheme not in _SCHEMES:
            return None
        below = [server for server in self.servers if f"{parts.path}/".startswith(f"{server.prefix}/")]
        candidates = [server for server in below if host in ("", server.host)]
        if not candidates:
            return None if host else parts.path
        return parts.path[max(len(server.prefix) for server in candidates) :]


def host_of(url: SplitResult) -> str:
    """Return a URL's host in lower case, with its port unless that is the scheme's own."""
    host = (url.hostname or "").lower()
    return host if url.port in (None, _SCHEMES.get(url.scheme)) else f"{host}:{url.port}"


def at(value: object, tokens: Tokens) -> object | None:
    """Return what stands at `tokens` in a parsed value, or None."""
    for token in tokens:
        if not isinstance(value, dict):
            return None
        value = value.get(token, _MISSING)
    return None if value is _MISSING else value


def _is_preflight(request: Request) -> bool:
    return (request.method or "").upper() == "OPTIONS" and (
        header(request.headers, "access-control-request-method") is not None
    )


def _business_code(operation: Operation | None, body: Parsed | NotJson | None) -> str | None:
    if operation is None or operation.envelope is None or not isinstance(body, Parsed):
        return None
    code = at(body.value, operation.envelope.code)
    return code if isinstance(code, str) else None


def _outcome(operation: Operation | None, code: str | None, status: int) -> Outcome:
    if operation is None:
        return Outcome.TRANSPORT
    if operation.envelope is None:
        return Outcome.SUCCESS if 200 <= status < 300 else Outcome.TRANSPORT  # noqa: PLR2004  HTTP's success range
    if code is None:
        return Outcome.TRANSPORT
    return Outcome.SUCCESS if code in operation.envelope.success else Outcome.BUSINESS_ERROR


def _form(operation: Operation | None, body: Parsed | NotJson | None) -> Form | None:
    if operation is None or not isinstance(body, Parsed) or not isinstance(body.value, dict):
        return None
    return next((form for form in operation.forms if form.required <= body.value.keys()), None)
