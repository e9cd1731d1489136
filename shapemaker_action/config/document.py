"""YAML or JSON text to a tree with places; within limits that no honest configuration meets."""

from __future__ import annotations

import codecs
import json
import re
from itertools import islice

import yaml
from yaml.error import MarkedYAMLError

from shapemaker_action import lazy
from shapemaker_action.config import syntax_words
from shapemaker_action.config.node import Entry, KeyPath, ListNode, MappingNode, Node, ScalarNode, dotted, shortened
from shapemaker_action.config.scalar import NotPlainError, resolve
from shapemaker_action.diagnostics import Diagnostic, Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn, Protocol

    class _Mark(Protocol):
        line: int
        column: int


MAX_BYTES = 256 * 1024
MAX_NODES = 2000
MAX_DEPTH = 32

_FORBIDDEN = lazy.pattern(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, a lone carriage return among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the order in which text is shown
    "\u200b\u2028\u2029\u2060\ufeff\ufffe\uffff"  # not visible at all, or line ends to some programs only
    "\ud800-\udfff]"
)
"""None of them is printable to Python, so a text that is needs no search."""
_REPORTED_CHARACTERS = 5
_YAML_TAG = "tag:yaml.org,2002:"
_STEEP = lazy.pattern(rf"(?:[\[{{]\s*){{{MAX_DEPTH}}}[\[{{]")
"""Brackets without end, over which PyYAML's scanner would ponder for a while before it tells anybody."""

_DISPUTED = frozenset("\t?!|>")
"""Where libyaml takes what PyYAML's scanner refuses, or takes it otherwise: tabs, `?` in a flow, a lone `!`, `|x`."""

_JSON_TAB = lazy.pattern(r'("(?:[^"\\]|\\.)*(?:"|\\?\Z))|\t', re.DOTALL)
"""A string, even one without an end, or a tab outside: one of them matches wherever a quote stands, so it is linear."""


class UnreadableError(Exception):
    """The text is no document; `diagnostics` say why, and at least where reading stopped."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics


def parse(data: bytes, file: str) -> MappingNode:
    """The document in a file's content. Raises `UnreadableError`."""
    if len(data) > MAX_BYTES:
        _stop(
            Position(file=file),
            f"the file is larger than {MAX_BYTES // 1024} KiB",
            "a configuration this large is a mistake",
        )
    text = _decode(data, file)
    steep = _STEEP.search(text) if text.count("[") + text.count("{") > MAX_DEPTH else None
    if steep:
        position = _offset_position(text[: steep.end() - 1], Position(file=file))
        _stop(position, f"the nesting is deeper than {MAX_DEPTH} levels", "reading stopped here")
    is_json = file.lower().endswith(".json")
    node = _parse_one(_without_tabs(text) if is_json else text, Position(file=file))
    if is_json:
        _demand_json(text, file)
    if node is None:
        _stop(Position(file=file), "the configuration is empty", "the README has one to start from")
    if not isinstance(node, MappingNode):
        _stop(node.position, "the top level must be a mapping of sections (project, aws, train, …)")
    return node


def parse_value(text: str, position: Position) -> Node:
    """A value given on the command line: a YAML scalar, or a list or mapping in flow style."""
    _refuse_characters(text, position)
    return _parse_one(text, position) or ScalarNode(value=None, position=position)


def _stop(position: Position, message: str, hint: str = "") -> NoReturn:
    raise UnreadableError([Diagnostic(message=message, position=position, hint=hint)])


def _decode(data: bytes, file: str) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", errors="replace")
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            _stop(Position(file=file), "the file is UTF-16 or UTF-32", "save it as UTF-8")
        _stop(_offset_position(before, Position(file=file)), "the file is not UTF-8 text here", "save it as UTF-8")
    if "\0" in text[:2] and text[:4].strip("\0"):
        _stop(Position(file=file), "the file is UTF-16 or UTF-32", "save it as UTF-8")
    text = text.replace("\r\n", "\n")
    _refuse_characters(text, Position(file=file))
    return text


def _offset_position(before: str, start: Position) -> Position:
    """The place after `before`, which begins at `start`."""
    line = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Position(file=start.file, line=start.line + line, column=column + (0 if line else start.column - 1))


