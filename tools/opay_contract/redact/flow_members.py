"""What becomes of the members of a mitmproxy flow that no check looks at: a table by their names."""

import re
from collections.abc import Callable

from opay_contract.redact.urls import Urls

REMOVED = frozenset(
    {
        "alpn_offers",
        "backup",
        "cert",
        "certificate_chain",
        "certificate_list",
        "cipher",
        "cipher_list",
        "cipher_name",
        "clientcert",
        "extensions",
        "messages",
        "metadata",
        "mitmcert",
        "tls_extensions",
        "via",
        "via2",
    }
)
"""Members that are emptied: certificates and what else a connection shows of its ends, talk that is not
HTTP, and a flow as it was before somebody edited it."""

DNS = frozenset({"additionals", "answers", "authorities", "questions"})
"""Members of a DNS message, which are emptied, too."""

ADDRESSES = frozenset(
    {
        "address",
        "host",
        "ip_address",
        "peername",
        "resolved_address",
        "sni",
        "sockname",
        "source_address",
    }
)
"""Members that are hosts, or in which hosts stand."""

WORDS: dict[str, tuple[re.Pattern[str], str | None]] = {
    "alpn": (re.compile(r"h[23]|http/[01]\.[0-9]|"), None),
    "alpn_proto_negotiated": (re.compile(r"h[23]|http/[01]\.[0-9]|"), None),
    "first_line_format": (re.compile("relative|absolute|authority"), "relative"),
    "marked": (re.compile("|true|:default:"), ":default:"),
    "mode": (re.compile("regular|transparent|upstream|reverse|socks5"), "regular"),
    "tls_version": (re.compile(r"D?TLSv1(?:\.[0-3])?|SSLv[23]|QUIC(?:v[12])?"), None),
    "transport_protocol": (re.compile("tcp|udp"), "tcp"),
    "type": (re.compile("http|tcp|udp|dns|websocket"), "other"),
}
"""Members that mitmproxy gives one of a few words, and what takes the place of anything else."""

_MODE = re.compile(r"(reverse|upstream):((?:https?|http3|tcp|tls|udp|dtls|dns|quic)://)([^/@]+)(/)?")
_LISTENING = re.compile(r"(regular|transparent|socks5|wireguard|local|dns|tun)(?:@[0-9]{1,5})?")


def redact_mode(urls: Urls, mode: str) -> str:
    """Return how a proxy was run, so that mitmproxy still understands it, without hosts of others."""
    if _LISTENING.fullmatch(mode):
        return mode
    upstream = _MODE.fullmatch(mode)
    if upstream is None:
        return "regular"
    return f"{upstream[1]}:{upstream[2]}{urls.host(upstream[3])}{upstream[4] or ''}"


SPECIAL: dict[str, Callable[[Urls, str], str]] = {"proxy_mode": redact_mode}
"""Members with a grammar of their own."""
