"""Whatever a container, a model, AWS or an input says: the runner obeys nobody but us, and GitHub shows it as it is."""

from __future__ import annotations

import io
import json
import os
import random
from typing import TYPE_CHECKING

import pytest

from shapemaker_action import cli, events
from shapemaker_action.diagnostics import Diagnostic, Position, Severity
from shapemaker_action.errors import ConfigError, ShapemakerError
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.report import comment, markdown, summary
from shapemaker_action.report.github import OUTPUTS, GithubReporter
from shapemaker_action.report.machine import JsonReporter
from shapemaker_action.report.result import Result, Run, StageResult
from shapemaker_action.report.text import TextReporter
from tests.support import gfm, runner_commands
from tests.support.hostile import HOSTILE, PARTS
from tests.support.runner_commands import Command, StepLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRIES = int(os.environ.get("FUZZ_TRIES", "100000"))
SEED = 20261122
BATCH = 500

FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
BENIGN = "nothing to see here"


class Step:
    """One step with every field of a run filled with foreign text, through the reporters into real files."""

    def __init__(self, folder: Path, texts: Sequence[str], *, json_format: bool = False) -> None:
        # Of some texts nothing is left that a sentence could be about.
        self.texts = [text for text in texts if markdown.text(text)]
        self.out, self.err = io.StringIO(), io.StringIO()
        self.files = {
            name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
        }
        for file in self.files.values():
            file.write_text("")
        inner = (JsonReporter if json_format else TextReporter)(out=self.out, err=self.err)
        environ = {name: str(file) for name, file in self.files.items()}
        self.reporter = GithubReporter(inner=inner, environ=environ, commands=self.err)
        self.result = self._run()

    def _run(self) -> Result:
        run = Run(words=("run",), configs=(self.texts[0],), environment=self.texts[-1])
        result = Result(run=run, resume=f"shapemaker run --config {self.texts[0]}", seconds=2)
        self._emit(result, events.StageStarted(stage="train"))
        for text in self.texts:
            self._emit(result, events.LogLine(source="job", text=text))
        text = self.texts[0]
        told: tuple[events.Event, ...] = (
            events.LogLine(source=text, text=text),
            events.ChangeStarted(symbol="+", kind=text, name=text),
            events.ChangeFinished(symbol="+", kind=text, name=text, seconds=1),
            events.Progress(subject=text, state=text, seconds=1),
            events.Notice(text=text),
            events.Notice(text=text, warning=True),
            events.ValuesKnown(
                values={"training-job": text, "metrics": {text: 1.0}, "endpoint-url": f"https://c/{text[:100]}"}
            ),
            events.ValuesKnown(values={"verdicts": [{"metric": text, "wanted": text, "passed": False}]}),
            *(events.MetricRead(name=text, value=float(number)) for number in range(5)),
        )
        for event in told:
            self._emit(result, event)
        place = Position(file=text, line=1, column=1)
        warning = Diagnostic(message=text, position=place, path=text, hint=text, severity=Severity.WARNING)
        self.reporter.diagnostic(warning)
        table = Table(title=text, header=(text, text), rows=((text, text),))
        outcome = Outcome(tables=(table,), values={"model-data": text, "predictions": [text]}, next=text)
        result.ended(StageResult(stage="train", seconds=1, outcome=outcome))
        self._emit(result, events.StageFinished(stage="train", seconds=1, outcome=text))
        self.reporter.outcome(outcome)
        self._emit(result, events.StageStarted(stage="evaluate"))
        result.error = ShapemakerError(text, state=text, remedy=text, details=(text, BENIGN))
        return result

    def _emit(self, result: Result, event: events.Event) -> None:
        result.record(event)
        self.reporter.event(event)

    def finish(self) -> Step:
        self.reporter.finish(self.result)
        return self

    @property
    def commands(self) -> list[Command]:
        return StepLog().read(self.out.getvalue()).commands + StepLog().read(self.err.getvalue()).commands

    @property
    def outputs(self) -> dict[str, str]:
        return runner_commands.outputs(read(self.files["GITHUB_OUTPUT"]))

    def demand_obedience(self) -> None:
        """Our own commands, and no other; our outputs, and no other."""
        assert [command.name for command in self.commands] == [
            *("group", "endgroup", "group", "endgroup"),
            *("error", "warning", "warning"),
        ], ascii(self.texts)[:5000]
        assert set(self.outputs) <= set(OUTPUTS)
        assert self.outputs["exit-code"] == "1"
        assert "gate" not in self.outputs
        assert self.outputs["training-job"] == readable(self.texts[0])
        assert not read(self.files["GITHUB_ENV"]) + read(self.files["GITHUB_PATH"])
        for stream in (self.out, self.err):
            assert not {"\x1b", "\x00", "\x9b", "\r", "\u202e"} & set(stream.getvalue())

    def demand_text(self) -> None:
        """Summary and comment have the shape that they have with harmless text, and call nobody."""
        expected = BENIGN_SHAPES
        for document, shape in zip(self.documents(), expected, strict=True):
            assert gfm.shape(document) == shape, ascii(self.texts[0][:1000])
            assert not gfm.MENTION.search(gfm.rendered(document)), ascii(self.texts[0][:1000])

    def documents(self) -> tuple[str, str]:
        body = comment.body(self.result, "https://github.com/o/r/actions/runs/1")
        assert body.startswith(f"{comment.marker(self.result.run)}\n")
        return read(self.files["GITHUB_STEP_SUMMARY"]), body


