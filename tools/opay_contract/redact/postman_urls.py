"""Rewrites URLs as Postman has them: with `{{variables}}`, without a scheme, as a text or cut into parts."""

from typing import Any
from urllib.parse import unquote_plus

from opay_contract.formats.postman_messages import URL, VARIABLE, join_parts, url_of, without_variables
from opay_contract.redact.cards import card_hits
from opay_contract.redact.redactor import Redactor
from opay_contract.redact.texts import FREE_TEXT, NAME, STRICT, Manner


def redact_written_url(redactor: Redactor, url: str) -> str:
    """Return a URL with nothing of a person in it, and with as many card numbers as a check finds in it."""
    hits = _hits(url)
    made = _rewrite(redactor, url)
    return made if _hits(made) == hits else redactor.values.texts.redact(url, STRICT)


def redact_url_parts(redactor: Redactor, parts: dict[str, Any]) -> dict[str, Any] | str:
    """Return the new `raw`, `protocol`, `host` and `path`, or the whole URL where these cannot be told."""
    made: dict[str, Any] = {}
    for name, between, redact in (("protocol", "", _protocol), ("host", ".", _host), ("path", "/", _path)):
        old = parts.get(name)
        if isinstance(old, str):
            made[name] = redact(redactor, old)
        elif isinstance(old, list) and old and between:
            pieces = redact(redactor, join_parts(old, between)).split(between)
            if len(pieces) != len(old):
                return redact_written_url(redactor, url_of(parts) or "")
            made[name] = [new if isinstance(one, str) else None for one, new in zip(old, pieces, strict=True)]
    if isinstance(parts.get("raw"), str):
        made["raw"] = redact_written_url(redactor, parts["raw"])
    return made


def _rewrite(redactor: Redactor, url: str) -> str:
    found = URL.fullmatch(url)
    if found is None or not found[2] or (found[1] and not VARIABLE.search(found[1] + found[2])):
        return redactor.urls.redact(url) if url else url
    scheme, host, rest = found[1] or "", found[2], found[3]
    return _words(redactor, scheme, FREE_TEXT) + _host(redactor, host) + _path(redactor, rest)


def _protocol(redactor: Redactor, protocol: str) -> str:
    return redactor.urls.segment(protocol)


def _host(redactor: Redactor, host: str) -> str:
    return _words(redactor, host, NAME) if VARIABLE.search(host) else redactor.urls.host(host)


def _path(redactor: Redactor, rest: str) -> str:
    return redactor.urls.redact(rest) if rest.startswith("/") else redactor.urls.redact("/" + rest)[1:]


def _words(redactor: Redactor, text: str, manner: Manner) -> str:
    """Return scheme or host with the names of variables, as long as they are names."""
    end, made = 0, []
    for match in VARIABLE.finditer(text):
        made.append(redactor.values.texts.redact(text[end : match.start()], manner))
        made.append("{{" + redactor.values.name(match[0][2:-2], 0) + "}}")
        end = match.end()
    return "".join(made) + redactor.values.texts.redact(text[end:], manner)


def _hits(url: str) -> list[int]:
    return card_hits(unquote_plus(without_variables(url) or ""))
