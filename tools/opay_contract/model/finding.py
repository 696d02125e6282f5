"""A rule, and one result of it at one place in one exchange."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from opay_contract.model.exchange import Place


class Severity(IntEnum):
    """How much a finding matters; the order is the order of gravity."""

    INFO = 0
    WARNING = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """The name that people and JSON see."""
        return self.name.lower()


class Kind(StrEnum):
    """How reality and the contract differ."""

    CONTRADICTED = "contradicted"
    UNDOCUMENTED = "undocumented"
    UNOBSERVED = "unobserved"


class Area(StrEnum):
    """Which part of an exchange a rule looks at."""

    ROUTE = "route"
    STATUS = "status"
    HEADER = "header"
    MEDIA_TYPE = "media type"
    BODY = "body"
    ENVELOPE = "envelope"
    SIGNATURE = "signature"
    ENCODING = "encoding"


class Outcome(StrEnum):
    """What became of a call: told by the business code, or by the transport where there is none."""

    SUCCESS = "success"
    BUSINESS_ERROR = "business-error"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check: a permanent kebab-case id, its axes, and why it exists."""

    id: str
    kind: Kind
    area: Area
    severity: Severity
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPlace:
    """A statement of the contract: file beside openapi.yaml, 1-based line and column, JSON pointer."""

    file: str
    line: int
    column: int
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a rule at one place of one exchange.

    `pointer` is a JSON pointer with array indexes folded to `*` into the body, or the header's name, or
    empty where the exchange as a whole is meant. `expected` and `actual` name type, length and shape,
    never a recorded value. `operation` is None where no operation of the contract was called.
    """

    rule: Rule
    operation: str | None
    outcome: Outcome
    pointer: str
    expected: str
    actual: str
    contract: ContractPlace | None
    place: Place
    recorded_at: str | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two findings the same: rule, operation, outcome and folded pointer; never the prose."""
        return (self.rule.id, self.operation or "", self.outcome, self.pointer)
