"""A document as a tree in which every key and every value knows its place."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TypeAlias

    from shapemaker_action.diagnostics import Position

KeyPath: TypeAlias = tuple[str | int, ...]

_SHOWN = 60
_SIMPLE_KEY = lazy.pattern(r"[\w$-]+")


@dataclass(frozen=True, kw_only=True)
class ScalarNode:
    """One value. `text` is what was written; `legacy` what YAML 1.1 makes of it, described by `doubt`."""

    value: str | float | bool | None
    position: Position
    text: str = ""
    doubt: str = ""
    """`the boolean false` for a plain `no`; empty when YAML 1.1 and 1.2 agree."""
    legacy: object = None
    """Only meaningful with a `doubt`."""


@dataclass(frozen=True, kw_only=True)
class ListNode:
    """A list."""

    nodes: tuple[Node, ...]
    position: Position


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key of a mapping, with the place of the key itself."""

    key: Position
    node: Node


@dataclass(frozen=True, kw_only=True)
class MappingNode:
    """A mapping, in the order of the document."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    position: Position


Node: TypeAlias = ScalarNode | ListNode | MappingNode


def plain(node: Node, *, legacy: bool = False) -> Any:
    """The tree as plain data; with `legacy`, doubtful scalars as YAML 1.1 reads them."""
    if isinstance(node, MappingNode):
        return {key: plain(entry.node, legacy=legacy) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item, legacy=legacy) for item in node.nodes]
    return node.legacy if legacy and node.doubt else node.value


def child(node: Node, step: str | int) -> Node | None:
    """The value below a key or index; None when there is none."""
    if isinstance(node, MappingNode) and isinstance(step, str):
        entry = node.entries.get(step)
        return entry.node if entry else None
    if isinstance(node, ListNode) and isinstance(step, int) and 0 <= step < len(node.nodes):
        return node.nodes[step]
    return None


def find(node: Node, path: KeyPath) -> Node | None:
    """The value at a path; None when there is none."""
    found: Node | None = node
    for step in path:
        if found is None:
            return None
        found = child(found, step)
    return found


def value_position(node: Node, path: KeyPath) -> Position:
    """Where the value at a path stands; for one that isn't written, where the nearest key above it is."""
    found = find(node, path)
    if found is not None:
        return found.position
    return key_position(node, path[:-1])


def key_position(node: Node, path: KeyPath) -> Position:
    """Where the key at the end of a path stands, or the nearest one above it that is written."""
    position = node.position
    current: Node | None = node
    for step in path:
        if isinstance(current, MappingNode) and isinstance(step, str) and step in current.entries:
            position = current.entries[step].key
        elif (below := child(current, step) if current else None) is not None:
            position = below.position
        else:
            break
        current = child(current, step) if current else None
    return position


def scalars(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, ScalarNode]]:
    """Every scalar with its path."""
    if isinstance(node, MappingNode):
        for key, entry in node.entries.items():
            yield from scalars(entry.node, (*path, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.nodes):
            yield from scalars(item, (*path, index))
    else:
        yield path, node


def dotted(path: KeyPath) -> str:
    """`train.channels.train`, `invoke.requests[0]`, `train.hyperparameters."a.b"`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            word = shortened(step) if _SIMPLE_KEY.fullmatch(step) else f'"{shortened(step)}"'
            text += f".{word}" if text else word
    return text


def shortened(text: str) -> str:
    """Foreign text on one line, cut to what a message can bear."""
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def quoted(text: str) -> str:
    """Foreign text in a message, so that its beginning and end can be seen."""
    return f"'{shortened(text)}'" if text else "an empty string"


def without(node: Node, paths: frozenset[KeyPath], path: KeyPath = ()) -> Node:
    """The tree without the values at these paths; list items close up."""
    if isinstance(node, MappingNode):
        kept = {
            key: Entry(key=entry.key, node=without(entry.node, paths, (*path, key)))
            for key, entry in node.entries.items()
            if (*path, key) not in paths
        }
        return MappingNode(entries=kept, position=node.position)
    if isinstance(node, ListNode):
        nodes = tuple(
            without(item, paths, (*path, index)) for index, item in enumerate(node.nodes) if (*path, index) not in paths
        )
        return ListNode(nodes=nodes, position=node.position)
    return node
