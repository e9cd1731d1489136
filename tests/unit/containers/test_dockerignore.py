from __future__ import annotations

import pytest

from shapemaker_action.containers.dockerignore import DockerIgnore
from shapemaker_action.errors import InvalidInputError

TABLE = [
    ("data", "data", True),
    ("data", "data/train/a.csv", True),
    ("data", "modelpkg/data", False),
    ("data", "database", False),
    ("/data", "data/a.csv", True),
    ("//data", "data/a.csv", True),
    ("./data", "data/a.csv", True),
    ("data/", "data/a.csv", True),
    ("a/../data", "data/a.csv", True),
    ("../data", "data", False),
    ("/", "data", False),
    (".", "data", False),
    ("*", "data", True),
    ("*", "a/b/c", True),
    ("*/*", "a", False),
    ("*/*", "a/b/c", True),
    ("*.csv", "a.csv", True),
    ("*.csv", "data/a.csv", False),
    ("*/a.csv", "data/a.csv", True),
    ("*/a.csv", "data/train/a.csv", False),
    ("**/a.csv", "a.csv", True),
    ("**/a.csv", "data/train/a.csv", True),
    ("**/*.csv", "data/train/a.csv", True),
    ("**/a.csv", "data/train/ba.csv", False),
    ("**/**/a.csv", "a.csv", True),
    ("data/**", "data/train/a.csv", True),
    ("data/**", "data", False),
    ("data/**/a.csv", "data/a.csv", True),
    ("data/**/a.csv", "data/x/y/a.csv", True),
    ("**", "anything/at/all", True),
    ("**/data", "modelpkg/data/a.csv", True),
    ("a**b", "a/x/b", True),
    ("a**b", "ab", True),
    ("?.csv", "a.csv", True),
    ("?.csv", "ab.csv", False),
    ("a?b", "a/b", False),
    ("[ab].csv", "b.csv", True),
    ("[^ab].csv", "b.csv", False),
    ("[^ab].csv", "c.csv", True),
    ("[a-c].csv", "b.csv", True),
    ("[a-c].csv", "d.csv", False),
    (r"[\]].csv", "].csv", True),
    (r"\*.csv", "*.csv", True),
    (r"\*.csv", "a.csv", False),
    ("a.csv", "abcsv", False),
    ("a+(b)|{c}$", "a+(b)|{c}$", True),
    ("# a comment\ndata", "data", True),
    ("#data", "#data", False),
    (" #data", "#data", True),
    ("  data  ", "data", True),
    ("data\r\nlog\r\n", "log", True),
    ("\ufeffdata", "data", True),
    ("*\n!keep", "keep", False),
    ("*\n!keep", "drop", True),
    ("!keep\n*", "keep", True),
    ("*\n!keep\nkeep/secret", "keep/secret", True),
    ("*\n!keep\nkeep/secret", "keep/other", False),
    ("data\n!data/keep.csv", "data/keep.csv", False),
    ("data\n!data/keep.csv", "data/drop.csv", True),
    ("data\n! data/keep.csv", "data/keep.csv", False),
    ("**/*.csv\n!**/keep.csv", "x/keep.csv", False),
    ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
    ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
    ("", "data", False),
    ("naïve", "naïve/a", True),
]


@pytest.mark.parametrize(("text", "path", "ignored"), TABLE)
def test_the_last_pattern_that_matches_a_path_or_its_parents_decides(text: str, path: str, ignored: bool) -> None:  # noqa: FBT001
    assert DockerIgnore.parse(text).ignores(path) is ignored


@pytest.mark.parametrize("pattern", ["[", "a[", "[]", "[]a]", "[-]", "[a-]", "[z-a]", "\\", "!", "! ", "[a"])
def test_a_malformed_pattern_is_refused_with_its_line(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^\.dockerignore:2: .* is no valid pattern$"):
        DockerIgnore.parse(f"data\n{pattern}\n")


def test_many_stars_do_not_make_matching_slow() -> None:
    ignore = DockerIgnore.parse("**/" * 200 + "x")
    assert not ignore.ignores("/".join("a" * 200))
    assert ignore.ignores("a/b/x")


def test_a_negation_anywhere_means_that_dropped_folders_must_be_searched() -> None:
    assert DockerIgnore.parse("data\n!data/keep").negates
    assert not DockerIgnore.parse("data").negates


def test_later_patterns_win_over_those_that_they_are_added_to() -> None:
    joined = DockerIgnore.parse("data") + DockerIgnore.parse("!data")
    assert not joined.ignores("data")
