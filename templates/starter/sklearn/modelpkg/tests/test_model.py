"""What the model has to do, whatever it is made of: pytest modelpkg."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpkg.model import Model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def model() -> Model:
    made = Model()
    made.train(DATA / "train", trees=50)
    return made


def test_a_larger_flat_costs_more(model: Model) -> None:
    assert model.predict(40, 2) < model.predict(70, 2) < model.predict(110, 2)


def test_it_explains_most_of_the_prices_that_it_has_not_seen(model: Model) -> None:
    assert model.evaluate(DATA / "test")["r2"] > 0.8


def test_a_saved_model_predicts_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = Model()
    loaded.load(tmp_path)
    assert loaded.predict(60, 3) == model.predict(60, 3)
