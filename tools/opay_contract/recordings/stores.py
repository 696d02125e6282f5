"""Objects in stores that fsspec reads: found, opened at any byte, read ahead, and given up in time."""

import errno
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, Self, TypeVar

from opay_contract.errors import UsageError
from opay_contract.formats.errors import StreamError, describe_os_error
from opay_contract.formats.streams import CHUNK
from opay_contract.model.exchange import Hidden

STALL = 180.0
"""Seconds after which a store that sends nothing is given up."""

_AHEAD = 2  # things that are there before they are wanted
_PATIENCE, _STEP = 2.0, 0.01  # seconds that a thread is waited for in the end

T = TypeVar("T")


class Ahead(Generic[T]):
    """The items of an iterator that runs in a thread; any exception there becomes a `StreamError` here."""

    def __init__(self, items: Callable[[], Iterator[T]], describe: Callable[[Exception], str]) -> None:
        """Begin; `describe` says in our own words what an exception means."""
        self._items = items
        self._describe = describe
        self._queue: queue.Queue[tuple[T] | StreamError | None] = queue.Queue(maxsize=_AHEAD)
        self._closed = threading.Event()
        self._end: StreamError | None = None
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        """Return itself."""
        return self

    def __next__(self) -> T:
        """Return the next item; once it has failed, it fails again."""
        if not self._has_ended:
            item = self._take()
            if isinstance(item, tuple):
                return item[0]
            self._has_ended, self._end = True, item
        if self._end is not None:
            raise self._end
        raise StopIteration

    def close(self) -> None:
        """Let the thread go; it is waited for, unless it hangs.

        A thread that is inside of a library of C++ when Python ends takes the process with it.
        """
        self._closed.set()
        end = time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < end:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._thread.join(_STEP)

    def _take(self) -> tuple[T] | StreamError | None:
        try:
            return self._queue.get(timeout=STALL)
        except queue.Empty:
            return StreamError(f"cannot be read: the store sent nothing for {STALL:g} seconds")

    def _run(self) -> None:
        try:
            for item in self._items():
                if self._closed.is_set():
                    return
                self._queue.put((item,))
        except Exception as error:  # noqa: BLE001  every store has exceptions of its own
            self._queue.put(StreamError(self._describe(error)))
        else:
            self._queue.put(None)


PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""The packages that fsspec needs for a protocol, where that is not in the extra."""

MAGIC = re.compile(r"[*?\[]")
"""What makes a pattern of a path."""

_USER = re.compile(r"(?<=://)[^/@]*@")
_QUERY = re.compile(r"\?[^/?=]+=.*$", re.DOTALL)
_HTTP_QUERY = re.compile(r"[?#].*$", re.DOTALL)

BLOCK = 4 << 20
"""How many bytes a store is asked for at a time."""

CHANGED = "changed while it was read; check it again when nothing writes to it"

_STRONG = ("ETag", "etag", "md5Hash", "Content-MD5", "generation")
_WEAK = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
_DENIED, _GONE, _CHANGED = (401, 403), (404, 410), (412,)

Tag = tuple[tuple[str, str], ...]
"""What tells one state of a file from another: size, and hash or time as the store gives them."""


class RemoteObject(Hidden, frozen=True, kw_only=True):
    """An object as it was when it was listed; `url` may hold a credential, so nothing ever shows it.

    `has_ranges` tells that it can be read from the middle.
    """

    url: str
    size: int | None
    tag: Tag
    has_ranges: bool

    def open(self, start: int | None = None) -> "RemoteStream":
        """Open it at a byte, to read some of it, or from the beginning, to read all of it."""
        return RemoteStream(Ahead(lambda: _iter_chunks(self, start), describe_failure))

    def open_anywhere(self) -> Any:
        """Open it as fsspec does, to be read at any place."""
        self.verify()
        file_system, path = open_file_system(self.url)
        return file_system.open(path, "rb", block_size=BLOCK)

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
    if not isinstance(error, OSError) or not isinstance(error.errno, int):
        return f"cannot be read: the store failed with {name}"
    is_refused = error.errno == errno.EINVAL  # what s3fs makes of an answer 400
    refusal = "cannot be read: the store refuses the request; its token may be over, its region another"
    return refusal if is_refused else describe_os_error(error)


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

    Raises ImportError where a package is missing.
    """
    import fsspec  # noqa: PLC0415  an extra, and only where a URL is given

    protocol = url.partition("://")[0]
    try:
        kind = fsspec.get_filesystem_class(protocol)
    except ValueError:
        raise StreamError("cannot be read: no file system is known for this kind of URL") from None
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
    is_stream = start is None and is_http(remote.url)
    with file_system.open(path, "rb", block_size=0 if is_stream else BLOCK) as file:
        if start:
            file.seek(start)
        while chunk := file.read(CHUNK):
            yield chunk
    _verify(remote)


