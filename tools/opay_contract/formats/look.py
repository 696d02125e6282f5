"""What a file's first bytes show: the beginning of its text, and the members of its first JSON texts."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from opay_contract.formats.errors import StreamError
from opay_contract.formats.json_cursor import JsonCursor

HEAD = 64 << 10
"""How many bytes of a file are looked at to tell its format."""

LISTED = "[]"
"""Stands among the members of a list's first item, to tell it from an object."""

_LINES_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What the first bytes show of a JSON text: its members, or those of the first item of a list.

    A name leads to the byte with which the value begins; a member of a member is `outer/inner`. A list has
    `LISTED` among its members. `is_whole` if no member is missing.
    """

    members: dict[str, bytes]
    is_whole: bool

    @property
    def is_exchange(self) -> bool:
        """Whether it has the response that an exchange of the native format has."""
        return self.members.get("response") == b"{"


class Head:
    """The first bytes of a file, and what they show; `is_whole` if there are no more."""

    def __init__(self, raw: bytes, size: int = HEAD) -> None:
        """Take the first `size` bytes, or all there are."""
        self.raw = raw
        self.text = raw.removeprefix(codecs.BOM_UTF8).lstrip()
        self.is_whole = len(self.text) < size
        self.is_bracketed = self.text.startswith((b"{", b"["))

    @property
    def is_json(self) -> bool:
        """Whether it is JSON and not YAML in flow style, by what stands behind the first brackets."""
        return self.is_bracketed and _JSON.match(self.text) is not None

    @cached_property
    def look(self) -> Look:
        """What the first JSON text shows; nothing where there is none."""
        return next(iter_looks(self.text), _NOTHING) if self.is_bracketed else _NOTHING


_JSON = re.compile(rb"(?:\[\s*+)?+\{?+\s*+(?:[\"{}\[\]0-9-]|true|false|null|\Z)")
_NOTHING = Look({}, is_whole=False)


def is_undecided(head: bytes) -> bool:
    """Tell whether it takes more than these first bytes to say if a collection is a run's."""
    look = next(iter_looks(head), None)
    return (
        look is not None and not look.is_whole and "collection" in look.members and "run" not in look.members
    )


def iter_looks(head: bytes) -> Iterator[Look]:
    """Yield what the first JSON texts of a file show, as far as the file's first bytes go."""
    cursor = JsonCursor(io.BytesIO(head))
    try:
        for _ in range(_LINES_LOOKED_AT):
            if not cursor.peek():
                return
            yield from _iter_look(cursor)
    except StreamError:
        return


def _iter_look(cursor: JsonCursor) -> Iterator[Look]:
    """Yield a look at the next value, also when that breaks off, and go on behind it."""
    members: dict[str, bytes] = {}
    is_list, is_whole = cursor.peek() == b"[", False
    items = cursor.iter_items() if is_list else iter([None])
    try:
        if is_list:
            members[LISTED] = b"["
        if next(items, items) is None:
            _add_members(cursor, members, "", 2)
        is_whole = True
    finally:
        yield Look(members, is_whole)
    for _ in items:
        cursor.skip_value()


def _add_members(cursor: JsonCursor, members: dict[str, bytes], before: str, depth: int) -> None:
    """Take the next value, and add the members of an object and of the objects in it."""
    if cursor.peek() != b"{" or not depth:
        cursor.skip_value()
        return
    for name in cursor.iter_members():
        members[before + name] = cursor.peek()
        _add_members(cursor, members, f"{before}{name}/", depth - 1)
