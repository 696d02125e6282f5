"""Signs what `requests` sends; apart from the rest of the package, which does without `requests`."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.utils import requote_uri
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from opay_contract.signing.signer import SignatureScheme, UnsignableBody, sign

_BODY_KEPT = (307, 308)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAuth(AuthBase):
    """Puts the signature of the bytes that go out into the scheme's header.

    `identity` is the name and value of a header that says whose key signed. On a redirect both headers
    follow only a body that is sent again, and only to the same origin; a retry repeats them as they are.
    """

    key: str = field(repr=False)
    scheme: SignatureScheme
    non_ascii: str | None = None
    identity: tuple[str, str] | None = field(default=None, repr=False)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Sign `r`, the name that `requests` gives a request that is ready but for its authentication."""
        r.body = _bytes_of(r.body)  # text is sent as these bytes by every version of urllib3 from here on
        signature = sign(r.body, self.key, self.scheme, non_ascii=self.non_ascii)
        r.headers[self.scheme.header] = signature.header
        if self.identity is not None:
            name, value = self.identity
            r.headers[name] = value
        r.hooks["response"].append(self._unsign_redirect)
        return r

    def _unsign_redirect(self, response: Response, **_options: Any) -> None:
        """Keep `requests` from carrying the headers along: it drops `Authorization` alone, and not always."""
        if not response.is_redirect or _is_same_signed_request(response):
            return
        followed = response.request  # the session makes the next request from this object
        response.request = followed.copy()  # what was sent stays on record
        followed.headers.pop(self.scheme.header, None)
        if self.identity is not None:
            followed.headers.pop(self.identity[0], None)


def _bytes_of(body: Any) -> bytes:
    if body is None:
        raise UnsignableBody("is missing")
    if isinstance(body, str):
        return body.encode(errors="surrogatepass")  # half a pair becomes bytes that signing refuses
    if not isinstance(body, bytes):
        raise UnsignableBody("is a stream; pass it as bytes")
    return body


def _is_same_signed_request(response: Response) -> bool:
    # Quoted as `requests` quotes it before it connects: `http://here\@there/` leads there, not here.
    target = requote_uri(urljoin(response.url, response.headers["Location"]))
    return response.status_code in _BODY_KEPT and _origin(target) == _origin(response.url)


def _origin(url: str) -> tuple[str | None, str | None, int | None] | None:
    """Return scheme, host and port as urllib3 reads them, for it is what connects."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None
    return parts.scheme, parts.host, parts.port or _PORTS.get(parts.scheme or "")
