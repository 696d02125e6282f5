"""A recording of Firefox, by the exporter of its Network Monitor."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .proxy import fronted
from .server import Running

_PREFERENCES = {
    "marionette.port": 0,
    "network.dns.forceResolve": "127.0.0.1",  # every host, those that Firefox asks of itself too
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
    "services.settings.server": "http://127.0.0.1:9/",
    "browser.safebrowsing.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
}
_OPEN_TOOLBOX = """
const { require } = ChromeUtils.importESModule("resource://devtools/shared/loader/Loader.sys.mjs");
const { gDevTools } = require("devtools/client/framework/devtools");
return gDevTools.showToolboxForTab(gBrowser.selectedTab, { toolId: "netmonitor" }).then(() => true);
"""
_EXPORT = """
const { require } = ChromeUtils.importESModule("resource://devtools/shared/loader/Loader.sys.mjs");
const { gDevTools } = require("devtools/client/framework/devtools");
const toolbox = gDevTools.getToolboxForTab(gBrowser.selectedTab);
return toolbox.getHARFromNetMonitor().then(log => JSON.stringify({ log }, null, 2));
"""
_WAIT = """
return new Promise(resolve => {
  const poll = () => (document.title === "done" ? resolve(true) : setTimeout(poll, 50));
  poll();
});
"""


def record_firefox(running: Running, folder: Path) -> None:
    """Write firefox.har; now and then the Network Monitor misses an answer, then another Firefox tries."""
    with fronted(running) as port:
        text = next(filter(None, (_try_export(port, running) for _ in range(9))))
    (folder / "firefox.har").write_text(text, encoding="utf-8")


def _try_export(port: int, running: Running) -> str | None:
    with _firefox(port) as tell:
        tell("WebDriver:NewSession", acceptInsecureCerts=True)
        # The toolbox can lose sight of a tab that moves from the blank page's process to another.
        tell("WebDriver:Navigate", url=f"http://127.0.0.1:{running.http_port}/warm-up")
        tell("Marionette:SetContext", value="chrome")
        tell("WebDriver:ExecuteScript", script=_OPEN_TOOLBOX)
        tell("Marionette:SetContext", value="content")
        tell("WebDriver:Navigate", url=f"http://127.0.0.1:{running.http_port}/")
        tell("WebDriver:ExecuteScript", script=_WAIT)
        tell("Marionette:SetContext", value="chrome")
        for _ in range(30):
            text: str = tell("WebDriver:ExecuteScript", script=_EXPORT)["value"]
            if _is_complete(text, running):
                return text
            time.sleep(0.1)  # an answer may still be on its way to the Network Monitor
    return None


def _is_complete(har: str, running: Running) -> bool:
    statuses = [
        entry["response"]["status"]
        for entry in json.loads(har)["log"]["entries"]
        if entry["request"]["method"] == "POST"
    ]
    return len(statuses) == len(running.calls) and 0 not in statuses


@contextlib.contextmanager
def _firefox(port: int) -> Iterator[Any]:
    """Start Firefox and yield a function that sends it one Marionette command."""
    preferences = _PREFERENCES | {"network.socket.forcePort": f"443={port}"}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (Path(profile) / "user.js").write_text("\n".join(lines))
        firefox = shutil.which("firefox-esr") or "firefox"
        command = [firefox, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote"]
        command += ["--profile", profile]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with _connection(Path(profile) / "MarionetteActivePort") as stream:
                yield lambda name, **arguments: _tell(stream, name, arguments)
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def _connection(port_file: Path) -> Iterator[Any]:
    deadline = time.monotonic() + 60
    while not (port_file.exists() and port_file.read_text()):
        if time.monotonic() > deadline:
            raise TimeoutError("Firefox did not open its Marionette port")
        time.sleep(0.05)
    address = ("127.0.0.1", int(port_file.read_text()))
    with socket.create_connection(address, timeout=60) as connection, connection.makefile("rwb") as stream:
        _receive(stream)  # the greeting
        yield stream


def _tell(stream: Any, name: str, arguments: dict[str, Any]) -> Any:
    message = json.dumps([0, 1, name, arguments]).encode()
    stream.write(b"%d:%s" % (len(message), message))
    stream.flush()
    _, _, error, result = _receive(stream)
    if error:
        raise RuntimeError(f"{name}: {error['message']}")
    return result


def _receive(stream: Any) -> Any:
    """Read one message: its length in digits, a colon, JSON."""
    digits = b"".join(iter(lambda: stream.read(1), b":"))
    return json.loads(stream.read(int(digits)))
