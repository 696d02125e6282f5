"""The second pair of eyes of --verify: what they find without knowing a format, and what they leave alone."""

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from contract_tests.tool.whole.leaks.planting import FORMATS, REDACTED, load
from contract_tests.usual import each

from opay_contract.cli.redact import redact as command
from opay_contract.contract.loading import load_contract
from opay_contract.redact import proving
from opay_contract.redact.proving import Prover

SAID = {
    "a path": '"/users/Amira-Canarywood/cards"',
    "a URL": "see https://shop.example.net/users/amira for more",
    "a host": "Origin: https://amira.canarywood.org",
    "an address": "to amira.canarywood@mail.canarywood.org",
    "a token": "OPAY-0123456789abcdef0123456789abcdef",
    "an Arabic name": "أميرة كناري",
}
HIDDEN = {
    "as it is": str,
    "escaped": json.dumps,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in a URL": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "as numbers": lambda text: json.dumps(list(text.encode())),
}


@pytest.fixture(scope="session")
def prover(contract: Any, make_redactor: Any) -> Prover:
    return Prover(contract, make_redactor().memory.known)


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_what_is_clearly_somebodys_is_found_however_it_is_written(
    said: str, hide: Any, prover: Prover
) -> None:
    text = f"\n\n{{'x': {hide(said)} }}\n"
    places = list(prover.iter_places(io.BytesIO(text.encode())))
    assert places
    assert {place for _, place in places} == {"line 3"}
    assert quote(said) not in repr(places)


def test_digits_that_an_escape_parts_are_told_apart(redact: Any, prover: Prover) -> None:
    body = json.dumps({"x": "\b".join(("0123456789abcdef" * 4, "fedcba9876543210" * 4))})
    line = f'{{"response":{{"status":200,"body":{body}}}}}'.encode()
    assert len(list(prover.iter_places(io.BytesIO(line)))) == 2
    assert list(prover.iter_places(io.BytesIO(redact(line).data))) == []


def test_an_id_of_hexadecimal_digits_in_a_path_is_clean_once_it_is_replaced(
    redact: Any, prover: Prover
) -> None:
    ids = ("9f8e7d6cabcdef07", "B62C228E40DF7C9A8CDA80A3", "51423286a6ecc31f35263b4519a2105c", "dadcafe5" * 9)
    urls = [f"https://shop.example/{one}{two}" for one in ("v1/", "v1/query~", "a-") for two in ids]
    line = json.dumps({"request": {"url": urls[0], "body": urls}, "response": {"status": 200, "body": {}}})
    assert all(list(prover.iter_places(io.BytesIO(url.encode()))) for url in urls)
    assert list(prover.iter_places(io.BytesIO(redact(line.encode()).data))) == []


@each("name", REDACTED)
def test_the_recordings_are_not_clean_before_and_are_after(name: str, redact: Any, prover: Prover) -> None:
    format_in, write, _ = FORMATS[name]
    data = write(load(name))
    if name != "ndjson-base64":  # what it holds is found by the contract alone
        assert list(prover.iter_places(io.BytesIO(data)))
    assert list(prover.iter_places(io.BytesIO(redact(data, format_in).data))) == []


def test_names_of_files_cannot_drive_a_terminal(tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[2J\n::error::x.ndjson"
    odd.write_text('{"response": {"status": 200, "body": {"x": "Amira"}}}\n{"response": {"status": 1}}\n')
    for arguments in (["--verify", str(odd)], [str(odd), "-o", str(tmp_path / "out\x1b[0m")]):
        said = CliRunner().invoke(command, arguments).output
        assert "\x1b" not in said
        assert "\n::error::" not in said
        assert "Amira" not in said


def test_the_last_line_says_how_much_and_where(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    source.write_text('{"response": {"status": 200, "body": {"x": "Amira"}}}\n{"response": {"status": 1}}\n')
    done = CliRunner().invoke(command, [str(source), "-o", str(target)])
    assert done.exit_code == 4
    said = done.output.splitlines()[-1]
    assert said == f"Redacted 2 exchanges: 1 value replaced, written to '{target}'. Unreadable: 1."
    proof = CliRunner().invoke(command, ["--verify", str(source)])
    assert proof.exit_code == 1
    assert proof.output.splitlines()[-1].startswith(
        "Not clean: 1 place in 1 file, 2 exchanges looked at; replace"
    )
    assert CliRunner().invoke(command, ["--verify", str(target)]).exit_code == 0


def test_a_signature_is_one_wherever_a_window_begins_or_ends(
    prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "_WINDOW", 600)
    monkeypatch.setattr(proving, "_OVERLAP", 300)
    line = f'"Authorization": "Bearer {"5d" * 64}"\n'
    for shift in range(len(line)):
        text = " " * shift + line * 5
        assert list(prover.iter_places(io.BytesIO(text.encode()))) == []
        token = text + '"opayToken": "OPAY-0123456789abcdef0123456789abcdef"\n' + line
        assert {place for _, place in prover.iter_places(io.BytesIO(token.encode()))} == {"line 6"}


def test_a_url_that_is_cut_ends_in_the_beginning_of_a_word_only_where_it_is_cut(prover: Prover) -> None:
    host = "https://sandbox-cashierapi.opaycheckout.com/api/v1"
    for cut in (f'"{host}/inte  rnational/token"', f'"{host}/internat- ional"', f'"{host}/int<x"'):
        assert list(prover.iter_places(io.BytesIO(cut.encode()))) == [], cut
    for whole in (f'"{host}/ali"', f"'{host}/ali'", f'\\"{host}/ali\\"', f'"{host}/amira x"'):
        assert list(prover.iter_places(io.BytesIO(whole.encode()))) == [("URL", "line 1")], whole


def test_a_url_in_a_flow_ends_where_the_length_of_the_next_text_begins(prover: Prover) -> None:
    url = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/customers"
    for behind in (";11:intercepted;", ",12:intercepted,", ";}66:intercepted;", ",]]9:intercepted;"):
        assert not list(prover.iter_places(io.BytesIO(f"74:{url}{behind}".encode()))), behind
        assert list(prover.iter_places(io.BytesIO(f"80:{url}/amira{behind}".encode()))), behind
    assert list(prover.iter_places(io.BytesIO(f"{url};of=amira".encode())))


def test_what_was_recorded_of_a_gateway_is_clean_without_its_base_url(
    redact: Any, make_redactor: Any
) -> None:
    """A mock, a staging host or a gateway answers by the contract if its path ends in one of it."""
    path, names = "/api/v1/international/token/query", ("$ne", "mtime", "Scunthorpe", "merchantTag")
    for base in ("http://127.0.0.1:8791", "https://gateway.example", "https://gateway.example/open/v2"):
        body = dict.fromkeys(names, "x") | {"customerId": {"$ne": ""}}
        request = {"method": "POST", "url": base + path, "body": body}
        line = json.dumps(
            {"request": request, "response": {"status": 200, "body": {"code": "02001"}}}
        ).encode()
        written = redact(line, None, make_redactor(load_contract(base_urls=(base,))))
        assert all(json.dumps(name).encode() in written.data for name in names)
        assert redact(written.data).replaced == [], base
    other = redact(line.replace(b"token/query", b"token/delete"))
    assert not any(json.dumps(name).encode() in other.data for name in names[1:3])
