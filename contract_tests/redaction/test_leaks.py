"""A canary in every place of every format, one at a time: nothing of it is left, and findings stay."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from contract_tests.leaks.canaries import CANARIES, find_canaries
from contract_tests.leaks.planting import (
    FORMATS,
    PLACES,
    Place,
    is_key,
    iter_places,
    load,
    place_id,
    plant,
    recording,
)

from opay_contract.recordings.formats import Format

pytestmark = pytest.mark.thorough

EVERY = os.environ.get("OPAY_EVERY_CANARY")
"""Set it to plant every canary in every place, which takes minutes; else each place gets one in turn."""

VALUES = [
    pytest.param(name, place, number, id=place_id(name, place)) for number, (name, place) in enumerate(PLACES)
]


def recordings(name: str, place: Place) -> Iterator[tuple[str, bytes]]:
    for label, canary in CANARIES.items():
        yield label, recording(name, place, canary)
        if is_key(place):
            yield f"{label} as key", recording(name, place, canary, as_key=True)


def check(label: str, data: bytes, format_in: Format, redact: Any, verdict: Any) -> None:
    written = redact(data, format_in)
    said = "\n".join(map(str, (written.tally, written.replaced)))
    assert find_canaries(written.data) == [], label
    assert find_canaries(said) == [], label
    assert verdict(written.data, format_in) == verdict(data, format_in), label
    assert redact(written.data, format_in).data == written.data, label


@pytest.mark.parametrize(("name", "place", "number"), VALUES)
def test_nothing_of_a_canary_is_left(name: str, place: Place, number: int, redact: Any, verdict: Any) -> None:
    planted = list(recordings(name, place))
    for label, data in planted if EVERY else [planted[number % len(planted)]]:
        check(label, data, FORMATS[name][0], redact, verdict)


def test_nothing_of_a_canary_is_left_in_one_document(redact: Any, verdict: Any) -> None:
    value = load("ndjson")
    for number, place in enumerate(iter_places(value)):
        label, canary = list(CANARIES.items())[number % len(CANARIES)]
        check(label, json.dumps(plant(value, place, canary)).encode(), Format.JSON, redact, verdict)


def test_the_search_finds_every_canary_that_is_left_alone() -> None:
    for label, canary in CANARIES.items():
        assert find_canaries(json.dumps({"note": canary}).encode()), label
        assert find_canaries(json.dumps({"note": canary}, ensure_ascii=False).encode()), label
        assert find_canaries(json.dumps(list(str(canary).encode())).encode()), label
