"""What is recorded reads back as it was, byte for byte, and an exchange is one line."""

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opay_contract.errors import UsageError
from opay_contract.formats.native import parse_line
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.record.files import Captured, RotatingFile, render_exchange
from opay_contract.record.recorder import Recorder
from opay_contract.redact.redactor import Redactor

PLACE = Place(source=0, entry=1, file="mock")
names = st.text(alphabet="abcdefgh-", min_size=1, max_size=6)
latin = st.text(alphabet=st.characters(max_codepoint=255), max_size=10)
headers = st.dictionaries(names, latin, max_size=3).map(lambda fields: tuple(fields.items()))
odd = [
    b"",
    b"null",
    b'"text"',
    b'{"a":1}',
    b'{\n"a":1}',
    b"\xef\xbb\xbf{}",
    b"\xed\xa0\x80",
    b'{"a":1,"a":2}',
    b"[NaN]",
]
bodies = st.binary(max_size=20) | st.sampled_from(odd) | st.text(max_size=10).map(str.encode)


@given(asked=bodies | st.none(), answered=bodies, fields=headers, url=latin, status=st.integers(100, 599))
@example(asked=b"null", answered=b"null", fields=(("a", "1"), ("a", "2")), url="http://a/", status=200)
def test_an_exchange_reads_back_as_it_was(
    asked: bytes | None, answered: bytes, fields: tuple[tuple[str, str], ...], url: str, status: int
) -> None:
    exchange = Exchange(
        place=PLACE,
        request=Request(method="POST", url=url, headers=fields, body=asked),
        response=Response(status=status, headers=fields, body=answered),
        recorded_at="2026-11-23T17:00:00.000+00:00",
    )
    line = render_exchange(exchange)
    assert line.count(b"\n") == 1
    assert parse_line(PLACE, line[:-1]) == exchange


def test_plain_json_is_recorded_as_json(mock: Any) -> None:
    line = render_exchange(mock.ask(b'{"customerId":"a"}'))
    assert b'"body":{"customerId":"a"}' in line
    assert b'"body":{"code":"02001"' in line


def test_what_a_mock_answers_is_recorded_as_the_proxy_does(tmp_path: Path, mock: Any, contract: Any) -> None:
    path, said = tmp_path / "exchanges.ndjson", list[str]()
    torn = render_exchange(mock.ask(b'{"customerId":"a"}'))[:-40]
    path.write_bytes(torn)
    recorder = Recorder(RotatingFile(path), Redactor(contract, b"k" * 32), say=said.append)
    recorder.add([Captured(exchange=mock.ask(b'{"customerId":"Amira Canarywood"}'))])
    recorder.close()
    [line] = path.read_bytes().splitlines()
    assert b"Amira" not in line
    assert isinstance(parse_line(PLACE, line), Exchange)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert said == []


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot record to"):
        RotatingFile(tmp_path / "none" / "file")
