"""Runs every command on documents of others and prints what became of each, in time and outcome.

    python -m contract_tests.benchmarks.public_documents FOLDER... [--jobs 2] [--limit 100] [--json FILE]

Each document stands alone, in a process of its own. Its traffic is made up from its own schemas: one exchange
for each operation and documented status, and the same again with one fault in each. Clean traffic
must be clean before redaction and after, and each fault must be found.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from contract_tests.tool.running import run_command

from opay_contract.cli.main import main as main_of_command
from opay_contract.contract.addresses import absolute, below, split_uri, with_fragment
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.contract.operation import Operation, is_json
from opay_contract.contract.parameters import COOKIE, HEADER, PATH, QUERY, Parameter
from opay_contract.errors import ContractError, UsageError
from opay_contract.judge.body_plan import READ_ONLY

COMMANDS = ("spec", "clean", "drift", "docs", "mock", "suggest", "redact")
FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/a",
    "uuid": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "byte": "AAAA",
    "regex": "a",
    "json-pointer": "/a",
}
_OF_A_RUN = ("nothing-succeeded", "form-never-succeeded")
_LIMIT = 600
_MOST_EXCHANGES = 100


class Sampler:
    """Makes the least value that a schema may have; nothing says that it fits, which is asked afterwards."""

    def __init__(self, contract: Contract) -> None:
        self._schemas = contract.schemas

    def value(self, uri: str | None, depth: int = 0) -> Any:
        """Return a value for the schema at an address, by the first of each of its alternatives."""
        said: dict[str, Any] = {}
        members: dict[str, str] = {}
        if uri is not None:
            self._gather(with_fragment(uri), said, members, set())
        return self._of(said, members, depth)

    def _gather(self, uri: str, said: dict[str, Any], members: dict[str, str], seen: set[str]) -> None:
        node = self._schemas.find(uri)
        if uri in seen or not isinstance(node, dict):
            return
        seen.add(uri)
        if isinstance(node.get("$ref"), str):
            self._gather(with_fragment(absolute(node["$ref"], split_uri(uri).file)), said, members, seen)
        for keyword, most in (("oneOf", 1), ("anyOf", 1), ("allOf", None)):
            for index in range(len(node.get(keyword, ())[:most])):
                self._gather(below(uri, keyword, index), said, members, seen)
        for keyword, value in node.items():
            said[keyword] = [*said.get("required", ()), *value] if keyword == "required" else value
        members |= {name: below(uri, "properties", name) for name in node.get("properties") or ()}
        if isinstance(node.get("items"), dict):
            said["items"] = below(uri, "items")

    def _of(self, said: dict[str, Any], members: dict[str, str], depth: int) -> Any:
        if "const" in said:
            return said["const"]
        if said.get("enum"):
            return said["enum"][0]
        kind = said.get("type")
        kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
        if kind == "object" or (kind is None and members):
            required = set(said.get("required", ()))
            return {
                name: self.value(at, depth + 1)
                for name, at in members.items()
                if name in required or depth < 2
            } | dict.fromkeys(required - members.keys(), "x")
        if kind == "array":
            least = said.get("minItems", 1 if depth < 3 else 0)
            return [self.value(said.get("items"), depth + 1) for _ in range(min(least, 5))]
        if kind in ("integer", "number"):
            least = said.get("minimum", 1)
            return said.get("exclusiveMinimum", least - 1) + 1 if "exclusiveMinimum" in said else least
        if kind == "string":
            text = FORMATS.get(str(said.get("format")), "text")
            short = text[: said["maxLength"]] if isinstance(said.get("maxLength"), int) else text
            return short.ljust(said.get("minLength", 0), "a")
        return {"boolean": True, "null": None}.get(str(kind), {} if kind is None else "x")


def iter_calls(contract: Contract) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield exchanges that fit, each with one that does not, where its answer can be broken."""
    sampler = Sampler(contract)
    for operation in contract.operations:
        request = _request(contract, operation, sampler)
        if request is None:
            continue
        for status, documented in operation.responses.items():
            number = 500 if status == "default" else int(status.replace("X", "0").replace("x", "0"))
            media = next((one for one in documented.media_types if is_json(one)), None)
            schema = documented.media_types[media] if media else None
            headers = {
                one.name: str(_text(sampler.value(one.schema)))
                for one in documented.headers
                if one.is_required and one.schema
            }
            if documented.media_types and media is None:
                continue
            if media:
                headers["Content-Type"] = "application/json" if "*" in media else media
            body = sampler.value(schema) if schema else {} if media else None
            if schema and not contract.schemas.validator(schema).is_valid(body):
                continue
            clean = {
                "request": request,
                "response": {"status": number, "headers": headers, "body": _body_text(body)},
            }
            faulty: tuple[Any, ...] = ([], "x")
            wrong = next((one for one in faulty if schema and _is_wrong(contract, schema, one)), None)
            answer = {"status": number, "headers": headers, "body": _body_text(wrong)}
            yield clean, {"request": request, "response": answer} if wrong is not None else None


