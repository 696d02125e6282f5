"""An object in a store that fsspec reads: opened at any byte, read ahead, and given up when nothing comes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from opay_contract.recordings.ahead import Ahead
from opay_contract.recordings.refusals import StreamError, describe_os_error
from opay_contract.recordings.streams import CHUNK

BLOCK = 4 << 20
"""How many bytes a store is asked for at a time."""

CHANGED = "changed while it was read; check it again when nothing writes to it"

_STRONG = ("ETag", "etag", "md5Hash", "Content-MD5", "generation")
_WEAK = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
_DENIED, _GONE, _CHANGED = (401, 403), (404, 410), (412,)

Tag = tuple[tuple[str, str], ...]
"""What tells one state of a file from another: size, and hash or time as the store gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteObject:
    """An object as it was when it was listed; `url` may hold a credential, so nothing ever shows it.

    `has_ranges` tells that it can be read from the middle.
    """

    url: str = field(repr=False)
    size: int | None
    tag: Tag
    has_ranges: bool

    def open(self, start: int | None = None) -> "RemoteStream":
        """Open it at a byte, to read some of it, or from the beginning, to read all of it."""
        return RemoteStream(Ahead(lambda: _iter_chunks(self, start), describe_failure))

    def verify(self) -> None:
        """Raise a `StreamError` when the object is no longer what was listed."""
        for _ in Ahead(lambda: _iter_verified(self), describe_failure):
            pass


class RemoteStream:
    """The bytes of an object."""

    def __init__(self, chunks: Ahead[bytes]) -> None:
        """Take the chunks as they come."""
        self._chunks = chunks
        self._rest = b""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes of what is there, and nothing only at the end."""
        chunk = self._rest or next(self._chunks, b"")
        data = chunk if size < 0 else chunk[:size]
        self._rest = chunk[len(data) :]
        return data

    def close(self) -> None:
        """Stop reading ahead."""
        self._chunks.close()


def describe_failure(error: Exception) -> str:
    """Say in our own words why a store did not give an object; its words may quote a credential."""
    if isinstance(error, StreamError):
        return error.reason
    if isinstance(error, ImportError):
        return "cannot be read: a package for this kind of URL is missing where it is read"
    name, status = type(error).__name__, _status(error) or _status(error.__cause__)
    if status in _CHANGED or name == "FileExpired":
        return CHANGED
    if isinstance(error, PermissionError) or status in _DENIED or "Credentials" in name:
        return "cannot be read: permission denied"
    if status is not None and status not in _GONE:
        return f"cannot be read: the store answered with status {status}"
    if isinstance(error, TimeoutError):
        return "cannot be read: the store did not answer in time"
    if _is_unreachable(error) or _is_unreachable(error.__cause__):
        return "cannot be read: the store cannot be reached"
    if isinstance(error, FileNotFoundError) or status in _GONE:
        return "cannot be read: no such file or directory"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return describe_os_error(error)
    return f"cannot be read: the store failed with {name}"


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status of a failure: aiohttp calls it so, gcsfs calls it a code."""
    found = getattr(error, "status", None) or getattr(error, "code", None)
    return found if isinstance(found, int) else None


def _is_unreachable(error: BaseException | None) -> bool:
    return type(error).__name__ in ("ClientConnectorError", "EndpointConnectionError", "ConnectTimeoutError")


@lru_cache(maxsize=64)
def _file_system(protocol: str, options: tuple[tuple[str, Any], ...]) -> Any:
    """Make a file system once for all threads; listings are not remembered, so that a change is seen."""
    import fsspec  # noqa: PLC0415  an extra, and only where a URL is given

    return fsspec.filesystem(protocol, use_listings_cache=False, skip_instance_cache=True, **dict(options))


def open_file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and what the URL is called there.

    Raises ImportError where a package is missing, ValueError where nobody knows the protocol.
    """
    import fsspec  # noqa: PLC0415  an extra, and only where a URL is given

    protocol = url.partition("://")[0]
    kind = fsspec.get_filesystem_class(protocol)
    options = kind._get_kwargs_from_urls(url)  # noqa: SLF001  fsspec's own way for those who subclass it
    return _file_system(protocol, tuple(sorted(options.items()))), kind._strip_protocol(url)  # noqa: SLF001


def tag_of(info: dict[str, Any]) -> Tag:
    """Return what tells this state of an object from another."""
    names = ("size", *_STRONG, *_WEAK)
    return tuple((name, _plain(info[name])) for name in names if info.get(name) is not None)


def _plain(value: Any) -> str:
    """Write a time in one way: a listing may have seconds where the answer about one object has a date."""
    seconds = value.timestamp() if isinstance(value, datetime) else value
    return f"{seconds:.3f}" if isinstance(seconds, float) else str(seconds)


def _is_same(before: Tag, now: Tag) -> bool:
    """Compare what both tell; times only where there is no hash, for stores round them in some answers."""
    left, right = dict(before), dict(now)
    shared = [name for name in left if name in right]
    if any(name in _STRONG for name in shared):
        shared = [name for name in shared if name not in _WEAK]
    return all(left[name] == right[name] for name in shared)


def _iter_chunks(remote: RemoteObject, start: int | None) -> Iterator[bytes]:
    file_system, path = open_file_system(remote.url)
    _verify(remote)
    # Without a block size HTTP is read as one stream, which servers without ranges can do.
    with file_system.open(path, "rb", block_size=0 if start is None and _is_http(remote) else BLOCK) as file:
        if start:
            file.seek(start)
        while chunk := file.read(CHUNK):
            yield chunk
    _verify(remote)


def _is_http(remote: RemoteObject) -> bool:
    return remote.url.startswith(("http://", "https://"))


def _iter_verified(remote: RemoteObject) -> Iterator[None]:
    _verify(remote)
    yield


def _verify(remote: RemoteObject) -> None:
    file_system, path = open_file_system(remote.url)
    if not _is_same(remote.tag, tag_of(file_system.info(path))):
        raise StreamError(CHANGED)
