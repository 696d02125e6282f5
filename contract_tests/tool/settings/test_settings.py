"""What a project settles: found, read, resolved, and refused with file and line where it is no setting."""

from pathlib import Path

import pytest

from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.settings import KEYS, ProjectSettings, load_settings

EVERYTHING = """
[project]
name = "shop"

[tool.opay-contract]
# where our gateway answers
base-url = [
  "https://gw.shop.example/psp",
]
contract = "contract"
fail-on = "warning"
baseline = "../known.toml"
format = ["text", "html=out/drift.html"]
docs-url = "https://docs.shop.example/opay/#top"
select = ["contradicted", "code-undocumented"]
ignore = "header"
jobs = 2

[tool.opay-contract.severity]
code-undocumented = "info"
"""


def write(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def refusal(text: str, folder: Path, name: str = "pyproject.toml") -> str:
    with pytest.raises(UsageError) as refused:
        load_settings(write(folder, text, name), folder)
    return str(refused.value).removeprefix(f"{folder}/")


def test_every_key_is_read_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, EVERYTHING)
    found = load_settings(None, tmp_path)
    assert found == ProjectSettings(
        contract=tmp_path / "contract",
        base_url=("https://gw.shop.example/psp",),
        fail_on=Severity.WARNING,
        baseline=tmp_path / "../known.toml",
        format=("text", f"html={tmp_path / 'out/drift.html'}"),
        docs_url="https://docs.shop.example/opay/",
        select=("contradicted", "code-undocumented"),
        ignore=("header",),
        severity={"code-undocumented": Severity.INFO},
        jobs=2,
        file=file,
        lines=found.lines,
    )
    assert found.lines == {
        "base-url": 7,
        "contract": 10,
        "fail-on": 11,
        "baseline": 12,
        "format": 13,
        "docs-url": 14,
        "select": 15,
        "ignore": 16,
        "jobs": 17,
        "severity": 19,
    }
    assert found.lines.keys() == {key.name for key in KEYS}


def test_the_nearest_file_with_the_table_holds_and_one_without_it_is_passed(tmp_path: Path) -> None:
    write(tmp_path, '[tool.opay-contract]\nfail-on = "info"\n')
    write(tmp_path / "a", '[tool.opay-contract]\nfail-on = "warning"\n')
    write(tmp_path / "a" / "b", '[project]\nname = "opay-contract-tests"\n')
    write(tmp_path / "a" / "b" / "c", "[broken, but without a word of ours\n")
    found = load_settings(None, tmp_path / "a" / "b" / "c")
    assert (found.fail_on, found.file) == (Severity.WARNING, tmp_path / "a" / "pyproject.toml")
    assert load_settings(None, tmp_path).fail_on is Severity.INFO


def test_without_a_file_nothing_is_settled(tmp_path: Path) -> None:
    assert load_settings(None, tmp_path) == ProjectSettings()


def test_a_named_file_has_the_keys_at_its_top_unless_it_is_a_pyproject(tmp_path: Path) -> None:
    write(tmp_path, '[tool.opay-contract]\nfail-on = "info"\n')
    named = write(tmp_path / "ci", 'fail-on = "warning"\ncontract = "c"\n', "nightly.toml")
    found = load_settings(named, tmp_path)
    assert (found.fail_on, found.contract) == (Severity.WARNING, tmp_path / "ci" / "c")
    assert refusal('[project]\nname = "x"\n', tmp_path / "x") == (
        "pyproject.toml: there is no table [tool.opay-contract]"
    )
    assert load_settings(Path("/dev/null"), tmp_path) == ProjectSettings(file=Path("/dev/null"))


