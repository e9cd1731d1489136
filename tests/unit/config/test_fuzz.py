"""Thousands of damaged configurations: each is a project or a `ConfigError` with places, never anything else."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import yaml

from shapemaker_action.config.load import load
from shapemaker_action.diagnostics import Diagnostic, Position
from shapemaker_action.errors import ConfigError

CASES = Path(__file__).parents[2] / "cases" / "config"
COMPLETE = (CASES / "good-complete" / "shapemaker.yml").read_text()
SMALL = (CASES / "good-environment" / "shapemaker.yml").read_text()
PIECES = (
    *(
        "\t",
        "\n",
        "  ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "&a ",
        "*a",
        "!!set ",
        "<<: ",
        "? ",
        "| ",
        "> ",
        "# ",
    ),
    *("%", "@", "`", "\\", "\0", "\x85", "\u202e", "\ufeff", "😀", "---\n", "...\n", "null", "~", "no", "010", "1_0"),
    *(
        "2026-01-01",
        "22:22",
        ".inf",
        "1e999",
        "9" * 400,
        "-1",
        "0.5",
        "true",
        "''",
        "a" * 3000,
        "../..",
        "s3://",
        "https://x",
    ),
)
VALUES: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        float("inf"),
        "",
        " ",
        "\n",
        "x" * 3000,
        "no",
        "1",
        "../x",
        "a:b",
        "*",
        "é",
    ),
    *([], [None], [[]], {}, {"": ""}, {"a": None}, {1: 2}, {"a": {"b": {"c": [1]}}}),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(CASES / "_repository", folder, dirs_exist_ok=True)
    return folder


def outcome(repository: Path, text: str, chance: random.Random) -> None:
    (repository / "shapemaker.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    environment = chance.choice(("", "", "production", "nowhere"))
    found: tuple[Diagnostic, ...] = ()
    try:
        load([Path("shapemaker.yml")], root=repository, environment=environment)
    except ConfigError as error:
        found = error.diagnostics or (Diagnostic(message="\n", position=Position(file="an error without findings")),)
    for each in found:
        assert "\n" not in str(each)
        assert each.position.line >= 1
        assert each.position.column >= 1
        assert each.position.line <= text.count("\n") + 1 or each.position.file != "shapemaker.yml"


def damaged(chance: random.Random) -> str:
    text = SMALL
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text))
        end = start + chance.choice((0, 0, 1, 5, 40))
        text = text[:start] + chance.choice((*PIECES, "")) + text[end:]
    return text


def regrown(node: object, chance: random.Random) -> object:
    """The document with some values replaced, keys renamed and items repeated."""
    if chance.random() < 0.02:
        return chance.choice(VALUES)
    if isinstance(node, dict):
        renamed = {
            key if chance.random() > 0.01 else chance.choice(("x", "", "api", "source")): item
            for key, item in node.items()
        }
        return {key: regrown(item, chance) for key, item in renamed.items()}
    if isinstance(node, list):
        return [regrown(item, chance) for item in node for _ in range(2 if chance.random() < 0.02 else 1)]
    return node


@pytest.mark.parametrize("seed", range(10))
def test_damaged_text(repository: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # reproducible on purpose
    for _ in range(200):
        outcome(repository, damaged(chance), chance)


@pytest.mark.parametrize("seed", range(10))
def test_strange_values(repository: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # as above
    good = yaml.safe_load(COMPLETE)
    for _ in range(30):
        outcome(repository, yaml.dump(regrown(good, chance), sort_keys=False, allow_unicode=True), chance)
