"""A model of the runner's command parser, and everything we could think of to get a command past it."""

from __future__ import annotations

import random
import re

import pytest

from shapemaker_action.report import harmless

COMMANDS = "error|warning|notice|debug|group|endgroup|add-mask|set-output|save-state|stop-commands|add-matcher|echo"
NEW_FORM = re.compile(rf"^\s*::(?:{COMMANDS})\b.*::", re.IGNORECASE)
OLD_FORM = re.compile(rf"##\[(?:{COMMANDS})\b[^]]*\]", re.IGNORECASE)


def is_command(line: str) -> bool:
    """As the runner decides: the new form after any blanks, the old one anywhere in the line."""
    return bool(NEW_FORM.search(line) or OLD_FORM.search(line))


def runner_lines(text: str) -> list[str]:
    """The runner's stream reader breaks lines at CR, LF and both."""
    return re.split(r"\r\n|\r|\n", text)


HOSTILE = [
    "::error::pwned",
    "  ::set-output name=a::b",
    "\u00a0::add-mask::a",
    "\u2003\t::stop-commands::x",
    "text ##[add-mask]e",
    "##[error]x",
    "progress\r::error::x",
    "a\n::warning file=x::y",
    "a\x0b::error::x",
    "a\x85::error::x",
    "a\u2028::error::x",
    "\x1b[2K::error::x",
    "\x1b]0;title\x07::error::x",
    "\x1b[31m##[error]x\x1b[0m",
    "#\x1b[0m#[error]x",
    "\x00::error::x",
    ":\x00:error::x",
    "\u202e::error::x",
    "\x9b2K::error::x",
    "::ERROR::x",
    "\ufeff::error::x",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_line_is_no_command(text: str) -> None:
    shown = harmless.text(text)
    assert not [line for line in runner_lines(shown) if is_command(line)]
    assert "\x1b" not in shown
    assert "\x00" not in shown


def test_a_hundred_thousand_mixtures_give_no_command() -> None:
    source = random.Random(20261122)  # noqa: S311 - a fixed seed, so that a finding can be repeated
    parts = [
        *HOSTILE,
        "::",
        "##",
        "[",
        "]",
        "error",
        "add-mask",
        "\r",
        "\n",
        "\x1b[",
        "m",
        " ",
        "\u00a0",
        "#",
        ":",
        "\x00",
    ]
    for _ in range(100_000):
        text = "".join(source.choices(parts, k=source.randint(1, 6)))
        assert not [line for line in runner_lines(harmless.text(text)) if is_command(line)], ascii(text)


def test_an_endless_line_is_cut_and_says_by_how_much() -> None:
    (line,) = harmless.lines("x" * 10_000)
    assert line.endswith("(5904 more characters)")


def test_ordinary_text_stays_as_it_is() -> None:
    text = "epoch 1: rmse=12.5 :: ok\n\tindented, ünïcode ✓"
    assert harmless.text(text) == text
