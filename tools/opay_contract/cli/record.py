"""The command `record`: a reverse proxy that writes what passes, redacted, and checks it."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import click
import msgspec

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, contract_option
from opay_contract.cli.redact import redaction_key
from opay_contract.cli.reporting import Criteria, Inputs, build_run, criteria_options
from opay_contract.contract.contract import Contract, host_of, is_loopback
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode, UsageError
from opay_contract.judge.subject import Settings
from opay_contract.model.finding import Finding
from opay_contract.record.files import BODY_LIMIT, Limits, RotatingFile
from opay_contract.record.recorder import Recorder, Watch, render_finding
from opay_contract.redact.redactor import Redactor
from opay_contract.report.text_report import render_text
from opay_contract.words import printable

_SANDBOX = "sandbox"
_SECONDS = click.FloatRange(0, min_open=True)


class _ProxyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where the proxy stands and what it does besides passing on."""

    host: str
    port: int
    to: Path
    raw: bool
    check: bool
    metrics: bool
    timeout: float
    body_limit: int
    limits: Limits
    contract_dir: Path | None
    criteria: Criteria


@click.command(
    cls=Command,
    examples=[
        ("Record what a client asks the sandbox", "opay-contract record --to calls.ndjson"),
        ("Check it as it passes", "opay-contract record --to calls.ndjson --check"),
        (
            "Record in front of a mock, packed",
            "opay-contract record --to calls.ndjson.zst --upstream http://127.0.0.1:8000",
        ),
    ],
)
@click.option(
    "--to",
    metavar="FILE",
    required=True,
    type=FILE,
    help="Append the exchanges there, an exchange a line; packed where the name ends with .zst.",
)
@click.option("--upstream", metavar="URL", help="Where calls are passed on to; by default the sandbox.")
@click.option(
    "--allow-production", is_flag=True, help="Pass on to hosts that are neither the sandbox nor this machine."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option(
    "--check", is_flag=True, help="Print each finding when it is seen first, and a report at the end."
)
@click.option("--metrics", is_flag=True, help="Answer /__record__/metrics with counts for Prometheus.")
@click.option(
    "--raw",
    is_flag=True,
    help="Write card and customer data and signatures AS THEY ARE, not pseudonyms: what is then in the file "
    "falls under the same duties as the data itself.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    type=_SECONDS,
    help="How long the upstream may be silent before the client gets HTTP status 504.",
)
@click.option(
    "--body-limit",
    metavar="BYTES",
    default=BODY_LIMIT,
    show_default=True,
    type=click.IntRange(1, 16 << 20),
    help="Longer bodies are passed on, and left out of the recording.",
)
@click.option(
    "--rotate-size",
    metavar="BYTES",
    type=click.IntRange(1),
    help="Go on to FILE.0002 and so on when a file has as many bytes.",
)
@click.option(
    "--rotate-seconds", metavar="SECONDS", type=_SECONDS, help="Go on to the next file after so long."
)
@criteria_options
@contract_option
def record(
    *,
    contract_dir: Path | None,
    upstream: str | None,
    allow_production: bool,
    rotate_size: int | None,
    rotate_seconds: float | None,
    **where: Any,
) -> None:
    """Pass calls on to the sandbox and record them, redacted.

    Prints its address; point the client at it in place of the sandbox's. Requests and answers pass byte for
    byte, so that signatures stay valid. A call never fails because it could not be recorded; that is said
    on standard error and counted. SIGTERM and SIGINT stop it when what is in flight is answered.

    The pseudonyms' key is taken from OPAY_REDACTION_KEY; else one is made and forgotten. With
    OPAY_PRIVATE_KEY in the environment signatures are verified.

    Exit codes: 0 done; with --check those of `check`; 4 some exchanges could not be recorded.
    """
    limits = Limits(size=rotate_size, seconds=rotate_seconds)
    options = _ProxyOptions(contract_dir=contract_dir, limits=limits, **where)
    sandbox = load_contract(contract_dir)
    url = upstream or _sandbox_url(sandbox)
    if not allow_production:
        _refuse_production(url, sandbox)
    contract = load_contract(contract_dir, (url,))
    raise click.exceptions.Exit(_run(contract, url, options))


def _run(contract: Contract, url: str, options: _ProxyOptions) -> ExitCode:
    try:  # heavy, optional, and of no use to the other commands
        from opay_contract.mock.serving import bind, url_of  # noqa: PLC0415
        from opay_contract.record.proxy import METRICS_PATH, RecordingProxy, Upstream, serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            "the proxy needs httpx, starlette and uvicorn: pip install 'opay-contract[record]'"
        ) from error
    now = time.time()
    baseline = options.criteria.load_baseline(now)
    upstream = Upstream(url, timeout=options.timeout, proxy=_proxy_of(url))
    watch = _watch(contract, options)
    recorder = _recorder(contract, options, watch)
    with ExitStack() as stack:
        stack.callback(recorder.close)
        bound = stack.enter_context(bind(options.host, options.port))
        said = [f"address: {url_of(bound)}", f"upstream: {printable(url)}"]
        said += [f"metrics: {url_of(bound)}{METRICS_PATH.decode()}"] if options.metrics else []
        backlog = stack.enter_context(recorder.backlog())
        app = RecordingProxy(
            upstream,
            backlog.add,
            recorder.metrics,
            body_limit=options.body_limit,
            serves_metrics=options.metrics,
        )
        _warn(options)
        serve(app, bound, lambda: click.echo("\n".join(said)))
    click.echo(recorder.describe(), err=True)
    code = ExitCode.CLEAN
    if options.check and watch:
        summary, criteria = watch.summary(), options.criteria
        run = build_run(summary, contract, options.contract_dir, criteria, baseline, Inputs(now=now))
        click.echo(render_text(run), nl=False)
        code = run.exit_code
    is_lost = recorder.failures and code in (ExitCode.CLEAN, ExitCode.NOTHING_CHECKED)
    return ExitCode.INCOMPLETE if is_lost else code


