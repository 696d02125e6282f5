"""Looks for people in the text of a file, whatever its format: the second pair of eyes of `--verify`.

It knows no format and nothing of how values are replaced. It looks at the bytes as they are and behind the
writings that hide text (escapes, percent signs, base64, bytes listed as numbers) for what is clear by its
form alone: URLs, paths, e-mail addresses, long rows of hexadecimal digits, and letters of other scripts.
"""

import base64
import binascii
import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote_to_bytes

from opay_contract.contract.contract import Contract
from opay_contract.formats.streams import Readable
from opay_contract.formats.table import Format
from opay_contract.judge.exposure import shows_card_number
from opay_contract.judge.routes import describe_elsewhere
from opay_contract.model.exchange import Exchange, Request
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.pseudonyms import (
    FORM,
    is_digit_pseudonym,
    is_form_pseudonym,
    is_hex_pseudonym,
    is_reserved,
)
from opay_contract.redact.vocabulary import NAME_WORDS

_WINDOW, _OVERLAP = 1 << 20, 1 << 13
_MOST = 100
_ESCAPED = r"(?<=\\[bfnrt])"
"""Behind an escape in a string of JSON, whose letter is not part of what follows."""

_URL = re.compile(
    rf"(?:(?<![A-Za-z])|{_ESCAPED})(?:https?|wss?)://"
    r"([^/?#\s\"'\\<>,;|)\]}]*)"
    r"((?:/(?:[^/?#\s\"'\\<>,;]|[,;](?![\]}]*[0-9]+:))*)*)"
)
"""A URL; in files of mitmproxy it ends where the length of the next text, or of what is around, begins."""

