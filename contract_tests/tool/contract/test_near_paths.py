"""A path that was meant to be a documented one is told from another path of the vendor."""

import time

from contract_tests.usual import each

from opay_contract.contract.contract import find_near_path

QUERY = "/api/v1/international/token/query"
DOCUMENTED = [QUERY, "/v2/accounts/{id}/balance"]


@each(
    ("path", "shown"),
    [
        (f"{QUERY}/", f"{QUERY}/"),
        (f"/{QUERY}", f"/{QUERY}"),
        ("/api/v1/International/Token/QUERY", "/api/v1/International/Token/QUERY"),
        ("/api/v2/international/token/query", "/api/v2/international/token/query"),
        ("/api/international/token/query", "/api/international/token/query"),
        ("/api/v1/international/toekn/query", "/api/v1/international/toekn/query"),  # two letters swapped
        ("/api/v1/intrnatinal/token/query", "/api/v1/intrnatinal/token/query"),  # two left out
        ("/api/v1/international/tokens/querry", "/api/v1/international/tokens/querry"),
        ("/api/v1/international%2Ftoken/query", None),  # another number of segments
        ("/api/v1/international/%74oken/query", "/api/v1/international/token/query"),
        (f"{QUERY};session=SECRET", f"{QUERY};*"),
        ("/v1/accounts/amina.bello/balance", "/v1/accounts/{id}/balance"),
        ("/v2/account/4111111111111111/balance/", "/v2/account/{id}/balance/"),
    ],
)
def test_a_slip_is_found_and_shown_without_what_may_be_a_value(path: str, shown: str | None) -> None:
    found = find_near_path(path, DOCUMENTED)
    assert (found.shown if found else None) == shown


@each(
    "path",
    [
        "",
        "/",
        "/api/v1/international/cashier/create",
        "/api/v1/international/token/list",
        "/api/v1/international/token",
        f"{QUERY}/121111113",
        "/api/v1/internationalxyz/token/query",  # three letters too many
        "/api/v1/internationalx/tokens/querry",  # three typos in all
        "/apo/v1/international/token/query",  # "api" is too short for one
        "/v2/accounts/1/history",
        "/" * 100_000,
        "/api/v1/international/token/" + "q" * 100_000,
    ],
)
def test_another_path_is_none(path: str) -> None:
    assert find_near_path(path, DOCUMENTED) is None


def test_the_nearest_of_several_is_taken() -> None:
    found = find_near_path("/token/querys", ["/token/querries", "/token/query", "/token/quit"])
    assert found is not None
    assert found.documented == "/token/query"


def test_a_long_path_costs_little() -> None:
    began = time.process_time()
    for _ in range(100):
        find_near_path("/api/v1/" + "token/" * 3000, DOCUMENTED)
    assert time.process_time() - began < 1
