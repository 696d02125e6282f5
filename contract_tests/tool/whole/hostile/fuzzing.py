"""Checks and redacts changed recordings and says what is wrong: run it for as long as there is time.

Half of the time each recording is swept, one change at one place a seed, half of it mutated at random.

python -m contract_tests.tool.whole.hostile.fuzzing har vcr-yaml --seconds 600 --begin 1000
"""

import argparse
import io
import itertools
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from contract_tests.tool.whole.hostile.mutating import RECORDINGS, mutate
from contract_tests.tool.whole.hostile.sweeping import sweep
from contract_tests.tool.whole.leaks.canaries import NAMES, find_canaries

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.engines.folding import fold_part
from opay_contract.engines.work import Work
from opay_contract.formats.editing import Tally
from opay_contract.formats.errors import StreamError
from opay_contract.formats.table import Format
from opay_contract.formats.tnetstrings import BYTES, LIST, OBJECT, TnetstringReader, Value, cut
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.files import redact_stream, verify_source
from opay_contract.redact.redactor import Redactor
from opay_contract.report.checked_run import CheckedRun, View
from opay_contract.report.text_report import render_text

SETTINGS = Settings(started_at=1_790_000_000.0, private_key="OPAYPRV_TEST_SYNTHETIC_0001")
SLOW, SLOW_PER_BYTE = 1.0, 1e-4
"""Seconds of the processor in which a recording is checked and redacted, and more for each unpacked byte."""

_PART = 700
_NAMES = re.compile("|".join(map(re.escape, NAMES.values())), re.IGNORECASE)
_SHOWN = rf"(?:\[|[\"']?(?:name|key)[\"']?: )[\"']?(?:{_NAMES.pattern})[\"']?"
_KEYS = re.compile(rf"{_SHOWN}|[\"']?(?<![\w.-])[\w.-]++[\"']?\s*+[:\\]")
"""A name that looks like a member's stays where a report shows it, and as a member's."""

_EVERYTHING = View(is_full=True, shows_questions=True, shows_observed=True, is_verbose=True)


class Fuzzer:
    """Looks at one recording after another, as files in a folder."""

    def __init__(self, folder: Path, contract: Contract | None = None) -> None:
        self._folder = folder
        self._contract = contract or load_contract()
        key = b"a key of thirty-two bytes, no more"
        self._redactor = Redactor(self._contract, key, SETTINGS.private_key)

    def iter_faults(self, format_in: Format, data: bytes, *, is_short: bool = False) -> Iterator[str]:
        """Yield what is wrong with how a recording is checked and redacted; a short look leaves out some."""
        begun = time.process_time()
        source = self._source(data, "recorded")
        summary = self._check(source, format_in)
        run = CheckedRun(summary=summary, questions=self._contract.questions, contract=self._contract)
        if find_canaries(_NAMES.sub("", render_text(run, _EVERYTHING))):
            yield "the report quotes what was recorded"
        if format_in in (Format.NDJSON, Format.HAR, Format.PARQUET) and not is_short:
            yield from self._iter_faults_of_parts(source, format_in, summary)
        tally, written = self._redact(source, format_in)
        counted = summary.exchanges + summary.out_of_scope + summary.unreadable_count
        if tally.exchanges != counted and not tally.broken:
            yield f"of {tally.exchanges} entries that are redacted {counted} are checked"
        if tally.entries or not tally.broken:
            yield from self._iter_faults_of_redaction(written, format_in, summary, tally, is_short=is_short)
        taken = time.process_time() - begun
        if taken > SLOW + SLOW_PER_BYTE * (size := _size_of(data, format_in)):
            yield f"{size} bytes take {taken:.1f} s"

    def _iter_faults_of_parts(
        self, source: Source, format_in: Format, summary: DriftSummary
    ) -> Iterator[str]:
        work = Work([source], format_in, _PART)
        for part in iter(work.next, None):
            work.take(part, fold_part(part, self._contract, SETTINGS, format_in))
        joined = work.finish()
        if joined != summary:
            yield "its parts are not the whole: " + _differences(summary, joined)

    def _iter_faults_of_redaction(
        self, written: bytes, format_in: Format, summary: DriftSummary, tally: Tally, *, is_short: bool
    ) -> Iterator[str]:
        source = self._source(written, "redacted")
        again = self._check(source, format_in)
        if self._verdict(again) != self._verdict(summary):
            yield "other findings: " + _differences(summary, again)
        proof, places = verify_source(self._redactor, source, format_in)
        if places:
            yield f"--verify refuses it: {places[:3]}"
        if proof.unread != tally.unread and not tally.broken:
            yield f"unreadable for other reasons: {tally.unread} {proof.unread}"
        is_steady = is_short or format_in is Format.PARQUET or self._redact(source, format_in)[1] == written
        if not is_steady:
            yield "a second redaction changes it"
        if format_in is not Format.PARQUET:
            left = find_canaries(_KEYS.sub("", _text_of(written, format_in)))
            if left := [one for one in left if find_canaries(_KEYS.sub("", one))]:  # it may come from base64
                yield f"it holds what was recorded: {left[:2]}"
        if refused := [reason for reason in tally.unread.values() if "cannot be redacted" in reason]:
            yield refused[0]

    def _source(self, data: bytes, name: str) -> Source:
        path = self._folder / name
        path.write_bytes(data)
        return Source(ordinal=0, name=name, path=path)

    def _check(self, source: Source, format_in: Format) -> DriftSummary:
        fold = Fold(self._contract, SETTINGS)
        for entry in iter_exchanges(source, format_in):
            fold.add(entry)
        return fold.summary()

    def _redact(self, source: Source, format_in: Format) -> tuple[Tally, bytes]:
        redactor = self._redactor
        redactor.memory.begin()
        sink = io.BytesIO()
        tally = redact_stream(redactor, source, sink, format_in)
        if clashes := redactor.memory.clashes():
            again = self._source(sink.getvalue(), "again")
            redactor.memory.begin(clashes)
            sink = io.BytesIO()
            redact_stream(redactor, again, sink, format_in)
        return tally, sink.getvalue()

    def _verdict(self, summary: DriftSummary) -> tuple[object, ...]:
        """Return what must be the same after a redaction: all but names that may be somebody's."""
        known = self._redactor.values.texts.detector.is_known
        counts = Counter[tuple[object, ...]]()
        for key, folded in summary.findings.items():
            place = (one if known(one) or one[:1] in ("(", "*") else "?" for one in key[3].split("/"))
            counts[*key[:3], "/".join(place)] += folded.count
        return (counts, summary.exchanges, summary.out_of_scope, summary.unreadable_count)


