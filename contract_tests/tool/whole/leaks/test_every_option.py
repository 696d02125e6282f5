"""A file full of canaries as every argument and option: what comes out of a file is never a name to print."""

import json
import socket
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NoReturn

import click
import pytest
from contract_tests.tool.running import ENVIRONMENT, run_command
from contract_tests.tool.whole.leaks.canaries import CANARIES, NAMES

from opay_contract.cli.main import cli

TEXTS = [*map(str, CANARIES.values()), *NAMES.values()]
PERSON = str(CANARIES["latin-name"])
OBJECT = json.dumps(dict.fromkeys(TEXTS, PERSON), ensure_ascii=False)
EXCHANGE = {"request": dict.fromkeys(TEXTS, PERSON), "response": dict.fromkeys(TEXTS, PERSON)}
FILES = {
    "lines.txt": "\n".join(TEXTS),
    "files.txt": "".join(f"{text}.har\n" for text in TEXTS),
    "calls.ndjson": f"{json.dumps(EXCHANGE, ensure_ascii=False)}\n" * 2,
    "object.json": OBJECT,
    "list.json": json.dumps(TEXTS),
    "twice.json": f'{{"{PERSON}": 1, "{PERSON}": 2}}',
    "broken.json": f'{{"{PERSON}": {PERSON}}}',
    "twice.yaml": f"{PERSON}: 1\n{PERSON}: 2\n",
    "broken.yaml": f"a: &{NAMES['id']} b\nb: *{NAMES['camel']}\n{PERSON}\n",
    "tagged.yaml": f"a: !!{NAMES['camel']} b\n",
    "version.yaml": f"openapi: {PERSON}\npaths: {{}}\n",
    "keys.toml": "".join(f"{json.dumps(text)} = 1\n" for text in NAMES.values() if " " in text or "@" in text)
    + f"'{PERSON}' = 1\n",
    "broken.toml": f"a = {PERSON}\n",
    "baseline.toml": f"version = 1\n'{PERSON}' = 1\n",
    "acceptance.toml": f"version = 1\n[[acceptance]]\n'{PERSON}' = 1\nrule = '{PERSON}'\n",
}
NEEDED: dict[str, list[str]] = {
    "compare": ["calls.ndjson", "calls.ndjson"],
    "diff": ["version.yaml", "version.yaml"],
    "record": ["--to", "new", "--upstream", "http://127.0.0.1:9"],
    "baseline add": ["new.toml", "--all-open", "--reason", "x", "--expires", "2026-10-01", "calls.ndjson"],
    "baseline prune": ["baseline.toml", "calls.ndjson"],
}
WRITTEN = {"--output", "--to", "--record", "--save-summary", "--export"}
"""Options that name a file to write."""


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            inner = command.get_command(context, one)
            assert inner is not None
            yield from commands(inner, f"{name} {one}".strip())
    elif name != "test":  # which runs pytest
        yield name, command


def arguments(name: str, command: click.Command, file: str) -> Iterator[list[str]]:
    """Yield the arguments of a command with a file in the place of each that may be a text or a path."""
    needed = NEEDED.get(name, [])
    for param in command.params:
        if not isinstance(param.type, click.Path | click.types.StringParamType) or WRITTEN & {*param.opts}:
            continue
        if isinstance(param, click.Option):
            yield [*name.split(), param.opts[-1], file, *needed]
        else:
            yield [*name.split(), file, *needed[1:]]
            yield [*name.split(), *needed[:-1], file]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def refuse(*_: object) -> NoReturn:
        raise OSError(98, "taken")

    monkeypatch.setattr(socket.socket, "bind", refuse)  # no server starts
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("step", [23, pytest.param(3, marks=pytest.mark.thorough)])
def test_what_is_in_a_file_is_never_said_as_a_name(
    step: int, folder: Path, assert_silent: Callable[..., None]
) -> None:
    """Each option has its turn with one in so many files, and each file with one in so many options."""
    files = [mark + file for file in FILES for mark in ("", "@")]
    every = [
        (number + at, one)
        for name, command in commands(cli)
        for number, file in enumerate(files)
        for at, one in enumerate(arguments(name, command, file))
    ]
    assert len(every) > 1000
    for one in [one for turn, one in every if turn % step == 0]:
        done = run_command(*one, cwd=folder, environment=ENVIRONMENT | {"OPAY_REDACTION_KEY": "x" * 32})
        assert done.returncode != 70, one
        assert_silent(done.stderr, "" if one[0] in ("bundle", "spec", "docs") else done.stdout)


def test_a_variable_that_names_no_certificates_or_no_proxy_is_refused_without_its_value(
    folder: Path, assert_silent: Callable[..., None]
) -> None:
    targets = ["--target", "https://127.0.0.1:9"] * 2
    commands = (["record", *NEEDED["record"]], ["compare", *targets], ["test", "--probe", *targets[:2]])
    given = dict.fromkeys(("OPAY_MERCHANT_ID", "OPAY_CUSTOMER_ID", "OPAY_PRIVATE_KEY"), "1")
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        for command, named in product(commands, (PERSON, "lines.txt")):
            environment = ENVIRONMENT | given | {variable: named, "OPAY_REDACTION_KEY": "x" * 32}
            done = run_command(*command, cwd=folder, environment=environment)
            assert (done.returncode, variable in done.stderr) == (2, True), done.stderr
            assert_silent(done.stderr)
    through = ["record", "--to", "new", "--upstream", "https://sandbox-cashierapi.opaycheckout.com"]
    for command, named in product(
        (through, *commands[1:]), (PERSON, "socks5://127.0.0.1:9", f"https://{PERSON}@[::1")
    ):
        environment = ENVIRONMENT | given | {"OPAY_REDACTION_KEY": "x" * 32}
        done = run_command(*command, cwd=folder, environment=environment | {"HTTPS_PROXY": named})
        assert (done.returncode, "the proxy that the environment" in done.stderr) == (2, True), done.stderr
        assert_silent(done.stderr)
