"""What the command says of itself: commands by task, options by subject, sound examples, and completion."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from contract_tests.tool.running import ENVIRONMENT, Completed
from contract_tests.usual import each

from opay_contract.cli.help import Command, Group
from opay_contract.cli.main import COMMANDS, TASKS, cli
from opay_contract.model.finding import Kind

Run = Callable[..., Completed]
VARIABLE = "_OPAY_CONTRACT_COMPLETE"


def command_of(*names: str) -> click.Command:
    command: click.Command = cli
    for name in names:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None, name
        command = found
    return command


def iter_examples() -> Iterator[tuple[str, str]]:
    for name in ("", *COMMANDS):
        command = command_of(*name.split())
        assert isinstance(command, Command | Group), name
        for _, line in command.examples:
            yield name, line


def test_every_command_stands_in_one_task(run: Run) -> None:
    assert list(TASKS) == ["Check", "Test", "Document", "Maintain"]
    assert sum(map(len, TASKS.values())) == len(COMMANDS)
    sections = re.split(r"\n\n(?=[A-Z][a-z]+:\n)", run("--help").stdout)
    shown = {one.partition(":")[0]: re.findall(r"^  ([a-z]+)  ", one, re.MULTILINE) for one in sections}
    assert {task: shown[task] for task in TASKS} == {task: list(commands) for task, commands in TASKS.items()}


def test_every_command_has_three_examples_whose_commands_and_options_there_are() -> None:
    examples = list(iter_examples())
    for name in ("", *COMMANDS):
        assert sum(one == name for one, _ in examples) == 3, name
    for name, line in examples:
        program, subcommand, *rest = shlex.split(line)
        assert (program, len(line) <= 84) == ("opay-contract", True), line
        path = [subcommand, *([rest[0]] if subcommand == "baseline" else [])]
        command = command_of(*path)
        known = {name for option in command.params for name in option.opts}
        used = {one.partition("=")[0] for one in rest if one.startswith("-")}
        assert used <= known, line
        assert name in ("", "baseline", subcommand), line


def test_every_option_of_check_stands_under_a_title() -> None:
    check = command_of("check")
    assert isinstance(check, Command)
    options = [option for option in check.params if isinstance(option, click.Option)]
    assert [option.opts for option in options if check.title_of(option) == "Other options"] == []
    named = [name for names in check.groups.values() for name in names]
    assert sorted(named) == sorted({option.opts[-1] for option in options})


@each(
    ("arguments", "said"),
    [
        (("chekc", "x"), "No such command 'chekc'; did you mean 'check'?"),
        (("basline",), "No such command 'basline'; did you mean 'baseline'?"),
        (("baseline", "ad"), "No such command 'ad'; did you mean 'add'?"),
        (("zzz",), "No such command 'zzz'; `opay-contract --help` lists them"),
        (("check", "--formt", "json", "x"), "--format"),
    ],
)
def test_a_mistyped_command_or_option_gets_the_one_that_was_meant(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that asks for completions as the script of a shell does."""

    def ask(shell: str, *words: str) -> list[str]:
        monkeypatch.setenv(VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["opay-contract", *words]))
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
        return run().stdout.splitlines()

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_rules_and_files_are_completed(
    complete: Callable[..., list[str]], shell: str
) -> None:
    def values(*words: str) -> list[str]:
        found = complete(shell, *words)
        plain = found[1::3] if shell == "zsh" else [one.partition(",")[2] for one in found]
        return [one.partition("\t")[0] for one in plain]

    assert values("re") == ["record", "redact"]
    assert values("check", "--stat") == ["--statistics"]
    assert values("check", "--ignore", "unobs") == [Kind.UNOBSERVED.value]
    assert values("rules", "type-mis") == ["type-mismatch"]
    assert values("check", "--fail-on", "w") == ["warning"]
    assert complete(shell, "check", "traf")[0].startswith("file")


def test_completing_a_command_imports_none(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom opay_contract.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith('opay_contract.cli.')])\n"
    )
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "opay-contract ch", "COMP_CWORD": "1"}
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT | asked | paths,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    first, loaded = done.stdout.splitlines()
    assert first == "plain,check"
    assert "opay_contract.cli.check'" not in loaded


SHELLS = {
    "bash": """
eval "$(_OPAY_CONTRACT_COMPLETE=bash_source opay-contract)"
COMP_WORDS=(opay-contract check --stat) COMP_CWORD=2
_opay_contract_completion opay-contract 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { :; }
compadd() { print -l -- $completions; }
_describe() { print -l -- $completions_with_descriptions; }
eval "$(_OPAY_CONTRACT_COMPLETE=zsh_source opay-contract)"
words=(opay-contract check --stat) CURRENT=3
_opay_contract_completion
""",
    "fish": """
_OPAY_CONTRACT_COMPLETE=fish_source opay-contract | source
complete --do-complete 'opay-contract check --stat'
""",
}


@pytest.mark.external
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_with_the_script_that_it_is_given(shell: str, tmp_path: Path) -> None:
    environment = dict(
        os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", HOME=str(tmp_path)
    )
    done = subprocess.run(
        [shell, "-c", SHELLS[shell]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[0].partition(":")[0] == "--statistics", done.stderr
