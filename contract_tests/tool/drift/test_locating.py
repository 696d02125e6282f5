"""A finding stands at its value: the line and the column in the file, however the file is laid out."""

import base64
import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from contract_tests.tool.drift.conftest import CARD, CUSTOMER, STARTED_AT, URL, Line, by_customer
from contract_tests.tool.redact.writers import (
    as_collection,
    as_events,
    as_flows,
    as_har,
    as_json_cassette,
    as_transcript,
    as_yaml_cassette,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.drift import locating
from opay_contract.drift.locating import find_place, locate, tokens_of
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.engines.folding import check_sources
from opay_contract.formats.har import read_har
from opay_contract.formats.streams import CHUNK, ChunkStream
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import RULES_BY_ID
from opay_contract.model.exchange import Exchange, Place
from opay_contract.model.finding import ContractPlace, Finding, Outcome
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings import text_places
from opay_contract.recordings.inputs import Source, iter_sources

DRIFTED = Path(__file__).parents[2] / "recordings" / "drifted"
POINTER = "/data/cardTokens/*/bad"
"""A member that the contract does not have, and most tests look for."""

Places = Callable[..., dict[str, tuple[int | None, int | None]]]


@pytest.fixture
def places(contract: Contract, tmp_path: Path) -> Places:
    """Return a function from a file's text to line and column of each finding, by its pointer."""

    def find(
        text: str | bytes, name: str = "calls.har", format_in: Format | None = None
    ) -> dict[str, tuple[int | None, int | None]]:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        summary = check(contract, [str(file)], format_in)
        return {one.pointer: (one.place.line, one.place.column) for one in summary.findings.values()}

    return find


def check(contract: Contract, paths: Iterable[str], format_in: Format | None = None) -> DriftSummary:
    settings = Settings(started_at=STARTED_AT)
    summary = check_sources(iter_sources(list(paths)), contract, settings, format_in=format_in)
    return locate(summary, contract, format_in)


def answer(*cards: dict[str, Any], **members: Any) -> str:
    data = {"customer": dict(CUSTOMER), "cardTokens": [CARD | card for card in cards]}
    return json.dumps({"code": "00000", "message": "SUCCESSFUL", "data": data, **members})


def entry(body: str, host: str = "", **content: Any) -> Line:
    """Return an entry of a HAR that has a body as text."""
    return {
        "startedDateTime": "2026-05-01T10:00:00Z",
        "request": {
            "method": "POST",
            "url": URL if not host else f"https://{host}/",
            "headers": [
                {"name": name, "value": "x"} for name in ("Authorization", "MerchantId", "Content-Type")
            ],
            "postData": {"mimeType": "application/json", "text": '{"customerId":"121111113"}'},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"mimeType": "application/json", "text": body, **content},
        },
    }


def har(*entries: Line, **layout: Any) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries}}, **layout)


