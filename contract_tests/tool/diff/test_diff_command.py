"""The command reads versions from anywhere, tells what changed in each format, and knows what is accepted."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from contract_tests.tool.running import Completed, published_schema, run_command

from opay_contract.contract.documents import default_directory
from opay_contract.contract.loading import load_contract
from opay_contract.words import count

IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
COMPARED = count(len(load_contract().operations), "operation")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository with a contract in `api/`, tagged v1, and changed in the working copy."""
    folder = tmp_path_factory.mktemp("repository")
    api = folder / "api"
    api.mkdir()
    shutil.copy(default_directory() / "openapi.yaml", api)
    shutil.copytree(default_directory() / "schemas", api / "schemas")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "tag", "v1")
    edit(api / "schemas" / "card-token.json", without_brand)
    edit(api / "schemas" / "customer-id.json", lambda one: one.update(maxLength=10))
    edit(api / "schemas" / "customer.json", lambda one: one.update(title="Somebody"))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "second")
    return folder


def git(folder: Path, *arguments: str) -> None:
    program = shutil.which("git")
    assert program
    subprocess.run([program, *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def edit(file: Path, change: Any) -> None:
    value = json.loads(file.read_text(encoding="utf-8"))
    change(value)
    file.write_text(json.dumps(value, indent=2), encoding="utf-8")


def without_brand(card: Any) -> None:
    del card["properties"]["brand"]
    card["required"].remove("brand")


def diff(folder: Path, *arguments: str | Path) -> Completed:
    return run_command("diff", *arguments, cwd=folder)


def rules(done: Completed) -> list[str]:
    return [one["rule"] for one in json.loads(done.stdout)["changes"]]


def test_a_version_is_a_folder_a_file_or_a_revision_with_or_without_a_path(repository: Path) -> None:
    old = ["v1:api", "v1:api/openapi.yaml", "HEAD~1:./api", "main~1:api/"]
    new = ["api", "api/openapi.yaml", "HEAD:api", "./api/"]
    found = [
        rules(diff(repository, "--format", "json", *pair))
        for pair in (*zip(old, new, strict=True), ("v1:api", "api"))
    ]
    assert all(one == found[0] for one in found)
    assert found[0] == ["limit-tightened", "property-removed-required", "words-changed"]
    assert rules(diff(repository, "--format", "json", "--contract", "api", "v1", "HEAD")) == found[0]
    assert rules(diff(repository / "api", "--format", "json", "v1:./", ".")) == found[0]
    assert rules(diff(repository / "api", "--format", "json", "v1", "HEAD")) == found[0]


def test_a_file_of_any_name_is_a_version(tmp_path: Path) -> None:
    for name, title in (("old.yaml", "a"), ("new.json", "b")):
        text = {
            "openapi": "3.0.3",
            "info": {"title": title, "version": "1"},
            "paths": {"/a": {"get": {"responses": {}}}},
        }
        (tmp_path / name).write_text(json.dumps(text), encoding="utf-8")
    done = diff(tmp_path, "old.yaml", "new.json", "--all")
    assert done.returncode == 0
    assert "old.yaml:1" in done.stdout
    assert "1 harmless for clients in 1 operation" in done.stdout


def test_what_is_a_path_and_a_revision_is_refused_with_both_ways_to_say_it(repository: Path) -> None:
    git(repository, "branch", "api")
    try:
        done = diff(repository, "api", "HEAD:api")
        assert done.returncode == 2
        assert done.stderr == "error: 'api' is a path and a revision; write './api' or 'api:./'\n"
        assert diff(repository, "./api", "api:api").returncode == 0
    finally:
        git(repository, "branch", "-D", "api")


def test_what_is_neither_is_refused_in_one_line(repository: Path, tmp_path: Path) -> None:
    for folder, name in ((repository, "v9"), (tmp_path, "HEAD"), (repository, "v1:none"), (repository, "v1")):
        done = diff(folder, name, "api" if folder == repository else ".")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_the_text_has_the_gravest_first_and_the_verdict_last(repository: Path) -> None:
    done = diff(repository, "v1:api", "api")
    assert done.returncode == 1
    assert "✗ 2 breaking" in done.stdout
    assert "v1:api/schemas/card-token.json:" in done.stdout
    assert "where     queryCardTokens, by-token, success: data.brand" in done.stdout
    assert done.stdout.splitlines()[-1] == f"✗ FAILED  2 breaking, 1 harmless for clients in {COMPARED}"
    assert "words-changed" in diff(repository, "v1:api", "api", "--all").stdout
    assert diff(repository, "v1:api", "v1:api").stdout.endswith(
        f"✓ PASSED  no change for clients in {COMPARED}\n"
    )


def test_the_exit_code_is_of_the_level_and_the_side(repository: Path) -> None:
    expected = {"breaking": 1, "harmless": 1, "none": 0}
    for side in ("client", "server"):
        for level, code in expected.items():
            done = diff(repository, default_directory(), "api", "--fail-on", level, "--for", side)
            assert done.returncode == code, (level, side)


def test_versions_without_an_operation_prove_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\n", encoding="utf-8"
    )
    done = diff(tmp_path, "a.yaml", "a.yaml")
    assert done.returncode == 3
    assert "NOTHING COMPARED" in done.stdout


def test_the_json_is_what_its_schema_says(repository: Path) -> None:
    done = diff(repository, "v1:api", "api", "--format", "json")
    jsonschema.Draft202012Validator(published_schema("diff/changes-v1.schema.json")).validate(
        json.loads(done.stdout)
    )
    removed = next(
        one for one in json.loads(done.stdout)["changes"] if one["rule"] == "property-removed-required"
    )
    assert {use["form"] for use in removed["uses"]} == {"by-token", "by-customer"}
    assert {use["outcome"] for use in removed["uses"]} == {"success"}
    tightened = next(one for one in json.loads(done.stdout)["changes"] if one["rule"] == "limit-tightened")
    sent = {(use["way"], use["outcome"]) for use in tightened["uses"] if use["form"] == "by-customer"}
    assert sent == {("request", ""), ("response", "success")}


def test_markdown_is_an_entry_of_a_changelog(repository: Path) -> None:
    text = diff(repository, "v1:api", "api", "--format", "markdown").stdout
    assert text.startswith("## 0.1.0 (from 0.1.0)\n")
    assert "### Breaking\n\n- <code>" in text
    assert "- 1 title, description or example" in text


def test_annotations_stand_at_the_lines_of_the_working_copy(repository: Path) -> None:
    lines = diff(repository, "v1:api", "api", "--format", "github").stdout.splitlines()
    assert any(line.startswith("::error file=api/schemas/customer-id.json,line=") for line in lines)
    assert not any(
        "file=" in line
        for line in diff(repository, "v1:api", "HEAD:api", "--format", "github").stdout.splitlines()
    )


def test_recordings_say_what_of_a_change_was_ever_seen(repository: Path, tmp_path: Path) -> None:
    recordings = Path(__file__).parents[2] / "recordings" / "clean"
    summary = tmp_path / "summary.json"
    run_command("check", recordings, "-q", "--save-summary", summary, cwd=tmp_path)
    done = diff(repository, "v1:api", "api", "--traffic", summary, "--format", "json")
    said = {one["rule"]: one["recorded"] for one in json.loads(done.stdout)["changes"]}
    assert said["property-removed-required"].startswith("in 393 of 393")
    assert said["limit-tightened"] == "seen: 7 to 10 characters"
    back = diff(repository, "api", "v1:api", "--traffic", summary, "--format", "json")
    assert {one["rule"]: one["recorded"] for one in json.loads(back.stdout)["changes"]}[
        "property-added-required"
    ] == ("in 393 of 393 objects")


def test_an_accepted_change_does_not_count_until_its_day_and_then_does(
    repository: Path, tmp_path: Path
) -> None:
    report, known = tmp_path / "changes.json", tmp_path / "known.toml"
    diff(repository, "v1:api", "api", "--format", "json", "--output", report)
    options = ["--expires", "2099-01-01", "--reason", "agreed", "--by", "t"]
    late = run_command("baseline", "add", known, "--from", report, "--all-open", *options, cwd=tmp_path)
    assert (late.returncode, known.exists()) == (2, False)
    options[1] = _in_a_month()
    added = run_command("baseline", "add", known, "--from", report, "--all-open", *options, cwd=tmp_path)
    assert (added.returncode, added.stderr) == (0, ""), added.stderr
    done = diff(repository, "v1:api", "api", "--baseline", known)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0, f"✓ PASSED  1 harmless, 2 accepted for clients in {COMPARED}",
    )  # fmt: skip
    assert "unused acceptance" in diff(repository, "v1:api", "v1:api", "--baseline", known).stdout
    explained = run_command("baseline", "explain", known, cwd=tmp_path)
    assert "change limit-tightened" in explained.stdout
    pruned = run_command("baseline", "prune", known, "--from", report, cwd=tmp_path)
    assert pruned.stdout == "0 removed, 2 kept.\n"


