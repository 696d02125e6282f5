"""Parameters in paths, queries, headers and cookies, keys, and headers of answers, by OpenAPI's styles."""

import json
from typing import Any

from contract_tests.tool.whole.contracts.asking import JSON, call, fold, found, load
from contract_tests.usual import each

from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract

CONTRACT = load("parameters")
ROOMS = "https://rooms.example/v1/rooms"
HOTEL = "hotel=6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
ASKED = {"X-Trace": "00ff", "Cookie": "theme=dark; other=1"}
ANSWERED = JSON | {"X-Count": "0"}


def ask(
    query: str, asked: dict[str, str] | None = None, answered: dict[str, str] | None = None
) -> dict[str, Any]:
    headers = ASKED | (asked or {})
    return call("GET", f"{ROOMS}?{HOTEL}{query}", [], headers=headers, answered=ANSWERED | (answered or {}))


CLEAN = [
    "",
    "&limit=50",
    "&limit=1",
    "&beds=1&beds=2",
    "&views=sea,hill",
    "&views=sea%2Chill",
    "&floors=1|2",
    "&floors=1%7C2",
    "&near=1.5%202e1",
    "&near=1.5+2",
    "&smoking=true",
    "&smoking=",
    "&smoking",
    "&price[from]=1&price%5Bto%5D=2",
    "&price[only]=1&price[only]=2",
    "&price[only][]=1",
    "&price[from][unit]=1",
    "&from=1&size=2",
    "&sort=name,up,id,down",
    '&filter={"open":1}',
    "&filter=%7B%22open%22%3A1%7D",
    "&since=2026-01-01",
    "&since=7",
    "&since=null",
]

DRIFTS = {
    "&limit=0": ("parameter-invalid", "query:limit"),
    "&limit=51": ("parameter-invalid", "query:limit"),
    "&limit=many": ("parameter-invalid", "query:limit"),
    "&limit=": ("parameter-invalid", "query:limit"),
    "&beds=1&beds=two": ("parameter-invalid", "query:beds/*"),
    "&beds=1,2": ("parameter-invalid", "query:beds/*"),
    "&views=sea,lake": ("parameter-invalid", "query:views/*"),
    "&views=sea,hill,sea": ("parameter-invalid", "query:views"),
    "&floors=1|b": ("parameter-invalid", "query:floors/*"),
    "&near=here": ("parameter-invalid", "query:near/*"),
    "&smoking=True": ("parameter-invalid", "query:smoking"),
    "&price[from]=low": ("parameter-invalid", "query:price/from"),
    "&price[per]=1": ("parameter-invalid", "query:price"),
    "&from=first": ("parameter-invalid", "query:page/from"),
    "&sort=name,sideways": ("parameter-invalid", "query:sort/name"),
    "&filter={}": ("parameter-invalid", "query:filter/open"),
    "&filter=open": ("parameter-invalid", "query:filter"),
    "&since=soon": ("parameter-invalid", "query:since"),
    "&colour=red": ("parameter-undocumented", "query:colour"),
    "&colour": ("parameter-undocumented", "query:colour"),
    "&4508750015741019=1": ("parameter-undocumented", "query:(string of 16 characters, digits)"),
}


def test_parameters_that_fit_are_clean_in_each_style() -> None:
    wrong = {query: hits for query in CLEAN if (hits := found(CONTRACT, ask(query)))}
    assert wrong == {}


def test_parameters_that_do_not_fit_are_found_where_they_are() -> None:
    cards = {("card-number-exposed", "url")}
    seen = {query: found(CONTRACT, ask(query)) - cards for query in DRIFTS}
    assert seen == {query: {hit} for query, hit in DRIFTS.items()}


def test_a_refused_request_is_the_contract_at_work() -> None:
    url, room = f"{ROOMS}/0?colour=red", {"builtAt": 0}
    assert not found(CONTRACT, call("GET", url, status=404, headers={}))
    assert found(CONTRACT, call("GET", url, room, headers={})) == {
        ("parameter-invalid", "path:id"),
        ("parameter-undocumented", "query:colour"),
    }


def test_what_is_required_and_absent_is_found() -> None:
    nothing = call("GET", ROOMS, [], headers={}, answered=ANSWERED)
    assert found(CONTRACT, nothing) == {
        ("parameter-missing", "query:hotel"),
        ("header-missing", "X-Trace"),
        ("parameter-missing", "cookie:theme"),
    }
    unrecorded = nothing | {"request": {"method": "GET", "url": f"{ROOMS}?{HOTEL}"}}
    assert not found(CONTRACT, unrecorded)


