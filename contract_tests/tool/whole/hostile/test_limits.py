"""What is more than an entry or a file may be is unreadable, with the reason; what is just within is not."""

import base64
import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from contract_tests.tool.whole.hostile.entries import URL, alias_bomb, cassette, har, line, merge_bomb
from msgspec.structs import replace

from opay_contract.formats import streams
from opay_contract.formats.bounds import (
    MAX_STEPS,
    MAX_VALUES,
    TOO_MANY_STEPS,
    TOO_MANY_VALUES,
    excess,
    stand_in,
)
from opay_contract.formats.content_coding import TOO_MUCH
from opay_contract.formats.editing import Tally
from opay_contract.formats.errors import StreamError
from opay_contract.formats.yaml_events import NO_ANCHOR, TOO_MANY_ALIASES, TOO_MANY_PARTS
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings import inputs
from opay_contract.recordings.inputs import NO_WRITER, Source, open_file
from opay_contract.recordings.reading import iter_exchanges

Check = Callable[[bytes], DriftSummary]
Redact = Callable[[bytes], tuple[Tally, bytes]]

FLAT = b"[" + b"0," * (MAX_VALUES - 2) + b"0]"
DEEP, WIDTH = 100, MAX_STEPS // 100 - 100


def deep(width: int) -> bytes:
    return b"[" * DEEP + b",".join([b"0"] * width) + b"]" * DEEP


def reasons(summary: DriftSummary) -> list[str]:
    return [one.reason for one in summary.unreadable]