def _is_wrong(contract: Contract, schema: str, value: Any) -> bool:
    return not contract.schemas.validator(schema).is_valid(value)


def _request(contract: Contract, operation: Operation, sampler: Sampler) -> dict[str, Any] | None:
    """Return a request that fits; None where none could be made up."""
    path, query = operation.path, list[str]()
    headers = {one.name: "x" for one in operation.required_headers}
    for one in operation.parameters:
        if one.schema is None or (one.place != PATH and not one.is_required):
            continue
        text = _plain(one, sampler.value(one.schema))
        if text is None or contract.parameters.errors(one, ((one.name, text),))[1]:
            return None
        if one.place == PATH:
            path = path.replace(f"{{{one.name}}}", text)
        elif one.place == QUERY:
            query.append(f"{one.name}={text}")
        else:
            headers |= {one.name: text} if one.place == HEADER else {"Cookie": f"{one.name}={text}"}
    for key in operation.credentials[0] if operation.credentials else ():
        query += [f"{key.name}=k"] if key.place == QUERY else []
        headers |= {key.name: f"{key.word or 'Bearer'} k"} if key.place == HEADER else {}
        headers |= {"Cookie": f"{key.name}=k"} if key.place == COOKIE else {}
    schema = operation.request_schema
    body = sampler.value(schema) if schema else None
    media = next(filter(is_json, operation.request_types), None)
    if schema and (media is None or not contract.schemas.validator(schema, READ_ONLY).is_valid(body)):
        return None
    headers |= {"Content-Type": media} if media else {}
    server = contract.servers[0]
    base = f"https://{(server.host or 'example.com').replace('*', 'any')}{server.prefix}"
    url = base + path + ("?" + "&".join(query) if query else "")
    return {"method": operation.method, "url": url, "headers": headers, "body": _body_text(body)}


def _body_text(body: Any) -> Any:
    """Return a body as the recording has it: a text there is what was sent, and no JSON."""
    return json.dumps(body) if isinstance(body, str) else body


def _plain(parameter: Parameter, value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict) or value is None:
        return None
    text = _text(value)
    return text if parameter.place == HEADER else quote(text, safe="") or None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Look:
    """What each command makes of one document, in a folder of its own."""

    def __init__(self, document: Path, folder: Path) -> None:
        self._folder = folder
        (folder / "openapi.yaml").write_bytes(document.read_bytes())
        self.found: dict[str, Any] = {"document": document.name, "bytes": document.stat().st_size}
        self._clean, self._drift = folder / "clean.ndjson", folder / "drift.ndjson"
        self._calls = self._faults = 0

    def run(self) -> dict[str, Any]:
        """Run all of them; nothing but loading where that fails."""
        self._measure("load", self._load)
        if self.found["load"][0] == "ok":
            for name, action in self._actions().items():
                self._measure(name, action)
        return self.found

    def _actions(self) -> dict[str, Callable[[], str]]:
        folder, drift = self._folder, self._drift
        return {
            "spec": lambda: self._exit(0, "spec", folder),
            "clean": self._check_clean,
            "drift": self._check_drift,
            "docs": lambda: self._exit(0, "docs", folder, "--output", folder / "reference"),
            "mock": lambda: _start_mock(folder),
            "suggest": lambda: (
                self._exit(0, "suggest", drift, "--contract", folder) if self._faults else "ok"
            ),
            "redact": self._redact,
        }

    def _measure(self, name: str, action: Callable[[], str]) -> None:
        started = time.process_time()
        try:
            said = action()
        except (ContractError, UsageError) as error:
            said = f"refused: {error}"
        except Exception as error:  # noqa: BLE001  whatever it is, it is what is looked for
            said = f"crash: {type(error).__name__}: {error}"[:300]
        self.found[name] = (said, round(time.process_time() - started, 2))

    def _load(self) -> str:
        contract = load_contract(self._folder)
        calls = list(islice(iter_calls(contract), _MOST_EXCHANGES))
        wrong = [other for _, other in calls if other is not None]
        self._clean.write_text("".join(f"{json.dumps(one)}\n" for one, _ in calls))
        self._drift.write_text("".join(f"{json.dumps(one)}\n" for one in wrong))
        self._calls, self._faults = len(calls), len(wrong)
        self.found |= {
            "operations": len(contract.operations),
            "notes": len(contract.notes),
            "exchanges": len(calls),
            "faults": len(wrong),
        }
        return "ok"

    def _exit(self, code: int, *arguments: str | Path) -> str:
        done = run_command(*arguments, cwd=self._folder)
        lines = [*done.stderr.strip().splitlines(), *done.stdout.strip().splitlines()]
        telling = [one for one in lines if "error" in one] or lines or [""]
        return "ok" if done.returncode == code else f"exit {done.returncode}: {telling[0][:200]}"

    def _rules(self, path: Path) -> Counter[str]:
        """Return how often each rule is broken by what is no information, and no matter of the run."""
        done = run_command("check", path, "--contract", self._folder, "--format", "json", cwd=self._folder)
        if done.returncode not in (0, 1):
            message = f"exit {done.returncode}: {done.stderr.strip()[:200]}"
            raise RuntimeError(message)
        found: Counter[str] = Counter()
        for one in json.loads(done.stdout)["findings"]:
            if one["severity"] != "info" and one["rule"] not in _OF_A_RUN:
                found[one["rule"]] += one["count"]
        return found

    def _check_clean(self) -> str:
        found = self._rules(self._clean) if self._calls else {}
        return f"false alarms: {dict(found)}" if found else "ok"

    def _check_drift(self) -> str:
        total = sum(self._rules(self._drift).values()) if self._faults else 0
        return "ok" if total >= self._faults else f"found {total} of {self._faults}"

    def _redact(self) -> str:
        for path, count in ((self._clean, self._calls), (self._drift, self._faults)):
            if not count:
                continue
            made = path.with_suffix(".redacted.ndjson")
            said = self._exit(0, "redact", path, "--contract", self._folder, "-o", made)
            if said != "ok":
                return said
            before, after = self._rules(path), self._rules(made)
            if before != after:
                return f"not the same: {dict(before - after)} became {dict(after - before)}"
        return "ok"


