"""The mutation script: it lists its mutants, catches one, and its survivors are explained in the docs."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import opay_contract

ROOT = Path(__file__).parents[4]
SURVIVORS = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text(encoding="utf-8"))


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    source = str(Path(opay_contract.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "contract_tests.tool.whole.mutation", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_part_of_the_contract_and_every_drift_scenario_has_mutants() -> None:
    names = run("--list").stdout.splitlines()
    assert len(names) == len(set(names)) > 500
    for part in (
        "schemas/card-token.json# without required brand",
        "schemas/card-token.json#/properties/createTimestamp without x-unit",
        "schemas/customer-tokens.json#/properties/cardTokens without x-unique-by",
        "schemas/success-code.json# without 00 in enum",
        "schemas/query-response.json#/if/properties/data without type",
        "openapi.yaml#without status 403",
        "openapi.yaml#without business code 96",
        "openapi.yaml#header MerchantId not required",
        "openapi.yaml#form by-token without echo 0",
        "openapi.yaml#error-data null without evidence 0",
        "mock answers with field-added",
    ):
        assert part in names


def test_a_mutant_is_caught_and_the_share_is_told() -> None:
    done = run("--only", "schemas/card-token.json# without required brand", "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 mutants caught (100.0%)" in done.stdout


def test_a_pattern_that_matches_nothing_is_wrong_usage() -> None:
    assert run("--only", "nothing of the kind").returncode == 2


def test_every_survivor_is_listed_with_its_reason_in_the_docs() -> None:
    page = (ROOT / "tools" / "docs" / "inside" / "mutation.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {reason} |" in page for name, reason in SURVIVORS.items())
    assert page.count("\n| `") == len(SURVIVORS)