def source_of(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return Source(ordinal=0, name=path.name, path=path)


def test_a_body_of_just_so_many_values_is_judged() -> None:
    assert excess(FLAT) is None
    assert excess(FLAT.replace(b"]", b",0,0]")) == TOO_MANY_VALUES


def test_a_body_of_just_so_many_steps_is_judged() -> None:
    steps = sum(range(1, DEEP + 1))
    fits = (MAX_STEPS - steps) // DEEP + 1
    assert excess(deep(fits)) is None
    assert excess(deep(fits + 1)) == TOO_MANY_STEPS


@pytest.mark.parametrize("reason", [TOO_MANY_VALUES, TOO_MANY_STEPS])
def test_what_stands_in_for_a_body_is_too_much_for_the_same_reason(reason: str) -> None:
    assert excess(stand_in(reason)) == reason


def test_brackets_and_commas_in_texts_are_no_values() -> None:
    assert excess(b'{"a":"' + b"[," * MAX_VALUES + b'\\"[,"}') is None
    assert excess(b"a page, " * MAX_VALUES) is None


@pytest.mark.parametrize("make", [line, har], ids=["native", "HAR"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [("[" + "0," * MAX_VALUES + "0]", TOO_MANY_VALUES), (deep(MAX_STEPS // DEEP).decode(), TOO_MANY_STEPS)],
    ids=["values", "steps"],
)
def test_a_body_that_is_too_much_is_unreadable_before_and_after_redaction(
    make: Callable[[str], bytes], body: str, reason: str, check: Check, redact: Redact
) -> None:
    data = make(body)
    assert reasons(check(data)) == [reason]
    tally, written = redact(data)
    assert tally.unread == {1: reason}
    assert reasons(check(written)) == [reason]


def test_a_body_that_is_too_much_and_of_another_host_is_out_of_scope(check: Check) -> None:
    summary = check(har(FLAT.decode() + "0," * 9, url="https://elsewhere.example/x"))
    assert (summary.out_of_scope, summary.unreadable_count) == (1, 0)


def test_lines_beside_one_that_is_too_much_are_judged(check: Check) -> None:
    summary = check(line("{}") + line("[" + "0," * MAX_VALUES + "0]") + line("{}"))
    assert (summary.exchanges, [one.place.entry for one in summary.unreadable]) == (2, [2])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (alias_bomb(12), TOO_MANY_PARTS),
        (alias_bomb(8, "{x: [1, 2, 3]}"), TOO_MANY_PARTS),
        (merge_bomb(12), TOO_MANY_PARTS),
        (cassette(f"a: &a [{'x, ' * 1000}x]", f"b: [{'*a, ' * 190}*a]", f"c: [{'*a, ' * 90}*a]"), None),
    ],
    ids=["lists", "mappings", "merge keys", "in all"],
)
def test_aliases_that_stand_for_too_much_are_unreadable(
    data: bytes, reason: str | None, check: Check, redact: Redact
) -> None:
    tally, written = redact(data)
    said = reasons(check(data))
    assert len(said) == 1
    assert said[0] in {reason, TOO_MANY_ALIASES, TOO_MANY_PARTS}
    assert tally.unread == {1: said[0]}
    assert check(written).unreadable_count == 1


@pytest.mark.parametrize(
    "data",
    [
        cassette().replace(b"version: 1", b"uri: &uri " + URL.encode()).replace(f"'{URL}'".encode(), b"*uri"),
        cassette().replace(b"interactions:", b"kept: &kept") + b"interactions: *kept\n",
    ],
    ids=["a text", "the interactions"],
)
def test_an_alias_may_stand_for_what_is_beside_the_interactions(
    data: bytes, check: Check, redact: Redact
) -> None:
    assert (check(data).exchanges, check(data).unreadable_count) == (1, 0)
    tally, written = redact(data)
    assert (tally.entries, tally.unread) == (1, {})
    assert (check(written).exchanges, check(written).unreadable_count) == (1, 0)


@pytest.mark.parametrize("odd", ["a: [*b]", "a: &a [*a]"], ids=["nothing", "itself"])
def test_an_alias_of_nothing_costs_what_it_stands_in(odd: str, check: Check, redact: Redact) -> None:
    answer = f"- {odd}\n  request: {{method: POST, uri: '{URL}'}}\n  response: *b\n"
    data = cassette(odd, others=answer)
    tally, written = redact(data)
    assert tally.unread == {2: NO_ANCHOR}
    for recording in (data, written):
        assert (check(recording).exchanges, reasons(check(recording))) == (1, [NO_ANCHOR])


def test_aliases_that_stand_for_little_are_written_out(check: Check, redact: Redact) -> None:
    data = cassette("a: &a [x, x]", f"b: [{'*a, ' * 100}*a]")
    assert check(data).exchanges == 1
    assert redact(data)[0].unread == {}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_a_packed_file_unpacks_to_a_limit(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    text = line("{}") * 20_000
    source = source_of(tmp_path / "packed", pack(text))
    within = list(iter_exchanges(replace(source, max_unpacked=len(text))))
    assert len(within) == 20_000
    *read, last = iter_exchanges(replace(source, max_unpacked=len(text) - 1))
    assert all(isinstance(one, Exchange) for one in read)
    assert isinstance(last, Unreadable)
    assert "the file unpacks to more than" in last.reason


def test_the_usual_limit_is_of_the_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(streams.most_unpacked, "__defaults__", (1 << 16,))
    bomb = source_of(tmp_path / "bomb", gzip.compress(line("{}") * 60_000))
    assert isinstance(list(iter_exchanges(bomb))[-1], Unreadable)
    lines = b"".join(line(f'{{"id":"{os.urandom(60).hex()}"}}') for _ in range(6_000))
    usual = source_of(tmp_path / "usual", gzip.compress(lines))
    assert all(isinstance(one, Exchange) for one in iter_exchanges(usual))


def test_a_body_unpacks_to_a_limit(check: Check) -> None:
    packed = gzip.compress(b'{"a":"' + b"x" * (8 << 20) + b'"}')
    response = {
        "status": {"code": 200},
        "headers": {"Content-Encoding": ["gzip"]},
        "body": {"base64_string": base64.b64encode(packed).decode()},
    }
    data = {"interactions": [{"request": {"method": "POST", "uri": URL}, "response": response}]}
    assert reasons(check(json.dumps(data).encode())) == [TOO_MUCH]


def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StreamError, match=NO_WRITER):
        open_file(tmp_path / "pipe")


def test_a_pipe_with_a_writer_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(line("{}") * 9))
    writer.start()
    found = list(iter_exchanges(Source(ordinal=0, name="pipe", path=tmp_path / "pipe")))
    writer.join()
    assert [type(one) for one in found] == [Exchange] * 9


def test_a_writer_that_is_silent_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PATIENCE", 0.0)
    reading, writing = os.pipe()
    try:
        with open_file(Path(f"/dev/fd/{reading}")) as pipe:
            os.write(writing, b"late")
            assert pipe.read(4) == b"late"
    finally:
        os.close(reading)
        os.close(writing)
