"""Numbers, digits and letters in odd writings: what a check makes of them stays, and nothing fails."""

import json
import re
from typing import Any

from contract_tests.tool.redact.test_properties import URL
from contract_tests.usual import each

from opay_contract.formats.table import Format
from opay_contract.judge.describing import describe_name
from opay_contract.redact.pseudonyms import TEST_NUMBERS, card_hits


def line(**members: str) -> bytes:
    """Return an exchange with members of a card as they are written."""
    card = ",".join(f'"{name}":{text}' for name, text in members.items())
    return (
        f'{{"request":{{"method":"POST","url":"{URL}","headers":{{}},"body":{{"customerId":"a"}}}},'
        '"response":{"status":200,"headers":{"Content-Type":"application/json"},"body":{"code":"00000",'
        f'"message":"SUCCESSFUL","data":{{"customer":{{}},"cardTokens":[{{{card}}}]}}}}}}}}\n'
    ).encode(errors="surrogateescape")


@each(
    "time",
    ["1637822753", "1637822753.0", "1637822753.00", "1637822753.5", "1.637822753e9", "163782275300E-2"],
)
def test_a_time_stays_however_it_is_written(time: str, redact: Any) -> None:
    assert f'"createTimestamp":{time},'.encode() in redact(line(createTimestamp=time, x='"Amira"')).data


@each(
    "number",
    [
        "2012345678",
        "2012345678.0",
        "2.012345678e9",
        "4.111111111111111e15",
        "4111111111111111.0",
        "1e300",
        "1e400",
        "-5.25",
        "0.00001234",
        "12345678901234567890",
        "1E-7",
        "12345678.25",
        "1637822753000.5",
        "1.5e3",
    ],
)
def test_findings_of_a_number_stay_however_it_is_written(number: str, redact: Any, verdict: Any) -> None:
    data = line(createTimestamp=number, expiryMonth=number, x=number)
    written = redact(data)
    assert verdict(written.data) == verdict(data)
    assert redact(written.data).data == written.data


@each("number", ["2012345678.0", "2.012345678e9", "2012345678"])
def test_a_whole_number_stays_whole(number: str, redact: Any) -> None:
    found = re.search(rb'"x":([0-9.]+)', redact(line(x=number)).data)
    assert found is not None
    assert float(found[1]).is_integer()
    assert float(found[1]) != float(number)


CUT = [
    r'"\ud83d"',
    r'"\ud83d é Amira"',
    r'"\udcff é Amira"',
    r'"Amira \ud83d\ude00 \ude00é"',
    '"Amira \udcffé"',
    '"Amira \\udcff\udcffé"',
    r'"\ud800\udcffé"',
]


@each("text", CUT)
def test_a_text_cut_in_a_character_costs_nothing(text: str, redact: Any, verdict: Any) -> None:
    as_text = json.dumps(text.encode(errors="surrogateescape").decode(errors="replace")) + "é".join('""')
    many = line(customerName=text, x=text, y=f"{{{text}:{text}}}") + line(x=as_text[:-3]) + line(x='"Amira"')
    written = redact(many, Format.NDJSON)
    assert verdict(written.data) == verdict(many)
    assert (written.tally.entries, written.tally.unread) == (3, {})
    assert b"Amira" not in written.data
    assert redact(written.data, Format.NDJSON).data == written.data


@each("text", CUT)
def test_a_body_that_is_text_cut_in_a_character_costs_nothing(text: str, redact: Any, verdict: Any) -> None:
    request = f'{{"url":"{URL}","headers":[],"method":"POST"}}'
    answer = f'{{"status":200,"headers":[],"content":{{"text":{text}}}}}'
    har = f'{{"log":{{"entries":[{{"request":{request},"response":{answer}}}]}}}}'
    data = har.encode(errors="surrogateescape")
    written = redact(data, Format.HAR)
    assert verdict(written.data, Format.HAR) == verdict(data, Format.HAR)
    assert redact(written.data, Format.HAR).data == written.data


@each("digits", ["⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "①②③④⑤⑥⑦⑧⑨", "٠١٢٣٤٥٦٧٨٩"])
def test_a_signature_of_other_digits_stays_one(digits: str, redact: Any, verdict: Any) -> None:
    forged = (digits * 13)[:128]
    data = line(x="1").replace(b'"headers":{}', f'"headers":{{"Authorization":"Bearer {forged}"}}'.encode())
    written = redact(data)
    assert verdict(written.data) == verdict(data)
    again = redact(written.data)
    assert (again.data, again.replaced) == (written.data, [])


def test_an_account_number_is_no_card_before_and_after(make_redactor: Any) -> None:
    """There is a row of groups in it that would be a card number alone."""
    account = "SA02 5794 4956 9634 4559 5197"
    made = make_redactor().values.name(account)
    assert describe_name(made) == describe_name(account) != account
    assert card_hits(made) == card_hits(account) == []
    assert not any(number in made.replace(" ", "") for number in TEST_NUMBERS[16])
    assert card_hits(account[10:]) == [16]


@each("address", ["127.0.0.1", "10.0.0.1", "1::2", "8.8.8.8", "::1"])
def test_an_address_in_the_place_of_a_name_is_replaced_by_what_does_not_look_like_a_name(
    address: str, make_redactor: Any
) -> None:
    made = make_redactor().values.name(address)
    assert made != address
    assert describe_name(made) == describe_name(address) != address


def test_an_identifier_becomes_at_least_eight_characters_long(make_redactor: Any) -> None:
    """There are too few short ones for each to have one of its own."""
    for value in ("7" * 7, "7" * 8, "7" * 9, "amira.c", "amira.ca", "amira.can"):
        made = make_redactor().urls.value("customerId", value)
        assert made != value
        assert sum(map(str.isalnum, made)) == max(8, sum(map(str.isalnum, value))), value
