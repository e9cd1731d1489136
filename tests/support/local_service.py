"""A local SageMaker for a test, and boto3 clients that call it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from shapemaker_action.local import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.local.lifecycle import LocalService

REGION = "eu-west-1"


@contextmanager
def serving(state: Path, engine: str = "auto") -> Iterator[LocalService]:
    """The service of a state directory; it ends with the block, however that ends."""
    try:
        yield lifecycle.up(state, engine=engine)
    finally:
        lifecycle.down(state)


def client(service: LocalService, name: str, *, access_key: str = "", region: str = REGION) -> Any:
    """A client that tries once, so that a test sees the first answer."""
    return boto3.session.Session().client(
        name,
        endpoint_url=service.url,
        region_name=region,
        aws_access_key_id=access_key or service.access_key,
        aws_secret_access_key=service.secret_key,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
