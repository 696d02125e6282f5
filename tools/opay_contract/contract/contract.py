"""The loaded contract: its operations, open questions and schemas, and which exchange belongs to which."""

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

import msgspec

from opay_contract.contract.addresses import value_below
from opay_contract.contract.operation import Form, OpenQuestion, Operation, is_of_another_type
from opay_contract.contract.parameters import ParameterReader
from opay_contract.contract.paths import NearPath, find_near_path
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import NotJson, Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Request, header
from opay_contract.model.finding import Outcome
from opay_contract.model.signature import SignatureScheme

ANY_WORD = "*"
"""Stands for any text in the host of a server."""

OTHER_TYPE = NotJson(line=1, column=1)
"""A body that is documented as something else than JSON, and so is not read."""

_SCHEMES = {"": None, "http": 80, "https": 443}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A host that answers by this contract, and the path in front of the operations' paths.

    The host is empty where any host does, and `*` in it stands for any text.
    """

    host: str
    prefix: str
    environment: str | None = None

    def answers(self, host: str) -> bool:
        """Return whether a host, empty where it was not recorded, is this server's."""
        if not host or not self.host or host == self.host:
            return True
        return ANY_WORD in self.host and fnmatchcase(host, self.host)


class Outside(StrEnum):
    """Why a request is none of the contract's."""

    HOST = "host"
    PATH = "path"
    PREFLIGHT = "preflight"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request leads.

    `outside` says why it is out of scope: another host, another path of the contract's hosts, or a browser's
    preflight. An operation of None in scope is an unknown method of `documented`, a path of the contract, or
    an unknown path: one that is `near` to a documented one, or any where the contract has them all.
    """

    outside: Outside | None = None
    operation: Operation | None = None
    documented: str | None = None
    near: NearPath | None = None

    @property
    def in_scope(self) -> bool:
        """Whether the contract has a say in it."""
        return self.outside is None

    @property
    def path_known(self) -> bool:
        """Whether the path is one of the contract's."""
        return self.documented is not None


class Match(msgspec.Struct, kw_only=True, gc=False):
    """An exchange seen through the contract: operation, request form, outcome, and both bodies, read once.

    A body is None where nothing was recorded or nothing was sent.
    """

    route: Route
    form: Form | None
    outcome: Outcome
    code: str | None
    request_body: Parsed | NotJson | None
    response_body: Parsed | NotJson | None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the documents of a contract say, resolved.

    `has_all_paths` if it says that its paths are all that there are on its servers. `words` are those
    that its paths are made of, in lower case. `unsearched_headers` are the request headers, in lower
    case, that hold identifiers or credentials. `sensitivity_by_name` has the class of each member that a
    schema names, `unsearched_names` for each operation the members that hold identifiers or credentials,
    and for none those that do so wherever they are. `keys_in_queries` are the parameters by which security
    schemes tell who asks. `parameters` reads what stands in URLs and headers. `notes` say what in the
    documents was not understood and is left out.
    """

    schemas: SchemaSet
    servers: tuple[Server, ...]
    operations: tuple[Operation, ...]
    questions: tuple[OpenQuestion, ...]
    has_all_paths: bool
    words: frozenset[str]
    signature: SignatureScheme | None
    signature_uri: str
    unsearched_headers: frozenset[str]
    sensitivity_by_name: Mapping[str, str]
    unsearched_names: Mapping[str, frozenset[str]]
    keys_in_queries: frozenset[str]
    parameters: ParameterReader
    notes: tuple[str, ...] = ()

    def match(self, exchange: Exchange) -> Match:
        """Find the operation and the outcome of an exchange, reading its bodies."""
        route = self.route(exchange.request)
        return self.match_read(exchange, route, *read_bodies(exchange, route.operation))

    def match_read(
        self,
        exchange: Exchange,
        route: Route,
        request_body: Parsed | NotJson | None,
        response_body: Parsed | NotJson | None,
    ) -> Match:
        """Find the outcome of an exchange whose bodies were read and whose route is known."""
        envelope, code = route.operation.envelope if route.operation is not None else None, None
        if envelope is not None and isinstance(response_body, Parsed):
            code = envelope.read_code(value_below(response_body.value, envelope.code, None))
        return Match(
            route=route,
            form=_form(route.operation, request_body),
            outcome=_outcome(route.operation, code, exchange.response.status),
            code=code,
            request_body=request_body,
            response_body=response_body,
        )

    def names_not_searched(self, operation: Operation | None) -> frozenset[str]:
        """Return the names of what an operation calls identifiers or credentials; for none, what all do."""
        return self.unsearched_names.get(operation.id if operation is not None else "", frozenset())

    def route(self, request: Request) -> Route:
        """Find the operation of a request; one without a URL is taken for the contract's first operation."""
        if request.url is None:
            first = next(iter(self.operations), None)
            return Route(operation=first, documented=first.path if first else "")
        parts = _split(request.url)
        if parts is None or not self._is_known(host_of(parts)):
            return Route(outside=Outside.HOST)
        method = (request.method or "").upper()
        if method == "OPTIONS" and header(request.headers, "access-control-request-method") is not None:
            return Route(outside=Outside.PREFLIGHT)
        path = self._path_of(parts)
        known = [one for one in self.operations if path is not None and one.path_pattern.fullmatch(path)]
        if not known:
            return self._unknown_path(parts, has_path=path is not None)
        known.sort(key=lambda operation: operation.rank)
        operation = next((operation for operation in known if method in ("", operation.method)), None)
        return Route(operation=operation, documented=known[0].path)

    def _is_known(self, host: str) -> bool:
        return any(server.answers(host) for server in self.servers)

    def _unknown_path(self, url: SplitResult, *, has_path: bool) -> Route:
        """Return where a path leads that no operation has: one operation does not say what else there is."""
        host = host_of(url)
        ours = [one for one in self.servers if one.answers(host) and (one.host or not host)]
        prefixes = dict.fromkeys(server.prefix for server in ours)
        documented = [prefix + operation.path for prefix in prefixes for operation in self.operations]
        near = find_near_path(url.path, documented)
        is_ours = near is not None or (self.has_all_paths and has_path)
        return Route(near=near) if is_ours else Route(outside=Outside.PATH)

    def path(self, url: str) -> str | None:
        """Return the path below a server, or None when the URL is another host's.

        A URL without a host is a path on a host that was not recorded, and taken for ours.
        """
        parts = _split(url)
        return None if parts is None else self._path_of(parts)

    def _path_of(self, parts: SplitResult) -> str | None:
        host = host_of(parts)
        below = [server for server in self.servers if f"{parts.path}/".startswith(f"{server.prefix}/")]
        candidates = [server for server in below if server.answers(host)]
        if not candidates:
            return None if host else parts.path
        return parts.path[max(len(server.prefix) for server in candidates) :]


