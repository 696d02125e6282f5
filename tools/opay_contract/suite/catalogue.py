"""Every request that the suite sends on purpose, in families; tests judge the answers, parity compares them.

A family is a function that makes its requests for a target: signed with its key, about the customer that it
knows.
"""

import hmac
import json
from collections.abc import Callable

from opay_contract.suite.api import BY_CUSTOMER, BY_TOKEN, SIGNED_AS_IT_IS, Api, Ask
from opay_contract.suite.targets import CUSTOMER_ID

Family = Callable[[Api], list[Ask]]

WRONG_KEY = "OPAYPRV_NOT_THE_MERCHANTS"
_ANOTHER_MERCHANT = "256600000000001"
_SIGNED_WRONGLY = f'OPAY_PRIVATE_KEY={WRONG_KEY} opay-contract sign "$body"'
_MOST_TOKENS = 5


def known_queries(api: Api) -> list[Ask]:
    """Return what a target that knows the customer answers: by customer, and by some of the tokens."""
    judge = api.judge
    by_customer = api.make("the known customer", judge.text(judge.known_query()))
    return [by_customer, *token_queries(api)]


def token_queries(api: Api) -> list[Ask]:
    """Return a query for each of the known customer's tokens, the first of them where there are many."""
    asked = api.tokens[:_MOST_TOKENS]
    return [
        api.make(f"token {number} of the known customer", api.judge.text(api.judge.token_query(token)))
        for number, token in enumerate(asked, 1)
    ]


def white_space(api: Api) -> list[Ask]:
    """Return the known query, sent with white space that is not signed."""
    name, value = (json.dumps(text) for text in _member(api))
    texts = {
        "a space behind the colon": f"{{{name}: {value}}}",
        "lines and tabs": f"\n{{\t{name}\r\n:{value} }}",
        "a space in front and a line feed at the end": f" {{{name}:{value}}}\n",
    }
    return [api.make(f"the known customer, with {how}", text.encode()) for how, text in texts.items()]


def media_type_spellings(api: Api) -> list[Ask]:
    """Return the known query with JSON's media type in other spellings."""
    body = api.judge.text(api.judge.known_query())
    types = ("application/json; charset=utf-8", "Application/JSON")
    return [
        api.make(f"the known customer, sent as {one}", body, headers={"Content-Type": one}) for one in types
    ]


def other_media_types(api: Api) -> list[Ask]:
    """Return the known query, sent as something else than JSON."""
    body = api.judge.text(api.judge.known_query())
    types = ("text/plain", "application/xml", "multipart/form-data", None)
    return [
        api.make(f"the known customer, sent as {one or 'no media type'}", body, headers={"Content-Type": one})
        for one in types
    ]


def unknown_queries(api: Api) -> list[Ask]:
    """Return queries for a customer and a token that nobody has."""
    queries = {
        "an unknown customer": api.judge.query("nobody-0e5a"),
        "an unknown token": api.judge.token_query(_unknown_token()),
    }
    return [api.make(name, api.judge.text(query)) for name, query in queries.items()]


def both_keys(api: Api) -> list[Ask]:
    """Return a query for the known customer and for a token that is nobody's."""
    query = api.judge.known_query() | api.judge.token_query(_unknown_token())
    return [api.make("the known customer and an unknown token", api.judge.text(query))]


def not_queries(api: Api) -> list[Ask]:
    """Return bodies that are no query."""
    customer, token = api.judge.member(BY_CUSTOMER).encode(), api.judge.member(BY_TOKEN).encode()
    bodies = {
        "nothing": b"",
        "no JSON": b"%s=1" % customer,
        "JSON that is cut short": b'{"%s":"1' % customer,
        "null": b"null",
        "a text": b'"%s"' % customer,
        "a number": b"1",
        "a list": b'[{"%s":"1"}]' % customer,
        "an empty object": b"{}",
        "another member": b'{"merchantId":"1"}',
        "a member in another case": b'{"%s":"1"}' % customer.lower(),
        "an id that is a number": b'{"%s":121111113}' % customer,
        "an id that is null": b'{"%s":null}' % customer,
        "an id that is a list": b'{"%s":["121111113"]}' % customer,
        "an id that is an object": b'{"%s":{"$ne":""}}' % customer,
        "a token that is true": b'{"%s":true}' % token,
        "NaN": b'{"%s":NaN}' % customer,
        "half a surrogate pair": b'{"%s":"\\ud83d"}' % customer,
        "broken UTF-8": b'{"%s":"\xff"}' % customer,
        "UTF-16": (b'{"%s":"1"}' % customer).decode().encode("utf-16"),
    }
    return [api.make(name, body) for name, body in bodies.items()]


def other_methods(api: Api) -> list[Ask]:
    """Return the known query, sent by other methods."""
    body = api.judge.text(api.judge.known_query())
    methods = ("GET", "PUT", "PATCH", "DELETE")
    return [api.make(f"the known customer, by {method}", body, method=method) for method in methods]


