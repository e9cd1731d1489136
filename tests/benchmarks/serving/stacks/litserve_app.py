"""LitServe with its batching on."""

from __future__ import annotations

import os

import litserve
from models import load  # type: ignore[import-not-found]  # beside the servers' working directory


class Api(litserve.LitAPI):  # type: ignore[misc]
    """One row a request."""

    def setup(self, _device: str) -> None:
        """Load."""
        self.model = load()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - LitServe would read them
        """The row."""
        row: list[float] = request["instances"][0]
        return row

    def batch(self, inputs: list[list[float]]) -> list[list[float]]:
        """Rows as they are."""
        return inputs

    def predict(self, rows: list[list[float]]) -> list[float]:
        """Many at once."""
        return [float(value) for value in self.model.predict(rows)]

    def unbatch(self, output: list[float]) -> list[float]:
        """One each."""
        return output

    def encode_response(self, output: float) -> dict[str, list[float]]:
        """As the others answer."""
        return {"predictions": [output]}


if __name__ == "__main__":
    server = litserve.LitServer(
        Api(max_batch_size=64, batch_timeout=0.02, api_path="/invocations"),
        accelerator="cpu",
        workers_per_device=1,
        healthcheck_path="/ping",
    )
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
