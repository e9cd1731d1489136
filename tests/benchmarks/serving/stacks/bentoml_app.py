"""BentoML with its adaptive batching on."""

from __future__ import annotations

import bentoml
import numpy as np
from models import load  # type: ignore[import-not-found]  # beside the servers' working directory


@bentoml.service(workers=1, traffic={"timeout": 60})
class Service:
    """One row a request."""

    def __init__(self) -> None:
        self.model = load()

    @bentoml.api(route="/invocations", batchable=True, batch_dim=0, max_batch_size=64, max_latency_ms=60_000)
    def invocations(self, instances: np.ndarray) -> np.ndarray:
        """Many at once."""
        return np.asarray(self.model.predict(instances))