def place_of(text: str, needle: str, nth: int = 0) -> tuple[int, int]:
    """Return line and column of the nth time that a text is there."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(needle, at + 1)
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def test_in_every_format_the_text_at_the_place_is_the_value(contract: Contract) -> None:
    seen = set()
    for file in sorted(DRIFTED.iterdir()):
        lines = file.read_bytes().decode(errors="replace").split("\n")
        for one in check(contract, [str(file)]).findings.values():
            place, pointer = one.place, one.pointer
            if pointer != "/data/cardTokens/*/issuerCountry":
                continue
            assert place.line, file.name
            assert place.column, file.name
            there = lines[place.line - 1][place.column - 1 :]
            packed = there.startswith(("[", '"eyJ', "\x1f"))
            assert packed or there.replace("\\", "").startswith('"EG"'), (file.name, there[:20])
            seen.add(file.name)
    assert seen == {file.name for file in DRIFTED.iterdir()}


def test_what_is_no_member_of_a_body_stands_where_it_is_written(contract: Contract) -> None:
    at = {}
    for name in ("chromium.har", "vcrpy.yaml", "curl.txt", "postman-2.1.json", "mitmproxy-12.flow"):
        lines = (DRIFTED / name).read_bytes().decode(errors="replace").split("\n")
        for one in check(contract, [str(DRIFTED / name)]).findings.values():
            rule, place = one.rule.id, one.place
            if place.line is not None and place.column is not None:
                at[name, rule] = lines[place.line - 1][place.column - 1 :]
            assert rule != "header-missing" or place.column is None, "nothing stands where nothing is"
    for (name, rule), there in at.items():
        if rule == "status-undocumented":
            assert there.startswith("502"), name
        if rule == "json-mislabelled":
            assert there.lower().startswith("content-type"), name
            assert "merchantid" not in there[:40].lower(), "another header's value has the name, too"
    assert len([key for key in at if key[1] in ("status-undocumented", "json-mislabelled")]) == 10


def test_every_rule_about_the_envelope_of_a_call_names_a_part_of_it(contract: Contract) -> None:
    text: Any = SimpleNamespace(
        url=lambda: "url", status=lambda: "status", header=lambda side, name: f"{side} {name}".lower()
    )
    exchange: Any = SimpleNamespace()
    for rule, pointer, actual, part in (
        ("path-undocumented", "/api/v1", "another path", "url"),
        ("status-undocumented", "502", "502", "status"),
        ("json-mislabelled", "text/html", "text/html", "response content-type"),
        ("signature-mismatch", "Authorization", "a header that does not verify", "request authorization"),
        ("header-missing", "MerchantId", "none", None),
        ("response-header-missing", "response-header:X-Id", "none", None),
        ("response-header-invalid", "response-header:X-Id/0", "text", "response x-id"),
        ("parameter-invalid", "query:limit", "string", "url"),
        ("parameter-invalid", "request-header:X-Page", "string", "request x-page"),
        ("parameter-undocumented", "cookie:sid", "a parameter", "request cookie"),
        ("parameter-missing", "query:limit", "none", None),
        ("card-number-exposed", "url", "a card number of 16 digits", "url"),
        ("card-number-exposed", "response-header:X-Pan", "a card number of 16 digits", "response x-pan"),
    ):
        finding = Finding(
            rule=RULES_BY_ID[rule],
            operation=None,
            outcome=Outcome.SUCCESS,
            pointer=pointer,
            expected="",
            actual=actual,
            contract=None,
            place=Place(source=0, entry=1, file="-"),
            recorded_at=None,
        )
        found: Any = find_place(finding, exchange, text, contract)
        assert found == part, (rule, pointer)


def test_a_minimised_har_has_columns_and_equal_bodies_are_told_apart(places: Places) -> None:
    body = answer({"bad": 7})
    text = har(entry(body, "shop.example"), entry(body), entry(body), separators=(",", ":"))
    line, column = place_of(text, r"\"bad\": 7", 1)
    assert places(text)[POINTER] == (line, column + len(r"\"bad\": "))
    assert line == 1


def test_findings_far_apart_in_a_long_file_stand_at_their_values(places: Places) -> None:
    """Of a long HAR what is around them is read again, on one line or on many; of lines theirs alone."""
    drifted = {0: "first", 1: "second", 450: "amid", 451: "next", 599: "last"}
    bodies = [answer(**{drifted.get(at, "message"): "é"}) for at in range(600)]
    elsewhere = {200, 449}  # the very body of another, that went to another host
    entries = [
        entry(bodies[450], "shop.example") if at in elsewhere else entry(body, note="é" * (at % 3))
        for at, body in enumerate(bodies)
    ]
    request = {"method": "POST", "url": URL, "headers": {}}
    lines = [
        json.dumps({"request": request, "response": {"status": 200, "headers": {}, "body": body}})
        for body in bodies
    ]
    assert len(har(*entries)) > 3 * CHUNK
    for name, text in (
        ("one-line.har", har(*entries)),
        ("many-lines.har", "\ufeff" + har(*entries, indent=1)),
        ("lines.ndjson", "\n".join(lines)),
    ):
        shown, found = text.removeprefix("\ufeff"), places(text, name)
        for member in drifted.values():
            needle = rf"\"{member}\": "
            before = len(elsewhere) if member == "amid" and name.endswith(".har") else 0
            line, column = place_of(shown, needle, before)
            assert found[f"/{member}"] == (line, column + len(needle)), (name, member)


def test_an_entry_of_any_format_is_found_from_where_it_begins(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = har(*(entry(answer(**{name: 7})) for name in ("first", "second", "third", "fourth")))
    place = Source(ordinal=0, name="-", path=None).place
    calls = [one for one in read_har(place, ChunkStream([lines.encode()])) if isinstance(one, Exchange)]
    log = [
        {"request": {"method": "POST", "url": URL}, "response": {"status": 200}}
        | {"latencies": {}, "response_body": one.response.body.decode()}
        for one in calls
    ]
    cassette = yaml.safe_load(as_yaml_cassette(calls))
    listed = ["an alias stands for it"]
    shared = {"interactions": [one | {"shared": listed} for one in cassette["interactions"]]}
    files = {
        "calls.har": as_har(calls),
        "cassette.json": as_json_cassette(calls),
        "cassette.yaml": as_yaml_cassette(calls),
        "flow.yaml": yaml.safe_dump(cassette, default_flow_style=True, width=1 << 20).encode(),
        "shared.yaml": yaml.safe_dump(shared, width=1 << 20).encode(),
        "events.ndjson": as_events(calls),
        "calls.flow": as_flows(calls),
        "calls.txt": as_transcript(calls),
        "collection.json": as_collection(calls),
        "lines.ndjson": "\n\n".join(map(json.dumps, log)).encode(),
        "list.json": json.dumps(log).encode(),
    }
    assert b"&id001" in files["shared.yaml"]
    starts: dict[str, set[int]] = {}
    read_from = text_places._KeptText.read_from  # noqa: SLF001  where reading begins is not to be seen outside
    for name, data in files.items():
        begun = starts[name] = set()

        def read(text: Any, start: Any, *rest: Any, begun: set[int] = begun) -> Any:
            begun.add(start.before)
            return read_from(text, start, *rest)

        monkeypatch.setattr(text_places._KeptText, "read_from", read)  # noqa: SLF001
        found, text = places(data, name), data.decode(errors="replace")
        for member in ("first", "second", "third", "fourth"):
            line, column = found[f"/{member}"]
            there = "\n".join(text.split("\n")[(line or 0) - 1 :])[(column or 0) - 1 :]
            before = text[: len(text) - len(there)]
            if there.startswith('"'):  # packed
                assert f'"{member}"'.encode() in base64.b64decode(there.split('"')[1]), (name, member)
                continue
            assert there[:1] == "7", (name, member)
            assert before.rstrip(' :"\\').endswith(member), (name, member)
    whole = {name for name, begun in starts.items() if begun == {0}}
    assert whole == {"flow.yaml", "shared.yaml"}, "these alone are read from the beginning on"
    assert all(begun == {0, 1, 2, 3} for name, begun in starts.items() if name not in whole)


_SCRIPT, _STRAY = "\u0645\u062d\u0645\u062f".encode(), (b"\xe2", b"\x80" * 257, b"\xff")
runs_of_text = st.lists(
    st.sampled_from((b"\n", b"\n" * 300, b"x" * 255, b"y" * 700, _SCRIPT, *_STRAY)), max_size=12
).map(b"".join)


@given(runs_of_text, runs_of_text)
def test_a_place_is_the_same_as_if_each_byte_were_looked_at(forgotten: bytes, kept: bytes) -> None:
    """In text of any script and of none, with lines that are long or short."""
    text = text_places._KeptText(ChunkStream(iter([forgotten + kept])))  # noqa: SLF001  no file tells each place
    text.read(len(forgotten + kept))
    text.forget(len(forgotten))
    *above, own = (forgotten + kept).split(b"\n")
    column = 1 + sum(byte not in range(0x80, 0xC0) for byte in own)
    assert text.place(len(kept)) == (len(above) + 1, column)


def test_of_equal_entries_the_last_is_found_and_those_before_it_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here files that are read from their beginning on: on one line, and with an alias on many."""
    monkeypatch.setattr(text_places, "_MOST_KEPT", 1)
    kept: list[int] = []
    read = text_places._KeptText.read  # noqa: SLF001  how much is kept is not to be seen outside

    def measured(text: Any, size: int = -1, /) -> bytes:
        data = read(text, size)
        kept.append(len(text.kept))
        return data

    monkeypatch.setattr(text_places._KeptText, "read", measured)  # noqa: SLF001
    body, listed = answer(note="x" * CHUNK), ["an alias stands for it"]
    asked = {"method": "POST", "uri": URL, "body": '{"customerId":"121111113"}', "headers": {}}
    call = {"request": asked, "response": {"status": {"code": 200}, "body": {"string": body}, "headers": {}}}
    calls = [copy.deepcopy(call) | {"shared": listed} for _ in range(8)]
    for layout in ("flow", "block"):
        is_flow = layout == "flow"
        text = yaml.dump(
            {"interactions": calls}, Dumper=yaml.CSafeDumper, default_flow_style=is_flow, width=1 << 30
        )
        (tmp_path / layout).write_text(text)
        kept.clear()
        last = Place(source=0, entry=len(calls), file=layout)
        source = Source(ordinal=0, name=layout, path=tmp_path / layout)
        ((_, found),) = text_places.iter_entry_texts(source, Format.VCR, {len(calls): last})
        at = text.rindex('{"code"')
        line = text.count("\n", 0, at) + 1
        assert found.body("response", 0) == (line, at - text.rfind("\n", 0, at)), layout
        assert max(kept) < 4 * CHUNK < len(text) // 2, layout


