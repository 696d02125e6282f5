"""Finds what the user named: files, URLs, patterns, folders and manifests, in a stable order."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from opay_contract.errors import UsageError
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.recordings.reading import iter_list_lines
from opay_contract.recordings.refusals import StreamError
from opay_contract.recordings.remote import RemoteObject, describe_failure, open_file_system, tag_of
from opay_contract.recordings.sources import STDIN, Repeats, Source, has_recording_name, iter_sources
from opay_contract.words import did_you_mean

MANIFEST = "@"
"""What stands before the name of a file that lists what to read."""

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""The packages that fsspec needs for a protocol, where that is not in the extra."""

_MOST_NAMED = 5
_MAGIC = re.compile(r"[*?\[]")
_NO_PATH = re.compile(r"[\x00-\x1f\x7f]|^[{\[]\s*[\"\[{]|^[*<>] |^.{4096}", re.DOTALL)
"""What no line of a list is: control characters, JSON, a line of curl's, or more than a path may have."""

_USER = re.compile(r"(?<=://)[^/@]*@")
_QUERY = re.compile(r"\?[^/?=]+=.*$", re.DOTALL)
_HTTP_QUERY = re.compile(r"[?#].*$", re.DOTALL)

_Found = tuple[str, RemoteObject | None, str | None, bool]


def is_url(path: str) -> bool:
    """Tell whether a path is the URL of something in a store."""
    return "://" in path


def public_name(url: str) -> str:
    """Return a URL without what may be a credential: user and password, and the query of a presigned URL."""
    query = _HTTP_QUERY if url.startswith(("http://", "https://")) else _QUERY
    return query.sub("", _USER.sub("", url))


def find_missing(paths: Sequence[str], *, literally: bool = False) -> str | None:
    """Return which of the paths that were named do not exist, in words, or None where all do.

    What a pattern, a list or a store has is not looked at here: that is part of the run. With `literally`
    the paths are names of files and folders and nothing else.
    """
    missing = [path for path in paths if path != STDIN and _is_missing(path, literally=literally)]
    if not missing:
        return None
    named = ", ".join(f"'{path}'" for path in missing[:_MOST_NAMED])
    more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
    hint = _hint(missing[0].removeprefix("" if literally else MANIFEST)) if len(missing) == 1 else ""
    return f"no such file or folder: {named}{more}{hint}"


def _is_missing(path: str, *, literally: bool) -> bool:
    name = path if literally else path.removeprefix(MANIFEST)
    if not literally and is_url(name):
        return False
    try:
        os.stat(name)  # noqa: PTH116  as in sources, for the same reasons
    except (FileNotFoundError, NotADirectoryError):
        return literally or not _MAGIC.search(name)
    except (OSError, ValueError):
        return False  # it is there and cannot be read, which the run says
    return False


