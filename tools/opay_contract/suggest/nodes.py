"""Finds the nodes of a document that stand where they are used, and are used once."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from opay_contract.suggest.edit import Place


class LayoutError(Exception):
    """The text is laid out in a way in which an edit cannot be written."""


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node, the node of its name where it is a member, and the node that it stands in."""

    node: yaml.Node
    key: yaml.Node | None
    holder: yaml.Node | None

    @property
    def start(self) -> int:
        """Where it begins in the text, with its name."""
        return start_of(self.key or self.node)


def find_node(root: yaml.Node, place: Place, *, is_replaced: bool) -> FoundNode:
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
