"""The command `mock`: the sandbox's stand-in."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, contract_option
from opay_contract.cli.record import complain
from opay_contract.cli.redact import redaction_key
from opay_contract.cli.running import print_notes
from opay_contract.contract.contract import Contract, is_loopback
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode, UsageError
from opay_contract.mock.calls import RequestLog, render_greeting
from opay_contract.mock.records import RecordBook
from opay_contract.mock.replay import load_replay
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.scenarios import build_scenarios, parse_faults, render_scenarios
from opay_contract.mock.statement import assumed_choices, render_choices
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.mock.validation import Credentials
from opay_contract.record.files import Captured
from opay_contract.record.recorder import Backlog, Recorder, open_recorder

_MOST_LINES, _SECONDS_TO_GATHER = 10_000, 0.02


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mock listens, and what it knows; how it behaves is in MockSettings."""

    host: str
    port: int
    seed: Path | None
    make_up: int
    seed_number: int
    store: Path | None
    record: Path | None
    quiet: bool
    log_format: str
    contract_dir: Path | None


@click.command(
    cls=Command,
    examples=[
        ("Stand in for the sandbox with made-up customers", "opay-contract mock --port 8000 --make-up 100"),
        ("Answer every request with a failure", "opay-contract mock --scenario error-90"),
        (
            "Be slow now and then, and record what passes",
            "opay-contract mock --fault slow=0.05 --record mock.ndjson",
        ),
    ],
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option(
    "--seed",
    metavar="FILE",
    type=FILE,
    help="Records to start with, JSON or YAML: a list of what `data` is in an answer about one.",
)
@click.option(
    "--make-up", metavar="N", default=0, type=click.IntRange(0), help="Make up records, customer-1 to N."
)
@click.option(
    "--seed-number", metavar="N", default=0, show_default=True, help="The same number, the same records."
)
@click.option(
    "--store", metavar="FILE", type=FILE, help="Keep the records in a file, which several mocks may share."
)
@click.option("--admin", is_flag=True, help="Let programs on this machine change records, under /__mock__/.")
@click.option("--scenario", metavar="NAME", help="Misbehave at every request; X-Mock-Scenario does at one.")
@click.option("--scenarios", "list_scenarios", is_flag=True, help="List the scenarios and leave.")
@click.option(
    "--fault",
    "faults",
    metavar="NAME=RATE",
    multiple=True,
    help="Misbehave by chance, as in slow=0.05. May be repeated.",
)
@click.option(
    "--fault-seed", metavar="N", default=0, show_default=True, help="The same number, the same chances."
)
@click.option(
    "--slow-seconds",
    metavar="SECONDS",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long the scenario slow takes.",
)
@click.option(
    "--choice",
    "picks",
    metavar="QUESTION=READING",
    multiple=True,
    help="Choose what the mock does where nobody knows what the vendor does. May be repeated.",
)
@click.option(
    "--choices", "list_choices", is_flag=True, help="List the choices and leave; * marks what is taken."
)
@click.option(
    "--record",
    metavar="FILE",
    type=FILE,
    help="Append every exchange, redacted, for `check --base-url URL`, where URL is the address printed.",
)
@click.option(
    "--from",
    "recordings",
    metavar="RECORDINGS",
    multiple=True,
    help="Answer from recorded exchanges, files or folders, and say what it cannot. May be repeated.",
)
@click.option("--quiet", is_flag=True, help="Print the four lines alone: no query to copy, no log.")
@click.option(
    "--log-format",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json"]),
    help="How the line that each request gets on standard error is written.",
)
@contract_option
def mock(
    *,
    contract_dir: Path | None,
    admin: bool,
    scenario: str | None,
    list_scenarios: bool,
    faults: Sequence[str],
    fault_seed: int,
    slow_seconds: float,
    picks: Sequence[str],
    list_choices: bool,
    recordings: Sequence[str],
    **where: Any,
) -> None:
    """Stand in for the sandbox: verify signatures, answer as the contract says, misbehave on demand.

    Prints its address, its merchant id and key, and the URL that says that it is ready, a line each, then a
    signed query to copy and the variables that clients and the contract's tests read. Each request is a line
    on standard error, with the reason where it was refused, which the field X-Mock-Reason has, too.
    Other credentials are taken from OPAY_MERCHANT_ID and OPAY_PRIVATE_KEY in the environment. Without
    --seed and --make-up it knows the records of the contract's examples. It stands in for any contract:
    what it keeps and who looks it up is in `x-mock` there, all else is answered by examples and schemas.
    SIGTERM and SIGINT stop it when what is in flight is answered.
    """
    contract = load_contract(contract_dir)
    print_notes(contract)
    choices = assumed_choices(contract).changed(picks)
    known = build_scenarios(contract.operations)
    if list_choices or list_scenarios:
        click.echo(render_choices(choices) if list_choices else render_scenarios(known))
        return
    settings = MockSettings(
        choices=choices,
        credentials=_credentials(),
        scenario=scenario,
        faults=parse_faults(faults, known, fault_seed),
        slow_seconds=slow_seconds,
        admin=admin,
        replay=load_replay(contract, recordings) if recordings else None,
    )
    _run(contract, settings, _Options(contract_dir=contract_dir, **where))


def _run(contract: Contract, settings: MockSettings, options: _Options) -> None:
    try:  # heavy, optional, and of no use to the other commands
        from opay_contract.mock.app import build_app  # noqa: PLC0415
        from opay_contract.mock.serving import bind, serve, url_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError("the mock needs starlette and uvicorn: pip install 'opay-contract[mock]'") from error
    if not is_loopback(options.host):
        if settings.admin:
            raise UsageError(
                f"--admin with --host {options.host}: the admin path is for this machine alone; "
                "listen on 127.0.0.1"
            )
        click.echo(f"warning: listening on {options.host}, every machine that reaches it can ask", err=True)
    with ExitStack() as stack:
        if settings.replay is not None:
            click.echo(settings.replay.describe(), err=True)
        book = RecordBook(contract)
        made_up = _made_up(book, settings, options)
        initial = [*(book.load(options.seed) if options.seed else []), *made_up]
        store = stack.enter_context(Store(options.store))
        if options.seed or options.make_up or store.is_empty():
            store.add(initial)
        bound = stack.enter_context(bind(options.host, options.port))
        recorder = _recorder(options, url_of(bound), settings.credentials)
        listeners: list[Callable[..., None]] = []
        if recorder is not None:  # in a thread, so that no call waits for the disk
            stack.callback(recorder.close)
            backlog = stack.enter_context(recorder.backlog())
            listeners.append(lambda exchange: backlog.add(Captured(exchange=exchange)))
        if not options.quiet:
            lines = stack.enter_context(log_to(sys.stderr))
            listeners.append(RequestLog(contract, lines.add, as_json=options.log_format == "json"))
        app = build_app(contract, settings, store, initial=initial, listeners=listeners)
        known = next((one for one in made_up if store.record(one.kind, one.id) is not None), None)
        greeting = render_greeting(url_of(bound), contract, settings.credentials, known)
        said = _lines(url_of(bound), settings.credentials) + ([] if options.quiet else [greeting])
        serve(app, bound, lambda: click.echo("\n".join(said)))
    if recorder is not None:
        click.echo(recorder.describe(), err=True)
    if recorder is not None and recorder.failures:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


def _recorder(options: _Options, url: str, credentials: Credentials) -> Recorder | None:
    if options.record is None:
        return None
    contract = load_contract(options.contract_dir, (url,))
    return open_recorder(options.record, contract, redaction_key(), credentials.private_key, say=complain)


def log_to(stream: TextIO) -> Backlog[str]:
    """Return what writes lines to a stream whose reader may not read, as of a full pipe, or be gone."""
    left_out = 0

    def drop() -> None:
        nonlocal left_out
        left_out += 1

    def write(lines: list[str]) -> None:
        nonlocal left_out
        if left_out:
            lines = [*lines, f"{left_out} requests are not logged: nobody reads fast enough"]
            left_out = 0
        with suppress(OSError, ValueError):
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()

    return Backlog(write, drop, room=_MOST_LINES, gather=_SECONDS_TO_GATHER, finish=1.0)


def _credentials() -> Credentials:
    default = Credentials()
    return Credentials(
        merchant_id=_environment("OPAY_MERCHANT_ID") or default.merchant_id,
        private_key=_environment("OPAY_PRIVATE_KEY") or default.private_key,
    )


def _environment(name: str) -> str | None:
    value = os.environ.get(name)
    if value is not None and not value.isascii():
        raise UsageError(f"{name} in the environment has characters outside ASCII")
    return value


def _made_up(book: RecordBook, settings: MockSettings, options: _Options) -> list[StoredRecord]:
    """Return the records that are nobody's, and may be shown."""
    if options.make_up:
        if not book.kinds:
            raise UsageError(
                "--make-up: the contract has no records (`x-mock`), so there are none to make up"
            )
        return list(book.made_up(options.make_up, options.seed_number))
    return [] if options.seed or settings.replay else book.examples()


def _lines(url: str, credentials: Credentials) -> list[str]:
    from opay_contract.mock.app import READY_PATH  # noqa: PLC0415  as above

    given = credentials.private_key == Credentials().private_key
    return [
        f"address: {url}",
        f"merchant id: {credentials.merchant_id}",
        f"private key: {credentials.private_key if given else 'from OPAY_PRIVATE_KEY'}",
        f"ready: {url}{READY_PATH}",
    ]
