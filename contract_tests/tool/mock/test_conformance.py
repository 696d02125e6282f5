"""`check` finds nothing in what the mock answers, whatever it is asked."""

import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.mock.records import RecordBook
from opay_contract.mock.scenarios import MAGIC, build_scenarios
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Authentication, Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.signing.signer import SignatureScheme, UnsignableBody, sign, verify

CONTRACT = load_contract()
SCHEME = CONTRACT.signature
KEY = Credentials().private_key
NO_DRIFT = [name for name, scenario in build_scenarios(CONTRACT.operations).items() if not scenario.rules]
TOKEN = next(token for stored in RecordBook(CONTRACT).made_up(50, 1) for token in stored.items)

texts = st.text(max_size=12) | st.text(alphabet='{}[]",:\\u0d8/<&', max_size=8)
ids = st.sampled_from([f"customer-{number}" for number in range(1, 60)]) | texts
ids |= st.sampled_from([MAGIC + name for name in NO_DRIFT])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
queries = (
    st.fixed_dictionaries({"customerId": ids})
    | st.fixed_dictionaries({"opayToken": st.just(TOKEN) | texts})
    | st.fixed_dictionaries({}, optional={"customerId": ids | values, "opayToken": values, "page": values})
    | st.dictionaries(texts, values, max_size=3)
    | values
)
spaces = st.sampled_from([None, 1])
written = st.builds(
    lambda value, ascii_, indent: json.dumps(value, ensure_ascii=ascii_, indent=indent).encode(
        errors="surrogatepass"
    ),
    queries,
    st.booleans(),
    spaces,
)
canonical = st.builds(
    lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        errors="surrogatepass"
    ),
    queries,
)


def damage(body: bytes, place: int, junk: bytes) -> bytes:
    cut = place % (len(body) + 1)
    return body[:cut] + junk + body[cut:]


bodies = (
    written
    | canonical
    | st.builds(damage, written, st.integers(0, 50), st.binary(max_size=2))
    | st.binary(max_size=40)
    | st.sampled_from(
        [b"[" * 100_000, b'{"customerId":"a","customerId":"b"}', b'{"customerId":NaN}', b"null"]
    )
)


def header_of(body: bytes, form: str | None) -> str:
    try:
        return sign(body, KEY, _scheme(), non_ascii=form).header
    except UnsignableBody:
        return "Bearer " + "0" * 128


def _scheme() -> SignatureScheme:
    assert SCHEME is not None
    return SCHEME


@pytest.fixture(scope="module")
def mock(in_process: Any) -> Iterator[Any]:
    with Store() as store:
        store.add(RecordBook(CONTRACT).made_up(50, 1))
        # With an HTTP error for another content type, the mock's answer is drift by that choice.
        yield in_process(contract=CONTRACT, store=store).build("wrong-content-type=business-error")


@settings(max_examples=80, deadline=None)
@given(
    body=bodies,
    form=st.sampled_from(["raw", "escaped"]),
    signature=st.none() | st.none() | st.text(alphabet=st.characters(max_codepoint=255), max_size=10),
    content_type=st.sampled_from(
        ["application/json", "application/json; charset=UTF-8", "text/plain", "", "*/*"]
    ),
    merchant=st.sampled_from(["256612345678901"] * 4 + ["", "1", "256612345678901 ", "\xff"]),
    scenario=st.sampled_from(["", "", *NO_DRIFT]),
    method=st.sampled_from(["POST"] * 6 + ["GET", "PUT", "HEAD", "OPTIONS", "X"]),
)
@example(
    body=b'{"customerId":"a"}',
    form="raw",
    signature=None,
    content_type="application/json",
    merchant="256612345678901",
    scenario="",
    method="POST",
)
def test_check_finds_nothing_in_any_answer(  # noqa: PLR0913, PLR0917  a request's parts
    mock: Any,
    body: bytes,
    form: str,
    signature: str | None,
    content_type: str,
    merchant: str,
    scenario: str,
    method: str,
) -> None:
    fields = {
        "content-type": content_type,
        "merchantid": merchant,
        "authorization": header_of(body, form) if signature is None else signature,
        "x-mock-scenario": scenario,
    }
    exchange = mock.send(method, fields, body)
    assert findings_of_answer(exchange) == []


def findings_of_answer(exchange: Exchange) -> list[str]:
    run = Settings(started_at=0, private_key=KEY)
    findings = check_exchange(CONTRACT, exchange, CONTRACT.match(exchange), run)
    return [finding.rule.id for finding in findings if not finding.pointer.startswith("request")]


@settings(max_examples=80, deadline=None)
@given(
    body=written | canonical,
    signed=st.none() | canonical,
    form=st.sampled_from(["raw", "escaped"]),
    prefix=st.sampled_from(["Bearer ", "Bearer ", "Bearer", "bearer ", "Bearer  "]),
)
def test_the_quick_way_to_verify_agrees_with_the_careful_one(
    body: bytes, signed: bytes | None, form: str, prefix: str
) -> None:
    authentication = Authentication(Credentials(), _scheme())
    header = prefix + header_of(body if signed is None else signed, form).removeprefix("Bearer ")
    careful = verify(body, header, KEY, _scheme()).ok
    try:
        _, is_canonical = authentication.read(body)
        quick = authentication.holds(body, header.encode(), is_canonical=is_canonical)
    except UnsignableBody:
        quick = False
    assert quick is careful


def test_text_that_is_signed_as_sent_but_not_canonical_is_refused(mock: Any) -> None:
    body = b'{ "customerId": "customer-1" }'
    header = "Bearer " + hmac.digest(KEY.encode(), body, "sha512").hex()
    assert json.loads(mock.ask(body, authorization=header).response.body)["code"] == "02000"
