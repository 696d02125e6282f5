"""Takes processor time: of commands, each without its start, and of loops in this process."""

import gc
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
from referencing import Registry, Resource

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.documents import load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.contract.openapi import is_schema_file
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges


def seconds_of(work: Callable[[], Any]) -> float:
    """Return the processor seconds that something takes in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def take_rounds(works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the least seconds of each; all are taken in every round, so that none has the calm to itself."""
    gc.collect()
    gc.freeze()  # what this process holds is none of theirs
    taken = [{name: work() for name, work in works.items()} for _ in range(rounds)]
    gc.unfreeze()
    return {name: min(one[name] for one in taken) for name in works}


def read_all(path: Path) -> None:
    """Read a recording and forget it."""
    for _ in iter_exchanges(Source(ordinal=0, name=path.name, path=path)):
        pass


def judge_at_least(path: Path, contract: Path) -> None:
    """Read a recording, parse both bodies, ask the schema library about the answers, and forget it all.

    Nobody who judges a recording in Python with these libraries, exchange by exchange, can do with less.
    """
    is_valid = load_contract(contract).schemas.validator(f"{OPEN}schemas/customer-response.json").is_valid
    for one in iter_exchanges(Source(ordinal=0, name=path.name, path=path)):
        if isinstance(one, Exchange):
            with suppress(ValueError, RecursionError):
                msgspec.json.decode(one.request.body or b"null")
                is_valid(msgspec.json.decode(one.response.body))


def build_oracle(contract: Path) -> jsonschema.Draft202012Validator:
    """Return `jsonschema`'s validator of the answer, its registry built whole beforehand."""
    documents = load_documents(contract)
    resources = [
        (name, Resource.from_contents({**document.value, "$id": name}))
        for name, document in documents.items()
        if is_schema_file(name)
    ]
    registry = Registry().with_resources(resources)
    return jsonschema.Draft202012Validator({"$ref": "schemas/query-response.json"}, registry=registry)


def validate_all(oracle: jsonschema.Draft202012Validator, answers: Sequence[bytes]) -> None:
    """Validate answers as a loop around the library does."""
    for answer in answers:
        list(oracle.iter_errors(json.loads(answer)))