def _size_of(data: bytes, format_in: Format) -> int:
    """Return how long a file is, where its rows are packed what they unpack to."""
    with suppress(pa.ArrowException, OSError, UnicodeDecodeError):  # pyarrow says each of a damaged file
        if format_in is Format.PARQUET:
            file = pq.read_metadata(io.BytesIO(data))
            return sum(file.row_group(number).total_byte_size for number in range(file.num_row_groups))
    return len(data)


def _text_of(written: bytes, format_in: Format) -> str:
    """Return the text of a file, of flows without the names of members and of fields."""
    if format_in is not Format.MITMPROXY:
        return written.decode(errors="replace")
    texts: list[str] = []
    with suppress(StreamError):
        for flow in TnetstringReader(io.BytesIO(written)).iter_values():
            texts += _iter_values(flow) if flow is not None else ()
    return "\n".join(texts)


def _iter_values(value: Value) -> Iterator[str]:
    kind, text = value
    if kind not in (OBJECT, LIST):
        yield text.decode(errors="replace")
        return
    inner = list(cut(text))
    is_named = kind == OBJECT or [one[0] for one in inner] == [BYTES, BYTES]
    for one in inner[1::2] if is_named else inner:
        yield from _iter_values(one)


def _differences(old: DriftSummary, new: DriftSummary) -> str:
    before = {key[:4]: one.count for key, one in old.findings.items()}
    after = {key[:4]: one.count for key, one in new.findings.items()}
    findings = sorted(map(str, set(before.items()) ^ set(after.items())))[:4]
    numbers = [(one.exchanges, one.out_of_scope, one.unreadable_count) for one in (old, new)]
    unreadable = [[(at.place.entry, at.reason) for at in one.unreadable][:3] for one in (old, new)]
    return f"{findings} {numbers} {unreadable}"


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECORDINGS)}; or all")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the processor, for each recording")
    parser.add_argument("--begin", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="how many seeds at most")
    options = parser.parse_args()
    if unknown := set(options.names) - set(RECORDINGS):
        parser.error(f"there is no recording {', '.join(sorted(unknown))}")
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        for name, make in product(options.names or RECORDINGS, (sweep, mutate)):
            end, seed = time.process_time() + options.seconds / 2, options.begin
            for seed in itertools.islice(itertools.count(options.begin), options.count):
                try:
                    data = make(name, seed)
                    found = list(fuzzer.iter_faults(RECORDINGS[name][1], data, is_short=bool(seed % 3)))
                except Exception as error:  # noqa: BLE001  that is what is looked for
                    found = [f"{type(error).__name__}: {error}"[:300]]
                for fault in found:
                    faults += 1
                    sys.stdout.write(f"{name} {make.__name__} {seed}: {fault}\n")
                    sys.stdout.flush()
                if time.process_time() > end:
                    break
            sys.stdout.write(f"{name} {make.__name__}: seeds {options.begin} to {seed}\n")
            sys.stdout.flush()
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(_main())