def test_of_a_saved_response_the_request_that_it_was_saved_with_is_shown(places: Places) -> None:
    """A collection's item says before it what is asked today, which may be the same."""
    asked = {
        "method": "POST",
        "url": URL,
        "header": [],
        "body": {"mode": "raw", "raw": '{"customerId": "121111113", "note": 1}'},
    }
    answered = {"originalRequest": asked, "code": 200, "header": [], "body": answer()}
    other = {"name": "other", "request": asked | {"body": None}, "response": []}
    item = {"name": "by customer", "request": asked, "response": [answered]}
    text = json.dumps(
        {"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/"}, "item": [other, item]},
        indent=1,
    )
    line, column = place_of(text, r"\"note\": 1", 1)
    assert places(text, "calls.json")["/note"] == (line, column + len(r"\"note\": "))


def test_a_body_like_the_request_is_the_one_behind_it(places: Places) -> None:
    both = '{"customerId":"121111113"}'
    text = har(entry(both), indent=1)
    line, column = place_of(text, json.dumps(both), 1)
    assert places(text)["/code"] == (line, column + 1)


def test_columns_count_characters_however_the_text_is_escaped(places: Places) -> None:
    body = answer({"bad": 7}, message="SUCCESSFUL").replace("Test Person", "فريدة 🙂/é")
    written = json.dumps(body)
    ways = {
        "escaped": written,
        "as it is": json.dumps(body, ensure_ascii=False),
        "slashes": written.replace("/", "\\/"),
        "mixed": written.replace("\\u00e9", "é").replace('\\"', "\\u0022").replace("/", "\\/"),
    }
    for way, text in ways.items():
        whole = har(entry("BODY")).replace('"BODY"', text)
        needle = next(one for one in (r"\"bad\": 7", r"\u0022bad\u0022: 7") if one in whole)
        line, column = place_of(whole, needle)
        assert places(whole)[POINTER] == (line, column + len(needle) - 1), way


