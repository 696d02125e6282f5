"""What a contract says about one operation, and about what nobody knows yet."""

import re
from dataclasses import dataclass
from typing import Any

from opay_contract.jsontext import Tokens
from opay_contract.model.signature import SignatureScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A member of the answer that must repeat a member of the request."""

    request: Tokens
    response: Tokens
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One of the request forms that a URL answers; schemas are given by URI."""

    id: str
    title: str
    request: str
    response: str
    required: frozenset[str]
    echoes: tuple[Echo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCode:
    """A known business code with the messages that were documented or observed for it."""

    code: str
    messages: tuple[str, ...]
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How an answer is read: where its parts stand, which codes mean success, which codes are known."""

    schema: str
    code: Tokens
    message: Tokens
    data: Tokens
    success: frozenset[str]
    codes: dict[str, BusinessCode]
    codes_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedResponse:
    """A documented status: its media types with the URI of their schema, None for a body nobody described."""

    media_types: dict[str, str | None]
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredHeader:
    """A request header that must be there."""

    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method at one path."""

    id: str
    method: str
    path: str
    path_pattern: re.Pattern[str]
    request_schema: str | None
    required_headers: tuple[RequiredHeader, ...]
    responses: dict[str, DocumentedResponse]
    envelope: Envelope | None
    forms: tuple[Form, ...]
    uri: str

    @property
    def decided(self) -> frozenset[Tokens]:
        """The places of an answer whose values, as those of code and message, are few and decide much."""
        return frozenset((self.envelope.code, self.envelope.message)) if self.envelope else frozenset()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One answer to an open question; without evidence recordings cannot show it."""

    id: str
    statement: str
    assumed: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """What the vendor's pages leave open or answer in two ways; `about` has the URIs it concerns."""

    id: str
    question: str
    about: tuple[str, ...]
    readings: tuple[Reading, ...]
