"""MLServer with its adaptive batching on."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from models import load as load_model  # type: ignore[import-not-found]  # beside the servers' working directory


class Runtime(MLModel):  # type: ignore[misc]
    """One row a request, in the protocol of the open inference initiative."""

    async def load(self) -> bool:
        """Load."""
        self.model = load_model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Many at once."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("predictions", self.model.predict(rows).reshape(-1, 1))
        return InferenceResponse(model_name=self.name, outputs=[output])