def read(file: Path) -> str:
    """As the runner: it knows no other line break than LF."""
    return file.read_bytes().decode()


def readable(text: str) -> str:
    """What a file in UTF-8 can hold of it."""
    return text.encode(errors="replace").decode()


@pytest.fixture(scope="module", autouse=True)
def _shapes(tmp_path_factory: pytest.TempPathFactory) -> None:
    step = Step(tmp_path_factory.mktemp("benign"), [BENIGN]).finish()
    BENIGN_SHAPES[:] = [gfm.shape(document) for document in step.documents()]


BENIGN_SHAPES: list[list[str]] = []


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 80


@pytest.mark.parametrize("json_format", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_foreign_text_has_no_effect(text: str, json_format: bool, tmp_path: Path) -> None:  # noqa: FBT001
    step = Step(tmp_path, [text], json_format=json_format).finish()
    step.demand_obedience()
    step.demand_text()
    if json_format:
        assert json.loads(step.out.getvalue())["error"]["message"] == text


def test_a_hundred_thousand_mixtures_have_no_effect(tmp_path: Path) -> None:
    source = random.Random(SEED)  # noqa: S311 - a fixed seed, so that a finding can be repeated
    for number in range(max(1, TRIES // BATCH)):
        texts = ["".join(source.choices(PARTS, k=source.randint(1, 6))) for _ in range(BATCH)]
        step = Step(tmp_path, texts, json_format=bool(number % 2)).finish()
        step.demand_obedience()
        step.demand_text()


INPUTS = ["config", "environment", "target", "set", "working-directory", "aws-region", "format", "timeout", "stage"]


@pytest.mark.parametrize("name", INPUTS)
def test_a_hostile_input_is_refused_and_runs_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (text for text in HOSTILE if "\x00" not in text and "\ud800" not in text and len(text) < 1000):
        output = tmp_path / "output"
        output.write_text("")
        variables = {"stage": "validate", name: f"{text} $(touch {tmp_path}/pwned)"}
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        for each, value in variables.items():
            monkeypatch.setenv(f"SHAPEMAKER_INPUT_{each.upper().replace('-', '_')}", value)
        code = cli.main([])
        captured = capfd.readouterr()
        assert code == 2, ascii(text)
        log = StepLog().read(captured.out).read(captured.err)
        assert {command.name for command in log.commands} <= {"error", "group", "endgroup"}, ascii(text)
        found = runner_commands.outputs(read(output))
        assert found["exit-code"] == "2"
        assert set(found) == {"changes", "created", "updated", "deleted", "exit-code", "result"} | (
            {"resume"} & set(found)
        )
    assert not (tmp_path / "pwned").exists()


def test_problems_of_a_configuration_are_text_too(tmp_path: Path) -> None:
    for text in HOSTILE:
        place = Position(file=text, line=1, column=1)
        found = Diagnostic(message=text, position=place, path=text, hint=text)
        step = Step(tmp_path, [BENIGN])
        step.result.error = ConfigError((found,))
        step.finish()
        (error,) = [command for command in step.commands if command.name == "error"]
        assert set(error.properties) == {"file", "line", "col"}


def test_ten_megabytes_make_a_summary_that_github_takes(tmp_path: Path) -> None:
    rows = tuple((str(number), "<" * 500) for number in range(10_000))
    step = Step(tmp_path, ["<" * 2000] * 2500)
    table = Table(title="large", header=("number", "text"), rows=rows)
    step.result.ended(StageResult(stage="status", seconds=1, outcome=Outcome(tables=(table,))))
    step.finish()
    written = step.files["GITHUB_STEP_SUMMARY"].read_bytes()
    assert len(written) <= summary.LIMIT
    assert summary.POINTER.encode() in written
    assert len(step.documents()[1]) <= comment.LIMIT
    known = step.outputs
    assert sum(map(len, known.values())) < 1_000_000 / 2, "GitHub counts two bytes a character"
    assert json.loads(known["result"])["exit-code"] == 1


@pytest.mark.parametrize("room", [0, 100, 2000, 5000, 100_000])
def test_a_summary_keeps_within_what_is_left(room: int, tmp_path: Path) -> None:
    step = Step(tmp_path, ["<b>" * 100] * 300)
    assert len(summary.render(step.result, room=room).encode()) <= room
