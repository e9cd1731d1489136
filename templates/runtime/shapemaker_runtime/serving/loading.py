"""From the files of a trained model to a model that predicts, on the device that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime import signature
from shapemaker_runtime.acceleration.settings import Acceleration, machinery

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEVICE = "device"


def takes_device(model: Any) -> bool:
    """Whether `load` has a parameter `device`, as in `load(self, directory, device)`."""
    return DEVICE in signature.read(model.load).parameters


def fill(model: Any, directory: Path, environ: Mapping[str, str], device: str) -> None:
    """Have the model load; `device` is `cpu` or `cuda:<number>`. What the model raises passes."""
    if takes_device(model):
        model.load(directory, device=device)
    else:
        model.load(directory)
    acceleration = Acceleration.from_environ(environ)
    if acceleration.is_wanted:
        machinery("shapemaker_runtime.acceleration.serving").accelerate(model, directory, acceleration)
