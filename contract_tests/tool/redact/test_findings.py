"""What a check finds in a recording it finds in its redaction, in every format."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from contract_tests.tool.redact.writers import in_every_format

from opay_contract.contract.loading import load_contract
from opay_contract.formats.native import parse_line
from opay_contract.formats.streams import ChunkStream, iter_lines
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source

pytestmark = pytest.mark.thorough

TESTS = Path(__file__).parents[2]
FOLDERS = [TESTS / "recordings" / kind for kind in ("clean", "drifted")]
RECORDINGS = sorted(path for folder in FOLDERS for path in folder.iterdir())
CASES = sorted((TESTS / "tool" / "judge" / "cases").iterdir())
OF_THE_LEDGER = {"value-out-of-range", "format-mismatch", "value-undocumented", "constraint-violated"}


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recordings_of_real_tools_show_the_same(path: Path, redact: Any, verdict: Any) -> None:
    data = unpacked(path)
    written = redact(data)
    assert written.tally.unread == {}
    assert verdict(written.data) == verdict(data)
    again = redact(written.data)
    assert (again.data, again.replaced) == (written.data, [])


@pytest.mark.parametrize(("number", "rule"), list(enumerate(CASES)), ids=[path.name for path in CASES])
def test_the_cases_of_every_rule_show_the_same_in_formats_that_take_turns(
    number: int, rule: Path, redact: Any, verdict: Any, make_redactor: Any
) -> None:
    """A rule in every third format, a format with every third rule: what a format knows is no rule."""
    used = (
        load_contract(TESTS / "tool" / "whole" / "contracts" / "ledger")
        if rule.name in OF_THE_LEDGER
        else None
    )
    redactor = make_redactor(used)
    cases = b"".join(path.read_bytes() for path in sorted(rule.glob("*.ndjson")))
    lines = [line for _, line in iter_lines(ChunkStream([cases]))]
    place = Source(ordinal=0, name="-", path=None).place(1)
    exchanges = [one for one in (parse_line(place, line) for line in lines) if isinstance(one, Exchange)]
    assert len(exchanges) == len(lines)
    for format_in, data in list(dict.fromkeys(in_every_format(exchanges, lines)))[number % 3 :: 3]:
        written = redact(data, format_in, redactor)
        assert verdict(written.data, format_in, used) == verdict(data, format_in, used), format_in
        again = redact(written.data, format_in, redactor)
        assert (again.data, again.replaced) == (written.data, []), format_in


def test_a_signature_without_its_word_is_no_signature_that_is_made_anew(redact: Any, verdict: Any) -> None:
    line = {
        "request": {
            "method": "POST",
            "url": "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query",
            "headers": {"Authorization": "a1" * 64},
            "body": {"customerId": "7"},
        },
        "response": {"status": 200, "headers": {}, "body": {"code": "02000", "message": "x"}},
    }
    data = json.dumps(line).encode()
    written = redact(data).data
    assert verdict(written) == verdict(data)
    assert b"Bearer" not in written
    assert b"a1a1" not in written