def any_script(api: Api) -> list[Ask]:
    """Return queries for customers whose ids are written in other scripts, and in odd characters."""
    ids = {
        "Arabic": "عميل-77",
        "Chinese": "客户",
        "an accent": "é",
        "an emoji": "\U0001f600",
        "a slash": "shop/eg/42",
        "spaces": "a b",
        "quotes and backslashes": '"\\',
        "angle brackets": "<&>",
        "no character at all": "",
        "300 characters": "x" * 300,
    }
    return [api.make(f"an id with {how}", api.judge.text(api.judge.query(one))) for how, one in ids.items()]


def unsigned(api: Api) -> list[Ask]:
    """Return the known query without a signature."""
    body = api.judge.text(api.judge.known_query())
    values = {"no signature": None, "an empty signature": "", "a signature without digits": "Bearer"}
    return [_forged(api, name, body, value, f"echo Authorization: {value}") for name, value in values.items()]


def forgeries(api: Api) -> list[Ask]:
    """Return the known query with signatures of somebody else, of something else, and of nothing."""
    body = api.judge.text(api.judge.known_query())
    sign, prefix = api.judge.authorization, api.judge.scheme.prefix
    another = api.judge.text(api.judge.query("another"))
    right = sign(body)
    spaced = json.dumps(api.judge.known_query()).encode()
    made = {
        "the signature of another key": (sign(body, WRONG_KEY), _SIGNED_WRONGLY),
        "the signature of an empty object": (sign(b"{}"), "opay-contract sign '{}'"),
        "the signature of another body": (sign(another), f"opay-contract sign '{another.decode()}'"),
        "the signature of the text with a space": (
            prefix + _raw_digest(api, spaced),
            SIGNED_AS_IT_IS.replace('"$body"', "'" + _with_variable(api, spaced) + "'"),
        ),
        "a signature with one digit changed": (
            right[:-1] + ("0" if right[-1] != "0" else "1"),
            "opay-contract sign \"$body\" | sed 's/0$/1/;t;s/.$/0/'",
        ),
        "zeros": (prefix + "0" * 128, "printf 'Authorization: Bearer %0128d' 0"),
        "digits of another script": (
            prefix + "\xb2" * 128,
            "printf 'Authorization: Bearer '; printf '\\xb2%.0s' {1..128}",
        ),
        "a key in place of a signature": (
            prefix + "OPAYPRV_GUESSED",
            "echo Authorization: Bearer OPAYPRV_GUESSED",
        ),
    }
    return [_forged(api, name, body, value, signing) for name, (value, signing) in made.items()]


def cut_signatures(api: Api) -> list[Ask]:
    """Return the known query with signatures of which something is missing, or which have too much."""
    body = api.judge.text(api.judge.known_query())
    right = api.judge.authorization(body)
    half = len(api.judge.scheme.prefix) + 64
    made = {
        "a signature without its last digit": (right[:-1], "sed 's/.$//'"),
        "half a signature": (right[:half], "sed 's/.\\{64\\}$//'"),
        "a signature with a digit more": (right + "0", "sed 's/$/0/'"),
        "the signature twice": (f"{right}, {right}", "sed 's/: \\(.*\\)/: \\1, \\1/'"),
    }
    return [_changed(api, name, body, value, how) for name, (value, how) in made.items()]


def other_forms(api: Api) -> list[Ask]:
    """Return the known query with the right signature in a form that is not the documented one."""
    body = api.judge.text(api.judge.known_query())
    digits = api.judge.authorization(body)[len(api.judge.scheme.prefix) :]
    word = api.judge.scheme.prefix.rstrip()
    rest = api.judge.scheme.prefix[len(word) :]
    made = {
        "the signature in upper case": (word + rest + digits.upper(), "sed 's/[0-9a-f]\\{128\\}/\\U&/'"),
        "the scheme's word in lower case": (word.lower() + rest + digits, f"sed 's/{word}/{word.lower()}/'"),
        "another scheme's word": (f"Basic{rest}{digits}", f"sed 's/{word}/Basic/'"),
        "the signature without the scheme's word": (digits, f"sed 's/{word}{rest}//'"),
    }
    return [_changed(api, name, body, value, how) for name, (value, how) in made.items()]


def replays(api: Api) -> list[Ask]:
    """Return the known query's signature, sent again with another body."""
    customer, token = api.judge.member(BY_CUSTOMER), api.judge.member(BY_TOKEN)
    who, card = api.judge.target.customer_id, api.tokens[0]
    queries = {
        "another customer": {customer: "another"},
        "a token of the customer": {token: card},
        "the id as a token": {token: who},
        "a space behind the id": {customer: f"{who} "},
        "a token beside the id": {customer: who, token: card},
    }
    bodies = {f"{name}, signed as the known customer": api.judge.text(one) for name, one in queries.items()}
    return [_replayed(api, name, body) for name, body in bodies.items()]


