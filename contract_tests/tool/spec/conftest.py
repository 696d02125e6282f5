"""What every test of `spec` needs: the repository's contract, and a copy that may be broken."""

import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    shutil.copy(REPOSITORY / "openapi.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "schemas", tmp_path / "schemas")
    return tmp_path
