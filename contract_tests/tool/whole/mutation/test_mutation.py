"""The mutation script: it lists its mutants, catches one, and its survivors are explained in the docs."""

import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
from contract_tests.tool.whole.mutation.__main__ import main
from contract_tests.tool.whole.mutation.in_process import find_culprit
from contract_tests.tool.whole.mutation.mutants import Mutant, iter_mutants

from opay_contract.contract.documents import load_documents

ROOT = Path(__file__).parents[4]
SURVIVORS = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text(encoding="utf-8"))
EVERY = 100
"""Of so many mutants one is judged here; the program judges all."""


@pytest.fixture(scope="module")
def mutants() -> list[Mutant]:
    return list(iter_mutants(ROOT))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mutation", *arguments])
    return main()


def uncaught(mutants: list[Mutant]) -> list[str]:
    documents = load_documents(ROOT)
    return [one.name for one in mutants if find_culprit(one, documents) is None and one.name not in SURVIVORS]


def test_every_part_of_the_contract_has_mutants(mutants: list[Mutant]) -> None:
    names = [mutant.name for mutant in mutants]
    assert len(names) == len(set(names)) > 480
    for part in (
        "schemas/card-token.json# without required brand",
        "schemas/card-token.json#/properties/createTimestamp without x-unit",
        "schemas/customer-tokens.json#/properties/cardTokens without x-unique-by",
        "schemas/success-code.json# without 00 in enum",
        "schemas/query-response.json# without 1 in anyOf",
        "openapi.yaml#without status 403",
        "openapi.yaml#without business code 96",
        "openapi.yaml#header MerchantId not required",
        "openapi.yaml#form by-token without echo 0",
        "schemas/open-questions.yaml#error-data null without evidence 0",
    ):
        assert part in names


def test_the_contract_as_it_is_is_caught_by_nothing() -> None:
    document = load_documents(ROOT)["openapi.yaml"]
    unchanged = Mutant(name="unchanged", file="openapi.yaml", make=partial(str, document.text))
    assert find_culprit(unchanged, load_documents(ROOT)) is None


def test_mutants_of_every_part_of_the_contract_are_caught(mutants: list[Mutant]) -> None:
    assert uncaught(mutants[::EVERY]) == []


def test_a_mutant_is_caught_and_the_share_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "schemas/card-token.json# without required brand"
    assert run(monkeypatch, "--only", name, "--processes", "1") == 0
    assert "1 of 1 mutants caught (100.0%)" in capsys.readouterr().out
    assert run(monkeypatch, "--list", "--only", name) == 0
    assert capsys.readouterr().out == f"{name}\n"


def test_a_pattern_that_matches_nothing_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--only", "nothing of the kind") == 2


def test_every_survivor_is_listed_with_its_reason_in_the_docs() -> None:
    page = (ROOT / "tools" / "docs" / "inside" / "mutation.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {reason} |" in page for name, reason in SURVIVORS.items())
    assert page.count("\n| `") == len(SURVIVORS)
