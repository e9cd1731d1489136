from __future__ import annotations

import pytest

from shapemaker_action.config import document, overlay
from shapemaker_action.config.document import UnreadableError
from shapemaker_action.config.node import MappingNode, key_position, plain, value_position


def read(text: str, file: str = "a.yml") -> MappingNode:
    return document.parse(text.encode(), file)


def test_mappings_merge_and_everything_else_replaces() -> None:
    below = read("a: {x: 1, y: [1, 2]}\nb: {z: 1}\nc: 1\n")
    above = read("a: {y: [3], w: 2}\nb: 5\nc: {d: 1}\n", "b.yml")
    assert plain(overlay.merge(below, above)) == {"a": {"x": 1, "y": [3], "w": 2}, "b": 5, "c": {"d": 1}}


def test_a_null_removes_and_leaves_nothing_behind() -> None:
    below = read("a: {x: 1, y: 2}\nb: 1\n")
    above = read("a: {x: null}\nb: ~\nc: {d: {e: null}, f: [null]}\n", "b.yml")
    assert plain(overlay.merge(below, above)) == {"a": {"y": 2}, "c": {"d": {}, "f": [None]}}


def test_the_first_document_keeps_its_nulls_for_the_schema_to_see() -> None:
    below = read("a: null\n")
    assert plain(overlay.merge(below, read("b: 1\n"))) == {"a": None, "b": 1}


def test_every_value_keeps_the_place_it_came_from() -> None:
    below = read("a:\n  x: 1\n  y: 2\n")
    merged = overlay.merge(below, read("# later\na: {y: 3}\n", "b.yml"))
    merged = overlay.with_sets(merged, ["a.z=4", "a.x=5"])
    assert str(value_position(merged, ("a", "y"))) == "b.yml:2:8"
    assert str(value_position(merged, ("a", "x"))) == "--set:2:5"
    assert str(key_position(merged, ("a", "z"))) == "--set:1:3"


def test_an_environment_lies_over_the_rest() -> None:
    root = read("a: {x: 1, y: 1}\nenvironments:\n  p: {a: {x: 2, y: null}}\n  q: {}\n")
    chosen = overlay.with_environment(root, "p")
    assert plain(chosen)["a"] == {"x": 2}
    assert str(value_position(chosen, ("a", "x"))) == "a.yml:3:14"
    assert plain(overlay.with_environment(root, "q"))["a"] == {"x": 1, "y": 1}
    assert plain(overlay.with_environment(root, ""))["environments"] == {"p": {"a": {"x": 2}}, "q": {}}


def test_set_goes_last_and_in_order() -> None:
    root = overlay.with_sets(read("a: 1\n"), ["a=2", "b.c=[1, 2]", "b.d={e: x}", 'b."f.g"=y', "a=3", "h='a=b'"])
    assert plain(root) == {"a": 3, "b": {"c": [1, 2], "d": {"e": "x"}, "f.g": "y"}, "h": "a=b"}


def test_set_without_a_value_removes() -> None:
    assert plain(overlay.with_sets(read("a: {b: 1, c: 2}\n"), ["a.b="])) == {"a": {"c": 2}}


@pytest.mark.parametrize("text", ["", "a", "=1", ".a=1", "a.=1", "a..b=1", '"a=1', "a b", '""=1'])
def test_set_needs_a_key_and_a_value(text: str) -> None:
    with pytest.raises(UnreadableError, match="expected KEY=VALUE"):
        overlay.with_sets(read("a: 1\n"), [text])


def test_all_wrong_sets_are_reported() -> None:
    with pytest.raises(UnreadableError) as caught:
        overlay.with_sets(read("a: 1\n"), ["a", "b=1", "c=[", "d=&x 1", "e=a\0b"])
    assert [each.position.line for each in caught.value.diagnostics] == [1, 3, 4, 5]
