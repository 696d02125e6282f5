"""Edits of a document, carried out on its value, and on its text, so that comments and layout stay.

The places come from the marks of PyYAML's nodes, which JSON files have too. A writer that keeps round trips
would lay out the whole file anew; here what is not edited keeps every byte.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import yaml

from opay_contract.contract.documents import compose_document
from opay_contract.jsontext import Tokens, value_at


class _Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done at a place of a document; where an index of a list is text, it is read as one."""

    file: str
    at: Tokens


class Put(_Edit, frozen=True, kw_only=True):
    """Another value for what stands at a place."""

    value: Any


class Rename(_Edit, frozen=True, kw_only=True):
    """Another name and another value for the member at a place, which keeps its position."""

    name: str
    value: Any


class Add(_Edit, frozen=True, kw_only=True):
    """One more member of the mapping at a place, behind the member `after`, or the last."""

    name: str
    value: Any
    after: str | None = None


class Append(_Edit, frozen=True, kw_only=True):
    """One more item at the end of the list at a place."""

    value: Any


class Remove(_Edit, frozen=True, kw_only=True):
    """The member or the item at a place, gone."""


Edit = Put | Rename | Add | Append | Remove


def edit_value(value: Any, edit: Edit) -> Any:
    """Return a document's value after an edit, at whose place something stands."""
    changed = copy.deepcopy(value)
    match edit:
        case Add():
            mapping = value_at(changed, edit.at)
            names = list(mapping)
            position = names.index(edit.after) + 1 if edit.after in names else len(names)
            _refill(
                mapping, [*names[:position], edit.name, *names[position:]], mapping | {edit.name: edit.value}
            )
        case Append():
            value_at(changed, edit.at).append(edit.value)
        case Put():
            value_at(changed, edit.at[:-1])[edit.at[-1]] = edit.value
        case Remove():
            del value_at(changed, edit.at[:-1])[edit.at[-1]]
        case Rename():
            mapping, old = value_at(changed, edit.at[:-1]), edit.at[-1]
            names = [edit.name if name == old else name for name in mapping]
            _refill(mapping, names, mapping | {edit.name: edit.value})
    return changed


def _refill(mapping: dict[str, Any], names: list[str], members: dict[str, Any]) -> None:
    """Give a mapping members in the order of their names; raises LayoutError where two have one name."""
    if len(set(names)) < len(names):
        raise LayoutError
    mapping.clear()
    mapping.update({name: members[name] for name in names})


class LayoutError(Exception):
    """The text is laid out in a way in which an edit cannot be written."""


class FoundNode(msgspec.Struct, frozen=True):
    """A node, the node of its name where it is a member, and the node that it stands in."""

    node: yaml.Node
    key: yaml.Node | None
    holder: yaml.Node | None

    @property
    def start(self) -> int:
        """Where it begins in the text, with its name."""
        return start_of(self.key or self.node)


def find_node(root: yaml.Node, place: Tokens, *, is_replaced: bool) -> FoundNode:
    """Return what stands at a place; raises LayoutError where nothing does, or aliases repeat it.

    An edit there would change every repetition. What is to be replaced may not hold an anchor either.
    """
    shared = _shared_nodes(root)
    found = FoundNode(root, None, None)
    for token in place:
        found = _child(found.node, token)
        if id(found.node) in shared:
            raise LayoutError
    if is_replaced and any(id(node) in shared for node in _iter_nodes(found.node)):
        raise LayoutError
    return found


def start_of(node: yaml.Node) -> int:
    """Return where a node begins in the text."""
    return int(node.start_mark.index)


def end_of(node: yaml.Node) -> int:
    """Return where a node ends; that of a block has the comments and blank lines after it, too."""
    return int(node.end_mark.index)


def _child(holder: yaml.Node, token: str | int) -> FoundNode:
    if isinstance(holder, yaml.MappingNode):
        for key, node in holder.value:
            if key.value == str(token):
                return FoundNode(node, key, holder)
    elif isinstance(holder, yaml.SequenceNode) and isinstance(token, int) and token < len(holder.value):
        return FoundNode(holder.value[token], None, holder)
    raise LayoutError


def _shared_nodes(root: yaml.Node) -> set[int]:
    """Return the identities of the nodes that are used more than once: an alias is its anchor's node."""
    seen: set[int] = set()
    shared: set[int] = set()
    for node in _iter_nodes(root):
        (shared if id(node) in seen else seen).add(id(node))
    return shared


