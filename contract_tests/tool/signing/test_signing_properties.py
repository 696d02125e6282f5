"""What holds for every body: checked against a second writer of canonical JSON that shares no code."""

import copy
import hashlib
import hmac
import json
import random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opay_contract.signing.signer import SignatureScheme, Verification, sign, verify

FORMS = st.sampled_from(["raw", "escaped"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.text('/\\"u0041\x7fé😀\uffee', max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=6), VALUES, max_size=5)
RANDOMS = st.randoms(use_true_random=False)
SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _oracle_text(value: Any, form: str) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{_oracle_string(k, form)}:{_oracle_text(value[k], form)}" for k in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(_oracle_text(item, form) for item in value) + "]"
    if isinstance(value, str):
        return _oracle_string(value, form)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _oracle_string(text: str, form: str) -> str:
    return '"' + "".join(_oracle_character(character, form) for character in text) + '"'


def _oracle_character(character: str, form: str) -> str:
    point = ord(character)
    if character in SHORT_ESCAPES:
        return SHORT_ESCAPES[character]
    if point < 0x20:
        return f"\\u{point:04x}"
    if point < 0x80 or form == "raw":
        return character
    if point < 0x10000:
        return f"\\u{point:04x}"
    return f"\\u{0xD800 + ((point - 0x10000) >> 10):04x}\\u{0xDC00 + ((point - 0x10000) & 0x3FF):04x}"


def _written_anyhow(value: Any, rng: random.Random) -> bytes:
    """Write `value` in one of the many ways that mean the same: order, white space and escapes vary."""
    text = json.dumps(
        _shuffled(value, rng),
        indent=rng.choice([None, 0, 3, "\t"]),
        separators=rng.choice([(",", ":"), (" , ", " : "), (",\r\n", ":\t")]),
        ensure_ascii=rng.random() < 0.5,
    )
    return (rng.choice(["", " \n"]) + (text.replace("/", "\\/") if rng.random() < 0.5 else text)).encode()


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        members = [(key, _shuffled(child, rng)) for key, child in value.items()]
        rng.shuffle(members)
        return dict(members)
    return [_shuffled(item, rng) for item in value] if isinstance(value, list) else value


def _containers(value: Any) -> list[Any]:
    """Return every object and array in `value` that has something in it."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    below = [found for child in children for found in _containers(child)]
    return [value, *below] if children else below


@settings(deadline=None, max_examples=40)
@given(value=BODIES, form=FORMS, rng=RANDOMS)
def test_a_second_implementation_agrees(
    value: dict[str, Any], form: str, rng: random.Random, scheme: SignatureScheme, key: str
) -> None:
    signature = sign(_written_anyhow(value, rng), key, scheme, non_ascii=form)
    text = _oracle_text(value, form)
    assert signature.text == text
    assert signature.value == hmac.new(key.encode(), text.encode(), hashlib.sha512).hexdigest()


@settings(deadline=None, max_examples=40)
@given(value=BODIES, form=FORMS)
def test_the_standard_library_agrees_but_for_del(
    value: dict[str, Any], form: str, scheme: SignatureScheme, key: str
) -> None:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=form == "escaped")
    assume("\\u007f" not in text)
    assert sign(json.dumps(value).encode(), key, scheme, non_ascii=form).text == text


@settings(deadline=None, max_examples=40)
@given(value=BODIES, form=FORMS, first=RANDOMS, second=RANDOMS)
def test_what_is_signed_verifies_however_the_body_is_sent(  # noqa: PLR0913, PLR0917
    value: dict[str, Any],
    form: str,
    first: random.Random,
    second: random.Random,
    scheme: SignatureScheme,
    key: str,
) -> None:
    signature = sign(_written_anyhow(value, first), key, scheme, non_ascii=form)
    seen = None if _oracle_text(value, "raw").isascii() else form
    assert verify(_written_anyhow(value, second), signature.header, key, scheme) == Verification(
        non_ascii=seen
    )


@settings(deadline=None, max_examples=40)
@given(value=BODIES, form=FORMS, scalar=SCALARS, name=st.text(max_size=6), data=st.data())
def test_any_other_value_or_key_has_another_signature(  # noqa: PLR0913, PLR0917
    value: dict[str, Any],
    form: str,
    scalar: Any,
    name: str,
    data: st.DataObject,
    scheme: SignatureScheme,
    key: str,
) -> None:
    changed = copy.deepcopy(value)
    places = _containers(changed)
    assume(places)
    place = data.draw(st.sampled_from(range(len(places))).map(places.__getitem__), label="place")
    index = data.draw(
        st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))), label="index"
    )
    if isinstance(place, dict) and data.draw(st.booleans(), label="rename"):
        assume(name not in place)
        place[name] = place.pop(index)
    else:
        assume(repr(place[index]) != repr(scalar))
        place[index] = scalar
    header = sign(json.dumps(value).encode(), key, scheme, non_ascii=form).header
    sent = json.dumps(changed).encode()
    assert sign(sent, key, scheme, non_ascii=form).header != header
    assert not verify(sent, header, key, scheme).ok