def test_a_run_of_check_neither_uses_nor_misses_acceptances_of_changes(
    repository: Path, tmp_path: Path
) -> None:
    report, known = tmp_path / "changes.json", tmp_path / "known.toml"
    diff(repository, "v1:api", "api", "--format", "json", "--output", report)
    options = ["--expires", _in_a_month(), "--reason", "agreed", "--by", "t"]
    run_command("baseline", "add", known, "--from", report, "--all-open", *options, cwd=tmp_path)
    recordings = Path(__file__).parents[2] / "recordings" / "clean"
    assert run_command("check", recordings, "--baseline", known, cwd=tmp_path).returncode == 0
    pruned = run_command("baseline", "prune", known, recordings, cwd=tmp_path)
    assert pruned.stdout == "0 removed, 2 kept.\n"


def test_one_thing_that_is_not_understood_costs_that_statement_and_is_said(tmp_path: Path) -> None:
    paths: dict[str, Any] = {
        "/a": {"get": {"responses": {"200": {"$ref": "#/nowhere"}}, "parameters": "none"}}
    }
    root = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}
    (tmp_path / "old.json").write_text(json.dumps(root), encoding="utf-8")
    paths["/b"] = {"get": {"responses": {}}}
    (tmp_path / "new.json").write_text(json.dumps(root), encoding="utf-8")
    done = diff(tmp_path, "old.json", "new.json", "--format", "json")
    assert rules(done) == ["operation-added"]
    assert "old.json:1:" in done.stderr
    assert "a list belongs here" in done.stderr


def test_the_kinds_are_listed_with_their_levels(tmp_path: Path) -> None:
    done = run_command("diff", "--kinds", cwd=tmp_path)
    assert done.returncode == 0
    assert "| `property-removed-required` | risky; in answers breaking | harmless |" in done.stdout


def _in_a_month() -> str:
    return f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
