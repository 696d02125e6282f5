"""How a request is signed, with programs that are printed here as the tests run them."""

from collections.abc import Iterator
from importlib import resources
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.docs.markdown import code, codes, document, fenced, plain, prose, table
from opay_contract.docs.reference import Reference

SNIPPETS = (
    ("curl", "sign.sh", "sh"),
    ("Python", "sign.py.txt", "python"),
    ("Node.js", "sign.mjs", "js"),
    ("PHP", "sign.php", "php"),
)
"""Title, file and language of each program."""


def render_signing(reference: Reference) -> str:
    """Return how to sign; empty where the contract has no signature."""
    scheme = next(_schemes(reference), None)
    if scheme is None:
        return ""
    return document([prose(scheme.get("description")), _facts(reference, scheme), *_programs(reference)])


def load_snippet(file: str) -> str:
    """Return the text of a program."""
    return (resources.files("opay_contract.docs") / "snippets" / file).read_text(encoding="utf-8")


def _schemes(reference: Reference) -> Iterator[Any]:
    for scheme in reference.root.get("components", {}).get("securitySchemes", {}).values():
        if "x-signature" in scheme:
            yield scheme


def _facts(reference: Reference, scheme: Any) -> str:
    signature = scheme["x-signature"]
    canonical = signature["canonical-json"]
    rows = [
        ("Algorithm", code(signature["algorithm"])),
        ("Key", plain(signature["key"])),
        ("Signed text", f"{plain(signature['input'])}, as canonical JSON"),
        ("Keys sorted", "yes" if canonical["sort-keys"] else "no"),
        (
            "Separators",
            f"{code(canonical['item-separator'])} and {code(canonical['key-separator'])}",
        ),
        ("Slashes escaped", "yes" if canonical["escape-slashes"] else "no"),
        ("Text outside ASCII", f"{codes(canonical['non-ascii'])}, the first by default"),
        ("Encoding", code(signature["encoding"])),
        ("Header", code(f"{signature['header']}: {signature['prefix']}<signature>")),
        ("Sources", reference.cite(signature.get("x-source", ()))),
    ]
    return table(("Part", "How"), rows)


def _programs(reference: Reference) -> Iterator[str]:
    programs = [(title, load_snippet(file), language) for title, file, language in SNIPPETS]
    if not all(_fits(reference.contract, text) for _, text, _ in programs):
        return
    yield (
        "Each program asks for the tokens of one customer. It takes the merchant's id and key from "
        "`OPAY_MERCHANT_ID` and `OPAY_PRIVATE_KEY` in the environment, and another host than the sandbox "
        "from `OPAY_BASE_URL`. The tests run all of them, as they are printed here, against "
        "`opay-contract mock`."
    )
    for title, text, language in programs:
        yield from (f"### {title}", fenced(text, language))


def _fits(contract: Contract, program: str) -> bool:
    """Tell whether a program asks what this contract answers; it was written for one."""
    scheme = contract.signature
    return (
        scheme is not None
        and scheme.algorithm == "hmac-sha512"
        and f"{scheme.header}" in program
        and any(operation.path in program for operation in contract.operations)
        and any(server.host in program for server in contract.servers)
    )
