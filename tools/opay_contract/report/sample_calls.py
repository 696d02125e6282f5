"""Calls by the contract's own examples, signed with the public test key: what anybody can send to a mock."""

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.addresses import absolute, split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.signer import PUBLIC_TEST_KEY, Signature, sign

MOCK = "http://127.0.0.1:8000"
"""Where a call finds the mock: `opay-contract mock --port 8000`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCall:
    """A documented request: its title and value, the text that is sent and signed, and what goes along.

    The text is empty where the operation has no documented request; `headers` are those with an example.
    """

    title: str
    operation: Operation
    query: Any
    text: str
    headers: tuple[tuple[str, str], ...]
    scheme: SignatureScheme | None
    signature: Signature | None

    def curl(self, more: Iterable[tuple[str, str]] = ()) -> str:
        """Return the call as a command for a shell, with `more` header fields."""
        method = self.operation.method
        fields = [("Content-Type", "application/json")] if self.text else []
        fields += [*self.headers, *more]
        if self.scheme and self.signature:
            fields.append((self.scheme.header, self.signature.header))
        parts = [shlex.quote(MOCK + self.operation.path)]
        parts += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in fields]
        parts += [f"--data-binary {shlex.quote(self.text)}"] if self.text else []
        usual = "POST" if self.text else "GET"
        return f"curl {'' if method == usual else f'--request {method} '}" + " \\\n  ".join(parts)


def build_calls(
    contract: Contract, operation: Operation, parameters: Sequence[Any]
) -> Iterator[tuple[str, SampleCall]]:
    """Yield the documented requests of an operation with their form, or one without a body."""
    body = contract.schemas.node(operation.uri).get("requestBody", {})
    examples = [
        (name, one)
        for media in body.get("content", {}).values()
        for name, one in media.get("examples", {}).items()
        if isinstance(one.get("value"), dict)
    ]
    for name, example in examples:
        query = example["value"]
        form = next((form.id for form in operation.forms if form.required <= query.keys()), "")
        yield form, _call(contract.signature, operation, parameters, example.get("summary", name), query)
    if not examples:
        yield "", _call(None, operation, parameters, "", None)


def _call(
    scheme: SignatureScheme | None, operation: Operation, parameters: Sequence[Any], title: str, query: Any
) -> SampleCall:
    signature = sign(json.dumps(query).encode(), PUBLIC_TEST_KEY, scheme) if scheme else None
    written = "" if query is None else json.dumps(query, ensure_ascii=False)
    return SampleCall(
        title=title,
        operation=operation,
        query=query,
        text=signature.text if signature else written,
        headers=tuple(
            (one["name"], str(one["example"]))
            for one in parameters
            if one["in"] == "header" and "example" in one
        ),
        scheme=scheme,
        signature=signature,
    )


def parameters_of(contract: Contract, operation: Operation) -> list[Any]:
    """Return the parameters of an operation and of its path, wherever they stand."""
    nodes = [contract.schemas.node(uri) for uri in (operation.uri.rpartition("/")[0], operation.uri)]
    return [
        contract.schemas.node(absolute(one["$ref"], split_uri(operation.uri).file)) if "$ref" in one else one
        for node in nodes
        for one in node.get("parameters", [])
    ]
