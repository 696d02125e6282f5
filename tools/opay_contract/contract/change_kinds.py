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


class ChangeKind(msgspec.Struct, frozen=True):
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

CHANGE_KINDS: tuple[ChangeKind, ...] = (
    ChangeKind("operation-removed", "BHBH", "An operation is gone. Calls of it fail."),
    ChangeKind("operation-added", "HBHB", "There is a new operation, which a server has to answer."),
    ChangeKind("operation-renamed", "RHRH", "The `operationId` is another: generated clients rename it."),
    ChangeKind("path-parameter-renamed", _NONE, "The name in braces is another; no URL changes."),
    ChangeKind("parameter-removed", "RHRH", "A parameter is not documented any more and may be refused."),
    ChangeKind("parameter-added", "HRHR", "There is a new parameter that may be left out."),
    ChangeKind("parameter-added-required", "BHHB", "There is a new parameter without which calls fail."),
    ChangeKind("parameter-became-required", _FEWER, "A parameter cannot be left out any more."),
    ChangeKind("parameter-became-optional", _MORE, "A parameter can be left out."),
    ChangeKind("parameter-style-changed", _OTHER, "`style`, `explode` …: it is written otherwise."),
    ChangeKind("body-added", "HBHB", "Requests may have a body."),
    ChangeKind("body-added-required", "BHBH", "Requests must have a body."),
    ChangeKind("body-removed", "BHBH", "Requests have no documented body any more."),
    ChangeKind("body-became-required", _FEWER, "The body cannot be left out any more."),
    ChangeKind("body-became-optional", _MORE, "The body can be left out."),
    ChangeKind("media-type-removed", "BHBB", "A media type is gone: it is refused, or is not sent any more."),
    ChangeKind("media-type-added", "HBRH", "There is another media type; who asks for it may get it."),
    ChangeKind("encoding-changed", _PERHAPS, "The parts of a form are encoded otherwise."),
    ChangeKind("status-removed", "RBRB", "A status is not documented any more."),
    ChangeKind("status-added", "RHRH", "A status is documented that was not; clients have to tell it apart."),
    ChangeKind("success-removed", "BBBB", "A status of success is not documented any more."),
    ChangeKind("header-removed", "RHRH", "A header of answers that could be missing is gone."),
    ChangeKind("header-removed-required", "BHBH", "A header that every answer had is gone."),
    ChangeKind("header-added", "HHHH", "Answers may have another header."),
    ChangeKind("header-added-required", "HBHB", "Answers must have another header."),
    ChangeKind("link-changed", "RHRH", "A link from an answer to another operation is another."),
    ChangeKind("security-removed", "BHBH", "One way to authenticate is not taken any more."),
    ChangeKind("security-added", "HBHB", "There is another way to authenticate."),
    ChangeKind("security-scheme-changed", _OTHER, "Credentials are sent, or got, in another way."),
    ChangeKind("signature-changed", _OTHER, "Requests are signed in another way: every call may fail."),
    ChangeKind("server-removed", "BHBH", "A base URL is gone."),
    ChangeKind("server-added", _NONE, "There is another base URL."),
    ChangeKind("server-changed", "RRRR", "The variables of a server, or its environment, are others."),
    ChangeKind("envelope-changed", _OTHER, "Code, message or data of an answer stand elsewhere."),
    ChangeKind("code-removed", "HRHR", "A business code is not in the catalogue any more."),
    ChangeKind("code-added", "RHRH", "There is another business code; the catalogue has an open end."),
    ChangeKind("code-messages-changed", "RHRH", "A business code comes with other messages."),
    ChangeKind("code-meaning-changed", _PERHAPS, "A business code means something else."),
    ChangeKind("form-removed", "BHBH", "A request form is gone."),
    ChangeKind("form-added", "HBHB", "There is another request form."),
    ChangeKind("form-order-changed", _PERHAPS, "Another form is taken where a request fits several."),
    ChangeKind("echo-removed", "BHBH", "Answers need not repeat what was asked for any more."),
    ChangeKind("echo-added", "HBHB", "Answers must repeat what was asked for."),
    ChangeKind("question-opened", "RRRR", "Something that was taken for certain is an open question."),
    ChangeKind("question-settled", _NONE, "A question is not open any more."),
    ChangeKind("reading-added", "RHRH", "An open question has another answer that may be right."),
    ChangeKind("reading-removed", _NONE, "An answer to an open question is out of the running."),
    ChangeKind("assumption-changed", "RRRR", "Another reading of an open question is assumed."),
    ChangeKind("type-narrowed", _FEWER, "Values of some JSON type, `null` among them, are out."),
    ChangeKind("type-widened", _MORE, "Values of another JSON type, or `null`, are allowed."),
    ChangeKind("type-changed", _OTHER, "Values are of another JSON type."),
    ChangeKind("value-removed", _FEWER, "One of a list of allowed values is gone."),
    ChangeKind("value-added", _MORE, "A list of allowed values has another one."),
    ChangeKind("values-limited", _FEWER, "Only the values of a list are allowed any more."),
    ChangeKind("values-unlimited", _MORE, "Other values than those of a list are allowed."),
    ChangeKind("limit-tightened", _FEWER, "A limit of length, number or size is tighter."),
    ChangeKind("limit-loosened", _MORE, "A limit of length, number or size is looser, or gone."),
    ChangeKind("constraint-added", _FEWER, "Another pattern, format or the like has to be met."),
    ChangeKind("constraint-removed", _MORE, "A pattern, format or the like is gone."),
    ChangeKind("constraint-changed", _PERHAPS, "Another pattern or format; which is wider nobody can tell."),
    ChangeKind("schema-added", _FEWER, "What could be anything is described."),
    ChangeKind("schema-removed", _MORE, "What was described can be anything."),
    ChangeKind("property-removed", "RHRH", "A property that could be missing is not documented any more."),
    ChangeKind("property-removed-required", "RHBH", "A property that was always there is not any more."),
    ChangeKind("property-added", "HRHH", "There is another property that may be missing."),
    ChangeKind("property-added-required", "BHHB", "There is another property that must be there."),
    ChangeKind("property-forbidden", "BHRB", "A property is gone, and the object has room for no other."),
    ChangeKind("property-allowed", _MORE, "There is another property in an object that had room for none."),
    ChangeKind("property-became-required", _FEWER, "A property must be there."),
    ChangeKind("property-became-optional", _MORE, "A property may be missing."),
    ChangeKind("property-became-read-only", "RHHH", "A property is not to be sent any more."),
    ChangeKind("property-became-writable", "HRHH", "A property that was only read can be sent."),
    ChangeKind("property-became-write-only", "HHBH", "A property is not answered any more."),
    ChangeKind("property-became-readable", _NONE, "A property that was only sent is answered as well."),
    ChangeKind("object-closed", _FEWER, "An object has no room for other properties any more."),
    ChangeKind("object-opened", _MORE, "An object has room for other properties."),
    ChangeKind("alternative-removed", _FEWER, "One of several schemas, of which one has to fit, is gone."),
    ChangeKind("alternative-added", _MORE, "There is another schema that a value may fit."),
    ChangeKind("alternatives-added", _FEWER, "A value has to fit one of several schemas in addition."),
    ChangeKind("alternatives-removed", _MORE, "A value need not fit one of several schemas any more."),
    ChangeKind("one-of-to-any-of", "HRRH", "A value may fit more than one of the alternatives."),
    ChangeKind("any-of-to-one-of", "RHHR", "A value may fit no more than one of the alternatives."),
    ChangeKind("discriminator-changed", _PERHAPS, "What tells alternatives apart is another member."),
    ChangeKind("condition-added", _FEWER, "A value has to fit a further schema in some cases."),
    ChangeKind("condition-removed", _MORE, "A condition is gone, or an exclusion."),
    ChangeKind("default-changed", "RRHH", "To leave something out means something else."),
    ChangeKind("keyword-changed", _PERHAPS, "A keyword that is not known here is another."),
    ChangeKind("sensitivity-raised", _PERHAPS, "A value has to be kept more secret than before."),
    ChangeKind("sensitivity-lowered", _NONE, "A value may be shown that was kept secret."),
    ChangeKind("deprecated", _NONE, "Something is on its way out, or its `x-sunset` is another day."),
    ChangeKind("reactivated", _NONE, "Something is not deprecated any more."),
    ChangeKind("examples-changed", _NONE, "The examples are others."),
    ChangeKind("words-changed", _NONE, "Titles, descriptions, sources: words for people."),
    ChangeKind("extension-changed", _NONE, "Another `x-` member than those that mean something here."),
)  # fmt: skip

CHANGE_KINDS_BY_ID = {kind.id: kind for kind in CHANGE_KINDS}
