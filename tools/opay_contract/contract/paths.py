"""Reads the paths of URLs: their words, and which of them were meant to be a documented one."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from urllib.parse import unquote

import msgspec

_VERSION = re.compile(r"v\d{1,3}(\.\d{1,3}){0,2}|\d{4}-\d{2}(-\d{2})?", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PARAMETER = re.compile(r"\{[^/{}]+\}")
_MAX_TYPOS = 2
_LETTERS_A_TYPO = 4
"""How many characters a documented segment has for each slip that is taken for one."""


class NearPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path that is no documented one but near to `documented`.

    `shown` is the path as it was asked for, with the names of parameters in place of their values: what is
    left is next to what the contract says, and so nobody's data.
    """

    documented: str
    shown: str


def words_of(segment: str) -> list[str]:
    """Return the words of a name or path in lower case: `tokenInfo` and `token-info` have the same two."""
    return [word.lower() for word in _WORD.findall(segment)]


def is_version(segment: str) -> bool:
    """Tell whether a segment of a path is the version of an API."""
    return _VERSION.fullmatch(segment) is not None


def find_near_path(path: str, documented: Sequence[str]) -> NearPath | None:
    """Return the documented path that `path` differs from by slips alone, or None.

    Slips are letter case, slashes too many, another version or none, `;` parameters, escapes, and typos: one
    in four characters of a segment, two in all. Of several the one with the fewest typos is taken.
    """
    asked = [unquote(segment.partition(";")[0]) for segment in path.split("/")]
    longest = max((template.count("/") for template in documented), default=0)
    if len(asked) > 2 * longest + 8:
        return None
    found = (
        (typos, template)
        for template in documented
        if (typos := _count_typos(asked, template.split("/"))) is not None
    )
    _, nearest = min(found, default=(0, None), key=lambda one: one[0])
    return NearPath(documented=nearest, shown=_shown(asked, path, nearest)) if nearest is not None else None


def _count_typos(asked: list[str], template: list[str]) -> int | None:
    """Return how many typos lie between two paths, or None where they are different ones."""
    typos = 0
    for segment, wanted in zip_longest(_words(asked), _words(template)):
        if segment is None or wanted is None:
            return None
        if _PARAMETER.fullmatch(wanted):
            continue
        allowed = min(_MAX_TYPOS - typos, len(wanted) // _LETTERS_A_TYPO)
        distance = _distance(segment.casefold(), wanted.casefold(), allowed)
        if distance > allowed:
            return None
        typos += distance
    return typos


def _words(segments: list[str]) -> Iterator[str]:
    """Yield the segments that tell one path from another: none that is empty or a version."""
    return (segment for segment in segments if segment and not is_version(segment))


def _distance(left: str, right: str, limit: int) -> int:
    """Return the optimal string alignment distance, or `limit` + 1 where it is more than `limit`."""
    if left == right:
        return 0
    if limit <= 0 or abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit + 1)


def _shown(asked: list[str], path: str, template: str) -> str:
    wanted = _words(template.split("/"))
    shown = []
    for segment, raw in zip(asked, path.split("/"), strict=True):
        word = next(wanted) if segment and not is_version(segment) else segment
        tail = ";*" if ";" in raw else ""
        shown.append((word if _PARAMETER.fullmatch(word) else segment) + tail)
    return "/".join(shown)
