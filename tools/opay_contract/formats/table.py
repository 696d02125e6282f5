"""The recording formats: a row for each, in the order in which a file is asked whether it is of one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from opay_contract.formats.access_log import is_access_log, read_access_log, rewrite_access_log
from opay_contract.formats.curl import is_curl, read_curl, rewrite_curl
from opay_contract.formats.editing import Policy, Sink, Tally
from opay_contract.formats.foreign import Foreign, find_foreign
from opay_contract.formats.har import is_har, read_har, rewrite_har
from opay_contract.formats.look import HEAD, Head
from opay_contract.formats.messages import PlaceOf
from opay_contract.formats.mitmproxy import is_mitmproxy, read_mitmproxy, rewrite_mitmproxy
from opay_contract.formats.native import (
    is_json,
    is_ndjson,
    read_body,
    read_document,
    read_ndjson,
    rewrite_body,
    rewrite_document,
    rewrite_ndjson,
)
from opay_contract.formats.newman import is_newman, read_newman, rewrite_newman
from opay_contract.formats.parquet import is_parquet
from opay_contract.formats.postman import is_postman, read_postman, rewrite_postman
from opay_contract.formats.schemathesis import is_schemathesis, read_schemathesis, rewrite_schemathesis
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.vcr import is_vcr, read_vcr, rewrite_vcr
from opay_contract.model.exchange import Exchange, Unreadable


class Format(StrEnum):
    """What a recording may be; the values are the words of `--format-in`."""

    HAR = "har"
    VCR = "vcr"
    NDJSON = "ndjson"
    JSON = "json"
    BODY = "body"
    SCHEMATHESIS_NDJSON = "schemathesis-ndjson"
    MITMPROXY = "mitmproxy"
    POSTMAN = "postman"
    NEWMAN = "newman"
    CURL = "curl"
    ACCESS_LOG = "access-log"
    PARQUET = "parquet"


Read = Callable[[PlaceOf, ChunkStream], Iterator[Exchange | Unreadable]]
Rewrite = Callable[[Policy, ChunkStream, Sink, Tally], None]


def _is_never_told(_head: Head) -> bool:
    """Tell a lone body from nothing: it is read as `Format.JSON`, unless it is asked for."""
    return False


@dataclass(frozen=True, slots=True)
class FormatRow:
    """How a format is told by a file's head, and how a stream of it is read and written again.

    Parquet, which is read from a file that can be read anywhere, is no stream: it has neither.
    """

    tells: Callable[[Head], bool]
    read: Read | None = None
    rewrite: Rewrite | None = None


FORMATS: dict[Format, FormatRow] = {
    Format.PARQUET: FormatRow(is_parquet),
    Format.CURL: FormatRow(is_curl, read_curl, rewrite_curl),
    Format.SCHEMATHESIS_NDJSON: FormatRow(is_schemathesis, read_schemathesis, rewrite_schemathesis),
    Format.MITMPROXY: FormatRow(is_mitmproxy, read_mitmproxy, rewrite_mitmproxy),
    Format.HAR: FormatRow(is_har, read_har, rewrite_har),
    Format.VCR: FormatRow(is_vcr, read_vcr, rewrite_vcr),
    Format.ACCESS_LOG: FormatRow(is_access_log, read_access_log, rewrite_access_log),
    Format.NEWMAN: FormatRow(is_newman, read_newman, rewrite_newman),
    Format.POSTMAN: FormatRow(is_postman, read_postman, rewrite_postman),
    Format.NDJSON: FormatRow(is_ndjson, read_ndjson, rewrite_ndjson),
    Format.JSON: FormatRow(is_json, read_document, rewrite_document),
    Format.BODY: FormatRow(_is_never_told, read_body, rewrite_body),
}

_SURE = (Format.PARQUET, Format.CURL, Format.SCHEMATHESIS_NDJSON, Format.MITMPROXY)
"""Those that no file of another tool looks like."""


def recognise(raw: bytes, size: int = HEAD) -> Format | Foreign | None:
    """Tell the format of a recording from its first `size` bytes; None when it looks like nothing known."""
    head = Head(raw, size)
    told = (name for name, row in FORMATS.items() if row.tells(head))
    found = next(told, None)
    return found if found in _SURE else find_foreign(head) or found
