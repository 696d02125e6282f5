"""The command `redact`: recordings with card and customer data replaced."""

import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import click

from opay_contract.cli.exit_codes import ExitCode
from opay_contract.cli.options import base_url_option, contract_option, max_unpacked_option
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.model.exchange import Unreadable
from opay_contract.recordings.formats import Format
from opay_contract.recordings.sources import STDIN, Source, iter_sources
from opay_contract.redaction.exchanges import Redactor
from opay_contract.redaction.files import redact_stream, try_redact_file
from opay_contract.redaction.json_files import Tally

KEY_VARIABLE = "OPAY_REDACTION_KEY"
_SHORTEST_KEY = 16


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="A file for one file, else a folder, where every file keeps its relative name.",
)
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Take the pseudonyms' key from FILE; else from {KEY_VARIABLE}; else one is made and forgotten.",
)
@click.option("--verify", is_flag=True, help="Write nothing; prove that IN... are clean.")
@click.option(
    "--format-in",
    type=click.Choice([member.value for member in Format]),
    help="What the recordings are, where it cannot be recognised by their content.",
)
@max_unpacked_option
@base_url_option
@contract_option
def redact(
    paths: tuple[str, ...],
    output: Path | None,
    key_file: Path | None,
    verify: bool,  # noqa: FBT001  click passes it by name
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
    redactor = Redactor(contract, redaction_key(key_file), os.environ.get("OPAY_PRIVATE_KEY"))
    wanted = Format(format_in) if format_in else None
    if verify:
        if output is not None:
            raise UsageError("--verify writes nothing; leave out --output")
        raise click.exceptions.Exit(_verify(redactor, _iter_sources(paths, max_unpacked), wanted))
    if output is None:
        raise UsageError("no place to write to; name a file or a folder with --output, or ask for --verify")
    pairs = _pairs(list(_iter_sources(paths, max_unpacked)), paths, output)
    raise click.exceptions.Exit(_redact(redactor, pairs, wanted))


def _iter_sources(paths: tuple[str, ...], max_unpacked: int | None) -> Iterator[Source | Unreadable]:
    for found in iter_sources(paths):
        yield replace(found, max_unpacked=max_unpacked) if isinstance(found, Source) else found


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
    redactor: Redactor, pairs: list[tuple[Source | Unreadable, Path]], format_in: Format | None
) -> ExitCode:
    total = Tally()
    is_incomplete = False
    for source, target in pairs:
        if isinstance(source, Unreadable):
            _complain(source.place.file, source.reason)
            is_incomplete = True
            continue
        noted = len(redactor.log.replaced)
        tally = try_redact_file(redactor, source, target, format_in)
        if tally.broken and not tally.entries:  # nothing is written
            del redactor.log.replaced[noted:]
        total.entries += tally.entries
        is_incomplete |= _tell(source, tally, "a placeholder stands for it")
    click.echo(f"Redacted {_count(total.entries)}, {len(redactor.log.replaced)} values replaced.", err=True)
    return _exit_code(total.entries, is_incomplete=is_incomplete)


def _pairs(
    found: list[Source | Unreadable], paths: tuple[str, ...], output: Path
) -> list[tuple[Source | Unreadable, Path]]:
    """Return what to read and where to write it; refuses to write over anything that is read."""
    is_single = len(paths) == 1 and not Path(paths[0]).is_dir() and not output.is_dir()
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
        if Path(path).is_dir() and Path(name).is_relative_to(path):
            return Path(name).relative_to(path)
    return Path(Path(name).name)


def _verify(redactor: Redactor, sources: Iterator[Source | Unreadable], format_in: Format | None) -> ExitCode:
    entries, is_incomplete, is_dirty = 0, False, False
    for source in sources:
        if isinstance(source, Unreadable):
            _complain(source.place.file, source.reason)
            is_incomplete = True
            continue
        tally = redact_stream(redactor, source, _Nowhere(), format_in, stdin=sys.stdin.buffer)
        entries += tally.entries
        is_incomplete |= _tell(source, tally, "nothing proves it clean")
        for kind, place in dict.fromkeys(redactor.log.replaced):
            click.echo(f"{source.name}: {kind} at {place or 'the body'}")
            is_dirty = True
        redactor.log.replaced.clear()
    if is_dirty:
        return ExitCode.FINDINGS
    code = _exit_code(entries, is_incomplete=is_incomplete)
    click.echo(f"{'Clean' if code is ExitCode.CLEAN else 'Not proved clean'}: {_count(entries)} verified.")
    return code


class _Nowhere:
    def write(self, data: bytes, /) -> object:
        """Forget the bytes."""


def _tell(source: Source, tally: Tally, consequence: str) -> bool:
    for entry, reason in islice(tally.unread.items(), 10):
        _complain(source.name, f"entry {entry}: {reason}; {consequence}")
    if tally.broken:
        _complain(source.name, tally.broken)
    return bool(tally.unread or tally.broken)


def _complain(name: str, reason: str) -> None:
    click.echo(f"{name}: unreadable: {reason}", err=True)


def _count(number: int) -> str:
    return f"{number:,} {'exchange' if number == 1 else 'exchanges'}"


def _exit_code(entries: int, *, is_incomplete: bool) -> ExitCode:
    if is_incomplete:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if entries else ExitCode.NOTHING_CHECKED
