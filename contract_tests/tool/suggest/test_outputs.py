"""A proposal as patch, overlay and JSON: each makes the same contract of the one that was read."""

import copy
import json
import os
import re
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from contract_tests.tool.running import published_schema
from contract_tests.usual import one_in

from opay_contract.contract.documents import parse_document
from opay_contract.jsontext import iter_nodes, value_at
from opay_contract.suggest.outputs import (
    normalized_path,
    overlay_files,
    render_diff,
    render_overlays,
    render_revision,
    render_suggestions,
)
from opay_contract.suggest.suggestion import Proposal, Revision, Thresholds

from .conftest import Bench, Call, Traffic, copy_contract

GOLDEN = Path(__file__).parent / "golden" / "several.diff"
AROUND = re.compile(r"(?<=openapi\.yaml:)\d+|^(?:@@| ).*\n", re.MULTILINE)
"""What moves when the contract grows by an operation: lines of its file, and what stands around a change."""
STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[([0-9]+)\]")


def several(call: Call) -> None:
    """Change what each kind of edit is needed for."""
    body = call["response"]["body"]
    if body["code"] == "02000":
        body["code"] = "77777" if call["recorded_at"] < "2026-05-03" else "88888"
        return
    card = body["data"].get("cardTokens", [body["data"]])[0]
    card |= {"issuer": "Bank", "brand": None, "createTimestamp": 1.5, "expiryYear": "26", "expiryMonth": "02"}
    del card["firstSixDigits"]
    call["request"]["headers"].pop("MerchantId")


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Proposal:
    return copy_contract(tmp_path_factory.mktemp("contract")).propose(Traffic(change=several, per_day=14))


def values(proposal: Proposal) -> dict[str, Any]:
    return {one.name: parse_document(one.after, one.name).value for one in proposal.revisions}


def test_the_patch_says_why_before_it_says_what(proposal: Proposal) -> None:
    text = AROUND.sub("", render_diff(proposal))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.external
@pytest.mark.parametrize("command", [["git", "apply", "-"], ["patch", "-p1", "--silent"]])
def test_git_and_patch_make_the_suggested_contract(
    bench: Bench, proposal: Proposal, command: list[str]
) -> None:
    done = subprocess.run(
        command, cwd=bench.folder, input=render_diff(proposal), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for revision in proposal.revisions:
        assert (bench.folder / revision.name).read_bytes().decode() == revision.after


@pytest.mark.external
@pytest.mark.parametrize("command", [["git", "apply", "-"], ["patch", "-p1", "--silent", "--binary"]])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb", "a\nb\nc"),
        ("a\r\nb\r\n", "a\r\nb\x0c\r\nc\r\n"),
        ("a\nb\n", "a\nx"),
        ("é\u2028b\n", "é\u2028c\n"),
    ],
)
def test_a_patch_keeps_line_ends(tmp_path: Path, command: list[str], before: str, after: str) -> None:
    (tmp_path / "f").write_bytes(before.encode())
    diff = render_revision(Revision(name="f", before=before, after=after))
    subprocess.run(command, cwd=tmp_path, input=diff.encode(), check=True, capture_output=True)
    assert (tmp_path / "f").read_bytes().decode() == after


def apply_overlay(document: Any, overlay: dict[str, Any]) -> Any:
    """Apply an overlay as version 1.0.0 of the specification says, for targets that are one place each."""
    result = {"$": copy.deepcopy(document)}
    for action in overlay["actions"]:
        tokens: list[Any] = ["$", *_steps(action["target"])]
        holder: Any = result
        for token in tokens[:-1]:
            holder = holder[token]
        target = holder[tokens[-1]]
        assert isinstance(target, dict | list), "a target is an object or an array"
        if action.get("remove"):
            del holder[tokens[-1]]
        else:
            assert isinstance(target, dict), "tools differ in how they append"
            _merge(target, action["update"])
    return result["$"]