def ambiguous_replays(api: Api) -> list[Ask]:
    """Return the same with bodies that a server may read as the one that is signed."""
    customer, who = (json.dumps(text) for text in _member(api))
    bodies = {
        "the id twice": f"{{{customer}:{who},{customer}:{who}}}",
        "another id and then the known one": f'{{{customer}:"another",{customer}:{who}}}',
        "the known id and then another": f'{{{customer}:{who},{customer}:"another"}}',
        "a member that is not documented": f'{{"a":1,{customer}:{who}}}',
    }
    return [
        _replayed(api, f"{name}, signed as the known customer", text.encode())
        for name, text in bodies.items()
    ]


def other_merchants(api: Api) -> list[Ask]:
    """Return the known query, asked as another merchant."""
    body = api.judge.text(api.judge.known_query())
    ids = {
        "another merchant": _ANOTHER_MERCHANT,
        "the merchant 0": "0",
        "the merchant *": "*",
        "two merchants in one header": "256612345678901\t1",
        "a merchant in quotes": "'1'='1",
    }
    asks = [_as_merchant(api, f"the known customer, as {name}", body, one) for name, one in ids.items()]
    foreign = api.make(
        "the known customer, as another merchant with another key",
        body,
        key=WRONG_KEY,
        signing=_SIGNED_WRONGLY,
        headers={api.judge.merchant_header: _ANOTHER_MERCHANT},
    )
    return [*asks, foreign]


def no_merchant(api: Api) -> list[Ask]:
    """Return the known query without a merchant's id."""
    body = api.judge.text(api.judge.known_query())
    ids = {"no merchant id": None, "an empty merchant id": ""}
    return [_as_merchant(api, f"the known customer, with {name}", body, one) for name, one in ids.items()]


def injections(api: Api) -> list[Ask]:
    """Return queries that a careless server would carry out, or copy into a header."""
    texts = {
        "CR LF and a header": "a\r\nX-Injected: yes",
        "LF and a header": "a\nSet-Cookie: a=b",
        "a null character": "a\0b",
        "a path": "../../etc/passwd",
        "an SQL condition": "' OR '1'='1",
        "an SQL command": '"; DROP TABLE customers; --',
        "a JNDI look-up": "${jndi:ldap://example.com/a}",
        "a template": "{{7*7}}",
        "a script": "<script>alert(1)</script>",
        "an escaped CR LF": "%0d%0aX-Injected:%20yes",
        "control characters": "\u202e\u0000\uffff",
    }
    forms = {"an id": api.judge.query, "a token": api.judge.token_query}
    return [
        api.make(f"{what} with {how}", api.judge.text(query(text)))
        for what, query in forms.items()
        for how, text in texts.items()
    ]


FAMILIES: tuple[Family, ...] = (
    known_queries,
    white_space,
    media_type_spellings,
    other_media_types,
    unknown_queries,
    both_keys,
    not_queries,
    other_methods,
    any_script,
    unsigned,
    forgeries,
    cut_signatures,
    other_forms,
    replays,
    ambiguous_replays,
    other_merchants,
    no_merchant,
    injections,
)
"""All of them, in the order in which two targets are compared."""


def _member(api: Api) -> tuple[str, str]:
    return api.judge.member(BY_CUSTOMER), api.judge.target.customer_id


def _unknown_token() -> str:
    return "OPAY_TOKEN_" + "0" * 32


def _forged(api: Api, name: str, body: bytes, value: str | None, signing: str) -> Ask:
    header = {api.judge.scheme.header: value}
    return api.make(f"the known customer, with {name}", body, signing=signing, headers=header)


def _changed(api: Api, name: str, body: bytes, value: str, filter_: str) -> Ask:
    return _forged(api, name, body, value, f'opay-contract sign "$body" | {filter_}')


def _replayed(api: Api, name: str, body: bytes) -> Ask:
    signed = api.judge.text(api.judge.known_query())
    text = _with_variable(api, signed)
    header = {api.judge.scheme.header: api.judge.authorization(signed)}
    return api.make(name, body, signing=f"opay-contract sign '{text}'", headers=header)


def _as_merchant(api: Api, name: str, body: bytes, merchant: str | None) -> Ask:
    return api.make(name, body, headers={api.judge.merchant_header: merchant})


def _with_variable(api: Api, text: bytes) -> str:
    """Return a text for single quotes of a shell, with the customer as a variable."""
    return text.decode().replace(api.judge.target.customer_id, f"'\"${CUSTOMER_ID}\"'")


def _raw_digest(api: Api, text: bytes) -> str:
    """Return the signature of the text as it stands, not of what it means."""
    return hmac.digest(api.judge.target.private_key.encode(), text, "sha512").hex()
