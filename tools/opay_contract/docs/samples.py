"""Writes requests that run as they stand: signed with the public test key, for the mock on this machine.

Every program but curl's signs by itself and takes other credentials and another host from the environment.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.model.signature import SignatureScheme
from opay_contract.report.sample_calls import MOCK, SampleCall, build_calls
from opay_contract.signing.signer import PUBLIC_TEST_KEY

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
            {"name": name, "variable": f"OPAY_{_snake(name)}", "example": example}
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
