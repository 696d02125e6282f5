"""Judges values by schemas and words what is wrong; a value is named by its place and never quoted."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.closing import close_reference
from opay_contract.contract.documents import Document
from opay_contract.contract.schemas import DIALECT, SchemaSet, build_schema_set
from opay_contract.errors import ContractError
from opay_contract.jsontext import pointer
from opay_contract.spec.linking import iter_references, resolve
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.subject import Subject

_MASK = "(hidden)"
"""What the schema library writes for a value, here as in the contract's own schemas."""

_UNEVALUATED = "unevaluatedProperties"
_MEMBERS = (_UNEVALUATED, "additionalProperties")
_LONGEST = 200


def build_validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of a published schema; it never fetches anything."""
    return jsonschema_rs.Draft202012Validator(schema, offline=True, mask=_MASK)


def build_meta_validator() -> jsonschema_rs.Draft202012Validator:
    """Return the validator of schemas themselves."""
    return build_validator({"$ref": DIALECT})


def iter_faults(
    validator: jsonschema_rs.Draft202012Validator, value: Any, at: Address
) -> Iterator[RawProblem]:
    """Yield what is wrong with the value that stands at `at`, each at the place it is about."""
    errors = list(validator.iter_errors(value))
    causes = [error.instance_path for error in errors if error.kind.name != _UNEVALUATED]
    for error in errors:
        follows = error.kind.name == _UNEVALUATED and error.instance_path in causes
        if not follows:
            yield RawProblem(at.child(*error.instance_path, *_unexpected(error)), _describe(error))


class Judge:
    """The contract's own schemas, less the references that lead nowhere, ready for its examples."""

    def __init__(self, subject: Subject) -> None:
        """Take the documents; raises ValueError where their references do not fit together."""
        self._schemas: SchemaSet = build_schema_set(_mend(subject))

    def open_validator(self, at: Address) -> jsonschema_rs.Draft202012Validator:
        """Return the validator of the schema at `at` as it is written."""
        return self._schemas.validator(_uri(at))

    def closed_validator(self, at: Address) -> jsonschema_rs.Draft202012Validator:
        """Return the validator of the schema at `at` without room for undocumented members."""
        return self._schemas.compile(close_reference(_uri(at), self._schemas.documents))


def build_judge(subject: Subject) -> Judge:
    """Put the schemas together; raises ContractError where they do not fit."""
    try:
        return Judge(subject)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise ContractError(f"the schemas do not fit together: {error}") from error


def _uri(at: Address) -> str:
    return f"{OPEN}{quote(at.file)}#{quote(pointer(at.tokens), safe='/~')}"


def _mend(subject: Subject) -> dict[str, Document]:
    """Return the documents without what would keep the sound schemas from being used."""
    lost = {fault.at for fault in subject.faults}
    lost |= {link.at for link in iter_references(subject) if not resolve(subject, link.at.file, link.text)}
    return {
        name: Document(
            name=name, value=_usable(Address(name), document.value, lost), positions=document.positions
        )
        for name, document in subject.documents.items()
    }


def _usable(at: Address, value: Any, lost: set[Address]) -> Any:
    if not at.tokens and not (isinstance(value, dict) and (at.file.endswith(".json") or "openapi" in value)):
        return {}
    if isinstance(value, dict):
        return {
            key: _usable(at.child(key), child, lost)
            for key, child in value.items()
            if at.child(key) not in lost
        }
    if isinstance(value, list):
        return [
            {} if at.child(i) in lost else _usable(at.child(i), child, lost) for i, child in enumerate(value)
        ]
    return value


def _unexpected(error: jsonschema_rs.ValidationError) -> list[str]:
    """Return the first member that should not be there, for the place."""
    return list(getattr(error.kind, "unexpected", []))[:1] if error.kind.name in _MEMBERS else []


def _describe(error: jsonschema_rs.ValidationError) -> str:
    branches = getattr(error.kind, "context", [])
    if branches:
        reasons = dict.fromkeys(_describe(branch[0]) for branch in branches if branch)
        text = "fits none of the forms: " + "; ".join(reasons)
    else:
        text = error.message.replace(_MASK, "the value").replace('"', "'")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
