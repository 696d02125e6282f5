"""Certificates that a target shows: trusted, unknown, or none where there is no TLS."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.responses import JSONResponse

from opay_contract.errors import UnreachableError
from opay_contract.mock.serving import running
from opay_contract.suite.client import Client, RatePolicy

HOUR = timedelta(hours=1)


def test_a_target_without_tls_or_with_a_certificate_of_its_own_is_told_apart_from_one_that_is_down(
    tmp_path: Path,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names, now = [x509.DNSName("localhost")], datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - HOUR, now + HOUR)
    made = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, SHA256())
    file, secret = tmp_path / "trusted.pem", tmp_path / "key.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with_tls: dict[str, Any] = {"ssl_certfile": file, "ssl_keyfile": secret}
    for options, certificates, said in (
        ({}, None, "speak https"),
        (with_tls, None, "REQUESTS_CA_BUNDLE"),
        (with_tls, str(file), None),
    ):
        with running(JSONResponse({}), None, **options) as url:
            client = Client(RatePolicy(tries=3), certificates=certificates)
            address = url.replace("http:", "https:").replace("127.0.0.1", "localhost")
            with pytest.raises(UnreachableError, match=said) if said else nullcontext():
                client.send("POST", address, {}, b"")
            assert client.sent == 1
            client.close()
