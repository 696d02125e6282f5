"""The command `redact`: what it writes, what it refuses, and what --verify says."""

import base64
import gzip
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tracemalloc
from itertools import product, repeat
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from contract_tests.usual import each, one_in

from opay_contract.cli.redact import redact
from opay_contract.errors import UsageError
from opay_contract.formats import bounds
from opay_contract.formats.bounds import TOO_MANY_VALUES
from opay_contract.formats.content_coding import NO_BROTLI
from opay_contract.recordings.inputs import Source
from opay_contract.redact.files import redact_file, redact_stream

RECORDINGS = Path(__file__).parents[2] / "recordings"
DRIFTED = RECORDINGS / "drifted" / "requests.ndjson"
FEWER = 10_000
"""How many values a body may have where the usual limit would take long."""

KEY = {"OPAY_REDACTION_KEY": "a key of more than sixteen bytes"}


def run(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(redact, [str(one) for one in arguments], env=environment, standalone_mode=True)


def test_a_file_is_redacted_and_then_proved_clean(tmp_path: Path) -> None:
    output = tmp_path / "clean.ndjson"
    assert run(DRIFTED, "-o", output, **KEY).exit_code == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert run("--verify", DRIFTED).exit_code == 1
    proof = run("--verify", output)
    assert (proof.exit_code, proof.output) == (0, "Clean: 35 exchanges verified.\n")
    assert os.listdir(tmp_path) == ["clean.ndjson"]  # noqa: PTH208  also what begins with a dot


def test_verify_says_type_and_place_and_never_the_value(tmp_path: Path) -> None:
    path = tmp_path / "one.ndjson"
    body = {
        "code": "00000",
        "message": "SUCCESSFUL",
        "data": {"customer": {"customerName": "Amira Canarywood"}},
    }
    path.write_text(json.dumps({"response": {"status": 200, "headers": {"X-Note": "Amira"}, "body": body}}))
    said = run("--verify", path).output
    assert said.splitlines()[:-1] == [
        f"{path}: customer data at /data/customer/customerName",
        f"{path}: header value at response-header:X-Note",
    ]
    assert said.splitlines()[-1].startswith(
        "Not clean: 2 places in 1 file, 1 exchange looked at; replace them"
    )


def test_the_same_key_gives_the_same_file_and_another_key_another(tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("a", "b", "c")]
    key_file = tmp_path / "key"
    key_file.write_text(KEY["OPAY_REDACTION_KEY"])
    run(DRIFTED, "-o", outputs[0], **KEY)
    run(DRIFTED, "-o", outputs[1], "--key-file", key_file)
    run(DRIFTED, "-o", outputs[2])
    first, second, third = (output.read_bytes() for output in outputs)
    assert first == second != third
    assert KEY["OPAY_REDACTION_KEY"].encode() not in first


def test_a_folder_becomes_a_folder_with_the_same_names(tmp_path: Path) -> None:
    names = {"chromium.har", "requests.ndjson", "requests.ndjson.gz", "vcrpy.json", "vcrpy.yaml"}
    (tmp_path / "in").mkdir()
    for name in names:
        shutil.copy(RECORDINGS / "clean" / name, tmp_path / "in")
    done = run(tmp_path / "in", "-o", tmp_path / "out", **KEY)
    assert done.exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    packed = (tmp_path / "out" / "requests.ndjson.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "out" / "requests.ndjson").read_bytes()
    assert run("--verify", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("output", ["one.ndjson", "link.ndjson", "."])
def test_an_input_is_never_overwritten(output: str, tmp_path: Path) -> None:
    source = tmp_path / "one.ndjson"
    source.write_bytes(DRIFTED.read_bytes())
    (tmp_path / "link.ndjson").symlink_to(source)
    with pytest.raises(UsageError, match="would be overwritten"):
        redact.main([str(source), "-o", str(tmp_path / output)], standalone_mode=False)
    assert source.read_bytes() == DRIFTED.read_bytes()


@each("arguments", [["x"], ["x", "-o", "y", "--verify"], ["-", "-o", "y"]])
def test_orders_that_contradict_themselves_are_refused(arguments: list[str]) -> None:
    with pytest.raises((UsageError, click.UsageError)):
        redact.main(arguments, standalone_mode=False)


def test_a_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPAY_REDACTION_KEY", "short")
    with pytest.raises(UsageError, match="shorter than 16 bytes"):
        redact.main([str(DRIFTED), "-o", str(tmp_path / "x")], standalone_mode=False)


def test_nothing_to_read_and_nothing_readable_have_codes_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("--verify", tmp_path / "empty").exit_code == 3
    assert isinstance(run("--verify", tmp_path / "missing.har").exception, UsageError)
    broken = tmp_path / "broken.ndjson"
    broken.write_text('{"response": {"status": 200, "body": {}}}\n{"response": {"status": "Amira"}}\n')
    done = run(broken, "-o", tmp_path / "out.ndjson")
    assert done.exit_code == 4
    assert "entry 2: the status is not an integer; it stays so, without what it held" in done.output
    assert "Amira" not in (tmp_path / "out.ndjson").read_text() + done.output
    assert (tmp_path / "out.ndjson").read_text().count("\n") == 2
    assert run("--verify", tmp_path / "out.ndjson").exit_code == 0


def test_json_that_a_check_refuses_is_not_redacted_as_a_body(tmp_path: Path) -> None:
    path, output = tmp_path / "settings.json", tmp_path / "out.json"
    path.write_text('{"name": "Amira", "items": [{"request": {"body": {"mode": "json"}}}]}')
    for done in (run(path, "-o", output), run("--verify", path)):
        assert (done.exit_code, output.exists()) == (4, False)
        assert "neither a recording that is known nor an answer" in done.output
    assert run(path, "-o", output, "--format-in", "body").exit_code == 0


def test_a_text_of_another_format_behind_a_recording_is_said(tmp_path: Path) -> None:
    exchange = {"request": {"method": "GET", "url": "https://api.example.net/x"}, "response": {"status": 200}}
    item = {"name": "x", "request": exchange["request"], "response": []}
    for recording in ({"log": {"version": "1.2", "entries": [exchange]}}, {"info": {}, "item": [item, item]}):
        path, output = tmp_path / "in.json.gz", tmp_path / "out.json.gz"
        path.write_bytes(gzip.compress(json.dumps(recording).encode() + b'\n"Amira"'))
        wanted = "har" if "log" in recording else "postman"
        for one in (path, output):
            done = run(one, "-o", output if one == path else tmp_path / "again", "--format-in", wanted)
            assert done.exit_code == 4
            assert "the JSON text on line" in done.output
        assert b"Amira" not in gzip.decompress(output.read_bytes())


def test_what_went_to_another_api_is_not_unreadable(tmp_path: Path) -> None:
    path, documented = tmp_path / "calls.ndjson", "/api/v1/international/token/query"
    for host, code in {"api.example.net": 0, "sandbox-cashierapi.opaycheckout.com": 4}.items():
        request = {"method": "POST", "url": f"https://{host}{documented}"}
        path.write_text(json.dumps({"request": request, "response": {"status": 200}}))
        assert run(path, "-o", tmp_path / "out.ndjson").exit_code == code


def test_a_body_that_is_too_much_to_judge_is_said_and_something_stands_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_VALUES", FEWER)
    large, output = tmp_path / "large.ndjson", tmp_path / "out.ndjson"
    items = ",".join(["8812345678"] * (FEWER + 1))
    large.write_text(f'{{"response": {{"status": 200, "body": [{items}]}}}}\n')
    done = run(large, "-o", output)
    assert done.exit_code == 4
    assert f"entry 1: {TOO_MANY_VALUES}; it stays so, without what it held" in done.output
    assert "8812345678" not in output.read_text()
    assert run(output, "-o", tmp_path / "again.ndjson").exit_code == 4
    assert run("--verify", large).exit_code == 1
    assert run("--verify", output).exit_code == 0


@pytest.mark.parametrize(
    ("name", "packed"),
    one_in(
        3, product(["requests.ndjson", "playwright.har", "vcrpy.yaml", "schemathesis.ndjson"], [False, True])
    ),
)
def test_a_file_that_breaks_off_still_does(
    name: str,
    packed: bool,  # noqa: FBT001
    tmp_path: Path,
    make_redactor: Any,
    verdict: Any,
) -> None:
    data = (RECORDINGS / "drifted" / name).read_bytes()
    data = gzip.compress(data)[:-2000] if packed else data[: len(data) // 2]
    path, output = tmp_path / "in", tmp_path / "out"
    path.write_bytes(data)
    redact_file(make_redactor(), Source(ordinal=0, name="in", path=path), output)
    assert verdict(output.read_bytes()) == verdict(data)


class _Counter:
    written = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)


@pytest.mark.parametrize(
    ("before", "between", "after"), [("", "\n", "\n"), ('{"log":{"entries":[', ",", "]}}")]
)
def test_memory_stays_flat(before: str, between: str, after: str, tmp_path: Path, make_redactor: Any) -> None:
    entry = {
        "request": {"method": "POST", "url": "https://a.example/", "headers": []},
        "response": {"status": 200, "headers": [], "body": "x" * 20_000, "content": {"text": "x" * 20_000}},
    }
    text = json.dumps(entry)
    path, sink = tmp_path / "long", _Counter()
    with path.open("w") as file:
        file.write(before + text)
        file.writelines(repeat(between + text, 50))
        file.write(after)
    redactor = make_redactor()
    tracemalloc.start()
    try:
        tally = redact_stream(redactor, Source(ordinal=0, name="long", path=path), sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tally.entries, tally.broken) == (51, None)
    assert sink.written > 2_000_000
    assert peak < 1_500_000


def test_without_its_extra_brotli_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    source = tmp_path / "packed.yaml"
    body = base64.b64encode(b"\x0b\x02\x80{}\x03").decode()
    response = {"status": 200, "headers": {"Content-Encoding": ["br"]}, "body": {"base64_string": body}}
    source.write_text(json.dumps({"interactions": [{"request": {}, "response": response}]}))
    said = f"entry 1: {NO_BROTLI}"
    for arguments, code in ((("--verify", source), 1), ((source, "-o", tmp_path / "out.yaml"), 4)):
        done = run(*arguments, **KEY)
        assert done.exit_code == code
        assert said in done.output


def test_sigterm_leaves_no_temporary_file(tmp_path: Path) -> None:
    source, folder = tmp_path / "in.ndjson", tmp_path / "out"
    os.mkfifo(source)  # it is read for as long as somebody writes
    arguments = [
        sys.executable,
        "-m",
        "opay_contract.cli.main",
        "redact",
        str(source),
        "-o",
        str(folder / "o"),
    ]
    with (
        subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process,
        source.open("wb", buffering=0) as writer,
    ):
        writer.write(DRIFTED.read_bytes()[:60_000])
        while not folder.exists() or not os.listdir(folder):  # noqa: PTH208  what begins with a dot, too
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert os.listdir(folder) == []  # noqa: PTH208
