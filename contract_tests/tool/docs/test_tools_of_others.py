"""What the tools of the field make of the contract: the table in the docs says it, and these tests hold it.

They need Node.js with the packages in `browser/`, Chromium, and on the PATH the programs of `PYTHON_TOOLS`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from contract_tests.tool.docs.test_page_in_chromium import BROWSER, drive

from opay_contract.cli.contract import bundle
from opay_contract.contract.loading import load_contract
from opay_contract.mock.validation import Credentials
from opay_contract.signing.signer import sign

pytestmark = pytest.mark.external

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "tools" / "docs" / "reference" / "other-tools.md"
PYTHON_TOOLS = ("openapi-spec-validator", "openapi-python-client", "datamodel-codegen")
QUERY = {"customerId": "121111113"}
CONTRACT = load_contract()
PATH = CONTRACT.operations[0].path
PATIENCE = 240


def signed(body: bytes) -> dict[str, str]:
    credentials = Credentials()
    assert CONTRACT.signature is not None
    return {
        "Authorization": sign(body, credentials.private_key, CONTRACT.signature).header,
        "MerchantId": credentials.merchant_id,
        "Content-Type": "application/json",
    }


def run(name: str, *arguments: object, cwd: Path | None = None) -> str:
    """Run a tool: one of npm's, or one on the PATH; returns what it says."""
    of_npm = BROWSER / "node_modules" / ".bin" / name
    program = str(of_npm) if of_npm.exists() else shutil.which(name)
    if program is None:
        pytest.fail(f"{name} is missing; .ci/run installs it", pytrace=False)
    done = subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1", "REDOCLY_TELEMETRY": "off"},
    )
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the contract is in one file: as it is, and plain for tools that know neither `$ref` nor 3.1."""
    folder = tmp_path_factory.mktemp("tools")
    plain = ("--dereference", "--without-extensions", "--as", "3.0")
    for name, options in {"openapi.json": (), "plain.yaml": plain}.items():
        done = CliRunner().invoke(bundle, [*options, "--output", str(folder / name)])
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def examples(folder: Path) -> dict[str, Any]:
    """The documented answers by name."""
    document = json.loads((folder / "openapi.json").read_text(encoding="utf-8"))
    content = document["paths"][PATH]["post"]["responses"]["200"]["content"]["application/json"]
    return {name: example["value"] for name, example in content["examples"].items()}


def test_linters_have_neither_an_error_nor_a_warning(folder: Path) -> None:
    """But for the licence, which an API of somebody else's has not."""
    paths = [REPOSITORY / "openapi.yaml", folder / "openapi.json", folder / "plain.yaml"]
    said = run("redocly", "lint", "--skip-rule", "info-license", "--max-problems", 100, *paths)
    assert [said.count(f"{path.name}: validated") for path in paths] == [1, 1, 1], said
    assert "warning" not in re.sub("Deprecation warning", "", said)
    ruleset = folder / ".spectral.yaml"
    ruleset.write_text('extends: ["spectral:oas"]\n', encoding="utf-8")
    assert "No results" in run("spectral", "lint", "--fail-severity", "hint", "-r", ruleset, *paths)
    assert run("openapi-spec-validator", *paths).count("OK\n") == len(paths)


def test_typescript_knows_the_request_and_both_outcomes(folder: Path) -> None:
    run("openapi-typescript", folder / "openapi.json", "-o", folder / "openapi.d.ts")
    (folder / "use.ts").write_text(TYPESCRIPT.replace("PATH", PATH), encoding="utf-8")
    run("tsc", "--noEmit", "--strict", "--skipLibCheck", "false", folder / "use.ts", folder / "openapi.d.ts")


TYPESCRIPT = """\
import type { operations } from "./openapi";
type Query = operations["queryCardTokens"]["requestBody"]["content"]["application/json"];
type Answer = operations["queryCardTokens"]["responses"][200]["content"]["application/json"];
const byCustomer: Query = { customerId: "1" };
const byToken: Query = { opayToken: "t" };
// @ts-expect-error: a query by nothing
const byNothing: Query = {};
// @ts-expect-error: an id that is no text
const byNumber: Query = { customerId: 1 };
const refused: Answer = { code: "02000", message: "Authentication failed" };
// @ts-expect-error: an error without a message
const silent: Answer = { code: "02000" };
const first = (answer: Answer): string | undefined => {
  if (!answer.data) return answer.message;
  if ("cardTokens" in answer.data) return answer.data.cardTokens[0]?.opayToken;
  const owner: string = answer.data.customerInfo.customerId;
  // @ts-expect-error: the number of an id
  const number: number = answer.data.customerInfo.customerId;
  return owner + answer.data.lastFourDigits + answer.code;
};
export { byCustomer, byToken, byNothing, byNumber, refused, silent, first };
"""


