"""What is out of scope is counted by where it went, without what may be somebody's."""

import json
from collections.abc import Callable

import pytest
from contract_tests.usual import each

from opay_contract.contract.contract import Contract, Outside
from opay_contract.contract.documents import default_directory, load_documents, parse_document
from opay_contract.contract.loading import build_contract, load_contract
from opay_contract.drift import fold as fold_module
from opay_contract.drift.fold import Fold
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.judge.routes import describe_elsewhere, describe_host, fold_path
from opay_contract.judge.subject import Settings
from opay_contract.model import summary as summary_module
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.summary import DriftSummary, Elsewhere, merge

QUERY = "/api/v1/international/token/query"
HOST = "cashierapi.opaycheckout.com"
SETTINGS = Settings(started_at=1_790_000_000.0)


def where(contract: Contract, url: str, **request: object) -> Elsewhere:
    asked = Request(method="POST", url=url, **request)  # type: ignore[arg-type]
    route = contract.route(asked)
    assert not route.in_scope
    return describe_elsewhere(contract, url, route)


def summarize(contract: Contract, urls: list[str]) -> DriftSummary:
    fold = Fold(contract, SETTINGS)
    for entry, url in enumerate(urls, 1):
        fold.add(
            Exchange(
                place=Place(source=0, entry=entry, file="-"),
                request=Request(method="POST", url=url),
                response=Response(status=200, body=b"{}"),
            )
        )
    return fold.summary()


def complete(value: object = True, base_urls: tuple[str, ...] = ()) -> Contract:  # noqa: FBT002  a value
    documents = load_documents(default_directory())
    root = documents["openapi.yaml"].value | {"x-all-paths": value}
    changed = {"openapi.yaml": parse_document(json.dumps(root), "openapi.yaml")}
    return build_contract(documents | changed, base_urls)


@each(
    ("path", "shown"),
    [
        ("", ""),
        ("/", "/"),
        (QUERY, QUERY),
        ("/api/v1/international/cashier/create", "/api/v1/international/cashier/create"),
        ("/paymentMethods/oauth2/sign-in", "/paymentMethods/oauth2/*"),
        ("/api/v1/users/4111111111111111/", "/api/v1/users/*/"),
        ("/customers/amina/cards", "/customers/*/cards"),
        ("/customers/amina-bello/orders/ORD1", "/customers/*/orders/*"),
        ("/token/OPAY_TOKEN_bf8593c1", "/token/*"),
        ("/users/person@example.com", "/users/*"),
        ("/users/a%20b", "/users/*"),
        ("/users/\ud800", "/users/*"),
        ("/v1/" + "users/" * 20, "/v1/users/users/users/users/users/users/users/users/users/users/…"),
    ],
)
def test_a_path_keeps_the_words_of_apis_alone(contract: Contract, path: str, shown: str) -> None:
    assert fold_path(path, contract) == shown