def read_bodies(
    exchange: Exchange, operation: Operation | None
) -> tuple[Parsed | NotJson | None, Parsed | NotJson | None]:
    """Return both bodies of an exchange as they read, None where nothing was recorded or nothing was sent."""
    asked, answered = texts_of(exchange, operation)
    return (
        parse_json(asked) if isinstance(asked, bytes) else asked,
        parse_json(answered) if isinstance(answered, bytes) else answered,
    )


def texts_of(
    exchange: Exchange, operation: Operation | None
) -> tuple[bytes | NotJson | None, bytes | NotJson | None]:
    """Return the texts of both bodies that are to be read, or what stands for those that are not JSON."""
    asked, answered = exchange.request.body, exchange.response.body
    is_asked = is_answered = True
    if operation is not None and operation.has_other_types:
        documented = operation.response(exchange.response.status)
        types = documented.media_types if documented is not None else {}
        is_asked = not is_of_another_type(content_type(exchange.request.headers), operation.request_types)
        is_answered = not is_of_another_type(content_type(exchange.response.headers), types)
    return (
        (asked if is_asked else OTHER_TYPE) if asked else None,
        (answered if is_answered else OTHER_TYPE) if answered else None,
    )


def content_type(headers: Headers | None) -> str | None:
    """Return what a Content-Type header says, None where it is not there, or no header was recorded."""
    return header(headers, "content-type") if headers is not None else None


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL of the web, or None where it is none."""
    try:
        parts = urlsplit(url)
        host_of(parts)
    except ValueError:
        return None
    return parts if parts.scheme in _SCHEMES else None


def server_at(url: str, environment: str | None = None) -> Server:
    """Return the server at a URL; raises ValueError where it is none."""
    parts = urlsplit(url)
    return Server(host=host_of(parts), prefix=parts.path.rstrip("/"), environment=environment)


def host_of(url: SplitResult) -> str:
    """Return a URL's host in lower case, with its port unless that is the scheme's own."""
    host = (url.hostname or "").lower()
    return host if url.port in (None, _SCHEMES.get(url.scheme)) else f"{host}:{url.port}"


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine, seen from itself; a name other than localhost is not."""
    if host is None or host.lower() == "localhost":
        return host is not None
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


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
    names = body.value.keys()
    for form in operation.forms:
        if form.required <= names:
            return form
    return None
