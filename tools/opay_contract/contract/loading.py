"""Builds a Contract from the folder that holds openapi.yaml and schemas/."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opay_contract.contract.addresses import OPEN, absolute, address, below, split_uri
from opay_contract.contract.contract import Contract, Server, host_of
from opay_contract.contract.documents import Document, load_document
from opay_contract.contract.naming import sensitivity_by_name
from opay_contract.contract.operation import (
    BusinessCode,
    DocumentedResponse,
    Echo,
    Envelope,
    Evidence,
    Form,
    OpenQuestion,
    Operation,
    Reading,
    RequiredHeader,
)
from opay_contract.contract.paths import words_of
from opay_contract.contract.schemas import SchemaSet, build_schema_set
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Tokens
from opay_contract.model.signature import SignatureScheme

ROOT = "openapi.yaml"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_IDENTIFYING = ("identifier", "credential")
_PACKAGE = Path(__file__).parents[1]


def default_directory() -> Path:
    """Return the contract that the package carries: the wheel's copy, or the repository's own."""
    carried = _PACKAGE / "_contract"
    return carried if carried.is_dir() else _PACKAGE.parents[1]


def is_carried(directory: Path) -> bool:
    """Return whether a folder is a wheel's copy, which nobody edits."""
    return directory.resolve().name == "_contract"


def folder_of(contract: Path) -> Path:
    """Return the folder of a contract that is named by its folder or by its openapi.yaml."""
    if not contract.is_file():
        return contract
    if contract.name != ROOT:
        raise UsageError(f"{contract}: a contract's file is called {ROOT}; name that, or the folder it is in")
    return contract.parent


def list_documents(directory: Path) -> list[str]:
    """Return the names of openapi.yaml and every schema file, relative to `directory`."""
    if not (directory / ROOT).is_file():
        raise UsageError(f"{directory}: no {ROOT} there; name the folder that holds {ROOT} and schemas/")
    files = sorted((directory / "schemas").glob("**/*.json"))
    return [ROOT, *(file.relative_to(directory).as_posix() for file in files)]


def load_documents(directory: Path) -> dict[str, Document]:
    """Read openapi.yaml and every schema file, by name relative to `directory`."""
    return {name: load_document(directory / name, name) for name in list_documents(directory)}


def load_contract(directory: Path | None = None, base_urls: tuple[str, ...] = ()) -> Contract:
    """Read a contract, by default the one that the package carries.

    `base_urls` are answered by the contract in addition to its `servers`. Raises ContractError when the
    contract is not sound enough to judge by, UsageError when there is none.
    """
    return build_contract(load_documents(directory or default_directory()), base_urls)


def build_contract(documents: dict[str, Document], base_urls: tuple[str, ...] = ()) -> Contract:
    """Resolve parsed documents into a Contract."""
    try:
        return _Builder(build_schema_set(documents)).build(base_urls)
    except (KeyError, TypeError, AttributeError) as error:
        raise ContractError(
            f"{ROOT}: a member is missing or of another type near {error}; `opay-contract spec` says which"
        ) from error


def tokens_of(text: str) -> Tokens:
    """Return the tokens of a JSON pointer."""
    return tuple(split_uri("#" + text)[1])


