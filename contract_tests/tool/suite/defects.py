"""Servers with one defect each, planted in the sound one, and the test of the suite that is to find each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from contract_tests.tool.suite.park import (
    CUSTOMER,
    KEY,
    TOKENS,
    Came,
    Sent,
    SoundServer,
    Value,
    digits,
)

Plant = Callable[[SoundServer], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is wrong with a server, and the test of the suite that is to say so."""

    name: str
    found_by: str
    plant: Plant

    def server(self) -> SoundServer:
        """Return a server with the defect."""
        server = SoundServer()
        self.plant(server)
        return server


def on_answers(change: Callable[[Sent, Came], Came]) -> Plant:
    """Change every answer, just before it is sent."""

    def plant(server: SoundServer) -> None:
        vars(server)["finish"] = change

    return plant


def on_values(change: Callable[[Value], None], *, of_errors: bool = False, every: int = 1) -> Plant:
    """Change the JSON of successes, or of errors; every one of them, or one of some."""

    def plant(server: SoundServer) -> None:
        counted = 0

        def finish(_: Sent, came: Came) -> Came:
            nonlocal counted
            if not came.body:
                return came
            value = json.loads(came.body)
            if (value["code"] == "00000") is of_errors:
                return came
            counted += 1
            if counted % every == 0:
                change(value)
            return replace(came, body=json.dumps(value, ensure_ascii=False).encode())

        vars(server)["finish"] = finish

    return plant


def on_cards(change: Callable[[Value], None], *, every: int = 1) -> Plant:
    """Change each card of a success."""

    def change_all(value: Value) -> None:
        data = value["data"]
        for one in data.get("cardTokens", [data]):
            change(one)

    return on_values(change_all, every=every)


def on_people(change: Callable[[Value], None]) -> Plant:
    """Change the customer of a success."""
    return on_values(lambda value: change(value["data"].get("customer") or value["data"]["customerInfo"]))


def put(name: str, value: Any) -> Callable[[Value], None]:
    return lambda changed: changed.__setitem__(name, value)


def drop(name: str) -> Callable[[Value], None]:
    return lambda changed: changed.pop(name, None)


def instead(name: str, method: Callable[..., Any]) -> Plant:
    """Replace a method; the new one is given the server first."""

    def plant(server: SoundServer) -> None:
        vars(server)[name] = lambda *given: method(server, *given)

    return plant


def one_of_twenty(odd: Callable[[SoundServer, Sent], Came]) -> Plant:
    def plant(server: SoundServer) -> None:
        def finish(sent: Sent, came: Came) -> Came:
            return odd(server, sent) if server.answered % 20 == 0 else came

        vars(server)["finish"] = finish

    return plant


def html(_: Sent, __: Came) -> Came:
    return Came(headers={"Content-Type": "text/html"}, body=b"<html><body>Please log in.</body></html>")


def with_media_type(media_type: str) -> Plant:
    return on_answers(lambda _, came: replace(came, headers={"Content-Type": media_type}))


def signed_by(holds: Callable[[SoundServer, str, Value, bytes], bool]) -> Plant:
    """Replace how a signature is compared: with the server, the header, the value and the bytes."""
    return instead(
        "is_signed",
        lambda server, sent, value: holds(server, sent.headers.get("authorization", ""), value, sent.body),
    )


def first_member_only(server: SoundServer, given: str, value: Value, _: bytes) -> bool:
    return given in server.expected(dict(sorted(value.items())[:1]))


def copied_into_a_header(sent: Sent, came: Came) -> Came:
    try:
        asked = str(next(iter(json.loads(sent.body).values())))
    except (ValueError, AttributeError, StopIteration):
        return came
    lines = asked.replace("\r", "").split("\n")
    made = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    return replace(came, headers={**came.headers, **made})


def told(server: SoundServer, value: Value) -> Came:
    return server.error("02000", f"Authentication failed, expected {digits(server.texts(value)[0].encode())}")


