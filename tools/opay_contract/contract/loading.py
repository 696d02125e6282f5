"""Builds a Contract from its first document, a file of any name, and what that refers to."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from itertools import islice, product
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from opay_contract.contract.addresses import (
    MISSING,
    OPEN,
    Address,
    iter_reached,
    iter_targets,
    resolve,
    split_uri,
    value_below,
)
from opay_contract.contract.contract import ANY_WORD, Contract, Server, base_server, server_at, words_of
from opay_contract.contract.documents import Document, default_directory, load_documents
from opay_contract.contract.openapi import METHODS, in_one_dialect, read_version, root_of
from opay_contract.contract.operation import (
    BusinessCode,
    Credential,
    DocumentedResponse,
    Echo,
    Envelope,
    Evidence,
    Form,
    OpenQuestion,
    Operation,
    Reading,
    RequiredHeader,
    code_text,
    is_json,
)
from opay_contract.contract.parameters import (
    HEADER,
    PLACES,
    QUERY,
    Parameter,
    ParameterReader,
    build_parameter,
)
from opay_contract.contract.schemas import SchemaSet
from opay_contract.contract.stated import MisplacedError, Stated
from opay_contract.errors import ContractError
from opay_contract.signing.signer import SignatureScheme

SENSITIVITIES = ("card-number", "card", "customer", "credential", "identifier", "public")
"""The classes of `x-sensitivity`, the strictest first."""

_IDENTIFYING = ("identifier", "credential")
_IN_AUTHORIZATION = ("http", "oauth2", "openIdConnect")
_WORDS_OF_SCHEMES = ("basic", "bearer", "digest")
_NOT_PARAMETERS = ("accept", "authorization", "content-type")
"""Headers whose parameters OpenAPI passes over: they are said by other means."""

_ANY_HOST = "no server with a host is named, so any host's calls are judged; name yours with --base-url"
_NO_OPERATION = "no operation is described, so no exchange can be judged"
_CODES = "x-business-codes"
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_MAX_SERVERS = 64
"""Servers that one with variables may stand for."""

_Built = TypeVar("_Built")


def load_contract(path: Path | None = None, base_urls: tuple[str, ...] = ()) -> Contract:
    """Read a contract from its folder or its file, by default the one that the package carries.

    `base_urls` are answered by the contract in addition to its `servers`. Raises ContractError when the
    contract is not sound enough to judge by, UsageError when there is none.
    """
    return build_contract(load_documents(path or default_directory()), base_urls)


def build_contract(documents: dict[str, Document], base_urls: tuple[str, ...] = ()) -> Contract:
    """Resolve parsed documents, the first of which is the contract's, into a Contract.

    One thing in it that is not understood costs that statement, and is among the contract's notes.
    Extensions are another matter: they are this tool's own, and raise ContractError where they are broken.
    """
    version = read_version(documents[root_of(documents)])
    return _Builder(in_one_dialect(documents, version)).build(base_urls)


class _Builder:
    def __init__(self, documents: dict[str, Document]) -> None:
        self._schemas = SchemaSet(documents)
        self._values = {name: document.value for name, document in documents.items()}
        self._root = Stated(self._values, Address(root_of(documents)))
        self._notes: dict[Address, str] = {}
        self._objects = [one for one in self._schemas.places.objects if isinstance(one.value, dict)]
        schemes = self._understood(
            [self._root], lambda root: root.of("components").members("securitySchemes")
        )
        self._schemes = next(schemes, [])
        self._credentials_of_all = [one for _, scheme in self._schemes if (one := _credential(scheme))]
        self._signed_by, self._signature_uri, self._signature = "", "", None
        for name, scheme in self._schemes:
            if self._signature is None and scheme.has("x-signature"):
                stated = scheme.of("x-signature")
                self._signed_by, self._signature_uri = name, stated.uri
                self._signature = self._own(_scheme, stated)

    def build(self, base_urls: tuple[str, ...]) -> Contract:
        servers = tuple(self._servers(base_urls))
        operations = tuple(self._operations())
        asked = self._own(lambda root: root.items("x-open-questions"), self._root)
        reaches = {one.id: self._reach(one) for one in operations} if asked and operations[1:] else {}
        questions = [self._own(partial(_question, reaches=reaches), one) for one in asked]
        left_out = [*self._notes.items(), *self._schemas.notes.items()]
        notes = [self._note(at, f"left out: {text}") for at, text in left_out]
        if not operations:
            notes.append(self._note(self._root.at, _NO_OPERATION))
        elif not all(server.host for server in servers):
            notes.append(self._note(self._root.at, _ANY_HOST))
        return Contract(
            schemas=self._schemas,
            servers=servers,
            operations=operations,
            has_all_paths=self._root.of("x-all-paths").value is True,
            words=frozenset(
                word
                for path in (*(server.prefix for server in servers), *(one.path for one in operations))
                for word in words_of(re.sub(r"\{[^/]*\}", "", path))  # parameters' names aside
            ),
            questions=tuple(questions),
            signature=self._signature,
            signature_uri=self._signature_uri,
            unsearched_headers=frozenset(self._unsearched_headers()),
            sensitivity_by_name=_strictest(self._classified),
            unsearched_names=self._unsearched_names(operations),
            keys_in_queries=frozenset(one.name for one in self._credentials_of_all if one.place == QUERY),
            parameters=ParameterReader(self._schemas),
            notes=tuple(notes),
        )

    def _note(self, at: Address, text: str) -> str:
        place = self._schemas.place(at.uri)
        return f"{place.file}:{place.line}:{place.column}: {text}"

    def _understood(self, nodes: Iterable[Stated], build: Callable[[Stated], _Built]) -> Iterator[_Built]:
        """Yield what is built of each node that can be understood; the others are noted."""
        for node in nodes:
            try:
                yield build(node.as_object())
            except MisplacedError as misplaced:
                self._notes[misplaced.at] = f"{misplaced.wanted} belongs here"

    def _own(self, build: Callable[[Stated], _Built], node: Stated) -> _Built:
        """Return what is built of one of this tool's extensions; raises ContractError where it is broken."""
        try:
            return build(node)
        except MisplacedError as misplaced:
            place = self._schemas.place(misplaced.at.uri)
            raise ContractError(
                f"{place.file}:{place.line}:{place.column}: {misplaced.wanted} belongs at "
                f"'{place.pointer}'; `opay-contract spec` says which problems there are"
            ) from misplaced

    def _operations(self) -> Iterator[Operation]:
        ids: set[str] = set()
        for path, item in self._paths():
            methods = [item.of(method) for method in METHODS if item.has(method)]
            for one in self._understood(methods, partial(self._operation, path=path, item=item)):
                yield replace(one, id=f"{one.method} {path}") if one.id in ids else one
                ids.add(one.id)

    def _paths(self) -> list[tuple[str, Stated]]:
        """Return the paths with what stands there; raises ContractError where the document is not OpenAPI."""
        if not any(map(self._root.has, ("paths", "webhooks", "components"))):
            raise ContractError(
                f"{self._root.at.file}:1:1: a document of OpenAPI has `paths`; this one has none"
            )
        return self._own(lambda root: root.members("paths"), self._root)

    def _operation(self, node: Stated, path: str, item: Stated) -> Operation:
        method = str(node.at.tokens[-1]).upper()
        name = node.of("operationId").value
        body = node.of("requestBody")
        request_types = self._media_types(body) if node.has("requestBody") else {}
        responses = {status: self._response(one) for status, one in node.members("responses")}
        required, credentials, is_signed = self._security(node)
        parameters = self._parameters(node, item)
        required += [
            RequiredHeader(name=one.name, uri=one.uri)
            for one in parameters
            if one.place == HEADER and one.is_required
        ]
        if body.has("required") and body.value["required"] is True and body.has("content"):
            required.append(RequiredHeader(name="Content-Type", uri=body.of("content").uri))
        types = {*request_types, *(one for found in responses.values() for one in found.media_types)}
        return Operation(
            id=name if isinstance(name, str) else f"{method} {path}",
            method=method,
            path=path,
            path_pattern=re.compile(re.sub(r"\\\{[^/]+?\\\}", "([^/]+)", re.escape(path))),
            request_types=request_types,
            has_other_types=not all(is_json(one) for one in types),
            required_headers=tuple(required),
            credentials=credentials,
            parameters=tuple(parameters),
            is_signed=is_signed,
            responses=responses,
            envelope=self._own(self._envelope, node),
            forms=self._own(lambda one: tuple(self._form(form) for form in one.items("x-forms")), node),
            uri=node.uri,
        )

    def _media_types(self, node: Stated) -> dict[str, str | None]:
        """Return the media types of a body with the address of their schema."""
        found = dict(node.members("content")) if isinstance(node.value, dict) else {}
        return {
            name: one.at.child("schema").uri if isinstance(one.of("schema").value, dict | bool) else None
            for name, one in found.items()
        }

    def _response(self, node: Stated) -> DocumentedResponse:
        understood = self._understood([node], self._media_types)
        stated = next(self._understood([node], lambda one: one.members("headers")), [])
        named = [(name, one) for name, one in stated if name.lower() not in _NOT_PARAMETERS]
        headers = [
            build_parameter(found.value, name, HEADER, found.uri)
            for name, one in named
            for found in self._understood([one], lambda node: node)
        ]
        return DocumentedResponse(media_types=next(understood, {}), headers=tuple(headers), uri=node.uri)

    def _security(
        self, node: Stated
    ) -> tuple[list[RequiredHeader], tuple[tuple[Credential, ...], ...], bool]:
        """Return the headers that are demanded, the credentials of which one set is, and if it is signed."""
        holder = node if node.has("security") else self._root
        ways = [self._credentials(one) for one in holder.items("security") if isinstance(one.value, dict)]
        credentials = [tuple(one for one in way.values() if one) for way in ways]
        signed = bool(ways) and all(self._signed_by in way for way in ways)
        common = [
            RequiredHeader(name=one.name, uri=one.uri)
            for one in (credentials[0] if credentials else ())
            if one.place == HEADER and all(one in way for way in credentials)
        ]
        return common, tuple(credentials), signed

    def _credentials(self, requirement: Stated) -> dict[str, Credential | None]:
        """Return the schemes of a security requirement with what each asks for."""
        found: dict[str, Credential | None] = {}
        for name in requirement.value:
            scheme = self._root.of("components", "securitySchemes", name)
            if scheme.value is MISSING:
                self._notes[requirement.at.child(name)] = f"no security scheme is called '{name}'"
            found[name] = _credential(scheme)
        return found

    def _parameters(self, node: Stated, item: Stated) -> list[Parameter]:
        """Return the parameters of an operation, its own in place of those of its path."""
        stated = self._understood([*item.items("parameters"), *node.items("parameters")], lambda one: one)
        chosen = {(one.value.get("in"), str(one.value.get("name"))): one for one in stated}
        return [
            build_parameter(one.value, name, str(place), one.uri)
            for (place, name), one in chosen.items()
            if place in PLACES and not (place == HEADER and name.lower() in _NOT_PARAMETERS)
        ]

    def _envelope(self, node: Stated) -> Envelope | None:
        if not node.has("x-envelope"):
            return None
        stated = node.of("x-envelope")
        success = stated.of("success").codes("enum")
        codes_uri = Address(node.at.file, (*node.at.tokens, _CODES)).uri
        codes = [
            BusinessCode(
                code=one.code("code"),
                messages=tuple(one.texts("messages")),
                uri=one.uri,
                means=one.text("means") if one.has("means") else None,
            )
            for one in node.items(_CODES)
        ]
        return Envelope(
            schema=self._reference(stated, "schema"),
            error=self._reference(stated, "error") if stated.has("error") else None,
            code=stated.pointer("code"),
            message=stated.pointer("message"),
            data=stated.pointer("data"),
            success=frozenset(map(str, map(code_text, success))),
            values={
                str(code_text(code)): code
                for code in (*success, *(one.of("code").value for one in node.items(_CODES)))
                if not isinstance(code, str)
            },
            codes={code.code: code for code in codes},
            codes_uri=codes_uri,
        )

    def _form(self, node: Stated) -> Form:
        request = node.of("request")
        return Form(
            id=node.text("id"),
            title=node.text("title"),
            request=self._reference(node, "request"),
            response=self._reference(node, "response"),
            required=frozenset(request.texts("required") if request.has("required") else ()),
            echoes=tuple(
                Echo(request=one.pointer("request"), response=one.pointer("response"), uri=one.uri)
                for one in node.items("echoes")
            ),
        )

    def _reference(self, node: Stated, name: str) -> str:
        """Return the address of the schema that an extension refers to, as it is referred to."""
        value = node.of(name)
        if value.value is MISSING:
            raise MisplacedError(node.at.child(name), "a reference to a schema")
        return value.uri.removesuffix("#")

    def _unsearched_headers(self) -> Iterator[str]:
        for one in self._credentials_of_all:
            if one.place == HEADER:
                yield one.name.lower()
        for found in self._objects:
            if found.kind == "parameter" and found.value.get("in") == "header":
                schema = Stated(self._values, found.at.child("schema")).value
                if isinstance(schema, dict) and schema.get("x-sensitivity") in _IDENTIFYING:
                    yield str(found.value.get("name")).lower()

    @cached_property
    def _classified(self) -> list[tuple[Address, str]]:
        """The properties that have a class, directly or through their reference."""
        found = []
        for at, schema in self._schemas.iter_properties():
            stated = schema.get("x-sensitivity", MISSING)
            if stated is MISSING and "$ref" in schema:
                target = resolve(self._values, at)[1]
                stated = target.get("x-sensitivity") if isinstance(target, dict) else None
            if stated in SENSITIVITIES:
                found.append((at, stated))
        return found

    def _unsearched_names(self, operations: tuple[Operation, ...]) -> dict[str, frozenset[str]]:
        """Return the names of identifiers and credentials by operation; by none, what all take for these."""
        if not any(stated in _IDENTIFYING for _, stated in self._classified):
            return {}
        by_operation, searched = dict[str, frozenset[str]](), set[str]()
        for one in operations:
            reach = self._reach(one) if operations[1:] else {Address(at.file) for at, _ in self._classified}
            own = [(at, stated) for at, stated in self._classified if any(part.holds(at) for part in reach)]
            classes = _strictest(own)
            by_operation[one.id] = frozenset(name for name in classes if classes[name] in _IDENTIFYING)
            searched |= classes.keys() - by_operation[one.id]
        return by_operation | {"": frozenset().union(*by_operation.values()) - searched}

    def _servers(self, base_urls: tuple[str, ...]) -> Iterator[Server]:
        """Yield the servers of the document, of its paths and operations, and those that the user added.

        One without a host, and a document without servers, stand for any host: unless the user names one.
        """
        holders = [self._root]
        for _, item in self._paths():
            holders += [item, *(item.of(method) for method in METHODS if item.has(method))]
        lists = self._understood(holders, lambda holder: holder.items("servers"))
        stated = [one for found in lists for one in found]
        own = [server for found in self._understood(stated, self._server) for server in found]
        added = [base_server(url) for url in base_urls]
        own = own or [Server(host="", prefix="")]
        yield from dict.fromkeys([*(one for one in own if one.host or not added), *added])

    def _server(self, node: Stated) -> list[Server]:
        """Return what a server stands for: a variable is each of its values, in a host else any word."""
        url, variables = node.text("url"), dict(node.members("variables"))
        host = url.partition("://")[2].partition("/")[0].partition(":")[0]
        choices: dict[str, list[str]] = {}
        for name in dict.fromkeys(_VARIABLE.findall(url)):
            said = variables.get(name, node.of("variables", name))
            usual = said.of("default").value
            otherwise = ANY_WORD if f"{{{name}}}" in host else str(name if usual is MISSING else usual)
            choices[name] = said.texts("enum") if said.has("enum") else [otherwise]
        environment = node.of("x-environment").value
        found = []
        for values in islice(product(*choices.values()), _MAX_SERVERS):
            text = url
            for name, value in zip(choices, values, strict=True):
                text = text.replace(f"{{{name}}}", value)
            try:
                found.append(server_at(text, environment if isinstance(environment, str) else None))
            except ValueError as error:
                raise MisplacedError(node.at.child("url"), "a URL") from error
        return found

    def _reach(self, operation: Operation) -> set[Address]:
        """Return what an operation is made of: itself and, from there, what is referred to."""
        return {
            *iter_reached(
                [split_uri(operation.uri)],
                lambda at: iter_targets(value_below(self._values.get(at.file, MISSING), at.tokens), at.file),
            )
        }


