"""Tells what the answers of a contract look like from afar."""

from collections.abc import Iterator

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import iter_fields
from opay_contract.contract.operation import Operation
from opay_contract.model.exchange import AnswerShape


def answer_shape(contract: Contract) -> AnswerShape:
    """Return by what an answer of the contract is told: its envelope, else what its schemas require."""
    known = (names for operation in contract.operations for names in _root_members(contract, operation))
    return AnswerShape(tuple(dict.fromkeys(names for names in known if names)))


def _root_members(contract: Contract, operation: Operation) -> Iterator[frozenset[str]]:
    envelope = operation.envelope
    if envelope is not None:
        yield frozenset(
            str(tokens[0]) for tokens in (envelope.code, envelope.message, envelope.data) if tokens
        )
        return
    for response in operation.responses.values():
        for schema in filter(None, response.media_types.values()):
            fields = iter_fields(contract.schemas, schema, depth=1)
            names = [field.pointer for field in fields if field.required == "yes"]
            yield frozenset(name.removeprefix("/") for name in names if name.count("/") == 1)
