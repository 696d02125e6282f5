"""How much goes together, how often it is told, and when it is kept: each at its edge."""

import json
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.engines import folding
from opay_contract.engines.checkpoint import VERSION, open_checkpoint
from opay_contract.engines.folding import (
    OTHER_VERSION,
    PROGRESS_STEP,
    PartResult,
    Refusal,
    build_job,
    check_parts,
    check_sources,
)
from opay_contract.engines.work import MOST_PARTS, Work
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.recordings.inputs import iter_inputs

LINE = '{"request":{},"response":{}}\n'


def files(folder: Path, number: int, lines: int = 1) -> list[str]:
    for one in range(number):
        (folder / f"{one:04}.ndjson").write_text(LINE * lines, encoding="utf-8")
    return [str(folder)]


def test_progress_is_told_at_the_first_entry_and_after_each_step(
    tmp_path: Path, contract: Contract, run_settings: Settings
) -> None:
    told: list[int] = []
    paths = files(tmp_path, 1, 2 * PROGRESS_STEP + 1)
    check_sources(iter_inputs(paths), contract, run_settings, on_progress=told.append)
    assert told == [1, PROGRESS_STEP + 1, 2 * PROGRESS_STEP + 1]


def test_as_many_small_files_go_together_as_fit_and_no_more(tmp_path: Path) -> None:
    paths = files(tmp_path, MOST_PARTS + 1)
    whole = Work(iter_inputs(paths), None, None)
    assert [len(whole.next_batch()) for _ in range(3)] == [MOST_PARTS, 1, 0]
    by_size = Work(iter_inputs(paths), None, 3 * len(LINE))
    assert len(by_size.next_batch()) == 3, "what fills a batch exactly is the last of it"


def test_a_finished_part_is_in_the_file_at_once(
    tmp_path: Path, contract: Contract, run_settings: Settings
) -> None:
    file = tmp_path / "resume.jsonl"
    checkpoint = open_checkpoint(file, 1.0)
    checkpoint.bind({}, (), run_settings, None)
    work = Work(iter_inputs(files(tmp_path, 2)), None, None, checkpoint)
    for lines in (2, 3):
        (part,) = work.next_batch()
        work.take(part, PartResult(lines=1))
        assert len(file.read_bytes().splitlines()) == lines, "a run may be killed right after it"
    checkpoint.close()
    assert contract


def test_a_file_of_the_version_before_or_after_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "resume.jsonl"
    for version in (VERSION - 1, VERSION + 1):
        file.write_text(
            json.dumps({"opay_contract_resume": version, "started_at": 1.0}) + "\n", encoding="utf-8"
        )
        with pytest.raises(UsageError, match="another version"):
            open_checkpoint(file, 1.0)


def test_a_worker_of_another_version_or_key_takes_no_part(
    run_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = build_job(load_documents(default_directory()), (), run_settings, None)
    assert check_parts(job, ()) == []
    monkeypatch.setattr(folding, "__version__", "0.0.0")
    assert check_parts(job, ()) == Refusal(reason=OTHER_VERSION)
