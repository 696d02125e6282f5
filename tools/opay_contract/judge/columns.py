"""Values of many bodies, place by place: what is looked at together and counted together."""

from collections.abc import Iterable, Iterator
from itertools import chain, compress, repeat
from operator import itemgetter
from typing import Any

from opay_contract.jsontext import Tokens
from opay_contract.judge.shapes import EACH, Shape


class Column:
    """A place, with the values that stand there in bodies of a table.

    `shapes` are those of the values, one or several; `kind` is their type, None where there are several. It
    is `everywhere` if each value above has one; where it is not, some values above are the ones `having` one.
    The values are taken from those above when they are asked for.
    """

    __slots__ = ("_having", "_values", "above", "everywhere", "kind", "path", "shapes")

    def __init__(
        self, path: Tokens, above: "Column | None", shapes: frozenset[Shape], *, everywhere: bool = True
    ) -> None:
        self.path = path
        self.above = above
        self.shapes = shapes
        self.everywhere = everywhere
        kinds = {shape.kind for shape in shapes}
        self.kind = kinds.pop() if len(kinds) == 1 else None
        self._having: list[bool] = []
        self._values: list[Any] | None = []

    @property
    def values(self) -> list[Any]:
        """The values, in the order of the bodies."""
        if self._values is None:
            self._values = self._taken()
        return self._values

    def fill(self, values: list[Any] | None) -> None:
        """Take values in place of those before; None for those that are below the values above."""
        self._values = values

    def _taken(self) -> list[Any]:
        assert self.above is not None  # noqa: S101  the root is given its values
        above, name = self.above.values, self.path[-1]
        if name == EACH:
            lists = above if self.above.kind is list else [one if type(one) is list else () for one in above]
            return list(chain.from_iterable(lists))
        if self.everywhere:
            return list(map(itemgetter(name), above))
        self._having = [type(one) is dict and name in one for one in above]
        return [one[name] for one in compress(above, self._having)]

    def spread(self, above: list[Any]) -> list[Any]:
        """Return for each value here what is said of the value above it."""
        assert self.above is not None  # noqa: S101
        if self.path[-1] == EACH:
            pairs = zip(above, self.above.values, strict=True)
            return [said for said, one in pairs if type(one) is list for said in repeat(said, len(one))]
        if self.everywhere:
            return above
        return list(compress(above, self._having)) if self.values else []


class Table:
    """The places of bodies of one shape or of several, those above before those below."""

    __slots__ = ("by_path", "columns")

    def __init__(self, *shapes: Shape) -> None:
        self.columns = tuple(_columns(Column((), None, frozenset(shapes))))
        self.by_path = {column.path: column for column in self.columns}

    def fill(self, values: list[Any]) -> None:
        """Take bodies in place of those before; values below are taken from them when they are asked for."""
        for column in self.columns:
            column.fill(None)
        self.columns[0].fill(values)

    def at(self, path: Tokens) -> list[Any]:
        """Return the values at a place, in the order of the bodies; none where there is no such place."""
        column = self.by_path.get(path)
        return column.values if column is not None else []


def _columns(column: Column) -> Iterator[Column]:
    yield column
    path, shapes = column.path, column.shapes
    members: dict[str, list[Shape]] = {}
    for shape in shapes:
        for name, member in shape.members.items():
            members.setdefault(name, []).append(member)
    for name, found in members.items():
        everywhere = len(found) == len(shapes)
        yield from _columns(Column((*path, name), column, frozenset(found), everywhere=everywhere))
    items: Iterable[Shape] = frozenset().union(*[shape.items for shape in shapes])
    if items:
        yield from _columns(Column((*path, EACH), column, frozenset(items)))