def test_headers_and_cookies_are_judged_by_value() -> None:
    clean = [{"X-Tags": "1, 2"}, {"X-Tags": "7"}, {"X-Trace": "[Filtered]"}, {"x-trace": "0123abcd"}]
    assert [found(CONTRACT, ask("", one)) for one in clean if "x-trace" not in one] == [set()] * 3
    assert not found(CONTRACT, ask("", {"Cookie": "<redacted>"}))
    assert found(CONTRACT, ask("", {"X-Trace": "00f"}), ask("")) == {
        ("parameter-invalid", "request-header:X-Trace")
    }
    assert found(CONTRACT, ask("", {"X-Tags": "1,b"})) == {("parameter-invalid", "request-header:X-Tags/*")}
    assert found(CONTRACT, ask("", {"Cookie": "theme=red"})) == {("parameter-invalid", "cookie:theme")}


def test_headers_of_answers_are_required_and_typed() -> None:
    assert not found(
        CONTRACT, ask("", None, {"X-Next": "https://rooms.example/2", "X-Sizes": "1, 2", "X-More": "x"})
    )
    assert found(CONTRACT, ask("", None, {"X-Count": "-1", "X-Sizes": "1,b"}), ask("")) == {
        ("response-header-invalid", "response-header:X-Count"),
        ("response-header-invalid", "response-header:X-Sizes/*"),
    }
    bare = call("GET", f"{ROOMS}?{HOTEL}", [], headers=ASKED, answered=JSON)
    assert found(CONTRACT, bare) == {("response-header-missing", "response-header:X-Count")}


def test_a_path_has_parameters_within_segments_and_in_styles() -> None:
    book, plan = "https://rooms.example/v1/rooms/{}:book", "https://rooms.example/v1/plans/{}"
    assert not found(CONTRACT, call("POST", book.format(7)))
    assert found(CONTRACT, call("POST", book.format("x"))) == {("parameter-invalid", "path:id")}
    assert not found(CONTRACT, call("GET", plan.format(".1,2/;parts=x,1")))
    assert found(CONTRACT, call("GET", plan.format(".1,b/;parts=x,y"))) == {
        ("parameter-invalid", "path:at/*"),
        ("parameter-invalid", "path:parts/x"),
    }


def test_keys_are_looked_for_where_security_has_them() -> None:
    keys, base = "https://rooms.example/v1/keys/any", "https://rooms.example/v1"
    clean = [
        call("GET", f"{keys}?key=k", headers={}),
        call("GET", keys, headers={"Cookie": "a=1; sid=s"}),
        call("GET", keys, headers={"Authorization": "bearer t"}),
        call("GET", keys, headers={"Authorization": "<redacted>"}),
        call("GET", f"{keys}?key=k", headers={"Authorization": "Basic t"}),
        call("GET", f"{base}/guests?key=k", headers={"Authorization": "Bearer t"}),
        call("GET", f"{base}/doors", headers={"Cookie": "sid=s"}),
    ]
    assert [found(CONTRACT, one) for one in clean] == [set()] * len(clean)
    missing = ("parameter-missing", "query:key")
    assert found(CONTRACT, call("GET", keys, headers={})) == {missing}
    assert found(CONTRACT, call("GET", f"{keys}?key=", headers={"Cookie": "sid="})) == {missing}
    assert found(CONTRACT, call("GET", f"{base}/guests", headers={"Authorization": "Bearer t"})) == {missing}
    assert found(CONTRACT, call("GET", f"{base}/guests?key=k", headers={})) == {
        ("header-missing", "Authorization")
    }
    assert found(CONTRACT, call("GET", f"{base}/doors", headers={})) == {("parameter-missing", "cookie:sid")}
    wrong = call("GET", f"{base}/guests?key=k", headers={"Authorization": "Basic dXNlcg=="})
    assert found(CONTRACT, wrong) == {("parameter-invalid", "request-header:Authorization")}


@each("word", ["type", "enum", "properties", "items", "required", "anyOf", "$ref", "pattern"])
def test_a_schema_of_a_parameter_that_is_not_understood_costs_that_schema_alone(word: str) -> None:
    for odd in (7, "odd(", [7], {"a": 7}, None):
        parameters = [
            {"name": "q", "in": "query", "schema": {word: odd}},
            {"name": "r", "in": "query", "schema": {"type": "integer"}},
            {"name": "s", "in": "query", "style": 7, "explode": "x", "schema": odd},
        ]
        get = {
            "parameters": parameters,
            "responses": {"200": {"headers": {"X-A": odd, "X-B": {"schema": {word: odd}}}}},
        }
        root = {"openapi": "3.1.0", "paths": {"/a": {"get": get}}}
        contract = build_contract({"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")})
        one = call(
            "GET", "https://any.example/a?q=1&q=2&r=x&s=1", headers={}, answered={"X-A": "1", "X-B": "2"}
        )
        assert ("parameter-invalid", "query:r") in found(contract, one), odd


def test_no_value_of_a_parameter_is_in_a_message() -> None:
    calls = [ask("&limit=9876543&views=Canary&price[from]=Canary&colour=Canary", {"X-Trace": "Canary"})]
    said = [f"{one.expected} {one.actual}" for one in fold(CONTRACT, *calls).findings.values()]
    assert len(said) == 5
    assert not [one for one in said if "Canary" in one or "9876543" in one]
