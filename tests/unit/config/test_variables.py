"""The `serve:` section as variables of the containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.config import variables
from shapemaker_action.config.complete import complete

if TYPE_CHECKING:
    from shapemaker_action.config.project import ServeSettings


MINIMAL = {"project": {"name": "salary"}, "aws": {"region": "eu-west-1"}}


def serve(**given: object) -> ServeSettings:
    return complete({**MINIMAL, "serve": given}, root=Path(), environment="").serve


def test_defaults_set_nothing() -> None:
    assert variables.of_serving(serve()) == {}
    assert variables.of_training(serve()) == {}


def test_what_is_changed_reaches_serving_alone() -> None:
    changed = serve(batch_rows=1, server="stock", queue_seconds=5, workers=3, nginx=True)
    assert variables.of_serving(changed) == {
        "SHAPEMAKER_SERVE_WORKERS": "3",
        "SHAPEMAKER_SERVE_SERVER": "stock",
        "SHAPEMAKER_SERVE_BATCH_ROWS": "1",
        "SHAPEMAKER_SERVE_QUEUE_SECONDS": "5",
    }
    assert variables.of_training(changed) == {}


def test_acceleration_is_known_in_training_too() -> None:
    wanted = {"SHAPEMAKER_ACCELERATE": "builtin"}
    assert variables.of_training(serve(accelerate="builtin")) == wanted
    assert variables.of_serving(serve(accelerate={"by": "builtin"})) == wanted
    details = serve(accelerate={"by": "onnx", "attribute": "a.b", "tolerance": 1e-5, "fallback": True})
    assert variables.of_training(details) == {
        "SHAPEMAKER_ACCELERATE": "onnx",
        "SHAPEMAKER_ACCELERATE_ATTRIBUTE": "a.b",
        "SHAPEMAKER_ACCELERATE_TOLERANCE": "1e-05",
        "SHAPEMAKER_ACCELERATE_FALLBACK": "true",
    }


def test_the_users_own_variables_win() -> None:
    own = replace(serve(log="all"), environment={"SHAPEMAKER_SERVE_LOG": "none", "LEVEL": "1"})
    assert variables.of_serving(own) == {"SHAPEMAKER_SERVE_LOG": "none", "LEVEL": "1"}
