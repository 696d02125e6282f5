"""What really leaves when `requests` sends: bytes and headers as a server on the loopback receives them."""

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from contract_tests.usual import each
from msgspec import structs
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from opay_contract.errors import OpayContractError
from opay_contract.signing.requests_auth import SignatureAuth
from opay_contract.signing.signer import SignatureScheme, UnsignableBody, sign, verify

IDENTITY = ("MerchantId", "256612345678901")
BODY = '{"customerId": "José/1"}'.encode()


@dataclass
class Server:
    """A server that keeps what it receives, and answers as its script says, then with 200."""

    url: str = ""
    script: list[tuple[int, str]] = field(default_factory=list)
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def requests(self) -> list[tuple[str, bool, bool, bytes]]:
        """Return method, signed or not, identified or not, and body of each request received."""
        return [(m, "Authorization" in h, "MerchantId" in h, b) for m, h, b in self.received]


def _handler_for(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            server.received.append((self.command, dict(self.headers.items()), body))
            status, location = server.script.pop(0) if server.script else (200, "")
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  http.server looks methods up by these names

        def log_message(self, *_args: Any) -> None:
            """Stay silent."""

    return Handler


def _serve() -> Iterator[Server]:
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(server)) as httpd:
        server.url = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        httpd.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serve()


@pytest.fixture
def other_server() -> Iterator[Server]:
    yield from _serve()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def auth(scheme: SignatureScheme, key: str) -> SignatureAuth:
    return SignatureAuth(key=key, scheme=scheme, identity=IDENTITY)


