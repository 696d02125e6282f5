"""Writes requests that run as they stand: signed with the public test key, for the mock on this machine.

Every program but curl's signs by itself and takes other credentials and another host from the environment.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.signer import PUBLIC_TEST_KEY, sign

MOCK = "http://127.0.0.1:8000"
"""Where the samples find the mock: `opay-contract mock --port 8000`."""

_PROGRAMS = (
    ("Shell", "sample.sh", "sh"),
    ("Python", "sample.py.txt", "python"),
    ("Node.js", "sample.mjs", "js"),
    ("PHP", "sample.php", "php"),
)
_SAFE = re.compile(r"[\w .:/-]*", re.ASCII)
"""What stands in a program's text as it is in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A sample request in one language."""

    title: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An example of a request: the text that is signed, its signature if there is one, and the programs."""

    title: str
    text: str
    signature: str
    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SentHeader:
    name: str
    variable: str
    example: str


def build_samples(
    contract: Contract, operation: Operation, form: str, parameters: Sequence[Any]
) -> tuple[Sample, ...]:
    """Return the contract's examples of a request form as programs; none where they could not be sent."""
    headers = [
        _SentHeader(name=one["name"], variable=f"OPAY_{_snake(one['name'])}", example=str(one["example"]))
        for one in parameters
        if one["in"] == "header" and "example" in one
    ]
    words = (operation.path, *(text for one in headers for text in (one.name, one.example)))
    if operation.method != "POST" or not all(map(_SAFE.fullmatch, words)):
        return ()
    examples = _iter_examples(contract, operation, form)
    return tuple(_sample(contract.signature, operation, headers, title, query) for title, query in examples)


def _iter_examples(
    contract: Contract, operation: Operation, form: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    body = contract.schemas.node(operation.uri).get("requestBody", {})
    for media in body.get("content", {}).values():
        for name, example in media.get("examples", {}).items():
            query = example.get("value")
            if isinstance(query, dict) and _form_of(operation, query) == form:
                yield example.get("summary", name), query


def _form_of(operation: Operation, query: dict[str, Any]) -> str:
    return next((form.id for form in operation.forms if form.required <= query.keys()), "")


def _sample(
    scheme: SignatureScheme | None,
    operation: Operation,
    headers: Sequence[_SentHeader],
    title: str,
    query: dict[str, Any],
) -> Sample:
    made = sign(json.dumps(query).encode(), PUBLIC_TEST_KEY, scheme) if scheme else None
    text = made.text if made else json.dumps(query, ensure_ascii=False)
    templates = [("curl", "sample.curl", "sh"), *(_PROGRAMS if scheme and _is_plain(scheme) else ())]
    values = {
        "base_url": MOCK,
        "headers": headers,
        "javascript": lambda value: json.dumps(value, ensure_ascii=False),
        "key": PUBLIC_TEST_KEY,
        "path": operation.path,
        "php": _php,
        "python": _python,
        "query": query,
        "scheme": scheme,
        "signature": made.header if made else "",
        "text": text,
        "words": shlex.quote,
    }
    return Sample(
        title=title,
        text=text,
        signature=made.value if made else "",
        programs=tuple(
            Program(title=name, language=language, text=_programs().get_template(file).render(values))
            for name, file, language in templates
        ),
    )


@cache
def _programs() -> Environment:
    return Environment(  # noqa: S701  programs, which the page escapes like any other text
        loader=PackageLoader("opay_contract.docs"),
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


def _snake(name: str) -> str:
    """Return the name of a header as one of the environment: MERCHANT_ID of MerchantId."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", name).upper()


def _python(value: Any) -> str:
    if isinstance(value, dict | list):
        return _nested(value, _python, "{}", "[]", ": ")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _php(value: Any) -> str:
    if isinstance(value, dict | list):
        return _nested(value, _php, "[]", "[]", " => ")
    if isinstance(value, str):
        return "'" + re.sub(r"([\\'])", r"\\\1", value) + "'"
    return json.dumps(value)


def _nested(value: Any, write: Callable[[Any], str], braces: str, brackets: str, arrow: str) -> str:
    if isinstance(value, list):
        return f"{brackets[0]}{', '.join(map(write, value))}{brackets[1]}"
    pairs = ", ".join(f"{write(name)}{arrow}{write(child)}" for name, child in value.items())
    return f"{braces[0]}{pairs}{braces[1]}"
