"""Every request that the suite sends on purpose, in families; tests judge the answers, or two are compared.

A family is a function that makes its requests for a target: signed with its key, about the record that it
knows. Two targets are asked the same, and differ in status, code, headers, or shape; values are not compared,
as they know other customers. Which requests are refused, and how, is.
"""

import json
from collections.abc import Callable, Iterator

import msgspec

from opay_contract.jsontext import Parsed, parse_json
from opay_contract.signing.signer import sign_as_it_is
from opay_contract.suite.api import SIGNED_AS_IT_IS, Api, Ask, Reply
from opay_contract.suite.breach import Breach
from opay_contract.suite.questions import CUSTOMER_ID, IDENTITY, ITEMS, NEEDS, RECORDS, SIGNATURE, needs

Family = Callable[[Api], list[Ask]]

WRONG_KEY = "OPAYPRV_NOT_THE_MERCHANTS"
_ANOTHER_MERCHANT = "256600000000001"
_SIGNED_WRONGLY = f'OPAY_PRIVATE_KEY={WRONG_KEY} opay-contract sign "$body"'
_MOST_ITEMS = 5
_UNKNOWN_ITEM = "OPAY_TOKEN_" + "0" * 32


def sound_requests(api: Api, *, is_let_in: bool = True) -> list[Ask]:
    """Return a sound request of each operation and form, as the contract alone makes it."""
    requests = api.judge.questions.requests(api.judge.target.customer_id or None)
    return [api.make_sound(request, is_let_in=is_let_in) for request in requests]


@needs(RECORDS)
def known_queries(api: Api) -> list[Ask]:
    """Return what a target that knows the record answers: about it, and about some of its items."""
    return [api.make_known(), *item_queries(api)]


def item_queries(api: Api) -> list[Ask]:
    """Return a query for each of the known record's items, the first of them where there are many."""
    return [
        api.make(f"item {number} of the known record", api.judge.text(api.judge.item_query(key)))
        for number, key in enumerate(api.tokens[:_MOST_ITEMS], 1)
    ]


@needs(RECORDS)
def white_space(api: Api) -> list[Ask]:
    """Return the known query, sent with white space that is not signed."""
    query = api.judge.known_query()
    texts = {
        "a space behind the colon": json.dumps(query, separators=(",", ": ")),
        "lines and tabs": "\n" + json.dumps(query, indent="\t", separators=(",", "\r\n:")) + " ",
        "a space in front and a line feed at the end": f" {json.dumps(query, separators=(',', ':'))}\n",
    }
    return [api.make(f"the known record, with {how}", text.encode()) for how, text in texts.items()]


@needs(RECORDS)
def media_type_spellings(api: Api) -> list[Ask]:
    """Return the known query with JSON's media type in other spellings."""
    types = ("application/json; charset=utf-8", "Application/JSON")
    return [api.make_known(f", sent as {one}", headers={"Content-Type": one}) for one in types]


@needs(RECORDS)
def other_media_types(api: Api) -> list[Ask]:
    """Return the known query, sent as something else than JSON."""
    types = {one: one for one in ("text/plain", "application/xml", "multipart/form-data")}
    named = {**types, "no media type": None}
    return [api.make_known(f", sent as {how}", headers={"Content-Type": one}) for how, one in named.items()]


@needs(RECORDS)
def unknown_queries(api: Api) -> list[Ask]:
    """Return queries for a record and an item that nobody has."""
    queries = {"an unknown record": api.judge.query("nobody-0e5a")}
    if api.judge.questions.by_item:
        queries["an unknown item"] = api.judge.item_query(_UNKNOWN_ITEM)
    return [api.make(name, api.judge.text(query)) for name, query in queries.items()]


@needs(ITEMS)
def both_keys(api: Api) -> list[Ask]:
    """Return a query for the known record and for an item that is nobody's."""
    query = api.judge.known_query() | api.judge.item_query(_UNKNOWN_ITEM)
    return [api.make("the known record and an unknown item", api.judge.text(query))]


