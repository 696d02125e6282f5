"""The command `redact`: recordings with card and customer data replaced."""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NoReturn

import click
from msgspec.structs import replace

from opay_contract.cli.help import Command
from opay_contract.cli.options import (
    FILE,
    PATH,
    base_url_option,
    contract_option,
    max_unpacked_option,
    paths_argument,
)
from opay_contract.cli.running import format_in_option, print_notes
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode, UsageError
from opay_contract.formats.editing import Tally
from opay_contract.formats.table import Format
from opay_contract.model.exchange import Unreadable
from opay_contract.recordings.inputs import STDIN, Source, iter_sources
from opay_contract.redact.files import redact_file, verify_source
from opay_contract.redact.proving import is_of_others
from opay_contract.redact.redactor import Redactor
from opay_contract.words import count as counted
from opay_contract.words import printable

KEY_VARIABLE = "OPAY_REDACTION_KEY"
_SHORTEST_KEY = 16
_MOST_TOLD = 10


@click.command(
    cls=Command,
    examples=[
        ("Write a recording that may be shared", "opay-contract redact traffic.har -o shared.har"),
        (
            "Give the same value the same pseudonym in every file",
            "opay-contract redact recordings/ -o shared/ --key-file redaction.key",
        ),
        ("Prove that files are clean, as in a hook", "opay-contract redact --verify recordings/"),
    ],
)
@paths_argument("IN...", literally=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=PATH,
    help="A file for one file, else a folder, where every file keeps its relative name.",
)
@click.option(
    "--key-file",
    metavar="FILE",
    type=FILE,
    help=f"Take the pseudonyms' key from FILE; else from {KEY_VARIABLE}; else one is made and forgotten.",
)
@click.option("--verify", is_flag=True, help="Write nothing; prove that IN... are clean.")
@click.option(
    "--allow-out-of-scope",
    is_flag=True,
    help="With --verify, pass over files that hold exchanges of other APIs alone, and no card number; it is "
    "said all the same.",
)
@format_in_option
@max_unpacked_option
@base_url_option
@contract_option
def redact(
    paths: tuple[str, ...],
    output: Path | None,
    key_file: Path | None,
    verify: bool,  # noqa: FBT001  click passes it by name
    allow_out_of_scope: bool,  # noqa: FBT001  the same
    format_in: str | None,
    max_unpacked: int | None,
    base_urls: tuple[str, ...],
    contract_dir: Path | None,
) -> None:
    """Replace card and customer data in recordings by pseudonyms that a check cannot tell from the data.

    Reads what `check` reads and keeps the format. The same key gives the same value the same pseudonym, in
    every file; without the key nobody gets back. Requests are signed again, with
    OPAYPRV_TEST_SYNTHETIC_0001; with OPAY_PRIVATE_KEY in the environment signatures that do not verify stay
    so. The files that are written can be read by their owner only.

    Exit codes: 0 done, or clean with --verify; 1 not clean; 3 nothing there; 4 some input was unreadable.
    """
    contract = load_contract(contract_dir, base_urls)
    print_notes(contract)
    redactor = Redactor(contract, redaction_key(key_file), os.environ.get("OPAY_PRIVATE_KEY"))
    wanted = Format(format_in) if format_in else None
    if verify:
        if output is not None:
            raise UsageError("--verify writes nothing; leave out --output")
        others = contract if allow_out_of_scope else None
        sources = _iter_sources(paths, max_unpacked)
        raise click.exceptions.Exit(_verify(redactor, sources, wanted, others))
    if allow_out_of_scope:
        raise UsageError(
            "--allow-out-of-scope is for --verify; what is written is redacted, whoever it is of"
        )
    if output is None:
        raise UsageError("no place to write to; name a file or a folder with --output, or ask for --verify")
    pairs = _pairs(list(_iter_sources(paths, max_unpacked)), paths, output)
    with _ended_by_sigterm():
        code = _redact(redactor, pairs, output, wanted)
    raise click.exceptions.Exit(code)


def _iter_sources(paths: tuple[str, ...], max_unpacked: int | None) -> Iterator[Source | Unreadable]:
    for found in iter_sources(paths):
        yield replace(found, max_unpacked=max_unpacked) if isinstance(found, Source) else found


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as an exception does, so that half written files are taken away."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread, which hears no signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def redaction_key(key_file: Path | None = None) -> bytes:
    """Return the pseudonyms' key: a file's, the environment's, or one made for this run."""
    if key_file is not None:
        try:
            key = key_file.read_bytes().strip()
        except OSError as error:
            raise UsageError(f"{key_file}: {error.strerror}") from None
    else:
        key = os.environ.get(KEY_VARIABLE, "").encode(errors="surrogateescape")
        if not key:
            return secrets.token_bytes(32)
    if len(key) < _SHORTEST_KEY:
        raise UsageError(f"the redaction key is shorter than {_SHORTEST_KEY} bytes; make one at random")
    return key


