"""Makes hostile recordings of any size: each kind was slow or large in some reader, writer or rule."""

import json
from collections.abc import Callable

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
METER = b"\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"

_EXCHANGE = f"""\
  request: {{method: POST, uri: '{URL}'}}
  response: {{status: {{code: 200}}, headers: {{}}, body: {{string: '{{}}'}}}}
"""
_END = b"< \r\n"
_CALL = (
    b"* Connected\n> POST /api/v1/international/token/query HTTP/1.1\r\n"
    b"> Host: sandbox-cashierapi.opaycheckout.com\r\n> \r\n"
    b"< HTTP/1.1 200 OK\r\n< Content-Type: application/json\r\n< \r\n"
)


def line(body: str) -> bytes:
    """Return a native line with a body."""
    request = f'{{"method":"POST","url":"{URL}","headers":{{}}}}'
    response = f'{{"status":200,"headers":{{}},"body":{body}}}'
    return f'{{"request":{request},"response":{response}}}\n'.encode()


def har(text: str, url: str = URL, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Return a HAR of one entry."""
    fields = [{"name": name, "value": value} for name, value in headers]
    content = {"size": len(text), "mimeType": "application/json", "text": text}
    request = {"method": "POST", "url": url, "headers": fields}
    response = {"status": 200, "headers": [], "content": content}
    entry = {"startedDateTime": "2026-05-01T10:00:00Z", "request": request, "response": response}
    return json.dumps({"log": {"entries": [entry]}}).encode()


def cassette(*members: str, others: str = "") -> bytes:
    """Return a cassette of one interaction with more members, and perhaps others."""
    first = "- " + "\n  ".join((*members, "_: 0")) + "\n"
    return f"version: 1\ninteractions:\n{first}{_EXCHANGE}{others}".encode()


def alias_bomb(levels: int, item: str = "[x]") -> bytes:
    """Return a cassette in which each level stands for nine of the one below."""
    nine = [", ".join([f"*a{level}"] * 9) for level in range(levels)]
    return cassette(f"a0: &a0 {item}", *(f"a{at + 1}: &a{at + 1} [{each}]" for at, each in enumerate(nine)))


def merge_bomb(levels: int) -> bytes:
    """Return the same with merge keys."""
    nine = [", ".join([f"*a{level}"] * 9) for level in range(levels)]
    members = (f"a{at + 1}: &a{at + 1} {{<<: [{each}]}}" for at, each in enumerate(nine))
    return cassette("a0: &a0 {x: 1}", *members)


def _joined(item: str, count: int) -> str:
    return ",".join(item.replace("#", str(number)) for number in range(count))


def _nested(depth: int, inside: str) -> str:
    return "[" * depth + inside + "]" * depth


KINDS: dict[str, Callable[[int], bytes]] = {
    "progress meters of curl": lambda size: _CALL + METER * (size // len(METER)) + b"\n{}\n",
    "short progress meters of curl": lambda size: _CALL + b"\n" + b"\r0.0%" * (size // 5) + b"\n{}\n",
    "spaces behind curl's mark": lambda size: _CALL + b"*" + b" " * size + b"\n{}\n",
    "header fields that curl received": lambda size: (
        _CALL.removesuffix(_END) + b"< a: b\r\n" * (size // 16) + b"< \r\n" + b" \n" * (size // 4) + b"{}\n"
    ),
    "text behind curl's body": lambda size: (
        _CALL.removesuffix(_END) + b"< Content-Length: 2\r\n< \r\n{}" + b"ab12 " * (size // 5) + b"\n"
    ),
    "members of one object": lambda size: line("{" + _joined('"m#":"v#"', size // 14) + "}"),
    "members whose names are numbers": lambda size: line("{" + _joined('"#":1', size // 8) + "}"),
    "a member that comes often": lambda size: line("{" + _joined('"m":"v#"', size // 12) + "}"),
    "items that are deep": lambda size: line(_nested(150, _joined("[#]", size // 7))),
    "nesting": lambda size: line(_nested(size // 2, "1")),
    "objects in objects": lambda size: line('{"a":' * (size // 6) + "1" + "}" * (size // 6)),
    "spaced digits": lambda size: line('{"a":"' + "4 " * (size // 2) + '"}'),
    "one number": lambda size: line('{"a":' + "4" * size + "}"),
    "one name": lambda size: line('{"' + "Amal 12 " * (size // 8) + '":1}'),
    "addresses of mail": lambda size: line('{"a":"' + "a@b.c " * (size // 6) + '"}'),
    "a body that breaks off again and again": lambda size: har('{"a":' + '"merchantId":' * (size // 15)),
    "header fields of HAR": lambda size: har(
        "{}", headers=tuple((f"x{number}", f"Amal {number}") for number in range(size // 40))
    ),
    "parameters": lambda size: har("{}", URL + "?" + "&".join(f"a{n}=Amal{n}" for n in range(size // 14))),
    "segments of a path": lambda size: har("{}", URL + "/Amal" * (size // 5)),
    "aliases": lambda size: cassette("a: &a [1, 2, 3]", f"b: [{_joined('*a', size // 3)}]"),
    "aliases of aliases": lambda size: alias_bomb(size // 50),
    "merge keys": lambda size: merge_bomb(size // 55),
    "interactions that are aliases": lambda size: cassette(others="- &a [x, x]\n" + "- *a\n" * (size // 5)),
    "header fields that are aliases": lambda size: cassette(
        f"a: &a [{_joined('x', size // 4)}]",
        others=f"- response: {{status: 200, headers: {{{_joined('h#: *a', size // 20)}}}}}\n",
    ),
    "anchors in anchors": lambda size: cassette(
        "a: " + "".join(f"&a{number} [" for number in range(size // 9)) + "]" * (size // 9)
    ),
}
"""A function from about how many bytes it has to a recording, of each kind."""
