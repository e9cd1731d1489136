from __future__ import annotations

from pathlib import Path

import pytest

from modelpkg.model import Model

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def model() -> Model:
    model = Model()
    model.train(DATA / "train", degree=2)
    return model


def test_salary_rises_with_age(model: Model) -> None:
    assert model.predict(22) < model.predict(31) < model.predict(50)


def test_a_second_degree_fits_better_than_a_line(model: Model) -> None:
    line = Model()
    line.train(DATA / "train", degree=1)
    assert model.evaluate(DATA / "test")["rmse"] < line.evaluate(DATA / "test")["rmse"]


def test_a_saved_model_predicts_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = Model()
    loaded.load(tmp_path)
    assert loaded.predict(31) == model.predict(31)