def test_a_body_of_several_lines_and_one_behind_a_mark_have_the_lines_that_editors_show(
    places: Places,
) -> None:
    pretty = json.dumps(by_customer("2026-05-01", bad=7), indent=2, ensure_ascii=False)
    wanted = place_of(pretty, '"bad": 7')
    at = (wanted[0], wanted[1] + len('"bad": '))
    for name, data in {
        "plain": pretty.encode(),
        "utf-8-sig": pretty.encode("utf-8-sig"),
        "utf-16": pretty.encode("utf-16"),
    }.items():
        assert places(data, "call.json")[POINTER] == at, name


def test_a_scalar_of_yaml_is_told_in_every_style(places: Places) -> None:
    pretty = json.dumps(json.loads(answer({"bad": 7})), indent=0).replace("Test Person", "O'Neill \\u00e9")
    call = {
        "request": {"method": "POST", "uri": URL, "body": '{"customerId":"121111113"}', "headers": {}},
        "response": {"status": {"code": 200}, "body": {"string": "BODY"}, "headers": {}},
    }
    whole = yaml.safe_dump({"interactions": [call, call], "version": 1})
    for style in ("|", "'", '"', ">"):
        for width in (40, 10_000):
            scalar = yaml.safe_dump(pretty, default_style=style, width=width).rstrip("\n")
            text = whole.replace("BODY", scalar.replace("\n", "\n" + 8 * " "))
            line, column = places(text, "calls.yaml")[POINTER]
            there = text.split("\n")[(line or 0) - 1][(column or 0) - 1 :]
            assert there.startswith(">" if style == ">" else "7"), (style, width, there)


def test_a_packed_body_has_the_line_of_its_text(places: Places) -> None:
    packed = base64.b64encode(answer({"bad": 7}).encode()).decode()
    text = har(entry(packed, encoding="base64"), indent=1)
    assert places(text)[POINTER] == place_of(text, f'"{packed}"')


def test_of_several_items_the_one_that_drifts_is_named(places: Places) -> None:
    for name, bad in {"lastFourDigits": 1111, "firstSixDigits": "41111x", "opayToken": None}.items():
        call = by_customer("2026-05-01")
        call["response"]["body"]["data"]["cardTokens"] = [CARD, CARD | {name: bad}, CARD | {name: bad}]
        text = json.dumps(call)
        needle = f'"{name}": {json.dumps(bad)}'
        line, column = place_of(text, needle)
        at = column + needle.index(":") + 2
        assert places(f"{text}\n", "calls.ndjson")[f"/data/cardTokens/*/{name}"] == (line, at), name


