"""What a contract says about one operation, and about what nobody knows yet."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import msgspec
from msgspec import field

from opay_contract.contract.addresses import MISSING, Address, split_uri, value_below
from opay_contract.contract.parameters import Parameter
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens
from opay_contract.model.finding import Outcome
from opay_contract.signing.signer import SignatureScheme


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the answer that must repeat a member of the request."""

    request: Tokens
    response: Tokens
    uri: str


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One of the request forms that a URL answers; schemas are given by URI.

    `response` is that of a success where the envelope has a schema of errors, else of every answer.
    """

    id: str
    title: str
    request: str
    response: str
    required: frozenset[str]
    echoes: tuple[Echo, ...]


class BusinessCode(msgspec.Struct, frozen=True, kw_only=True):
    """A known business code with the messages that were documented or observed for it.

    `means` is a word for what it says, where something else than a reader has to know.
    """

    code: str
    messages: tuple[str, ...]
    uri: str
    means: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer is read: where its parts stand, which codes mean success, which codes are known.

    `schema` describes every answer, `error` one whose code does not mean success.
    A code is known by its text, whatever it is in JSON; `values` has those that are no text.
    """

    schema: str
    error: str | None
    code: Tokens
    message: Tokens
    data: Tokens
    success: frozenset[str]
    codes: dict[str, BusinessCode]
    codes_uri: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def read_code(self, value: Any) -> str | None:
        """Return a code as text; None for what is of another type than the known codes."""
        is_text = isinstance(value, str)
        if is_text if not self.values else any(type(value) is type(one) for one in self.values.values()):
            return code_text(value)
        return str(value) if is_text and value in self.codes else None

    def value_of(self, code: str) -> Any:
        """Return a code as answers have it; an unknown one is a number where the known ones are."""
        is_number = code not in self.codes and int in map(type, self.values.values()) and code.isdecimal()
        return self.values.get(code, int(code) if is_number else code)

    def code_of(self, meaning: str) -> str:
        """Return the code that means something; a ContractError where none does."""
        for code in self.codes.values():
            if code.means == meaning:
                return code.code
        raise ContractError(f"{split_uri(self.codes_uri).file}: x-business-codes: no code means '{meaning}'")


def code_text(value: Any) -> str | None:
    """Return a code as text: `0`, `true`; None for what is no code."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else None


_NAME_IN_PATH = re.compile(r"\{([^/]+?)\}")

MediaTypes = dict[str, str | None]
"""Media types and ranges of them, with the URI of their schema; None for a body that nobody described."""


def is_json(media_type: str) -> bool:
    """Return whether a media type's bodies are JSON, or may be, as those of a range."""
    name = media_type.partition(";")[0].strip().lower()
    return name.endswith(("/json", "+json")) or name in ("*/*", "application/*")


def find_media_type(content_type: str | None, documented: MediaTypes) -> str | None:
    """Return the documented media type, or else the narrowest range, that a Content-Type header names."""
    if content_type is None:
        return None
    given = content_type.partition(";")[0].strip().lower()
    fitting = [one for one in documented if fnmatchcase(given, one.partition(";")[0].strip().lower())]
    return min(fitting, key=lambda one: one.count("*"), default=None)


def schema_of(content_type: str | None, documented: MediaTypes) -> str | None:
    """Return the URI of the schema of a JSON body that came as a Content-Type, None where there is none.

    Where the header is not known, or names nothing that is documented, it is that of the first JSON.
    """
    named = find_media_type(content_type, documented)
    chosen = named or next(filter(is_json, documented), None)
    return documented[chosen] if chosen is not None else None


def is_of_another_type(content_type: str | None, documented: MediaTypes) -> bool:
    """Return whether a body is documented as something else than JSON, by its header or for want of one."""
    if content_type is None:
        return bool(documented) and not any(map(is_json, documented))
    return not is_json(content_type) and find_media_type(content_type, documented) is not None


class DocumentedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A documented status, with the headers that its answers have."""

    media_types: MediaTypes
    headers: tuple[Parameter, ...] = ()
    uri: str


class RequiredHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A request header that must be there."""

    name: str
    uri: str


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a security scheme asks for: something in a header, the query or a cookie.

    `word` is what an Authorization header begins with, empty where that is not said.
    """

    name: str
    place: str
    word: str
    uri: str


class Operation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One method at one path.

    `has_other_types` if some body of it is documented as something else than JSON. Beside its
    `required_headers` a call has one set of the `credentials`; it is signed if `is_signed`.
    """

    id: str
    method: str
    path: str
    path_pattern: re.Pattern[str]
    request_types: MediaTypes
    has_other_types: bool
    required_headers: tuple[RequiredHeader, ...]
    credentials: tuple[tuple[Credential, ...], ...]
    parameters: tuple[Parameter, ...]
    is_signed: bool
    responses: dict[str, DocumentedResponse]
    envelope: Envelope | None
    forms: tuple[Form, ...]
    uri: str

    @property
    def rank(self) -> tuple[int, int]:
        """What comes first of the operations whose paths fit one: few parameters, then many characters."""
        names = self.path_names
        return len(names), -len(self.path) + sum(map(len, names))

    @cached_property
    def path_names(self) -> list[str]:
        """The names of the parameters in the path, in the order of the groups of its pattern."""
        return _NAME_IN_PATH.findall(self.path)

    @property
    def body_schemas(self) -> list[str]:
        """The addresses of all schemas that a body of it may be judged by."""
        types = [self.request_types, *[one.media_types for one in self.responses.values()]]
        found = [uri for one in types for uri in one.values()]
        found += [uri for form in self.forms for uri in (form.request, form.response)]
        found += [self.envelope.schema, self.envelope.error] if self.envelope is not None else []
        return [uri for uri in found if uri]

    @property
    def request_schema(self) -> str | None:
        """The address of the schema of a request's body, where no form says more."""
        return schema_of(None, self.request_types)

    @property
    def decided(self) -> frozenset[Tokens]:
        """The places of an answer whose values, as those of code and message, are few and decide much."""
        return frozenset((self.envelope.code, self.envelope.message)) if self.envelope else frozenset()

    def answer_schema(self, form: Form | None, outcome: Outcome) -> str | None:
        """Return the address of the schema of an answer, None where neither form nor outcome tells it."""
        if self.envelope is not None and self.envelope.error and outcome is Outcome.BUSINESS_ERROR:
            return self.envelope.error
        return form.response if form is not None else None

    def form_of_answer(self, answer: Any) -> Form | None:
        """Return the form that an answer to an unknown request is judged by.

        That is the first whose echoed members are all there, or else the last.
        """
        for form in self.forms:
            if form.echoes and all(value_below(answer, echo.response) is not MISSING for echo in form.echoes):
                return form
        return self.forms[-1] if self.forms else None

    def identity_header(self, scheme: SignatureScheme) -> str | None:
        """Return the name of the required header that says who asks, beside the one that signs."""
        others = (scheme.header.lower(), "content-type")
        names = (header.name for header in self.required_headers if header.name.lower() not in others)
        return next(names, None)

    def response(self, status: int) -> DocumentedResponse | None:
        """Return what is documented for an HTTP status: by number, by range (`4XX`), or by default."""
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.responses:
                return self.responses[key]
        return None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What in a recorded exchange speaks for a reading.

    `at` is a folded pointer into the exchange as the native recording format has it (header names in
    lower case). A value there counts when it fits `schema`, and equals or differs from the value at
    `other`. `outcome` limits the evidence to exchanges with that outcome.
    """

    at: Tokens
    outcome: str | None
    schema: Any
    other: Tokens | None
    equal: bool


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to an open question; without evidence recordings cannot show it."""

    id: str
    statement: str
    assumed: bool
    evidence: tuple[Evidence, ...]


class OpenQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What the vendor's pages leave open or answer in two ways: where it stands, and the URIs it is `about`.

    Only exchanges of its `operations` speak for a reading; those of all where it has none.
    """

    id: str
    question: str
    at: Address
    about: tuple[str, ...]
    readings: tuple[Reading, ...]
    operations: frozenset[str] | None = None
