"""The SageMaker control plane: which function answers which operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any]]] = {}
"""Operation name to its handler, which returns the output (timestamps as epoch floats) or raises `ApiError`."""


def resume(world: World) -> None:
    """The server has just started: bring endpoints in service back, settle or re-attach jobs."""


def suspend(world: World) -> None:
    """The server is about to end: stop the containers of endpoints, keep their records."""
