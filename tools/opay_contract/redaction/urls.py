"""Rewrites URLs: host, path and query by what they may hold, so that they lead to the same operation."""

import re
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus, urlsplit

from opay_contract.contract.contract import Contract
from opay_contract.redaction.cards import card_hits
from opay_contract.redaction.sensitivity import Statement
from opay_contract.redaction.texts import NAME, STRICT
from opay_contract.redaction.values import Values
from opay_contract.rules.describing import describe_name

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//[^/?#\s]*)?([^?#\s]*)(\?[^#\s]*)?(#\S*)?")
_PATH = re.compile(r"()(//[^/?#\s]*)?(/[^?#\s]*)(\?[^#\s]*)?(#\S*)?")
_UNIT = re.compile(rb"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_WEB = frozenset({"http", "https", "ws", "wss", ""})
_OWN_HOST = re.compile(
    r"(?:localhost|127\.0\.0\.1|\[::1\]|(?:[a-z-]+\.)*(?:example|invalid|test|localhost))(?::[0-9]{1,5})?"
)


@dataclass(frozen=True, slots=True)
class Urls:
    """Rewrites URLs as the contract's servers and paths allow."""

    contract: Contract
    values: Values

    def redact(self, url: str) -> str:
        """Return a URL with nothing of a person in it, and as many card numbers as there were."""
        match = _URL.fullmatch(url) or _PATH.fullmatch(url)
        if match is None or not self._is_url(url):
            return self.values.texts.redact(url, STRICT)
        hits = card_hits(unquote_plus(url))
        for made in (self._rewrite(match, decode=True), self._rewrite(match, decode=False)):
            if card_hits(unquote_plus(made)) == hits:
                return made
        return self.values.texts.redact(url, STRICT)

    def host(self, host: str) -> str:
        """Return a host: the contract's servers' and this machine's as they are, any other a pseudonym."""
        known = {server.host for server in self.contract.servers}
        if host.lower() in known or _OWN_HOST.fullmatch(host.lower()):
            return host
        return self.values.texts.redact(host, NAME)

    def value(self, name: str, value: str) -> str:
        """Return the value of a parameter."""
        statement = Statement(self.values.sensitivity.by_name.get(name))
        return self.values.text(value, statement, 0.0)

    def _is_url(self, url: str) -> bool:
        try:
            urlsplit(url)
        except ValueError:
            return False
        return True

    def _rewrite(self, match: re.Match[str], *, decode: bool) -> str:
        scheme, authority, path, query, fragment = (part or "" for part in match.groups())
        if scheme.lower() not in _WEB:
            rest = self.values.texts.redact(match[0][len(scheme) + 1 :], STRICT)
            return f"{self.values.name(scheme, 0)}:{rest}"
        user, at, host = authority[2:].rpartition("@")
        made = f"{scheme}:" if scheme else ""
        made += "//" if authority else ""
        made += self.values.texts.redact(user, NAME) + at + self.host(host)
        made += self._path(match[0], path)
        made += "?" + self._query(query[1:], decode=decode) if query else ""
        return made + ("#" + self.values.texts.redact(fragment[1:], STRICT) if fragment else "")

    def _path(self, url: str, path: str) -> str:
        below = self.contract.path(url)
        for operation in self.contract.operations if below is not None else ():
            if operation.path_pattern.fullmatch(below or ""):
                literal = operation.path.split("/")
                prefix = path[: len(path) - len(below or "")]
                steps = zip(literal, (below or "").split("/"), strict=True)
                return prefix + "/".join(
                    step if name == step else self.values.texts.redact(step, NAME) for name, step in steps
                )
        return "/".join(self._segment(segment) for segment in path.split("/"))

    def _segment(self, segment: str) -> str:
        if not segment or describe_name(segment) == segment:
            return segment
        return self._encoded(segment) if "%" in segment else self.values.name(segment, 0)

    def _encoded(self, segment: str) -> str:
        """Redact what a segment says, and write each byte in the way that it was written in before."""
        units = _UNIT.findall(segment.encode(errors="surrogatepass"))
        raw = b"".join(bytes.fromhex(unit[1:].decode()) if len(unit) > 1 else unit for unit in units)
        text = _STRAY_BYTE.sub("\udcff", raw.decode(errors="surrogateescape"))
        new = self.values.texts.redact(text, NAME).encode(errors="surrogateescape")
        if len(new) != len(raw):
            return self.values.name(segment, 0)
        written = (
            b"%%%02X" % byte if len(unit) > 1 else bytes([byte])
            for byte, unit in zip(new, units, strict=True)
        )
        return b"".join(written).decode(errors="replace")

    def _query(self, query: str, *, decode: bool) -> str:
        return "&".join(self._pair(pair, decode=decode) for pair in query.split("&"))

    def _pair(self, pair: str, *, decode: bool) -> str:
        name, equals, value = pair.partition("=")
        if not equals:
            return self.values.texts.redact(name, STRICT)
        name = self.values.name(name, 0)
        plain = unquote_plus(value, errors="replace")
        if not decode or plain == value:
            return name + equals + self.value(name, value)
        new = self.value(name, plain)
        return name + equals + (value if new == plain else quote_plus(new))