_PATH = re.compile(r"(?<=[\"'])((?:/[\w.~%@:+!$&()*=-]+){2,})(?=[\"'?#\\])")
_EMAIL = re.compile(r"(?<!\\)[\w.+-]{2,64}@([\w-]{2,}(?:\.[\w-]{2,})+)")
_HEX = re.compile(
    rf"(?:(?<![0-9A-Za-z+/=])(?!(?<=(?<!\\)\\)[bf])|{_ESCAPED})"
    r"(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?![0-9A-Za-z+/=])"
)
_HEX_ID = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{16,}|[0-9A-F]{16,})(?![0-9A-Za-z])")
_FOREIGN = re.compile(r"[^\W\d_a-zA-Z\u00aa\u00b5\u00ba]{2,}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){2,}")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=%])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/=])")
_LISTED = re.compile(r"\[\s*[0-9]{1,3}(?:\s*,\s*[0-9]{1,3}){7,}\s*\]")
_FORMS = (("URL", _URL), ("path", _PATH), ("e-mail address", _EMAIL), ("hexadecimal digits", _HEX))
_BREAK = "\n"
_BETWEEN = re.compile(rb"[\s\"',{}\[\]<>()]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LEAST_WORD, _SIGNATURE, _CUT = 3, 128, 4
_SCHEMA_HOSTS = {"schema.getpostman.com", "schema.postman.com"}
_OWN_ENDS = ("example", "invalid", "test", "localhost", "example.com", "example.org", "example.net")
_OWN_LABELS = {label for end in _OWN_ENDS for label in end.split(".")}


class Prover:
    """Finds what is clearly somebody's in text."""

    def __init__(self, contract: Contract, known: frozenset[str]) -> None:
        self._contract = contract
        self._known = NAME_WORDS | known
        self._hosts = {server.host for server in contract.servers} | _SCHEMA_HOSTS

    def iter_places(self, stream: Readable) -> Iterator[tuple[str, str]]:
        """Yield kinds and places, by line, of what is found in a text; not more than a hundred."""
        places = (
            (kind, f"line {line + text.count(_BREAK, 0, at or start)}")
            for text, line in _windows(stream)
            for layer, at in _layers(text)
            for kind, start in self._find(layer)
        )
        return islice(places, _MOST)

    def _find(self, text: str) -> Iterator[tuple[str, int]]:
        """Yield what is found in a text, and where."""
        forms = _FORMS if text.isascii() else (*_FORMS, ("letters", _FOREIGN))
        for kind, form in forms:
            for match in form.finditer(text):
                if not self._is_known(kind, match):
                    yield kind, match.start()

    def _is_known(self, kind: str, match: re.Match[str]) -> bool:
        if kind == "URL":
            return self._is_host_known(match[1]) and self._is_path_in_text_known(match, 2)
        if kind == "path":
            return self._is_path_in_text_known(match, 1)
        if kind == "e-mail address":
            local, _, domain = match[0].partition("@")
            return self._is_part_known(local) and (domain.endswith(_OWN_ENDS) or is_reserved(domain))
        if kind == "hexadecimal digits":
            is_signature = len(match[0]) == _SIGNATURE  # by the key that everybody knows, or not
            found = {match[0], match.string[match.start() - 1 : match.end()]}  # it may be no escape
            return is_signature or is_digit_pseudonym(match[0]) or any(map(is_hex_pseudonym, found))
        return is_reserved("".join(filter(str.isalpha, match[0])))

    def _is_host_known(self, host: str) -> bool:
        plain = re.sub(r"(?::[0-9]{1,5})?[^\w.-]*$", "", host.rpartition("@")[2]).lower()
        is_own = plain in self._hosts or host.lower() in self._hosts or plain in _OWN_ENDS
        labels = re.split(r"[^\w-]+", plain)
        return is_own or all(label in _OWN_LABELS or self._is_part_known(label) for label in labels)

    def _is_path_in_text_known(self, found: re.Match[str], group: int) -> bool:
        """Tell whether a path is known as far as a URL goes, or as far as what it stands in does."""
        is_broken = _is_broken(found)
        if self._is_path_known(found[group], 0 if is_broken else _CUT):
            return True
        whole = found.string[found.start(group) : found.end() + _OVERLAP].partition(_before(found))[0]
        return is_broken and self._is_near(whole)

    def _is_near(self, path: str) -> bool:
        return self._contract.route(Request(url=path)).near is not None

    def _is_path_known(self, path: str, least: int = _CUT) -> bool:
        if self._is_near(path):
            return True
        *parts, last = path.split("/")
        return all(map(self._is_part_known, parts)) and (
            self._is_part_known(last) or self._is_cut(last, least)
        )

    def _is_cut(self, part: str, least: int) -> bool:
        """Tell whether a part ends in the beginning of a known word, where a URL is cut by what none has."""
        *words, last = _WORDS.findall(part) or [""]
        is_cut = len(last) > least and any(word.startswith(last.lower()) for word in self._known)
        return is_cut and self._is_part_known("-".join(words))

    def _is_part_known(self, part: str) -> bool:
        part = re.sub(FORM, lambda found: "" if is_form_pseudonym(found[0]) else found[0], part)
        part = _HEX_ID.sub(lambda found: "" if is_hex_pseudonym(found[0]) else found[0], part)
        if part.lower() in self._known or is_reserved(part):
            return True
        words = [word.lower() for word in _WORDS.findall(part)]
        return all(word in self._known or len(word) < _LEAST_WORD or is_reserved(word) for word in words)


def _before(found: re.Match[str]) -> str:
    """Return what a URL or path stands behind, which is also what ends a text that begins with it."""
    return found.string[found.start() - 1 : found.start()].strip() or _BREAK


def _is_broken(found: re.Match[str]) -> bool:
    """Tell one that may go on behind a character that none has: what it stands in does not end there."""
    before = _before(found)
    following = found.string[found.end() : found.end() + 2] or "\n"
    return not following.startswith((before, f"\\{before}", "?", "#"))


def _windows(stream: Readable) -> Iterator[tuple[str, int]]:
    """Yield a text in parts that overlap, each with the number of its first line.

    They begin and end between words: the half of a signature is a row of digits that nobody knows.
    """
    before, line, chunk = b"", 1, stream.read(_WINDOW)
    while chunk:
        following = stream.read(_WINDOW)
        data = before + chunk
        first = _BETWEEN.search(data, 0, _OVERLAP) if before else None
        last = deque(_BETWEEN.finditer(data, len(data) - _OVERLAP), 1) if following else ()
        start, end = first.end() if first else 0, last[0].end() if last else len(data)
        yield data[start:end].decode(errors="replace"), line + data.count(b"\n", 0, start)
        before = data[-2 * _OVERLAP :]
        line += data.count(b"\n") - before.count(b"\n")
        chunk = following


def _layers(text: str) -> Iterator[tuple[str, int]]:
    """Yield a text, and what is written in it in ways that hide it, with where that is."""
    yield text, 0
    if "\\u" in text:
        yield _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text), 0
    for match in _PERCENT.finditer(text):
        yield unquote_to_bytes(match[0]).decode(errors="replace"), match.start()
    for match in _BASE64.finditer(text):
        try:
            inner = base64.b64decode(match[0] + "=" * (-len(match[0]) % 4), validate=True).decode()
        except (binascii.Error, ValueError):
            continue
        if inner.isprintable() or "\n" in inner:
            yield inner, match.start()
    for match in _LISTED.finditer(text):
        numbers = [int(one) for one in match[0][1:-1].split(",")]
        if max(numbers) < 256:  # noqa: PLR2004  bytes
            yield bytes(numbers).decode(errors="replace"), match.start()


def is_of_others(contract: Contract, source: Source, format_in: Format | None) -> bool:
    """Tell whether a recording holds exchanges and all of them are another API's.

    One that ends in a path of the contract may have gone to it through a gateway, and a card number is one
    whatever API shows it: such a recording is to be looked at.
    """
    is_empty = True
    for one in iter_exchanges(source, format_in):
        if not isinstance(one, Exchange) or not _is_of_others(contract, one):
            return False
        is_empty = False
    return not is_empty


def _is_of_others(contract: Contract, exchange: Exchange) -> bool:
    match = contract.match(exchange)
    if match.route.in_scope:
        return False
    where = describe_elsewhere(contract, exchange.request.url or "", match.route)
    return not where.base_url and not shows_card_number(contract, exchange, match)
