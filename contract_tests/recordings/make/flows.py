"""Flow files of several mitmproxies, for the format has changed with them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .clients import call_all
from .server import Running

_VERSIONS = {
    "mitmdump-12": "mitmproxy-12.flow",
    "mitmdump-11": "mitmproxy-11.flow",
    "mitmdump-7": "mitmproxy-7.flow",
    "mitmdump-5": "mitmproxy-5.flow",
    "mitmdump-4": "mitmproxy-4.flow",
}
"""The commands, as the search path names them, and what each writes; old ones in the clean corpus only."""

_DRIFTED = ("mitmdump-12",)


def record_flows(running: Running, folder: Path) -> None:
    """Write mitmproxy-*.flow: `requests` asks a reverse proxy that believes it is the vendor."""
    for command in _VERSIONS if running.mode == "clean" else _DRIFTED:
        target = folder / _VERSIONS[command]
        target.unlink(missing_ok=True)  # an old mitmdump would append
        _record(shutil.which(command) or command, running, target)


def _record(mitmdump: str, running: Running, target: Path) -> None:
    """Run one mitmdump; an old one does not say which port it got, so it is told a free one."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as settings:
        command = [
            mitmdump,
            "--mode",
            f"reverse:https://127.0.0.1:{running.https_port}",
            "-q",
            "-w",
            str(target),
        ]
        command += ["--listen-host", "127.0.0.1", "--listen-port", str(port)]
        options = ("keep_host_header=true", "ssl_insecure=true", f"confdir={settings}")
        command += [word for option in options for word in ("--set", option)]
        with subprocess.Popen(command, env=os.environ | {"LC_ALL": "C.UTF-8"}) as process:
            try:
                _wait_for(port)
                call_all(running.calls, port)
            finally:
                process.send_signal(signal.SIGINT)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("mitmdump does not listen")
