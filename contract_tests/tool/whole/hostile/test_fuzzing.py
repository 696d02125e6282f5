"""Mutated recordings of every format: a few of those that were once wrong, and a few more."""

from pathlib import Path

import pytest
from contract_tests.tool.whole.hostile.fuzzing import Fuzzer
from contract_tests.tool.whole.hostile.mutating import RECORDINGS, mutate
from contract_tests.tool.whole.hostile.sweeping import sweep

from opay_contract.contract.contract import Contract

KEPT = {
    "har": [10082, 10260, 21032, 201517],
    "ndjson": [3489, 3564, 101914, 103292, 300659, 346851],
    "ndjson-base64": [60665, 202440],
    "ndjson-text": [200966, 341596],
    "schemathesis-ndjson": [201051, 301132, 356881],
    "body": [200353, 200466],
    "mitmproxy": [90000, 90203, 90266, 90385, 90438, 90501, 90523, 100560, 305948, 311913, 345006, 356788],
    "newman": [46, 218, 90219, 102674, 720487, 371239],
    "postman": [100054, 101811, 120093, 360123],
    "vcr-yaml": [3281, 3404, 3678, 11862],
    "vcr-json": [31452, 32582, 32745, 200841, 200920, 350856, 362500],
    "curl": [3531, 3663, 90400, 300713, 316415, 346688, 355892, 357661, 360467, 612006],
    "access-log": [7, 288, 315, 538],
    "parquet": [50037, 50042, 50095, 50199, 50793, 100087, 100134, 101103],
}
"""Seeds of recordings that were once reported otherwise than they were redacted, or ended the run."""

KEPT_SWEPT = {"curl": [321415], "newman": [305081]}

MORE = 2


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_mutated_recording_is_checked_in_parts_redacted_and_verified_alike(
    name: str, contract: Contract, tmp_path: Path
) -> None:
    fuzzer = Fuzzer(tmp_path, contract)
    format_in = RECORDINGS[name][1]
    made = {seed: mutate(name, seed) for seed in (*KEPT.get(name, ()), *range(MORE // 2))}
    made |= {f"swept {seed}": sweep(name, seed) for seed in (*KEPT_SWEPT.get(name, ()), *range(MORE // 2))}
    found = {seed: list(fuzzer.iter_faults(format_in, data)) for seed, data in made.items()}
    assert {seed: faults for seed, faults in found.items() if faults} == {}