def _strictest(classified: list[tuple[Address, str]]) -> dict[str, str]:
    """Return the class of each property by its name, the strictest where places differ."""
    found: dict[str, str] = {}
    for at, stated in classified:
        name = str(at.tokens[-1])
        found[name] = min(stated, found.get(name, stated), key=SENSITIVITIES.index)
    return found


def _credential(scheme: Stated) -> Credential | None:
    """Return what a security scheme asks for, None where it stands in no header, query or cookie."""
    stated = scheme.value
    if not isinstance(stated, dict):
        return None
    if stated.get("type") in _IN_AUTHORIZATION:
        word = str(stated.get("scheme", "")).lower() if stated["type"] == "http" else ""
        is_told = word in _WORDS_OF_SCHEMES and not scheme.has("x-signature")
        return Credential(
            name="Authorization", place=HEADER, word=word.capitalize() if is_told else "", uri=scheme.uri
        )
    if stated.get("in") not in PLACES or not isinstance(stated.get("name"), str):
        return None
    return Credential(name=stated["name"], place=stated["in"], word="", uri=scheme.uri)


def _scheme(node: Stated) -> SignatureScheme:
    canonical = node.of("canonical-json")
    return SignatureScheme(
        header=node.text("header"),
        prefix=node.text("prefix"),
        algorithm=node.text("algorithm"),
        encoding=node.text("encoding"),
        sort_keys=canonical.of("sort-keys").value is True,
        item_separator=canonical.text("item-separator"),
        key_separator=canonical.text("key-separator"),
        escape_slashes=canonical.of("escape-slashes").value is True,
        non_ascii=tuple(canonical.texts("non-ascii")),
    )


