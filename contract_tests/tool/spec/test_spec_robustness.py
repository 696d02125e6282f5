"""Whatever stands in the files, `spec` says where the trouble is and never falls over."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opay_contract.contract.documents import load_document
from opay_contract.contract.loading import load_contract
from opay_contract.jsontext import iter_nodes
from opay_contract.spec.lint import Proof, prove_contract

SPEC = "openapi.yaml"
ROOT = Path(__file__).parents[3]
LINES = (ROOT / SPEC).read_text(encoding="utf-8").splitlines(keepends=True)
VALUE = load_document(ROOT / SPEC, SPEC).value
PLACES = [tokens for tokens, _ in iter_nodes(VALUE)]
SCHEMAS = sorted(path.name for path in (ROOT / "schemas").glob("*.json"))
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1.5, "", "text", "/pointer", [], [None], [[]], {}, {"": None}, {"$ref": None},
    {"$ref": "#"}, {"$ref": "http://["}, {"type": 12, "properties": 1}, [{"id": {}}], {"a": {"b": []}},
    {"schema": {"items": 3}}]
)  # fmt: skip
pytestmark = pytest.mark.thorough

often = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@often
@given(st.integers(0, len(LINES)))
def test_a_spec_that_breaks_off_is_located_or_sound(contract: Path, end: int) -> None:
    (contract / SPEC).write_text("".join(LINES[:end]), encoding="utf-8")
    proof = prove_contract(contract)
    is_anybodys = "x-sources:\n" not in LINES[:end]  # a contract that names no sources is asked less
    assert proof.problems or is_anybodys or end > len(LINES) - 5
    _assert_located(proof, contract)


@often
@given(st.sampled_from(PLACES), WRONG)
def test_a_value_of_another_shape_anywhere_in_the_spec_is_no_crash(
    contract: Path, place: tuple[str | int, ...], wrong: Any
) -> None:
    text = json.dumps(_replaced(VALUE, place, wrong), indent=1)
    (contract / SPEC).write_text(text, encoding="utf-8")
    _assert_located(prove_contract(contract), contract)


@often
@given(st.sampled_from(SCHEMAS), st.randoms(use_true_random=False), WRONG)
def test_a_value_of_another_shape_anywhere_in_a_schema_is_no_crash(
    contract: Path, name: str, random: Any, wrong: Any
) -> None:
    original = json.loads((ROOT / "schemas" / name).read_text(encoding="utf-8"))
    place = random.choice([tokens for tokens, _ in iter_nodes(original)])
    text = json.dumps(_replaced(original, place, wrong), indent=1)
    (contract / "schemas" / name).write_text(text, encoding="utf-8")
    _assert_located(prove_contract(contract), contract)
    (contract / "schemas" / name).write_text(json.dumps(original), encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "a: &a [*a]",
        "a: *b",
        "!!python/object:os.system {}",
        "[" * 5000,
        "[" * 200 + "]" * 200,
        "a: b: c",
        "- 1",
    ],
    ids=["empty", "null", "loop", "alias", "python", "deep", "nested", "colon", "list"],
)
@pytest.mark.parametrize("name", [SPEC, "schemas/customer.json"])
def test_a_hostile_document_is_one_located_problem_among_others(contract: Path, name: str, text: str) -> None:
    (contract / name).write_text(text, encoding="utf-8")
    proof = prove_contract(contract)
    assert name in {problem.file for problem in proof.problems}
    _assert_located(proof, contract)


def test_bytes_that_are_no_text_are_a_problem(contract: Path) -> None:
    (contract / "schemas/customer.json").write_bytes(b"\xff\xfe")
    [problem] = prove_contract(contract).problems
    assert (problem.file, problem.check, problem.message) == (
        "schemas/customer.json",
        "document",
        "not UTF-8 text",
    )


def test_remote_references_are_reported_without_asking_the_network(contract: Path) -> None:
    text = (contract / SPEC).read_text(encoding="utf-8")
    remote = text.replace("$ref: schemas/", "$ref: https://contract.example/schemas/")
    (contract / SPEC).write_text(remote, encoding="utf-8")
    found = [problem for problem in prove_contract(contract).problems if problem.check == "reference"]
    assert len(found) == remote.count("$ref: https://")


def _assert_located(proof: Proof, contract: Path) -> None:
    """Each problem has a place in its file, and a contract without problems is one that `check` can load."""
    if not proof.problems:
        load_contract(contract)
    for problem in proof.problems:
        lines = (contract / problem.file).read_bytes().decode(errors="replace").split("\n")
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
        assert problem.message
        assert "\n" not in problem.message


def _replaced(value: Any, tokens: tuple[str | int, ...], wrong: Any) -> Any:
    if not tokens:
        return wrong
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[tokens[0]] = _replaced(value[tokens[0]], tokens[1:], wrong)
    return copy