def _iter_nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and those inside it, each as often as it is used, but what is inside it once."""
    entered: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, yaml.CollectionNode) and id(node) not in entered:
            entered.add(id(node))
            for one in node.value:
                waiting.extend(one if isinstance(one, tuple) else (one,))


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*[.;]?")
_NOT_TEXT = re.compile(r"(null|true|false|yes|no|on|off|y|n)", re.IGNORECASE)
_WIDTH = 88


class Notation(msgspec.Struct, frozen=True, kw_only=True):
    """How a text writes values: as JSON or YAML, with which indentation and line ends.

    `padding` stands inside the braces of an object that is written in one line.
    """

    is_json: bool
    step: str = "  "
    newline: str = "\n"
    padding: str = ""

    def inline(self, value: Any) -> str:
        """Return a value in one line."""
        if isinstance(value, dict):
            members = ", ".join(f"{self.inline(name)}: {self.inline(one)}" for name, one in value.items())
            return f"{{{self.padding}{members}{self.padding}}}" if value else "{}"
        if isinstance(value, list):
            return f"[{', '.join(map(self.inline, value))}]"
        if isinstance(value, str) and not self.is_json:
            return _yaml_text(value)
        return json.dumps(value, ensure_ascii=False)

    def braced(self, value: Any, indent: str | None) -> str:
        """Return a value in braces, with a line for each member where one line would not do.

        `indent` is that of the line on which it begins, None where everything goes into this line.
        """
        if indent is None or not self._takes_lines(value):
            return self.inline(value)
        inner = indent + self.step
        if isinstance(value, dict):
            lines = [f"{inner}{self.inline(name)}: {self.braced(one, inner)}" for name, one in value.items()]
        else:
            lines = [inner + self.braced(one, inner) for one in value]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return self.newline.join([opening, f",{self.newline}".join(lines), f"{indent}{closing}"])

    def block(self, value: dict[str, Any], indent: str) -> str:
        """Return the members of a mapping as YAML, a line each, deeper mappings below their names."""
        return self.newline.join(
            f"{indent}{self.inline(name)}:{self.newline}{self.block(one, indent + self.step)}"
            if isinstance(one, dict) and one
            else f"{indent}{self.inline(name)}: {self.inline(one)}"
            for name, one in value.items()
        )

    def _takes_lines(self, value: Any) -> bool:
        if isinstance(value, list):
            return any(isinstance(one, dict | list) for one in value)
        return isinstance(value, dict) and (len(value) > 1 or len(self.inline(value)) > _WIDTH)


def _yaml_text(text: str) -> str:
    """Return text without quotes where every reader of YAML takes it for text, else in single quotes."""
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    return json.dumps(text) if not text.isprintable() else "'" + text.replace("'", "''") + "'"


_ALIAS = re.compile(r"\s*:\s+\*[^\s,\[\]{}]+")
"""What stands between a name and the end of the alias that is its value."""


def edit_text(text: str, edit: Edit) -> str:
    """Return a document's text after an edit; raises LayoutError where it cannot be written there."""
    if text.startswith("\ufeff"):
        raise LayoutError
    found = find_node(
        compose_document(text, edit.file), edit.at, is_replaced=isinstance(edit, Put | Rename | Remove)
    )
    page = _Page(text, is_json=edit.file.endswith(".json"))
    match edit:
        case Add():
            return page.add(found.node, edit)
        case Append():
            return page.append(found.node, edit.value)
        case Put():
            return page.put(found.node, edit.value)
        case Rename():
            return page.rename(found, edit)
        case Remove():
            return page.remove(found)


