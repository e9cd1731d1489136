"""The handler of multi-model-server: all requests of one of its batches at once."""

from __future__ import annotations

import json
from typing import Any

from models import load  # type: ignore[import-not-found]  # beside the servers' working directory

model = load()


def handle(data: list[dict[str, Any]] | None, _context: object) -> list[str]:
    """One row a request. Without a body it is the health check: only an answer of the handler shows that it works."""
    bodies = [each.get("body") for each in data or []]
    rows = [json.loads(body)["instances"][0] for body in bodies if body]
    answers = iter(model.predict(rows) if rows else ())
    return [json.dumps({"predictions": [float(next(answers))]}) if body else "{}" for body in bodies]
