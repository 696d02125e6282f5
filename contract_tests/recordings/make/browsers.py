"""Recordings of Chromium: by Playwright, and by the exporter of Chromium's own DevTools."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import (  # type: ignore[import-not-found, unused-ignore]
    BrowserContext,
    Page,
    sync_playwright,
)

from .proxy import fronted
from .server import Running
from .traffic import HOST

_QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_QUIET += ["--disable-component-update", "--disable-sync", "--ignore-certificate-errors"]

# Both run inside a DevTools window.
_IS_RECORDING = """async () => {
  const {NetworkLog} = await import(new URL('models/logs/logs.js', location.href));
  return NetworkLog.NetworkLog.instance().requests().length > 0;
}"""
_EXPORT = """async ({sanitize}) => {
  const at = path => import(new URL(path, location.href));
  const [{NetworkLog}, {Writer}] = [await at('models/logs/logs.js'), await at('models/har/har.js')];
  let text = '';
  const requests = NetworkLog.NetworkLog.instance().requests();
  await Writer.Writer.write({write: part => { text += part; }}, requests, {sanitize}, {});
  return text;
}"""


def record_playwright(running: Running, folder: Path) -> None:
    """Write playwright.har, with the bodies in it."""
    options = {"record_har_path": folder / "playwright.har", "record_har_content": "embed"}
    with _chromium(running.https_port, **options) as (context, _):
        _visit(context.new_page(), running)


def record_chromium(running: Running, folder: Path) -> None:
    """Write what DevTools exports: chromium.har, sanitized as by default, and chromium-sensitive.har."""
    with fronted(running) as port, _chromium(port) as (context, debug_port):
        page = context.new_page()
        target = context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]["targetId"]
        at = f"127.0.0.1:{debug_port}/devtools"
        tools = context.new_page()
        tools.goto(f"http://{at}/inspector.html?ws={at}/page/{target}&panel=network")
        while not tools.evaluate(_IS_RECORDING):
            page.goto(f"http://127.0.0.1:{running.http_port}/warm-up")  # leaves the log with the next visit
        _visit(page, running)
        (folder / "chromium.har").write_text(tools.evaluate(_EXPORT, {"sanitize": True}), encoding="utf-8")
        sensitive = tools.evaluate(_EXPORT, {"sanitize": False})
        (folder / "chromium-sensitive.har").write_text(sensitive, encoding="utf-8")


@contextlib.contextmanager
def _chromium(port: int, **options: Any) -> Iterator[tuple[BrowserContext, int]]:
    """Start Chromium with the vendor's host mapped to a port of loopback; yield its DevTools port too."""
    rules = f"MAP {HOST} 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    flags = [
        *_QUIET,
        f"--host-resolver-rules={rules}",
        "--remote-debugging-port=0",
        "--remote-allow-origins=*",
    ]
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), args=flags, ignore_https_errors=True, **options
        )
        yield context, int((Path(profile) / "DevToolsActivePort").read_text().split()[0])
        context.close()


def _visit(page: Page, running: Running) -> None:
    page.goto(f"http://127.0.0.1:{running.http_port}/")
    page.wait_for_function("document.title === 'done'")
