"""A rule, one result of it at one place in one exchange, and what runs say beside: gaps, changes, answers."""

import hashlib
from enum import IntEnum, StrEnum

import msgspec
from msgspec import field

from opay_contract.model.exchange import WHOLE_RUN, Place
from opay_contract.model.observation import Days, FieldLocation


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


def fingerprint(key: Key) -> str:
    """Return 16 hexadecimal digits that stay the same as long as the key does."""
    return hashlib.sha256("\x00".join(key).encode("utf-8", "replace")).hexdigest()[:16]


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
    """One result of a rule at one place of one exchange, or equal ones folded: the first of them by place.

    `pointer` is a JSON pointer with array indexes folded to `*` into the body, or the header's name, or
    empty where the exchange as a whole is meant. `value` is what stood there, where the rule is about a value
    and the contract calls it public, and otherwise empty. `expected` and `actual` name type, length and
    shape, and no other recorded value. `operation` is None where no operation of the contract was called.
    `status` and `code` are what was answered, the code only if the contract has it.

    What follows `count` is known once equal findings are folded: the last's place, the earliest and the
    latest time at which one was recorded, in UTC, None where no time was recorded, how many there were on
    each day, and the ordinals of the files that they are in, the first `MAX_FILES` and one more.
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
    count: int = 1
    last_place: Place = WHOLE_RUN
    last_recorded_at: str | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    days: Days = field(default_factory=dict)
    files: tuple[int, ...] = ()

    @property
    def key(self) -> Key:
        """What makes two findings the same, never the prose."""
        return key_of(self.rule.id, self.operation or "", self.outcome, self.pointer, self.value)

    @property
    def fingerprint(self) -> str:
        """Names the finding for good: from its key, never from prose."""
        return fingerprint(self.key)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the contract has and recordings do not show.

    `location` is where it would be; form and outcome are empty where it concerns the operation as a whole.
    `documented` and `seen` say in words what the contract has and what there was; `opportunities` counts the
    exchanges, or objects, that could have shown it.
    """

    rule: Rule
    location: FieldLocation
    documented: str
    seen: str
    opportunities: int
    contract: ContractPlace


class ChangeKind(StrEnum):
    """How a member changed from one day to the next."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    RATE = "rate"
    TYPE = "type"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was there, of how often it could have been."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        """The share as a number from 0 to 1."""
        return self.count / self.of if self.of else 0.0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A member that is present at another rate, or has another type, since a day (UTC) than before it.

    `type` is the JSON type that the shares count, empty where they count the member's presence.
    """

    kind: ChangeKind
    location: FieldLocation
    day: str
    type: str
    before: Share
    after: Share
    is_documented: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What recordings say about an open question.

    `counts` has for each reading how many places speak for it; `verdict` is the reading that holds alone over
    enough of them, None where none does.
    """

    question: str
    counts: tuple[tuple[str, int], ...]
    verdict: str | None

    @property
    def observations(self) -> int:
        """How many places speak for one reading or another."""
        return sum(count for _, count in self.counts)


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; `limits` are sentences about what was assumed, and caps that bit."""

    gaps: tuple[Gap, ...] = ()
    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    limits: tuple[str, ...] = ()
