"""VCR cassettes, as vcrpy and its relatives write them."""

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import yaml
import zstandard
from contract_tests.usual import each

from opay_contract.formats import yaml_events
from opay_contract.formats.content_coding import NO_BROTLI
from opay_contract.formats.errors import NO_URL
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Unreadable

Read = Callable[..., list[Any]]

BODY = b'{"code":"00000"}'


def cassette(response_body: Any, coding: str | None = None, **response: Any) -> Any:
    headers = {"Content-Type": ["application/json"]} | ({"Content-Encoding": [coding]} if coding else {})
    usual = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": response_body}
    request = {
        "method": "POST",
        "uri": "https://sandbox.example.com/pay",
        "headers": {"A": ["b"]},
        "body": '{"a":1}',
    }
    return {"interactions": [{"request": request, "response": usual | response}], "version": 1}


def dump(value: Any) -> Any:
    return yaml.dump(value, Dumper=yaml.CSafeDumper).encode()


def test_a_yaml_cassette_of_vcrpy_is_read(read: Read, samples: Path) -> None:
    post, get = read((samples / "vcrpy.yaml").read_bytes())
    assert (post.request.method, post.request.body) == ("POST", b'{"a": 1}')
    assert ("Content-Type", "application/json") in post.request.headers
    assert (post.response.status, post.response.body) == (200, b'{"code": "00000"}')
    assert (get.request.body, get.response.status, get.response.body) == (None, 204, b"")
    assert (post.place.line, get.place.line) == (2, 36)


def test_a_json_cassette_of_vcrpy_is_read(read: Read, samples: Path) -> None:
    post, get = read((samples / "vcrpy.json").read_bytes())
    assert (post.request.body, post.response.body) == (b'{"a": "\\ud83d\\ude00"}', b'{"code": "00000"}')
    assert (post.place.line, get.place.line) == (4, 54)


@each(
    "body",
    [
        {"string": BODY.decode()},
        {"string": BODY},
        {"encoding": "utf-8", "base64_string": base64.b64encode(BODY).decode()},
        BODY.decode(),
    ],
)
def test_a_body_is_read_in_every_form_that_recorders_give_it(read: Read, body: Any) -> None:
    (found,) = read(dump(cassette(body)))
    assert found.response.body == BODY


def test_the_flat_response_of_older_vcrpy_with_httpx_is_read(read: Read) -> None:
    data = cassette(None)
    data["interactions"][0]["response"] = {"status_code": 200, "headers": {}, "content": BODY.decode()}
    (found,) = read(dump(data))
    assert (found.response.status, found.response.body) == (200, BODY)


@each(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("x-gzip", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("zstd", zstandard.compress(BODY)),
        ("gzip, zstd", zstandard.compress(gzip.compress(BODY, mtime=0))),
        ("br", brotli.compress(BODY)),
        ("gzip, br", brotli.compress(gzip.compress(BODY, mtime=0))),
        ("identity", BODY),
    ],
)
def test_content_codings_are_taken_off(read: Read, coding: str, packed: bytes) -> None:
    (found,) = read(dump(cassette({"string": packed}, coding)))
    assert found.response.body == BODY


@each("coding", ["gzip", "deflate", "zstd", "br"])
def test_a_body_that_is_decoded_already_is_left_alone(read: Read, coding: str) -> None:
    (found,) = read(dump(cassette({"string": BODY}, coding)))
    assert found.response.body == BODY


