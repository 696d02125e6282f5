"""The tools: how each is run on the material, and how its words are read."""

import csv
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

from contract_tests.tool.whole.corpus.drafts import KEY

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.recordings.inputs import Source

from .material import Material
from .processes import run_tool
from .said import Run, Said

_HERE = Path(__file__).parent
_KEY_VARIABLE = "OPAY_PRIVATE_KEY"
_REDOCLY_RULES = "undocumented-endpoint,schema-consistency,security-baseline,owasp-api-top10"
_SEMVER = re.compile(r"^\s*(\d+\.\d+\.\d+)\s*$", re.MULTILINE)


class Tool(Protocol):
    """A tool that takes recorded exchanges and an OpenAPI description."""

    name: str
    version: str
    given: str

    def find(self, material: Material) -> Run:
        """Say everything about the traffic that it can be brought to say."""


@dataclass(slots=True, kw_only=True)
class OpayContract:
    """Ours: the same contract as it stands, and the key for the signatures."""

    name: str = "opay-contract"
    version: str = metadata.version("opay-contract")
    given: str = "the contract as it is; NDJSON; the private key"

    def find(self, material: Material) -> Run:
        """Take the findings one exchange at a time, and the words from the command's reports."""
        fold = Fold(load_contract(material.contract), Settings(started_at=time.time(), private_key=KEY))
        source = Source(ordinal=0, name=material.native.name, path=material.native)
        said = [
            Said(exchange=number, place=one.pointer, words=f"{one.rule.id} {one.pointer} {one.actual}")
            for number, line in enumerate(material.native.read_bytes().splitlines())
            for one in fold.check(parse_line(source.place(number, number), line))
        ]
        with _key():
            printed = [
                check(material.native, material.contract, ("--format", kind))[0]
                for kind in ("text", "json", "sarif")
            ]
        return Run(said=said, printed="\n".join(printed))


def check(traffic: Path, contract: Path, options: tuple[str, ...] = ()) -> tuple[str, float]:
    """Run our command; return what it printed and its processor seconds."""
    command = (sys.executable, "-m", "opay_contract", "check", traffic, "--contract", contract)
    return run_tool([*command, *options])


@dataclass(slots=True, kw_only=True)
class Redocly:
    """`redocly drift`, every rule of it."""

    program: Path
    name: str = "@redocly/cli drift"
    version: str = ""
    given: str = "HAR, all four rule packs; the open and the closed copy of the contract, joined"

    def __post_init__(self) -> None:
        """Ask for the version."""
        found = _SEMVER.search(run_tool([self.program, "--version"])[0])
        self.version = found[1] if found else "unknown"

    def find(self, material: Material) -> Run:
        """Run it on both copies, for the list of findings and for what people read."""
        said: list[Said] = []
        printed = ""
        for copy in (material.opened, material.closed):
            rows, words = self._report(material, copy, "csv"), self._report(material, copy, "json")
            details = {
                one["message"]: json.dumps(one.get("details")) for one in json.loads(words)["problems"]
            }
            said += [
                Said(
                    exchange=int(row["exchange_index"]),
                    place=row["data_path"],
                    words=f"{row['message']} {details.get(row['message'], '')}",
                )
                for row in csv.DictReader(rows.splitlines())
            ]
            printed += rows + words + self.check(material.har, copy, ("--max-findings", "10000"))[0]
        return Run(said=said, printed=printed)

    def check(self, traffic: Path, copy: Path, options: tuple[str, ...] = ()) -> tuple[str, float]:
        """Run the command on a copy of the contract; return what it printed and its processor seconds."""
        command = (self.program, "drift", traffic, "--api", copy / "openapi.yaml", "--rules", _REDOCLY_RULES)
        return run_tool([*command, *options])

    def _report(self, material: Material, copy: Path, kind: str) -> str:
        target = material.har.with_name(f"redocly.{kind}")
        self.check(material.har, copy, ("--format", kind, "--output", str(target)))
        return target.read_text(encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class Library:
    """A library for Python, behind a worker of ours in an environment that has it."""

    name: str
    python: Path
    worker: str
    given: str
    version: str = ""

    def find(self, material: Material) -> Run:
        """Run the worker on both copies."""
        runs = [self.check(material.wire, copy) for copy in (material.opened, material.closed)]
        said = [one for run in runs for one in run.said]
        return Run(said=said, printed="\n".join(run.printed for run in runs))

    def check(self, wire: Path, copy: Path) -> Run:
        """Run the worker on a copy of the contract; its seconds are those of validating, without decoding."""
        printed, _ = run_tool([self.python, _HERE / self.worker, copy, wire])
        try:
            version, *remarks, seconds = [json.loads(line) for line in printed.splitlines()]
        except ValueError:
            raise RuntimeError(f"{self.name} did not come to an end:\n{printed[-2000:]}") from None
        self.version = version
        said = [Said(exchange=number, place=place, words=words) for number, place, words in remarks]
        return Run(said=said, printed="\n".join(one.words for one in said), seconds=seconds)


@contextmanager
def _key() -> Iterator[None]:
    os.environ[_KEY_VARIABLE] = KEY
    try:
        yield
    finally:
        del os.environ[_KEY_VARIABLE]
