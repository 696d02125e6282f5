"""Calls by the contract's own examples, signed with the public test key: what anybody can send to a mock.

As curl they stand in a ticket, and in the reference in several languages, running as they stand. Every
program but curl's signs by itself and takes other credentials and another host from the environment.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from opay_contract.contract.addresses import absolute, split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.signing.signer import PUBLIC_TEST_KEY, Signature, SignatureScheme, sign

MOCK = "http://127.0.0.1:8000"
"""Where a call finds the mock: `opay-contract mock --port 8000`."""

_PROGRAMS = (
    ("Shell", "sample.sh", "sh"),
    ("Python", "sample.py.txt", "python"),
    ("Node.js", "sample.mjs", "js"),
    ("PHP", "sample.php", "php"),
)
_SAFE = re.compile(r"[\w .:/-]*", re.ASCII)
"""What stands in a program's text as it is in every language."""


class SampleCall(msgspec.Struct, frozen=True, kw_only=True):
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


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A sample request in one language."""

    title: str
    language: str
    text: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An example of a request: the text that is signed, its signature if there is one, and the programs."""

    title: str
    text: str
    signature: str
    programs: tuple[Program, ...]


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
    headers = tuple(
        (one["name"], str(one["example"])) for one in parameters if one["in"] == "header" and "example" in one
    )
    for name, example in examples or [("", {"value": None})]:
        query, scheme = example["value"], contract.signature if examples else None
        form = next((one.id for one in operation.forms if examples and one.required <= query.keys()), "")
        signature = sign(json.dumps(query).encode(), PUBLIC_TEST_KEY, scheme) if scheme else None
        written = json.dumps(query, ensure_ascii=False) if examples else ""
        yield (
            form,
            SampleCall(
                title=example.get("summary", name),
                operation=operation,
                query=query,
                text=signature.text if signature else written,
                headers=headers,
                scheme=scheme,
                signature=signature,
            ),
        )


def parameters_of(contract: Contract, operation: Operation) -> list[Any]:
    """Return the parameters of an operation and of its path, wherever they stand."""
    nodes = [contract.schemas.node(uri) for uri in (operation.uri.rpartition("/")[0], operation.uri)]
    return [
        contract.schemas.node(absolute(one["$ref"], split_uri(operation.uri).file)) if "$ref" in one else one
        for node in nodes
        for one in node.get("parameters", [])
    ]


def build_samples(
    contract: Contract, operation: Operation, form: str, parameters: Sequence[Any]
) -> tuple[Sample, ...]:
    """Return the contract's examples of a request form as programs; none where they could not be sent."""
    calls = [call for of_form, call in build_calls(contract, operation, parameters) if of_form == form]
    return tuple(map(_sample, filter(_can_be_sent, calls)))


def _can_be_sent(call: SampleCall) -> bool:
    words = (call.operation.path, *(text for field in call.headers for text in field))
    return call.operation.method == "POST" and bool(call.text) and all(map(_SAFE.fullmatch, words))


def _sample(call: SampleCall) -> Sample:
    values = {
        "base_url": MOCK,
        "headers": [
            # the name of a header as one of the environment: MERCHANT_ID of MerchantId
            {"name": name, "variable": f"OPAY_{re.sub(r'(?<=[a-z0-9])(?=[A-Z])|-', '_', name).upper()}"}
            | {"example": example}
            for name, example in call.headers
        ],
        "javascript": lambda value: json.dumps(value, ensure_ascii=False),
        "key": PUBLIC_TEST_KEY,
        "path": call.operation.path,
        "php": _php,
        "python": _python,
        "query": call.query,
        "scheme": call.scheme,
        "text": call.text,
        "words": shlex.quote,
    }
    written = [("curl", "sh", f"{call.curl()}\n")]
    written += [
        (name, language, _programs().get_template(file).render(values))
        for name, file, language in (_PROGRAMS if call.scheme and _is_plain(call.scheme) else ())
    ]
    return Sample(
        title=call.title,
        text=call.text,
        signature=call.signature.value if call.signature else "",
        programs=tuple(Program(title=name, language=lang, text=text) for name, lang, text in written),
    )


@cache
def _programs() -> Environment:
    return Environment(  # noqa: S701  programs, which the page escapes like any other text
        loader=PackageLoader("opay_contract.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _is_plain(scheme: SignatureScheme) -> bool:
    """Tell whether compact JSON with sorted keys is what is signed, as the programs write it."""
    separators = (scheme.item_separator, scheme.key_separator)
    is_safe = all(map(_SAFE.fullmatch, (scheme.header, scheme.prefix)))
    return is_safe and scheme.sort_keys and separators == (",", ":") and not scheme.escape_slashes


def _python(value: Any) -> str:
    if isinstance(value, dict | list):
        return _nested(value, _python, "{}", ": ")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _php(value: Any) -> str:
    if isinstance(value, dict | list):
        return _nested(value, _php, "[]", " => ")
    return "'" + re.sub(r"([\\'])", r"\\\1", value) + "'" if isinstance(value, str) else json.dumps(value)


def _nested(value: Any, write: Callable[[Any], str], braces: str, arrow: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(write, value))}]"
    pairs = ", ".join(f"{write(name)}{arrow}{write(child)}" for name, child in value.items())
    return f"{braces[0]}{pairs}{braces[1]}"