def data_of_another(value: Value) -> None:
    other = SoundServer()
    about = other.by_customer if "customer" in value["data"] else other.by_token
    asked = "990000002" if "customer" in value["data"] else TOKENS[2]
    value["data"] = json.loads(about(asked).body)["data"]


def twice(value: Value) -> None:
    if "cardTokens" in value["data"]:
        value["data"]["cardTokens"] *= 2


def deleted_but_listed(server: SoundServer) -> None:
    by_token = server.by_token
    vars(server)["by_token"] = lambda token: (
        server.unknown_token(token) if token == TOKENS[1] else by_token(token)
    )


def breaks_on_other_scripts(server: SoundServer, customer_id: str) -> Came:
    return SoundServer.by_customer(server, customer_id) if customer_id.isascii() else Came(status=500)


def is_loosely(check: Callable[[str, str], bool]) -> Plant:
    return signed_by(lambda server, given, value, _: any(check(given, one) for one in server.expected(value)))


OF_TYPES = "test_a_known_record_and_its_item_are_answered_as_the_contract_says"
OF_MEMBERS = "test_an_answer_has_no_member_that_the_contract_does_not_know"
OF_LABELS = "test_an_answer_is_called_what_it_is"
OF_REPEATS = "test_the_same_query_gets_the_same_answer_each_time"
OF_BODIES = "test_what_is_no_query_is_refused"
OF_TELLING = "test_a_refusal_tells_nothing_of_the_customer_the_key_or_the_signature"
OF_FORMS = "test_a_signature_in_another_form_is_refused"
OF_FORGERIES = "test_a_signature_that_does_not_hold_is_refused"
OF_CARDS = "test_each_item_is_the_one_that_is_listed"


def in_upper_case(given: str, right: str) -> bool:
    return given[:7] + given[7:].lower() == right


def in_any_case(given: str, right: str) -> bool:
    return given.lower() == right.lower()


def breaks_on_no_json(server: SoundServer, question: str, status: int) -> Came:
    if question == "malformed-json":
        return Came(status=500)
    return SoundServer.open(server, question, status)


def takes_numbers(server: SoundServer) -> None:
    instead("is_text", lambda *_: True)(server)
    instead("by_customer", lambda server, asked: SoundServer.by_customer(server, str(asked)))(server)


Row = tuple[str, str, Plant]


def of_values() -> Iterator[Row]:
    """Yield what may be wrong with the values of an answer."""
    yield "a text of the day as a timestamp", OF_TYPES, on_cards(put("createTimestamp", "2021-11-25"))
    yield "a code that is a number", OF_TYPES, on_values(put("code", 0))
    yield "a customer's id that is a number", OF_TYPES, on_people(put("customerId", 121111113))
    yield "last digits that are a number", OF_TYPES, on_cards(put("lastFourDigits", 7411))
    yield "data in a list", OF_TYPES, on_values(lambda value: put("data", [value["data"]])(value))
    yield "no message", OF_TYPES, on_values(drop("message"))
    yield "a card without a brand", OF_TYPES, on_cards(drop("brand"))
    yield "a card without a token", OF_TYPES, on_cards(drop("opayToken"))
    yield "a brand that is null", OF_TYPES, on_cards(put("brand", None))
    yield (
        "first digits that are the whole number",
        OF_TYPES,
        on_cards(put("firstSixDigits", "4111111111111111")),
    )
    yield "a card number in a name", OF_TYPES, on_people(put("customerName", "4111 1111 1111 1111"))
    yield "milliseconds", OF_TYPES, on_cards(put("createTimestamp", 1637822753000))
    yield "month 13", OF_TYPES, on_cards(put("expiryMonth", "13"))
    yield "tokens twice", OF_TYPES, on_values(twice)
    yield "another customer's answer", OF_TYPES, on_values(data_of_another)


