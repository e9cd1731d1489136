"""The model class whose training job finds its estimator trained: what every stack serves, and an accelerated form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
from models import instances, load  # type: ignore[import-not-found]  # beside the servers' working directory

FILE = "model.joblib"


class Model:
    """As a user writes it."""

    def train(self) -> None:
        """By the file that every stack reads."""
        self.model = load()
        self.acceleration_rows = np.array(instances(200))

    def save(self, directory: Path) -> None:
        """For serving."""
        joblib.dump(self.model, directory / FILE)

    def load(self, directory: Path) -> None:
        """What training has saved."""
        self.model = joblib.load(directory / FILE)

    def predict(self, instances: np.ndarray) -> Any:
        """All rows at once."""
        return self.model.predict(instances)
