"""The model, one of the two files to edit: the price of a flat from its area and rooms."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import joblib
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error, r2_score

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = ("area", "rooms")
TARGET = "price"
FILE = "model.joblib"


class Model:
    """`train` and `save` run in the training job, `evaluate` before a deployment, `load` and `predict` behind it."""

    def train(self, train: Path, *, trees: int = 100, depth: int = 6) -> dict[str, float]:
        """Fit the channel `train`; what is no Path is a hyperparameter. Metrics of the training data."""
        rows, prices = read(train)
        self.forest = RandomForestRegressor(n_estimators=trees, max_depth=depth, random_state=0)
        self.forest.fit(rows, prices)
        return self._metrics(rows, prices)

    def evaluate(self, test: Path) -> dict[str, float]:
        """Metrics of the channel `test`, for the thresholds in shapemaker.yml."""
        return self._metrics(*read(test))

    def predict(self, area: float, rooms: float) -> float:
        """What the endpoint answers to `{"area": 60, "rooms": 3}`."""
        return float(self.forest.predict([[area, rooms]])[0])

    def save(self, directory: Path) -> None:
        """Write everything that `load` needs."""
        joblib.dump(self.forest, directory / FILE)

    def load(self, directory: Path) -> None:
        """Read what `save` wrote."""
        self.forest = joblib.load(directory / FILE)

    def _metrics(self, rows: list[list[float]], prices: list[float]) -> dict[str, float]:
        predicted = self.forest.predict(rows)
        return {"mean_error": mean_absolute_error(prices, predicted), "r2": r2_score(prices, predicted)}


def read(channel: Path) -> tuple[list[list[float]], list[float]]:
    """Features and targets of all CSV files of a channel."""
    rows: list[list[float]] = []
    targets: list[float] = []
    for file in sorted(channel.glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                rows.append([float(row[name]) for name in FEATURES])
                targets.append(float(row[TARGET]))
    return rows, targets
