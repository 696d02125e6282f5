"""Edges that no other test reaches: how a server ends, content codings, full reports, odd schemas."""

import gzip
import json
import os
import shutil
import signal
import socket
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import check_sources
from opay_contract.errors import UsageError
from opay_contract.formats.content_coding import encode_body
from opay_contract.judge.subject import Settings
from opay_contract.mock.app import build_app
from opay_contract.mock.choices import assumed_choices
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import bind, serve, url_of
from opay_contract.mock.store import Store
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.text_report import render_text
from opay_contract.spec.lint import prove_contract

BODY = b'{"code":"00000"}'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_by_a_signal_and_puts_the_handlers_back(number: signal.Signals) -> None:
    contract = load_contract()
    settings = MockSettings(choices=assumed_choices(contract))
    before = signal.getsignal(number)
    with Store() as store, bind("127.0.0.1", 0) as bound:
        app = build_app(contract, settings, store)
        serve(app, bound, lambda: os.kill(os.getpid(), number))
    assert signal.getsignal(number) is before


def test_an_address_that_is_not_this_machines_is_told() -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        bind("host.invalid", 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with bind("::1", 0) as bound:
        assert url_of(bound).startswith("http://[::1]:")


@pytest.mark.parametrize(
    ("coding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("X-GZIP", gzip.decompress),
        ("deflate", zlib.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("br", brotli.decompress),
        ("unknown", bytes),
        ("deflate, gzip", lambda data: zlib.decompress(gzip.decompress(data))),
    ],
)
def test_a_body_gets_its_content_codings_again(coding: str, decode: Any) -> None:
    assert decode(encode_body(BODY, (("Content-Encoding", coding),))) == BODY
    assert encode_body(BODY, None) == BODY


def test_a_report_says_how_much_it_left_out() -> None:
    summary = DriftSummary(exchanges=3, occurrences={Severity.ERROR: 7})
    text = render_text(CheckedRun(summary=summary, questions=load_contract().questions))
    assert "7 occurrences of further findings not listed" in text


def test_a_source_that_could_not_be_opened_is_counted_and_the_run_goes_on() -> None:
    lost = Unreadable(place=Place(source=0, entry=1, file="gone"), reason="no such file")
    summary = check_sources([lost], load_contract(), Settings(started_at=0))
    assert (summary.unreadable_count, summary.exchanges) == (1, 0)


def test_a_schema_with_an_impossible_pattern_is_reported_and_not_raised(
    repository: Path, tmp_path: Path
) -> None:
    shutil.copy(repository / "openapi.yaml", tmp_path)
    shutil.copytree(repository / "schemas", tmp_path / "schemas")
    path = tmp_path / "schemas" / "customer-id.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(schema | {"pattern": "("}), encoding="utf-8")
    assert "schemas/customer-id.json" in {problem.file for problem in prove_contract(tmp_path).problems}


def test_a_validator_is_made_once_for_each_address() -> None:
    schemas = load_contract().schemas
    uri = f"{OPEN}schemas/customer.json"
    assert schemas.validator(uri) is schemas.validator(uri)
