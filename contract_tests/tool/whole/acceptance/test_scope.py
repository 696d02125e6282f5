"""What is none of the contract's, what is not there, and which contract it was: each is said."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from contract_tests.usual import each

from opay_contract.cli.main import cli
from opay_contract.errors import UsageError

QUERY = "/api/v1/international/token/query"
OURS = f"https://cashierapi.opaycheckout.com{QUERY}"
GATEWAY = f"https://gw.shop.internal/psp{QUERY}"
STRIPE = "https://api.stripe.com/v1/customers/amina/cards"
CASHIER = "https://cashierapi.opaycheckout.com/api/v1/international/cashier/create"
EMPTY = '{"log": {"version": "1.2", "entries": []}}'
NO_RECORDING = "none of the 2 files is a recording"
NAME = "OPay Token Info By User 0.1.0 · contract"
FORMATS = ("text", "json", "junit", "sarif", "github", "markdown", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


Ask = Callable[..., Done]
Record = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(here: Path) -> Ask:
    """Return a function that runs the command in this process, in a folder of its own."""
    assert here == Path.cwd()

    def invoke(*arguments: str) -> Done:
        result = CliRunner().invoke(cli, arguments)
        if isinstance(result.exception, UsageError):
            return Done(code=2, out=result.stdout, err=f"error: {result.exception}\n")
        return Done(code=result.exit_code, out=result.stdout, err=result.stderr)

    return invoke


@pytest.fixture
def record(here: Path) -> Record:
    """Return a function that writes exchanges with URLs into a file."""

    def write(name: str, *urls: str) -> Path:
        answer = {"status": 200, "body": {"code": "02000", "message": "AUTHENTICATION_FAILED"}}
        lines = [
            json.dumps({"request": {"method": "POST", "url": url, "body": {}}, "response": answer})
            for url in urls
        ]
        (here / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return here / name

    return write


def test_foreign_traffic_is_named_with_the_base_url_to_give(ask: Ask, record: Record) -> None:
    record("a.ndjson", GATEWAY, GATEWAY, STRIPE, CASHIER)
    done = ask("check", "a.ndjson")
    assert done.code == 3
    hosts = f"gw.shop.internal/psp{QUERY} 2, api.stripe.com/v1/customers/*/cards 1"
    path = "cashierapi.opaycheckout.com/api/v1/international/cashier/create"
    option = "--base-url https://gw.shop.internal/psp"
    assert [line.removeprefix("opay-contract: ") for line in done.out.splitlines()[2:]] == [
        f"1 exchange went to other paths of the contract's hosts ({path} 1).",
        f"3 exchanges went to other hosts ({hosts}); if one answers by the contract: {option}",
        "NOTHING CHECKED  none of the 4 exchanges belongs to the contract; exit code 3",
    ]
    assert "in 2 exchanges" in ask("check", "a.ndjson", *option.split()).out


def test_where_something_is_in_scope_other_hosts_are_one_line(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS, GATEWAY, STRIPE)
    assert (
        "opay-contract: 2 exchanges went to other hosts (api.stripe.com 1, gw.shop.internal 1); "
        "if one answers by the contract: --base-url https://gw.shop.internal/psp\n"
    ) in ask("check", "a.ndjson").out


@each(("number", "more"), [(5, ""), (6, ", and 1 more"), (7, ", and 2 more")])
def test_as_many_hosts_are_named_as_fit_a_line(ask: Ask, record: Record, number: int, more: str) -> None:
    record("a.ndjson", OURS, *(f"https://{'abcdefg'[at]}.example/" for at in range(number)))
    named = ", ".join(f"{'abcdefg'[at]}.example 1" for at in range(min(number, 5)))
    assert (
        f"opay-contract: {number} exchanges went to other hosts ({named}{more}).\n"
        in ask("check", "a.ndjson").out
    )


def test_a_prefix_that_may_be_a_name_is_not_shown(ask: Ask, record: Record) -> None:
    record("a.ndjson", f"https://amina:secret@gw.internal/chidi{QUERY}?amina")
    done = ask("check", "a.ndjson")
    assert done.out.splitlines()[2].endswith(": --base-url https://gw.internal/* with what stands for *")
    assert not [word for word in ("amina", "chidi", "secret") if word in done.out]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is no file to read"),
        ({"a.har": EMPTY}, "the file holds no exchange"),
        ({"a.har": EMPTY, "notes.md": "notes"}, "the 2 files hold no exchange"),
        ({"notes.md": "notes"}, "the file is no recording"),
        ({"notes.md": "notes", "package.json": '{"name": "x", "scripts": {}}'}, NO_RECORDING),
    ],
)
def test_no_file_no_recording_and_no_exchange_are_not_foreign_traffic(
    ask: Ask, here: Path, files: dict[str, str], words: str
) -> None:
    (here / "folder").mkdir()
    for name, content in files.items():
        (here / "folder" / name).write_text(content, encoding="utf-8")
    done = ask("check", "folder")
    assert done.code == 3
    assert f"NOTHING CHECKED  {words}; exit code 3\n" in done.out


@each("format_out", FORMATS)
def test_every_format_says_where_the_exchanges_went(ask: Ask, record: Record, format_out: str) -> None:
    record("a.ndjson", GATEWAY, CASHIER)
    out = ask("check", "a.ndjson", "--format", format_out).out.replace("\\", "").replace("&#58;", ":")
    assert "gw.shop.internal" in out
    assert "cashier/create" in out
    assert "https://gw.shop.internal/psp" in out


@each("format_out", FORMATS)
def test_every_format_says_which_contract_it_was(ask: Ask, record: Record, format_out: str) -> None:
    record("a.ndjson", OURS)
    ask("spec", "--export", "mine")
    for options, words in ((), "of the package"), (("--contract", "mine"), "in mine"):
        out = ask("check", "a.ndjson", "--format", format_out, *options).out
        if format_out == "json":
            folder = None if words == "of the package" else "mine"
            named = {"title": "OPay Token Info By User", "version": "0.1.0", "folder": folder}
            assert json.loads(out)["contract"] == named
        else:
            assert f"{NAME} {words}" in _plain(out)


def _plain(text: str) -> str:
    return text.replace("\\u00b7", "·").replace("&#183;", "·")


def test_out_of_scope_may_be_allowed_and_is_said_all_the_same(ask: Ask, record: Record, here: Path) -> None:
    record("other.ndjson", STRIPE)
    done = ask("check", "--allow-out-of-scope", "other.ndjson")
    assert done.code == 0
    assert "Nothing was checked: the 1 exchange does not belong to the contract" in done.out
    assert "api.stripe.com" in done.out
    assert "keep" not in done.out
    record("near.ndjson", f"{OURS}/", STRIPE)
    assert ask("check", "--allow-out-of-scope", "near.ndjson").code == 1
    (here / "empty.har").write_text('{"log": {"version": "1.2", "entries": []}}', encoding="utf-8")
    assert ask("check", "--allow-out-of-scope", "empty.har").code == 3
    (here / "broken.har").write_text('{"log": {"version": "1.2", "entries": [', encoding="utf-8")
    assert ask("check", "--allow-out-of-scope", "broken.har", "other.ndjson").code == 4


@each("format_out", ["junit", "sarif", "github"])
def test_what_is_allowed_is_no_failure_in_any_format(ask: Ask, record: Record, format_out: str) -> None:
    record("other.ndjson", STRIPE)
    failed = {"junit": "<failure", "sarif": '"executionSuccessful": false', "github": "::error"}[format_out]
    assert failed in ask("check", "other.ndjson", "--format", format_out).out
    assert failed not in ask("check", "other.ndjson", "--format", format_out, "--allow-out-of-scope").out


@each(
    "arguments",
    [
        ("check", "missing.har"),
        ("check", "@missing.har"),
        ("check", "there.ndjson/missing.har"),
        ("check", "--contract", "nowhere", "missing.har"),
        ("compare", "there.ndjson", "missing.har"),
        ("suggest", "missing.har"),
        ("redact", "--verify", "missing.har"),
        ("redact", "--verify", "missing*.har"),
        ("baseline", "prune", "baseline.toml", "missing.har"),
    ],
)
def test_a_path_that_does_not_exist_is_a_usage_error(ask: Ask, record: Record, arguments: list[str]) -> None:
    record("there.ndjson", OURS)
    done = ask(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: no such file or folder: '{arguments[-1]}'\n"


@each(
    "arguments",
    [
        ("merge", "missing.json"),
        ("docs", "--evidence", "missing.json"),
        ("suggest", "--from", "missing.json"),
        ("check", "there.ndjson", "--baseline", "missing.toml"),
        ("check", "there.ndjson", "--contract", "missing"),
        ("spec", "missing"),
    ],
)
def test_a_summary_baseline_or_contract_that_does_not_exist_is_one_too(
    ask: Ask, record: Record, arguments: list[str]
) -> None:
    record("there.ndjson", OURS)
    done = ask(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "missing" in done.err


def test_missing_paths_are_named_and_a_near_name_is_offered(ask: Ask, record: Record) -> None:
    record("calls.ndjson", OURS)
    assert ask("check", "cals.ndjson").err.endswith("'cals.ndjson'; did you mean 'calls.ndjson'?\n")
    done = ask("check", *"abcdef", "calls.ndjson")
    assert done.err == "error: no such file or folder: 'a', 'b', 'c', 'd', 'e' and 1 more\n"


def test_a_pattern_that_matches_nothing_is_said_and_the_rest_goes_on(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS)
    done = ask("check", "--require-success", "0", "*.har", "a.ndjson")
    assert done.code == 4
    assert "*.har: unreadable: cannot be read: nothing there fits the pattern" in done.out
    assert "in 1 exchange" in done.out
    done = ask("check", "--require-success", "0", "x*" + "y" * 300, "a.ndjson")
    assert done.code == 4


def test_a_file_that_may_not_be_looked_at_is_no_missing_one(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS)
    os.symlink("loop", "loop")  # noqa: PTH211  two names that lead to each other
    assert ask("check", "--require-success", "0", "loop", "a.ndjson").code == 4


@pytest.mark.parametrize("command", [("compare", "a.ndjson", "b.ndjson"), ("suggest", "b.ndjson")])
def test_other_commands_say_why_nothing_was_checked(
    ask: Ask, record: Record, command: tuple[str, ...]
) -> None:
    record("a.ndjson", OURS)
    record("b.ndjson", GATEWAY)
    done = ask(*command)
    assert done.code == 3
    assert "the 1 exchange does not belong to the contract." in done.out + done.err
    assert "--base-url https://gw.shop.internal/psp\n" in done.out + done.err


def test_compare_says_which_contract_it_judged_by(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS)
    assert ask("compare", "a.ndjson", "a.ndjson").out.startswith(f"{NAME} of the package\n\n")
    ask("check", "a.ndjson", "--save-summary", "a.json")
    assert NAME not in ask("compare", "a.json", "a.json").out
    assert json.loads(ask("compare", "a.json", "a.json", "--format", "json").out)["contract"] is None


def test_suggestions_say_which_contract_they_are_for(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS)
    ask("spec", "--export", "mine")
    asked = ("suggest", "a.ndjson", "--contract", "mine", "--format")
    assert ask(*asked, "diff").out.startswith(f"# {NAME} in mine\n")
    assert json.loads(ask(*asked, "json").out)["contract"]["folder"] == "mine"
    assert ask(*asked, "overlay").err.startswith(f"{NAME} in mine\n")


def test_a_contract_at_hand_that_is_not_used_is_said_to_be_so(ask: Ask, record: Record, here: Path) -> None:
    record("a.ndjson", OURS)
    assert ask("check", "a.ndjson").err == ""
    ask("spec", "--export", ".")
    assert ask("check", "a.ndjson").err == "", "as long as it says the same, it does not matter which it is"
    customer = here / "schemas" / "customer.json"
    customer.write_text(customer.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    note = "note: the contract of the package is used, not the one of this folder; name that with"
    for command in (("check", "a.ndjson"), ("suggest", "a.ndjson"), ("compare", "a.ndjson", "a.ndjson")):
        assert ask(*command).err.startswith(f"{note} `--contract .`\n")
    for about in (("spec",), ("docs", "--output", "made")):
        assert ask(*about).err == f"{note} `.`\n"
    for named in (".", "openapi.yaml", str(here)):
        assert ask("check", "a.ndjson", "--contract", named).err == ""
        assert ask("spec", named).err == ""


def test_a_contract_is_named_by_its_folder_or_by_its_file(ask: Ask, record: Record) -> None:
    record("a.ndjson", OURS)
    ask("spec", "--export", "mine")
    for named in ("mine", "mine/openapi.yaml"):
        assert ask("spec", named).out.startswith(f"{NAME} in mine\nSound: ")
        assert ask("docs", named, "--output", "made").out.startswith(f"{NAME} in mine\n")
        assert ask("check", "a.ndjson", "--contract", named).out.count(f"{NAME} in mine ·") == 1
    done = ask("spec", "mine/schemas/customer.json")
    assert "customer.json:1:1: error document: no OpenAPI document: " in done.out
    assert ask("spec", "mine", "--contract", "mine").err.startswith("error: the contract is named twice;")


def test_the_contract_of_the_package_is_written_out_and_never_over_another(ask: Ask, here: Path) -> None:
    done = ask("spec", "--export", "deep/mine")
    assert done.code == 0
    written = sorted(path.relative_to(here).as_posix() for path in here.rglob("*.*"))
    *lines, last = done.out.splitlines()
    assert sorted(lines) == [f"written: {name}" for name in written]
    assert last == f"{len(written)} files; use them with `--contract deep/mine`"
    assert ask("spec", "deep/mine").code == 0
    (here / "deep/mine/openapi.yaml").unlink()
    done = ask("spec", "--export", "deep/mine")
    assert done.code == 2
    assert "schemas/business-code.json is there already; nothing was written" in done.err
    assert not (here / "deep/mine/openapi.yaml").exists()
    assert ask("spec", "deep/mine", "--export", "other").err.startswith("error: --export writes the contract")
