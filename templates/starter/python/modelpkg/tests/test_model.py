"""What the model has to do, whatever it is made of: pytest modelpkg."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpkg.model import Model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def model() -> Model:
    made = Model()
    made.train(DATA / "train")
    return made


def test_a_larger_flat_costs_more(model: Model) -> None:
    assert model.predict(40) < model.predict(70) < model.predict(110)


def test_it_is_hardly_worse_on_prices_that_it_has_not_seen(model: Model) -> None:
    assert model.evaluate(DATA / "test")["mean_error"] < 1.3 * model.evaluate(DATA / "train")["mean_error"]


def test_a_saved_model_predicts_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = Model()
    loaded.load(tmp_path)
    assert loaded.predict(60) == model.predict(60)
