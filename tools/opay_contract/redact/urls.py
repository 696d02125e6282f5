"""Rewrites URLs: host, path and query by what they may hold, so that they lead to the same operation."""

import re
from collections.abc import Callable
from urllib.parse import quote_plus, unquote_plus, urlsplit

import msgspec

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.contract.parameters import PATH, QUERY, Parameter
from opay_contract.contract.paths import is_version
from opay_contract.model.exchange import Request
from opay_contract.redact.pseudonyms import (
    card_hits,
    is_reserved,
    is_test_number,
    iter_cards,
    stand_in_number,
)
from opay_contract.redact.texts import NAME, STRICT
from opay_contract.redact.values import Values

_REST = r"([^?#\t\r\n]*)(\?[^#\t\r\n]*)?(#[^\t\r\n]*)?"
_URL = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*):(//[^/?#\s]*)?{_REST}")
_PATH = re.compile(rf"()(?=/)(//[^/?#\s]*)?{_REST}")
_PASSED_OVER = re.compile(r"[\t\r\n]")
"""Characters that readers of URLs take out wherever they stand."""

_UNIT = re.compile(rb"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_USUAL_PORT = re.compile(":(?:80|443)$")
_WEB = frozenset({"http", "https", "ws", "wss", ""})
_OWN_HOST = re.compile(
    r"(?:localhost|127\.0\.0\.1|\[::1\]|((?:[a-z-]+\.)*)(?:example|invalid|test|localhost))(?::[0-9]{1,5})?"
)


class Urls(msgspec.Struct, frozen=True):
    """Rewrites URLs as the contract's servers and paths allow."""

    contract: Contract
    values: Values

    def redact(self, url: str) -> str:
        """Return a URL with nothing of a person in it, and as many card numbers as there were."""
        url = _PASSED_OVER.sub("", url)
        match, hits = _URL.fullmatch(url) or _PATH.fullmatch(url), card_hits(unquote_plus(url))
        try:
            urlsplit(url)
        except ValueError:
            match = None
        if match is None:
            return self._as_text(url, hits)
        ways = ((self._path, True), (self._path, False), (self._path_of_cards, True))
        for way, decode in ways:
            made = self._rewrite(match, way, decode=decode)
            if card_hits(unquote_plus(made)) == hits:
                return made
        return self._as_text(url, hits)

    def _as_text(self, url: str, hits: list[int]) -> str:
        made = self.values.texts.redact(url, STRICT)
        return made if card_hits(unquote_plus(made)) == hits else self._encoded(url)

    def host(self, host: str) -> str:
        """Return a host: the contract's servers' and this machine's as they are, any other a pseudonym."""
        known = {server.host for server in self.contract.servers}
        plain = _USUAL_PORT.sub("", host.lower())
        if not known.isdisjoint((host.lower(), plain)):
            return host
        own = _OWN_HOST.fullmatch(host.lower())
        if own and all(map(self.values.texts.is_known, (own[1] or "").split("."))):
            return host
        return self.values.texts.redact(host, NAME)

    def value(self, name: str, value: str) -> str:
        """Return the value of a parameter."""
        return self.values.text(value, self.values.sensitivity.of_name(name), 0.0)

    def _rewrite(self, match: re.Match[str], redact_path: Callable[[str], str], *, decode: bool) -> str:
        scheme, authority, path, query, fragment = (part or "" for part in match.groups())
        if scheme.lower() not in _WEB:
            rest = self.values.texts.redact(match[0][len(scheme) + 1 :], STRICT)
            return f"{self.values.name(scheme, 0)}:{rest}"
        user, at, host = authority[2:].rpartition("@")
        made = f"{scheme}:" if scheme else ""
        made += "//" if authority else ""
        made += self.values.texts.redact(user, NAME) + at + self.host(host)
        made += redact_path(path)
        if query:
            operations, pairs = self._operations(path), query[1:].split("&")
            made += "?" + "&".join(self._pair(pair, operations, decode=decode) for pair in pairs)
        return made + ("#" + self.values.texts.redact(fragment[1:], STRICT) if fragment else "")

    def _path(self, path: str) -> str:
        operations = self._operations(path)
        if operations:
            return self._filled(operations, path)
        near = self.contract.route(Request(url=path)).near
        if near is not None:
            return self._near(path, near.documented)
        return "/".join(map(self.segment, path.split("/")))

    def _operations(self, path: str) -> list[Operation]:
        """Return the operations of a path, whatever their methods; those of the most telling pattern."""
        below = self.contract.path(path)
        found = [one for one in self.contract.operations if below and one.path_pattern.fullmatch(below)]
        first = min((one.rank for one in found), default=None)
        return [one for one in found if one.rank == first]

    def _filled(self, operations: list[Operation], path: str) -> str:
        """Return a path of operations with other values for the parameters in it."""
        below = self.contract.path(path) or ""
        match = operations[0].path_pattern.fullmatch(below)
        made, end = path[: len(path) - len(below)], 0
        for at, name in enumerate(operations[0].path_names if match else (), 1):
            start, stop = match.span(at) if match else (0, 0)
            raw, documented = below[start:stop], self._documented(operations, PATH, name)
            if documented is not None and documented.schema is not None:
                new = self.values.parameter(documented, name, raw)
            else:
                new = self._encoded(raw) if "%" in raw else self.values.texts.redact(raw, NAME)
            made += below[end:start] + new
            end = stop
        return made + below[end:]

    def _documented(self, operations: list[Operation], place: str, name: str) -> Parameter | None:
        """Return the parameter of some operations to which a name belongs."""
        stated = [one for operation in operations for one in operation.parameters if one.place == place]
        return next((one for one in stated if self.contract.parameters.owns(one, name)), None)

    def _near(self, path: str, documented: str) -> str:
        """Return a path that slips alone tell from a documented one, which are nobody's data."""
        segments = path.split("/")
        places = [at for at, one in enumerate(segments) if one and not is_version(one.partition(";")[0])]
        wanted = [one for one in documented.split("/") if one and not is_version(one)]
        words = dict(zip(reversed(places), reversed(wanted), strict=False))
        return "/".join(self._slip(one, words.get(at, one)) for at, one in enumerate(segments))

    def _slip(self, segment: str, wanted: str) -> str:
        word, semicolon, tail = segment.partition(";")
        if wanted.startswith("{"):
            word = self._encoded(word) if "%" in word else self.values.texts.redact(word, NAME)
        return word + semicolon + self.values.texts.redact(tail, NAME)

    def _path_of_cards(self, path: str) -> str:
        """Return a path in which card numbers go over several parts, with others in the same parts."""
        texts, digits, touched = self.values.texts, list(path), set[int]()
        for spans in iter_cards(path):
            places = [at for begin, end in spans for at in range(begin, end)]
            number = "".join(path[at] for at in places)
            new = number if is_test_number(number) else stand_in_number(texts.pseudonyms, number)
            touched.update(places)
            for at, digit in zip(places, new, strict=True):
                digits[at] = digit
        made, start = [], 0
        for segment in path.split("/"):
            here = range(start, start + len(segment))
            is_touched = not touched.isdisjoint(here)
            made.append(self._around(here, digits, touched) if is_touched else self.segment(segment))
            start = here.stop + 1
        return "/".join(made)

    def _around(self, here: range, digits: list[str], touched: set[int]) -> str:
        """Return a part of a path with the digits of card numbers, and pseudonyms for what is around them."""
        text = "".join("9" if digits[at].isdigit() and at not in touched else digits[at] for at in here)
        letters = self.values.texts.pseudonyms.letters(text, text)
        return text if is_reserved(text) else letters

    def segment(self, segment: str) -> str:
        """Return a part of a path, which stays if it is made of known words."""
        if "%" in segment:
            return self._encoded(segment)
        return self.values.name(segment, 0, is_shown=False)

    def _encoded(self, segment: str) -> str:
        """Redact what a segment says, and write each byte in the way that it was written in before."""
        try:
            units = _UNIT.findall(segment.encode(errors="surrogateescape"))
        except UnicodeEncodeError:  # half of a surrogate pair
            return self.values.name(segment, 0, is_shown=False)
        raw = b"".join(bytes.fromhex(unit[1:].decode()) if len(unit) > 1 else unit for unit in units)
        text = _STRAY_BYTE.sub("\udcff", raw.decode(errors="surrogateescape"))
        new = self.values.texts.redact(text, NAME).encode(errors="surrogateescape")
        if len(new) != len(raw):
            return self.values.name(segment, 0, is_shown=False)
        written = (
            b"%%%02X" % byte if len(unit) > 1 else bytes([byte])
            for byte, unit in zip(new, units, strict=True)
        )
        return b"".join(written).decode(errors="surrogateescape")

    def _pair(self, pair: str, operations: list[Operation], *, decode: bool) -> str:
        """Return a pair of a query; in a call of an operation, names that a report may show stay."""
        name, equals, value = pair.partition("=")
        plain = unquote_plus(name)
        documented = self._documented(operations, QUERY, plain)
        if documented is not None:
            return (
                self._name_of(documented, name)
                + equals
                + (value and self.values.parameter(documented, plain, value))
            )
        if plain in self.contract.keys_in_queries:
            return name + equals + self.values.texts.redact(value, NAME)
        if not equals and not operations:
            return self._encoded_value("", name, decode=decode)
        name = self.values.name(name, 0) if operations and "%" not in name else self.segment(name)
        return name + equals + self._encoded_value(name, value, decode=decode)

    def _name_of(self, parameter: Parameter, name: str) -> str:
        """Return the name under which a parameter was sent, without what a client may have put into it."""
        inner = unquote_plus(name).removeprefix(parameter.name)
        if not inner.startswith("["):
            return name
        made = re.sub(r"[^\[\]]+", lambda found: self.values.name(found[0], 0), inner)
        return name if made == inner else parameter.name + made

    def _encoded_value(self, name: str, value: str, *, decode: bool) -> str:
        plain = unquote_plus(value, errors="replace")
        if not decode or plain == value:
            return self.value(name, value)
        new = self.value(name, plain)
        return value if new == plain else quote_plus(new)
