"""Our reading of the schema against the reference implementation's: the same verdict, path and rule for everything."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from jsonschema import Draft7Validator

from shapemaker_action.config import conform, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).parents[2] / "cases" / "config"
GOOD = yaml.safe_load((CASES / "good-complete" / "shapemaker.yml").read_text())
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 10**30, "", " ", "x" * 300, "a:b", "File", "ml.m5.large", "é"),
    *([], [None], [[]], ["a", "a"], [1, True], [1, 1], {}, {"": ""}, {"a": None}, {"A b": {"c": [1]}}, {"min": 1}),
)
"""What a field may be given instead of what it wants."""


def words(node: Any) -> Iterator[str]:
    """Every keyword of the schema, the names of properties left out."""
    if isinstance(node, list):
        for each in node:
            yield from words(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            yield key
            if key in ("properties", "definitions"):
                for below in each.values():
                    yield from words(below)
            elif key not in ("examples", "default", "enum"):
                yield from words(each)


def regrown(node: object, chance: random.Random) -> object:
    if chance.random() < 0.04:
        return chance.choice(VALUES)
    if isinstance(node, dict):
        names = {key if chance.random() > 0.03 else chance.choice(("x", "", "source", "A b")): key for key in node}
        return {name: regrown(node[key], chance) for name, key in names.items() if chance.random() > 0.02}
    if isinstance(node, list):
        return [regrown(item, chance) for item in node for _ in range(2 if chance.random() < 0.1 else 1)]
    return node


Broken = set[tuple[tuple[str | int, ...], str]]


def theirs(document: object) -> Broken:
    errors = Draft7Validator(schema.load()).iter_errors(cast("Any", document))
    return {(tuple(each.absolute_path), str(each.validator)) for each in errors}


def ours(document: object) -> Broken:
    return {(each.path, each.rule) for each in conform.violations(document, schema.load())}


def test_every_keyword_of_the_schema_is_understood_or_for_people() -> None:
    for_people = {"$schema", "title", "description", "examples", "default", "definitions", "patternErrorMessage"}
    assert set(words(schema.load())) == conform.KEYWORDS - {"null"} | for_people


def test_thousands_of_documents_get_the_verdict_of_the_reference() -> None:
    chance = random.Random(7)  # noqa: S311  # reproducible on purpose
    documents = [regrown(GOOD, chance) for _ in range(1500)]
    assert not ours(GOOD)
    for document in documents:
        assert ours(document) == theirs(document), document
    assert sum(bool(ours(document)) for document in documents) > len(documents) // 4


def test_no_line_end_passes_behind_a_pattern() -> None:
    name = schema.definition("project")["properties"]["name"]
    assert not list(conform.violations("salary", name))
    assert [each.rule for each in conform.violations("salary\n", name)] == ["pattern"]
