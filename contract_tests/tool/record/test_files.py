"""The file ends with a whole line, whatever happened; it is private, and no foreign file is touched."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import opay_contract
from opay_contract.errors import UsageError
from opay_contract.model.exchange import Unreadable
from opay_contract.record.files import Limits, LineFile, RotatingFile, numbered

LINE = b'{"request":{"method":"POST"},"response":{"status":200,"body":{}}}\n'
NAMES = ("calls.ndjson", "calls.ndjson.zst")
SOURCE = str(Path(opay_contract.__file__).parents[1])


def write(path: Path, *batches: list[bytes]) -> None:
    file = LineFile(path)
    for batch in batches:
        file.append(batch)
    file.close()


def unpacked(path: Path) -> bytes:
    return subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout  # noqa: S607


@given(cut=st.integers(0, len(LINE)))
def test_a_torn_last_line_is_cut_or_completed(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("torn") / "calls.ndjson"
    path.write_bytes(LINE + LINE[:cut])
    file = LineFile(path)
    whole = 2 if cut >= len(LINE) - 1 else 1
    assert file.lines == whole
    file.append([LINE])
    file.close()
    assert path.read_bytes() == LINE * (whole + 1)


@given(cut=st.integers(0, 200))
def test_a_torn_last_frame_is_cut(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    frame = zstandard.ZstdCompressor().compress(LINE * 2)
    path = tmp_path_factory.mktemp("torn") / "calls.ndjson.zst"
    path.write_bytes(frame + frame[:cut])
    whole = 2 if cut >= len(frame) else 1
    file = LineFile(path)
    assert file.lines == 2 * whole
    file.append([LINE])
    file.close()
    assert path.read_bytes() == frame * whole + zstandard.ZstdCompressor().compress(LINE)


def test_a_packed_file_can_be_read_after_every_batch(tmp_path: Path, recorded: Any) -> None:
    path = tmp_path / "calls.ndjson.zst"
    file = LineFile(path)
    for number in range(1, 4):
        file.append([LINE] * number)
        assert len(recorded(path)) == file.lines
        assert not any(isinstance(item, Unreadable) for item in recorded(path))
    file.close()
    assert unpacked(path) == LINE * 6


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.ndjson.zst"])
def test_only_the_owner_may_read_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for _ in range(2):
        write(path, [LINE])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", b"notes without an end of line"),
        ("calls.ndjson", zstandard.ZstdCompressor().compress(LINE)),
        ("calls.zst", LINE),
        ("damaged.zst", zstandard.ZstdCompressor().compress(LINE) + b"no frame at all"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_and_untouched(
    name: str, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"name another file"):
        LineFile(path)
    assert path.read_bytes() == data


def test_a_document_of_somebody_else_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(b'{\n  "mine": 1\n}')
    write(path, [LINE])
    assert path.read_bytes() == b'{\n  "mine": 1\n}\n' + LINE


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot record to"):
        RotatingFile(tmp_path / "none" / "calls.ndjson")
    with pytest.raises(UsageError, match="gzip is not written"):
        RotatingFile(tmp_path / "calls.ndjson.gz")


def test_a_full_device_is_an_os_error() -> None:
    file = LineFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        file.append([LINE])
    file.close()


def test_what_does_not_fit_leaves_nothing_torn_behind(tmp_path: Path, recorded: Any) -> None:
    program = """
import json, os, resource, sys
from pathlib import Path
from opay_contract.record.files import LineFile
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for path in sys.argv[1:]:
    file, failed = LineFile(Path(path)), 0
    for number in range(40):
        body = os.urandom(20).hex()
        line = json.dumps({"request": {}, "response": {"status": 200, "body": {"number": number, "a": body}}})
        try:
            file.append([line.encode() + b"\\n"] * 3)
        except OSError as error:
            failed += 1
    print(failed, file.lines)
"""
    paths = [tmp_path / name for name in NAMES]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
    )
    assert done.stderr == ""
    for path, said in zip(paths, done.stdout.splitlines(), strict=True):
        failed, lines = map(int, said.split())
        found = recorded(path)
        assert failed
        assert len(found) == lines
        assert (lines % 3 == 0) is (path.suffix == ".zst")  # of plain lines those that fit are there
        assert not any(isinstance(item, Unreadable) for item in found)


def test_processes_may_share_a_file_and_be_killed(tmp_path: Path, recorded: Any) -> None:
    program = f"""
import sys
from pathlib import Path
from opay_contract.record.files import LineFile
files = [LineFile(Path(path)) for path in sys.argv[1:]]
print("ready", flush=True)
while True:
    for file in files:
        file.append([{LINE!r}] * 3)
"""
    paths = [tmp_path / name for name in NAMES]
    command = [sys.executable, "-c", program, *map(str, paths)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE}
    writers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    while min(path.stat().st_size for path in paths) < 20_000:
        pass
    for writer in writers:
        writer.kill()
        writer.communicate()
    for path in paths:
        write(path, [LINE])
        assert {type(item).__name__ for item in recorded(path)} == {"Exchange"}


def test_it_goes_on_to_the_next_file_by_size_and_a_new_run_goes_on_there(tmp_path: Path) -> None:
    path, limits = tmp_path / "calls.ndjson", Limits(size=2 * len(LINE))
    for _ in range(2):
        file = RotatingFile(path, limits)
        for _ in range(3):
            file.turn()
            file.append([LINE])
        file.close()
    names = ["calls.0002.ndjson", "calls.0003.ndjson", "calls.ndjson"]
    assert sorted(found.name for found in tmp_path.iterdir()) == names
    assert {found.read_bytes() for found in tmp_path.iterdir()} == {LINE * 2}


def test_it_goes_on_to_the_next_file_by_time_but_not_from_an_empty_one(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "calls.ndjson.zst", Limits(seconds=1e-9))
    file.turn()
    assert file.path.name == "calls.ndjson.zst"
    file.append([LINE])
    file.turn()
    assert file.path.name == "calls.0002.ndjson.zst"
    file.close()


def test_it_stays_where_the_next_file_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    file = RotatingFile(path, Limits(size=1))
    numbered(path, 2).mkdir()
    file.append([LINE])
    file.turn()
    file.append([LINE])
    file.close()
    assert [json.loads(line)["response"]["status"] for line in path.read_bytes().splitlines()] == [200, 200]