def _refuse_characters(text: str, start: Position) -> None:
    if text.replace("\n", "").isprintable():
        return
    found = [
        Diagnostic(
            message=f"the character U+{ord(match.group()):04X} is not allowed",
            position=_offset_position(text[: match.start()], start),
            hint=_character_hint(match.group()),
        )
        for match in islice(_FORBIDDEN.finditer(text), _REPORTED_CHARACTERS)
    ]
    if found:
        raise UnreadableError(found)


def _character_hint(character: str) -> str:
    if character in "\u200b\u2028\u2029\u2060\ufeff":
        return "it is invisible; delete it"
    if "\u061c" <= character <= "\u2069":
        return "it makes text look different from what it is; delete it"
    return "it is a control character; delete it"


def _without_tabs(text: str) -> str:
    """JSON may be indented by tabs; YAML's scanner would refuse them. Columns stay."""
    return _JSON_TAB.sub(lambda match: match.group(1) or " ", text)


def _demand_json(text: str, file: str) -> None:
    """What YAML takes and JSON does not: commas at the end, words without quotes."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        before = text[: error.pos + 1].rstrip("}] \t\n")
        if before.endswith(","):
            _stop(_offset_position(before[:-1], Position(file=file)), "JSON has no comma before a closing bracket")
        _stop(
            Position(file=file, line=error.lineno, column=error.colno),
            f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            "a file that ends in .yml may be YAML",
        )


def _parse_one(text: str, start: Position) -> Node | None:
    """The one document of a text; None when there is nothing in it."""
    builder = _Builder(_events(text, start), start)
    node = builder.document()
    if builder.problems:
        raise UnreadableError(builder.problems)
    return node


def _events(text: str, start: Position) -> Iterator[yaml.Event]:
    """The parser's events; it works only as far as it is asked, so limits take effect before the work is done."""
    end = start
    try:
        for event in yaml.parse(text, Loader=_loader(text)):
            end = _position(event.end_mark, start)
            yield event
    except MarkedYAMLError as error:
        problem, hint, mark = syntax_words.explain(error)
        _stop(_position(mark, start), problem, hint)
    except (ValueError, OverflowError):
        # A \U escape beyond Unicode reaches Python's chr().
        _stop(end, "an escape in the next value names no character")


def _loader(text: str) -> type[yaml.SafeLoader | yaml.CSafeLoader]:
    """libyaml, which is ten times faster, for a text that it takes; for any other the one whose words we know."""
    if not hasattr(yaml, "CSafeLoader") or not _DISPUTED.isdisjoint(text) or not text.endswith("\n"):
        return yaml.SafeLoader
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:  # nothing behind is ever read, and libyaml takes quadratic time for it
                break
            # The two do not agree on where a value stands that is not there.
            if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not event.value:
                return yaml.SafeLoader
    except (MarkedYAMLError, ValueError):
        return yaml.SafeLoader
    return yaml.CSafeLoader


def _position(mark: _Mark | None, start: Position) -> Position:
    if mark is None:
        return start
    return Position(
        file=start.file,
        line=start.line + mark.line,
        column=mark.column + (start.column if mark.line == 0 else 1),
    )


