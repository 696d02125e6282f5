"""What the reference says, in the order in which it says it; templates write it as HTML and as Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass

from opay_contract.contract.operation import Operation
from opay_contract.docs.evidence import RunEvidence
from opay_contract.docs.samples import Sample
from opay_contract.docs.seen import Seen
from opay_contract.report.frames import CitedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMember:
    """A member of a body.

    `same_as` is the anchor where what describes it was said, empty if that is here. `seen` is None where no
    recording could show it.
    """

    anchor: str
    pointer: str
    name: str
    depth: int
    types: str
    required: str
    limits: tuple[str, ...]
    sensitivity: str
    description: str
    sources: tuple[CitedSource, ...]
    same_as: str
    seen: Seen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBody:
    """A request, or an answer in one case: with success, or with a business error."""

    anchor: str
    title: str
    when: tuple[str, ...]
    """The business codes in whose case it is; with `is_otherwise`, in the case of every other."""
    is_otherwise: bool
    members: tuple[ShownMember, ...]
    is_unseen: bool
    """Whether there are recordings and none could show any of its members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExample:
    """An answer as the contract has it."""

    title: str
    text: str
    sources: tuple[CitedSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    """One way to call an operation: a request form, or the operation that has none."""

    anchor: str
    title: str
    operation: Operation
    description: str
    sources: tuple[CitedSource, ...]
    bodies: tuple[ShownBody, ...]
    samples: tuple[Sample, ...]
    examples: tuple[ShownExample, ...]
    seen: Seen | None
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A parameter, a header, a status or a business code: what it means, and what was seen of it."""

    name: str
    kind: str = ""
    meaning: str = ""
    sensitivity: str = ""
    messages: tuple[str, ...] = ()
    sources: tuple[CitedSource, ...] = ()
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOperation:
    """An operation with its calls, and what all of them have in common."""

    anchor: str
    operation: Operation
    summary: str
    description: str
    calls: tuple[ShownCall, ...]
    without_form: Seen | None
    parameters: tuple[ShownRow, ...]
    statuses: tuple[ShownRow, ...]
    codes: tuple[ShownRow, ...]
    other_codes: tuple[ShownRow, ...]
    other_codes_found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReading:
    """One answer to an open question; `times` is None where recordings cannot show it, or there are none."""

    id: str
    statement: str
    is_assumed: bool
    is_shown_by_recordings: bool
    sources: tuple[CitedSource, ...]
    times: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQuestion:
    """An open question; its sources contradict each other where two readings have one that says something."""

    id: str
    question: str
    about: tuple[str, ...]
    readings: tuple[ShownReading, ...]
    is_contradicted: bool
    verdict: str
    """What recordings say about it, as Markdown; empty where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownServer:
    """Where the API answers."""

    url: str
    environment: str
    description: str
    sources: tuple[CitedSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSignature:
    """How a request is signed, and an example that anyone can repeat, None where there is none."""

    description: str
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    sources: tuple[CitedSource, ...]
    example: Sample | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Everything that the page and the Markdown say."""

    title: str
    version: str
    summary: str
    description: str
    evidence: RunEvidence | None
    servers: tuple[ShownServer, ...]
    operations: tuple[ShownOperation, ...]
    signature: ShownSignature | None
    questions: tuple[ShownQuestion, ...]
    sources: tuple[CitedSource, ...]
    sensitivity: tuple[tuple[str, str], ...]
    anchors: Mapping[str, str]
    """Where on the page a statement of the contract is said first, by its `file#pointer`."""

    def anchor_of(self, file: str, pointer: str) -> str:
        """Return where the page says a statement, or what is around it; empty where it says neither."""
        at = f"{file}#{pointer}"
        while at not in self.anchors and "/" in at.partition("#")[2]:
            at = at.rpartition("/")[0]
        return self.anchors.get(at, "")