@needs(RECORDS)
def not_queries(api: Api) -> list[Ask]:
    """Return bodies that are no query."""
    known, name = api.judge.known_query(), api.judge.member
    key, rest = json.dumps(name).encode(), _without_key(api)
    bodies = {
        "nothing": b"",
        "no JSON": b"%s=1" % name.encode(),
        "JSON that is cut short": b'{%s:"1' % key,
        "null": b"null",
        "a text": key,
        "a number": b"1",
        "a list": json.dumps([known]).encode(),
        "an empty object": b"{}",
        "another member": b'{"anotherMember":"1"}',
        "a member in another case": json.dumps({**rest, name.swapcase(): "1"}).encode(),
        "an id that is a number": _with_key(api, 121111113),
        "an id that is null": _with_key(api, None),
        "an id that is a list": _with_key(api, ["121111113"]),
        "an id that is an object": _with_key(api, {"$ne": ""}),
        "NaN": _with_key(api, float("nan")),
        "half a surrogate pair": _with_key(api, "\ud83d"),
        "broken UTF-8": _with_key(api, "@").replace(b"@", b"\xff"),
        "UTF-16": _with_key(api, "1").decode().encode("utf-16"),
    }
    if api.judge.item_member:
        bodies["an item that is true"] = b'{"%s":true}' % api.judge.item_member.encode()
    return [api.make(name, body) for name, body in bodies.items()]


@needs(RECORDS)
def other_methods(api: Api) -> list[Ask]:
    """Return the known query, sent by other methods."""
    return [api.make_known(f", by {method}", method=method) for method in ("GET", "PUT", "PATCH", "DELETE")]


@needs(RECORDS)
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


@needs(SIGNATURE)
def unsigned(api: Api) -> list[Ask]:
    """Return the known query without a signature."""
    values = {"no signature": None, "an empty signature": "", "a signature without digits": "Bearer"}
    return [_forged(api, name, value, f"echo Authorization: {value}") for name, value in values.items()]


