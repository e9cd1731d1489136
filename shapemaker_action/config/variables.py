"""The `serve:` section as environment variables of containers, which the runtime reads."""

from __future__ import annotations

from shapemaker_action.config import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shapemaker_action.config.project import AccelerateSettings, ServeSettings

PREFIX = "SHAPEMAKER_SERVE_"
NAMES = (
    *("workers", "timeout", "server", "batch_rows", "batch_window_ms", "queue_rows", "queue_seconds", "inline"),
    *("max_body_mb", "max_rows", "log"),
)
"""Fields of the section whose variable is the prefix and their own name."""


def of_serving(serve: ServeSettings) -> dict[str, str]:
    """Those of the inference container. A default sets nothing: another release's default redeploys nothing."""
    defaults = schema.definition("serve")["properties"]
    changed = {name: value for name in NAMES if (value := getattr(serve, name)) != defaults[name]["default"]}
    ours = {f"{PREFIX}{name.upper()}": str(value) for name, value in changed.items()}
    return {**ours, **_of_acceleration(serve.accelerate), **serve.environment}


def of_training(serve: ServeSettings) -> dict[str, str]:
    """What a training job has to know about serving: it prepares and verifies the accelerator."""
    return _of_acceleration(serve.accelerate)


def _of_acceleration(accelerate: AccelerateSettings) -> dict[str, str]:
    if accelerate.by == "none":
        return {}
    tolerance = "" if accelerate.tolerance is None else repr(accelerate.tolerance)
    given = {
        "SHAPEMAKER_ACCELERATE": accelerate.by,
        "SHAPEMAKER_ACCELERATE_ATTRIBUTE": accelerate.attribute,
        "SHAPEMAKER_ACCELERATE_TOLERANCE": tolerance,
        "SHAPEMAKER_ACCELERATE_FALLBACK": "true" if accelerate.fallback else "",
    }
    return {name: value for name, value in given.items() if value}
