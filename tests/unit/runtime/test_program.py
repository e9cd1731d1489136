"""The user's program: its runtime.json and its model class."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shapemaker_runtime import program as programs
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    (tmp_path / "a_model.py").write_text("class Model:\n    def train(self): ...\n    def save(self): ...\n")
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def load(place: Path, text: str = '{"model": "a_model:Model"}') -> programs.Program:
    (place / "runtime.json").write_text(text)
    return programs.load({"SHAPEMAKER_PROGRAM": str(place)})


def test_the_model_class_is_imported_from_the_program(place: Path) -> None:
    model = programs.new_model(load(place), ("train", "save"))
    assert type(model).__name__ == "Model"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "runtime.json names no model class"),
        ('{"model": "a_model"}', "a_model: expected package.module:name"),
        ('{"model": "a_model:Modell"}', "a_model has no Modell; did you mean Model?"),
        ('{"model": "a_model:Model"}', "a_model:Model lacks load(), predict()"),
        ('{"modle": "a_model:Model"}', "has unknown fields: modle"),
        ("[]", "must hold a JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_what_cannot_be_a_model_is_told_why(place: Path, text: str, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        programs.new_model(load(place, text), ("train", "load", "predict"))
    assert message in str(caught.value)


def test_without_the_variable_the_program_is_the_working_directory() -> None:
    assert programs.root({}) == Path.cwd()
