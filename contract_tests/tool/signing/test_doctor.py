"""The doctor names what clients do wrong; signatures here are made without the package's own signing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from itertools import combinations

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from opay_contract.cli.test import sign as sign_command
from opay_contract.model.exchange import Request
from opay_contract.signing.doctor import (
    MOST_BODY,
    Diagnosis,
    Doctor,
    diagnose,
    diagnose_request,
)
from opay_contract.signing.signer import PUBLIC_TEST_KEY, SignatureScheme

ASKED = {"customerId": "shop/42 <متجر>"}
BODY = json.dumps(ASKED, ensure_ascii=False, separators=(",", ":")).encode()
MERCHANT = "256612345678901"
URL = "https://sandbox.test/api/v1/international/token/query?trace=7"
OTHER_KEYS = {"the public key": "OPAYPUB_TEST_SYNTHETIC_0002"}
Diagnose = Callable[..., Diagnosis]


@pytest.fixture(scope="session")
def explain(scheme: SignatureScheme, key: str) -> Diagnose:
    """Diagnose a header beside a body, `BODY` unless given."""
    return lambda header, body=BODY: diagnose(
        body, header, key, scheme, url=URL, merchant_id=MERCHANT, other_keys=OTHER_KEYS
    )


def digits(text: str | bytes, key: str | bytes, algorithm: str = "sha512") -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return hmac.new(key if isinstance(key, bytes) else key.encode(), raw, algorithm).hexdigest()


def compact(value: object, *, ensure_ascii: bool = False, sort_keys: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"), sort_keys=sort_keys)


def test_a_signature_in_either_documented_form_is_sound(explain: Diagnose, key: str) -> None:
    for text in (compact(ASKED), compact(ASKED, ensure_ascii=True)):
        diagnosis = explain(f"Bearer {digits(text, key)}")
        assert diagnosis.is_sound
        assert diagnosis.describe() == "made as the contract says"


def test_the_typical_body_of_each_client_stack_is_named(explain: Diagnose, key: str) -> None:
    """What the standard way of each stack gives, written out by hand as that stack writes it."""
    escaped = r'{"customerId":"shop/42 <\u0645\u062a\u062c\u0631>"}'
    raw = '{"customerId":"shop/42 <متجر>"}'
    stacks = {
        "Python, json.dumps": (json.dumps(ASKED), "with a space after ':' and ','"),
        "PHP, json_encode": (escaped.replace("/", r"\/"), r"'/' written as '\/'"),
        "PHP, JSON_UNESCAPED_UNICODE": (raw.replace("/", r"\/"), r"'/' written as '\/'"),
        "JavaScript, JSON.stringify(body, null, 2)": (
            f"{{\n  {raw[1:-1].replace(':', ': ', 1)}\n}}",
            "by two spaces",
        ),
        "JavaScript, JSON.stringify twice": (
            json.dumps(raw, ensure_ascii=False),
            "as a JSON string, in quotes",
        ),
        "Java, Gson": (raw.replace("<", r"\u003c").replace(">", r"\u003e"), r"as \uXXXX"),
        "C#, System.Text.Json": (
            r'{"customerId":"shop/42 \u003C\u0645\u062A\u062C\u0631\u003E"}',
            r"<, >, &, ', + and ` as \uXXXX in upper case",
        ),
        "Go, json.Marshal": (raw.replace("<", r"\u003c").replace(">", r"\u003e"), r"<, > and & as \uXXXX"),
        "Ruby, JSON.pretty_generate": (json.dumps(ASKED, ensure_ascii=False, indent=2), "by two spaces"),
        "Dart, the body's toString": (raw.replace(":", ": ", 1), "with a space after ':'"),
        "Swift, JSONSerialization": (raw.replace("/", r"\/"), r"'/' written as '\/'"),
        "curl, echo | openssl": (raw + "\n", "and a line feed"),
        "Postman, before variables": (
            '{"customerId":"{{customerId}}"}',
            "before its {{variables}} were filled in",
        ),
        "n8n, one field": (ASKED["customerId"], "over the values alone"),
    }
    for stack, (signed, words) in stacks.items():
        diagnosis = explain(f"Bearer {digits(signed, key)}")
        assert diagnosis.is_known, stack
        assert words in diagnosis.describe(), stack
        assert diagnosis.advice, stack


def test_what_is_odd_about_the_header_is_named(explain: Diagnose, key: str) -> None:
    right = digits(compact(ASKED), key)
    raw = bytes.fromhex(right)
    pairs = [right[at : at + 2] for at in range(0, len(right), 2)]
    headers = {
        right: "sent without 'Bearer' in front",
        f"Bearer{right}": "sent without the space after 'Bearer'",
        f"Bearer  {right}": "sent with more than one space after 'Bearer'",
        f"bearer {right}": "sent with 'Bearer' in another case",
        f"Bearer: {right}": "sent with a colon after 'Bearer'",
        f"Bearer Bearer {right}": "sent with 'Bearer' twice",
        f"Signature {right}": "sent with another word than 'Bearer' in front",
        f"Bearer {right} ": "sent with white space around the header's value",
        f'Bearer "{right}"': "sent in quotes or brackets",
        f"Bearer 0x{right}": "written with 0x in front",
        f"Bearer {right.upper()}": "written in upper-case hexadecimal",
        f"Bearer {'-'.join(pairs).upper()}": "written in hexadecimal with a separator between the bytes",
        f"Bearer {base64.b64encode(raw).decode()}": "written in base64",
        f"Bearer {base64.urlsafe_b64encode(raw).decode().rstrip('=')}": "written in base64",
        f"Bearer {base64.b64encode(right.encode()).decode()}": "written as base64 of the hexadecimal digits",
        f"Bearer {right[:-1]}": "cut after 127 of 128 digits",
        f"Bearer {right[:16]}": "cut after 16 of 128 digits",
    }
    for header, words in headers.items():
        diagnosis = explain(header)
        assert diagnosis.is_known, words
        assert diagnosis.describe() == words


def test_fifteen_digits_say_nothing(explain: Diagnose, key: str) -> None:
    assert not explain(f"Bearer {digits(compact(ASKED), key)[:15]}").is_known


def test_other_keys_and_other_hashes_are_named(explain: Diagnose, key: str) -> None:
    text = compact(ASKED)
    made = {
        digits(text, f"{key}\n"): "with a line feed at the key's end",
        digits(text, f'"{key}"'): "with the key in double quotes",
        digits(text, base64.b64encode(key.encode())): "with the key in base64",
        digits(text, b""): "with an empty key",
        digits(text, MERCHANT): "with the merchant id as the key",
        digits(text, OTHER_KEYS["the public key"]): "with the public key",
        digits(text, key, "sha256"): "with HMAC-SHA256",
        digits(text, key, "sha1"): "with HMAC-SHA1",
        digits(key, text): "with key and message swapped",
        hashlib.sha512(text.encode()).hexdigest(): "as a plain hash, without a key",
        hashlib.sha512((key + text).encode()).hexdigest(): "as a hash of the key and the body",
        hashlib.sha512((text + key).encode()).hexdigest(): "as a hash of the body and the key",
    }
    for value, words in made.items():
        diagnosis = explain(f"Bearer {value}")
        assert (diagnosis.is_known, diagnosis.describe()) == (True, f"made {words}")


def test_what_was_signed_in_place_of_the_body_is_named(explain: Diagnose, key: str) -> None:
    texts = {
        URL: "over the URL",
        "/api/v1/international/token/query": "over the URL's path",
        "trace=7": "over the URL's query",
        MERCHANT + compact(ASKED): "over the merchant id and the body",
        "": "over an empty text",
        "{}": "over an empty object",
        f"customerId={ASKED['customerId']}": "over name=value, as in a query",
        "customerId=shop%2F42+%3C%D9%85%D8%AA%D8%AC%D8%B1%3E": "over name=value, escaped as in a form",
        "\ufeff" + compact(ASKED): "over the body behind a byte order mark",
    }
    for text, words in texts.items():
        diagnosis = explain(f"Bearer {digits(text, key)}")
        assert (diagnosis.is_known, diagnosis.describe()) == (True, f"made {words}")


def test_the_values_and_the_order_of_a_larger_body_are_compared(explain: Diagnose, key: str) -> None:
    sent = {"customerId": " 42", "amount": 7, "note": None}
    body = compact(sent, sort_keys=False).encode()
    made = {
        compact(sent, sort_keys=False): "over the body with its keys not sorted",
        compact({"customerId": " 42"}): "over the first member alone",
        compact({"customerId": " 42", "amount": 7}): "over the body without its members that are null",
        compact(sent | {"amount": "7"}): "over the body with numbers as texts",
        compact(sent | {"customerId": "42"}): "over the body with the white space around its values cut off",
    }
    for text, words in made.items():
        diagnosis = explain(f"Bearer {digits(text, key)}", body)
        assert (diagnosis.is_known, diagnosis.describe()) == (True, f"made {words}")


def test_two_mistakes_of_different_kinds_are_both_named(explain: Diagnose, key: str) -> None:
    texts = {
        "with a space after ':' and ','": json.dumps(ASKED, ensure_ascii=False),
        r"'/' written as '\/'": compact(ASKED).replace("/", r"\/"),
    }
    keys = {"a line feed at the key's end": f"{key}\n", "the merchant id as the key": MERCHANT}
    for (text_words, text), (key_words, wrong) in (
        (one, other) for one in texts.items() for other in keys.items()
    ):
        said = explain(f"Bearer {digits(text, wrong).upper()}").describe()
        assert text_words in said
        assert key_words in said
        assert "upper-case" in said
    both = compact(json.loads(compact(ASKED)), ensure_ascii=False).replace("/", r"\/").replace('":', '": ')
    assert len(explain(f"Bearer {digits(both, key)}").mistakes) == 2


def test_a_key_in_the_header_is_said_without_showing_it(explain: Diagnose, key: str) -> None:
    for sent, words in (
        (key, "the private key itself"),
        (OTHER_KEYS["the public key"], "the public key itself"),
    ):
        diagnosis = explain(f"Bearer {sent}")
        assert diagnosis.describe() == words
        assert sent not in diagnosis.advice


def test_what_no_mistake_explains_is_not_explained(explain: Diagnose, key: str) -> None:
    diagnosis = explain(f"Bearer {digits('something else', key)}")
    assert not diagnosis.is_known
    assert "another one" in diagnosis.advice
    assert explain("Bearer eyJhbGciOiJIUzI1NiJ9.e30.aaaa").describe() == "sent without the digits of a hash"
    assert "key twice" in explain(f"Bearer {digits('x', key)}", b'{"a":1,"a":2}').advice


def test_a_body_with_a_byte_order_mark_is_told(explain: Diagnose, key: str) -> None:
    marked = b"\xef\xbb\xbf" + BODY
    diagnosis = explain(f"Bearer {digits(marked, key)}", marked)
    assert diagnosis.mistakes[-1] == "sent beside a body that begins with a byte order mark"
    assert diagnosis.is_known


def test_mistakes_are_tried_up_to_the_largest_body_and_no_further(explain: Diagnose, key: str) -> None:
    for size, is_known in ((MOST_BODY, True), (MOST_BODY + 1, False)):
        body = b'{"customerId":"%s"}' % (b"1" * (size - 17))
        assert len(body) == size
        assert explain(f"Bearer {digits(body, key).upper()}", body).is_known is is_known


def request(signed: str | bytes, key: str, body: bytes = BODY) -> Request:
    headers = (("authorization", f"Bearer {digits(signed, key)}"), ("merchantid", MERCHANT))
    return Request(method="POST", url=URL, headers=headers, body=body)


def test_a_request_is_diagnosed_with_what_is_around_it(scheme: SignatureScheme, key: str) -> None:
    for signed, words in (
        (URL, "over the URL"),
        (MERCHANT + compact(ASKED), "over the merchant id and the body"),
    ):
        diagnosis = diagnose_request(request(signed, key), key, scheme, "MerchantId")
        assert diagnosis is not None
        assert diagnosis.explain().startswith(f"the signature was made {words}; ")
    test_key = diagnose_request(request(compact(ASKED), PUBLIC_TEST_KEY), "another", scheme)
    assert test_key is not None
    assert test_key.mistakes == ("made with the test key of redaction and the mock",)


def test_without_a_header_or_a_body_there_is_nothing_to_diagnose(scheme: SignatureScheme, key: str) -> None:
    whole = request(compact(ASKED), key)
    for lacking in (structs.replace(whole, headers=None), structs.replace(whole, body=None)):
        assert diagnose_request(lacking, key, scheme) is None
        assert Doctor(key, scheme).examine(lacking) is None


def test_a_doctor_tries_two_mistakes_until_twenty_searches_were_in_vain(
    scheme: SignatureScheme, key: str
) -> None:
    doctor, spaced = Doctor(key, scheme), json.dumps(ASKED, ensure_ascii=False)
    for number in range(20):
        if number == 19:
            assert doctor.examine(request(spaced, f"{key}\n")) != doctor.examine(request(spaced, "x"))
        else:
            doctor.examine(request(f"unknown {number}", key, b'{"a":"%d"}' % number))
    both, single = doctor.examine(request(spaced, f'"{key}"')), doctor.examine(request(spaced, key))
    assert both is not None
    assert single is not None
    assert (both.is_known, single.is_known) == (False, True)


def test_a_doctor_does_the_same_request_once_among_the_last_256(scheme: SignatureScheme, key: str) -> None:
    doctor = Doctor(key, scheme)
    first = request("x", key)
    found = doctor.examine(first)
    for number in range(255):
        doctor.examine(request("", key, b'{"a":"%d"}' % number))
    assert doctor.examine(first) is found
    doctor.examine(request("", key, b'{"a":"more"}'))
    assert doctor.examine(first) is not found


@settings(max_examples=6)  # each tries every pair of mistakes
@given(value=st.dictionaries(st.text(), st.text() | st.integers(-(2**60), 2**60) | st.none() | st.booleans()))
def test_no_signature_of_any_text_is_called_sound_by_mistake(
    scheme: SignatureScheme, key: str, value: dict[str, object]
) -> None:
    body = compact(value).encode("utf-8", "surrogatepass")
    diagnosis = diagnose(body, f"Bearer {digits('x' * 9, key)}", key, scheme)
    assert not diagnosis.is_sound


@settings(max_examples=25)
@given(text=st.text(), body=st.binary() | st.just(BODY))
def test_no_header_and_no_body_end_in_an_exception_or_are_shown(
    scheme: SignatureScheme, key: str, text: str, body: bytes
) -> None:
    diagnosis = diagnose(body, f"Bearer OPAY-SECRET{text}", key, scheme, merchant_id="MERCHANT-ID")
    said = f"{diagnosis.describe()} {diagnosis.advice} {diagnosis!r}"
    assert "OPAY-SECRET" not in said
    assert "MERCHANT-ID" not in said
    assert key not in said


def test_every_pair_of_an_independent_list_of_mistakes_is_explained(explain: Diagnose, key: str) -> None:
    texts: dict[str, Callable[[str], str]] = {
        "line feed": lambda text: text + "\n",
        "twice": lambda text: json.dumps(text, ensure_ascii=False),
    }
    styles: dict[str, Callable[[str], str]] = {
        "slashes": lambda text: text.replace("/", r"\/"),
        "space": lambda text: text.replace('":', '": ', 1),
    }
    for (_, style), (_, whole) in ((s, t) for s in styles.items() for t in texts.items()):
        assert explain(f"Bearer {digits(whole(style(compact(ASKED))), key)}").is_known
    for (_, one), (_, other) in combinations(styles.items(), 2):
        assert explain(f"Bearer {digits(one(other(compact(ASKED))), key)}").is_known


def test_the_command_tries_the_public_key_and_shows_nothing_of_it(key: str) -> None:
    header = f"Bearer {digits(BODY, OTHER_KEYS['the public key'])}"
    environment = {"OPAY_PRIVATE_KEY": key, "OPAY_PUBLIC_KEY": OTHER_KEYS["the public key"]}
    done = CliRunner().invoke(sign_command, ["--explain", header, BODY.decode()], env=environment)
    assert (done.exit_code, "it was made with the public key." in done.output) == (1, True)
    assert OTHER_KEYS["the public key"] not in done.output