@needs(SIGNATURE)
def forgeries(api: Api) -> list[Ask]:
    """Return the known query with signatures of somebody else, of something else, and of nothing."""
    sign, prefix = api.judge.authorization, api.judge.scheme.prefix
    another = api.judge.text(api.judge.query("another"))
    known = api.judge.text(api.judge.known_query())
    right = sign(known)
    spaced = json.dumps(api.judge.known_query()).encode()
    made = {
        "the signature of another key": (sign(known, WRONG_KEY), _SIGNED_WRONGLY),
        "the signature of an empty object": (sign(b"{}"), "opay-contract sign '{}'"),
        "the signature of another body": (sign(another), f"opay-contract sign '{another.decode()}'"),
        "the signature of the text with a space": (
            prefix + sign_as_it_is(spaced, api.judge.target.private_key),
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
    return [_forged(api, name, value, signing) for name, (value, signing) in made.items()]


@needs(SIGNATURE)
def cut_signatures(api: Api) -> list[Ask]:
    """Return the known query with signatures of which something is missing, or which have too much."""
    right = api.judge.authorization(api.judge.text(api.judge.known_query()))
    half = len(api.judge.scheme.prefix) + 64
    made = {
        "a signature without its last digit": (right[:-1], "sed 's/.$//'"),
        "half a signature": (right[:half], "sed 's/.\\{64\\}$//'"),
        "a signature with a digit more": (right + "0", "sed 's/$/0/'"),
        "the signature twice": (f"{right}, {right}", "sed 's/: \\(.*\\)/: \\1, \\1/'"),
    }
    return [_forged(api, name, value, how) for name, (value, how) in made.items()]


@needs(SIGNATURE)
def other_forms(api: Api) -> list[Ask]:
    """Return the known query with the right signature in a form that is not the documented one."""
    known = api.judge.text(api.judge.known_query())
    digits = api.judge.authorization(known)[len(api.judge.scheme.prefix) :]
    word = api.judge.scheme.prefix.rstrip()
    rest = api.judge.scheme.prefix[len(word) :]
    made = {
        "the signature in upper case": (word + rest + digits.upper(), "sed 's/[0-9a-f]\\{128\\}/\\U&/'"),
        "the scheme's word in lower case": (word.lower() + rest + digits, f"sed 's/{word}/{word.lower()}/'"),
        "another scheme's word": (f"Basic{rest}{digits}", f"sed 's/{word}/Basic/'"),
        "the signature without the scheme's word": (digits, f"sed 's/{word}{rest}//'"),
    }
    return [_forged(api, name, value, how) for name, (value, how) in made.items()]


@needs(SIGNATURE)
def replays(api: Api) -> list[Ask]:
    """Return the known query's signature, sent again with another body."""
    who, known = api.judge.target.customer_id, api.judge.known_query()
    queries = {
        "another record": api.judge.query("another"),
        "a space behind the id": api.judge.query(f"{who} "),
    }
    if api.judge.questions.by_item:
        queries |= {
            "an item of the record": api.judge.item_query(api.tokens[0]),
            "the id as an item": api.judge.item_query(who),
            "an item beside the id": known | api.judge.item_query(api.tokens[0]),
        }
    bodies = {f"{name}, signed as the known record": api.judge.text(one) for name, one in queries.items()}
    return [_replayed(api, name, body) for name, body in bodies.items()]


@needs(SIGNATURE)
def ambiguous_replays(api: Api) -> list[Ask]:
    """Return the same with bodies that a server may read as the one that is signed."""
    known = api.judge.text(api.judge.known_query()).decode()[1:]
    key, who = (json.dumps(text) for text in (api.judge.member, api.judge.target.customer_id))
    rest = known.replace(f"{key}:{who}", "", 1).strip(",")
    rest = f",{rest}" if rest != "}" else rest
    bodies = {
        "the id twice": f"{{{key}:{who},{known}",
        "another id and then the known one": f'{{{key}:"another",{known}',
        "the known id and then another": f'{{{key}:{who},{key}:"another"{rest}',
        "a member that is not documented": f'{{"a":1,{known}',
    }
    return [
        _replayed(api, f"{name}, signed as the known record", text.encode()) for name, text in bodies.items()
    ]


@needs(SIGNATURE, IDENTITY)
def other_merchants(api: Api) -> list[Ask]:
    """Return the known query, asked as another merchant."""
    ids = {
        "another merchant": _ANOTHER_MERCHANT,
        "the merchant 0": "0",
        "the merchant *": "*",
        "two merchants in one header": "256612345678901\t1",
        "a merchant in quotes": "'1'='1",
    }
    name = api.judge.identity_header
    asks = [api.make_known(f", as {how}", headers={name: one}) for how, one in ids.items()]
    foreign = api.make_known(
        ", as another merchant with another key",
        key=WRONG_KEY,
        signing=_SIGNED_WRONGLY,
        headers={name: _ANOTHER_MERCHANT},
    )
    return [*asks, foreign]


@needs(SIGNATURE, IDENTITY)
def no_merchant(api: Api) -> list[Ask]:
    """Return the known query without a merchant's id."""
    ids = {"no merchant id": None, "an empty merchant id": ""}
    name = api.judge.identity_header
    return [api.make_known(f", with {how}", headers={name: one}) for how, one in ids.items()]


@needs(RECORDS)
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
    forms = {"an id": api.judge.query}
    if api.judge.questions.by_item:
        forms["an item"] = api.judge.item_query
    return [
        api.make(f"{what} with {how}", api.judge.text(query(text)))
        for what, query in forms.items()
        for how, text in texts.items()
    ]


FAMILIES: tuple[Family, ...] = (
    sound_requests,
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


def _with_key(api: Api, value: object) -> bytes:
    """Return the known query with any value as its key."""
    return json.dumps({**_without_key(api), api.judge.member: value}, separators=(",", ":")).encode()


def _without_key(api: Api) -> dict[str, object]:
    return {name: value for name, value in api.judge.known_query().items() if name != api.judge.member}


def _forged(api: Api, name: str, value: str | None, signing: str) -> Ask:
    """Return the known query with another signature; a `signing` by sed is made of the right one."""
    made = f'opay-contract sign "$body" | {signing}' if signing.startswith("sed ") else signing
    return api.make_known(f", with {name}", signing=made, headers={api.judge.scheme.header: value})


def _replayed(api: Api, name: str, body: bytes) -> Ask:
    signed = api.judge.text(api.judge.known_query())
    text = _with_variable(api, signed)
    header = {api.judge.scheme.header: api.judge.authorization(signed)}
    return api.make(name, body, signing=f"opay-contract sign '{text}'", headers=header)


def _with_variable(api: Api, text: bytes) -> str:
    """Return a text for single quotes of a shell, with the customer as a variable."""
    return text.decode().replace(api.judge.target.customer_id, f"'\"${CUSTOMER_ID}\"'")


_OF_THE_SERVER = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
_MOST_NAMED = 3


class TargetDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between the answers of two targets, and in answer to which requests."""

    what: str
    first: str
    second: str
    asked: tuple[str, ...]


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests both targets answered, and where they differ."""

    asked: int
    differences: tuple[TargetDifference, ...]


def compare_targets(first: Api, second: Api) -> Parity:
    """Ask both targets every request of the suite that both know, one after the other."""
    found: dict[tuple[str, str, str], list[str]] = {}
    asked = 0
    had = first.judge.questions.had & second.judge.questions.had
    for family in FAMILIES:
        if set(getattr(family, NEEDS, ())) - had:
            continue
        try:
            pairs = list(zip(family(first), family(second), strict=False))
        except Breach:  # one target has none of what the family is about
            continue
        asked += len(pairs)
        for one, other in pairs:
            for difference in _differences(first.send(one), second.send(other)):
                found.setdefault(difference, []).append(one.name)
    rows = [
        TargetDifference(what=what, first=one, second=other, asked=tuple(names))
        for (what, one, other), names in found.items()
    ]
    return Parity(asked=asked, differences=tuple(sorted(rows, key=lambda row: -len(row.asked))))


def render_parity(parity: Parity, first: str, second: str) -> str:
    """Return the differences as text, those of most requests first."""
    count = len(parity.differences)
    lines = [f"{first} against {second}: {parity.asked} requests, {count} difference{'s' * (count != 1)}"]
    for row in parity.differences:
        more = len(row.asked) - _MOST_NAMED
        named = "; ".join(row.asked[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
        lines += [f"  {row.what}: {row.first} against {row.second}", f"    asked {named}"]
    return "\n".join(lines)


def _differences(one: Reply, other: Reply) -> Iterator[tuple[str, str, str]]:
    if one.status != other.status:
        yield "HTTP status", str(one.status), str(other.status)
    if one.code != other.code:
        yield "code", one.code or "none", other.code or "none"
    for name in sorted(_headers(one) ^ _headers(other)):
        first, second = ("there", "absent") if name in _headers(one) else ("absent", "there")
        yield f"header {name}", first, second
    kinds, others = _shape(one), _shape(other)
    for place in sorted(kinds.keys() | others.keys()):
        if kinds.get(place) != others.get(place):
            yield place, kinds.get(place, "absent"), others.get(place, "absent")


def _headers(reply: Reply) -> set[str]:
    return {name.lower() for name, _ in reply.exchange.response.headers or ()} - _OF_THE_SERVER


def _shape(reply: Reply) -> dict[str, str]:
    """Return the types of what stands at each folded place of a body."""
    parsed = parse_json(reply.exchange.response.body) if reply.exchange.response.body else None
    if not isinstance(parsed, Parsed):
        return {"the body": "none" if parsed is None else "no JSON"}
    kinds: dict[str, set[str]] = {}
    _walk(parsed.value, "", kinds)
    return {place: " or ".join(sorted(found)) for place, found in kinds.items()}


def _walk(value: object, place: str, kinds: dict[str, set[str]]) -> None:
    kinds.setdefault(place or "the body", set()).add(_KINDS.get(type(value), "number"))
    if isinstance(value, dict):
        for name, child in value.items():
            _walk(child, f"{place}/{name}", kinds)
    elif isinstance(value, list):
        for child in value:
            _walk(child, f"{place}/*", kinds)


_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
