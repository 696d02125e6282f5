"""What a check looks at, and what it says: an exchange with what it has in common, and a raw finding."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import field

from opay_contract.contract.contract import Contract, Route
from opay_contract.contract.operation import DocumentedResponse, Form, Operation
from opay_contract.contract.parameters import Parameter
from opay_contract.jsontext import NotJson, Parsed, Tokens
from opay_contract.judge.body_plan import BodyPlan, Decided, Described
from opay_contract.judge.columns import Table
from opay_contract.judge.shapes import Shape
from opay_contract.model.exchange import Exchange, Hidden
from opay_contract.model.finding import Outcome, Rule
from opay_contract.model.observation import Window
from opay_contract.signing.signer import Verification

HTTP_ERROR = 400
"""The least status that says no."""

MAX_SHAPES = 64
"""Shapes of bodies that are looked at together."""

REQUEST_BODY, RESPONSE_BODY = ("request", "body"), ("response", "body")
"""Where bodies stand in an exchange, as the native recording format has it."""


class Settings(Hidden, frozen=True, kw_only=True):
    """What a run adds to the contract: the key to verify signatures with, and the time it began (Unix).

    `window` limits the exchanges that are judged to those recorded then. `may_be_masked` if a recorder may
    have put something else in place of a signature, which nothing does with a live call.
    """

    started_at: float
    window: Window | None = None
    private_key: str | None = None
    may_be_masked: bool = True


class RawFinding(msgspec.Struct, frozen=True):
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


class UrlFacts(msgspec.Struct, frozen=True, gc=False):
    """What the URL of a call says: what is wrong with it, and which keys of security schemes it has."""

    faults: tuple[RawFinding, ...] = ()
    keys: frozenset[str] = frozenset()


class Frame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What exchanges have in common that differ in their bodies and in values of headers alone.

    `documented` is what the contract says about the answer's HTTP status. `is_refused` if the vendor refused
    the request, by business code or by HTTP status. `scope` names operation, form and outcome. `decided` has
    the places of code and message with their values as text. `schemas` are the addresses of those of both
    bodies. `is_known` if the next such exchange has the very same object.
    """

    route: Route
    form: Form | None
    outcome: Outcome
    documented: DocumentedResponse | None
    is_refused: bool
    scope: tuple[str, str, str]
    decided: Decided
    schemas: tuple[str | None, str | None]
    is_known: bool

    @property
    def operation(self) -> Operation | None:
        """The operation that was called."""
        return self.route.operation

    @property
    def decided_places(self) -> tuple[Tokens, ...]:
        """The places whose values are the same in all of its exchanges."""
        return tuple(place for place, value in self.decided if value is not None)


class Subject(msgspec.Struct, gc=False):
    """One exchange with all that a check may need: its bodies as they were read, and what it has in common.

    `header_values` are those of the request, then those of the response. It was recorded on a UTC `day`. A
    body that has no flaws has no card number unless it `may_show_number`.
    `verification` is of the request's signature, None where there is nothing to verify.
    """

    exchange: Exchange
    asked: Parsed | NotJson | None
    answered: Parsed | NotJson | None
    header_values: tuple[str, ...]
    alike: "Alike"
    day: str
    may_show_number: bool = True
    verification: Verification | None = None

    @property
    def frame(self) -> Frame:
        """What it has in common with others whose bodies are others."""
        return self.alike.frame

    @property
    def operation(self) -> Operation:
        """The operation that was called; checks are asked of no other exchange."""
        operation = self.alike.frame.route.operation
        assert operation is not None  # noqa: S101  see above
        return operation

    @property
    def query(self) -> Described | None:
        """The request's body with what the contract says about it, None where there is nothing to judge."""
        return _described(self.asked, self.alike.query_plan)

    @property
    def answer(self) -> Described | None:
        """The response's body with what the contract says about it, None where there is nothing to judge."""
        return _described(self.answered, self.alike.answer_plan)


def _described(read: Parsed | NotJson | None, plan: BodyPlan | None) -> Described | None:
    return Described(read.value, plan) if plan is not None and type(read) is Parsed else None


