"""The command `sign`: the header on standard output, the key from nowhere but the environment."""

import hashlib
import hmac
from pathlib import Path

from contract_tests.tool.running import ENVIRONMENT, Completed, run_command

KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
PUBLISHED = (
    "241fe541e76fd4a3b0b13a2e322bbe8063513849eb5de0b56373af626d8b726b"
    "302f7c5020cfc7b667cafc16a98e73b9bab2caf61daa1770e497028b666c92d5"
)


def sign(*arguments: object, stdin: bytes = b"", key: str | None = KEY) -> Completed:
    given = {} if key is None else {"OPAY_PRIVATE_KEY": key}
    return run_command("sign", *map(str, arguments), cwd=Path(), stdin=stdin, environment=ENVIRONMENT | given)


def test_the_published_vector_from_an_argument_a_file_and_standard_input(tmp_path: Path) -> None:
    body = '{ "customerId" : "121111113" }'
    (tmp_path / "body.json").write_text(body, encoding="utf-8")
    for done in (sign(body), sign("--file", tmp_path / "body.json"), sign(stdin=body.encode())):
        assert done.returncode == 0
        assert done.stdout == f"Authorization: Bearer {PUBLISHED}\n"
        assert done.stderr == 'signed text (raw): {"customerId":"121111113"}\n'


def test_both_documented_forms_of_text_outside_ascii() -> None:
    texts = {"raw": '{"customerId":"متجر"}', "escaped": r'{"customerId":"\u0645\u062a\u062c\u0631"}'}
    for form, text in texts.items():
        done = sign("--non-ascii", form, texts["raw"])
        expected = hmac.new(KEY.encode(), text.encode(), hashlib.sha512).hexdigest()
        assert done.stdout == f"Authorization: Bearer {expected}\n"
        assert text in done.stderr


def test_without_a_key_it_says_which_variable_to_set() -> None:
    for key in (None, ""):
        done = sign("{}", key=key)
        assert (done.returncode, done.stdout) == (2, "")
        assert "OPAY_PRIVATE_KEY" in done.stderr


def test_what_cannot_be_signed_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    bodies = ['{"a":1,"a":2}', '{"a":NaN}', r'{"a":"\ud800"}', "[1]", "{", ""]
    for done in (*(sign(stdin=body.encode()) for body in bodies), sign("--file", tmp_path / "none")):
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
        assert KEY not in done.stderr


def test_contradicting_arguments_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text("{}", encoding="utf-8")
    assert "twice" in sign("{}", "--file", tmp_path / "body.json").stderr
    unknown = sign("{}", "--non-ascii", "utf-16")
    assert unknown.returncode == 2
    assert "raw and escaped" in unknown.stderr


def test_explaining_a_header_names_the_mistake_and_shows_no_value() -> None:
    body = '{"customerId":"121111113"}'
    wrong = hmac.new(KEY.encode(), b'{"customerId": "121111113"}', hashlib.sha512).hexdigest()
    for header, code, words in (
        (f"Bearer {PUBLISHED}", 0, "signs the body"),
        (f"Authorization: Bearer {PUBLISHED}", 0, "signs the body"),
        (f"Bearer {wrong}", 1, "made over the body with a space after ':'"),
    ):
        done = sign("--explain", header, body)
        assert (done.returncode, done.stderr) == (code, "")
        assert words in done.stdout
        assert "121111113" not in done.stdout
        assert wrong[:16] not in done.stdout
    done = sign("--url", "https://sandbox.test/", body)
    assert (done.returncode, done.stderr) == (2, "error: --url goes with --explain\n")