def _hint(path: str) -> str:
    """Return which name of the same folder may have been meant."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return ""
    hint = did_you_mean(name, names, cutoff=0.8, folder=folder)
    return f"; {hint}" if hint else ""


def iter_inputs(
    paths: Sequence[str], repeats: Repeats | None = None, max_unpacked: int | None = None
) -> Iterator[Source | Unreadable]:
    """Yield what there is to read at `paths`, in their order; what cannot be found is a value, too.

    What is named again is left out, and stands in `repeats`. A packed file may unpack to `max_unpacked`
    bytes, or else to as much as is usual.
    """
    known = Repeats() if repeats is None else repeats
    named = (item for path in paths for item in _iter_named(path))
    found = (item for item in named if isinstance(item, Unreadable) or not known.is_repeat(item))
    for ordinal, item in enumerate(found):
        if isinstance(item, Source):
            yield replace(item, ordinal=ordinal, max_unpacked=max_unpacked)
        else:
            yield structs.replace(item, place=structs.replace(item.place, source=ordinal))


def _iter_named(path: str) -> Iterator[Source | Unreadable]:
    if path.startswith(MANIFEST):
        yield from _iter_manifest(path)
    else:
        yield from _iter_plain(path)


def _iter_manifest(path: str) -> Iterator[Source | Unreadable]:
    """Read a manifest: a path, pattern or URL a line; blank lines and comments (#) are passed over."""
    for manifest in _iter_plain(path.removeprefix(MANIFEST)):
        if isinstance(manifest, Unreadable):
            yield manifest
            continue
        try:
            for number, line in iter_list_lines(manifest):
                name = line.strip()
                if name and not name.startswith("#"):
                    yield from _iter_listed(name, manifest.place(0, number))
        except StreamError as error:
            yield Unreadable(place=manifest.place(0), reason=f"the manifest {error.reason}")


def _iter_listed(name: str, place: Place) -> Iterator[Source | Unreadable]:
    """Yield what a line of a manifest names; a line that names nothing is said by its number alone."""
    if _NO_PATH.search(name):
        raise UsageError(f"'{place.file}' is no list of paths: line {place.line} cannot be one")
    is_pattern = is_url(name) or _MAGIC.search(name)
    try:
        for found in _iter_plain(name):
            is_named = isinstance(found, Source) or (is_pattern and found.place.file != public_name(name))
            reason = "" if isinstance(found, Source) else f"line {place.line}: {found.reason}"
            yield found if is_named else Unreadable(place=place, reason=reason)
    except UsageError as error:
        reason = str(error).removeprefix(f"'{public_name(name)}': ")
        raise UsageError(f"'{place.file}', line {place.line}: {reason}") from None


def _iter_plain(path: str) -> Iterator[Source | Unreadable]:
    if is_url(path):
        for name, remote, reason, is_named in _iter_found(path):
            source = Source(ordinal=0, name=name, path=None, remote=remote, is_named=is_named)
            yield source if reason is None else Unreadable(place=source.place(0), reason=reason)
    elif _MAGIC.search(path) and not is_there(path):
        yield from _iter_pattern(path)
    else:
        yield from iter_sources([path])


def is_there(path: str) -> bool:
    """Tell whether there is anything at a path, which may be too long to be one."""
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises for what is too long


def _iter_pattern(pattern: str) -> Iterator[Source | Unreadable]:
    names = _expand_local(pattern)
    if names:
        yield from iter_sources(names)
    else:
        place = Place(source=0, entry=0, file=pattern)
        yield Unreadable(place=place, reason="cannot be read: nothing there fits the pattern")


def _expand_local(pattern: str) -> list[str]:
    try:
        return sorted(glob.glob(pattern, recursive=True), key=_order)  # noqa: PTH207  it may be absolute
    except (OSError, ValueError, RecursionError):
        return []


def _iter_found(url: str) -> Iterator[_Found]:
    """Yield the names of the objects at a URL, with the objects, or with what is wrong with them."""
    name = public_name(url)
    try:
        yield from _iter_objects(url)
    except ImportError:
        raise UsageError(f"'{name}': {_missing(url.partition('://')[0])}") from None
    except ValueError:
        yield name, None, "cannot be read: no file system is known for this kind of URL", True
    except Exception as error:  # noqa: BLE001  every store has exceptions of its own
        yield name, None, describe_failure(error), True


def _missing(protocol: str) -> str:
    package = PACKAGES.get(protocol)
    more = f" {package}" if package else ""
    return f"a package for this kind of URL is missing; pip install 'opay-contract[dask]'{more}"


def _iter_objects(url: str) -> Iterator[_Found]:
    if "::" in url:
        raise StreamError("cannot be read: chained URLs (with '::') are not followed; name the object itself")
    file_system, path = open_file_system(url)
    is_pattern = _MAGIC.search(url if not url.startswith(("http://", "https://")) else public_name(url))
    infos = _expand(file_system, path) if is_pattern else {path: file_system.info(path)}
    if not infos:
        raise StreamError("nothing there fits the pattern")
    for found in sorted(infos, key=_order):
        is_folder = infos[found]["type"] == "directory"
        below = _below(file_system, found) if is_folder else {found: infos[found]}
        for one in sorted(below, key=_order):
            yield _object(file_system, url, one, below[one], is_named=not is_folder)


def _expand(file_system: Any, path: str) -> dict[str, Any]:
    found: dict[str, Any] = file_system.glob(path, detail=True)
    return found


def _below(file_system: Any, folder: str) -> dict[str, Any]:
    """Return the objects below a folder that are named like recordings; dot files are passed over."""
    start = len(folder.rstrip("/")) + 1
    found = file_system.find(folder, detail=True)
    return {
        name: info
        for name, info in found.items()
        if has_recording_name(name) and not any(step.startswith(".") for step in name[start:].split("/"))
    }


def _object(file_system: Any, url: str, path: str, info: dict[str, Any], *, is_named: bool) -> _Found:
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


def _order(name: str) -> list[str]:
    """Order names as a walk through folders meets them."""
    return name.split("/")
