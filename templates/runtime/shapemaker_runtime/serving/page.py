"""Routes that only show something: the same with and without Falcon."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_runtime.serving.formats import JSON

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Page:
    """What a GET is answered with, whatever else the request says."""

    media_type: str
    body: Callable[[], bytes]

    @classmethod
    def of_json(cls, document: Callable[[], object]) -> Page:
        """A page that is made anew each time."""
        return cls(JSON, lambda: json.dumps(document(), ensure_ascii=False).encode())
