"""What a check looks at, and what it says: an exchange seen through the contract, and a hit."""

from dataclasses import dataclass, field

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import DocumentedResponse, Operation
from opay_contract.jsontext import Parsed, Tokens
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Outcome, Rule
from opay_contract.model.moments import Window
from opay_contract.rules.annotations import Annotations, annotate

HTTP_ERROR = 400
"""The least status that says no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run adds to the contract: the key to verify signatures with, and the time it began (Unix).

    `window` limits the exchanges that are judged to those recorded then.
    """

    started_at: float
    window: Window | None = None
    private_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One exchange of a known operation, matched, with all that a check may need.

    `documented` is what the contract says about the answer's HTTP status. `query` and `answer` are the
    bodies with what the contract says about each place in them, None where there is nothing to judge.
    """

    exchange: Exchange
    match: Match
    operation: Operation
    contract: Contract
    settings: Settings
    documented: DocumentedResponse | None
    query: Annotations | None
    answer: Annotations | None

    @property
    def is_refused(self) -> bool:
        """Whether the vendor refused the request, by business code or by HTTP status."""
        return self.match.outcome is Outcome.BUSINESS_ERROR or self.exchange.response.status >= HTTP_ERROR


def build_subject(
    exchange: Exchange, match: Match, operation: Operation, contract: Contract, settings: Settings
) -> Subject:
    """Gather what the checks of one exchange need, asking the schema library once for each body."""
    documented = operation.response(exchange.response.status)
    return Subject(
        exchange=exchange,
        match=match,
        operation=operation,
        contract=contract,
        settings=settings,
        documented=documented,
        query=_annotate(
            contract, match.request_body, match.form.request if match.form else operation.request_schema
        ),
        answer=_annotate(
            contract, match.response_body, response_schema(operation, match, documented), operation.decided
        ),
    )


def response_schema(operation: Operation, match: Match, documented: DocumentedResponse | None) -> str | None:
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
    schema = next(iter(described.values()), None)
    return schema or (envelope.schema if envelope is not None else None)


def _annotate(
    contract: Contract, body: object, schema: str | None, decided: frozenset[Tokens] = frozenset()
) -> Annotations | None:
    return annotate(contract, schema, body.value, decided) if schema and isinstance(body, Parsed) else None


@dataclass(frozen=True, slots=True)
class Hit:
    """What a check found: the rule, the folded place, expected against actual, the contract's statement.

    `uri` is the address of the statement in the contract, None where the contract says nothing.
    """

    rule: Rule
    pointer: str
    expected: str
    actual: str
    uri: str | None = None
