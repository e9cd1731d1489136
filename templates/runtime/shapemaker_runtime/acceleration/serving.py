"""Puts accelerated estimators into a loaded model, if they are what training has verified."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration import accelerators, place, report, rows, verify
from shapemaker_runtime.acceleration.kernel import UnsupportedError
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_runtime.acceleration.settings import Acceleration

_ROWS = 4

log = logging.getLogger("shapemaker.serve")


def accelerate(model: object, directory: Path, wanted: Acceleration) -> None:
    """Replace the estimators of the model that `acceleration.json` names.

    Raises:
        SetupError: that cannot be, and the model must not be served without.
    """
    try:
        _accelerate(model, directory, wanted)
    except SetupError as error:
        if not wanted.fallback:
            raise
        log.warning("the model is served without acceleration: %s", error)


def _accelerate(model: object, directory: Path, wanted: Acceleration) -> None:
    document = report.read(directory, wanted.by)
    for name, reason in document["skipped"].items():
        if not wanted.fallback:
            raise SetupError(f"{name} was trained to be served without acceleration: {reason}")
        log.warning("%s is served without acceleration: %s", name, reason)
    found = {name: _checked(model, name, directory, wanted) for name in document["estimators"]}
    for name, quick in found.items():
        place.put(model, name, quick)


def _checked(model: object, name: str, directory: Path, wanted: Acceleration) -> Any:
    """The accelerated estimator; compared once more, on few rows, as this image's libraries may not be training's."""
    original = place.estimators(model, name)[name]
    try:
        kernel = accelerators.kernel(wanted.by, original, directory, name)
        quick = place.accelerated(original, kernel)
        few = [each[:_ROWS] for each in rows.samples(original, kernel, None)[:2]]
        verify.largest_difference(original, quick, kernel, few, wanted.tolerance)
    except (UnsupportedError, verify.DisagreementError) as error:
        raise SetupError(f"serve.accelerate: {wanted.by} does not do for {name}: {error}") from None
    log.info("%s is accelerated: %s", name, kernel.what)
    return quick
