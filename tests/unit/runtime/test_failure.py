"""Failure files: what is most useful comes first, and the rest is cut where SageMaker would cut it."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapemaker_runtime import failure
from shapemaker_runtime.errors import SetupError, Terminated
from shapemaker_runtime.failure import Boundary

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

CODE = """
import json

def read(text):
    return json.loads(text)

def load(text):
    try:
        return read(text)
    except ValueError as error:
        raise RuntimeError("the settings are broken") from error

def quit(code):
    raise SystemExit(code)
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    file = tmp_path / "modelpkg" / "settings.py"
    file.parent.mkdir()
    file.write_text(CODE)
    spec = importlib.util.spec_from_file_location("settings", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_exception_comes_first_then_the_users_innermost_lines(module: ModuleType, tmp_path: Path) -> None:
    boundary = Boundary(tmp_path / "output" / "failure", tmp_path)
    with boundary:
        module.read("{")
    lines = (tmp_path / "output" / "failure").read_text().splitlines()
    assert boundary.exit_code == 1
    assert lines[0].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert lines[1] == "at modelpkg/settings.py:5 in read: return json.loads(text)"


def test_causes_are_told_after_what_they_caused(module: ModuleType, tmp_path: Path) -> None:
    with Boundary(tmp_path / "failure", tmp_path):
        module.load("{")
    first, at, cause, *_ = (tmp_path / "failure").read_text().splitlines()
    assert first == "RuntimeError: the settings are broken"
    assert at.startswith("at modelpkg/settings.py:11 in load")
    assert cause.startswith("caused by json.decoder.JSONDecodeError")


def test_without_lines_of_the_user_the_librarys_innermost_one_is_named(tmp_path: Path) -> None:
    with Boundary(tmp_path / "failure", tmp_path):
        json.loads("{")
    assert "json/decoder.py:" in (tmp_path / "failure").read_text()


def test_the_traceback_is_in_the_log(module: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Boundary(tmp_path / "failure", tmp_path):
        module.read("{")
    assert "Traceback (most recent call last)" in capfd.readouterr().err


def test_without_a_file_the_reason_is_the_first_line_of_the_log(
    module: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Boundary(None, tmp_path):
        module.load("{")
    assert capfd.readouterr().err.splitlines()[0] == "RuntimeError: the settings are broken"


def test_what_cannot_start_is_said_without_a_traceback(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    boundary = Boundary(tmp_path / "failure", tmp_path)
    with boundary:
        raise SetupError("channel train is missing")
    assert boundary.exit_code == 2
    assert (tmp_path / "failure").read_text() == "channel train is missing"
    assert capfd.readouterr().err == "channel train is missing\n"


def test_being_stopped_is_no_failure(tmp_path: Path) -> None:
    boundary = Boundary(tmp_path / "failure", tmp_path)
    with boundary:
        raise Terminated
    assert boundary.exit_code == 143
    assert not (tmp_path / "failure").exists()


@pytest.mark.parametrize("code", [0, 3, "no data"])
def test_leaving_early_is_a_failure_whatever_the_code(module: ModuleType, tmp_path: Path, code: object) -> None:
    boundary = Boundary(tmp_path / "failure", tmp_path)
    with boundary:
        module.quit(code)
    assert boundary.exit_code == 1
    assert (tmp_path / "failure").read_text().startswith(f"the code called sys.exit({code!r}) before its work was done")


def test_an_interrupt_at_the_terminal_passes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Boundary(tmp_path / "failure", tmp_path):
        raise KeyboardInterrupt


@given(st.text(), st.integers(3, 50))
def test_shortening_keeps_to_the_bytes_and_to_whole_characters(text: str, limit: int) -> None:
    short = failure.shorten(text, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_long_message_leaves_room_for_the_place(tmp_path: Path) -> None:
    with Boundary(tmp_path / "failure", tmp_path):
        raise ValueError("ä" * 5000)
    content = (tmp_path / "failure").read_bytes()
    assert len(content) <= 1024
    assert "\nat " in content.decode()


def test_a_message_reaches_the_file_without_control_characters(tmp_path: Path) -> None:
    failure.write(tmp_path / "failure", "a\x1b[31m\r::error::b\nc\ud800")
    assert (tmp_path / "failure").read_bytes() == b"a [31m ::error::b\nc "