def _redact(
    redactor: Redactor, pairs: list[tuple[Source | Unreadable, Path]], output: Path, format_in: Format | None
) -> ExitCode:
    total = Tally()
    written, unread = 0, 0
    for source, target in pairs:
        if isinstance(source, Unreadable):
            _complain(source.place.file, source.reason)
            unread += 1
            continue
        noted = len(redactor.log.replaced)
        tally = redact_file(redactor, source, target, format_in)
        if tally.broken and not tally.entries:  # nothing is written
            del redactor.log.replaced[noted:]
        else:
            written += 1
        total.entries += tally.exchanges
        unread += _tell(source, tally, "it stays so, without what it held")
    values = counted(len(redactor.log.replaced), "value")
    place = f"to '{printable(str(output))}'" if written else "nowhere: there was nothing to write"
    files = f", {counted(written, 'file')}" if written > 1 else ""
    said = f"Redacted {_count(total.entries)}: {values} replaced, written {place}{files}."
    click.echo(said + (f" Unreadable: {unread:,}." if unread else ""), err=True)
    return _exit_code(total.entries, is_incomplete=bool(unread))


def _pairs(
    found: list[Source | Unreadable], paths: tuple[str, ...], output: Path
) -> list[tuple[Source | Unreadable, Path]]:
    """Return what to read and where to write it; refuses to write over anything that is read."""
    is_single = len(paths) == 1 and not os.path.isdir(paths[0]) and not os.path.isdir(output)  # noqa: PTH112  a name may be too long to be one
    if STDIN in paths:
        raise UsageError("redact reads files; write the recording to a file first")
    pairs = [(source, output if is_single else output / _relative(_name(source), paths)) for source in found]
    inputs = {os.path.realpath(_name(source)) for source in found}
    targets = [os.path.realpath(target) for _, target in pairs]
    for target in targets:
        if target in inputs:
            raise UsageError(f"'{target}' is read and would be overwritten; name another place with --output")
    if len(set(targets)) < len(targets):
        raise UsageError("two recordings would be written to the same file; redact them one by one")
    return pairs


def _name(source: Source | Unreadable) -> str:
    return source.name if isinstance(source, Source) else source.place.file


def _relative(name: str, paths: tuple[str, ...]) -> Path:
    for path in paths:
        if os.path.isdir(path) and Path(name).is_relative_to(path):  # noqa: PTH112  as above
            return Path(name).relative_to(path)
    return Path(Path(name).name)


def _verify(
    redactor: Redactor,
    sources: Iterator[Source | Unreadable],
    format_in: Format | None,
    others: Contract | None,
) -> ExitCode:
    """Prove that files are clean; with `others` those are passed over that are not of that contract."""
    entries, found, dirty_files, unproved, passed_over = 0, 0, 0, 0, 0
    for source in sources:
        if isinstance(source, Unreadable):
            _complain(source.place.file, source.reason)
            unproved += 1
            continue
        if others is not None and source.name != STDIN and is_of_others(others, source, format_in):
            passed_over += 1
            continue
        tally, places = verify_source(redactor, source, format_in, stdin=sys.stdin.buffer)
        entries += tally.exchanges
        unproved += _tell(source, tally, "nothing proves it clean") if places or tally.broken else 0
        for kind, place in places:
            click.echo(f"{printable(source.name)}: {kind} at {place or 'the body'}")
        found += len(places)
        dirty_files += bool(places)
    if passed_over:
        click.echo(f"Passed over: {counted(passed_over, 'file')} with exchanges of other APIs alone.")
    if found:
        files = counted(dirty_files, "file")
        advice = "replace them with `opay-contract redact IN -o OUT`, and keep what that writes"
        click.echo(f"Not clean: {counted(found, 'place')} in {files}, {_count(entries)} looked at; {advice}.")
        return ExitCode.FINDINGS
    if passed_over and not entries and not unproved:
        return ExitCode.CLEAN
    code = _exit_code(entries, is_incomplete=bool(unproved))
    click.echo(f"{'Clean' if code is ExitCode.CLEAN else 'Not proved clean'}: {_count(entries)} verified.")
    return code


def _tell(source: Source, tally: Tally, consequence: str) -> int:
    """Say what of a source could not be read; returns how much that is."""
    if tally.is_passed_over:
        click.echo(f"{source.name}: passed over: {tally.broken}", err=True)
        return 0
    for entry, reason in islice(tally.unread.items(), _MOST_TOLD):
        _complain(source.name, f"entry {entry}: {reason}; {consequence}")
    if len(tally.unread) > _MOST_TOLD:
        _complain(source.name, f"{len(tally.unread) - _MOST_TOLD:,} entries more")
    if tally.broken:
        _complain(source.name, tally.broken)
    return len(tally.unread) + bool(tally.broken)


def _complain(name: str, reason: str) -> None:
    click.echo(f"{printable(name)}: unreadable: {reason}", err=True)


def _count(number: int) -> str:
    return counted(number, "exchange")


def _exit_code(entries: int, *, is_incomplete: bool) -> ExitCode:
    if is_incomplete:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if entries else ExitCode.NOTHING_CHECKED
