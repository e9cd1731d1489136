"""Our own reading of a command line against argparse's, and what a start does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemaker_action import grammar, usage
from shapemaker_action.errors import InvalidInputError

ROOT = Path(__file__).parents[2]
OPTIONS = {name: option for group in grammar.GROUPS.values() for name, option in group.items()}
DEAR = {
    "argparse",
    "boto3",
    "dataclasses",
    "gettext",
    "inspect",
    "locale",
    "socket",
    "subprocess",
    "threading",
    "typing",
}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
VALUE = (
    st.sampled_from(["aws", "local", "json", "3", "0.5", "nan", "a=b", "stop", "", "-", "--", "-1", "-x y", "a b"])
    | TEXT
)
WORD = st.sampled_from(["validate", "train,deploy", "", "--", "-h", "--no-such", "--con", "-1", "é"]) | TEXT
GIVEN = st.one_of(
    WORD.map(lambda word: [word]),
    st.tuples(st.sampled_from(sorted(OPTIONS)), VALUE).map(list),
    st.tuples(st.sampled_from(sorted(OPTIONS)), VALUE).map(lambda pair: ["=".join(pair)]),
    st.sampled_from(sorted(OPTIONS)).map(lambda name: [name]),
)


@given(st.lists(GIVEN, max_size=5).map(lambda parts: [word for part in parts for word in part]))
def test_what_is_read_without_argparse_is_what_argparse_reads(argv: list[str]) -> None:
    read = grammar.read(argv)
    if read:
        assert vars(usage.read(argv, "shapemaker")) == vars(read)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_read_without_argparse(name: str) -> None:
    option = OPTIONS[name]
    value = option.choices[-1] if option.choices else "3"
    forms = [[name]] if option.is_switch else [[name, value], [f"{name}={value}"]]
    for form in forms:
        for argv in (["plan", *form], [*form, "plan"], [*form, "--", "plan"]):
            read = grammar.read(argv)
            assert read
            assert getattr(read, grammar.field(name)) != grammar.initial(option)
            assert vars(usage.read(argv, "shapemaker")) == vars(read)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--help"],
        ["--version"],
        ["plan", "--target", "mars"],
        ["plan", "--timeout", "soon"],
        ["plan", "--port", "x"],
        ["plan", "--force=yes"],
        ["plan", "--config"],
        ["plan", "--config", "--force"],
        ["plan", "--force", "deploy"],
    ],
)
def test_what_is_not_plainly_right_is_left_to_argparse(argv: list[str]) -> None:
    assert grammar.read(argv) is None
    with pytest.raises((InvalidInputError, SystemExit)):
        usage.read(argv, "shapemaker")


def test_a_validate_does_without_what_is_dear() -> None:
    code = f"""
import sys
sys.path[:] = {[path for path in sys.path if path]!r} + [{str(ROOT)!r}]
before = set(sys.modules)
from shapemaker_action.cli import main
main(["validate"])
print(*set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-IS", "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(done.stdout.splitlines()[-1].split()) & DEAR == set()