HEAD = "[tool.opay-contract]\n"
REFUSED = [
    ("basline = 'x'", "2: unknown key 'basline' in [tool.opay-contract]; did you mean 'baseline'?"),
    (
        "'Ann B' = 1",
        (
            "2: unknown key '(string of 5 characters, mixed characters)' in [tool.opay-contract]; known are "
            "contract, base-url, fail-on, baseline, format, docs-url, select, ignore, severity, jobs"
        ),
    ),
    ("jobs = 0", "2: expected a number from 1 on, got 0 in [tool.opay-contract] jobs"),
    ("jobs = true", "2: expected a number from 1 on, got a truth value in [tool.opay-contract] jobs"),
    ("contract = ''", "2: expected a text, got an empty text in [tool.opay-contract] contract"),
    ("base-url = ['a', 1]", "2: expected a text, got a number in [tool.opay-contract] base-url"),
    (
        "fail-on = 'panic'",
        "2: unknown severity 'panic' in [tool.opay-contract] fail-on; expected one of error, warning, info",
    ),
    ("format = 'jsn'", "2: unknown format 'jsn' in [tool.opay-contract] format; did you mean 'json'?"),
    ("format = 'json='", "2: 'json=' names no file after '=' in [tool.opay-contract] format"),
    (
        "jobs = 1\nignore = [\n  'header',\n  'header-mising',\n]",
        "3: unknown rule 'header-mising' in [tool.opay-contract] ignore; did you mean 'header-missing'?",
    ),
    (
        "[tool.opay-contract.severity]\ntype-mismatch = 'info'\ntype-mismach = 'info'",
        "4: unknown rule 'type-mismach' in [tool.opay-contract] severity; did you mean 'type-mismatch'?",
    ),
    (
        "severity = 'info'",
        "2: expected a table of rules and severities, got a text in [tool.opay-contract] severity",
    ),
    ("jobs = 1\njobs = 2", "3: not TOML: Cannot overwrite a value"),
    ("jobs = [", "3: not TOML: Invalid value"),
]


def test_what_is_no_setting_is_refused_with_file_line_and_what_to_do(tmp_path: Path) -> None:
    wrong = {
        text: said
        for text, expected in REFUSED
        if (said := refusal(f"{HEAD}{text}\n", tmp_path)) != f"pyproject.toml:{expected}"
    }
    assert wrong == {}


def test_rules_that_always_count_are_neither_ignored_nor_weighed(tmp_path: Path) -> None:
    for text in ("ignore = 'card-number-exposed'", "severity.card-number-exposed = 'info'"):
        assert "'card-number-exposed' always counts: " in refusal(f"{HEAD}{text}\n", tmp_path)
    assert "--require-success 0" in refusal(f"{HEAD}ignore = ['nothing-succeeded']\n", tmp_path)


def test_a_folder_that_is_gone_or_may_not_be_looked_into_settles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_settings(None, Path()) == ProjectSettings()
    write(tmp_path, f"{HEAD}jobs = 2\n")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert load_settings(None, tmp_path) == ProjectSettings()


def test_the_table_is_read_in_every_way_that_toml_has(tmp_path: Path) -> None:
    for text, line in (
        ("tool.opay-contract.jobs = 2\n", 1),
        ("[tool]\nopay-contract = { jobs = 2 }\n", 2),
        ('[tool."opay-contract"]\r\n\r\njobs = 2\r\n', 3),
        ('[x]\ny = """\n[tool.opay-contract]\njobs = 9\n"""\n[tool.opay-contract]\njobs = 2', 7),
    ):
        found = load_settings(write(tmp_path, text), tmp_path)
        assert (found.jobs, found.lines) == (2, {"jobs": line}), text


def test_a_file_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    for named in (None, tmp_path / "pyproject.toml"):
        with pytest.raises(UsageError, match=r"pyproject\.toml: not UTF-8 text"):
            load_settings(named, tmp_path)
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read: No such file or directory"):
        load_settings(tmp_path / "none.toml", tmp_path)
    write(tmp_path, '[tool]\nopay-contract = "yes"\n')
    with pytest.raises(UsageError, match=r"\[tool\.opay-contract\] is a text, not a table"):
        load_settings(None, tmp_path)
