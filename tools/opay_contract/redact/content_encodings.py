"""Puts content codings on a body again, where a recording keeps bodies as they came over the wire."""

import gzip
import zlib

import zstandard

from opay_contract.model.exchange import Headers
from opay_contract.recordings.content_encodings import load_brotli


def encode_body(body: bytes, headers: Headers | None) -> bytes:
    """Return `body` in the codings of its `Content-Encoding`; one that is not known here is left off."""
    values = (value for name, value in headers or () if name.lower() == "content-encoding")
    for coding in (coding.strip().lower() for value in values for coding in value.split(",")):
        if coding in ("gzip", "x-gzip"):
            body = gzip.compress(body, mtime=0)
        elif coding == "zstd":
            body = zstandard.ZstdCompressor().compress(body)
        elif coding == "deflate":
            body = zlib.compress(body)
        elif coding == "br" and (brotli := load_brotli()) is not None:
            body = brotli.compress(body)
    return body
