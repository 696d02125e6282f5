"""URLs that differ in values alone lead where the first of them did, and are judged as each by itself is."""

from itertools import product

import pytest
from contract_tests.tool.judge.full_evaluation import SOURCE, STARTED_AT, assert_same, fold_all
from contract_tests.tool.whole.contracts.asking import load
from msgspec.structs import replace

from opay_contract.contract.contract import Contract, Route
from opay_contract.judge import leads
from opay_contract.judge.exposure import CardSearch
from opay_contract.judge.parameters import read_url
from opay_contract.judge.subject import Settings, UrlFacts
from opay_contract.model.exchange import Exchange, Request, Response, Unreadable

ROOMS = "https://rooms.example/v1"
CARD = "4111111111111111"
ROOM = "/rooms?hotel=6f1b2c3d-0000-4000-8000-000000000001"
PATHS = {
    ROOMS: (
        *(
            f"/rooms/{id_}"
            for id_ in (
                "1",
                "22",
                "333",
                "0",
                "me",
                CARD,
                "7%37",
                f"4%31{CARD[2:]}",
                "1#top",
                "8:book",
                "x:book",
            )
        ),
        *(f"/rooms/{id_}?note={note}" for id_, note in product("10", ("5", "x"))),
        *(f"/keys/way{end}" for end in ("", "?key=a", "?key=", "?key=a&key=b", "?no=1", "#?key=a")),
        *(
            f"/plans/{at}/{parts}"
            for at, parts in product((".1,2", ".3", ".x"), (";parts=x,1", ";parts=x,y"))
        ),
        *(
            f"{ROOM}{end}"
            for end in ("", "&limit=1", "&limit=50", "&limit=51", "&beds=1&beds=2", "&beds=1&beds=x")
        ),
        *(
            f"{ROOM}{end}"
            for end in ("&price[from]=1", "&price[from]=x", "&_=1", "&_=2", "&limit=", "&+limit=1")
        ),
        *("/rooms", "/rooms?", "/rooms?hotel=no", "/Rooms/1", "/rooms/1/", "/other/1", "/rooms//1"),
    ),
    "http://rooms.example:80/v1": ("/rooms/1", "/rooms/0"),
    "https://rooms.example/v11": ("/rooms/1",),
    "https://rooms.example": ("/rooms/1",),
    "https://rooms.example.net/v1": ("/rooms/1", "/rooms/2", "/rooms/3"),
    "/v1": ("/rooms/1", "/rooms/2", "/rooms/0"),
}
RUN = Settings(started_at=STARTED_AT)


def exchange_of(number: int, url: str, method: str) -> Exchange:
    is_preflight = method == "PREFLIGHT"
    headers = (("Access-Control-Request-Method", "GET"),) if is_preflight else ()
    return Exchange(
        place=SOURCE.place(number, number),
        request=Request(method="OPTIONS" if is_preflight else method, url=url, headers=headers),
        response=Response(status=200, headers=(("Content-Type", "application/json"),), body=b"{}"),
    )


def test_urls_are_judged_as_each_by_itself() -> None:
    urls = [head + path for head, paths in PATHS.items() for path in paths]
    asked = list(product(urls, ("GET", "post", "OPTIONS", "PREFLIGHT", "PATCH"))) * 2
    items: list[Exchange | Unreadable] = [exchange_of(n, *one) for n, one in enumerate(asked, 1)]
    found = assert_same(items, RUN, load("parameters")).findings
    assert {"parameter-invalid", "parameter-undocumented", "card-number-exposed"} <= {key[0] for key in found}


def test_a_server_below_another_one_keeps_its_paths() -> None:
    outer = load("parameters")
    judge = replace(outer, servers=(*outer.servers, replace(outer.servers[0], prefix="/v1/plans")))
    paths = ("/rooms/1", "/rooms/2", "/plans/rooms/1", "/plans/rooms/0", "/plans/.1/;parts=x,1")
    items: list[Exchange | Unreadable] = [
        exchange_of(number, ROOMS + path, "GET") for number, path in enumerate(paths * 3, 1)
    ]
    assert_same(items, RUN, judge)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Give the URLs that are looked at in full."""
    found: list[str | None] = []

    def noting(contract: Contract, route: Route, request: Request) -> UrlFacts:
        found.append(request.url)
        return read_url(contract, route, request)

    monkeypatch.setattr(leads, "read_url", noting)
    return found


def test_of_urls_with_other_ids_few_are_worked_out(worked_out: list[str | None]) -> None:
    urls = [f"{ROOMS}/rooms/{number}?_={number}" for number in range(1, 60)]
    fold_all(load("parameters"), RUN, [exchange_of(number, url, "GET") for number, url in enumerate(urls, 1)])
    assert worked_out == urls[:2]  # one tells the head, one what is behind it


def test_no_more_urls_are_remembered_than_there_is_room_for(worked_out: list[str | None]) -> None:
    judge = load("parameters")
    found = leads.Leads(judge, CardSearch(judge, is_thorough=False), room=1)
    for number in range(1, 6):
        for path in (f"/rooms/{number}", f"/keys/{number}"):
            found.find(Request(method="GET", url=ROOMS + path))
    assert len(found.known) == 1
    assert worked_out == [
        ROOMS + end for end in ("/rooms/1", "/keys/1", *(f"/rooms/{n}" for n in range(2, 6)))
    ]
