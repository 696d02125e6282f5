"""A defect of the program, raised with recorded data in its message: one line without them, no traceback."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from contract_tests.tool.running import run_command
from contract_tests.usual import each

from opay_contract.cli import check as _check  # noqa: F401  loads what the tests break
from opay_contract.cli import redact as _redact  # noqa: F401  as above
from opay_contract.cli.main import main
from opay_contract.judge import alike

Search = Callable[..., None]

LINE = '{"response": {"status": 200, "body": {"code": "00000", "extra": 1}}}\n'
PLACES = [
    "opay_contract.contract.contract.Contract.match_read",
    "opay_contract.judge.judge.read_bodies",
    "opay_contract.drift.fold.Fold.summary",
    "opay_contract.drift.statistics.describe_subject",
    "opay_contract.drift.statistics.Statistics.count",
    "opay_contract.formats.native.iter_lines",
    "opay_contract.formats.native.parse_line",
    "opay_contract.recordings.reading.recognise",
    "opay_contract.judge.body.describe_value",
    "opay_contract.judge.body_plan.annotate",
    "opay_contract.judge.exposure.CardSearch.in_url",
    "opay_contract.judge.alike.Kinds.part",
    "opay_contract.report.text_report.by_gravity",
]


PLACES_OF_REDACT = [
    "opay_contract.recordings.reading.recognise",
    "opay_contract.redact.files.open_source",
    "opay_contract.formats.native.iter_lines",
]
PLACES_IN_AN_ENTRY = [
    "opay_contract.contract.contract.Contract.match",
    "opay_contract.redact.redactor.rewrite_json",
    "opay_contract.formats.json_files.parse_json",
    "opay_contract.redact.values.describe_name",
]


class PanicException(BaseException):
    """Like what pyo3 raises when Rust panics; Rust quotes the text that it was cutting."""


def build_unicode_error(text: str) -> Exception:
    return UnicodeDecodeError("utf-8", text.encode(), 0, 1, text)


def build_chain(text: str) -> Exception:
    error = RuntimeError(text)
    error.__cause__, error.__context__ = ValueError(text), KeyError(text)
    error.add_note(text)
    return error


ERRORS: dict[str, Callable[[str], BaseException]] = {
    "value": ValueError,
    "key": KeyError,
    "os": OSError,
    "recursion": RecursionError,
    "memory": MemoryError,
    "unicode": build_unicode_error,
    "chain": build_chain,
    "group": lambda text: ExceptionGroup(text, [ValueError(text)]),
}


@pytest.fixture
def defective_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs `check` in this process with something broken: exit code and words."""
    path = tmp_path / "calls.ndjson"
    path.write_text(LINE, encoding="utf-8")

    def run(place: str | None, error: BaseException, *command: str) -> tuple[int, str]:
        def fail(*_: object, **__: object) -> NoReturn:
            raise error

        with monkeypatch.context() as broken:
            if place is not None:
                broken.setattr(place, fail)
            else:
                broken.setattr(alike, "CHECKS", (alike.Row(fail, (), is_of_all=True),))
            broken.setattr(sys, "argv", ["opay-contract", *(command or ("check",)), str(path)])
            with pytest.raises(SystemExit) as exited:
                main()
        captured = capfd.readouterr()
        assert exited.value.code is not None
        return int(exited.value.code), captured.out + captured.err

    return run


@each("place", PLACES)
def test_a_defect_anywhere_is_named_without_what_it_says(
    place: str, defective_run: Callable[..., tuple[int, str]], canaries: dict[str, Any], assert_silent: Search
) -> None:
    code, said = defective_run(place, ValueError("\n".join(map(str, canaries.values()))))
    assert code == 70
    assert "error: a defect in opay-contract: ValueError in " in said
    assert len(said.splitlines()) == 1
    assert_silent(said)


@pytest.mark.parametrize("place", PLACES_OF_REDACT)
def test_a_defect_of_redact_is_named_without_what_it_says(
    place: str,
    defective_run: Callable[..., tuple[int, str]],
    canaries: dict[str, Any],
    assert_silent: Search,
    tmp_path: Path,
) -> None:
    text = "\n".join(map(str, canaries.values()))
    for options in (("--verify",), ("--output", str(tmp_path / "redacted.ndjson"))):
        code, said = defective_run(place, ValueError(text), "redact", *options)
        assert code == 70
        assert len(said.splitlines()) == 1
        assert_silent(said)
    assert [path.name for path in tmp_path.iterdir()] == ["calls.ndjson"]


@pytest.mark.parametrize("place", PLACES_IN_AN_ENTRY)
def test_a_defect_of_redact_in_an_entry_costs_that_entry(
    place: str,
    defective_run: Callable[..., tuple[int, str]],
    canaries: dict[str, Any],
    assert_silent: Search,
    tmp_path: Path,
) -> None:
    text = "\n".join(map(str, canaries.values()))
    target = tmp_path / "redacted.ndjson"
    for options, expected in ((("--verify",), 1), (("--output", str(target)), 4)):
        code, said = defective_run(place, ValueError(text), "redact", *options)
        assert code == expected
        assert "unreadable: entry 1: it cannot be redacted (ValueError); " in said
        assert_silent(said)
    assert target.read_text(encoding="utf-8") == '{"response":{}}\n'


@each("kind", ERRORS)
def test_a_defect_of_any_kind_in_a_rule_is_named_without_what_it_says(
    kind: str, defective_run: Callable[..., tuple[int, str]], canaries: dict[str, Any], assert_silent: Search
) -> None:
    code, said = defective_run(None, ERRORS[kind](" ".join(map(str, canaries.values()))))
    assert code == 70
    assert_silent(said)


def test_a_panic_in_a_library_is_named_without_what_it_says(
    defective_run: Callable[..., tuple[int, str]], canaries: dict[str, Any], assert_silent: Search
) -> None:
    code, said = defective_run(None, PanicException(" ".join(map(str, canaries.values()))))
    assert code == 70
    assert_silent(said)


def test_a_defect_prints_no_traceback(
    canaries: dict[str, Any], assert_silent: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ValueError(" ".join(map(str, canaries.values())))

    monkeypatch.setattr(alike, "CHECKS", (alike.Row(fail, (), is_of_all=True),))
    (tmp_path / "calls.ndjson").write_text(LINE, encoding="utf-8")
    done = run_command("check", "calls.ndjson", cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert_silent(done.stdout, done.stderr)
    assert done.returncode == 70
