"""The loaded contract: its operations, open questions and schemas, and which exchange belongs to which."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import zip_longest
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import value_below
from opay_contract.contract.operation import Form, OpenQuestion, Operation, is_of_another_type
from opay_contract.contract.parameters import ParameterReader
from opay_contract.contract.schemas import SchemaSet
from opay_contract.errors import UsageError
from opay_contract.jsontext import NotJson, Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Request, header
from opay_contract.model.finding import Outcome
from opay_contract.remembering import remembering
from opay_contract.signing.signer import SignatureScheme

_VERSION = re.compile(r"v\d{1,3}(\.\d{1,3}){0,2}|\d{4}-\d{2}(-\d{2})?", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PARAMETER = re.compile(r"\{[^/{}]+\}")
_MAX_TYPOS = 2
_LETTERS_A_TYPO = 4
"""How many characters a documented segment has for each slip that is taken for one."""


class NearPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path that is no documented one but near to `documented`.

    `shown` is the path as it was asked for, with the names of parameters in place of their values: what is
    left is next to what the contract says, and so nobody's data.
    """

    documented: str
    shown: str


def words_of(segment: str) -> list[str]:
    """Return the words of a name or path in lower case: `tokenInfo` and `token-info` have the same two."""
    return [word.lower() for word in _WORD.findall(segment)]


def is_version(segment: str) -> bool:
    """Tell whether a segment of a path is the version of an API."""
    return _VERSION.fullmatch(segment) is not None


def find_near_path(path: str, documented: Sequence[str]) -> NearPath | None:
    """Return the documented path that `path` differs from by slips alone, or None.

    Slips are letter case, slashes too many, another version or none, `;` parameters, escapes, and typos: one
    in four characters of a segment, two in all. Of several the one with the fewest typos is taken.
    """
    asked = [unquote(segment.partition(";")[0]) for segment in path.split("/")]
    longest = max((template.count("/") for template in documented), default=0)
    if len(asked) > 2 * longest + 8:
        return None
    found = (
        (typos, template)
        for template in documented
        if (typos := _count_typos(asked, template.split("/"))) is not None
    )
    _, nearest = min(found, default=(0, None), key=lambda one: one[0])
    return NearPath(documented=nearest, shown=_shown(asked, path, nearest)) if nearest is not None else None


def _count_typos(asked: list[str], template: list[str]) -> int | None:
    """Return how many typos lie between two paths, or None where they are different ones."""
    typos = 0
    for segment, wanted in zip_longest(_words(asked), _words(template)):
        if segment is None or wanted is None:
            return None
        if _PARAMETER.fullmatch(wanted):
            continue
        allowed = min(_MAX_TYPOS - typos, len(wanted) // _LETTERS_A_TYPO)
        distance = _distance(segment.casefold(), wanted.casefold(), allowed)
        if distance > allowed:
            return None
        typos += distance
    return typos


def _words(segments: list[str]) -> Iterator[str]:
    """Yield the segments that tell one path from another: none that is empty or a version."""
    return (segment for segment in segments if segment and not is_version(segment))


def _distance(left: str, right: str, limit: int) -> int:
    """Return the optimal string alignment distance, or `limit` + 1 where it is more than `limit`."""
    if left == right:
        return 0
    if limit <= 0 or abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit + 1)


def _shown(asked: list[str], path: str, template: str) -> str:
    wanted = _words(template.split("/"))
    shown = []
    for segment, raw in zip(asked, path.split("/"), strict=True):
        word = next(wanted) if segment and not is_version(segment) else segment
        tail = ";*" if ";" in raw else ""
        shown.append((word if _PARAMETER.fullmatch(word) else segment) + tail)
    return "/".join(shown)


ANY_WORD = "*"
"""Stands for any text in the host of a server."""

OTHER_TYPE = NotJson(line=1, column=1)
"""A body that is documented as something else than JSON, and so is not read."""