def _recorder(contract: Contract, options: _ProxyOptions, watch: Watch | None) -> Recorder:
    redactor = None if options.raw else Redactor(contract, redaction_key(), _private_key())
    return Recorder(
        RotatingFile(options.to, options.limits),
        redactor,
        say=complain,
        watch=watch,
        body_limit=options.body_limit,
    )


def _watch(contract: Contract, options: _ProxyOptions) -> Watch | None:
    if not options.check and not options.metrics:
        return None
    settings = Settings(started_at=time.time(), private_key=_private_key())

    def tell(finding: Finding) -> None:
        for one in options.criteria.policy.findings([finding]):
            click.echo(render_finding(one))

    return Watch(contract, settings, tell if options.check else None)


def _warn(options: _ProxyOptions) -> None:
    if not is_loopback(options.host):
        click.echo(f"warning: listening on {options.host}, every machine that reaches it can ask", err=True)
    if options.raw:
        click.echo(
            f"warning: '{printable(str(options.to))}' gets card and customer data as they are; "
            "keep it where such data may be, and delete it",
            err=True,
        )


def complain(reason: str) -> None:
    """Say that something is not recorded."""
    click.echo(f"warning: {printable(reason)}; calls go on", err=True)


def _sandbox_url(contract: Contract) -> str:
    for server in contract.servers:
        if server.environment == _SANDBOX:
            return f"https://{server.host}{server.prefix}"
    raise UsageError("the contract names no sandbox; name the upstream with --upstream")


def _refuse_production(url: str, contract: Contract) -> None:
    try:
        parts = urlsplit(url)
        host, name = host_of(parts), parts.hostname or ""
    except ValueError:
        return  # it is refused as no URL
    sandboxes = {server.host for server in contract.servers if server.environment == _SANDBOX}
    if not is_loopback(name) and (host not in sandboxes or parts.scheme != "https"):
        raise UsageError(
            "the upstream is neither the sandbox nor this machine; if that is meant, add --allow-production"
        )


def _proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for an upstream, which is never one on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    if is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _private_key() -> str | None:
    return os.environ.get("OPAY_PRIVATE_KEY") or None
