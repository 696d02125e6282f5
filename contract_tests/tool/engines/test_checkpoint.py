"""A run that was stopped goes on where it was, and takes nothing of other files or settings."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.engines.checkpoint import open_checkpoint
from opay_contract.engines.folding import fold_part
from opay_contract.engines.work import Work
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs

Alone = Callable[..., DriftSummary]
SIZE = 30_000
STARTED_AT = 1_790_000_000.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """Runs that keep what they did in `file`; each says what it did, what it took over, and what it found."""

    file: Path
    contract: Contract

    def __call__(
        self,
        *paths: Path,
        at_most: int = 999,
        base_urls: tuple[str, ...] = (),
        private_key: str | None = None,
    ) -> tuple[int, int, DriftSummary]:
        """Run over files, up to so many parts."""
        settings = Settings(started_at=STARTED_AT, private_key=private_key)
        checkpoint = open_checkpoint(self.file, STARTED_AT)
        checkpoint.bind({}, base_urls, settings, None)
        work = Work(iter_inputs([str(path) for path in paths]), None, SIZE, checkpoint)
        done = 0
        while done < at_most and (part := work.next()) is not None:
            work.take(part, fold_part(part, self.contract, settings, None))
            done += 1
        checkpoint.close()
        return done, checkpoint.taken_over, work.finish(is_partial=done == at_most)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "resume.jsonl"


@pytest.fixture
def run(file: Path, contract: Contract) -> Run:
    return Run(file=file, contract=contract)


def test_a_run_goes_on_where_it_was_stopped(file: Path, traffic: Path, run: Run, alone: Alone) -> None:
    parts = -(-traffic.stat().st_size // SIZE)
    run(traffic, at_most=3)
    with file.open("ab") as torn:
        torn.write(b'{"part": "0123')
    whole = alone(traffic)
    assert run(traffic) == (parts - 3, 3, whole)
    assert run(traffic) == (0, parts, whole)


def test_what_was_done_is_found_again_when_files_come_before_it(
    traffic: Path, tmp_path: Path, run: Run, alone: Alone
) -> None:
    earlier = tmp_path / "earlier.ndjson"
    earlier.write_bytes(traffic.read_bytes()[:SIZE])
    run(traffic)
    done, _, summary = run(earlier, traffic)
    assert done == 1
    assert summary == alone(earlier, traffic)


def test_nothing_is_taken_from_other_files_or_settings(
    file: Path, tmp_path: Path, traffic_bytes: bytes, run: Run
) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(traffic_bytes[: 2 * SIZE])
    assert run(path)[:2] == (2, 0)
    assert run(path, base_urls=("https://other.example",))[:2] == (2, 0)
    assert run(path, private_key="OPAYPRV_TEST_SYNTHETIC_0001")[:2] == (2, 0)
    path.write_bytes(traffic_bytes[: 2 * SIZE - 1])
    assert run(path)[:2] == (2, 0)
    assert run(path)[:2] == (0, 2)
    assert b"OPAYPRV" not in file.read_bytes()


def test_what_could_not_be_read_is_tried_again(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(b"")
    assert [run(path)[0], run(path)[0]] == [1, 1]


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
    with pytest.raises(UsageError, match=r"(?i)no such file"):
        open_checkpoint(file / "x", 1.0)
