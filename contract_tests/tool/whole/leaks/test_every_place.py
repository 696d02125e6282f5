"""A canary in every place of every recording format, one at a time: as a value, inside one, and as a key."""

import logging
import os
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.running import ENVIRONMENT, Completed, run_command
from contract_tests.tool.whole.leaks.canaries import CANARIES
from contract_tests.tool.whole.leaks.planting import (
    DATA,
    FORMATS,
    JSON_TEXT,
    PLACES,
    Place,
    is_key,
    iter_children,
    load,
    place_id,
    plant,
    recording,
)
from contract_tests.usual import each

from opay_contract.formats.table import Format

IDENTIFIERS = {"customerId", "opayToken"}
"""Members that the contract calls identifiers, which are not searched for card numbers."""

EACH = len(CANARIES) if os.environ.get("OPAY_EVERY_CANARY") else 1
"""How many canaries each place gets in turn."""

TOGETHER = 10
"""Recordings with something in so many places are checked in one run."""

Listen = Callable[..., list[str]]
Search = Callable[..., None]


def is_in_answer(name: str, place: Place) -> bool:
    """Tell whether a place is inside the body of an answer that is checked."""
    if name == "body":
        return True
    is_native = name.startswith("ndjson") and place[1:3] == ("response", "body")
    is_body = "body" in place if name == "curl" else not {"response", "response_body"}.isdisjoint(place)
    is_elsewhere = "originalRequest" in place or "source" in place
    return is_body and not is_elsewhere and (JSON_TEXT in place or (is_native and len(place) > 3))


NUMBERED = list(enumerate(PLACES))
TEXTS = list(CANARIES.values())


def is_leaf(name: str, place: Place) -> bool:
    """Tell whether there are no places in a place."""
    node = load(name)
    for step in place:
        node = dict(iter_children(node))[step]
    return not any(True for _ in iter_children(node))


def spoiled(number: int, name: str, place: Place) -> list[bytes]:
    """Return the recording with canaries in a place: as its value, as its key, and at times in an object."""
    at = number * EACH % len(CANARIES)
    canaries = list(islice(cycle(CANARIES.values()), at, at + EACH))
    inside = {str(CANARIES["e-mail"]): [CANARIES["plain"], CANARIES["in-text"]]}
    made = [recording(name, place, canary) for canary in (*canaries, *([] if number % 3 else [inside]))]
    return made + [recording(name, place, one, as_key=True) for one in canaries if is_key(place)]


def test_the_formats_are_all_there() -> None:
    without = {Format.JSON, Format.PARQUET}  # read by the reader of bodies, and as native lines
    assert {format_in for format_in, _, _ in FORMATS.values()} == set(Format) - without
    assert {path.stem for path in DATA.iterdir()} == set(FORMATS)


@each("name", FORMATS)
def test_the_recordings_are_read_before_they_are_spoiled(name: str, listen: Listen) -> None:
    format_in, write, _ = FORMATS[name]
    unreadable = 1 if name == "mitmproxy" else 0  # a call that failed; curl's was none of the contract's
    for chosen in (format_in, None):
        *_, said = listen(write(load(name)), format_in=chosen)
        assert f"unreadable_count={unreadable}" in said
        assert "exchanges=0" not in said


@pytest.mark.parametrize("name", FORMATS)
def test_a_canary_is_never_said(name: str, listen: Listen, assert_silent: Search) -> None:
    """One place in fifteen in the usual run."""
    numbered = [(number, place) for number, (one, place) in NUMBERED if one == name][::15]
    recordings = [data for number, place in numbered for data in spoiled(number, name, place)]
    assert_silent(*listen(*recordings, format_in=FORMATS[name][0]), *listen(*recordings[::8]))