def _iter_verified(remote: RemoteObject) -> Iterator[None]:
    _verify(remote)
    yield


def _verify(remote: RemoteObject) -> None:
    file_system, path = open_file_system(remote.url)
    if not _is_same(remote.tag, tag_of(file_system.info(path))):
        raise StreamError(CHANGED)


FoundObject = tuple[str, RemoteObject | None, str | None, bool]
"""A name that may be shown, the object or what is wrong with it, and whether it was named itself."""


def is_url(path: str) -> bool:
    """Tell whether a path is the URL of something in a store."""
    return "://" in path


def is_http(url: str) -> bool:
    """Tell whether a URL is one of a web server."""
    return url.startswith(("http://", "https://"))


def public_name(path: str) -> str:
    """Return a path, of a URL what may be no credential: no user, password or query of a presigned one."""
    if not is_url(path):
        return path
    query = _HTTP_QUERY if is_http(path.removeprefix("@")) else _QUERY
    return query.sub("", _USER.sub("", path))


def iter_objects(url: str, is_wanted: Callable[[str], bool]) -> Iterator[FoundObject]:
    """Yield the names of the objects at a URL, with the objects, or with what is wrong with them."""
    name = public_name(url)
    try:
        yield from _iter_objects(url, is_wanted)
    except ImportError:
        raise UsageError(f"'{name}': {_missing(url.partition('://')[0])}") from None
    except Exception as error:  # noqa: BLE001  every store has exceptions of its own
        yield name, None, describe_failure(error), True


def _missing(protocol: str) -> str:
    package = PACKAGES.get(protocol)
    more = f" {package}" if package else ""
    return f"a package for this kind of URL is missing; pip install 'opay-contract[dask]'{more}"


def _iter_objects(url: str, is_wanted: Callable[[str], bool]) -> Iterator[FoundObject]:
    if "::" in url:
        raise StreamError("cannot be read: chained URLs (with '::') are not followed; name the object itself")
    file_system, path = open_file_system(url)
    is_pattern = MAGIC.search(public_name(url) if is_http(url) else url)
    infos = file_system.glob(path, detail=True) if is_pattern else {path: file_system.info(path)}
    if not infos:
        raise StreamError("nothing there fits the pattern")
    for found in sorted(infos, key=order_of):
        is_folder = infos[found]["type"] == "directory"
        below = _below(file_system, found, is_wanted) if is_folder else {found: infos[found]}
        for one in sorted(below, key=order_of):
            yield _object(file_system, url, one, below[one], is_named=not is_folder)


def _below(file_system: Any, folder: str, is_wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Return the objects below a folder that are wanted; dot files are passed over."""
    start = len(folder.rstrip("/")) + 1
    found = file_system.find(folder, detail=True)
    return {
        name: info
        for name, info in found.items()
        if is_wanted(name) and not any(step.startswith(".") for step in name[start:].split("/"))
    }


def _object(file_system: Any, url: str, path: str, info: dict[str, Any], *, is_named: bool) -> FoundObject:
    if info.get("size") is None:  # listings of web servers tell no sizes
        info = file_system.info(path)
    own = _url_of(file_system, url, path)
    remote = RemoteObject(
        url=own,
        size=info.get("size"),
        tag=tag_of(info),
        has_ranges=info.get("partial") is not False,
    )
    return public_name(own), remote, None, is_named


def _url_of(file_system: Any, url: str, path: str) -> str:
    """Return the URL of an object beside `url`: one that leads to the same store and to `path`."""
    protocol, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    bare = path.lstrip("/")
    candidates = (
        file_system.unstrip_protocol(path),
        f"{protocol}://{authority}/{bare}",
        f"{protocol}://{authority}/{bare.partition('/')[2]}",
    )
    wanted = (open_file_system(url)[0], path)
    for candidate in candidates:
        if open_file_system(candidate) == wanted:
            return candidate
    raise StreamError("cannot be read: the URL does not tell where the store is; set the store up for fsspec")


def order_of(name: str) -> list[str]:
    """Order names as a walk through folders meets them."""
    return name.split("/")
