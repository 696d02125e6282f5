"""Carries out an edit on a document's text, so that comments and layout stay as they are.

The places come from the marks of PyYAML's nodes, which JSON files have too. A writer that keeps round trips
would lay out the whole file anew; here what is not edited keeps every byte.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

from opay_contract.contract.documents import compose_document
from opay_contract.suggest.edit import Add, Append, Edit, Put, Remove, Rename
from opay_contract.suggest.nodes import FoundNode, LayoutError, end_of, find_node, start_of
from opay_contract.suggest.notation import Notation

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
        name = self._notation().name(edit.name)
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
            lambda notation, indent: f"{notation.name(edit.name)}: {notation.braced(edit.value, indent)}",
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
            line = f"{indent}{notation.name(edit.name)}: {notation.inline(edit.value)}"
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
        """Return where the line after the one that holds an index begins."""
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
