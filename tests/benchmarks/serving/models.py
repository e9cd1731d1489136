"""The models that every stack serves: trained once, read from a file by each of them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

FEATURES = 20
NAMES = ("tiny", "hgb", "forest", "ridge", "large")


class Tiny:
    """A linear model of one number, so that all that is measured is the server; asked as the template asks, by name."""

    def predict(self, age: float) -> float:
        """Salary by age."""
        return 800.0 * age + 100.0


def make(folder: Path) -> None:
    """Train what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        place = folder / f"{name}.joblib"
        if not place.exists():
            import joblib  # type: ignore[import-untyped]  # noqa: PLC0415 - only where a model is trained

            joblib.dump(_trained(name), place)


def load() -> Any:
    """The model that `$BENCHMARK_MODEL` names, in `$BENCHMARK_MODELS`."""
    name = os.environ["BENCHMARK_MODEL"]
    if name == "tiny":
        return Tiny()
    import joblib  # noqa: PLC0415 - the tiny model does without

    return joblib.load(Path(os.environ["BENCHMARK_MODELS"]) / f"{name}.joblib")


def instances(count: int, features: int = FEATURES) -> list[list[float]]:
    """Rows like those that a model was trained on; the same ones each time."""
    draw = random.Random(1)  # noqa: S311 - no secret
    return [[round(draw.gauss(0, 1), 4) for _ in range(features)] for _ in range(count)]


def body(model: str, count: int) -> bytes:
    """A JSON request."""
    return json.dumps({"age": 31} if model == "tiny" else {"instances": instances(count)}).encode()


def _trained(name: str) -> Any:
    if name == "tiny":
        return None
    import numpy as np  # noqa: PLC0415 - only where a model is trained
    from sklearn.ensemble import (  # noqa: PLC0415
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.linear_model import Ridge  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    estimators = {
        "hgb": HistGradientBoostingRegressor(max_iter=100, random_state=0),
        "forest": RandomForestRegressor(n_estimators=100, random_state=0),
        "ridge": Ridge(),
        "large": ExtraTreesRegressor(n_estimators=120, random_state=0, n_jobs=2),
    }
    count = 12_000 if name == "large" else 2_000
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(count, FEATURES))
    target = rows @ draw.normal(size=FEATURES) + np.sin(rows[:, 0] * 3) + draw.normal(size=count) / 10
    return make_pipeline(StandardScaler(), estimators[name]).fit(rows, target)