class _Page:
    """A text and where things can be written in it."""

    def __init__(self, text: str, *, is_json: bool) -> None:
        self._text = text
        self._is_json = is_json
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def put(self, node: yaml.Node, value: Any) -> str:
        is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
        if is_block or start_of(node) == end_of(node):  # nothing stands there
            raise LayoutError
        return self._replace(start_of(node), self._content_end(node), self._notation().inline(value))

    def rename(self, found: FoundNode, edit: Rename) -> str:
        if found.key is None:
            raise LayoutError
        renamed = self.put(found.node, edit.value)
        name = self._notation().inline(edit.name)
        return renamed[: start_of(found.key)] + name + renamed[end_of(found.key) :]

    def add(self, mapping: yaml.Node, edit: Add) -> str:
        if not isinstance(mapping, yaml.MappingNode):
            raise LayoutError
        names = [key.value for key, _ in mapping.value]
        at = names.index(edit.after) if edit.after in names else len(names) - 1
        if not mapping.flow_style:
            return self._add_below(mapping, at, edit)
        siblings = [(start_of(key), self._end_of(key, node)) for key, node in mapping.value]
        return self._insert_in_braces(
            mapping,
            siblings,
            at,
            lambda notation, indent: f"{notation.inline(edit.name)}: {notation.braced(edit.value, indent)}",
        )

    def _add_below(self, mapping: yaml.MappingNode, at: int, edit: Add) -> str:
        """Add a member to a mapping with a line for each, in the style of the one before it."""
        key, sibling = mapping.value[at]
        indent = " " * mapping.value[0][0].start_mark.column
        notation = self._notation()
        is_beside_flow = isinstance(sibling, yaml.MappingNode) and bool(sibling.flow_style)
        if isinstance(edit.value, dict) and not is_beside_flow:
            line = notation.block({edit.name: edit.value}, indent)
        else:
            line = f"{indent}{notation.inline(edit.name)}: {notation.inline(edit.value)}"
        return self._insert_line(self._end_of(key, sibling), line)

    def append(self, sequence: yaml.Node, value: Any) -> str:
        if not isinstance(sequence, yaml.SequenceNode):
            raise LayoutError
        if not sequence.flow_style:
            line = f"{' ' * sequence.start_mark.column}- {self._notation().inline(value)}"
            return self._insert_line(self._content_end(sequence.value[-1]), line)
        spans = [(start_of(node), end_of(node)) for node in sequence.value]
        return self._insert_in_braces(
            sequence, spans, len(spans) - 1, lambda notation, indent: notation.braced(value, indent)
        )

    def remove(self, found: FoundNode) -> str:
        if not isinstance(found.holder, yaml.CollectionNode):
            raise LayoutError
        siblings = [
            (start_of(one[0]), self._end_of(*one)) if isinstance(one, tuple) else (start_of(one), end_of(one))
            for one in found.holder.value
        ]
        at = [start for start, _ in siblings].index(found.start)
        if found.holder.flow_style:
            return self._remove_in_braces(siblings, at)
        if len(siblings) == 1:
            raise LayoutError
        return self._remove_lines(found)

    def _remove_lines(self, found: FoundNode) -> str:
        first = self._text.rfind("\n", 0, found.start) + 1
        if self._text[first : found.start].strip() != ("" if found.key is not None else "-"):
            raise LayoutError
        end = self._end_of(found.key, found.node) if found.key is not None else self._content_end(found.node)
        return self._text[:first] + self._text[self._line_end(end) :]

    def _remove_in_braces(self, siblings: list[tuple[int, int]], at: int) -> str:
        start, end = siblings[at]
        if at:
            start = siblings[at - 1][1]
        elif len(siblings) > 1:
            end = siblings[1][0]
        if "#" in self._text[start:end] and not self._is_json:
            raise LayoutError
        return self._replace(start, end, "")

    def _insert_in_braces(
        self,
        holder: yaml.Node,
        siblings: list[tuple[int, int]],
        at: int,
        write: Callable[[Notation, str | None], str],
    ) -> str:
        """Write one more thing behind the sibling number `at`, on a line of its own where they have lines."""
        opening, closing = start_of(holder), end_of(holder) - 1
        if not siblings:
            return self._replace(opening + 1, closing, write(self._notation(), None))
        start, end = siblings[at]
        first = self._text.rfind("\n", 0, start) + 1
        indent = self._text[first:start]
        if indent.strip() or first <= opening:
            padding = " " if self._text[opening : opening + 2] == "{ " else ""
            return self._insert(end, f", {write(self._notation(padding=padding), None)}")
        if not self._is_json and "#" in self._text[end : self._line_end(end)]:
            raise LayoutError  # the comment there is about what stands before it
        around = self._text[self._text.rfind("\n", 0, closing) + 1 : closing]
        is_stepped = not around.strip() and indent.startswith(around)
        step = indent[len(around) :] if is_stepped else "  "
        written = write(self._notation(step=step or "  ", padding=" "), indent)
        return self._insert(end, f",{self._newline}{indent}{written}")

    def _notation(self, *, step: str = "  ", padding: str = "") -> Notation:
        return Notation(
            is_json=self._is_json,
            step=step,
            newline=self._newline,
            padding=padding or (" " if self._is_json else ""),
        )

    def _end_of(self, key: yaml.Node, node: yaml.Node) -> int:
        """Return where a member ends; the node of an alias stands elsewhere, so its text is read."""
        if start_of(node) >= end_of(key):
            return self._content_end(node)
        alias = _ALIAS.match(self._text, end_of(key))
        if alias is None:
            raise LayoutError
        return alias.end()

    def _content_end(self, node: yaml.Node) -> int:
        """Return where what a node says ends, before the comments and blank lines that follow it."""
        while isinstance(node, yaml.CollectionNode) and not node.flow_style:
            last = node.value[-1]
            if isinstance(last, tuple):
                if start_of(last[1]) < end_of(last[0]):
                    return self._end_of(*last)
                node = last[1]
            else:
                node = last
        return len(self._text[: end_of(node)].rstrip())

    def _line_end(self, index: int) -> int:
        feed = self._text.find("\n", index)
        return len(self._text) if feed < 0 else feed + 1

    def _insert_line(self, after: int, line: str) -> str:
        index = self._line_end(after)
        is_cut = index == len(self._text) and not self._text.endswith("\n")
        added = f"{self._newline}{line}" if is_cut else f"{line}{self._newline}"
        return self._insert(index, added)

    def _insert(self, index: int, text: str) -> str:
        return self._replace(index, index, text)

    def _replace(self, start: int, end: int, text: str) -> str:
        return self._text[:start] + text + self._text[end:]
