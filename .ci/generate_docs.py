#!/usr/bin/env python3
"""Write the generated blocks of README.md (configuration, stages, exit codes, the Action); --check only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shapemaker_action.errors import MEANING  # noqa: E402 - needs the path above
from shapemaker_action.invocation import STAGES, TOOLS  # noqa: E402 - the same

Node = dict[str, object]


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def stages() -> str:
    """Every stage and tool."""
    return table(("stage", "what it does"), [(f"`{name}`", text) for name, text in (STAGES | TOOLS).items()])


def exit_codes() -> str:
    """Every exit code."""
    return table(("code", "meaning"), [(f"`{int(code)}`", text) for code, text in MEANING.items()])


def action_part(part: str) -> str:
    """Inputs or outputs of action.yml."""
    document = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    rows = [(f"`{name}`", " ".join(entry["description"].split())) for name, entry in document[part].items()]
    return table((part[:-1], "meaning"), rows)


def config() -> str:
    """Every key of the schema, section by section."""
    schema: Node = json.loads((ROOT / "shapemaker_action" / "config" / "schema.json").read_text(encoding="utf-8"))
    definitions = mapping(schema["definitions"])
    parts = []
    for name, entry in mapping(schema["properties"]).items():
        if name == "$schema":
            continue
        section = resolved(entry, definitions)
        rows = held(section, definitions, "")
        if name == "environments":  # the sections once more: their keys stand above
            rows = [row for row in rows if row[0].count(".") == 1]
        parts.append(f"**`{name}`**: {section.get('description', '')}")
        if rows:
            parts.append(table(("key", "type", "default", "meaning"), rows))
    return "\n\n".join(parts)


def held(node: Node, definitions: Node, place: str) -> list[tuple[str, ...]]:
    """Rows for all that a value may hold: keys by name, keys that the user names, items."""
    rows: list[tuple[str, ...]] = []
    for form in forms(node, definitions):
        for name, entry in mapping(form.get("properties", {})).items():
            found = resolved(entry, definitions)
            key = f"{place}.{name}".lstrip(".")
            default = "required" if required(form, name) else ""
            if "default" in found:
                default = f"`{json.dumps(found['default'])}`"
            rows.append((f"`{key}`", type_of(found, definitions), default, str(found.get("description", ""))))
            rows += held(found, definitions, key)
        for word, suffix in (("additionalProperties", ".<name>"), ("items", "[]")):
            if isinstance(form.get(word), dict):
                rows += held(resolved(form[word], definitions), definitions, f"{place}{suffix}")
    return rows


def forms(node: Node, definitions: Node) -> list[Node]:
    """The node, and what it may be instead."""
    options = [each for choice in ("anyOf", "oneOf") for each in sequence(node.get(choice, []))]
    return [node, *(form for each in options for form in forms(resolved(each, definitions), definitions))]


def required(node: Node, name: str) -> bool:
    """Whether a section must have the key."""
    names = node.get("required", [])
    return isinstance(names, list) and name in names


def type_of(node: Node, definitions: Node) -> str:
    """The type in a word or two."""
    for choice in ("anyOf", "oneOf"):
        if isinstance(options := node.get(choice), list):
            return " or ".join(dict.fromkeys(type_of(resolved(each, definitions), definitions) for each in options))
    if isinstance(values := node.get("enum"), list):
        return ", ".join(f"`{value}`" for value in values)
    kind = node.get("type", "any")
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)


def resolved(value: object, definitions: Node) -> Node:
    """A node with its `$ref` and `allOf` laid under it."""
    node = mapping(value)
    below: Node = {}
    if isinstance(reference := node.get("$ref"), str):
        below = resolved(definitions[reference.rsplit("/", 1)[1]], definitions)
    for part in sequence(node.get("allOf", [])):
        below |= resolved(part, definitions)
    return {**below, **{key: value for key, value in node.items() if key not in {"$ref", "allOf"}}}


def mapping(value: object) -> Node:
    """The value as a mapping; anything else is a mistake in the schema."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a mapping, got {value!r}")
    return value


def sequence(value: object) -> list[object]:
    """The value as a list; anything else is a mistake in the schema."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return value


BLOCKS = {
    "stages": stages,
    "exit codes": exit_codes,
    "inputs": lambda: action_part("inputs"),
    "outputs": lambda: action_part("outputs"),
    "configuration": config,
}


def rewritten(text: str) -> str:
    """The README with every generated block made anew."""
    for name, make in BLOCKS.items():
        start, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            sys.exit(f"README.md needs a block 'generated: {name}'")
        text = f"{before}{start}{make()}\n{end}{after}"
    return text


def main() -> int:
    """0 when the README is as it should be, or has been made so."""
    path = ROOT / "README.md"
    before = path.read_text(encoding="utf-8")
    after = rewritten(before)
    if "--check" in sys.argv[1:]:
        return int(before != after)
    path.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
