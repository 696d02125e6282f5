"""The table of rules: permanent ids, what each looks at, how grave it is, and why it exists."""

from opay_contract.model.finding import Area, Kind, Rule, Severity

_C, _U = Kind.CONTRADICTED, Kind.UNDOCUMENTED
_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def _rule(id_: str, kind: Kind, area: Area, severity: Severity, explanation: str) -> Rule:
    return Rule(id=id_, kind=kind, area=area, severity=severity, explanation=explanation)


PATH_UNDOCUMENTED = _rule(
    "path-undocumented",
    _U,
    Area.ROUTE,
    _ERROR,
    "A request went to a known host at a path that the contract does not describe but that is next to one "
    "that it does: another letter case, a slash too many, another version, a typo. The client is wrong, or "
    "the contract is. Other paths of the host are out of scope and counted, as a contract of one operation "
    "says nothing about the vendor's others; where `x-all-paths` says that it has all of them, each is a "
    "finding.",
)
METHOD_UNDOCUMENTED = _rule(
    "method-undocumented",
    _U,
    Area.ROUTE,
    _ERROR,
    "A known path was called with a method that the contract does not describe, and it was answered. One "
    "that was refused, by an HTTP error or an error code, is the contract at work and does not count; nor "
    "does what asks the server and not the API, as OPTIONS and TRACE do, unless a success code came. A "
    "browser's preflight (OPTIONS with Access-Control-Request-Method) is out of scope.",
)
STATUS_UNDOCUMENTED = _rule(
    "status-undocumented",
    _U,
    Area.STATUS,
    _ERROR,
    "The answer has an HTTP status that the operation does not document. A client that decides on the "
    "business code alone may not be ready for it. The body is judged only if it carries a business code.",
)
MEDIA_TYPE_UNDOCUMENTED = _rule(
    "media-type-undocumented",
    _U,
    Area.MEDIA_TYPE,
    _ERROR,
    "The answer's Content-Type is not documented for its status and the body is not JSON either, as with a "
    "gateway's HTML page, or the header is missing.",
)
JSON_MISLABELLED = _rule(
    "json-mislabelled",
    _C,
    Area.MEDIA_TYPE,
    _WARNING,
    "The body is JSON but the Content-Type says something else. Clients that look at the header will not "
    "parse it. The body is judged all the same.",
)
BODY_EMPTY = _rule(
    "body-empty",
    _C,
    Area.BODY,
    _ERROR,
    "The contract documents a body for this status and none came.",
)
BODY_NOT_JSON = _rule(
    "body-not-json",
    _C,
    Area.ENCODING,
    _ERROR,
    "The body should be JSON and cannot be read as JSON; line and column say where it stops being JSON.",
)
BODY_TRUNCATED = _rule(
    "body-truncated",
    _C,
    Area.ENCODING,
    _ERROR,
    "The body begins as JSON and breaks off: the connection was cut or a proxy limited its length. A body "
    "that the recording tool cut is not this; it is reported as unreadable.",
)
BYTE_ORDER_MARK = _rule(
    "byte-order-mark",
    _C,
    Area.ENCODING,
    _WARNING,
    "The body starts with a UTF-8 byte order mark, which RFC 8259 forbids senders to add; strict parsers "
    "refuse it.",
)
INVALID_UTF8 = _rule(
    "invalid-utf8",
    _C,
    Area.ENCODING,
    _ERROR,
    "The body is not UTF-8, which RFC 8259 requires; parsers refuse it or replace what they cannot read.",
)
LONE_SURROGATE = _rule(
    "lone-surrogate",
    _C,
    Area.ENCODING,
    _WARNING,
    "A string or a key has half of a surrogate pair (\\ud800 to \\udfff), which is no character; parsers "
    "refuse it, replace it or pass it on broken.",
)
DUPLICATE_KEY = _rule(
    "duplicate-key",
    _C,
    Area.ENCODING,
    _ERROR,
    "An object has the same key more than once. Parsers disagree which one holds (RFC 8259, section 4), so "
    "two clients can read two different answers.",
)
NON_FINITE_NUMBER = _rule(
    "non-finite-number",
    _C,
    Area.ENCODING,
    _ERROR,
    "NaN or Infinity stands where JSON has no such number; strict parsers refuse the whole body.",
)
UNSAFE_NUMBER = _rule(
    "unsafe-number",
    _C,
    Area.ENCODING,
    _WARNING,
    "A number is too large for every reader to keep: an integer beyond 2^53-1, or a number beyond the "
    "range of a double (RFC 7493, section 2.2). Many clients change it without a word.",
)
HEADER_MISSING = _rule(
    "header-missing",
    _C,
    Area.HEADER,
    _WARNING,
    "A request without a header that the contract requires was not refused. Judged only where the "
    "recording has the request's headers; browsers leave Authorization out of an exported HAR unless told "
    "to keep sensitive data. A request that was refused is the contract at work and does not count.",
)
PARAMETER_MISSING = _rule(
    "parameter-missing",
    _C,
    Area.PARAMETER,
    _WARNING,
    "A request without a query parameter or a cookie that the contract requires, or without the key that "
    "its `security` demands there, was not refused. Headers have a rule of their own, `header-missing`. "
    "Cookies are judged only where the recording has the request's headers.",
)
PARAMETER_INVALID = _rule(
    "parameter-invalid",
    _C,
    Area.PARAMETER,
    _WARNING,
    "A request with a parameter in its path, its query, a header or a cookie that breaks the parameter's "
    "schema was not refused, or one whose Authorization names another scheme than `security` does. A text "
    "is read as `style` and `explode` say, and as any of the types that the schema has: `5` is no fault "
    "where the schema says integer. What a recorder wrote in place of a value is not judged.",
)
PARAMETER_UNDOCUMENTED = _rule(
    "parameter-undocumented",
    _U,
    Area.PARAMETER,
    _WARNING,
    "A request with a query parameter that the contract does not describe was not refused: the vendor "
    "accepts more than it documents, or ignores what the client relies on. Headers and cookies are sent by "
    "many, and undocumented ones are no finding.",
)
REQUEST_FIELD_UNDOCUMENTED = _rule(
    "request-field-undocumented",
    _U,
    Area.BODY,
    _WARNING,
    "A request with a member that the contract does not know was not refused: the vendor accepts more than "
    "it documents, or ignores what the client relies on.",
)
REQUEST_FIELD_MISSING = _rule(
    "request-field-missing",
    _C,
    Area.BODY,
    _WARNING,
    "A request without a required member was not refused.",
)
REQUEST_FIELD_INVALID = _rule(
    "request-field-invalid",
    _C,
    Area.BODY,
    _WARNING,
    "A request with a member that breaks its schema, or with a body that is no JSON, was not refused.",
)
RESPONSE_HEADER_MISSING = _rule(
    "response-header-missing",
    _C,
    Area.HEADER,
    _ERROR,
    "An answer without a header that the contract requires for its status. Judged only where the recording "
    "has the answer's headers.",
)
RESPONSE_HEADER_INVALID = _rule(
    "response-header-invalid",
    _C,
    Area.HEADER,
    _ERROR,
    "An answer's header breaks the schema that the contract has for it. What a recorder wrote in place of "
    "a value is not judged.",
)
RESPONSE_FIELD_UNDOCUMENTED = _rule(
    "response-field-undocumented",
    _U,
    Area.BODY,
    _WARNING,
    "The answer has a member that the contract does not describe, at any depth. The schemas stay open, so "
    "that clients tolerate it; the rule is how you hear of it.",
)
FIELD_MISSING = _rule(
    "field-missing",
    _C,
    Area.BODY,
    _ERROR,
    "A member that the contract requires is not there.",
)
FIELD_NULL = _rule(
    "field-null",
    _C,
    Area.BODY,
    _ERROR,
    "A member is null where the contract does not allow null.",
)
TYPE_MISMATCH = _rule(
    "type-mismatch",
    _C,
    Area.BODY,
    _ERROR,
    "A value is of another JSON type than the contract says.",
)
VALUE_OUT_OF_RANGE = _rule(
    "value-out-of-range",
    _C,
    Area.BODY,
    _ERROR,
    "A number is outside the documented minimum and maximum, or no multiple of the documented step.",
)
LENGTH_OUT_OF_RANGE = _rule(
    "length-out-of-range",
    _C,
    Area.BODY,
    _ERROR,
    "A text, a list or an object is shorter or longer than the contract says.",
)
PATTERN_MISMATCH = _rule(
    "pattern-mismatch",
    _C,
    Area.BODY,
    _ERROR,
    "A text does not match the documented pattern.",
)
FORMAT_MISMATCH = _rule(
    "format-mismatch",
    _C,
    Area.BODY,
    _ERROR,
    "A text is not of the documented format, such as e-mail or date-time.",
)
VALUE_UNDOCUMENTED = _rule(
    "value-undocumented",
    _C,
    Area.BODY,
    _ERROR,
    "A value is none of those that the contract lists.",
)
CONSTRAINT_VIOLATED = _rule(
    "constraint-violated",
    _C,
    Area.BODY,
    _ERROR,
    "A value breaks a constraint of its schema that has no rule of its own, such as `not` or `uniqueItems`.",
)
SUCCESS_WITHOUT_DATA = _rule(
    "success-without-data",
    _C,
    Area.ENVELOPE,
    _ERROR,
    "The business code says success, but the data are missing or null.",
)
ERROR_WITH_DATA = _rule(
    "error-with-data",
    _C,
    Area.ENVELOPE,
    _ERROR,
    "The business code says failure, but data came along; a client that looks for data first takes the "
    "failure for a success.",
)
SUCCESS_CODE_ON_HTTP_ERROR = _rule(
    "success-code-on-http-error",
    _C,
    Area.ENVELOPE,
    _ERROR,
    "The HTTP status says failure (400 and above), the business code says success.",
)
CODE_UNDOCUMENTED = _rule(
    "code-undocumented",
    _U,
    Area.ENVELOPE,
    _WARNING,
    "The business code is not in the contract's catalogue. The vendor adds codes without notice, so this is "
    "drift to look at and not a broken schema.",
)
MESSAGE_UNDOCUMENTED = _rule(
    "message-undocumented",
    _U,
    Area.ENVELOPE,
    _INFO,
    "A known business code came with a message that is not documented for it. Case, white space around "
    "and a full stop at the end do not count.",
)
ANSWER_MISMATCHED = _rule(
    "answer-mismatched",
    _C,
    Area.ENVELOPE,
    _ERROR,
    "The answer is about something else than what was asked for: the member that must repeat the request's "
    "does not, as when another customer's cards come back.",
)
ITEM_REPEATED = _rule(
    "item-repeated",
    _C,
    Area.ENVELOPE,
    _ERROR,
    "A list has the same item twice, told by the member that identifies its items.",
)
TIMESTAMP_NOT_SECONDS = _rule(
    "timestamp-not-seconds",
    _C,
    Area.BODY,
    _ERROR,
    "A time that the contract counts in seconds since 1970 is in milliseconds or finer, or is no count of "
    "seconds at all.",
)
TIMESTAMP_NOT_MILLISECONDS = _rule(
    "timestamp-not-milliseconds",
    _C,
    Area.BODY,
    _ERROR,
    "A time that the contract counts in milliseconds since 1970 is in seconds or in something finer, or is "
    "no count at all.",
)
TIMESTAMP_IN_FUTURE = _rule(
    "timestamp-in-future",
    _C,
    Area.BODY,
    _WARNING,
    "A time is more than five minutes after the exchange was recorded (after now, where the recording has "
    "no time).",
)
MONTH_INVALID = _rule(
    "month-invalid",
    _C,
    Area.BODY,
    _ERROR,
    "A month is none of 1 to 12, as a number or as one or two digits.",
)
SIGNATURE_MISMATCH = _rule(
    "signature-mismatch",
    _C,
    Area.SIGNATURE,
    _ERROR,
    "The request's signature does not verify with the key from the environment, and the request was not "
    "refused: the key is another one, or the vendor signs differently from the contract. What a recorder "
    "wrote in place of a signature is not judged. It is told by its form: an attempt at a signature has at "
    "least 16 hexadecimal digits, cut off or not, in whatever case, or base64 of a digest; words, and one "
    "character over and over, are masks.",
)
CARD_NUMBER_EXPOSED = _rule(
    "card-number-exposed",
    _C,
    Area.BODY,
    _ERROR,
    "A full card number stands somewhere in the exchange: 13 to 19 digits that pass Luhn and begin as an "
    "issuer's numbers do, also inside longer text and with separators. A time with a counter behind it, or "
    "an Egyptian national id, in one piece or in groups of four, is none, nor is an IBAN, nor "
    "a longer number in groups of one size that is not made of cards. Members that the contract calls "
    "identifiers are not searched, nor are members of their names where no schema describes them. One "
    "number in ten passes Luhn by chance: where at least 20 values were seen at a place of a body, all "
    "whole numbers or all texts of 13 to 23 characters, and at most a fifth of them look like card "
    "numbers, the finding is information and says how many they are. Anywhere else it is an error. Never "
    "printed.",
)

