"""Many signed requests over fifty connections: no error, the answers of one, flat memory."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.mock.validation import Credentials
from opay_contract.signing.signer import sign

CONTRACT = load_contract()
assert CONTRACT.signature is not None
SCHEME = CONTRACT.signature
CUSTOMERS = 100
FEW, MANY = 1_000, 10_000
CONNECTIONS = 50
GROWTH = 8_000
"""Kilobytes that a process may grow by: arenas, never data that stay."""


def requests_for(number: int) -> bytes:
    body = json.dumps({"customerId": f"customer-{number}"}, separators=(",", ":")).encode()
    lines = (
        f"POST {CONTRACT.operations[0].path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"MerchantId: {Credentials().merchant_id}",
        f"Authorization: {sign(body, Credentials().private_key, SCHEME).header}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


SIGNED = [requests_for(number) for number in range(1, CUSTOMERS + 1)]


async def ask_in_turn(address: tuple[str, int], numbers: range) -> list[tuple[int, bytes]]:
    reader, writer = await asyncio.open_connection(*address)
    answers = []
    for number in numbers:
        writer.write(SIGNED[number % CUSTOMERS])
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        answers.append((number % CUSTOMERS, head.partition(b"\r\n")[0] + await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()
    return answers


async def ask_at_once(address: tuple[str, int], requests: int) -> list[list[tuple[int, bytes]]]:
    shares = [range(first, requests, CONNECTIONS) for first in range(CONNECTIONS)]
    return await asyncio.gather(*(ask_in_turn(address, share) for share in shares))


def resident(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def assert_alike(start: Any, requests: int, growth: int | None) -> None:
    """Ask over many connections and hold the answers against those of one, and the memory against a bound."""
    with start("--make-up", str(CUSTOMERS)) as mock:
        host, _, port = mock.url.removeprefix("http://").partition(":")
        address = (host, int(port))
        alone = dict(asyncio.run(ask_in_turn(address, range(CUSTOMERS))))
        if growth is not None:
            asyncio.run(ask_at_once(address, requests))
        before = resident(mock.process.pid) if growth is not None else 0
        answers = [pair for share in asyncio.run(ask_at_once(address, requests)) for pair in share]
        assert growth is None or resident(mock.process.pid) - before < growth
    assert len(answers) == requests
    assert all(answer == alone[number] for number, answer in answers)
    assert all(
        answer.startswith(b"HTTP/1.1 200") and b'"code":"00000"' in answer for answer in alone.values()
    )


def test_many_connections_get_what_one_gets(start: Any) -> None:
    assert_alike(start, FEW, None)


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_flat_over_ten_thousand_requests(start: Any) -> None:
    assert_alike(start, MANY, GROWTH)