def look_at(document: Path) -> dict[str, Any]:
    """Return what each command made of a document: `ok`, or why not, with seconds."""
    with tempfile.TemporaryDirectory() as made:
        return Look(document, Path(made)).run()


def _start_mock(folder: Path) -> str:
    """Start the mock in a process of its own, and end it once it has said where it answers."""
    heard, said = os.pipe()
    mock = os.fork()
    if not mock:
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = sys.stderr = os.fdopen(said, "w", buffering=1)
        sys.argv = ["opay-contract", "mock", "--port", "0", "--contract", str(folder)]
        try:
            main_of_command()
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(said)
    with os.fdopen(heard) as lines:
        first = next((one for one in lines if "http://" in one or "error" in one), "")
    os.kill(mock, signal.SIGKILL)
    os.waitpid(mock, 0)
    return "ok" if "http://" in first else first.strip()[:200]


def _look_at_once(document: Path) -> dict[str, Any]:
    """Look at a document in this process, which ends when it takes too long."""
    signal.alarm(_LIMIT)
    return look_at(document)


def main() -> None:
    """Look at each document of some folders, or at one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    documents = [
        path
        for folder in options.folders
        for path in ([folder] if folder.is_file() else sorted(folder.rglob("*")))
        if path.suffix in (".json", ".yaml", ".yml")
    ][: options.limit]
    for name in ("jinja2", "markdown_it", "starlette.applications", "uvicorn"):
        importlib.import_module(name)  # once for all processes
    rows = []
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for row in pool.imap(_look_at_once, documents):
            rows.append(row)
            sys.stdout.write(_line(row) + "\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    sys.stdout.write("\n".join(_totals(rows)) + "\n")


def _line(row: dict[str, Any]) -> str:
    said = [f"{row['document']}: {row.get('operations', 0)} operations, {row.get('exchanges', 0)} exchanges"]
    for name in ("load", *COMMANDS):
        if name in row:
            outcome, seconds = row[name]
            said.append(f"  {name} {seconds} s: {outcome}")
    return "\n".join(said)


def _totals(rows: list[dict[str, Any]]) -> Iterator[str]:
    read = [row for row in rows if row["load"][0] == "ok"]
    yield f"{len(rows)} documents, {len(read)} read, {sum(row['operations'] for row in read)} operations"
    for name in COMMANDS:
        passed = [row for row in read if row[name][0] == "ok"]
        slowest = max((row[name][1] for row in read), default=0)
        total = sum(row[name][1] for row in read)
        yield f"{name}: {len(passed)} of {len(read)}, {total:.0f} s, slowest {slowest} s"
    for (name, why), count in Counter(
        (name, re.sub(r"'[^']*'|[0-9]+|/tmp/\S+", "…", row[name][0]))
        for row in rows
        for name in ("load", *COMMANDS)
        if name in row and row[name][0] != "ok"
    ).most_common(40):
        yield f"  {count} x {name}: {why}"


if __name__ == "__main__":
    main()