def of_envelopes() -> Iterator[Row]:
    """Yield what may be wrong with codes, status, media type and bytes of an answer."""
    yield "success without data", OF_TYPES, on_values(put("data", None))
    yield "an unknown success code", OF_TYPES, on_values(put("code", "000000"))
    yield "an error's code with data", OF_TYPES, on_values(put("code", "20000"))
    yield "status 201", OF_TYPES, on_answers(lambda _, came: replace(came, status=201))
    yield "a redirect", OF_TYPES, on_answers(lambda *_: Came(status=302, headers={"Location": "/login"}))
    yield "a page of HTML", OF_TYPES, on_answers(html)
    yield "JSON called HTML", OF_LABELS, with_media_type("text/html")
    yield "JSON called text", OF_LABELS, with_media_type("text/plain")
    yield "429 at once", OF_TYPES, on_answers(lambda *_: Came(status=429))
    yield (
        "bytes that are no UTF-8",
        OF_TYPES,
        on_answers(lambda _, came: replace(came, body=came.body.replace(b"nour", b"nou\xff"))),
    )
    yield "JSON that breaks off", OF_TYPES, on_answers(lambda _, came: replace(came, body=came.body[:-9]))


def of_chance() -> Iterator[Row]:
    """Yield what is undocumented, and what is wrong now and then."""
    yield "a member more in a card", OF_MEMBERS, on_cards(put("cardAlias", "a"))
    yield "a member more in the customer", OF_MEMBERS, on_people(put("gender", "f"))
    yield "a member more in the envelope", OF_MEMBERS, on_values(put("traceId", "1"))
    yield "a member more in the envelope of errors", OF_MEMBERS, on_values(put("path", "1"), of_errors=True)
    yield "a member missing in one of twenty", OF_REPEATS, on_values(drop("message"), every=20)
    yield "no expiry in one of twenty", OF_REPEATS, on_cards(put("expiryYear", "31"), every=20)
    yield "500 in one of twenty", OF_REPEATS, one_of_twenty(lambda *_: Came(status=500))
    yield "another customer's answer in one of twenty", OF_REPEATS, on_values(data_of_another, every=20)
    yield "HTML in one of twenty", OF_REPEATS, one_of_twenty(lambda _, sent: html(sent, Came()))


def of_signatures() -> Iterator[Row]:
    """Yield what may be wrong with the check of a signature."""
    yield (
        "unsigned accepted",
        "test_a_request_without_a_signature_is_refused",
        signed_by(lambda server, given, value, _: not given or given in server.expected(value)),
    )
    yield (
        "any signature accepted",
        OF_FORGERIES,
        signed_by(lambda *_: True),
    )
    yield (
        "a signature of an empty body accepted",
        OF_FORGERIES,
        signed_by(lambda server, given, value, _: given in [*server.expected(value), *server.expected({})]),
    )
    yield (
        "the bytes signed as they came",
        "test_white_space_that_is_not_signed_does_not_matter",
        signed_by(lambda server, given, _, body: given == server.prefix() + digits(body)),
    )
    yield (
        "the spaced text signed",
        OF_FORGERIES,
        signed_by(
            lambda server, given, value, _: (
                given in [*server.expected(value), server.prefix() + digits(json.dumps(value).encode())]
            )
        ),
    )
    yield "the first member signed", "test_a_signature_covers_every_member", signed_by(first_member_only)
    yield (
        "the start of a signature enough",
        "test_a_signature_that_is_cut_is_refused",
        is_loosely(lambda given, right: len(given) > 70 and right.startswith(given)),
    )
    yield (
        "anything behind a signature",
        "test_a_signature_that_is_cut_is_refused",
        is_loosely(lambda given, right: given.startswith(right)),
    )
    yield (
        "signatures in upper case",
        OF_FORMS,
        is_loosely(lambda given, right: given[:7] + given[7:].lower() == right),
    )
    yield (
        "the scheme's word in any case",
        OF_FORMS,
        is_loosely(lambda given, right: given.lower() == right.lower()),
    )
    yield "any word in front", OF_FORMS, is_loosely(lambda given, right: given.endswith(right[7:]))
    yield (
        "a signature that is good for any body",
        ("test_a_signature_that_is_sent_again_with_another_body_is_refused"),
        signed_by(lambda server, given, _, __: given in server.expected({"customerId": CUSTOMER})),
    )
    yield (
        "parameters not valid for a bad signature",
        ("test_a_bad_signature_is_answered_as_failed_authentication"),
        instead("unauthorized", lambda server, *_: server.invalid()),
    )


