"""One-line changes of the package that a test must see, as the lists beside this module have them."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LISTS = sorted(Path(__file__).parent.glob("*.toml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A line of a module, what becomes of it, and the test that fails then."""

    module: str
    """Below the package, as `judge/values.py`."""
    old: str
    new: str
    killed_by: str
    """A test's id, or a file of tests."""

    @property
    def name(self) -> str:
        """What the module is imported as."""
        parts = self.module.removesuffix(".py").removesuffix("/__init__").split("/")
        return ".".join(["opay_contract", *parts])

    def applied(self, text: str) -> str:
        """Return a module's text with the change; a `ValueError` where the line does not stand there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.module}: {text.count(self.old)} places for {self.old!r}")
        return text.replace(self.old, self.new)


def read_changes() -> Iterator[Change]:
    """Yield the changes of all lists."""
    for path in LISTS:
        for change in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            yield Change(**change)


def iter_drifts_of_the_mock() -> Iterator[Change]:
    """Yield a mock for each scenario that drifts, which answers with it where no scenario is asked for."""
    command = [sys.executable, "-m", "opay_contract", "mock", "--scenarios"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"^(\S+) .* \[[a-z, -]+\]$", said, re.MULTILINE):
        yield Change(
            module="mock/request_handler.py",
            old="or usual_scenario\n",
            new=f"or usual_scenario or {name!r}\n",
            killed_by="contract_tests/tool/mock",
        )
