"""What can change between two versions of a contract: each kind of change, and whom it breaks.

A contract is kept by two sides. A client written for the old version is broken by requests that are not taken
any more and by answers that it does not know; a server written for the old version by requests that it does
not know and by answers that it may not give any more. So most kinds follow from one question: are there fewer
values than before, more, or others?
"""

from enum import IntEnum, StrEnum

import msgspec


class Level(IntEnum):
    """How bad a change is for one side; the order is the order of gravity."""

    HARMLESS = 0
    RISKY = 1
    BREAKING = 2

    @property
    def label(self) -> str:
        """The name that people and JSON see."""
        return self.name.lower()


class Side(StrEnum):
    """Who was written for the old version."""

    CLIENT = "client"
    SERVER = "server"


class Way(StrEnum):
    """Which way what changed is sent."""

    REQUEST = "request"
    RESPONSE = "response"

    @property
    def back(self) -> "Way":
        """The other way."""
        return Way.RESPONSE if self is Way.REQUEST else Way.REQUEST


class DiffKind(msgspec.Struct, frozen=True):
    """A kind of change: a permanent kebab-case id, whom it breaks, and why.

    `levels` are four letters: for the client and the server in requests, then for both in responses.
    """

    id: str
    levels: str
    explanation: str

    def level(self, side: Side, way: Way) -> Level:
        """Return how bad it is for a side where it is sent one way."""
        letter = self.levels[2 * (way is Way.RESPONSE) + (side is Side.SERVER)]
        return {"H": Level.HARMLESS, "R": Level.RISKY, "B": Level.BREAKING}[letter]


_FEWER, _MORE, _OTHER, _PERHAPS, _NONE = "BHHB", "HBBH", "BBBB", "RRRR", "HHHH"

