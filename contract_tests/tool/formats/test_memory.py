"""Memory stays flat however long a recording is."""

import json
import tracemalloc
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.streams import ChunkStream
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

FILLER = "x" * 20_000
ENTRY = {
    "request": {"method": "POST", "url": "https://a.example/"},
    "response": {"status": 200, "content": {"text": FILLER}},
}
LINE = {"response": {"status": 200, "body": {"filler": FILLER}}}
INTERACTION = {
    "request": {"method": "POST", "uri": "https://a.example/"},
    "response": {"status": {"code": 200}, "body": {"string": FILLER}},
}
COUNT = 150
PEAK = 2 << 20


def write(path: Any, before: Any, entry: Any, between: Any, after: Any) -> None:
    text = json.dumps(entry)
    with path.open("w") as file:
        file.write(before + text)
        file.writelines(repeat(between + text, COUNT - 1))
        file.write(after)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("x.har", ('{"log":{"entries":[', ENTRY, ",", "]}}")),
        ("x.ndjson", ("", LINE, "\n", "\n")),
        ("x.json", ("[\n", LINE, ",\n", "]")),
        ("x.yaml", ("interactions:\n- ", INTERACTION, "\n- ", "\n")),
    ],
)
def test_three_megabytes_are_read_in_less(tmp_path: Path, name: Any, layout: Any) -> None:
    path = tmp_path / name
    write(path, *layout)
    assert path.stat().st_size > 3_000_000
    tracemalloc.start()
    try:
        count = sum(
            isinstance(one, Exchange) for one in iter_exchanges(Source(ordinal=0, name=name, path=path))
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == COUNT
    assert peak < PEAK


def test_a_value_beyond_the_limit_is_passed_over_without_being_kept() -> None:
    chunks = chain([b'["'], repeat(b"x" * (1 << 20), 10), [b'", 1]'])
    tracemalloc.start()
    try:
        runs = JsonCursor(ChunkStream(chunks)).iter_runs(limit=1 << 20)
        items = [item for _, texts, values, _ in runs for item, _ in zip(texts, values, strict=False)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert items == [None, b"1"]
    assert peak < PEAK