@each(
    ("host", "shown"),
    [
        ("", ""),
        ("gw.shop.internal", "gw.shop.internal"),
        ("localhost:54321", "localhost:54321"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("2001:db8::1", "2001:db8::1"),
        ("256612345678901.shop.example", "*.shop.example"),
        ("cust-121111113.shop.example:8443", "*.shop.example:8443"),
        ("4111.1111.1111.1111", "*.*.*.*"),
        ("api2.eu-west-1.shop.example", "api2.eu-west-1.shop.example"),
        ("a b.example", "*.example"),
        ("x" * 41 + ".example", "*.example"),
        ("a." * 20 + "example", "…" + ".a" * 9 + ".example"),
    ],
)
def test_a_host_is_shown_but_for_ids(host: str, shown: str) -> None:
    assert describe_host(host) == shown


@each(
    ("url", "host", "base_url"),
    [
        (f"https://gw.shop.internal{QUERY}", "gw.shop.internal", "https://gw.shop.internal"),
        (f"http://gw.shop.internal:8080{QUERY}?a=1", "gw.shop.internal:8080", "http://gw.shop.internal:8080"),
        (f"https://amina:pw@gw.internal/psp{QUERY}", "gw.internal", "https://gw.internal/psp"),
        (f"http://[::1]:8080{QUERY}", "::1:8080", "http://[::1]:8080"),
        (f"https://gw.internal/amina{QUERY}", "gw.internal", "https://gw.internal/*"),
        (f"https://{HOST}:8443{QUERY}", f"{HOST}:8443", f"https://{HOST}:8443"),
        ("https://api.stripe.com/v1/charges", "api.stripe.com", ""),
        ("data:text/html,amina", "(data)", ""),
        ("amina:secret", "(another scheme)", ""),
        ("https://[::1", "(no URL)", ""),
    ],
)
def test_another_host_is_counted_with_the_base_url_that_would_fit(
    contract: Contract, url: str, host: str, base_url: str
) -> None:
    found = where(contract, url)
    assert (found.reason, found.host, found.base_url) == (Outside.HOST, host, base_url)
    if base_url and "*" not in base_url:
        assert load_contract(base_urls=(base_url,)).route(Request(method="POST", url=url)).operation


@pytest.mark.parametrize("host", [f"https://{HOST}", ""])
def test_other_operations_of_the_vendor_are_out_of_scope_by_path(contract: Contract, host: str) -> None:
    found = where(contract, f"{host}/api/v1/international/cashier/create?amina")
    assert (found.reason, found.host) == (Outside.PATH, HOST if host else "")
    assert found.path == "/api/v1/international/cashier/create"


def test_a_prefix_on_a_host_of_the_contract_is_a_base_url_too(contract: Contract) -> None:
    found = where(contract, f"https://{HOST}/gateway{QUERY}")
    assert (found.reason, found.base_url) == (Outside.PATH, f"https://{HOST}/gateway")


def test_a_preflight_is_counted_as_one(contract: Contract) -> None:
    headers = (("Access-Control-Request-Method", "POST"),)
    route = contract.route(Request(method="OPTIONS", url=f"https://{HOST}{QUERY}", headers=headers))
    assert describe_elsewhere(contract, f"https://{HOST}{QUERY}", route).reason == Outside.PREFLIGHT


def test_an_unknown_path_is_drift_where_the_contract_has_them_all() -> None:
    urls = [f"https://{HOST}/api/v1/cashier/amina", f"https://{HOST}/api/v1/cashier/chidi"]
    (folded,) = summarize(complete(), urls).findings.values()
    assert (folded.rule.id, folded.count) == ("path-undocumented", 2)
    assert folded.pointer == "/api/v1/cashier/*"
    for value in (False, "yes", None):
        assert summarize(complete(value), urls).out_of_scope == 2


def test_a_contract_has_all_paths_below_its_servers_and_not_beside_them() -> None:
    contract = complete(base_urls=("https://gw.shop.internal/psp",))
    assert where(contract, "https://gw.shop.internal/cashier/create").reason == Outside.PATH
    assert contract.route(Request(url="https://gw.shop.internal/psp/cashier/create")).in_scope


def test_a_near_path_says_what_was_meant(contract: Contract) -> None:
    (folded,) = summarize(contract, [f"https://{HOST}{QUERY}/"]).findings.values()
    assert folded.actual == f"another path; did you mean '{QUERY}'?"


def test_an_unknown_method_is_shown_at_the_documented_path(build: Callable[..., Contract]) -> None:
    contract = build({}, paths={"/customers/{id}/cards": "cards"})
    fold = Fold(contract, SETTINGS)
    (finding,) = fold.check(
        Exchange(
            place=Place(source=0, entry=1, file="-"),
            request=Request(method="GET", url="/customers/amina/cards"),
            response=Response(status=200, body=b"{}"),
        )
    )
    assert finding.pointer == "GET /customers/{id}/cards"


def test_what_is_kept_does_not_depend_on_the_split(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (summary_module, fold_module):
        monkeypatch.setattr(module, "MAX_ELSEWHERE", 3)
    names = [f"{first}{second}" for first in "abcdefgh" for second in "xyz"]
    urls = [f"https://{name}.example/" for name in names] * 2 + [f"https://gateway.example{QUERY}"]
    whole = summarize(contract, urls)
    assert len(whole.elsewhere) == 3
    assert sorted(whole.elsewhere.values()) == [1, 2, 2]
    assert whole.out_of_scope == len(urls)
    for at in (0, 5, 24, 40, len(urls)):
        assert merge(summarize(contract, urls[:at]), summarize(contract, urls[at:])) == whole


def test_a_saved_summary_keeps_it_and_an_older_one_has_none(contract: Contract) -> None:
    summary = summarize(contract, ["https://api.stripe.com/v1/charges"] * 2)
    saved = summary_to_json(summary)
    assert summary_from_json(saved) == summary
    older = json.loads(saved)
    del older["elsewhere"]
    assert summary_from_json(json.dumps(older).encode()).elsewhere == {}
