"""The model, one of the two files to edit: the price of a flat from its area, by a straight line."""

from __future__ import annotations

import csv
import json
from statistics import fmean, linear_regression
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FEATURE = "area"
TARGET = "price"
FILE = "model.json"


class Model:
    """`train` and `save` run in the training job, `evaluate` before a deployment, `load` and `predict` behind it."""

    def train(self, train: Path, *, largest: float = 500) -> dict[str, float]:
        """Fit the channel `train`; what is no Path is a hyperparameter. Flats beyond `largest` are left out."""
        pairs = [(area, price) for area, price in read(train) if area <= largest]
        self.slope, self.intercept = linear_regression(*zip(*pairs, strict=True))
        return self._metrics(pairs)

    def evaluate(self, test: Path) -> dict[str, float]:
        """Metrics of the channel `test`, for the thresholds in shapemaker.yml."""
        return self._metrics(read(test))

    def predict(self, area: float) -> float:
        """What the endpoint answers to `{"area": 60}`."""
        return self.intercept + self.slope * area

    def save(self, directory: Path) -> None:
        """Write everything that `load` needs."""
        (directory / FILE).write_text(json.dumps([self.slope, self.intercept]), encoding="utf-8")

    def load(self, directory: Path) -> None:
        """Read what `save` wrote."""
        self.slope, self.intercept = json.loads((directory / FILE).read_text(encoding="utf-8"))

    def _metrics(self, pairs: list[tuple[float, float]]) -> dict[str, float]:
        return {"mean_error": fmean(abs(self.predict(area) - price) for area, price in pairs)}


def read(channel: Path) -> list[tuple[float, float]]:
    """Feature and target of all CSV files of a channel."""
    pairs: list[tuple[float, float]] = []
    for file in sorted(channel.glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as stream:
            pairs += [(float(row[FEATURE]), float(row[TARGET])) for row in csv.DictReader(stream)]
    return pairs
