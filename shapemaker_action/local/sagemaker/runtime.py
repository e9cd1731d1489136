"""The SageMaker runtime: what is posted to an endpoint's path goes to its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from shapemaker_action.local.wire import Request, Response
    from shapemaker_action.local.world import World


def handle(world: World, request: Request) -> Response:
    """Answer `POST /endpoints/<name>/…`; an `ApiError` becomes the REST error with its code in the header."""
    raise ApiError("ValidationError", f"Endpoint of {request.path} not found in account {world.account}.")
