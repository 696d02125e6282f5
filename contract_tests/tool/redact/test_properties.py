"""Whatever was recorded: findings stay, a second redaction changes nothing, and no text is left."""

import json
from typing import Any

from contract_tests.tool.redact.writers import in_every_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from opay_contract.formats.content_coding import encode_body
from opay_contract.formats.native import parse_line
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.model.exchange import Exchange, Place, Request, Response

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[0-9 +-]{1,20}", fullmatch=True),
    st.sampled_from(
        ["4111111111111111", "5555 5555 5555 4444", "a@b.co", "OPAYPRV12345", "٤١١١١١١١١١١١١١١١"]
    ),
    st.from_regex(r"OPAY_TOKEN_[0-9a-f]{32}", fullmatch=True),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
MEMBERS = ("customerId", "customerName", "customerEmail", "customerMobile")
TOKEN_MEMBERS = (
    "opayToken",
    "brand",
    "createTimestamp",
    "lastFourDigits",
    "firstSixDigits",
    "expiryMonth",
    "x",
)
customers = st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, values))
tokens = st.fixed_dictionaries({}, optional=dict.fromkeys(TOKEN_MEMBERS, values))
answers = st.fixed_dictionaries(
    {"code": st.sampled_from(["00000", "02000", "77"])},
    optional={
        "message": texts,
        "data": st.one_of(
            values, st.fixed_dictionaries({"customer": customers, "cardTokens": st.lists(tokens, max_size=3)})
        ),
        "extra": values,
    },
)
requests = st.one_of(st.fixed_dictionaries({"customerId": texts}), st.dictionaries(texts, values, max_size=2))


def line(request: Any, answer: Any, header: str = "x") -> bytes:
    return json.dumps(
        {
            "request": {"method": "POST", "url": URL, "headers": {"X-Note": header}, "body": request},
            "response": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": answer},
            "recorded_at": "2026-05-01T10:00:00Z",
        }
    ).encode()


@QUICK
@given(request_=requests, answer=answers, header=texts)
def test_findings_and_readings_stay(
    request_: Any, answer: Any, header: str, redact: Any, verdict: Any
) -> None:
    data = line(request_, answer, header)
    written = redact(data)
    assert verdict(written.data) == verdict(data)
    assert redact(written.data).data == written.data


lines = st.builds(line, requests, answers, texts.map(lambda text: " ".join(text.split())))


@settings(QUICK, max_examples=6)
@given(data=lines, coding=st.sampled_from(["", "gzip", "zstd", "br"]))
def test_findings_and_readings_stay_in_every_format(
    data: bytes, coding: str, redact: Any, verdict: Any
) -> None:
    found = parse_line(Place(source=0, entry=1, file="-"), data)
    assert isinstance(found, Exchange)
    coded = structs.replace(found, response=_coded(found.response, coding))
    for format_in, recording in in_every_format([found], [data])[7:] + in_every_format([coded], [data])[7:]:
        written = redact(recording, format_in)
        assert verdict(written.data, format_in) == verdict(recording, format_in), format_in
        again = redact(written.data, format_in)
        assert (again.data, again.replaced) == (written.data, []), format_in


def _coded(response: Response, coding: str) -> Response:
    headers = (*(response.headers or ()), ("Content-Encoding", coding)) if coding else response.headers
    return structs.replace(response, headers=headers, body=encode_body(response.body, headers))


@QUICK
@given(
    tail=st.binary(max_size=60),
    head=st.sampled_from([b'{"customerName": "', b'{"a": [1, "', b"", b"<p>", b"\xef\xbb\xbf{"]),
)
def test_broken_bodies_stay_broken(tail: bytes, head: bytes, make_redactor: Any) -> None:
    redactor = make_redactor()
    exchange = _exchange(head + tail)
    old, new = parse_json(exchange.response.body), parse_json(redactor.exchange(exchange).response.body)
    assert type(old) is type(new)
    if isinstance(old, NotJson) and isinstance(new, NotJson):
        assert old.truncated == new.truncated


def _exchange(body: bytes) -> Any:
    return Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(),
        response=Response(status=200, body=body),
    )


@QUICK
@given(name=st.text("acdefghilmnoprstuyACDEFGHILMNOPRSTUY أميرةكناري金絲雀夫人", min_size=3, max_size=20))
def test_no_letter_of_a_name_is_left(name: str, make_redactor: Any) -> None:
    made = make_redactor().values.texts.redact(name)
    assert not set(name) - {" "} & set(made)
