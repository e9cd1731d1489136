"""FastAPI as its tutorial has it."""

from __future__ import annotations

from fastapi import FastAPI
from models import load  # type: ignore[import-not-found]  # beside the servers' working directory
from pydantic import BaseModel

app = FastAPI()
model = load()


class Instances(BaseModel):
    """The request."""

    instances: list[list[float]]


@app.get("/ping")
def ping() -> dict[str, str]:
    """Alive."""
    return {}


@app.post("/invocations")
def invocations(request: Instances) -> dict[str, list[float]]:
    """Predict."""
    return {"predictions": [float(value) for value in model.predict(request.instances)]}