CHANGE_KINDS: tuple[DiffKind, ...] = (
    DiffKind("operation-removed", "BHBH", "An operation is gone. Calls of it fail."),
    DiffKind("operation-added", "HBHB", "There is a new operation, which a server has to answer."),
    DiffKind("operation-renamed", "RHRH", "The `operationId` is another: generated clients rename it."),
    DiffKind("path-parameter-renamed", _NONE, "The name in braces is another; no URL changes."),
    DiffKind("parameter-removed", "RHRH", "A parameter is not documented any more and may be refused."),
    DiffKind("parameter-added", "HRHR", "There is a new parameter that may be left out."),
    DiffKind("parameter-added-required", "BHHB", "There is a new parameter without which calls fail."),
    DiffKind("parameter-became-required", _FEWER, "A parameter cannot be left out any more."),
    DiffKind("parameter-became-optional", _MORE, "A parameter can be left out."),
    DiffKind("parameter-style-changed", _OTHER, "`style`, `explode` …: it is written otherwise."),
    DiffKind("body-added", "HBHB", "Requests may have a body."),
    DiffKind("body-added-required", "BHBH", "Requests must have a body."),
    DiffKind("body-removed", "BHBH", "Requests have no documented body any more."),
    DiffKind("body-became-required", _FEWER, "The body cannot be left out any more."),
    DiffKind("body-became-optional", _MORE, "The body can be left out."),
    DiffKind("media-type-removed", "BHBB", "A media type is gone: it is refused, or is not sent any more."),
    DiffKind("media-type-added", "HBRH", "There is another media type; who asks for it may get it."),
    DiffKind("encoding-changed", _PERHAPS, "The parts of a form are encoded otherwise."),
    DiffKind("status-removed", "RBRB", "A status is not documented any more."),
    DiffKind("status-added", "RHRH", "A status is documented that was not; clients have to tell it apart."),
    DiffKind("success-removed", "BBBB", "A status of success is not documented any more."),
    DiffKind("header-removed", "RHRH", "A header of answers that could be missing is gone."),
    DiffKind("header-removed-required", "BHBH", "A header that every answer had is gone."),
    DiffKind("header-added", "HHHH", "Answers may have another header."),
    DiffKind("header-added-required", "HBHB", "Answers must have another header."),
    DiffKind("link-changed", "RHRH", "A link from an answer to another operation is another."),
    DiffKind("security-removed", "BHBH", "One way to authenticate is not taken any more."),
    DiffKind("security-added", "HBHB", "There is another way to authenticate."),
    DiffKind("security-scheme-changed", _OTHER, "Credentials are sent, or got, in another way."),
    DiffKind("signature-changed", _OTHER, "Requests are signed in another way: every call may fail."),
    DiffKind("server-removed", "BHBH", "A base URL is gone."),
    DiffKind("server-added", _NONE, "There is another base URL."),
    DiffKind("server-changed", "RRRR", "The variables of a server, or its environment, are others."),
    DiffKind("envelope-changed", _OTHER, "Code, message or data of an answer stand elsewhere."),
    DiffKind("code-removed", "HRHR", "A business code is not in the catalogue any more."),
    DiffKind("code-added", "RHRH", "There is another business code; the catalogue has an open end."),
    DiffKind("code-messages-changed", "RHRH", "A business code comes with other messages."),
    DiffKind("code-meaning-changed", _PERHAPS, "A business code means something else."),
    DiffKind("form-removed", "BHBH", "A request form is gone."),
    DiffKind("form-added", "HBHB", "There is another request form."),
    DiffKind("form-order-changed", _PERHAPS, "Another form is taken where a request fits several."),
    DiffKind("echo-removed", "BHBH", "Answers need not repeat what was asked for any more."),
    DiffKind("echo-added", "HBHB", "Answers must repeat what was asked for."),
    DiffKind("question-opened", "RRRR", "Something that was taken for certain is an open question."),
    DiffKind("question-settled", _NONE, "A question is not open any more."),
    DiffKind("reading-added", "RHRH", "An open question has another answer that may be right."),
    DiffKind("reading-removed", _NONE, "An answer to an open question is out of the running."),
    DiffKind("assumption-changed", "RRRR", "Another reading of an open question is assumed."),
    DiffKind("type-narrowed", _FEWER, "Values of some JSON type, `null` among them, are out."),
    DiffKind("type-widened", _MORE, "Values of another JSON type, or `null`, are allowed."),
    DiffKind("type-changed", _OTHER, "Values are of another JSON type."),
    DiffKind("value-removed", _FEWER, "One of a list of allowed values is gone."),
    DiffKind("value-added", _MORE, "A list of allowed values has another one."),
    DiffKind("values-limited", _FEWER, "Only the values of a list are allowed any more."),
    DiffKind("values-unlimited", _MORE, "Other values than those of a list are allowed."),
    DiffKind("limit-tightened", _FEWER, "A limit of length, number or size is tighter."),
    DiffKind("limit-loosened", _MORE, "A limit of length, number or size is looser, or gone."),
    DiffKind("constraint-added", _FEWER, "Another pattern, format or the like has to be met."),
    DiffKind("constraint-removed", _MORE, "A pattern, format or the like is gone."),
    DiffKind("constraint-changed", _PERHAPS, "Another pattern or format; which is wider nobody can tell."),
    DiffKind("schema-added", _FEWER, "What could be anything is described."),
    DiffKind("schema-removed", _MORE, "What was described can be anything."),
    DiffKind("property-removed", "RHRH", "A property that could be missing is not documented any more."),
    DiffKind("property-removed-required", "RHBH", "A property that was always there is not any more."),
    DiffKind("property-added", "HRHH", "There is another property that may be missing."),
    DiffKind("property-added-required", "BHHB", "There is another property that must be there."),
    DiffKind("property-forbidden", "BHRB", "A property is gone, and the object has room for no other."),
    DiffKind("property-allowed", _MORE, "There is another property in an object that had room for none."),
    DiffKind("property-became-required", _FEWER, "A property must be there."),
    DiffKind("property-became-optional", _MORE, "A property may be missing."),
    DiffKind("property-became-read-only", "RHHH", "A property is not to be sent any more."),
    DiffKind("property-became-writable", "HRHH", "A property that was only read can be sent."),
    DiffKind("property-became-write-only", "HHBH", "A property is not answered any more."),
    DiffKind("property-became-readable", _NONE, "A property that was only sent is answered as well."),
    DiffKind("object-closed", _FEWER, "An object has no room for other properties any more."),
    DiffKind("object-opened", _MORE, "An object has room for other properties."),
    DiffKind("alternative-removed", _FEWER, "One of several schemas, of which one has to fit, is gone."),
    DiffKind("alternative-added", _MORE, "There is another schema that a value may fit."),
    DiffKind("alternatives-added", _FEWER, "A value has to fit one of several schemas in addition."),
    DiffKind("alternatives-removed", _MORE, "A value need not fit one of several schemas any more."),
    DiffKind("one-of-to-any-of", "HRRH", "A value may fit more than one of the alternatives."),
    DiffKind("any-of-to-one-of", "RHHR", "A value may fit no more than one of the alternatives."),
    DiffKind("discriminator-changed", _PERHAPS, "What tells alternatives apart is another member."),
    DiffKind("condition-added", _FEWER, "A value has to fit a further schema in some cases."),
    DiffKind("condition-removed", _MORE, "A condition is gone, or an exclusion."),
    DiffKind("default-changed", "RRHH", "To leave something out means something else."),
    DiffKind("keyword-changed", _PERHAPS, "A keyword that is not known here is another."),
    DiffKind("sensitivity-raised", _PERHAPS, "A value has to be kept more secret than before."),
    DiffKind("sensitivity-lowered", _NONE, "A value may be shown that was kept secret."),
    DiffKind("deprecated", _NONE, "Something is on its way out, or its `x-sunset` is another day."),
    DiffKind("reactivated", _NONE, "Something is not deprecated any more."),
    DiffKind("examples-changed", _NONE, "The examples are others."),
    DiffKind("words-changed", _NONE, "Titles, descriptions, sources: words for people."),
    DiffKind("extension-changed", _NONE, "Another `x-` member than those that mean something here."),
)  # fmt: skip

CHANGE_KINDS_BY_ID = {kind.id: kind for kind in CHANGE_KINDS}
