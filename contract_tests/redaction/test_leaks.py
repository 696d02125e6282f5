"""A canary in every place of every format, one at a time: nothing of it is left, and findings stay."""

import base64
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from opay_contract.recordings.formats import Format

pytestmark = pytest.mark.thorough

DATA = Path(__file__).parents[1] / "leaks" / "data"
"""A recording of each format, as its parsed value."""

JSON_TEXT, BASE64 = "(JSON text)", "(base64)"
"""Steps into a text that holds JSON, and into one that holds base64."""

CANARIES: dict[str, str | int] = {
    "plain": "4111111111111111",
    "spaced": "4111 1111 1111 1111",
    "dashed": "4111-1111-1111-1111",
    "dotted": "4111.1111.1111.1111",
    "slashed": "4111/1111/1111/1111",
    "no-break-spaced": "4111\u00a01111\u00a01111\u00a01111",
    "in-text": "saved card no. 4111_1111_1111_1111, thank you",
    "number": 4111111111111111,
    "arabic-digits": "٤١١١ ١١١١ ١١١١ ١١١١",  # noqa: RUF001
    "wide-digits": "４１１１１１１１１１１１１１１１",  # noqa: RUF001
    "percent-encoded": "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
    "latin-name": "Amira Canarywood",
    "arabic-name": "أميرة كناري",
    "ideographic-name": "金絲雀夫人",
    "e-mail": "amira.canarywood@example.com",
    "mobile": "+20 109 876 5432",
    "token": "OPAY_TOKEN_c0ffee12c0ffee34c0ffee56c0ffee78",
    "private-key": "OPAYPRV17263544998877665",
    "public-key": "OPAYPUB17263544998877665",
    "authorization": "Bearer " + "9f8e7d6c" * 16,
    "url": "https://amira:canarywood@shop.canarywood.net/amira%20canarywood?card=4111111111111111#amira",
    "everything": "user 88442200119, 金絲雀夫人 (Amira Canarywood), 201098765432: OPAYPRV17263544998877665",
}
"""Card numbers in eleven spellings, and a customer with her merchant and his secrets; none of them exists."""

NEEDLES = re.compile(
    r"4(?:[\W_]{0,3}1){7}|(?:1[\W_]{0,3}){8}|(?:%31){4}|amira|canarywood|أميرة|كناري|金絲|夫人"
    r"|1098765|109[\W_]*876|884422|c0ffee12|opayp|1726354|9f8e7d6c",
    re.IGNORECASE,
)
"""Parts of the canaries that are long enough to be nothing else."""

Place = tuple[str | int, ...]


def write_lines(value: Any) -> str:
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in value)


def write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_yaml(value: Any) -> str:
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False))


FORMATS: dict[str, tuple[Format, Callable[[Any], str], str]] = {
    "har": (Format.HAR, write_json, "har"),
    "vcr-yaml": (Format.VCR, write_yaml, "vcr-yaml"),
    "vcr-json": (Format.VCR, write_json, "vcr-json"),
    "ndjson": (Format.NDJSON, write_lines, "ndjson"),
    "json": (Format.JSON, write_json, "ndjson"),
    "body": (Format.BODY, write_json, "body"),
    "schemathesis-ndjson": (Format.SCHEMATHESIS_NDJSON, write_lines, "schemathesis-ndjson"),
}


def load(name: str) -> Any:
    return json.loads((DATA / f"{FORMATS[name][2]}.json").read_text(encoding="utf-8"))


def iter_children(node: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)
    elif isinstance(node, str) and node.startswith("{"):
        yield JSON_TEXT, json.loads(node)
    elif isinstance(node, str) and node.startswith("eyJ"):
        yield BASE64, base64.b64decode(node).decode()


def iter_places(node: Any, place: Place = ()) -> Iterator[Place]:
    for step, child in iter_children(node):
        yield (*place, step)
        yield from iter_places(child, (*place, step))


def spoil(node: Any, place: Place, canary: Any, *, as_key: bool) -> Any:
    """Return `node` with the canary in the place of a value or of its key."""
    step, *rest = place
    if not rest and as_key:
        return {canary if key == step else key: value for key, value in node.items()}
    child = canary if not rest else spoil(dict(iter_children(node))[step], tuple(rest), canary, as_key=as_key)
    if step == JSON_TEXT:
        return json.dumps(child, ensure_ascii=False)
    if step == BASE64:
        return base64.b64encode(str(child).encode()).decode()
    if isinstance(node, dict):
        return {**node, step: child}
    return [child if index == step else item for index, item in enumerate(node)]


def is_key(place: Place) -> bool:
    return isinstance(place[-1], str) and place[-1] not in (JSON_TEXT, BASE64)


_ENCODED = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{4}){3,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def find_canaries(written: bytes) -> list[str]:
    """Return every part of a canary in what was written, as text, behind escapes and in base64."""
    text = written.decode(errors="replace")
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    encoded = [base64.b64decode(match).decode(errors="replace") for match in _ENCODED.findall(text)]
    said = unicodedata.normalize("NFKC", "\n".join([text, unescaped, *encoded]))
    for digit in {c for c in said if c.isdigit() and not c.isascii()}:
        said = said.replace(digit, str(unicodedata.digit(digit)))
    return [said[max(0, hit.start() - 60) : hit.end() + 20] for hit in NEEDLES.finditer(said)]


PLACES = [(name, place) for name in FORMATS for place in iter_places(load(name))]


def place_id(place: Place) -> str:
    return "/".join(map(str, place))


def recordings(name: str, place: Place) -> Iterator[tuple[str, bytes]]:
    _, write, _ = FORMATS[name]
    for label, canary in CANARIES.items():
        yield label, write(spoil(load(name), place, canary, as_key=False)).encode()
        if is_key(place):
            yield f"{label} as key", write(spoil(load(name), place, str(canary), as_key=True)).encode()


VALUES = [
    pytest.param(name, place, number, id=f"{name}:{place_id(place)}")
    for number, (name, place) in enumerate(PLACES)
]
EVERY = os.environ.get("OPAY_EVERY_CANARY")
"""Set it to plant every canary in every place, which takes minutes; else each place gets some in turn."""
SOME = 1


@pytest.mark.parametrize(("name", "place", "number"), VALUES)
def test_nothing_of_a_canary_is_left(name: str, place: Place, number: int, redact: Any, verdict: Any) -> None:
    format_in, _, _ = FORMATS[name]
    planted = list(recordings(name, place))
    chosen = planted if EVERY else [planted[(number * SOME + one) % len(planted)] for one in range(SOME)]
    for label, data in chosen:
        written = redact(data, format_in)
        said = "\n".join(map(str, (written.tally, written.replaced)))
        assert find_canaries(written.data + said.encode()) == [], label
    label, data = chosen[0]
    written = redact(data, format_in)
    assert verdict(written.data, format_in) == verdict(data, format_in), label
    assert redact(written.data, format_in).data == written.data, label


def test_the_search_finds_every_canary_that_is_left_alone() -> None:
    for label, canary in CANARIES.items():
        assert find_canaries(json.dumps({"note": canary}).encode()), label
        assert find_canaries(json.dumps({"note": canary}, ensure_ascii=False).encode()), label