@each(
    ("coding", "packed", "reason"),
    [
        ("compress", b"\x1f\x9d\x90\x7b\x44", "cannot be unpacked here"),
        ("br", b"\x0b\x80\xff\x00", "cannot be decoded"),
        ("br", brotli.compress(BODY)[:-3], "cannot be decoded"),
        ("br", brotli.compress(BODY) + b"\xff\xff", "cannot be decoded"),
        ("br", brotli.compress(bytes(5 << 20), quality=1), "more than 4 MiB"),
        ("gzip", gzip.compress(BODY, mtime=0)[:-9], "cannot be decoded"),
        ("deflate", b"\xff\xff\xff", "cannot be decoded"),
        ("zstd", zstandard.compress(BODY)[:-4], "cannot be decoded"),
        ("gzip", gzip.compress(bytes(5 << 20), mtime=0), "more than 4 MiB"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_unreadable(
    read: Read, coding: str, packed: bytes, reason: str
) -> None:
    (found,) = read(dump(cassette({"string": packed}, coding)))
    assert reason in found.reason


def test_without_its_extra_a_body_in_brotli_is_unreadable_and_says_what_to_install(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    (packed,) = read(dump(cassette({"string": brotli.compress(BODY)}, "br")))
    (decoded,) = read(dump(cassette({"string": BODY}, "br")))
    assert packed.reason == NO_BROTLI
    assert "pip install 'opay-contract[brotli]'" in NO_BROTLI
    assert decoded.response.body == BODY


def test_an_empty_body_in_brotli_is_empty(read: Read) -> None:
    (found,) = read(dump(cassette({"string": brotli.compress(b"")}, "br")))
    assert found.response.body == b""


def test_an_unknown_tag_is_unreadable_and_makes_no_object(read: Read) -> None:
    evil = b"interactions:\n- !!python/object/apply:os.abort []\n- request: !x {}\n  response: {}\n"
    found = read(evil + dump(cassette(BODY.decode()))[len(b"interactions:\n") :])
    assert [type(one) for one in found] == [Unreadable, Unreadable, Exchange]
    assert "YAML tag" in found[0].reason


def test_headers_shared_through_an_alias_across_entries_are_read(read: Read) -> None:
    data = cassette(BODY.decode())
    data["interactions"].append(data["interactions"][0] | {"extra": 1})
    text = dump(data)
    assert b"*id" in text
    first, second = read(text)
    assert first.request == second.request


def test_aliases_that_multiply_do_not_multiply_memory(read: Read) -> None:
    lines = [b"interactions:", b"- a0: &a0 [x, x]"]
    lines += [b"  a%d: &a%d [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 60)]
    lines += [b"  response: {status: 200, headers: {x: *a59}, body: ''}"]
    (found,) = read(b"\n".join(lines))
    assert isinstance(found, Unreadable)


def test_plain_words_that_old_yaml_takes_for_booleans_stay_text(read: Read) -> None:
    text = (
        b"interactions:\n- request: {method: NO, uri: /, headers: {on: [yes]}}\n"
        b"  response: {status: 200, body: ''}\n"
    )
    (found,) = read(text)
    assert (found.request.method, found.request.headers) == ("NO", (("on", "yes"),))


def test_the_date_of_rubys_vcr_becomes_rfc_3339(read: Read) -> None:
    entry = cassette(BODY.decode())["interactions"][0] | {"recorded_at": "Tue, 01 Nov 2011 04:58:44 GMT"}
    (found,) = read(dump({"http_interactions": [entry], "recorded_with": "VCR 6"}))
    assert found.recorded_at == "2011-11-01T04:58:44+00:00"


def test_an_interaction_nested_too_deep_is_unreadable_and_the_next_one_comes(read: Read) -> None:
    deep = b"interactions:\n- " + b"[" * 900 + b"]" * 900 + b"\n"
    found = read(deep + dump(cassette(BODY.decode()))[len(b"interactions:\n") :])
    assert [type(one) for one in found] == [Unreadable, Exchange]
    assert found[0].reason == "the entry is nested too deep"


def test_an_interaction_nested_deeper_than_the_parser_goes_is_no_crash(read: Read) -> None:
    """From 1,000 levels on libyaml itself refuses, in PyYAML 6.0.4 and later; what follows is lost then."""
    found = read(b"interactions:\n- " + b"[" * 100_000 + b"]" * 100_000 + b"\n")
    assert [type(one) for one in found] == [Unreadable]
    assert found[0].reason.startswith(("the entry is nested too deep", "the file stops being YAML at line 2"))


def test_yaml_that_breaks_gives_what_came_before_and_the_place(read: Read) -> None:
    found = read(dump(cassette(BODY.decode())).replace(b"version: 1", b"- a: [\n"))
    assert isinstance(found[0], Exchange)
    assert found[1].reason.startswith("the file stops being YAML at line ")
    assert found[1].reason.endswith(" after entry 1")


def test_a_json_cassette_with_a_broken_entry_goes_on_with_the_next(read: Read) -> None:
    good = json.dumps(cassette(BODY.decode())["interactions"][0])
    found = read(('{"interactions": [' + good + ',{"a": tru},' + good + "]}").encode())
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


def test_what_is_beside_the_messages_of_a_json_cassette_may_be_nested_as_deep_as_json(read: Read) -> None:
    good = cassette(BODY.decode())["interactions"][0]
    entries = [
        json.dumps(good | {"more": json.loads("[" * deep + "]" * deep)}) for deep in (1, 5, 200, 201, 1)
    ]
    found = read(('{"interactions": [' + ",".join(entries) + "]}").encode())
    reasons = [getattr(one, "reason", None) for one in found]
    assert reasons == [None, None, None, "the entry is nested too deep", None]


@each(
    "response",
    [{"status": {"code": 0}}, {"status": None}, {"body": {"string": 5}}, {"body": 5}, {"headers": [1]}],
)
def test_a_response_of_another_shape_is_unreadable(read: Read, response: Any) -> None:
    (found,) = read(json.dumps(cassette("x", **response)).encode())
    assert isinstance(found, Unreadable)


@each("body", [None, {}, {"string": None}])
def test_a_body_that_was_left_out_is_unreadable_where_there_may_have_been_one(read: Read, body: Any) -> None:
    (found,) = read(json.dumps(cassette(body)).encode())
    assert "has no body" in found.reason
    for response in ({"status": {"code": 204}}, {"headers": {"Content-Length": ["0"]}}):
        (found,) = read(json.dumps(cassette(body, **response)).encode())
        assert found.response.body == b""


def test_a_scalar_without_an_end_is_refused_before_it_fills_the_memory(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_events, "MAX_ENTRY", 1 << 20)
    (found,) = read(b"interactions:\n- a: '" + b"x" * (2 << 20))
    assert found.reason == "the entry is longer than 64 MiB"


@each(
    ("interaction", "reason"),
    [
        (b"{response: *nowhere}", "an alias has no anchor before it, or one too far back"),
        (
            b"{response: {status: 200, body: &a {string: *a}}}",
            "an alias has no anchor before it, or one too far back",
        ),
        (b"{[a]: b}", "the name of a member is no text"),
        (
            b"{response: !!python/name:os.abort x}",
            "a YAML tag asks for more than data; record the entry anew",
        ),
        (b"{request: {uri: [a]}, response: {status: 200, body: ''}}", NO_URL),
        (b"[" + b"x," * 200_001 + b"]", "the entry has more than 200,000 parts"),
        (b"x", "the entry is not of the shape that a cassette's interaction has"),
    ],
)
def test_an_interaction_that_is_not_plain_data_is_unreadable_and_the_next_one_comes(
    read: Read, interaction: Any, reason: str
) -> None:
    found = read(
        b"? [odd]\n: x\ninteractions:\n- "
        + interaction
        + b"\n- request: {uri: /}\n  response: {status: 200, body: '1'}\n"
    )
    assert found[0].reason == reason
    assert isinstance(found[1], Exchange)


def test_anchors_are_forgotten_before_they_fill_the_memory(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_events, "MAX_ENTRY", 100_000)
    sent = b"  request: {uri: /}\n"
    anchored = b"- response: &a {status: 200, body: '" + b"x" * 70_000 + b"'}\n" + sent
    last = b"- response: *a\n" + sent + b"- response: {status: 200, body: '1'}\n" + sent
    found = read(b"interactions:\n" + anchored + anchored.replace(b"&a", b"&b") + last)
    assert [type(one) for one in found] == [Exchange, Exchange, Unreadable, Exchange]


def test_bytes_that_yaml_forbids_are_unreadable(read: Read) -> None:
    (found,) = read(b"interactions:\n- \x07\n")
    assert found.reason == "the file has bytes that YAML does not allow"


def test_a_cassette_that_is_a_bare_list_is_read(read: Read) -> None:
    (found,) = read(b"- request: {uri: /}\n  response: {status: 200, body: '1'}\n")
    assert found.response.body == b"1"


def test_without_a_time_of_its_own_an_interaction_has_that_of_its_date_header(read: Read) -> None:
    data = cassette({"string": BODY})
    response = data["interactions"][0]["response"]
    response["headers"] = {**response["headers"], "Date": ["Fri, 01 May 2026 10:00:00 GMT"]}
    data["interactions"][0].pop("recorded_at", None)
    (found,) = read(dump(data))
    assert found.recorded_at == "2026-05-01T10:00:00+00:00"


@each(
    "body",
    [
        "!!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary e30=, 0, null]}",
        "!!python/object:x.Y {}",
        "!!binary '?'",
        "*nowhere",
        "[1, 2]",
    ],
)
def test_a_request_body_that_cannot_be_read_does_not_cost_the_response(read: Read, body: str) -> None:
    text = f"""
interactions:
- request: {{method: POST, uri: "https://x.example/", headers: {{A: [b]}}, body: {body}}}
  response: {{status: {{code: 200}}, headers: {{}}, body: {{string: "{{}}"}}}}
"""
    (found,) = read(text.encode())
    assert (found.request.method, found.request.body, found.response.body) == ("POST", None, b"{}")


def test_a_response_body_that_cannot_be_read_is_unreadable_and_the_next_interaction_is_read(
    read: Read,
) -> None:
    text = """
interactions:
- request: {method: POST, uri: "https://x.example/"}
  response: {status: {code: 200}, body: {string: !!python/object:x.Y {}}}
- request: {method: POST, uri: "https://x.example/"}
  response: {status: {code: 200}, body: {string: "{}"}}
"""
    first, second = read(text.encode())
    assert "a YAML tag asks for more than data" in first.reason
    assert second.response.body == b"{}"


GO_VCR = """---
version: {version}
interactions:
- {id}request:
    body: '{{"a":1}}'
    form: {{}}
    headers:
      Content-Type: [application/json]
    url: https://sandbox.example.com/pay
    method: POST
  response:
    body: '{{"code":"00000"}}'
    headers:
      Content-Type: [application/json]
    status: {status}
    code: 200
    duration: 12ms
"""


@each(("version", "id_", "status"), [(1, "", "200 OK"), (2, "id: 0\n  ", "200 OK"), (2, "id: 0\n  ", "OK")])
def test_the_cassettes_of_go_vcr_are_read(read: Read, version: int, id_: str, status: str) -> None:
    (found,) = read(GO_VCR.format(version=version, id=id_, status=status).encode())
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay")
    assert (found.request.body, found.response.status, found.response.body) == (b'{"a":1}', 200, BODY)


PHP_VCR = {
    "request": {
        "method": "POST",
        "url": "https://sandbox.example.com/pay",
        "headers": {"A": "b"},
        "body": "1",
    },
    "response": {
        "status": {"http_version": "1.1", "code": "200", "message": "OK"},
        "headers": {"Content-Type": "application/json"},
        "body": BODY.decode(),
    },
    "index": 0,
}
EXVCR = {
    "request": {
        "body": "",
        "headers": {"A": "b"},
        "method": "post",
        "options": [],
        "request_body": "1",
        "url": "https://sandbox.example.com/pay",
    },
    "response": {"binary": False, "body": BODY.decode(), "headers": {}, "status_code": 200, "type": "ok"},
}


@pytest.mark.parametrize("entry", [PHP_VCR, EXVCR], ids=["php-vcr", "exvcr"])
def test_lists_of_interactions_are_read_in_yaml_and_json(read: Read, entry: Any) -> None:
    texts = [
        dump([entry, entry]),
        b"\n-\n    " + dump(entry).replace(b"\n", b"\n    ").rstrip() + b"\n",
        json.dumps([entry, entry], indent=2).encode(),
        yaml.dump([entry], default_flow_style=True).encode(),
    ]
    for text in texts:
        for found in read(text):
            assert (found.request.url, found.request.body) == ("https://sandbox.example.com/pay", b"1")
            assert (found.response.status, found.response.body) == (200, BODY)


def test_a_cassette_in_flow_style_is_read(read: Read) -> None:
    (found,) = read(yaml.dump(cassette(BODY.decode()), default_flow_style=True).encode())
    assert found.response.body == BODY


def test_a_body_that_exvcr_wrote_as_a_term_is_unreadable(read: Read) -> None:
    binary = EXVCR | {"response": EXVCR["response"] | {"binary": True}}  # type: ignore[operator]
    (found,) = read(json.dumps([binary]).encode())
    assert "exvcr" in found.reason


def test_cassettes_one_behind_another_are_all_read(read: Read) -> None:
    one = json.dumps(cassette(BODY.decode())).encode()
    assert [found.place.entry for found in read(one + b"\n" + one)] == [1, 2]
    assert len(read(dump(cassette(BODY.decode())) + b"---\n" + dump(cassette(BODY.decode())))) == 2


@each("odd", ["body: !!python/object/new:_io.BytesIO {}", "body: {a: 1}", "headers: [1]"])
def test_an_odd_part_of_a_request_does_not_cost_the_answer(read: Read, odd: str) -> None:
    text = f"interactions:\n- request:\n    uri: /pay\n    {odd}\n  response: {{status: 200, body: '1'}}\n"
    (found,) = read(text.encode())
    assert (found.response.body, found.request.body, found.request.headers) == (b"1", None, None)


def test_a_body_of_an_unknown_shape_is_no_empty_one(read: Read) -> None:
    (found,) = read(json.dumps(cassette({"bytes": "e30="})).encode())
    assert "of a shape that no known recorder gives it" in found.reason
    assert found.request.url == "https://sandbox.example.com/pay"


def test_an_interaction_without_a_url_is_nobodys(read: Read) -> None:
    (found,) = read(b"interactions:\n- request: {method: POST}\n  response: {status: 200, body: '{}'}\n")
    assert found.reason == NO_URL


def test_directives_and_anchored_flow_items_are_recognised(read: Read) -> None:
    item = "{request: {method: GET, uri: /a}, response: {status: {code: 200}, body: {string: '{}'}}}"
    block = "request: {method: GET, uri: /a}\n  response: {status: {code: 200}, body: {string: '{}'}}\n"
    texts = [
        f"- &id001 {item}\n- *id001\n",
        f"- {item}\n- {item}\n",
        f"%YAML 1.1\n---\n- {block}- {block}",
        f"%YAML 1.1\n---\ninteractions:\n- {item}\n- {item}\n",
    ]
    for text in texts:
        assert recognise(text.encode()) is Format.VCR, text
        assert [one.response.body for one in read(text.encode())] == [b"{}"] * 2, text


def test_a_list_that_only_aliases_name_counts_what_it_stands_for() -> None:
    anchored = "x: &all\n" + "- {request: {uri: /a}, response: {code: 200}}\n" * 500
    data = f"{anchored}" + "interactions: *all\n" * 500
    found = list(yaml_events.iter_segments(ChunkStream([data.encode()])))
    interactions = [one for one in found if isinstance(one, yaml_events.Interaction)]
    assert 500 <= len(interactions) < 20_000