class _Builder:
    """Builds one tree from events, and goes on after what can be told apart: so several problems show at once."""

    def __init__(self, events: Iterator[yaml.Event], start: Position) -> None:
        self.problems: list[Diagnostic] = []
        self._events = events
        self._start = start
        self._nodes = 0
        self._anchors: set[str] = set()

    def document(self) -> Node | None:
        node: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fatal(event, "a second document starts here", "one file holds one document; remove the ---")
                if event.version or event.tags:
                    self._problem(event, (), "directives (lines with %) are not supported", "remove the line")
                node = self._node(next(self._events), (), 1)
        return node

    def _node(self, event: yaml.Event, path: KeyPath, depth: int) -> Node:
        self._count(event, depth)
        self._refuse_decorations(event, path)
        position = _position(event.start_mark, self._start)
        match event:
            case yaml.SequenceStartEvent():
                return self._list(position, path, depth)
            case yaml.MappingStartEvent():
                return self._mapping(position, path, depth)
            case yaml.ScalarEvent():
                return self._scalar(event, path, position)
            case _:
                return ScalarNode(value=None, position=position)

    def _refuse_decorations(self, event: yaml.Event, path: KeyPath) -> None:
        match event:
            case yaml.AliasEvent(anchor=str() as anchor):
                # An alias bomb has thousands: the first of each name will do.
                if anchor not in self._anchors:
                    self._problem(
                        event, path, f"aliases (*{shortened(anchor)}) are not supported", "write the value out"
                    )
                self._anchors.add(anchor)
                return
            case yaml.NodeEvent(anchor=str() as anchor):
                self._problem(event, path, f"anchors (&{shortened(anchor)}) are not supported", "write the value out")
            case _:
                pass
        tag = getattr(event, "tag", None)
        if isinstance(tag, str):
            shown = shortened(tag.replace(_YAML_TAG, "!!"))
            self._problem(event, path, f"tags ({shown}) are not supported", "remove it; quote the value if it is text")

    def _count(self, event: yaml.Event, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fatal(event, f"the document has more than {MAX_NODES} values", "reading stopped here")
        if depth > MAX_DEPTH:
            self._fatal(event, f"the nesting is deeper than {MAX_DEPTH} levels", "reading stopped here")

    def _list(self, position: Position, path: KeyPath, depth: int) -> ListNode:
        nodes: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            nodes.append(self._node(event, (*path, len(nodes)), depth + 1))
        return ListNode(nodes=tuple(nodes), position=position)

    def _mapping(self, position: Position, path: KeyPath, depth: int) -> MappingNode:
        entries: dict[str, Entry] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path, depth)
            node = self._node(next(self._events), (*path, key) if key else path, depth + 1)
            if key in entries:
                first = entries[key].key
                self._problem(
                    event, (*path, key), f"the key is written twice, first at line {first.line}", "keep one of the two"
                )
            elif key:
                entries[key] = Entry(key=_position(event.start_mark, self._start), node=node)
        return MappingNode(entries=entries, position=position)

    def _key(self, event: yaml.Event, path: KeyPath, depth: int) -> str:
        """The text of a key, empty after one that is none. `1:` and `on:` are the words that they are."""
        node = self._node(event, path, depth + 1)
        if not isinstance(node, ScalarNode) or isinstance(event, yaml.AliasEvent):
            if not isinstance(node, ScalarNode):
                self._problem(event, path, "a key must be a word, not a list or mapping", "quote it if it is text")
            return ""
        if node.text == "<<":
            self._problem(event, path, "merge keys (<<) are not supported", "write the keys out")
            return ""
        if not node.text:
            self._problem(event, path, "a key is missing before the colon")
        return node.text

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath, position: Position) -> ScalarNode:
        text: str = event.value
        if not event.implicit[0]:
            return ScalarNode(value=self._quoted(event, text, path), position=position, text=text)
        try:
            meaning = resolve(text)
        except NotPlainError as error:
            self._problem(event, path, f"{error}; got {shortened(text)}", "quote it if it is text")
            return ScalarNode(value=None, position=position, text=text)
        return ScalarNode(value=meaning.value, position=position, text=text, doubt=meaning.doubt, legacy=meaning.legacy)

    def _quoted(self, event: yaml.ScalarEvent, text: str, path: KeyPath) -> str:
        """Quoted text after its escapes; JSON writes characters beyond U+FFFF as two."""
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        forbidden = None if joined.isprintable() else _FORBIDDEN.search(joined)
        if forbidden or "\ufffd" in joined.replace("\ufffd", "", text.count("\ufffd")):
            code = ord(forbidden.group()) if forbidden else 0xD800
            self._problem(event, path, f"an escape stands for the character U+{code:04X}, which is not allowed")
        return joined

    def _problem(self, event: yaml.Event, path: KeyPath, message: str, hint: str = "") -> None:
        position = _position(event.start_mark, self._start)
        self.problems.append(Diagnostic(message=message, position=position, path=dotted(path), hint=hint))

    def _fatal(self, event: yaml.Event, message: str, hint: str) -> NoReturn:
        self._problem(event, (), message, hint)
        raise UnreadableError(self.problems)
