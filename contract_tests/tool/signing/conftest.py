"""What every test of signing needs: a scheme and a key."""

import pytest

from opay_contract.signing.signer import SignatureScheme


@pytest.fixture(scope="session")
def scheme() -> SignatureScheme:
    return SignatureScheme(
        header="Authorization",
        prefix="Bearer ",
        algorithm="hmac-sha512",
        encoding="hex-lower",
        sort_keys=True,
        item_separator=",",
        key_separator=":",
        escape_slashes=False,
        non_ascii=("raw", "escaped"),
    )


@pytest.fixture(scope="session")
def key() -> str:
    return "OPAYPRV_TEST_SYNTHETIC_0001"
