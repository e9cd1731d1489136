"""Pages of a listing, as ECR cuts them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT = 100


def page(body: Mapping[str, Any], member: str, items: list[Any]) -> dict[str, Any]:
    """The items that `nextToken` and `maxResults` of a request ask for, and the token of the next page if any."""
    start = _offset(body.get("nextToken", ""))
    end = start + int(body.get("maxResults", _DEFAULT))
    output: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        output["nextToken"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return output


def _offset(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except (binascii.Error, ValueError):
        raise ApiError("InvalidParameterException", "Invalid parameter at 'nextToken': 'Invalid token'") from None
