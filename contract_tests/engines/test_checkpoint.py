"""A run that was stopped goes on where it was, and takes nothing that is not of the same files and settings."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.engines.checkpoint import Checkpoint, open_checkpoint
from opay_contract.engines.folding import PartResult, fold_part
from opay_contract.engines.work import Work
from opay_contract.errors import UsageError
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.listing import iter_inputs
from opay_contract.recordings.parts import Part
from opay_contract.rules.subject import Settings

Alone = Callable[..., DriftSummary]
SIZE = 30_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "resume.jsonl"


@pytest.fixture
def check(contract: Contract, run_settings: Settings) -> Callable[[Part], PartResult]:
    return lambda part: fold_part(part, contract, run_settings, None)


def begin(file: Path, settings: Settings, base_urls: tuple[str, ...] = ()) -> Checkpoint:
    checkpoint = open_checkpoint(file, settings.started_at)
    checkpoint.bind({}, base_urls, settings, None)
    return checkpoint


def run(
    checkpoint: Checkpoint, paths: list[Path], check: Callable[[Part], PartResult], parts: int = 999
) -> tuple[int, DriftSummary]:
    """Do at most so many parts; returns how many were done, and the summary."""
    work = Work(iter_inputs([str(path) for path in paths]), None, SIZE, checkpoint)
    done = 0
    while done < parts and (part := work.next()) is not None:
        work.take(part, check(part))
        done += 1
    checkpoint.close()
    return done, work.finish(is_partial=done == parts)


def test_a_run_goes_on_where_it_was_stopped(
    file: Path, traffic: Path, run_settings: Settings, check: Callable[[Part], PartResult], alone: Alone
) -> None:
    all_parts = -(-traffic.stat().st_size // SIZE)
    run(begin(file, run_settings), [traffic], check, 3)
    with file.open("ab") as torn:
        torn.write(b'{"part": "0123')
    checkpoint = begin(file, run_settings)
    done, summary = run(checkpoint, [traffic], check)
    assert (done, checkpoint.taken_over) == (all_parts - 3, 3)
    assert summary == alone(traffic)
    assert run(begin(file, run_settings), [traffic], check) == (0, summary)


def test_what_was_done_is_found_again_when_files_come_before_it(
    file: Path,
    traffic: Path,
    tmp_path: Path,
    run_settings: Settings,
    check: Callable[[Part], PartResult],
    alone: Alone,
) -> None:
    earlier = tmp_path / "earlier.ndjson"
    earlier.write_bytes(traffic.read_bytes()[:SIZE])
    run(begin(file, run_settings), [traffic], check)
    done, summary = run(begin(file, run_settings), [earlier, traffic], check)
    assert done == 1
    assert summary == alone(earlier, traffic)


@pytest.mark.parametrize("change", ["file", "base URL", "key"])
def test_nothing_is_taken_from_other_files_or_settings(
    file: Path,
    tmp_path: Path,
    traffic_bytes: bytes,
    run_settings: Settings,
    check: Callable[[Part], PartResult],
    change: str,
) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(traffic_bytes)
    parts, _ = run(begin(file, run_settings), [path], check)
    settings, base_urls = run_settings, ()
    if change == "file":
        path.write_bytes(traffic_bytes[:-1])
    elif change == "key":
        settings = Settings(started_at=run_settings.started_at, private_key="OPAYPRV_TEST_SYNTHETIC_0001")
    else:
        base_urls = ("https://other.example",)
    checkpoint = begin(file, settings, base_urls)
    assert run(checkpoint, [path], check)[0] == parts
    assert checkpoint.taken_over == 0
    assert b"OPAYPRV" not in file.read_bytes()


def test_what_could_not_be_read_is_tried_again(
    file: Path, tmp_path: Path, run_settings: Settings, check: Callable[[Part], PartResult]
) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(b"")
    for _ in range(2):
        assert run(begin(file, run_settings), [path], check)[0] == 1


def test_the_time_of_the_first_run_holds(file: Path) -> None:
    open_checkpoint(file, 5.0).close()
    again = open_checkpoint(file, 9.0)
    again.close()
    assert again.started_at == 5.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\n", "no file of --resume"),
        ("a recording\n", "damaged"),
        ("no line end", "damaged"),
        (json.dumps({"opay_contract_resume": 1, "started_at": 1}) + "\n{}\n", "damaged"),
    ],
)
def test_a_file_that_is_none_is_left_alone(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        open_checkpoint(file, 1.0)
    assert file.read_text() == content


def test_a_folder_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(UsageError, match="(?i)no such file"):
        open_checkpoint(file / "x", 1.0)
