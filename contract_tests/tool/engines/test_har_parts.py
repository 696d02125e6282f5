"""A large HAR is cut at entries, and what is found in its parts is what is found in it as a whole."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from contract_tests.benchmarks.speed.recordings import parse_exchanges
from contract_tests.benchmarks.speed.traffic import Shares, iter_realistic
from contract_tests.tool.redact.writers import as_har
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import check_sources, fold_batch
from opay_contract.engines.work import Work
from opay_contract.formats.errors import NO_URL
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import Part, PartReader, iter_parts
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.recordings.stores import CHANGED

SETTINGS = Settings(started_at=1_790_000_000.0)
SIZE = 200_000


@cache
def entries() -> str:
    data = json.loads(as_har(parse_exchanges(list(iter_realistic(1, 1500, Shares(drifted=30))))))
    entries = data["log"]["entries"]
    del entries[300]["response"]
    entries[700] = {"_odd": 1} | entries[700]
    return json.dumps(data)


def write(path: Path, indent: int | None = None) -> Source:
    path.write_text(json.dumps(json.loads(entries()), indent=indent, ensure_ascii=False), encoding="utf-8")
    return Source(ordinal=0, name="x.har", path=path)


def read_parts(parts: list[Part]) -> list[Any]:
    return [one for part in parts for one in PartReader(part)]


@pytest.mark.parametrize("indent", [None, 1])
def test_the_parts_of_a_har_hold_its_entries_at_their_places(tmp_path: Path, indent: int | None) -> None:
    source = write(tmp_path / "x.har", indent)
    parts = list(iter_parts(source, size=SIZE))
    assert len(parts) > 5
    assert max(part.size for part in parts) < 3 * SIZE
    assert read_parts(parts) == list(iter_exchanges(source))


def test_a_har_that_breaks_off_says_so_in_parts_as_it_does_as_a_whole(tmp_path: Path) -> None:
    source = write(tmp_path / "x.har")
    assert source.path is not None
    data = source.path.read_bytes()
    for share, behind in ((0.3, b""), (0.3, b"]"), (0.6, b"]}} rubbish"), (0.999, b";"), (0.999, b"")):
        source.path.write_bytes(data[: int(len(data) * share)] + behind)
        parts = list(iter_parts(source, size=SIZE))
        assert len(parts) > 2
        assert read_parts(parts) == list(iter_exchanges(source)), (share, behind)


def test_the_summary_of_the_parts_is_that_of_the_whole(tmp_path: Path) -> None:
    source = write(tmp_path / "x.har", 1)
    contract = load_contract()
    whole = check_sources([source], contract, SETTINGS)
    work = Work([source], None, SIZE)
    total = 0
    while batch := work.next_batch():
        total += len(batch)
        work.take_batch(batch, fold_batch(batch, contract, SETTINGS, None))
    assert total > 5
    assert work.finish() == whole
    assert isinstance(whole, DriftSummary)
    assert whole.findings


def test_a_har_that_changed_after_it_was_cut_is_a_fault(tmp_path: Path) -> None:
    source = write(tmp_path / "x.har")
    part = list(iter_parts(source, size=SIZE))[1]
    changed = replace(part, tag=tuple((name, "0" if name == "mtime" else one) for name, one in part.tag))
    reader = PartReader(changed)
    assert [one for one in reader if isinstance(one, Unreadable)] == []
    assert reader.fault == CHANGED


def test_a_small_har_and_a_packed_one_stay_whole(tmp_path: Path) -> None:
    source = write(tmp_path / "x.har")
    assert source.path is not None
    assert [part.end for part in iter_parts(source)] == [None]
    source.path.write_bytes(gzip.compress(source.path.read_bytes(), 0))
    assert [part.end for part in iter_parts(source, size=SIZE)] == [None]


def test_a_part_refuses_what_the_whole_refuses(tmp_path: Path) -> None:
    entry = {"request": {"method": "POST"}, "response": {"status": 200, "content": {"text": " " * 10_000}}}
    path = tmp_path / "x.har"
    path.write_text(json.dumps({"log": {"entries": [entry] * 90}}))
    source = Source(ordinal=0, name="x.har", path=path)
    parts = list(iter_parts(source, size=SIZE))
    assert len(parts) > 2
    reasons = [one.reason for part in parts for one in PartReader(part) if isinstance(one, Unreadable)]
    assert reasons == [NO_URL] * 90
    path.write_text('{"log": 1, "entries": ' + "[0, 1]" + " " * SIZE + "}")
    assert [part.end for part in iter_parts(source, Format.HAR, size=SIZE // 2)] == [None]
