"""What a check looks at, and what it says: an exchange seen through the contract, and a hit."""

from dataclasses import dataclass, field

import msgspec

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import DocumentedResponse, Operation, schema_of
from opay_contract.jsontext import Parsed
from opay_contract.judge.annotations import Annotations, annotate
from opay_contract.judge.described import Described
from opay_contract.model.exchange import Exchange, Headers, header
from opay_contract.model.finding import Outcome, Rule
from opay_contract.model.timestamps import Window
from opay_contract.signing.signer import Verification

HTTP_ERROR = 400
"""The least status that says no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run adds to the contract: the key to verify signatures with, and the time it began (Unix).

    `window` limits the exchanges that are judged to those recorded then. `may_be_masked` if a recorder may
    have put something else in place of a signature, which nothing does with a live call.
    """

    started_at: float
    window: Window | None = None
    private_key: str | None = field(default=None, repr=False)
    may_be_masked: bool = True


class Subject(msgspec.Struct, gc=False):
    """One exchange of a known operation, matched, with all that a check may need.

    `documented` is what the contract says about the answer's HTTP status. `query` and `answer` are the
    bodies with what the contract says about each place in them, None where there is nothing to judge.
    `is_refused` if the vendor refused the request, by business code or by HTTP status. `verification` is of
    the request's signature, None where there is nothing to verify.
    """

    exchange: Exchange
    match: Match
    operation: Operation
    contract: Contract
    settings: Settings
    documented: DocumentedResponse | None
    is_refused: bool
    verification: Verification | None
    query: Described | None
    answer: Described | None


def is_refusal(match: Match, status: int) -> bool:
    """Return whether the vendor refused a request."""
    return match.outcome is Outcome.BUSINESS_ERROR or status >= HTTP_ERROR


def request_schema(operation: Operation, match: Match, headers: Headers | None) -> str | None:
    """Return the address of the schema that a request's body is judged by."""
    if match.form is not None:
        return match.form.request
    return schema_of(_content_type(headers), operation.request_types)


def response_schema(
    operation: Operation, match: Match, documented: DocumentedResponse | None, headers: Headers | None
) -> str | None:
    """Return the address of the schema that an answer is judged by, None where nothing describes it.

    An answer without a business code is judged as a bare envelope, any other by the form that the
    request chose, or by the documented schema where the request is not known.
    """
    envelope = operation.envelope
    if envelope is not None and match.code is None:
        return envelope.schema if documented is not None and documented.media_types else None
    if match.form is not None:
        return match.form.response
    described = documented.media_types if documented is not None else {}
    schema = schema_of(_content_type(headers), described)
    return schema or (envelope.schema if envelope is not None else None)


def _content_type(headers: Headers | None) -> str | None:
    return header(headers, "content-type") if headers is not None else None


def annotate_bodies(
    contract: Contract, exchange: Exchange, match: Match
) -> tuple[Annotations | None, Annotations | None]:
    """Return what the contract says about each place of an exchange's bodies, None where there is nothing."""
    operation = match.route.operation
    if operation is None:
        return None, None
    response = exchange.response
    query = request_schema(operation, match, exchange.request.headers)
    answer = response_schema(operation, match, operation.response(response.status), response.headers)
    asked, answered = match.request_body, match.response_body
    return (
        annotate(contract, query, asked.value) if query and isinstance(asked, Parsed) else None,
        annotate(contract, answer, answered.value) if answer and isinstance(answered, Parsed) else None,
    )


@dataclass(frozen=True, slots=True)
class RawFinding:
    """What a check found: the rule, the folded place, expected against actual, the contract's statement.

    `uri` is the address of the statement in the contract, None where the contract says nothing. `value` is
    what stood there, where the rule is about it and the contract calls it public.
    """

    rule: Rule
    pointer: str
    expected: str
    actual: str
    uri: str | None = None
    value: str = ""