def test_what_looks_alike_is_told_apart_by_the_keyword_that_is_broken() -> None:
    document = Document(name="a.json", value={"items": {"enum": ["VISA", "MADA"], "minLength": 3}}, text="")
    contract: Any = SimpleNamespace(schemas=SimpleNamespace(documents={"a.json": document}))
    finding = Finding(
        rule=RULES_BY_ID["value-undocumented"],
        operation=None,
        outcome=Outcome.SUCCESS,
        pointer="/*",
        expected="one of 2 documented values",
        actual="string of 4 characters, letters",
        contract=ContractPlace(file="a.json", line=1, column=1, pointer="/items/enum"),
        place=Place(source=0, entry=1, file="-"),
        recorded_at=None,
    )
    brands = ["AMEXX", "VISA", "JCBX", "JUNK"]
    assert tokens_of(finding, brands, contract) == (2,)
    other = replace(finding, contract=ContractPlace(file="a.json", line=1, column=1, pointer="/items"))
    assert tokens_of(other, brands, contract) == (1,), "the first that is as the finding says"


def test_a_member_that_is_missing_is_shown_by_the_object_that_lacks_it(places: Places) -> None:
    whole = by_customer("2026-05-01")
    cards = whole["response"]["body"]["data"]["cardTokens"]
    cards.append({name: value for name, value in CARD.items() if name != "opayToken"})
    text = json.dumps(whole)
    at = text.index("{", text.index("}", text.index('"cardTokens"'))) + 1
    assert places(f"{text}\n", "calls.ndjson")["/data/cardTokens/*/opayToken"] == (1, at)


def test_a_body_that_stops_being_json_is_shown_where_it_does(places: Places) -> None:
    text = har(entry(answer({}).replace('"data":', '"data"')), indent=1)
    line, column = place_of(text, r"\"data\" {")
    assert places(text)[""] == (line, column + len(r"\"data\" "))


def test_of_members_of_one_name_the_last_is_shown(places: Places) -> None:
    text = har(entry(answer({}).replace('"code": "00000"', '"code": "0", "code": "00000"')), indent=1)
    line, column = place_of(text, r"\"code\": \"00000\"")
    assert places(text)["/code"] == (line, column + len(r"\"code\": "))


def test_so_much_is_searched_and_the_rest_stays_at_its_entry(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(by_customer("2026-05-01", bad=7, worse=8)) + "\n"
    (tmp_path / "calls.ndjson").write_text(text)
    request, response = (by_customer("2026-05-01", bad=7, worse=8)[side] for side in ("request", "response"))
    size = len(json.dumps(request["body"])) + len(json.dumps(response["body"])) + len(text) // 64
    for searched, found in ((2 * size - 1, 1), (2 * size, 2)):
        monkeypatch.setattr(locating, "MAX_SEARCHED", searched)
        columns = [one.place.column for one in check(contract, [str(tmp_path)]).findings.values()]
        assert sum(column is not None for column in columns) == found
        assert len(columns) == 2


def test_what_is_read_once_keeps_the_line_of_the_entry(contract: Contract, tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    file.write_text(json.dumps(by_customer("2026-05-01", bad=7)) + "\n")
    summary = check_sources(iter_sources([str(file)]), contract, Settings(started_at=STARTED_AT))
    file.unlink()
    assert locate(summary, contract) == summary


def test_a_saved_summary_keeps_columns_and_files_and_an_older_one_has_none(
    contract: Contract, tmp_path: Path
) -> None:
    for name in ("a.ndjson", "b.ndjson"):
        (tmp_path / name).write_text(json.dumps(by_customer("2026-05-01", bad=7)) + "\n")
    summary = check(contract, [str(tmp_path)])
    (folded,) = summary.findings.values()
    assert folded.files == (0, 1)
    assert folded.status == 200
    assert folded.code == "00000"
    assert folded.last_place == Place(source=1, entry=1, file=f"{tmp_path}/b.ndjson", line=1)
    saved = summary_to_json(summary)
    assert summary_from_json(saved) == summary
    older = json.loads(saved)
    for one in older["findings"]:
        one["place"] = one["place"][:4]
        del one["files"], one["status"], one["code"]
    (read,) = summary_from_json(json.dumps(older, separators=(",", ":")).encode()).findings.values()
    assert (read.files, read.place.column, read.status) == ((), None, None)
