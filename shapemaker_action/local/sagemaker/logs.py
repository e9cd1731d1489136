"""The log of a container, sent live to CloudWatch Logs."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapemaker_action.local.world import World

EVENT_LIMIT = 262_144
"""Bytes of one event, its overhead included."""
OVERHEAD = 26
BATCH_BYTES = 1_048_576
BATCH_EVENTS = 10_000
WAITING_LINES = 20_000
"""What may wait to be sent before the container's output has to wait too."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Event:
    message: str
    millis: int

    @property
    def size(self) -> int:
        return len(self.message.encode()) + OVERHEAD


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One log stream. Group and stream come into being with the first line, not before."""

    world: World
    region: str
    group: str
    name: str

    @property
    def _client(self) -> Any:
        return self.world.client("logs", self.region)

    def count(self) -> int:
        """How many events it holds already."""
        total = 0
        token: dict[str, str] = {}
        while True:
            try:
                page = self._client.get_log_events(
                    logGroupName=self.group, logStreamName=self.name, startFromHead=True, **token
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    return 0
                raise
            total += len(page["events"])
            if page["nextForwardToken"] == token.get("nextToken"):
                return total
            token = {"nextToken": page["nextForwardToken"]}

    def create(self) -> None:
        """Create group and stream as far as they don't exist."""
        _create(self._client.create_log_group, logGroupName=self.group)
        _create(self._client.create_log_stream, logGroupName=self.group, logStreamName=self.name)

    def put(self, events: list[_Event]) -> None:
        """Append events, in order of time."""
        self._client.put_log_events(
            logGroupName=self.group,
            logStreamName=self.name,
            logEvents=[{"timestamp": event.millis, "message": event.message} for event in events],
        )


class Follower:
    """Reads a container's output to its end and sends it to a stream; `seen` gets each line first.

    `seen` is told whether the line is new: a server that finds a container again reads its log from the start, and
    what an earlier server has sent already is not sent twice.
    """

    def __init__(self, lines: Iterator[str], stream: Stream, seen: Callable[[str, bool], None]) -> None:
        self._lines = lines
        self._stream = stream
        self._seen = seen
        self._queue: queue.Queue[_Event | None] = queue.Queue(WAITING_LINES)
        self._skip = 0
        self._created = False
        self._threads = [
            threading.Thread(target=task, name=f"log {stream.name}", daemon=True) for task in (self._read, self._send)
        ]

    def start(self, *, again: bool) -> None:
        """`again` if an earlier server may have sent part of it."""
        self._skip = self._stream.count() if again else 0
        self._created = bool(self._skip)
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until everything is sent."""
        for thread in self._threads:
            thread.join(timeout)

    def _read(self) -> None:
        clock = self._stream.world.clock
        sent = 0
        try:
            for line in self._lines:
                text = cut(line.rstrip("\r\n"))
                # CloudWatch Logs knows no empty events.
                if not text:
                    continue
                sent += 1
                new = sent > self._skip
                self._seen(text, new)
                if new:
                    self._queue.put(_Event(text, int(clock() * 1000)))
        except EnvironmentProblemError as error:
            _LOG.warning("the log of %s ends early: %s", self._stream.name, error)
        finally:
            self._queue.put(None)

    def _send(self) -> None:
        while batch := self._next_batch():
            self._put(batch)

    def _put(self, batch: list[_Event]) -> None:
        try:
            if not self._created:
                self._stream.create()
                self._created = True
            self._stream.put(batch)
        except (BotoCoreError, ClientError) as error:
            # A log line never fails a job; the server's own log keeps the loss.
            _LOG.warning("%d lines of %s are lost: %s", len(batch), self._stream.name, error)

    def _next_batch(self) -> list[_Event]:
        """Everything that waits, within the limits of one call; empty at the end."""
        event = self._queue.get()
        batch: list[_Event] = []
        size = 0
        while event is not None:
            batch.append(event)
            size += event.size
            if len(batch) == BATCH_EVENTS or size > BATCH_BYTES - EVENT_LIMIT or self._queue.empty():
                return batch
            event = self._queue.get()
        if batch:
            # The end came with a batch: let the next call see it again.
            self._queue.put(None)
        return batch


def _create(create: Any, **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def cut(line: str) -> str:
    """A line as one event: what exceeds its limit is cut off, what is no text becomes `?`."""
    data = line.encode("utf-8", "replace")
    return data[: EVENT_LIMIT - OVERHEAD].decode("utf-8", "ignore")
