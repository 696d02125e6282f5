"""The one text of a body that is signed, and the bodies that have none."""

from typing import Any

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.errors import ContractError, UsageError
from opay_contract.signing.signer import SignatureScheme, UnsignableBody, render_canonical, sign

CANARY = "4111111111111111"


def canonical_text(body: bytes, scheme: SignatureScheme, *, non_ascii: str | None = None) -> str:
    return sign(body, "OPAYPRV_TEST_SYNTHETIC_0001", scheme, non_ascii=non_ascii).text


@each(
    ("body", "text"),
    [
        (b"{}", "{}"),
        (b' {"b" : 1 ,\r\n\t"a": [ 2, 1 ] } ', '{"a":[2,1],"b":1}'),
        (b'{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":null}', '{"a":null,"b":{"c":[{"e":2,"f":1}],"d":1}}'),
        (b'{"B":1,"a":2,"A":3,"_":4,"10":5,"9":6}', '{"10":5,"9":6,"A":3,"B":1,"_":4,"a":2}'),
        (rb'{"customerId":"shop\/eg\/42"}', '{"customerId":"shop/eg/42"}'),
        (rb'{"a":"\u003c\u0026\u003e\u0041"}', '{"a":"<&>A"}'),
        (rb'{"a":"\"\\\b\f\n\r\t\u001F"}', r'{"a":"\"\\\b\f\n\r\t\u001f"}'),
        (
            b'{"b":-9223372036854775808,"a":9223372036854775807}',
            '{"a":9223372036854775807,"b":-9223372036854775808}',
        ),
        (b'{"a":9007199254740993,"b":-0}', '{"a":9007199254740993,"b":0}'),
        (
            b'{"a":1.50,"b":1e2,"c":-0.0,"d":1E-7,"e":1e22}',
            '{"a":1.5,"b":100.0,"c":-0.0,"d":1e-07,"e":1e+22}',
        ),
    ],
)
def test_one_text_for_every_way_to_write_a_value(body: bytes, text: str, scheme: SignatureScheme) -> None:
    assert canonical_text(body, scheme) == text


@each(
    ("body", "raw", "escaped"),
    [
        ('{"é":"ü"}', '{"é":"ü"}', r'{"\u00e9":"\u00fc"}'),
        (r'{"a":"\u00E9"}', '{"a":"é"}', r'{"a":"\u00e9"}'),
        ('{"a":"😀x\u2028"}', '{"a":"😀x\u2028"}', r'{"a":"\ud83d\ude00x\u2028"}'),
        (r'{"a":"\ud83d\ude00"}', '{"a":"😀"}', r'{"a":"\ud83d\ude00"}'),
        (r'{"a":"\\u00e9"}', r'{"a":"\\u00e9"}', r'{"a":"\\u00e9"}'),
        ('{"a":"\x7f"}', '{"a":"\x7f"}', '{"a":"\x7f"}'),
    ],
)
def test_text_outside_ascii_has_two_forms(body: str, raw: str, escaped: str, scheme: SignatureScheme) -> None:
    assert canonical_text(body.encode(), scheme) == raw
    assert canonical_text(body.encode(), scheme, non_ascii="escaped") == escaped


def test_keys_are_ordered_by_code_point_and_not_by_utf_16_unit(scheme: SignatureScheme) -> None:
    body = '{"😀":1,"\uffee":2,"z":3}'.encode()
    assert canonical_text(body, scheme) == '{"z":3,"\uffee":2,"😀":1}'
    assert canonical_text(body, scheme, non_ascii="escaped") == r'{"z":3,"\uffee":2,"\ud83d\ude00":1}'


def test_the_scheme_decides_order_separators_and_slashes(scheme: SignatureScheme) -> None:
    other = replace(scheme, sort_keys=False, item_separator=", ", key_separator=": ", escape_slashes=True)
    assert canonical_text(b'{"b":"x/y","a":[1,2]}', other) == r'{"b": "x\/y", "a": [1, 2]}'


@each(
    ("body", "message"),
    [
        (b"", "breaks off at line 1, column 1"),
        (b'{"a":\n"4111111111111111', "breaks off at line 2, column 1"),
        (b'{"a":"4111111111111111"}]', "stops being JSON at line 1, column 25"),
        (b"cardNumber=4111111111111111", "stops being JSON at line 1, column 1"),
        (b'["4111111111111111"]', "is JSON, but not an object"),
        (b"4111111111111111", "is JSON, but not an object"),
        (b"null", "is JSON, but not an object"),
        (b'\xef\xbb\xbf{"a":"4111111111111111"}', "begins with a byte order mark"),
        (b'{"a":"4111111111111111\xff"}', "is not UTF-8 at byte 22"),
        (b'{"a":"\xed\xa0\x80"}', "is not UTF-8 at byte 6"),
        (b'{"o":[{"a":"4111111111111111","a":"4111111111111111"}]}', 'has a key twice at "/o/0/a"'),
        (rb'{"a":1,"\u0061":1}', 'has a key twice at "/a"'),
        (b'{"a":NaN}', 'has NaN or an infinity at "/a"'),
        (b'{"a":[1,-Infinity]}', 'has NaN or an infinity at "/a/1"'),
        (b'{"a":1e400}', 'has a number beyond 64 bits at "/a"'),
        (b'{"a":9223372036854775808}', 'has a number beyond 64 bits at "/a"'),
        (b'{"a":-9223372036854775809}', 'has a number beyond 64 bits at "/a"'),
        (b'{"a":' + b"4" * 5000 + b"}", 'has a number beyond 64 bits at "/a"'),
        (b'{"a":9007199254740993,"b":9223372036854775808}', 'has a number beyond 64 bits at "/b"'),
        (rb'{"a":"4111111111111111\ud800"}', 'has half a surrogate pair at "/a"'),
        (rb'{"\ud800":9223372036854775808}', r'has half a surrogate pair at "/\ud800"'),
        (rb'{"a\n/b":{"c":NaN}}', r'has NaN or an infinity at "/a\n~1b/c"'),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is nested too deeply"),
    ],
)
def test_a_body_that_readers_disagree_on_is_refused(
    body: bytes, message: str, scheme: SignatureScheme
) -> None:
    with pytest.raises(UnsignableBody) as caught:
        canonical_text(body, scheme)
    assert str(caught.value) == f"cannot sign the request body: it {message}"
    assert CANARY not in str(caught.value)


def test_a_value_too_deep_to_write_is_refused(scheme: SignatureScheme) -> None:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(UnsignableBody, match="is nested too deeply"):
        render_canonical(value, scheme, "raw")


def test_an_unknown_form_names_the_known_ones(scheme: SignatureScheme) -> None:
    with pytest.raises(UsageError, match=r"unknown form 'latin' .* expected raw or escaped"):
        canonical_text(b"{}", scheme, non_ascii="latin")
    with pytest.raises(UsageError, match=r"unknown form 'escaped' .* expected raw"):
        canonical_text(b"{}", replace(scheme, non_ascii=("raw",)), non_ascii="escaped")


@pytest.mark.parametrize("forms", [(), ("raw", "latin")])
def test_a_scheme_without_usable_forms_is_a_contract_error(
    forms: tuple[str, ...], scheme: SignatureScheme
) -> None:
    with pytest.raises(ContractError, match="non-ascii must list"):
        canonical_text(b"{}", replace(scheme, non_ascii=forms))
