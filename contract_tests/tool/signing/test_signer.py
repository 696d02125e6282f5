"""Signatures against published vectors, and every way in which a header can fail."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import yaml
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.signing.signer import (
    SignatureFault,
    SignatureScheme,
    UnsignableBody,
    Verification,
    sign,
    verify,
)

SYNTHETIC = "OPAYPRV_TEST_SYNTHETIC_0001"
PUBLISHED = "OPAYPRV_test_secret"
BODY = b'{"customerId":"121111113"}'
BODY_SIGNED = (
    "241fe541e76fd4a3b0b13a2e322bbe8063513849eb5de0b56373af626d8b726b"
    "302f7c5020cfc7b667cafc16a98e73b9bab2caf61daa1770e497028b666c92d5"
)
SLASHES_SIGNED = (
    "ac6d99b43ce8e6a78224acce11c377f783602852445db4c6ac3710e9efff9178"
    "0930774677784528675df3534a603c2b4acd55d7e44c35fa70e2480ad029799d"
)
EMPTY_SIGNED = (
    "4be380fb478ae982b8c5633ad67e9e9c3a24aff3f5ee14e47460a3a20de50352"
    "41f0636b59d679cf542f04c8a79cad68e3cd5a4f0a9e49ad3dac40024469bf79"
)
PUBLISHED_SIGNED = (
    "57a6d24dc5562213429d3793e07d84b231b57099a88f313b3ac74adacad0b22b"
    "50a3b21de790793a4dbaa5d99a6de10d59fa9b2560a0e2c5b7429320a9ba6342"
)


@each(
    ("key", "text", "value"),
    [
        (SYNTHETIC, BODY.decode(), BODY_SIGNED),
        (SYNTHETIC, '{"customerId":"shop/eg/42"}', SLASHES_SIGNED),
        (SYNTHETIC, '{"customerId":""}', EMPTY_SIGNED),
        (PUBLISHED, '{"country":"NG","reference":"96315454"}', PUBLISHED_SIGNED),
    ],
)
def test_published_vectors(key: str, text: str, value: str, scheme: SignatureScheme) -> None:
    signature = sign(text.encode(), key, scheme)
    assert (signature.text, signature.value, signature.header) == (text, value, f"Bearer {value}")
    assert signature.non_ascii == "raw"
    assert verify(text.encode(), f"Bearer {value}", key, scheme) == Verification()


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        (rb'{ "customerId" : "shop\/eg\/42" }', SYNTHETIC, SLASHES_SIGNED),
        (b'{"reference":"96315454",\n"country":"NG"}', PUBLISHED, PUBLISHED_SIGNED),
    ],
)
def test_sent_order_space_and_slashes_do_not_matter(
    body: bytes, key: str, value: str, scheme: SignatureScheme
) -> None:
    assert sign(body, key, scheme).value == value
    assert verify(body, f"Bearer {value}", key, scheme).ok


def test_the_contract_has_the_scheme_that_these_tests_prove(scheme: SignatureScheme) -> None:
    contract = Path(__file__).parents[3] / "openapi.yaml"
    stated = yaml.safe_load(contract.read_text("utf-8"))["components"]["securitySchemes"]["opaySignature"]
    stated = stated["x-signature"]
    canonical = stated["canonical-json"]
    assert scheme == SignatureScheme(
        header=stated["header"],
        prefix=stated["prefix"],
        algorithm=stated["algorithm"],
        encoding=stated["encoding"],
        sort_keys=canonical["sort-keys"],
        item_separator=canonical["item-separator"],
        key_separator=canonical["key-separator"],
        escape_slashes=canonical["escape-slashes"],
        non_ascii=tuple(canonical["non-ascii"]),
    )


def test_verify_tells_which_form_was_signed(scheme: SignatureScheme, key: str) -> None:
    body = '{"customerId":"José"}'.encode()
    for form in ("raw", "escaped"):
        header = sign(body, key, scheme, non_ascii=form).header
        assert verify(body, header, key, scheme) == Verification(non_ascii=form)
        other = replace(scheme, non_ascii=tuple({"raw", "escaped"} - {form}))
        assert verify(body, header, key, other).reason is SignatureFault.MISMATCH


@each(
    ("header", "reason"),
    [
        ("", "malformed-header"),
        ("Bearer", "malformed-header"),
        (BODY_SIGNED, "malformed-header"),
        (f"Bearer{BODY_SIGNED}", "malformed-header"),
        (f"bearer {BODY_SIGNED}", "malformed-header"),
        (f"Bearer  {BODY_SIGNED}", "malformed-header"),
        (f"Bearer {BODY_SIGNED}\n", "malformed-header"),
        ("Bearer ", "wrong-length"),
        (f"Bearer {BODY_SIGNED[:-1]}", "wrong-length"),
        (f"Bearer {BODY_SIGNED}0", "wrong-length"),
        (f"Bearer {BODY_SIGNED.upper()}", "not-lower-hex"),
        (f"Bearer {BODY_SIGNED[:-1]}g", "not-lower-hex"),
        (f"Bearer {BODY_SIGNED[:-1]}٣", "not-lower-hex"),
        (f"Bearer {BODY_SIGNED[:-1]}\ud800", "not-lower-hex"),
        (f"Bearer {BODY_SIGNED[:-1]}4", "mismatch"),
    ],
)
def test_a_header_that_fails_says_why(header: str, reason: str, scheme: SignatureScheme, key: str) -> None:
    verification = verify(BODY, header, key, scheme)
    assert (verification.ok, bool(verification), verification.reason) == (False, False, reason)


def test_an_unsignable_body_is_a_reason_and_not_an_exception(scheme: SignatureScheme, key: str) -> None:
    body = b'{"a":1,"a":2}'
    read = parse_json(body)
    assert isinstance(read, Parsed)
    for known in (None, read):
        verification = verify(body, f"Bearer {BODY_SIGNED}", key, scheme, known)
        assert verification == Verification(reason=SignatureFault.UNSIGNABLE_BODY)


def test_another_key_is_a_mismatch(scheme: SignatureScheme) -> None:
    assert verify(BODY, f"Bearer {BODY_SIGNED}", SYNTHETIC, scheme)
    assert verify(BODY, f"Bearer {BODY_SIGNED}", PUBLISHED, scheme).reason is SignatureFault.MISMATCH


@pytest.mark.parametrize("key", ["", " \n"])
def test_an_empty_key_is_a_usage_error_whatever_else_is_wrong(key: str, scheme: SignatureScheme) -> None:
    with pytest.raises(UsageError, match="the signing key is empty"):
        sign(b"not JSON", key, scheme)
    with pytest.raises(UsageError, match="the signing key is empty"):
        verify(b"not JSON", "no header", key, scheme)


@pytest.mark.parametrize("change", [{"algorithm": "hmac-sha256"}, {"encoding": "base64"}])
def test_a_scheme_that_cannot_be_computed_is_a_contract_error(
    change: dict[str, str], scheme: SignatureScheme, key: str
) -> None:
    other = replace(scheme, **change)
    with pytest.raises(ContractError, match="expected algorithm hmac-sha512 and encoding hex-lower"):
        sign(BODY, key, other)
    with pytest.raises(ContractError):
        verify(BODY, f"Bearer {BODY_SIGNED}", key, other)


def test_header_and_prefix_come_from_the_scheme(scheme: SignatureScheme, key: str) -> None:
    other = replace(scheme, header="X-Signature", prefix="")
    assert sign(BODY, key, other).header == BODY_SIGNED
    assert verify(BODY, BODY_SIGNED, key, other).ok
    assert verify(BODY, f"Bearer {BODY_SIGNED}", key, other).reason is SignatureFault.WRONG_LENGTH


def test_neither_key_nor_text_nor_digits_show_in_a_repr(scheme: SignatureScheme, key: str) -> None:
    signature = sign(BODY, key, scheme)
    assert repr(signature) == "Signature(...)"
    assert signature.value not in repr(verify(BODY, signature.header, key, scheme))


@each("body", [b'{"a":"CANARY_VALUE', b'{"a":"CANARY_VALUE","a":"CANARY_VALUE"}', b"CANARY_VALUE"])
@each("key", ["CANARY_KEY", "CANARY_KEY\ud800"])
def test_no_error_or_its_context_holds_key_or_value(body: bytes, key: str, scheme: SignatureScheme) -> None:
    with pytest.raises((UnsignableBody, UsageError)) as caught:
        sign(body, key, scheme)
    assert caught.value.__context__ is None
    assert "CANARY" not in "".join(traceback.format_exception_only(caught.value)) + repr(vars(caught.value))


def test_signing_does_without_requests() -> None:
    loaded = "import sys, opay_contract.signing.signer; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
