"""A canary in every place of every format, one at a time: nothing of it is left, and findings stay."""

import json
import os
from typing import Any

import pytest
from contract_tests.tool.whole.leaks.canaries import CANARIES, NAMES, find_canaries
from contract_tests.tool.whole.leaks.planting import (
    FORMATS,
    PLACES,
    REDACTED,
    Place,
    is_key,
    iter_places,
    load,
    place_id,
    plant,
    recording,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opay_contract.formats.table import Format

pytestmark = pytest.mark.thorough

EVERY = os.environ.get("OPAY_EVERY_CANARY")
"""Set it to plant every canary in every place, which takes minutes; else each place gets one in turn."""

NUMBERED = {
    name: [(number, place) for number, (one, place) in enumerate(PLACES) if one == name] for name in REDACTED
}
"""The places of each format; a test walks all of one."""

_TURN = 1 if EVERY else 8
"""Of how many places one gets a name, or a name and a value, or is looked at for its findings."""


def forms(place: Place) -> list[tuple[str, bool]]:
    """Return the canaries of a place by their labels, and whether they stand for its name."""
    return [
        (label, as_key) for label in CANARIES for as_key in ((False, True) if is_key(place) else (False,))
    ]


def check(label: str, data: bytes, format_in: Format, redact: Any, verdict: Any | None) -> None:
    written = redact(data, format_in)
    said = "\n".join(map(str, (written.tally, written.replaced)))
    assert find_canaries(written.data) == [], label
    assert find_canaries(said) == [], label
    if verdict is not None:
        assert verdict(written.data, format_in) == verdict(data, format_in), label
        assert redact(written.data, format_in).data == written.data, label


@pytest.mark.parametrize("name", REDACTED)
def test_nothing_of_a_canary_is_left(name: str, redact: Any, verdict: Any) -> None:
    for number, place in NUMBERED[name]:
        planted = forms(place)
        for label, as_key in planted if EVERY else [planted[number % len(planted)]]:
            judged = verdict if number % _TURN == 0 else None
            data = recording(name, place, CANARIES[label], as_key=as_key)
            check(f"{place_id(name, place)} {label} {as_key=}", data, FORMATS[name][0], redact, judged)


@pytest.mark.parametrize("name", REDACTED)
def test_nothing_of_a_name_is_left(name: str, redact: Any, verdict: Any) -> None:
    labels = list(NAMES)
    for number, place in NUMBERED[name][::_TURN]:
        if is_field_name(place) or (name in ("postman", "newman") and place[-1] == "key"):
            continue  # a name in place of a name
        for label in labels if EVERY else [labels[number % len(labels)]]:
            data = recording(name, place, NAMES[label])
            check(f"{place_id(name, place)} {label}", data, FORMATS[name][0], redact, verdict)


def is_field_name(place: Place) -> bool:
    """Tell whether a value is the name of a header field, or in place of one."""
    if "headers" not in place and "trailers" not in place and "header" not in place:
        return False
    within = place[max(i for i, step in enumerate(place) if step in ("headers", "trailers", "header")) + 1 :]
    is_pair = len(within) in (1, 2) and isinstance(within[0], int) and within[1:] in ((), (0,))
    return is_pair or within[1:] in (("name",), ("key",))


@pytest.mark.parametrize("name", REDACTED)
def test_a_value_is_no_name_anywhere_in_the_file(name: str, redact: Any, verdict: Any) -> None:
    value = load(name)
    for number, place in [one for one in NUMBERED[name] if is_key(one[1])][::_TURN]:
        key = [NAMES[form] for form in ("hyphened", "dotted-name", "camel", "id")][number % 4]
        where = next((one for one in iter_places(value) if one[-1] == "customerId"), place)
        if place in (where[: len(place)], where):
            continue
        planted = plant(plant(value, place, key, as_key=True), where, key)
        check(place_id(name, place), FORMATS[name][1](planted), FORMATS[name][0], redact, verdict)


def test_nothing_of_a_canary_is_left_in_one_document(redact: Any, verdict: Any) -> None:
    value = load("ndjson")
    for number, place in enumerate(iter_places(value)):
        label, canary = list(CANARIES.items())[number % len(CANARIES)]
        check(label, json.dumps(plant(value, place, canary)).encode(), Format.JSON, redact, verdict)


DAMAGE = st.binary(max_size=2) | st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"null", b"* ", b"> ", b"< ", b"0", b"9", b";", b"~"]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.data())
def test_damage_to_a_recording_keeps_nothing_of_a_canary_and_every_finding(
    choices: st.DataObject, redact: Any, verdict: Any
) -> None:
    name = choices.draw(st.sampled_from(["mitmproxy", "postman", "newman", "curl"]))
    place = choices.draw(st.sampled_from([place for one, place in PLACES if one == name]))
    data = bytearray(recording(name, place, choices.draw(st.sampled_from(list(CANARIES.values())))))
    for _ in range(choices.draw(st.integers(1, 2))):
        at = choices.draw(st.integers(0, len(data)))
        data[at : at + choices.draw(st.sampled_from([0, 1, 5, 40]))] = choices.draw(DAMAGE)
    format_in = FORMATS[name][0]
    written = redact(bytes(data), format_in)
    if not written.tally.entries:
        return  # nothing of it can be read, so nothing is written
    assert find_canaries(written.data) == []
    assert find_canaries(repr((written.tally, written.replaced))) == []
    assert verdict(written.data, format_in)[2:] == verdict(bytes(data), format_in)[2:]
    again = redact(written.data, format_in)
    assert (again.data, again.replaced) == (written.data, [])


def test_the_search_finds_every_canary_that_is_left_alone() -> None:
    for label, canary in CANARIES.items():
        assert find_canaries(json.dumps({"note": canary}).encode()), label
        assert find_canaries(json.dumps({"note": canary}, ensure_ascii=False).encode()), label
        assert find_canaries(json.dumps(list(str(canary).encode())).encode()), label