def _merge(target: dict[str, Any], update: dict[str, Any]) -> None:
    for name, value in update.items():
        assert not (name in target and isinstance(target[name], dict | list)), (
            "tools differ in how lists merge"
        )
        target[name] = copy.deepcopy(value)


def _steps(path: str) -> list[str | int]:
    assert re.fullmatch(rf"\$(?:{STEP.pattern})*", path)
    return [
        int(match[2]) if match[2] else json.loads(f'"{match[1]}"'.replace("\\'", "'"))
        for match in STEP.finditer(path[1:])
    ]


def test_each_overlay_makes_its_document_of_the_one_that_it_extends(proposal: Proposal) -> None:
    overlays = {name: json.loads(text) for name, text in overlay_files(proposal).items()}
    assert overlays.keys() == {one.name for one in proposal.revisions}
    for revision in proposal.revisions:
        overlay = overlays[revision.name]
        assert overlay["overlay"] == "1.0.0"
        assert overlay["extends"] == revision.name
        assert all(action["description"] for action in overlay["actions"])
        removed = [action["target"] for action in overlay["actions"] if "remove" in action]
        assert len(set(removed)) == len(removed), "a list is put back once, with all that was appended"
        made = apply_overlay(parse_document(revision.before, revision.name).value, overlay)
        assert made == values(proposal)[revision.name]


def test_several_overlays_are_a_stream_of_documents(proposal: Proposal) -> None:
    texts = render_overlays(proposal).split("---\n")
    assert [json.loads(text)["extends"] for text in texts] == [one.name for one in proposal.revisions]


def test_a_place_is_a_normalized_path() -> None:
    assert normalized_path(()) == "$"
    assert normalized_path(("paths", "/a/{b}", 0, "it's\\\n")) == r"$['paths']['/a/{b}'][0]['it\'s\\\n']"
    assert _steps(normalized_path(("it's\\\n\x01", 3))) == ["it's\\\n\x01", 3]


def test_the_json_fits_its_schema_and_says_all_of_it(proposal: Proposal) -> None:
    written = json.loads(render_suggestions(proposal))
    schema = published_schema("suggest/suggestions-v1.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(written)
    assert len(written["suggestions"]) == len(proposal.suggestions)
    assert {edit["do"] for one in written["suggestions"] for edit in one["edits"]} == {
        "add",
        "append",
        "put",
        "remove",
    }
    assert [one["file"] for one in written["files"]] == [one.name for one in proposal.revisions]
    assert written["thresholds"]["count"] == Thresholds().count


@pytest.mark.parametrize(
    "canary", one_in(2, ["Leaky 4711 0815", "leaky@example.com", 4711081547110815, -4711.0815])
)
def test_what_stands_anywhere_in_an_answer_comes_out_nowhere(bench: Bench, canary: object) -> None:
    turns = count()

    def put_everywhere(call: Call) -> None:
        places = [tokens for tokens, _ in iter_nodes(call["response"]["body"]) if tokens]
        place = places[next(turns) % len(places)]
        holder = value_at(call["response"]["body"], place[:-1])
        holder[place[-1]] = canary
        if isinstance(holder, dict):
            holder |= {str(canary): canary, "added": {"inside": [canary, {str(canary): 1}]}}

    limits = Thresholds(count=1, days=1, common=0, rare=0)
    proposal = bench.propose(Traffic(change=put_everywhere), limits=limits, narrow=True)
    assert len(proposal.changes) > 3
    text = render_diff(proposal) + render_overlays(proposal) + render_suggestions(proposal)
    assert not re.search(r"leaky|4711|0815", text, re.IGNORECASE)


def test_no_form_of_a_proposal_shows_a_recorded_value(proposal: Proposal) -> None:
    text = render_diff(proposal) + render_overlays(proposal) + render_suggestions(proposal)
    assert not re.search(r"Bank\b|Test Person|20120000001|411111|person@example|0123456789abcdef0", text)