Placed = tuple[tuple[Parameter, tuple[int, ...]], ...]
"""Parameters that are there, each with the places of its values among those of all headers."""

Check = Callable[[Subject], Iterable[RawFinding]]

Hit = tuple[Subject, RawFinding]
"""What was found, and in which exchange."""


class Bodies(msgspec.Struct, eq=False):
    """Bodies that are looked at together, of exchanges that are not alike; those that wait are in the table.

    They have their members in common, but for those of items of lists, which `part` of an exchange they are,
    what is looked for at each place, and of the `frame` operation, form and outcome, and whether it was
    refused. The `plan` has what is looked for at the places of any of their shapes.
    """

    part: Tokens
    frame: Frame
    plan: BodyPlan | None
    is_known: bool
    table: Table
    has_float: bool
    has_others: bool
    is_request: bool
    subjects: list[Subject] = field(default_factory=list)

    def join(self, table: Table, plan: BodyPlan | None) -> bool:
        """Be bodies of another shape, which has a table and a plan, as well; False where that cannot be."""
        shapes, others = self.table.columns[0].shapes, table.columns[0].shapes
        if len(shapes | others) > MAX_SHAPES:
            return False
        if plan is not None and self.plan is not None:
            plan = self.plan.joined(plan, self.table.by_path.keys() & table.by_path.keys())
            if plan is None:
                return False
            self.plan = plan
        if not others <= shapes:
            self.table = Table(*shapes, *others)
        return True

    def fill(self, subjects: list[Subject]) -> None:
        """Take the bodies of some exchanges in place of those before."""
        self.subjects = subjects
        bodies: list[Any] = [one.asked if self.is_request else one.answered for one in subjects]
        self.table.fill([body.value for body in bodies])

    def clear(self) -> None:
        """Let go of all that wait."""
        self.subjects = []
        self.table.fill([])


class Alike(msgspec.Struct, kw_only=True, eq=False):
    """What exchanges have in common that differ in nothing but plain values, and those of them that wait.

    That is a frame, what their URLs say, but not what is wrong with them, the shapes of both bodies where
    they are JSON, and the names of headers. Both plans are None where there is nothing to judge. `checks`
    are those that may find something in one of them, each with what tells of many at once that it does not,
    None where each is looked at; those `of_bodies` are asked where a look at many bodies does not clear
    one. In the `searched_headers` a card number may stand, and of the `searched_bodies`, request and
    response, each is searched for one.
    Beside bodies it `looks` at whether names hold, then at each request or at values of placed headers alone.
    With `is_of_fitting`, some of this is true where a body fits its schema alone.
    The places of `other_headers`, which nothing names, are those of these exchanges alone; all else they may
    have in common with more.
    """

    contract: Contract
    settings: Settings
    frame: Frame
    url: UrlFacts
    query: Shape | None
    answer: Shape | None
    query_plan: BodyPlan | None = None
    answer_plan: BodyPlan | None = None
    bodies: tuple[Bodies, ...] = ()
    checks: "tuple[tuple[Check, Glance | None], ...]" = ()
    of_bodies: frozenset[Check] = frozenset()
    searched_headers: tuple[bool, ...] = ()
    other_headers: frozenset[Tokens] = frozenset()
    code: str | None = None
    searched_bodies: tuple[bool, bool] = (True, True)
    is_known: bool = False
    is_of_fitting: bool = False
    looks: tuple[bool, bool, Placed] | None = None
    waiting: list[Subject] = field(default_factory=list)


Glance = Callable[[list[Subject]], bool]
"""Tells that a check finds nothing in any of some exchanges that are alike; False where it cannot tell."""

BodyGlance = Callable[[Bodies], bool]
"""Tells that a check finds nothing that is due to some bodies that are alike; False where it cannot tell."""


def gather(waiting: Iterable[Alike]) -> list[Bodies]:
    """Return the bodies of exchanges that wait, each of a kind with all that are alike."""
    found: dict[Bodies, list[Subject]] = {}
    for alike in waiting:
        for bodies in alike.bodies:
            found.setdefault(bodies, []).extend(alike.waiting)
    for bodies, subjects in found.items():
        bodies.fill(subjects)
    return list(found)
