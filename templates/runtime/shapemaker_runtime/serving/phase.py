"""What a connection waits for, and for how long."""

from __future__ import annotations

from enum import Enum

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
IDLE_SECONDS = 75.0
"""SageMaker keeps its connections; the side that closes first should not be ours."""
WRITE_SECONDS = 60.0


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    BUSY = "the reply"
    LINGER = "the end of what we refused"


PATIENCE = {Phase.IDLE: IDLE_SECONDS, Phase.HEAD: HEAD_SECONDS, Phase.BODY: BODY_SECONDS, Phase.LINGER: 2.0}
"""Seconds; a reply may take its time."""