class _Builder:
    def __init__(self, schemas: SchemaSet) -> None:
        self._schemas = schemas
        self._root = schemas.documents[ROOT].value

    def build(self, base_urls: tuple[str, ...]) -> Contract:
        own = [
            (node["url"], node.get("x-environment"), f"{ROOT}: server")
            for node in self._root.get("servers", [])
        ]
        added = [(url, None, "base URL") for url in base_urls]
        scheme_uri, scheme = self._signature()
        servers = tuple(_server(*given) for given in (*own, *added))
        operations = tuple(self._operations())
        return Contract(
            schemas=self._schemas,
            servers=servers,
            operations=operations,
            has_all_paths=self._root.get("x-all-paths") is True,
            words=frozenset(_words_of_paths(servers, operations)),
            questions=tuple(_question(question) for question in self._root.get("x-open-questions", [])),
            signature=scheme,
            signature_uri=scheme_uri,
            unsearched_headers=frozenset(self._unsearched_headers()),
            sensitivity_by_name=sensitivity_by_name(self._schemas.documents),
        )

    def _operations(self) -> list[Operation]:
        return [
            self._operation(path, item, method)
            for path, item in self._root["paths"].items()
            for method in _METHODS
            if method in item
        ]

    def _operation(self, path: str, item: Any, method: str) -> Operation:
        node = item[method]
        uri = address(ROOT, "paths", path, method)
        content = self._resolve(node["requestBody"])["content"] if "requestBody" in node else {}
        media_type = next(iter(content), None)
        return Operation(
            id=node.get("operationId", f"{method.upper()} {path}"),
            method=method.upper(),
            path=path,
            path_pattern=re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path))),
            request_schema=below(uri, "requestBody", "content", media_type, "schema") if media_type else None,
            required_headers=tuple(self._required_headers(node, item, uri)),
            responses={status: self._response(uri, status) for status in node.get("responses", {})},
            envelope=self._envelope(node, uri),
            forms=tuple(
                self._form(form, below(uri, "x-forms", i)) for i, form in enumerate(node.get("x-forms", []))
            ),
            uri=uri,
        )

    def _required_headers(self, node: Any, item: Any, uri: str) -> list[RequiredHeader]:
        found = []
        for requirement in node.get("security", self._root.get("security", [])):
            for name in requirement:
                scheme_uri = address(ROOT, "components", "securitySchemes", name)
                header = _credential_header(self._schemas.node(scheme_uri))
                found += [RequiredHeader(name=header, uri=scheme_uri)] if header else []
        for parameter in [*item.get("parameters", []), *node.get("parameters", [])]:
            parameter_uri = (
                absolute(parameter["$ref"], ROOT) if "$ref" in parameter else below(uri, "parameters")
            )
            parameter_node = self._resolve(parameter)
            if parameter_node.get("in") == "header" and parameter_node.get("required"):
                found.append(RequiredHeader(name=parameter_node["name"], uri=parameter_uri))
        if node.get("requestBody", {}).get("required"):
            found.append(RequiredHeader(name="Content-Type", uri=below(uri, "requestBody", "content")))
        return found

    def _response(self, operation_uri: str, status: str) -> DocumentedResponse:
        uri = below(operation_uri, "responses", status)
        content = self._resolve(self._schemas.node(uri)).get("content", {})
        return DocumentedResponse(
            media_types={
                media_type: below(uri, "content", media_type, "schema") if "schema" in described else None
                for media_type, described in content.items()
            },
            uri=uri,
        )

    def _envelope(self, node: Any, uri: str) -> Envelope | None:
        if "x-envelope" not in node:
            return None
        envelope, codes_uri = node["x-envelope"], below(uri, "x-business-codes")
        codes = [
            BusinessCode(
                code=entry["code"],
                messages=tuple(entry["messages"]),
                uri=below(codes_uri, index),
                means=entry.get("means"),
            )
            for index, entry in enumerate(node.get("x-business-codes", []))
        ]
        return Envelope(
            schema=absolute(envelope["schema"]["$ref"], ROOT),
            code=tokens_of(envelope["code"]),
            message=tokens_of(envelope["message"]),
            data=tokens_of(envelope["data"]),
            success=frozenset(self._schemas.node(absolute(envelope["success"]["$ref"], ROOT))["enum"]),
            codes={code.code: code for code in codes},
            codes_uri=codes_uri,
        )

    def _form(self, form: Any, uri: str) -> Form:
        request = absolute(form["request"]["$ref"], ROOT)
        return Form(
            id=form["id"],
            title=form["title"],
            request=request,
            response=absolute(form["response"]["$ref"], ROOT),
            required=frozenset(self._schemas.node(request).get("required", ())),
            echoes=tuple(
                Echo(
                    request=tokens_of(echo["request"]),
                    response=tokens_of(echo["response"]),
                    uri=below(uri, "echoes", i),
                )
                for i, echo in enumerate(form.get("echoes", []))
            ),
        )

    def _signature(self) -> tuple[str, SignatureScheme | None]:
        for name, scheme in self._root.get("components", {}).get("securitySchemes", {}).items():
            if "x-signature" in scheme:
                uri = address(ROOT, "components", "securitySchemes", name, "x-signature")
                return uri, _scheme(scheme["x-signature"])
        return "", None

    def _unsearched_headers(self) -> Iterator[str]:
        components = self._root.get("components", {})
        for scheme in components.get("securitySchemes", {}).values():
            yield (_credential_header(scheme) or "").lower()
        for parameter in components.get("parameters", {}).values():
            if parameter["in"] == "header" and parameter["schema"].get("x-sensitivity") in _IDENTIFYING:
                yield parameter["name"].lower()

    def _resolve(self, node: Any) -> Any:
        return self._schemas.node(absolute(node["$ref"], ROOT)) if "$ref" in node else node


def _server(url: str, environment: str | None, whose: str) -> Server:
    try:
        parts = urlsplit(url)
        host = host_of(parts)
    except ValueError as error:
        raise UsageError(f"{whose} '{url}' is no URL; write it as https://host/path") from error
    if not host:
        raise UsageError(f"{whose} '{url}' has no host; write it as https://host/path")
    return Server(host=host, prefix=parts.path.rstrip("/"), environment=environment)


def _words_of_paths(servers: Iterable[Server], operations: Iterable[Operation]) -> Iterator[str]:
    """Yield the words of the contract's own paths, parameters' names aside."""
    for path in (*(server.prefix for server in servers), *(operation.path for operation in operations)):
        yield from words_of(re.sub(r"\{[^/]*\}", "", path))


def _credential_header(scheme: Any) -> str | None:
    if scheme.get("type") == "http":
        return "Authorization"
    return scheme["name"] if scheme.get("in") == "header" else None


def _scheme(node: Any) -> SignatureScheme:
    canonical = node["canonical-json"]
    return SignatureScheme(
        header=node["header"],
        prefix=node["prefix"],
        algorithm=node["algorithm"],
        encoding=node["encoding"],
        sort_keys=canonical["sort-keys"],
        item_separator=canonical["item-separator"],
        key_separator=canonical["key-separator"],
        escape_slashes=canonical["escape-slashes"],
        non_ascii=tuple(canonical["non-ascii"]),
    )


def _question(node: Any) -> OpenQuestion:
    return OpenQuestion(
        id=node["id"],
        question=node["question"],
        about=tuple(OPEN + about for about in node["about"]),
        readings=tuple(_reading(reading) for reading in node["readings"]),
    )


def _reading(node: Any) -> Reading:
    return Reading(
        id=node["id"],
        statement=node["statement"],
        assumed=node.get("assumed", False),
        evidence=tuple(_evidence(evidence) for evidence in node.get("evidence", [])),
    )


def _evidence(node: Any) -> Evidence:
    other = node.get("equals", node.get("differs-from"))
    return Evidence(
        at=tokens_of(node["at"]),
        outcome=node.get("outcome"),
        schema=node.get("when", True),
        other=tokens_of(other) if other is not None else None,
        equal="equals" in node,
    )
