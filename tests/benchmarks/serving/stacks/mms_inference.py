"""The functions that sagemaker-inference, the toolkit of SageMaker's own images, wants: one request at a time."""

from __future__ import annotations

import json
from typing import Any

from models import load  # type: ignore[import-not-found]  # beside the servers' working directory


def model_fn(_directory: str) -> Any:
    """Load."""
    return load()


def input_fn(body: str | None, _content_type: str) -> Any:
    """Rows. Without a body it is the health check: only an answer of the handler shows that it works."""
    return json.loads(body)["instances"] if body else []


def predict_fn(rows: Any, model: Any) -> Any:
    """Numbers."""
    return model.predict(rows) if rows else []
