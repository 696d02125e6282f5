"""A canary in every place of every recording format, one at a time: as a value, inside one, and as a key."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import opay_contract
from opay_contract.recordings.formats import Format

DATA = Path(__file__).parent / "data"
"""A recording of each format, as its parsed value."""

JSON_TEXT, BASE64 = "(JSON text)", "(base64)"
"""Steps into a text that holds JSON, and into one that holds base64."""

IDENTIFIERS = {"customerId", "opayToken"}
"""Members that the contract calls identifiers, which are not searched for card numbers."""

Place = tuple[str | int, ...]
Listen = Callable[..., list[str]]
Search = Callable[..., None]


def write_lines(value: Any) -> str:
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in value)


def write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_yaml(value: Any) -> str:
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False))


FORMATS: dict[str, tuple[Format, Callable[[Any], str]]] = {
    "har": (Format.HAR, write_json),
    "vcr-yaml": (Format.VCR, write_yaml),
    "vcr-json": (Format.VCR, write_json),
    "ndjson": (Format.NDJSON, write_lines),
    "ndjson-text": (Format.NDJSON, write_lines),
    "ndjson-base64": (Format.NDJSON, write_lines),
    "body": (Format.BODY, write_json),
    "schemathesis-ndjson": (Format.SCHEMATHESIS_NDJSON, write_lines),
}


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


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


def is_in_answer(name: str, place: Place) -> bool:
    """Tell whether a place is inside the body of the answer."""
    if name == "body":
        return True
    is_native = name.startswith("ndjson") and place[1:3] == ("response", "body")
    return "response" in place and (JSON_TEXT in place or (is_native and len(place) > 3))


def choose(place: Place, canaries: dict[str, Any]) -> list[Any]:
    """Return every canary for places in a message, and a few for those around it that no reader looks at."""
    if "request" in place or "response" in place or len(place) < 4:
        return list(canaries.values())
    return [canaries[name] for name in ("plain", "e-mail", "in-text")]


def place_id(place: Place) -> str:
    return "/".join(map(str, place))


PLACES = [(name, place) for name in FORMATS for place in iter_places(load(name))]
VALUES = [pytest.param(name, place, id=f"{name}:{place_id(place)}") for name, place in PLACES]
KEYS = [pytest.param(name, place, id=f"{name}:{place_id(place)}") for name, place in PLACES if is_key(place)]
ANSWERED = [
    pytest.param(name, place, id=f"{name}:{place_id(place)}")
    for name, place in PLACES
    if is_in_answer(name, place)
]


def test_the_formats_are_all_there() -> None:
    by_hand = {
        Format.MITMPROXY,
        Format.POSTMAN,
        Format.NEWMAN,
        Format.CURL,
        Format.PARQUET,
    }  # no writer puts canaries into these
    assert {format_in for format_in, _ in FORMATS.values()} == set(Format) - {Format.JSON} - by_hand
    assert {path.stem for path in DATA.iterdir()} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_recordings_are_read_before_they_are_spoiled(name: str, listen: Listen) -> None:
    format_in, write = FORMATS[name]
    *_, said = listen(write(load(name)).encode(), format_in=format_in)
    assert "Unreadable: 0." in said
    assert "Checked" in said


@pytest.mark.parametrize(("name", "place"), VALUES)
def test_a_canary_as_a_value_is_never_said(
    name: str, place: Place, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    format_in, write = FORMATS[name]
    variants = [*choose(place, canaries), {str(canaries["e-mail"]): [canaries["plain"], canaries["in-text"]]}]
    recordings = [write(spoil(load(name), place, canary, as_key=False)).encode() for canary in variants]
    assert_silent(*listen(*recordings, format_in=format_in))
    assert_silent(*listen(recordings[0]))


@pytest.mark.parametrize(("name", "place"), KEYS)
def test_a_canary_as_a_key_is_never_said(
    name: str, place: Place, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    format_in, write = FORMATS[name]
    texts = [str(canary) for canary in choose(place, canaries)]
    recordings = [write(spoil(load(name), place, text, as_key=True)).encode() for text in texts]
    assert_silent(*listen(*recordings, format_in=format_in))
    assert_silent(*listen(recordings[0]))


@pytest.mark.parametrize(("name", "place"), ANSWERED)
def test_a_card_number_in_an_answer_is_found(
    name: str, place: Place, listen: Listen, cards: dict[str, Any]
) -> None:
    format_in, write = FORMATS[name]
    spoiled = [
        spoil(load(name), place, card, as_key=False)
        for card in cards.values()
        if place[-1] not in IDENTIFIERS
    ]
    if is_key(place):
        spoiled += [spoil(load(name), place, str(card), as_key=True) for card in cards.values()]
    *found, report = listen(*[write(recording).encode() for recording in spoiled], format_in=format_in)
    assert all("'card-number-exposed'" in findings for findings in found)
    assert ": error card-number-exposed" in report or not spoiled


@pytest.fixture(scope="module")
def spoiled_folder(tmp_path_factory: pytest.TempPathFactory, canaries: dict[str, Any]) -> Path:
    """Return a folder of recordings with a canary in every place, each place with another."""
    folder = tmp_path_factory.mktemp("spoiled")
    texts = list(canaries.values())
    for number, (name, place) in enumerate(PLACES):
        _, write = FORMATS[name]
        canary = texts[number % len(texts)]
        suffix = ".ndjson" if write is write_lines else ".yaml" if write is write_yaml else ".json"
        text = write(spoil(load(name), place, canary, as_key=False))
        (folder / f"value-{number}{suffix}").write_text(text, encoding="utf-8")
        if is_key(place):
            text = write(spoil(load(name), place, str(canary), as_key=True))
            (folder / f"key-{number}{suffix}").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("format_out", ["text", "json"])
def test_no_stream_file_or_log_of_the_command_has_a_canary(
    format_out: str, spoiled_folder: Path, tmp_path: Path, canaries: dict[str, Any], assert_silent: Search
) -> None:
    program = (
        "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.debug('listening')\n"
        "from opay_contract.cli.main import main\nmain()\n"
    )
    environment = {
        "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
        "OPAY_PRIVATE_KEY": str(canaries["merchant-key"]),
    }
    output = tmp_path / "report"
    command = [sys.executable, "-c", program, "check", "--format", format_out]
    for arguments in ([], ["--output", str(output)]):
        done = subprocess.run(
            [*command, *arguments, spoiled_folder],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 1, done.stderr
        assert "listening" in done.stderr
        assert_silent(done.stdout, done.stderr)
    report = output.read_text(encoding="utf-8")
    assert "card-number-exposed" in report
    assert_silent(report)
