"""Whatever the schemas allow: it is written and read back as it was, alone and in a recording."""

import gzip
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import zstandard
from contract_tests.oracle import build_oracle
from contract_tests.usual import each, one_in
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.record.files import render_exchange
from opay_contract.recordings.inputs import Source, iter_sources
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.signing.signer import sign, verify
from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=10)
FILES = sorted(path.name for path in (Path(__file__).parents[3] / "schemas").glob("*.json"))
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
PLACE = Place(source=0, entry=1, file="-")
RUN = Settings(started_at=1_790_000_000.0)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}

contract = cache(load_contract)


@cache
def oracle(file: str) -> jsonschema.Draft202012Validator:
    return build_oracle(contract(), f"{OPEN}schemas/{file}")


def written(value: Any, *, is_ascii: bool, indent: int | None) -> bytes:
    return json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode(errors="surrogatepass")


@pytest.mark.parametrize("file", one_in(2, FILES))
def test_what_a_schema_allows_reads_back_as_it_was_and_is_still_allowed(file: str) -> None:
    @QUICK
    @given(from_schema(f"schemas/{file}", contract()), st.booleans(), st.sampled_from([None, 1]))
    def survives(value: Any, is_ascii: bool, indent: int | None) -> None:  # noqa: FBT001  drawn
        parsed = parse_json(written(value, is_ascii=is_ascii, indent=indent))
        assert isinstance(parsed, Parsed)
        assert json.dumps(parsed.value) == json.dumps(value)
        assert contract().schemas.validator(f"{OPEN}schemas/{file}").is_valid(parsed.value)
        assert oracle(file).is_valid(parsed.value)

    survives()


@each("file", ["query-request.json", "customer-request.json", "token-request.json"])
def test_a_query_that_a_schema_allows_can_be_signed_and_verified(file: str) -> None:
    scheme = contract().signature
    assert scheme is not None

    @QUICK
    @given(from_schema(f"schemas/{file}", contract()), st.sampled_from(["raw", "escaped"]))
    def holds(value: Any, form: str) -> None:
        body = written(value, is_ascii=False, indent=None)
        parsed = parse_json(body)
        assume(
            isinstance(parsed, Parsed) and not parsed.flaws
        )  # readers disagree on the rest; not to be signed
        header = sign(body, KEY, scheme, non_ascii=form).header
        assert verify(written(value, is_ascii=True, indent=2), header, KEY, scheme).ok

    holds()


def exchanges(judge: Contract) -> st.SearchStrategy[Exchange]:
    answers = [from_schema(f"schemas/{name}.json", judge) for name in ("query-response", "error-response")]
    queries = from_schema("schemas/query-request.json", judge)
    return st.builds(
        lambda query, answer, status: Exchange(
            place=PLACE,
            request=Request(
                method="POST",
                url=URL,
                headers=(("Content-Type", "application/json"),),
                body=written(query, is_ascii=False, indent=None),
            ),
            response=Response(
                status=status,
                headers=(("Content-Type", "application/json"),),
                body=written(answer, is_ascii=False, indent=None),
            ),
            recorded_at="2026-05-01T10:00:00Z",
        ),
        queries,
        st.one_of(answers),
        st.sampled_from([200, 403]),
    )


def said_of(exchange: Exchange) -> list[tuple[str, str, str]]:
    found = check_exchange(contract(), exchange, contract().match(exchange), RUN)
    return [(finding.rule.id, finding.pointer, finding.actual) for finding in found]


def test_a_recording_of_what_the_schemas_allow_reads_back_and_is_judged_alike() -> None:
    source = Source(ordinal=0, name="-", path=None)

    @QUICK
    @given(exchanges(contract()))
    def survives(exchange: Exchange) -> None:
        line = render_exchange(exchange)
        [read] = iter_exchanges(source, stdin=io.BytesIO(line))
        assert isinstance(read, Exchange)
        assert (read.request, read.response) == (exchange.request, exchange.response)
        assert said_of(read) == said_of(exchange)

    survives()


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_recorded_file_reads_back_packed_or_plain(tmp_path: Path, packing: str) -> None:
    @settings(QUICK, max_examples=5)
    @given(st.lists(exchanges(contract()), min_size=1, max_size=4))
    def survives(given_exchanges: list[Exchange]) -> None:
        plain, packed = tmp_path / "plain", tmp_path / f"recorded.ndjson{packing}"
        plain.write_bytes(b"".join(map(render_exchange, given_exchanges)))
        packed.write_bytes(PACKINGS[packing](plain.read_bytes()))
        [source] = iter_sources([str(packed)])
        assert isinstance(source, Source)
        read = list(iter_exchanges(source))
        assert [(one.request, one.response) for one in read if isinstance(one, Exchange)] == [
            (one.request, one.response) for one in given_exchanges
        ]

    survives()
