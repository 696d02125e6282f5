"""Somebody else's project installs opay-contract as the page says: from the repository, or from a wheel.

What a page says runs as it stands, in an environment and a folder of its own. What stands at the address of
the page is a commit of the working tree.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from contract_tests.tool.site.shells import ACTION, CLEAN, Shell

pytestmark = pytest.mark.external

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "tools" / "docs" / "start" / "install.md"
ADDRESS = "https://github.com/OWNER/REPOSITORY"
KNOWN_CUSTOMER = """
def test_a_known_customer_has_a_card(opay_mock, opay_contract):
    data = opay_mock.add("shop/42")
    opay_contract.check({"code": "00000", "message": "SUCCESSFUL", "data": data})
"""


def blocks(title: str) -> list[str]:
    """Return the commands of a section of the page."""
    text = PAGE.read_text(encoding="utf-8")
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert section
    return re.findall(r"^```sh\n(.*?)\n```$", section[1], re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one commit, of what the working tree has, under the name of the page."""
    copy = tmp_path_factory.mktemp("repository")
    shell = Shell(folder=REPOSITORY, environment=os.environ)
    code, listed = shell.run("git ls-files -z --cached --others --exclude-standard")
    assert code == 0
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, copy / name)
    who = "-c user.name=somebody -c user.email=somebody@example.com"
    made = f"git init -q -b main && git add -A && git {who} commit -q -m all && git branch REF"
    assert Shell(folder=copy, environment=os.environ).run(made) == (0, "")
    return copy


@pytest.fixture
def shell(repository: Path, tmp_path: Path) -> Shell:
    """Return a shell in a project of its own, whose environment is empty."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(CLEAN, folder / "calls.ndjson")
    (folder / "recordings").mkdir()
    shutil.copy(CLEAN, folder / "recordings")
    (folder / "test_shop.py").write_text(KNOWN_CUSTOMER, encoding="utf-8")
    programs = tmp_path / "venv" / "bin"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (programs / "pip").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m pip --python "{programs}/python" "$@"\n'
    )
    (programs / "pip").chmod(0o755)
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "PIP_COMPILE": "0",
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return Shell(folder=folder, environment=environment, is_installed=True)


def succeed(shell: Shell, text: str) -> str:
    code, said = shell.run(text)
    assert code == 0, said
    return said


def test_from_the_repository_it_checks_and_an_extra_can_be_added(shell: Shell) -> None:
    plain, with_extra = blocks("Into a project of your own")
    succeed(shell, plain)
    assert "keep" in succeed(shell, "opay-contract check calls.ndjson")
    code, said = shell.run("opay-contract mock")
    assert code == 2
    advice = re.search("pip install .*", said)
    assert advice
    succeed(shell, advice[0])
    assert succeed(shell, "opay-contract mock --scenarios")
    succeed(shell, with_extra)


def test_a_wheel_carries_the_contract_the_plugin_and_what_its_extra_needs(
    shell: Shell, repository: Path
) -> None:
    make, install = blocks("From a wheel")
    succeed(replace(shell, folder=repository), make)
    shutil.move(repository / "wheels", shell.folder)
    succeed(shell, install)
    assert "keep" in succeed(shell, "opay-contract check calls.ndjson")
    succeed(shell, "pip install pytest")
    assert " 2 passed" in succeed(shell, "pytest --opay-recordings recordings/ -p no:cacheprovider")


def test_the_action_installs_the_repository_that_it_is_in(
    shell: Shell, repository: Path, tmp_path: Path
) -> None:
    install = ACTION["runs"]["steps"][0]
    folder = repository / ".github" / "actions" / "opay-contract"
    source = install["env"]["SOURCE"].replace("${{ github.action_path }}", str(folder))
    runner = shell.having({"PYTHON": sys.executable, "SOURCE": source, "RUNNER_TEMP": str(tmp_path)})
    succeed(runner, install["run"])
    assert "keep" in succeed(runner, '"$RUNNER_TEMP/opay-contract/bin/opay-contract" check calls.ndjson')