def _question(node: Stated, reaches: Mapping[str, set[Address]]) -> OpenQuestion:
    """Read a question; it is asked of the operations that are made of what it is about, or of all."""
    about = [OPEN + text for text in node.texts("about")]
    places = [split_uri(uri) for uri in about]
    operations = frozenset(
        name
        for name, parts in reaches.items()
        if any(part.holds(place) or place.holds(part) for part in parts for place in places)
    )
    return OpenQuestion(
        id=node.text("id"),
        question=node.text("question"),
        at=node.at,
        about=tuple(about),
        readings=tuple(_reading(reading) for reading in node.items("readings")),
        operations=operations or None,
    )


def _reading(node: Stated) -> Reading:
    return Reading(
        id=node.text("id"),
        statement=node.text("statement"),
        assumed=node.of("assumed").value is True,
        evidence=tuple(_evidence(evidence) for evidence in node.items("evidence")),
    )


def _evidence(node: Stated) -> Evidence:
    other = next((name for name in ("equals", "differs-from") if node.has(name)), None)
    return Evidence(
        at=node.pointer("at"),
        outcome=node.text("outcome") if node.has("outcome") else None,
        schema=node.value.get("when", True),
        other=node.pointer(other) if other is not None else None,
        equal=other == "equals",
    )
