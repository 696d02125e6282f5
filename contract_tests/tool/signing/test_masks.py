"""What stands in a signature's header is an attempt at a signature, or a mask, told by its form."""

import base64
import hashlib
import json

import pytest
from contract_tests.usual import each
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.signing.signer import is_mask

PREFIX = "Bearer "
DIGEST = hashlib.sha512(b"anything").digest()
HEX = DIGEST.hex()

ATTEMPTS = [
    HEX,
    HEX.upper(),
    HEX[:100],
    HEX[:16],
    "0" * 128,
    f"0x{HEX}",
    ":".join(HEX[start : start + 2] for start in range(0, 128, 2)),
    base64.b64encode(DIGEST).decode(),
    base64.urlsafe_b64encode(DIGEST).decode().rstrip("="),
    base64.b64encode(HEX.encode()).decode(),
    hashlib.sha256(b"anything").hexdigest(),
    f'"{HEX}"',
]
MASKS = [
    "DUMMY",
    "XXXX",
    "X" * 128,
    "x" * 64,
    "0" * 64,
    "X" * 86,
    "*" * 128,
    "<filtered>",
    "[REDACTED]",
    "{{signature}}",
    "$SIGNATURE",
    "REPLACED_BY_OUR_TOOLS_1",
    "fake-signature",
    f"{HEX[:8]}...{HEX[-8:]}",
    f"{HEX[:60]}****",
    "",
]


@each("prefix", [PREFIX, "", "bearer ", "Token "])
def test_a_digest_in_any_writing_is_an_attempt(prefix: str) -> None:
    assert [one for one in ATTEMPTS if is_mask(prefix + one, PREFIX)] == []


@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_words_and_repeated_characters_are_masks(prefix: str) -> None:
    assert [one for one in MASKS if not is_mask(prefix + one, PREFIX)] == []


@given(st.binary(min_size=64, max_size=64))
def test_no_digest_is_ever_taken_for_a_mask(data: bytes) -> None:
    digest = hashlib.sha512(data).digest()
    assert not is_mask(PREFIX + digest.hex(), PREFIX)
    assert not is_mask(PREFIX + base64.b64encode(digest).decode(), PREFIX)


def test_a_mask_is_not_judged_and_an_attempt_is() -> None:
    contract = load_contract()
    settings = Settings(started_at=1_790_000_000.0, private_key="OPAYPRV_TEST_SYNTHETIC_0001")

    def rules(value: str) -> set[str]:
        fold = Fold(contract, settings)
        url = f"https://{contract.servers[0].host}{contract.servers[0].prefix}{contract.operations[0].path}"
        answer = {"code": "00000", "message": "SUCCESSFUL", "data": {}}
        request = Request(
            method="POST", url=url, headers=(("Authorization", PREFIX + value),), body=b'{"customerId":"1"}'
        )
        response = Response(status=200, body=json.dumps(answer).encode())
        place = Place(source=0, entry=1, file="-")
        return {
            finding.rule.id
            for finding in fold.check(Exchange(place=place, request=request, response=response))
        }

    assert all("signature-mismatch" in rules(value) for value in ATTEMPTS)
    assert not any("signature-mismatch" in rules(value) for value in MASKS)