_SCHEMES = {"": None, "http": 80, "https": 443}
_MAX_HOSTS = 1024
"""Hosts that are remembered."""


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
    `others` are the operations of an unknown method's path, one for each method that it has.
    """

    outside: Outside | None = None
    operation: Operation | None = None
    documented: str | None = None
    near: NearPath | None = None
    others: tuple[Operation, ...] = ()

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


class Contract(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything that the documents of a contract say, resolved; equal to itself alone, so answers are kept.

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
        parts, host = _split(request.url)
        if parts is None or not any(server.answers(host) for server in self.servers):
            return Route(outside=Outside.HOST)
        method = (request.method or "").upper()
        if method == "OPTIONS" and header(request.headers, "access-control-request-method") is not None:
            return Route(outside=Outside.PREFLIGHT)
        path = self._path_of(parts, host)
        known = [one for one in self.operations if path is not None and one.path_pattern.fullmatch(path)]
        if not known:
            return self._unknown_path(parts, host, has_path=path is not None)
        known.sort(key=lambda operation: operation.rank)
        operation = next((operation for operation in known if method in ("", operation.method)), None)
        others = {one.method: one for one in reversed(known)}.values() if operation is None else ()
        return Route(operation=operation, documented=known[0].path, others=tuple(others))

    def _unknown_path(self, url: SplitResult, host: str, *, has_path: bool) -> Route:
        """Return where a path leads that no operation has: one operation does not say what else there is."""
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
        parts, host = _split(url)
        return None if parts is None else self._path_of(parts, host)

    def head(self, url: str) -> str | None:
        """Return a URL up to the path below a server, None where not all that begin so are below that one."""
        parts, host = _split(url)
        prefixes = {one.prefix for one in self.servers if one.answers(host)}
        path = self._path_of(parts, host) if parts is not None and host else None
        above = url.partition("?")[0]
        is_sure = path and len(prefixes) == 1 and above.endswith(path)
        return above.removesuffix(path or "") if is_sure else None

    def _path_of(self, parts: SplitResult, host: str) -> str | None:
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
    asked, answered = exchange.request.body or None, exchange.response.body or None
    if operation is None or not operation.has_other_types:
        return asked, answered
    documented = operation.response(exchange.response.status)
    types = documented.media_types if documented is not None else {}
    is_asked = not is_of_another_type(content_type(exchange.request.headers), operation.request_types)
    is_answered = not is_of_another_type(content_type(exchange.response.headers), types)
    return (
        asked if is_asked or asked is None else OTHER_TYPE,
        answered if is_answered or answered is None else OTHER_TYPE,
    )


def content_type(headers: Headers | None) -> str | None:
    """Return what a Content-Type header says, None where it is not there, or no header was recorded."""
    return header(headers, "content-type") if headers is not None else None


def _split(url: str) -> tuple[SplitResult | None, str]:
    """Return the parts of a URL of the web with its host, or None where it is none."""
    try:
        parts = urlsplit(url)
        host = host_of(parts)
    except ValueError:
        return None, ""
    return (parts if parts.scheme in _SCHEMES else None), host


def server_at(url: str, environment: str | None = None) -> Server:
    """Return the server at a URL; raises ValueError where it is none."""
    parts = urlsplit(url)
    return Server(host=host_of(parts), prefix=parts.path.rstrip("/"), environment=environment)


def host_of(url: SplitResult) -> str:
    """Return a URL's host in lower case, with its port unless that is the scheme's own."""
    return _host_at(url.scheme, url.netloc)


@remembering(_MAX_HOSTS)
def _host_at(scheme: str, netloc: str) -> str:
    url = SplitResult(scheme, netloc, "", "", "")
    host, port = (url.hostname or "").lower(), url.port
    return host if port in (None, _SCHEMES.get(scheme)) else f"{host}:{port}"


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
    return next((form for form in operation.forms if form.required <= body.value.keys()), None)


def with_base_url(contract: Contract, url: str) -> Contract:
    """Return a contract that a server of the user's answers by, too, as if it had been named at first."""
    own = tuple(one for one in contract.servers if one.host)
    return replace(contract, servers=(*own, base_server(url)))


def base_server(url: str) -> Server:
    """Return the server at a base URL that the user named; raises UsageError where it is none."""
    try:
        server = server_at(url)
    except ValueError as error:
        raise UsageError(f"base URL '{url}' is no URL; write it as https://host/path") from error
    if not server.host:
        raise UsageError(f"base URL '{url}' has no host; write it as https://host/path")
    return server
