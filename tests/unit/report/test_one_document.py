"""`--format json` prints exactly one document, whatever the command and however it ends."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action import cli
from shapemaker_action.report import document
from tests.support.consumer import MEAN, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Exit code and document of a command in a small repository."""
    text = MEAN["shapemaker.yml"].replace("NAME", "mean")
    monkeypatch.chdir(write(tmp_path / "mean", {**MEAN, "shapemaker.yml": text}))
    monkeypatch.setenv("SHAPEMAKER_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")

    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = cli.main([*argv, "--format", "json"])
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["trian"], 2),
        (["train", "--no-such"], 2),
        ([], 2),
        (["local", "nonsense"], 2),
        (["dev", "shell"], 2),
        (["init", "--eject", "nonsense"], 2),
        (["validate", "--config", "none.yml"], 2),
        (["validate"], 0),
    ],
)
def test_an_error_before_or_after_the_parse_is_a_document(argv: list[str], code: int, command: Command) -> None:
    found, shown = command(*argv)
    assert (found, shown["exit-code"]) == (code, code)
    assert bool(shown["error"]) == bool(code)


def test_a_schema_is_data_in_the_document(command: Command) -> None:
    _, shown = command("schema")
    assert json.loads(shown["data"])["properties"]


def test_what_was_copied_is_a_table_in_the_document(command: Command) -> None:
    _, shown = command("init", "--eject", "iam")
    assert ["iam/execution-trust.json"] in shown["tables"][0]["rows"]


def test_the_log_of_the_local_sagemaker_is_harmless_and_its_torn_last_line_left_out(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = '{"status": 200, "service": "s3", "operation": "PutObject", "mutating": true}\n{"status": 2'
    write(tmp_path / "state", {"requests.jsonl": calls, "server.log": "::error::pwned\n\x1b[31mred ##[error]x\n"})
    _, shown = command("local", "logs", "--requests")
    assert shown["tables"][0]["rows"] == [["*", "200", "s3", "PutObject", ""]]
    assert cli.main(["local", "logs"]) == 0
    text = capfd.readouterr().out
    assert "pwned" in text
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line or "\x1b" in line]


@pytest.mark.parametrize("action", ["status", "logs", "down"])
def test_the_local_sagemaker_is_looked_at_whatever_the_configuration_says(
    action: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "mean" / "shapemaker.yml").write_text("project: [")
    code, shown = command("local", action)
    assert code == 0, shown


@pytest.mark.usefixtures("command")
def test_what_a_program_of_the_user_prints_is_no_part_of_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho this is talk\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    code = cli.main(["dev", "test", "--format=json"])
    captured = capfd.readouterr()
    assert code == 0
    assert json.loads(captured.out)["error"] is None
    assert "this is talk" in captured.err


def test_a_file_that_may_not_be_written_is_a_problem_of_this_machine(command: Command) -> None:
    code, shown = command("init", "--eject", "iam", "--directory", "/sys")
    assert code == 11, shown
    assert shown["error"]["remedy"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"a": float("-inf")}]])
def test_a_document_has_no_number_that_json_has_not(value: Any) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(document.dumps(value), parse_constant=refuse)


@pytest.mark.parametrize("text", ["##[error]", "\\##[error]", "###[x", "#", "##\n["])
def test_a_document_says_no_command_and_reads_as_it_was(text: str) -> None:
    written = document.dumps({text: [text]})
    assert "##[" not in written
    assert json.loads(written) == {text: [text]}
