"""What to make of a finding: its rule in a sentence, who is usually at fault, what to do, an example."""

from dataclasses import dataclass

from opay_contract.model.finding import Rule

_VENDOR, _CLIENT, _GATEWAY = (
    "the vendor",
    "the client",
    "something between: a gateway, a proxy, a cut connection",
)
_EITHER = "the client, or the vendor who accepts what its page does not allow"
_CONTRACT = "the contract, which is wider than what is real, or recordings that lack the case"

_TELL = "tell the vendor; if it stays, `opay-contract suggest` writes it into the contract"
_MEND = "mend the client, or, if the vendor means to accept it, add it to the contract"
_SHOW = "record the case, or take it out of the contract if the vendor confirms that it is gone"
_NARROW = "leave it, or narrow the contract with `opay-contract suggest` if more traffic says the same"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGuide:
    """Help with the findings of a rule: `before` keeps it, `after` breaks it."""

    sentence: str
    fault: str
    advice: str
    before: str
    after: str


def guide_of(rule: Rule) -> RuleGuide:
    """Return the help with a rule's findings."""
    sentence, fault, advice, before, after = _GUIDES[rule.id]
    return RuleGuide(sentence=sentence, fault=fault, advice=advice, before=before, after=after)


_GUIDES: dict[str, tuple[str, str, str, str, str]] = {
    "path-undocumented": (
        "a known host was called at a path that is nearly a documented one",
        _CLIENT,
        "compare the client's URL with the contract's path",
        "POST /api/v1/international/token/query",
        "POST /api/v1/international/Token/querry",
    ),
    "method-undocumented": (
        "a known path was called with another method, and it was answered",
        _CLIENT,
        "use the documented method; if the vendor means to answer this one, add it to the contract",
        "POST /api/v1/international/token/query",
        "GET /api/v1/international/token/query, answered 200",
    ),
    "status-undocumented": (
        "the answer has an HTTP status that the contract does not have",
        _GATEWAY,
        "look at what stands in front of the API; if the vendor sends it, add the status to the contract",
        "HTTP 200 with code 00000",
        "HTTP 502",
    ),
    "media-type-undocumented": (
        "the answer is of a type that the contract does not have, and no JSON",
        _GATEWAY,
        "look at what stands in front of the API: an HTML page is a gateway's",
        "Content-Type: application/json",
        "Content-Type: text/html, with a page",
    ),
    "json-mislabelled": (
        "the answer is JSON and its Content-Type says otherwise",
        _VENDOR,
        "tell the vendor; clients that go by the header do not parse it",
        "Content-Type: application/json",
        "Content-Type: text/html, with JSON",
    ),
    "body-empty": (
        "the contract has a body here and none came",
        _VENDOR,
        "tell the vendor; a client must not take it for an empty success",
        '{"code": "00000", ...}',
        "HTTP 200 without a body",
    ),
    "body-not-json": (
        "the body cannot be read as JSON",
        _GATEWAY,
        "look at the body where it was recorded; a page or an error text comes from a gateway",
        '{"code": "00000"}',
        "{'code': '00000'}",
    ),
    "body-truncated": (
        "the body begins as JSON and breaks off",
        _GATEWAY,
        "look for a limit or a timeout between client and vendor",
        '{"code": "00000"}',
        '{"code": "000',
    ),
    "byte-order-mark": (
        "the body begins with a byte order mark, which strict parsers refuse",
        _VENDOR,
        "tell the vendor; until then strip EF BB BF before parsing",
        '{"code": "00000"}',
        'EF BB BF {"code": "00000"}',
    ),
    "invalid-utf8": (
        "the body is not UTF-8",
        _VENDOR,
        "tell the vendor which encoding it is; a client must not guess",
        "UTF-8 bytes",
        "bytes of another encoding, as Windows-1256",
    ),
    "lone-surrogate": (
        "a text has half of a surrogate pair, which is no character",
        _VENDOR,
        "tell the vendor; texts are cut in the middle of a character",
        r'"\ud83d\ude00"',
        r'"\ud83d"',
    ),
    "duplicate-key": (
        "an object has the same key twice, and parsers disagree which holds",
        _VENDOR,
        "tell the vendor; until then find out which of both your parser takes",
        '{"code": "00000"}',
        '{"code": "00000", "code": "99"}',
    ),
    "non-finite-number": (
        "NaN or Infinity stands where JSON has no such number",
        _VENDOR,
        "tell the vendor; strict parsers refuse the whole body",
        '{"createTimestamp": 1637822753}',
        '{"createTimestamp": NaN}',
    ),
    "unsafe-number": (
        "a number is larger than every reader can keep",
        _VENDOR,
        "read it as text or as an exact integer; tell the vendor to send a string",
        '{"id": "9007199254740993"}',
        '{"id": 9007199254740993}',
    ),
    "header-missing": (
        "a request without a required header was answered",
        "the recording, as browsers leave Authorization out of a HAR; or the vendor, who accepts it unsigned",
        "record with sensitive data kept and redact it; if the header was really not sent, tell the vendor",
        "Authorization: Bearer 241fe541...",
        "no Authorization header, answered with success",
    ),
    "parameter-missing": (
        "a request without a required query parameter or cookie was accepted",
        _EITHER,
        _MEND,
        "GET /orders?shop=7",
        "GET /orders, answered with success",
    ),
    "parameter-invalid": (
        "a request with a parameter that breaks its schema was accepted",
        _EITHER,
        _MEND,
        "GET /orders?limit=20",
        "GET /orders?limit=many, answered with success",
    ),
    "parameter-undocumented": (
        "a query parameter that the contract does not have was accepted",
        _EITHER,
        _MEND,
        "GET /orders?limit=20",
        "GET /orders?limit=20&sort=date",
    ),
    "request-field-undocumented": (
        "a request with a field that the contract does not have was accepted",
        _EITHER,
        _MEND,
        '{"customerId": "121111113"}',
        '{"customerId": "121111113", "country": "EG"}',
    ),
    "request-field-missing": (
        "a request without a required field was accepted",
        _EITHER,
        _MEND,
        '{"customerId": "121111113"}',
        "{}, answered with success",
    ),
    "request-field-invalid": (
        "a request with a field that breaks its schema was accepted",
        _EITHER,
        _MEND,
        '{"customerId": "121111113"}',
        '{"customerId": 121111113}',
    ),
    "response-header-missing": (
        "an answer lacks a header that it must have",
        _VENDOR,
        _TELL,
        "X-Request-Id: 7f3a",
        "no X-Request-Id",
    ),
    "response-header-invalid": (
        "an answer's header breaks its schema",
        _VENDOR,
        "tell the vendor; if it stays, change the header's schema in the contract",
        "X-Rate-Limit: 100",
        "X-Rate-Limit: plenty",
    ),
    "response-field-undocumented": (
        "the answer has a field that the contract does not have",
        _VENDOR,
        "nothing breaks; `opay-contract suggest` adds it to the contract",
        '{"brand": "VISA"}',
        '{"brand": "VISA", "issuerCountry": "EG"}',
    ),
    "field-missing": (
        "a required field is not there",
        _VENDOR,
        _TELL,
        '{"customerId": "121111113", "customerMobile": "20123111111"}',
        '{"customerId": "121111113"}',
    ),
    "field-null": (
        "a field is null where the contract does not allow it",
        _VENDOR,
        _TELL,
        '{"brand": "VISA"}',
        '{"brand": null}',
    ),
    "type-mismatch": (
        "a value is of another type than the contract says",
        _VENDOR,
        _TELL,
        '{"lastFourDigits": "0042"}',
        '{"lastFourDigits": 42}',
    ),
    "value-out-of-range": (
        "a number is outside of its documented range",
        _VENDOR,
        _TELL,
        '{"amount": 100}  with a minimum of 0',
        '{"amount": -1}',
    ),
    "length-out-of-range": (
        "a text or a list is shorter or longer than the contract says",
        _VENDOR,
        _TELL,
        '{"lastFourDigits": "7411"}',
        '{"lastFourDigits": "11"}',
    ),
    "pattern-mismatch": (
        "a text does not match its documented pattern",
        _VENDOR,
        _TELL,
        '{"firstSixDigits": "450875"}',
        '{"firstSixDigits": "4508.."}',
    ),
    "format-mismatch": (
        "a text is not of its documented format",
        _VENDOR,
        _TELL,
        '{"email": "a@example.com"}  with the format email',
        '{"email": "nobody"}',
    ),
    "value-undocumented": (
        "a value is none of those that the contract lists",
        _VENDOR,
        _TELL,
        '{"currency": "EGP"}  of EGP and NGN',
        '{"currency": "KES"}',
    ),
    "constraint-violated": (
        "a value breaks a constraint of its schema",
        _VENDOR,
        _TELL,
        '{"tags": ["a", "b"]}  with uniqueItems',
        '{"tags": ["a", "a"]}',
    ),
    "success-without-data": (
        "the code says success and there are no data",
        _VENDOR,
        "tell the vendor; a client must look for data before it reads them",
        '{"code": "00000", "data": {...}}',
        '{"code": "00000", "data": null}',
    ),
    "error-with-data": (
        "the code says failure and data came along",
        _VENDOR,
        "decide on `code` first, always; tell the vendor",
        '{"code": "02001", "data": null}',
        '{"code": "02001", "data": {...}}',
    ),
    "success-code-on-http-error": (
        "the HTTP status says failure and the code says success",
        _VENDOR,
        "take neither for a success; tell the vendor",
        "HTTP 200 with code 00000",
        "HTTP 500 with code 00000",
    ),
    "code-undocumented": (
        "the business code is not in the contract's catalogue",
        _VENDOR,
        "treat unknown codes as failures; add it to the catalogue once its meaning is known",
        '{"code": "02001"}',
        '{"code": "02009"}',
    ),
    "message-undocumented": (
        "a known code came with another message than documented",
        _VENDOR,
        "never decide on a message; add it to the contract with `opay-contract suggest`",
        '{"code": "02000", "message": "Authentication failed"}',
        '{"code": "02000", "message": "Wrong signature"}',
    ),
    "answer-mismatched": (
        "the answer is about something else than what was asked for",
        _VENDOR + ", or a cache between",
        "stop using these answers: another customer's cards may have come back; tell the vendor at once",
        "asked for customer A, answered about customer A",
        "asked for customer A, answered about customer B",
    ),
    "item-repeated": (
        "a list has the same item twice",
        _VENDOR,
        "tell the vendor; until then take the first of equal items",
        "two tokens with two names",
        "two tokens with the same name",
    ),
    "timestamp-not-seconds": (
        "a time is not in seconds since 1970, as in milliseconds",
        _VENDOR,
        _TELL,
        '{"createTimestamp": 1637822753}',
        '{"createTimestamp": 1637822753000}',
    ),
    "timestamp-not-milliseconds": (
        "a time is not in milliseconds since 1970, as in seconds",
        _VENDOR,
        _TELL,
        '{"createdAt": 1637822753000}',
        '{"createdAt": 1637822753}',
    ),
    "timestamp-in-future": (
        "a time lies after the exchange",
        "a wrong clock: the vendor's, or that of the machine that recorded",
        "compare the clocks; a difference of whole hours is a time zone",
        "created before the answer was recorded",
        "created hours after the answer was recorded",
    ),
    "month-invalid": (
        "a month is none of 1 to 12",
        _VENDOR,
        "tell the vendor; do not take the card for expired",
        '{"expiryMonth": "02"}',
        '{"expiryMonth": "13"}',
    ),
    "signature-mismatch": (
        "a wrongly signed request was accepted, or the key at hand is another one",
        "the key in OPAY_PRIVATE_KEY, or the client's way of signing",
        "compare with `opay-contract sign --explain`",
        "the signature of the compact, sorted body",
        "the signature of the body as it was sent, with its spaces",
    ),
    "card-number-exposed": (
        "a full card number: treat these recordings as card data",
        "whoever sends it: the vendor in an answer, the client in a request",
        "keep the recordings where card data may be, tell the vendor, replace it with `opay-contract redact`",
        '{"firstSixDigits": "450875", "lastFourDigits": "7411"}',
        '{"cardNumber": "(16 digits)"}',
    ),
    "nothing-succeeded": (
        "no call succeeded, so nothing was checked of what a success holds",
        "a wrong key, a wrong merchant id, or an environment that is down",
        "look at the codes; `opay-contract sign --explain` tells about signatures",
        "one success among the calls",
        "200 calls, each with code 02000",
    ),
    "form-never-succeeded": (
        "no call with this form of the request succeeded",
        "test data that does not exist, or a client that never uses the form",
        "record a call of this form that succeeds",
        "a success by customer and one by token",
        "successes by customer, and by token only errors",
    ),
    "form-unobserved": (
        "no recorded request has this form",
        _CONTRACT,
        _SHOW,
        "calls by customer and by token",
        "calls by customer alone",
    ),
    "status-unobserved": (
        "no recorded answer has this documented status",
        _CONTRACT,
        _SHOW,
        "an answer with HTTP 403",
        "answers with HTTP 200 alone",
    ),
    "media-type-unobserved": (
        "no recorded answer has this documented media type",
        _CONTRACT,
        _SHOW,
        "an answer of the type",
        "answers of other types",
    ),
    "code-unobserved": (
        "no recorded answer has this documented code",
        _CONTRACT,
        _SHOW,
        "an answer with code 98",
        "no answer with code 98",
    ),
    "field-unobserved": (
        "no recorded object has this documented field",
        _CONTRACT,
        _SHOW,
        '{"expiryYear": "26", ...}',
        "objects without expiryYear",
    ),
    "presence-narrower": (
        "an optional field was always there",
        _CONTRACT,
        _NARROW,
        "some objects without expiryYear",
        "100 objects, all with expiryYear",
    ),
    "null-unobserved": (
        "a field that may be null never was",
        _CONTRACT,
        _NARROW,
        '{"data": null} in some answers',
        '{"data": {...}} in all of 100 answers',
    ),
    "type-unobserved": (
        "one of several documented types was never there",
        _CONTRACT,
        _NARROW,
        '{"createTimestamp": "1637822753"} in some answers',
        '{"createTimestamp": 1637822753} in all of 100 answers',
    ),
    "value-unobserved": (
        "one of the documented values was never there",
        _CONTRACT,
        _NARROW,
        "answers with each listed value",
        "100 answers, none with one of them",
    ),
    "range-narrower": (
        "what was seen fills only a part of the documented range",
        _CONTRACT,
        _NARROW,
        "texts of 1 to 64 characters",
        "100 texts, all of 9 characters",
    ),
}
