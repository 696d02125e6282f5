"""A server on loopback that answers like the vendor, or drifted, over HTTPS and HTTP."""

import contextlib
import gzip
import json
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .drift import DRIFTED_CALLS, Reply, drifted_reply, reply_of
from .traffic import CLEAN_CALLS, HOST, PATH, Call, answer, sign

_PAGE = Path(__file__).with_name("page.html")
_GZIP_FROM = 600  # bytes; below, compression is not worth it, as many a proxy is set up
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, merchantid",
}


@dataclass(frozen=True, slots=True)
class Running:
    """Where the server listens: the vendor's side and the shop's page."""

    mode: str
    https_port: int
    http_port: int

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls to make in this mode."""
        return CLEAN_CALLS if self.mode == "clean" else DRIFTED_CALLS


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    mode: str = "clean"


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """Name the synthetic origin in the header Server."""
        return "synthetic"

    def do_OPTIONS(self) -> None:
        self._send(Reply(b"", 204, "text/plain"))

    def do_GET(self) -> None:
        match self.path:
            case "/":
                self._send(Reply(_PAGE.read_bytes(), content_type="text/html; charset=utf-8"))
            case "/calls":
                calls = CLEAN_CALLS if self.server.mode == "clean" else DRIFTED_CALLS
                listed = [{"headers": call.headers(), "body": call.body} for call in calls]
                self._send(Reply(json.dumps(listed, ensure_ascii=False).encode()))
            case _:
                self._send(Reply(b"not found", 404, "text/plain"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send(self._query(raw) if self.path == PATH else Reply(b"not found", 404, "text/plain"))

    def _query(self, raw: bytes) -> Reply:
        try:
            body: Any = json.loads(raw)
        except ValueError:
            return reply_of({"code": "02001", "message": "request params not valid.", "data": None})
        if self.headers.get("Authorization") != f"Bearer {sign(body)}":
            return reply_of({"code": "02000", "message": "Authentication failed"})
        envelope = answer(body)
        if self.server.mode == "clean":
            return reply_of(envelope)
        return drifted_reply(body.get("opayToken") or body.get("customerId") or "", envelope)

    def _send(self, reply: Reply) -> None:
        body = reply.body
        self.send_response(reply.status)
        if len(body) >= _GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        for name, value in _CORS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""


@contextlib.contextmanager
def running(mode: str) -> Iterator[Running]:
    """Serve on two free ports until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as https, _Server(("127.0.0.1", 0), _Handler) as http:
        context = _tls_context()
        # The handshake belongs to the connection's thread: browsers open connections they never use.
        https.socket = context.wrap_socket(https.socket, server_side=True, do_handshake_on_connect=False)
        for server in (https, http):
            server.mode = mode
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Running(mode, https.server_address[1], http.server_address[1])
        for server in (https, http):
            server.shutdown()


def _tls_context() -> ssl.SSLContext:
    """Return a context with a certificate that is made now and kept nowhere."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
        openssl = shutil.which("openssl") or "openssl"
        command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
        command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
        command += ["-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    return context
