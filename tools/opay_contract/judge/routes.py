"""Puts requests that are none of the contract's into words, to be counted: where they went, and no more."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from opay_contract.contract.contract import Contract, Outside, Route, host_of, is_version, words_of
from opay_contract.model.summary import Elsewhere
from opay_contract.remembering import remembering

_HIDDEN = "*"
_MAX_SEGMENTS = 12
_MAX_LABELS = 10
_MAX_KNOWN = 4096
"""Hosts and segments of paths that are remembered."""

_NAME = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*[0-9]?")
_LABEL = re.compile(r"(?=.{1,40}$)[a-z0-9_]+(?:-+[a-z0-9_]+)*")
_PORT = re.compile(r":[0-9]{1,5}$")
_MANY_DIGITS = 5
_WEB = ("http", "https", "ws", "wss", "")
_SCHEMES = ("about", "blob", "chrome-extension", "data", "file", "ftp", "javascript", "moz-extension")
_UNKNOWN = "(no URL)"

_COMMON = """
about accept account accounts acquiring action activate add address addresses admin agent alert all
analytics android api apis app apply approve apps asset assets async attach audit auth authenticate
authorise authorize avatar backend balance balances bank banks bash batch batches beacon
beneficiaries beneficiary billing bills bin book build bulk business buyer by calculate callback
callbacks campaign campaigns cancel capture captures card cards cart carts cashier catalog
categories category challenge change channel channels charge chargeback chargebacks charges check
checkout checkouts city client clients close code codes collect collection collections commerce
complete config configuration confirm connect consent consents contact contacts content contract
countries country coupon coupons create credential credentials credit css currencies currency
customer customers dashboard data deactivate debit default delete deliver delivery deposit deposits
detail details dev device devices direct disable discount dispute disputes docs document documents
download edge edit email embed enable encrypt endpoint entry error errors event events exchange
execute expire export external fee feed fees fetch file files find flow font fonts form forms fraud
frontend gate gateway gateways generate get global graphql group groups gw health history home hook
hooks host hosted html http https icon icons identity image images img import inbound index info
init initialize initiate input installment installments instant instrument instruments integration
intent intents internal international invoice invoices ios ipn issue issuer item items job jobs js
json jwks key keys kyc ledger limit limits link links list live local locale log login logout logs
lookup loyalty main mandate mandates mcc me media member members merchant merchants message messages
meta metadata method methods metrics mobile mock money native network new notification notifications
notify oauth offer offers open openid options order orders org organisation organization otp
outbound page pages partner partners passport password pay payer payment payments payout payouts
payroll pending permissions phone ping pixel plan plans plugin point points policy portal preview
prices pricing print private process processing product products profile profiles promotion proxy
psp public purchase push qr queries query queue quote quotes read receipt receipts recipient
recipients record recurring redirect refresh refund refunds region register reject remove report
reports request requests reservation resource resources rest result results retrieve return returns
reversal reverse revoke risk role roles route rpc sale sales sandbox save schedule script scripts
sdk search secure security seller send server service services session sessions settings settlement
settlements setup shipment shipping shop sign signature signin signup simulate single site snapshot
soap source split stage staging start stat state statement statements static stats status step stock
store storefront stores stream style styles submit subscribe subscription subscriptions summary
support svc sync system tax team terminal terminals test tests theme three ticket tickets token
tokenization tokenize tokens tool topup trace track tracking transaction transactions transfer
transfers trigger trusted type unlink update updates upload uri url user users ussd util utils
validate validation vault vendor vendors verification verifications verify version versions view
virtual void voucher vouchers wallet wallets web webhook webhooks widget withdraw withdrawal
withdrawals www xml
"""
"""What paths of APIs are commonly made of, and nobody is called: any other word may be a name or an id."""

_WORDS = frozenset(_COMMON.split())


def fold_path(path: str, contract: Contract) -> str:
    """Return a URL's path with `*` for every segment that is not made of words of paths, or a version."""
    segments = path.split("/")
    shown = [segment if _is_known(segment, contract) else _HIDDEN for segment in segments[:_MAX_SEGMENTS]]
    return "/".join([*shown, *(["…"] if len(segments) > _MAX_SEGMENTS else [])])


@remembering(_MAX_KNOWN)
def describe_host(host: str) -> str:
    """Return a host with its port as it is, but for labels that may be somebody's id."""
    name, colon, port = host.rpartition(":") if _PORT.search(host) else (host, "", "")
    if not host or _is_address(host) or _is_address(name):
        return host
    labels = name.split(".")
    has_id = sum(map(str.isdigit, name)) >= _MANY_DIGITS  # which may go over several labels
    shown = [label if _is_plain_label(label, has_id) else _HIDDEN for label in labels[-_MAX_LABELS:]]
    return ".".join([*(["…"] if len(labels) > _MAX_LABELS else []), *shown]) + colon + port


def describe_elsewhere(contract: Contract, url: str, route: Route) -> Elsewhere:
    """Return where a request went that is out of scope."""
    try:
        parts = urlsplit(url)
        host = host_of(parts)
    except ValueError:
        return Elsewhere(reason=Outside.HOST.value, host=_UNKNOWN, path="")
    if parts.scheme not in _WEB:
        scheme = parts.scheme if parts.scheme in _SCHEMES else "another scheme"
        return Elsewhere(reason=Outside.HOST.value, host=f"({scheme})", path="")
    shown = describe_host(host)
    path = fold_path(parts.path, contract)
    reason = (route.outside or Outside.HOST).value
    if reason == Outside.PREFLIGHT or not host:
        return Elsewhere(reason=reason, host=shown, path=path)
    prefix = prefix_of(parts.path, contract)
    if prefix is None:
        return Elsewhere(reason=reason, host=shown, path=path)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme or "https")
    name = parts.hostname or ""
    server = host.replace(name, f"[{name}]", 1) if ":" in name else shown
    base = f"{scheme}://{server}{fold_path(prefix, contract)}"
    return Elsewhere(reason=reason, host=shown, path=path, base_url=base)


def prefix_of(path: str, contract: Contract) -> str | None:
    """Return what stands before an operation's path in a path that ends in it, or None where it does not."""
    for operation in contract.operations:
        if match := _ending_in(operation.path_pattern).fullmatch(path):
            return match[1]
    return None


@lru_cache(maxsize=_MAX_KNOWN)
def _ending_in(path: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"((?:/[^/]+)*?)/*{path.pattern}")


def _is_known(segment: str, contract: Contract) -> bool:
    words = _words_in(segment)
    return words is not None and words - _WORDS <= contract.words


@remembering(_MAX_KNOWN)
def _words_in(segment: str) -> frozenset[str] | None:
    """Return the words that a segment is made of, of which a version has none; None where it has more."""
    if not segment or is_version(segment):
        return frozenset()
    return frozenset(words_of(segment)) if _NAME.fullmatch(segment) else None


def _is_plain_label(label: str, has_id: bool) -> bool:  # noqa: FBT001  what is known of the host
    return _LABEL.fullmatch(label) is not None and not (has_id and any(map(str.isdigit, label)))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