NOTHING_SUCCEEDED = _rule(
    "nothing-succeeded",
    Kind.UNOBSERVED,
    Area.ENVELOPE,
    _ERROR,
    "Exchanges were judged and not one of them succeeded, so that nothing was checked of what the contract "
    "says about a success, the data above all. The usual causes are a wrong key, a wrong merchant, or an "
    "environment that is down. Said of a run as a whole. Recordings that hold refusals on purpose are "
    "checked with `--require-success 0`, or accepted in a baseline.",
)
FORM_NEVER_SUCCEEDED = _rule(
    "form-never-succeeded",
    Kind.UNOBSERVED,
    Area.ENVELOPE,
    _WARNING,
    "Exchanges of the run succeeded, but none of this operation, or none with this form of the request: "
    "nothing was checked of what the contract says about its success.",
)

RULES: tuple[Rule, ...] = (
    PATH_UNDOCUMENTED,
    METHOD_UNDOCUMENTED,
    STATUS_UNDOCUMENTED,
    MEDIA_TYPE_UNDOCUMENTED,
    JSON_MISLABELLED,
    BODY_EMPTY,
    BODY_NOT_JSON,
    BODY_TRUNCATED,
    BYTE_ORDER_MARK,
    INVALID_UTF8,
    LONE_SURROGATE,
    DUPLICATE_KEY,
    NON_FINITE_NUMBER,
    UNSAFE_NUMBER,
    HEADER_MISSING,
    PARAMETER_MISSING,
    PARAMETER_INVALID,
    PARAMETER_UNDOCUMENTED,
    REQUEST_FIELD_UNDOCUMENTED,
    REQUEST_FIELD_MISSING,
    REQUEST_FIELD_INVALID,
    RESPONSE_HEADER_MISSING,
    RESPONSE_HEADER_INVALID,
    RESPONSE_FIELD_UNDOCUMENTED,
    FIELD_MISSING,
    FIELD_NULL,
    TYPE_MISMATCH,
    VALUE_OUT_OF_RANGE,
    LENGTH_OUT_OF_RANGE,
    PATTERN_MISMATCH,
    FORMAT_MISMATCH,
    VALUE_UNDOCUMENTED,
    CONSTRAINT_VIOLATED,
    SUCCESS_WITHOUT_DATA,
    ERROR_WITH_DATA,
    SUCCESS_CODE_ON_HTTP_ERROR,
    CODE_UNDOCUMENTED,
    MESSAGE_UNDOCUMENTED,
    ANSWER_MISMATCHED,
    ITEM_REPEATED,
    TIMESTAMP_NOT_SECONDS,
    TIMESTAMP_NOT_MILLISECONDS,
    TIMESTAMP_IN_FUTURE,
    MONTH_INVALID,
    SIGNATURE_MISMATCH,
    CARD_NUMBER_EXPOSED,
    NOTHING_SUCCEEDED,
    FORM_NEVER_SUCCEEDED,
)
"""Every rule about exchanges, in the order of the docs; `alike.CHECKS` says which check finds which."""

RULES_OF_A_RUN = frozenset((NOTHING_SUCCEEDED, FORM_NEVER_SUCCEEDED))
"""Rules that no single exchange breaks, only a run as a whole."""

RULES_BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
