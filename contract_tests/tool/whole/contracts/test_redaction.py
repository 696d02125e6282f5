"""Redaction by a contract of others keeps formats, routes and findings, and nothing that a person has."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.running import ENVIRONMENT, run_command
from contract_tests.tool.whole.contracts.asking import HERE, JSON

BASE = "https://forms.example"
UUID, DAY = "7f4a1c2e-93b8-4d5f-8e21-6a7b9c0d1e2f", "1984-02-29"
BODY = {
    "uuid": UUID,
    "day": DAY,
    "moment": f"{DAY}T10:11:12.5+02:00",
    "clock": "10:11:12Z",
    "span": "P3DT4H",
    "email": "farida@hassan.example",
    "v4": "10.27.31.4",
    "v6": "fe80::ff00:42",
    "host": "farida.hassan.example",
    "link": "https://farida.hassan.example/u/farida?q=1",
    "rest": "/u/farida",
    "bytes": "RmFyaWRhIEhhc3Nhbg==",
    "hash": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "code": "AB-123",
    "amount": 480,
    "ratio": 0.1234567,
    "steps": 1725,
    "names": ["Ann", "Bob", "Cat"],
}
WRONG = {
    **dict.fromkeys(("uuid", "day", "moment", "clock", "span", "email", "v4", "v6"), "Farida Hassan"),
    "hash": "2fd4",
    "code": "AB-1234",
    "amount": 4800,
    "ratio": 7.1234567,
    "steps": 1726,
    "names": ["Farida", "Ann", "Ann"],
    "more": "Farida",
}
ASKED = {
    "X-Run": UUID,
    "X-Part": "37",
    "Cookie": "theme=dark; sid=farida",
    "Authorization": "Basic ZmFyaWRh",
}
PERSONAL = ("farida", "hassan", UUID, DAY, "10.27.31.4", "fe80", "48213377", "RmFyaWRh", "2fd4e1", "ZmFyaWRh")


def call(method: str, path: str, body: Any = None, **headers: dict[str, str]) -> str:
    request = {"method": method, "url": BASE + path, "headers": headers.get("asked", {})}
    response = {"status": 200, "headers": JSON | headers.get("answered", {}), "body": body}
    return json.dumps({"request": request, "response": response, "recorded_at": "2026-05-01T10:00:00Z"})


CLEAN = [
    call(
        "GET",
        f"/v/48213377?at={DAY}T10:11:12Z&kind=new&near=30.0444,31.2357",
        BODY,
        asked=ASKED,
        answered={"X-Rest": "412", "X-Day": DAY},
    ),
    call("POST", "/v/48213377:cancel"),
    call("GET", f"/u/{UUID}.pdf"),
]
DRIFTED = [
    call("GET", "/v/farida?at=soon&kind=farida&near=91,1&name=Farida", WRONG),
    call("GET", "/v/0", {}, asked={"X-Run": "farida", "X-Part": "100", "Cookie": "theme=pink"}),
    call("GET", "/v/48213377", {}, answered={"X-Rest": "501", "X-Day": "farida"}),
    call("POST", "/v/4821337x:cancel"),
    call("PUT", "/v/48213377:cancel"),
    call("GET", f"/u/{UUID}0.pdf"),
    call("GET", f"/u/{UUID}.doc"),
]


@pytest.mark.parametrize("lines", [CLEAN, DRIFTED], ids=["clean", "drifted"])
def test_findings_before_and_after_are_the_same_in_number_and_place(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text("\n".join(lines))
    given = ("--contract", HERE / "formats")

    def findings(name: str) -> Counter[tuple[str, str]]:
        report = json.loads(run_command("check", name, *given, "--format", "json", cwd=tmp_path).stdout)
        return Counter({(one["rule"], one["pointer"]): one["count"] for one in report["findings"]})

    before = findings("in.ndjson")
    assert bool(before) is (lines is DRIFTED)
    key = ENVIRONMENT | {
        "OPAY_REDACTION_KEY": "0123456789abcdef0123456789abcdef"
    }  # of others names of three letters meet
    redacted = run_command("redact", "in.ndjson", *given, "-o", "out.ndjson", cwd=tmp_path, environment=key)
    assert redacted.returncode == 0
    assert findings("out.ndjson") == before
    written = (tmp_path / "out.ndjson").read_text()
    assert [one for one in PERSONAL if one.lower() in written.lower()] == []
    assert run_command("redact", "--verify", "out.ndjson", *given, cwd=tmp_path).returncode == 0
    run_command("redact", "out.ndjson", *given, "-o", "again.ndjson", cwd=tmp_path)
    assert (tmp_path / "again.ndjson").read_text() == written


def test_the_same_value_has_the_same_pseudonym_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text("\n".join(CLEAN))
    run_command("redact", "in.ndjson", "--contract", HERE / "formats", "-o", "out.ndjson", cwd=tmp_path)
    first, second, third = map(json.loads, (tmp_path / "out.ndjson").read_text().splitlines())
    uuid = first["response"]["body"]["uuid"]
    assert first["request"]["headers"]["X-Run"] == uuid
    assert third["request"]["url"] == f"{BASE}/u/{uuid}.pdf"
    assert uuid[14] == "4"
    number = second["request"]["url"].removeprefix(f"{BASE}/v/").removesuffix(":cancel")
    assert first["request"]["url"].startswith(f"{BASE}/v/{number}?at=99")
    assert first["response"]["body"]["day"].startswith("99")
    assert first["response"]["body"]["moment"].endswith(".9+02:00")
    assert first["request"]["headers"]["Authorization"].startswith("Basic ")