@pytest.mark.thorough
@pytest.mark.parametrize("name", FORMATS)
def test_no_canary_is_ever_said(name: str, listen: Listen, assert_silent: Search) -> None:
    """Places far from each other are heard together, as equal findings are told of the first alone."""
    numbered = [(number, place) for number, (one, place) in NUMBERED if one == name]
    for start in range(step := -(-len(numbered) // TOGETHER)):
        together = numbered[start::step]
        recordings = [data for number, place in together for data in spoiled(number, name, place)]
        assert_silent(*listen(*recordings, format_in=FORMATS[name][0]), *listen(*recordings[::8]))


@pytest.mark.parametrize(("step", "count"), [(4, 1), pytest.param(1, 3, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", FORMATS)
def test_a_card_number_in_an_answer_is_found(
    name: str, step: int, count: int, listen: Listen, cards: dict[str, Any]
) -> None:
    """Each place holds as many of the spellings in turn."""
    places = [place for one, place in PLACES if one == name and is_in_answer(name, place)][::step]
    chosen: dict[str, bytes] = {}
    for number, place in enumerate(places):
        for spelling, card in islice(cycle(cards.items()), number, number + count):
            said = f"{place_id(name, place)}: {spelling}"
            if place[-1] not in IDENTIFIERS:
                chosen[said] = recording(name, place, card)
            if is_key(place):
                chosen[f"{said} as a name"] = recording(name, place, card, as_key=True)
    *found, report = listen(*chosen.values(), format_in=FORMATS[name][0])
    missed = [
        said for said, findings in zip(chosen, found, strict=True) if "'card-number-exposed'" not in findings
    ]
    assert not missed
    assert ": error card-number-exposed" in report or not chosen


@pytest.fixture(scope="module")
def spoiled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of recordings with a canary in one place of forty, each place with another."""
    folder = tmp_path_factory.mktemp("spoiled")
    for number, (name, place) in NUMBERED[:: 1 if os.environ.get("OPAY_EVERY_CANARY") else 40]:
        canary, suffix = TEXTS[number % len(TEXTS)], FORMATS[name][2]
        (folder / f"value-{number}{suffix}").write_bytes(recording(name, place, canary))
        if is_key(place):
            (folder / f"key-{number}{suffix}").write_bytes(recording(name, place, canary, as_key=True))
    return folder


@pytest.fixture
def command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., Completed]:
    """Return a function that runs the command where everything that any library logs is heard."""
    caplog.set_level(logging.DEBUG)
    environment = ENVIRONMENT | {"OPAY_PRIVATE_KEY": str(CANARIES["merchant-key"])}

    def run(*arguments: str | Path) -> Completed:
        logging.getLogger("any.library").debug("listening")
        done = run_command(*arguments, cwd=tmp_path, environment=environment)
        done.stderr += caplog.text
        assert "listening" in done.stderr
        return done

    return run


def test_no_stream_file_or_log_of_check_has_a_canary(
    spoiled_folder: Path, tmp_path: Path, assert_silent: Search, command: Callable[..., Completed]
) -> None:
    formats = ("json", "junit", "sarif", "github", "markdown", "html")
    targets = [f"--format={name}={tmp_path / name}" for name in formats]
    done = command("check", "--format=text", *targets, spoiled_folder)
    assert done.returncode == 1, done.stderr
    assert_silent(done.stdout, done.stderr)
    for name in formats:
        report = (tmp_path / name).read_text(encoding="utf-8")
        assert "card-number-exposed" in report, name
        assert_silent(report)


def test_no_stream_file_or_log_of_redact_has_a_canary(
    tmp_path: Path, assert_silent: Search, command: Callable[..., Completed]
) -> None:
    """Each place without others in it, many in a recording; the tests of redact look at one at a time."""
    spoiled_folder, redacted = tmp_path / "spoiled", tmp_path / "redacted"
    spoiled_folder.mkdir()
    for name, (_, write, suffix) in FORMATS.items():
        places = [(number, place) for number, place in NUMBERED if place[0] == name and is_leaf(*place)]
        for start in range(each := 2):
            value = load(name)
            for number, (_, place) in places[start::each]:
                value = plant(value, place, TEXTS[number % len(TEXTS)])
            (spoiled_folder / f"{name}-{start}{suffix}").write_bytes(write(value))
    proof = command("redact", "--verify", spoiled_folder)
    assert proof.returncode == 1, proof.stderr
    done = command("redact", spoiled_folder, "-o", redacted)
    assert done.returncode == 4, done.stderr
    assert_silent(proof.stdout, proof.stderr, done.stdout, done.stderr)
    written = list(redacted.iterdir())
    assert len(written) > len(FORMATS) * (each - 1)
    assert_silent(*(path.read_bytes() for path in written))
    again = command("redact", "--verify", redacted)
    assert (again.returncode, again.stdout.count("\n")) == (0, 1), again.stdout + again.stderr
