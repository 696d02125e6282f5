"""A rule, and one result of it at one place in one exchange."""

from enum import IntEnum, StrEnum

import msgspec

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
    PARAMETER = "parameter"
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


Key = tuple[str, ...]
"""What makes findings the same: rule, operation, outcome, folded pointer, and the public value, if any."""


def key_of(rule: str, operation: str, outcome: str, pointer: str, value: str = "") -> Key:
    """Return the key of findings; one without a value is as long as it was before there were values."""
    return (rule, operation, outcome, pointer, *([value] if value else []))


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One check: a permanent kebab-case id, its axes, and why it exists."""

    id: str
    kind: Kind
    area: Area
    severity: Severity
    explanation: str


class ContractPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of the contract: file in the contract's folder, 1-based line and column, JSON pointer."""

    file: str
    line: int
    column: int
    pointer: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One result of a rule at one place of one exchange.

    `pointer` is a JSON pointer with array indexes folded to `*` into the body, or the header's name, or
    empty where the exchange as a whole is meant. `value` is what stood there, where the rule is about a value
    and the contract calls it public, and otherwise empty. `expected` and `actual` name type, length and
    shape, and no other recorded value. `operation` is None where no operation of the contract was called.
    `status` and `code` are what was answered, the code only if the contract has it.
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
    value: str = ""
    status: int | None = None
    code: str = ""

    @property
    def key(self) -> Key:
        """What makes two findings the same, never the prose."""
        return key_of(self.rule.id, self.operation or "", self.outcome, self.pointer, self.value)
