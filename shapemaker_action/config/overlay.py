"""Documents over documents: files in order, then one environment, then `--set`; every value keeps its own place."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.config.document import UnreadableError, parse_value
from shapemaker_action.config.node import Entry, MappingNode, Node, ScalarNode, dotted, quoted
from shapemaker_action.diagnostics import Diagnostic, Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    import difflib
    from collections.abc import Sequence
else:
    (difflib,) = lazy.modules("", "difflib")

ENVIRONMENTS = "environments"
SET = "--set"

_STEP = lazy.pattern(r'"([^"]+)"|([^.="]+)')


def merge(below: MappingNode, above: MappingNode) -> MappingNode:
    """Mappings merge key by key; anything else replaces. A null in `above` removes the key."""
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        if isinstance(entry.node, ScalarNode) and entry.node.value is None:
            entries.pop(key, None)
        else:
            there = entries.get(key)
            entries[key] = Entry(key=entry.key, node=_over(there.node if there else None, entry.node))
    return MappingNode(entries=entries, position=below.position)


def _over(below: Node | None, above: Node) -> Node:
    if not isinstance(above, MappingNode):
        return above
    if isinstance(below, MappingNode):
        return merge(below, above)
    # With nothing to remove, a null still leaves nothing.
    return merge(MappingNode(entries={}, position=above.position), above)


def with_environment(root: MappingNode, name: str) -> MappingNode:
    """The document with one of its environments laid over it; with none for an empty name.

    The environments stay in the document, to be checked like everything else. Raises `UnreadableError` for an unknown
    name.
    """
    section = root.entries.get(ENVIRONMENTS)
    known = section.node.entries if section and isinstance(section.node, MappingNode) else {}
    if name and name not in known:
        raise UnreadableError([_unknown_environment(root, name, list(known))])
    if section is None or not known:
        return root
    bodies = {key: Entry(key=entry.key, node=_over(None, entry.node)) for key, entry in known.items()}
    kept = Entry(key=section.key, node=MappingNode(entries=bodies, position=section.node.position))
    base = MappingNode(entries={**root.entries, ENVIRONMENTS: kept}, position=root.position)
    body = known[name].node if name else None
    # What is wrong with a body that is no mapping, the schema says.
    return merge(base, body) if isinstance(body, MappingNode) else base


def _unknown_environment(root: MappingNode, name: str, known: list[str]) -> Diagnostic:
    section = root.entries.get(ENVIRONMENTS)
    close = difflib.get_close_matches(name, known, n=1)
    listed = f"there are {', '.join(sorted(known))}" if known else "the configuration has no environments section"
    return Diagnostic(
        message=f"no environment is named {quoted(name)}; {listed}",
        position=section.key if section else root.position,
        path=ENVIRONMENTS,
        hint=f"did you mean {close[0]}?" if close else "",
    )


def with_sets(root: MappingNode, sets: Sequence[str]) -> MappingNode:
    """The document with `--set a.b=c` in order; the n-th one is line n of the file `--set`."""
    problems: list[Diagnostic] = []
    for number, text in enumerate(sets, 1):
        document = _read_set(text, Position(file=SET, line=number), problems)
        root = merge(root, document) if document else root
    if problems:
        raise UnreadableError(problems)
    return root


def _read_set(text: str, position: Position, problems: list[Diagnostic]) -> MappingNode | None:
    try:
        return _as_document(text, position)
    except UnreadableError as error:
        problems += error.diagnostics
        return None


def _as_document(text: str, position: Position) -> MappingNode:
    steps, start = _steps(text, position)
    node = parse_value(text[start:], Position(file=position.file, line=position.line, column=start + 1))
    for name, column in reversed(steps[1:]):
        place = Position(file=position.file, line=position.line, column=column)
        node = MappingNode(entries={name: Entry(key=place, node=node)}, position=place)
    return MappingNode(entries={steps[0][0]: Entry(key=position, node=node)}, position=position)


def _steps(text: str, position: Position) -> tuple[list[tuple[str, int]], int]:
    """The keys before the `=`, each with its column, and where the value starts."""
    steps: list[tuple[str, int]] = []
    at = 0
    while match := _STEP.match(text, at):
        steps.append((match.group(1) or match.group(2), at + 1))
        at = match.end()
        if text[at : at + 1] == "=":
            return steps, at + 1
        if text[at : at + 1] != ".":
            break
        at += 1
    raise UnreadableError(
        [
            Diagnostic(
                message=f"expected KEY=VALUE; got {quoted(text)}",
                position=Position(file=position.file, line=position.line, column=at + 1),
                path=dotted(tuple(name for name, _ in steps)),
                hint="for example --set train.instance=ml.m5.large",
            )
        ]
    )