@contextmanager
def mock() -> Iterator[str]:
    """Start the mock as a user does; its value is its address."""
    command = [sys.executable, "-m", "opay_contract", "mock", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def test_a_generated_python_client_is_typed_and_calls_the_mock(folder: Path) -> None:
    run("openapi-python-client", "generate", "--path", folder / "openapi.json", "--meta", "none",
        "--output-path", folder / "client")  # fmt: skip
    use = folder / "use_client.py"
    use.write_text(PYTHON_CLIENT, encoding="utf-8")
    python = Path(str(shutil.which("openapi-python-client"))).resolve().parent / "python"
    typed = [str(python), "-m", "mypy", "--strict", "--follow-imports=silent"]
    said = subprocess.run(
        [*typed, use.name, "client/models", "client/api"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert said.returncode == 0, said.stdout
    with mock() as base_url:
        authorization = signed(b'{"customerId":"121111113"}')["Authorization"]
        told = [
            subprocess.run(
                [python, use.name, base_url, header, Credentials().merchant_id],
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            ).stdout
            for header in (authorization, "Bearer no")
        ]
    assert told == ["AnswerToAQueryByCustomer\n1\n", "ErrorEnvelope\n"]


PYTHON_CLIENT = """\
import sys
from client import AuthenticatedClient
from client.api.card_tokens import query_card_tokens
from client.models import AnswerToAQueryByCustomer, QueryByCustomer

base_url, authorization, merchant = sys.argv[1:]
prefix, _, token = authorization.partition(" ")
answer = query_card_tokens.sync(
    client=AuthenticatedClient(base_url=base_url, token=token, prefix=prefix),
    body=QueryByCustomer(customer_id="121111113"),
    merchant_id=merchant,
)
print(type(answer).__name__)
if isinstance(answer, AnswerToAQueryByCustomer):
    print(len(answer.data.card_tokens))
"""


def test_generated_models_read_every_example(folder: Path, examples: dict[str, Any]) -> None:
    run("datamodel-codegen", "--input", folder / "openapi.json", "--output", folder / "models.py",
        "--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel")  # fmt: skip
    (folder / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    python = Path(str(shutil.which("datamodel-codegen"))).resolve().parent / "python"
    done = subprocess.run(
        [python, "-c", MODELS], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "AnswerToAQueryByCustomer", "AnswerToAQueryByToken", "ErrorEnvelope", "ErrorEnvelope"
    ]  # fmt: skip


MODELS = """\
import json, models
for value in json.load(open("examples.json")).values():
    print(type(models.AnswerToATokenQuery.model_validate(value).root).__name__)
"""


@contextmanager
def prism(document: Path) -> Iterator[str]:
    """Start Prism on a free port; its value is the address that it says."""
    program = (BROWSER / "node_modules" / ".bin" / "prism").resolve()
    command = ["node", str(program), "mock", str(document), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = (re.search(r"listening on (http://\S+)", line) for line in server.stdout)
            yield next(found[1] for found in said if found)
        finally:
            server.terminate()


def test_prism_serves_each_example_to_a_signed_request(folder: Path, examples: dict[str, Any]) -> None:
    body = json.dumps(QUERY, separators=(",", ":")).encode()
    with prism(folder / "openapi.json") as url:
        answers = {
            name: requests.post(
                url + PATH, data=body, headers=signed(body) | {"Prefer": f"example={name}"}, timeout=10
            )
            for name in examples
        }
        usual = requests.post(url + PATH, data=body, headers=signed(body), timeout=10)
        unsigned = requests.post(url + PATH, json=QUERY, timeout=10)
    assert {name: answer.json() for name, answer in answers.items()} == examples
    assert {answer.status_code for answer in answers.values()} == {200}
    assert usual.json() == next(iter(examples.values()))
    assert unsigned.status_code == 401


def test_postmans_converter_makes_a_request_with_its_headers_and_body(folder: Path) -> None:
    run("openapi2postmanv2", "-s", folder / "openapi.json", "-o", folder / "collection.json",
        "-O", "parametersResolution=Example")  # fmt: skip
    item = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
    while "request" not in item:
        (item,) = item["item"]
    request = item["request"]
    assert request["method"] == "POST"
    assert "MerchantId" in {field["key"] for field in request["header"]}
    assert json.loads(request["body"]["raw"]) == QUERY
    assert [answer["code"] for answer in item["response"]][:1] == [200]


def test_swagger_ui_shows_the_operation_and_complains_about_nothing(folder: Path) -> None:
    assets = BROWSER / "node_modules" / "swagger-ui-dist"
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        shutil.copy(assets / name, folder / name)
    document = (folder / "openapi.json").read_text(encoding="utf-8").replace("</", "<\\/")
    page = folder / "swagger.html"
    page.write_text(SWAGGER_PAGE.replace("DOCUMENT", document), encoding="utf-8")
    seen = drive("swagger.mjs", page.as_uri())
    assert seen["errors"] == []
    for text in ("OPay Token Info By User", PATH, "Every token of one customer", "403"):
        assert text in seen["shown"]


SWAGGER_PAGE = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ spec: DOCUMENT, dom_id: "#swagger-ui", validatorUrl: null });</script></body></html>
"""


def test_the_versions_in_the_docs_are_those_that_were_asked() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[?`?([^`|\]]+)`?\]?[^|]*\| ([0-9.]+) \|", page, re.MULTILINE))
    of_npm = json.loads((BROWSER / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    of_python = dict(re.findall(r"([a-z-]+)==([0-9.]+)", ci))
    assert {name: (of_npm | of_python).get(name) for name in rows} == rows
    assert len(rows) == 9
