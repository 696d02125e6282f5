"""The recording formats: a row for each, in the order in which a file is asked whether it is of one."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib import import_module
from typing import cast

import msgspec

from opay_contract.formats.editing import Policy, Sink, Tally
from opay_contract.formats.foreign import Foreign, find_foreign
from opay_contract.formats.look import (
    HEAD,
    Head,
    is_access_log,
    is_curl,
    is_har,
    is_json,
    is_mitmproxy,
    is_ndjson,
    is_newman,
    is_parquet,
    is_postman,
    is_schemathesis,
    is_vcr,
)
from opay_contract.formats.messages import PlaceOf
from opay_contract.formats.streams import ChunkStream
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


class FormatRow(msgspec.Struct, frozen=True):
    """How a format is told by a file's head, and the module that reads a stream of it and writes it again.

    Parquet, which is read from a file that can be read anywhere, is no stream: it has neither.
    """

    tells: Callable[[Head], bool]
    module: str = ""
    name: str = ""

    @property
    def read(self) -> Read | None:
        """Return what reads a stream of the format."""
        return cast("Read", self._function("read")) if self.module else None

    @property
    def rewrite(self) -> Rewrite | None:
        """Return what writes a stream of the format again."""
        return cast("Rewrite", self._function("rewrite")) if self.module else None

    def _function(self, verb: str) -> object:
        module = import_module(f"opay_contract.formats.{self.module}")  # one reader of a dozen, at start-up
        return getattr(module, f"{verb}_{self.name or self.module}")


FORMATS: dict[Format, FormatRow] = {
    Format.PARQUET: FormatRow(is_parquet),
    Format.CURL: FormatRow(is_curl, "curl"),
    Format.SCHEMATHESIS_NDJSON: FormatRow(is_schemathesis, "schemathesis"),
    Format.MITMPROXY: FormatRow(is_mitmproxy, "mitmproxy"),
    Format.HAR: FormatRow(is_har, "har"),
    Format.VCR: FormatRow(is_vcr, "vcr"),
    Format.ACCESS_LOG: FormatRow(is_access_log, "access_log"),
    Format.NEWMAN: FormatRow(is_newman, "postman", "newman"),
    Format.POSTMAN: FormatRow(is_postman, "postman"),
    Format.NDJSON: FormatRow(is_ndjson, "native", "ndjson"),
    Format.JSON: FormatRow(is_json, "native", "document"),
    Format.BODY: FormatRow(lambda _head: False, "native", "body"),  # a lone body is told as JSON
}

_SURE = (Format.PARQUET, Format.CURL, Format.SCHEMATHESIS_NDJSON, Format.MITMPROXY)
"""Those that no file of another tool looks like."""


def recognise(raw: bytes, size: int = HEAD) -> Format | Foreign | None:
    """Tell the format of a recording from its first `size` bytes; None when it looks like nothing known."""
    head = Head(raw, size)
    told = (name for name, row in FORMATS.items() if row.tells(head))
    found = next(told, None)
    return found if found in _SURE else find_foreign(head) or found
