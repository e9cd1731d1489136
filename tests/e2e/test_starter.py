"""From an empty folder to a served model, and to a model of one's own with two files edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.stages import starter
from tests.support.consumer import Consumer

if TYPE_CHECKING:
    from pathlib import Path


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text)


@pytest.mark.parametrize("framework", starter.frameworks())
def test_an_empty_folder_becomes_a_served_model(tmp_path: Path, state: Path, framework: str) -> None:
    folder = tmp_path / "flats"
    folder.mkdir()
    flats = Consumer(folder=folder, state=state, name="flats")
    begun = flats.run("init", "--framework", framework, "--yes")
    assert begun.code == 0, begun
    done = flats.do("run")
    one, several = (prediction["answer"] for prediction in done.outputs["predictions"])
    assert several["predictions"] == sorted(several["predictions"])
    assert one == {"output": several["predictions"][1]}
    assert flats.do("run", "--environment", "production").outputs["endpoint-name"] == "flats-production"


def test_two_edited_files_make_a_model_of_ones_own(tmp_path: Path, state: Path) -> None:
    flats = Consumer(folder=tmp_path, state=state, name="rents")
    assert flats.run("init", "--name", "flats", "--framework", "python", "--yes").code == 0
    (tmp_path / "data" / "rents.csv").write_text("rooms,rent\n1,500\n2,900\n3,1300\n")
    (tmp_path / "requests" / "rents.json").write_text('{"instances": [{"rooms": 4}]}')
    edit(
        tmp_path / "modelpkg" / "model.py",
        ('FEATURE = "area"', 'FEATURE = "rooms"'),
        ('TARGET = "price"', 'TARGET = "rent"'),
        ("def predict(self, area: float)", "def predict(self, rooms: float)"),
        ("self.slope * area", "self.slope * rooms"),
    )
    edit(
        tmp_path / "shapemaker.yml",
        ('name: "flats"', "name: rents"),
        ("{train: data/train}", "{train: data/rents.csv}"),
        ("{test: data/test}", "{test: data/rents.csv}"),
        ("max: 40000", "max: 50"),
        ("requests/*.json", "requests/rents.json"),
    )
    done = flats.do("run")
    assert [answer["answer"] for answer in done.outputs["predictions"]] == [{"predictions": [1700.0]}]
    assert done.outputs["metrics"] == {"mean_error": 0.0}
