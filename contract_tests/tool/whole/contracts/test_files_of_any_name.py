"""A contract in a file of any name: every command takes it, and places are told by the file's own name."""

import json
from pathlib import Path

import pytest
from contract_tests.tool.running import Completed, run_command

from opay_contract.contract.documents import default_directory, list_documents, load_documents, locate_root
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ContractError, UsageError
from opay_contract.mock.statement import assumed_choices

PETS = """\
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: 'https://pets.example'}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{$ref: 'parts/parameters.yaml#/id'}]
      responses:
        '200':
          description: One
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Pet'}
              example: {id: 1, name: Rex}
components:
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer}
        name: {type: string, nullable: true}
"""
TYPE_OF_ID = "/components/schemas/Pet/properties/id/type"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Return a file beside others that are not its own: a folder of schemas, and what is left of another."""
    parts = {
        "petstore.yaml": PETS,
        "parts/parameters.yaml": "id: {name: id, in: path, required: true, schema: {type: integer}}\n",
        "schemas/broken.json": "{",
        "schemas/notes.txt": "",
    }
    for name, text in parts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    calls = [
        {
            "request": {"method": "GET", "url": f"https://pets.example/pets/{id_}", "headers": {}},
            "recorded_at": f"2026-05-{1 + id_ % 9:02}T10:00:00Z",
            "response": {
                "status": 200,
                "headers": {"Content-Type": "application/json"},
                "body": {"id": str(id_), "name": None, "kind": "dog"},
            },
        }
        for id_ in range(60)
    ]
    lines = "".join(json.dumps(one) + "\n" for one in calls)
    (tmp_path / "pets.ndjson").write_text(lines, encoding="utf-8")
    return tmp_path / "petstore.yaml"


def test_every_command_takes_a_file_of_any_name(pets: Path) -> None:
    def ask(*arguments: str) -> Completed:
        return run_command(*arguments, cwd=pets.parent)

    assert ask("spec", "petstore.yaml").stdout == (
        "Pets 1 · contract in petstore.yaml\n"
        "Sound: 2 documents, 3 schemas, 1 examples, 2 references checked.\n"
    )
    by = ("--contract", "petstore.yaml")
    checked = json.loads(ask("check", *by, "--format", "json", "pets.ndjson").stdout)
    assert [one["contract"] for one in checked["findings"] if one["rule"] == "type-mismatch"] == [
        {"file": "petstore.yaml", "line": 22, "column": 14, "pointer": TYPE_OF_ID}
    ]
    assert "file=petstore.yaml,line=22" in ask("check", *by, "--format", "github", "pets.ndjson").stdout
    assert '"uri": "petstore.yaml"' in ask("check", *by, "--format", "sarif", "pets.ndjson").stdout
    assert ask("bundle", "petstore.yaml", "-o", "one.json").returncode == 0
    assert "Sound: 1 documents" in ask("spec", "one.json").stdout
    assert ask("docs", "petstore.yaml").returncode == 0
    assert ask("docs", "petstore.yaml", "--check").stdout.endswith("\nreference: up to date\n")
    assert ask("diff", "petstore.yaml", "one.json").returncode == 0
    assert ask("redact", *by, "pets.ndjson", "--output", "shared").returncode == 0
    assert "none: " in ask("mock", *by, "--choices").stdout
    (pets.parent / "pyproject.toml").write_text("[tool.opay-contract]\ncontract = 'petstore.yaml'\n")
    assert ask("check", "pets.ndjson").stdout.count("Pets 1 · contract in petstore.yaml") == 1
    written = ask("suggest", "pets.ndjson", "--write", "--min-days", "1")
    assert written.stderr.endswith("written: petstore.yaml\n"), written.stdout
    diff = json.loads(ask("diff", "one.json", "petstore.yaml", "--format", "json").stdout)
    assert {one["new"]["file"] for one in diff["changes"]} == {"petstore.yaml"}


def test_a_problem_of_a_file_of_any_name_bears_that_name(pets: Path) -> None:
    pets.write_text(PETS.replace("#/components/schemas/Pet'", "#/components/schemas/Cat'"), encoding="utf-8")
    done = run_command("spec", "petstore.yaml", cwd=pets.parent)
    assert "\npetstore.yaml:14:24: error reference: " in done.stdout
    assert load_contract(pets).notes[0].startswith("petstore.yaml:14:24: left out: ")
    for text in ("[]", "swagger: '2.0'", "info: {}", "openapi: 4.0.0", "openapi: 3.1.0", "a: [", ""):
        pets.write_text(text, encoding="utf-8")
        with pytest.raises(ContractError, match=r"^petstore\.yaml:"):
            load_contract(pets)


def test_a_folder_stands_for_its_openapi_document(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r": no openapi\.yaml there; "):
        locate_root(tmp_path)
    with pytest.raises(UsageError, match="gone: no such file or folder; "):
        locate_root(tmp_path / "gone")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "a.json").write_text("{}", encoding="utf-8")
    (tmp_path / "openapi.json").write_text("{}", encoding="utf-8")
    assert locate_root(tmp_path) == locate_root(tmp_path / "openapi.json") == (tmp_path, "openapi.json")
    assert list_documents(tmp_path / "openapi.json") == ["openapi.json", "schemas/a.json"]
    assert list_documents(tmp_path / "shop.json") == ["shop.json"]
    (tmp_path / "openapi.yml").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r": openapi\.yml and openapi\.json are there; name the one"):
        locate_root(tmp_path)
    assert locate_root(tmp_path / "openapi.yml") == (tmp_path, "openapi.yml")
    (tmp_path / "openapi.yaml").write_text("{}", encoding="utf-8")
    assert locate_root(tmp_path) == (tmp_path, "openapi.yaml")


def test_the_contract_of_the_package_says_the_same_under_another_name(tmp_path: Path) -> None:
    for name, document in load_documents(default_directory()).items():
        file = tmp_path / name.replace("openapi.yaml", "tokens.yml")
        file.parent.mkdir(exist_ok=True)
        file.write_text(document.text.replace("openapi.yaml#", "tokens.yml#"), encoding="utf-8")
    done = run_command("spec", "tokens.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    usual, renamed = load_contract(), load_contract(tmp_path / "tokens.yml")
    assert len(renamed.schemas.documents) == len(usual.schemas.documents)
    taken = [[(one.question.id, one.taken) for one in assumed_choices(each)] for each in (usual, renamed)]
    assert taken[0] == taken[1] != []
    assert renamed.operations[0].uri == usual.operations[0].uri.replace("openapi.yaml", "tokens.yml")
    envelope = renamed.operations[0].envelope
    assert envelope is not None
    with pytest.raises(ContractError, match=r"^tokens\.yml: x-business-codes: "):
        envelope.code_of("nothing")