def of_refusals() -> Iterator[Row]:
    """Yield what may be wrong with who is let in, and what a refusal tells."""
    yield (
        "no check of the merchant",
        "test_another_merchants_id_is_refused",
        instead("is_merchant", lambda *_: True),
    )
    yield (
        "no merchant needed",
        "test_a_request_without_a_merchants_id_is_refused",
        instead("without_merchant", lambda server, sent: server.look_up(server.read(sent.body))),
    )
    yield (
        "a message that tells the signature",
        OF_TELLING,
        instead("unauthorized", lambda server, _, value: told(server, value)),
    )
    yield (
        "a message that tells the key",
        OF_TELLING,
        instead("unauthorized", lambda server, *_: server.error("02000", f"no match with key {KEY}")),
    )
    yield (
        "a header that tells the key",
        OF_TELLING,
        on_answers(lambda _, came: replace(came, headers={**came.headers, "X-Debug": f"key={KEY}"})),
    )
    yield (
        "a refusal that tells the customer",
        OF_TELLING,
        instead(
            "unauthorized",
            lambda server, *_: server.error(
                "02000", "no match for " + server.people[CUSTOMER]["customerEmail"]
            ),
        ),
    )


def of_queries() -> Iterator[Row]:
    """Yield what may be wrong with the reading of queries, and with what is stored."""
    yield (
        "500 on other scripts",
        "test_an_id_in_any_script_is_answered",
        instead("by_customer", breaks_on_other_scripts),
    )
    yield (
        "500 on what is no JSON",
        OF_BODIES,
        instead(
            "open",
            lambda server, name, status: (
                Came(status=500) if name == "malformed-json" else SoundServer.open(server, name, status)
            ),
        ),
    )
    yield (
        "a number taken for an id",
        OF_BODIES,
        takes_numbers,
    )
    yield (
        "an empty query answered",
        OF_BODIES,
        instead(
            "look_up", lambda server, value: SoundServer.look_up(server, value or {"customerId": CUSTOMER})
        ),
    )
    yield (
        "GET accepted",
        "test_another_method_is_refused",
        instead("is_method", lambda _, sent: sent.method in ("GET", "POST")),
    )
    yield "data on errors", OF_BODIES, on_values(put("data", {"customerId": "1"}), of_errors=True)
    yield (
        "cards for nobody",
        "test_an_unknown_record_or_item_has_nothing",
        instead("unknown_customer", lambda server, _: server.by_customer(CUSTOMER)),
    )
    yield (
        "500 on another media type",
        "test_another_media_type_breaks_nothing",
        instead("is_media_type", lambda server, sent: SoundServer.is_media_type(server, sent) or 1 / 0),
    )
    yield (
        "a media type with a charset refused",
        "test_the_media_type_may_be_written_in_other_ways",
        instead("is_media_type", lambda _, sent: sent.headers.get("content-type") == "application/json"),
    )
    yield (
        "a query copied into headers",
        "test_nothing_in_a_query_becomes_a_header",
        on_answers(copied_into_a_header),
    )
    yield "a deleted token still listed", "test_each_listed_item_is_found", deleted_but_listed
    yield (
        "another brand by token",
        OF_CARDS,
        on_values(lambda value: put("brand", "MADA")(value["data"]) if "brand" in value["data"] else None),
    )
    yield (
        "another owner by token",
        OF_CARDS,
        on_values(lambda value: put("customerEmail", "b@example.com")(value["data"].get("customerInfo", {}))),
    )


Table = Callable[[], Iterator[Row]]
TABLES: tuple[Table, ...] = (of_values, of_envelopes, of_chance, of_signatures, of_refusals, of_queries)


def defects_of(table: Table) -> Iterator[Defect]:
    """Yield the defects that a table has."""
    for name, test, plant in table():
        yield Defect(name=name, found_by=test, plant=plant)


DEFECTS = [defect for table in TABLES for defect in defects_of(table)]
