"""A ridge regression of salary on powers of age."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import joblib
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

if TYPE_CHECKING:
    from pathlib import Path

FILE = "model.joblib"


class Model:
    """What the images call: `train` and `save` in training, `load` and `predict` in serving, `evaluate` in between."""

    def train(self, train: Path, *, degree: int = 1, alpha: float = 1.0) -> dict[str, float]:
        """Fit the channel `train`; a parameter that is no Path is a hyperparameter."""
        ages, salaries = read(train)
        self.pipeline = make_pipeline(
            PolynomialFeatures(degree, include_bias=False), StandardScaler(), Ridge(alpha=alpha)
        )
        self.pipeline.fit(ages, salaries)
        return self._score(ages, salaries)

    def evaluate(self, test: Path) -> dict[str, float]:
        """The metrics that the thresholds in shapemaker.yml are about."""
        return self._score(*read(test))

    def predict(self, age: float) -> float:
        """The salary to expect at an age."""
        return float(self.pipeline.predict([[age]])[0])

    def save(self, directory: Path) -> None:
        """Write the model artifacts."""
        joblib.dump(self.pipeline, directory / FILE)

    def load(self, directory: Path) -> None:
        """Read what `save` wrote."""
        self.pipeline = joblib.load(directory / FILE)

    def _score(self, ages: np.ndarray, salaries: np.ndarray) -> dict[str, float]:
        predicted = self.pipeline.predict(ages)
        return {"rmse": root_mean_squared_error(salaries, predicted), "r2": r2_score(salaries, predicted)}


def read(channel: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ages, one a row, and salaries from all CSV files of a channel."""
    rows = []
    for file in sorted(channel.glob("*.csv")):
        with file.open(newline="") as stream:
            rows += [(float(row["age"]), float(row["salary"])) for row in csv.DictReader(stream)]
    table = np.array(rows)
    return table[:, :1], table[:, 1]