@pytest.mark.parametrize(
    "body",
    [{"data": BODY}, {"data": BODY.decode()}, {"json": {"customerId": "José/1"}}],
    ids=["bytes", "str", "json"],
)
@pytest.mark.parametrize("form", ["raw", "escaped"])
def test_the_bytes_that_arrive_are_those_that_were_signed(
    body: dict[str, Any], form: str, server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    response = session.post(server.url, auth=replace(auth, non_ascii=form), timeout=60, **body)
    [(_, headers, sent)] = server.received
    assert sent == response.request.body
    assert headers["MerchantId"] == IDENTITY[1]
    assert headers["Content-Length"] == str(len(sent))
    verification = verify(sent, headers["Authorization"], auth.key, auth.scheme)
    assert (verification.ok, verification.non_ascii) == (True, form)


def test_header_name_comes_from_the_scheme_and_identity_is_optional(
    server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    scheme = structs.replace(auth.scheme, header="X-Signature", prefix="")
    session.post(server.url, data=BODY, auth=SignatureAuth(key=auth.key, scheme=scheme), timeout=60)
    [(_, headers, _)] = server.received
    assert headers["X-Signature"] == sign(BODY, auth.key, scheme).value
    assert not {"Authorization", "MerchantId"} & set(headers)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "is missing"),
        (iter([BODY]), "is a stream"),
        (io.BytesIO(BODY), "is a stream"),
        ({"customerId": "CANARY"}, "stops being JSON"),
    ],
    ids=["none", "generator", "file", "form"],
)
def test_a_body_that_cannot_be_signed_is_not_sent(
    body: Any, message: str, server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    with pytest.raises(UnsignableBody, match=message) as caught:
        session.post(server.url, data=body, auth=auth, timeout=60)
    assert "CANARY" not in str(caught.value)
    assert server.received == []


def test_half_a_surrogate_pair_is_refused_before_it_is_encoded(auth: SignatureAuth) -> None:
    request = requests.Request("POST", "http://127.0.0.1/", data=BODY).prepare()
    request.body = '{"customerId":"CANARY\ud800"}'
    with pytest.raises(UnsignableBody, match="is not UTF-8 at byte 21"):
        auth(request)


def test_an_empty_key_stops_the_request(
    server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    with pytest.raises(OpayContractError, match="the signing key is empty"):
        session.post(server.url, data=BODY, auth=replace(auth, key=""), timeout=60)
    assert server.received == []


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("location", ["/next", "{url}/next"])
def test_a_redirect_within_the_origin_repeats_body_and_signature(
    status: int, location: str, server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    server.script = [(status, location.format(url=server.url))]
    session.post(server.url, data=BODY, auth=auth, timeout=60)
    assert server.requests() == [("POST", True, True, BODY)] * 2
    assert server.received[0][1]["Authorization"] == server.received[1][1]["Authorization"]


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("identity", [IDENTITY, None], ids=["identity", "no-identity"])
def test_a_redirect_that_drops_the_body_drops_the_signature(
    identity: tuple[str, str] | None,
    status: int,
    server: Server,
    session: requests.Session,
    auth: SignatureAuth,
) -> None:
    server.script = [(status, "/next")]
    response = session.post(server.url, data=BODY, auth=replace(auth, identity=identity), timeout=60)
    assert server.requests() == [("POST", True, identity is not None, BODY), ("GET", False, False, b"")]
    assert "Authorization" in response.history[0].request.headers


@pytest.mark.parametrize("header", ["Authorization", "X-Signature"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_never_carries_the_signature(  # noqa: PLR0913, PLR0917
    header: str,
    status: int,
    server: Server,
    other_server: Server,
    session: requests.Session,
    auth: SignatureAuth,
) -> None:
    auth = replace(auth, scheme=structs.replace(auth.scheme, header=header))
    server.script = [(status, f"{other_server.url}/away")]
    other_server.script = [(307, f"{server.url}/back")]
    response = session.post(server.url, data=BODY, auth=auth, timeout=60)
    sent = [headers for _, headers, _ in (*server.received, *other_server.received)]
    assert [header in headers for headers in sent] == [True, False, False]
    assert ["MerchantId" in headers for headers in sent] == [True, False, False]
    assert [header in step.request.headers for step in (*response.history, response)] == [True, False, False]


def test_a_later_redirect_away_drops_the_signature_too(
    server: Server, other_server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    server.script = [(307, "/next"), (307, other_server.url.replace("127.0.0.1", "localhost"))]
    session.post(server.url, data=BODY, auth=auth, timeout=60)
    assert [signed for _, signed, _, _ in server.requests()] == [True, True]
    assert [signed for _, signed, _, _ in other_server.requests()] == [False]


@pytest.mark.parametrize(
    "location",
    [
        "//example.invalid/",
        "{url}@example.invalid/",
        "{url}\\@example.invalid/",
        "{url}0/",
        "http://x\xe9-.invalid/",
    ],
)
def test_an_odd_location_is_another_origin(
    location: str, server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    server.script = [(307, location.format(url=server.url).encode().decode("latin-1"))]
    response = session.post(server.url, data=BODY, auth=auth, allow_redirects=False, timeout=60)
    assert response.next is not None
    assert not {"Authorization", "MerchantId"} & set(response.next.headers)


@each(
    ("location", "signed"),
    [
        ("https://api.invalid:443/next", True),
        ("https://api.invalid:80/", False),
        ("http://api.invalid/", False),
    ],
)
def test_a_port_that_goes_without_saying_is_the_same_origin(
    location: str, *, signed: bool, auth: SignatureAuth
) -> None:
    request = requests.Request("POST", "https://api.invalid/", data=BODY, auth=auth).prepare()
    response = requests.Response()
    response.status_code, response.headers["Location"] = 307, location
    response.request, response.url = request, "https://api.invalid/"
    for hook in request.hooks["response"]:
        hook(response)
    assert ("Authorization" in request.headers) is signed


def test_a_retry_repeats_the_signature(
    server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    retry = Retry(total=2, status_forcelist=[503], allowed_methods=["POST"], backoff_factor=0)
    session.mount("http://", HTTPAdapter(max_retries=retry))
    server.script = [(503, ""), (503, "")]
    assert session.post(server.url, data=BODY, auth=auth, timeout=60).status_code == 200
    assert server.received == [server.received[0]] * 3


def test_one_auth_signs_each_request_of_a_session_anew(
    server: Server, session: requests.Session, auth: SignatureAuth
) -> None:
    session.auth = auth
    bodies = [b'{"customerId":"1"}', b'{"customerId":"2"}']
    for body in bodies:
        session.post(server.url, data=body, timeout=60)
    headers = [headers["Authorization"] for _, headers, _ in server.received]
    assert headers == [sign(body, auth.key, auth.scheme).header for body in bodies]


def test_the_repr_shows_neither_key_nor_identity(auth: SignatureAuth) -> None:
    assert auth.key not in repr(auth)
    assert IDENTITY[1] not in repr(auth)
