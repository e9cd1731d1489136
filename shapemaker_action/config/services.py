"""Service descriptions in brief: what a configuration asks of them, without the megabytes around it."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from shapemaker_action import service_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class _Excerpt(TypedDict):
        botocore: str
        services: dict[str, service_model.Document]


EXCERPT = Path(__file__).with_name("service_excerpt.json")
"""Out of the botocore in tool.lock; `.ci/generate_excerpt.py` writes it."""


@functools.cache
def brief(service: str) -> service_model.ServiceModel:
    """The operations and shapes that a configuration asks for, by the service's boto3 name."""
    excerpt = _excerpt()
    # Another botocore may say something else.
    is_of_it = (service_model.data_directory().parents[1] / f"botocore-{excerpt['botocore']}.dist-info").is_dir()
    return service_model.ServiceModel(excerpt["services"][service]) if is_of_it else service_model.load(service)


@functools.cache
def _excerpt() -> _Excerpt:
    excerpt: _Excerpt = json.loads(EXCERPT.read_bytes())
    return excerpt
