"""A recording of mitmproxy, and mitmproxy as the HTTP/2 front that browsers meet."""

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .clients import call_all
from .server import Running


def record_mitmproxy(running: Running, folder: Path) -> None:
    """Write mitmproxy.har: `requests` asks a reverse proxy that believes it is the vendor."""
    with fronted(running, "--set", f"hardump={folder / 'mitmproxy.har'}") as port:
        call_all(running.calls, port)


@contextlib.contextmanager
def fronted(running: Running, *options: str) -> Iterator[int]:
    """Run mitmdump before the server and yield its port; it speaks HTTP/2 to those who can."""
    mitmdump = shutil.which("mitmdump") or "mitmdump"
    with tempfile.TemporaryDirectory() as settings:
        command = [mitmdump, "--mode", f"reverse:https://127.0.0.1:{running.https_port}@127.0.0.1:0"]
        command += ["--set", "keep_host_header=true", "--set", "ssl_insecure=true"]
        # Lazy: with a look at the server first, mitmproxy would offer the client no more than HTTP/1.1.
        command += [
            "--set",
            "connection_strategy=lazy",
            "--set",
            "flow_detail=0",
            "--set",
            f"confdir={settings}",
            *options,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield _wait_for_port(process)
            finally:
                process.send_signal(signal.SIGINT)  # mitmdump writes the HAR when it ends
                process.communicate()


def _wait_for_port(process: subprocess.Popen[str]) -> int:
    for line in process.stdout or ():
        if found := re.search(r"listening at 127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise RuntimeError("mitmdump ended before it listened")
