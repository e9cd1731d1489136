"""A model in MLflow's layout, for `mlflow models serve`."""

from __future__ import annotations

import sys

import mlflow.sklearn
from models import load  # type: ignore[import-not-found]  # beside the servers' working directory

if __name__ == "__main__":
    mlflow.sklearn.save_model(load(), sys.argv[1], serialization_format="cloudpickle")
