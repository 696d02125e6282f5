"""Which server a run of tests talks to, and as whom: the mock, the contract's sandbox, or any other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from opay_contract.contract.contract import Contract, Server, is_loopback
from opay_contract.errors import UsageError
from opay_contract.suite.questions import Questions

MOCK = "mock"

MERCHANT_ID, PRIVATE_KEY, CUSTOMER_ID = "OPAY_MERCHANT_ID", "OPAY_PRIVATE_KEY", "OPAY_CUSTOMER_ID"
CREDENTIAL = "OPAY_CREDENTIAL"
"""The environment variables that say who asks, and a record that the target knows, as a customer."""

_PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTarget:
    """A server and what it takes to ask it: what a contract asks for of this is there, the rest is empty.

    `customer_id` is the key of a record that it knows, as a customer's; `credential` is what goes where the
    contract asks for an API key, a bearer token or a password.
    """

    name: str
    base_url: str
    merchant_id: str = field(repr=False)
    private_key: str = field(repr=False)
    customer_id: str = field(repr=False)
    credential: str = field(repr=False, default="")

    @property
    def is_real(self) -> bool:
        """Whether it is somebody's server, to be treated with care."""
        return self.name != MOCK


def find_target(
    name: str, environment: Mapping[str, str], contract: Contract, *, allow_production: bool = False
) -> ApiTarget:
    """Return the target `name`, one of the contract's environments or a URL, with credentials.

    A UsageError says what is wrong with the name, or which variables of the environment are missing.
    """
    servers = {server.environment: server for server in contract.servers if server.environment}
    base_url = _url_of(servers[name]) if name in servers else _checked(name, servers)
    production = servers.get(_PRODUCTION)
    if production and not allow_production and _is_host(base_url, production):
        raise UsageError(
            f"--target {name} is production, with real cards; if you mean it, add --allow-production"
        )
    return ApiTarget(name=name, base_url=base_url, **_credentials(name, environment, Questions(contract)))


def _url_of(server: Server) -> str:
    return f"https://{server.host}{server.prefix}"


def _checked(name: str, servers: Mapping[str, Server]) -> str:
    known = ", ".join([MOCK, *servers, "or a URL"])
    try:
        parts = urlsplit(name)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"--target {name}: this is no URL; expected {known}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--target {name}: unknown target; expected {known}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError("--target: the URL is to have a host and perhaps a path, and nothing else")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"--target {name}: cards and customers travel by https alone; write https://")
    return name.rstrip("/")


def _is_host(url: str, server: Server) -> bool:
    """Tell whether a URL leads to a server, however its host is written."""
    return (urlsplit(url).hostname or "").rstrip(".").lower() == server.host.partition(":")[0]


def _credentials(name: str, environment: Mapping[str, str], asked: Questions) -> dict[str, str]:
    wanted = {
        "merchant_id": (MERCHANT_ID, asked.identity is not None),
        "private_key": (PRIVATE_KEY, asked.operation.is_signed),
        "customer_id": (CUSTOMER_ID, asked.by_record is not None),
        "credential": (CREDENTIAL, asked.needs_credential),
    }
    found = {member: environment.get(variable, "").strip() for member, (variable, _) in wanted.items()}
    missing = [
        variable for member, (variable, is_needed) in wanted.items() if is_needed and not found[member]
    ]
    if missing:
        raise UsageError(f"--target {name} needs {' and '.join(missing)} in the environment")
    return found
