"""`configs/*.json` with the variables filled in, every value with its place, and a record of what was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.config import document
from shapemaker_action.config.node import (
    KeyPath,
    ListNode,
    MappingNode,
    Node,
    find,
    key_position,
    plain,
    scalars,
    value_position,
    without,
)
from shapemaker_action.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.diagnostics import Position
    from shapemaker_action.naming import Json
    from shapemaker_action.stages.migration.envrc import Variables
    from shapemaker_action.stages.migration.folder import Folder
    from shapemaker_action.stages.migration.sheet import Sheet


class Document:
    """A request in AWS's words; what nobody takes is the rest."""

    def __init__(self, node: MappingNode, variables: Variables, sheet: Sheet) -> None:
        self._node = node
        self._variables = variables
        self._sheet = sheet
        self._taken: set[KeyPath] = set()

    def take(self, *path: str | int) -> Json:
        """The value, which then is no more part of the rest; None for one that is absent or that is null.

        So is one that names variables that nobody sets here; the sheet tells of those.
        """
        node = find(self._node, path)
        self._taken.add(path)
        if node is None or not self._is_whole(path, node):
            return None
        value: Json = plain(node)
        return value

    def drop(self, *path: str | int) -> str:
        """As `take`, for what is said elsewhere now: as text, with its variables as they are."""
        self._taken.add(path)
        value = plain(node) if (node := find(self._node, path)) else ""
        return value if isinstance(value, str) else ""

    def place(self, *path: str | int) -> Position:
        """Where it stands."""
        return value_position(self._node, path)

    def count(self, *path: str) -> int:
        """Items of a list; another kind of value is a problem."""
        node = find(self._node, path)
        if isinstance(node, ListNode):
            return len(node.nodes)
        if node is not None:
            self._sheet.reject(node.position, f"expected a list of {path[-1]}")
        return 0

    def pairs(self, *path: str) -> Iterator[tuple[str, str, Position]]:
        """Name, text and place of each entry of a mapping of texts, all of them taken."""
        node = find(self._node, path)
        self._taken.add(path)
        if node is not None and not isinstance(node, MappingNode):
            self._sheet.reject(node.position, f"expected a mapping: {path[-1]}")
        if not isinstance(node, MappingNode):
            return
        for name, entry in node.entries.items():
            value = plain(entry.node)
            if not isinstance(value, str):
                self._sheet.reject(entry.node.position, f"{path[-1]}: expected text in quotation marks for {name}")
            elif self._is_whole((*path, name), entry.node):
                yield name, value, entry.node.position

    def rest(self) -> Iterator[tuple[str, Json, Position]]:
        """Key, value and place of each top-level entry of which something is left."""
        broken = {
            path
            for path, node in scalars(self._node)
            if not any(path[: len(each)] == each for each in self._taken) and not self._is_whole(path, node)
        }
        node = without(self._node, frozenset(self._taken | broken))
        left: Mapping[str, Json] = plain(node)
        for key, value in left.items():
            if (trimmed := _trimmed(value)) not in ({}, [], None):
                yield key, trimmed, key_position(self._node, (key,))

    def _is_whole(self, path: KeyPath, node: Node) -> bool:
        names = [
            name
            for _, each in scalars(node)
            if isinstance(each.value, str)
            for name in self._variables.unresolved(each.value)
        ]
        for name in dict.fromkeys(names):
            why = "may be a secret" if name in self._variables.withheld else "is not set in .envrc"
            self._sheet.leave(node.position, f"{path[-1]}, because {name} {why}", "write it into shapemaker.yml")
        return not names


def read(folder: Folder, path: str, variables: Variables, sheet: Sheet) -> Document | None:
    """A document; None when it cannot be read, and the sheet has the reason with its place."""
    try:
        text = variables.substitute(folder.text(path))
        return Document(document.parse(text.encode(), path), variables, sheet)
    except (ConfigError, document.UnreadableError) as error:
        sheet.problems += error.diagnostics
        return None


def _trimmed(value: Json) -> Json:
    """Without what is empty after its contents were taken."""
    if isinstance(value, list):
        return [each for each in map(_trimmed, value) if each not in ({}, None)]
    if not isinstance(value, dict):
        return value
    trimmed = {key: _trimmed(each) for key, each in value.items()}
    return {key: each for key, each in trimmed.items() if each not in ({}, [], None)}
