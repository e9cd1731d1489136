"""The reading of a step's output alone, many at once."""

from __future__ import annotations

import pytest

from tests.support.github_commands import read_outputs

pytestmark = pytest.mark.needs("node", "npm")


def test_many_outputs_are_read_each_as_a_step_of_its_own() -> None:
    texts = ["::stop-commands::a-token\n::error::no", "::error file=a.py::yes\r::set-output name=a::b", "##[group]x"]
    stopped, obeyed, grouped = read_outputs(texts * 2)[3:]
    assert [each.name for each in stopped.commands] == ["stop-commands"]
    assert ([each.name for each in obeyed.commands], obeyed.outputs) == (["error", "set-output"], {"a": "b"})
    assert obeyed.annotations[0].file == "a.py"
    assert (grouped.commands[0].name, grouped.log) == ("group", "##[group]x")


@pytest.mark.parametrize(
    "text",
    ["x::error::no", ":: error::no", "::nothing::no", "::error:no", "##[nothing]no", "#[error]no", "## [error]no"],
)
def test_what_is_no_command_is_text(text: str) -> None:
    (reading,) = read_outputs([text])
    assert (list(reading.commands), reading.log) == ([], text)
