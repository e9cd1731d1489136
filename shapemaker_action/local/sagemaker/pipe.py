"""Channels in Pipe mode: the objects of a channel, one after the other, through a FIFO per epoch."""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shapemaker_action.local.sagemaker.objects import Item

CHUNK = 64 * 1024
PAUSE = 0.02
"""Seconds between two looks for a reader."""

_LOG = logging.getLogger(__name__)


class Pipe:
    """Feeds `<channel>_0`, and the FIFO of the next epoch when one has been read to its end or closed early."""

    def __init__(self, client: Any, channel: Path, items: Sequence[Item]) -> None:
        self._client = client
        self._channel = channel
        self._items = items
        self._end = threading.Event()
        self._make(0)

    def start(self) -> None:
        """Feed in the background until `close`."""
        threading.Thread(target=self._feed, name=f"pipe {self._channel.name}", daemon=True).start()

    def close(self) -> None:
        """No more epochs."""
        self._end.set()

    def _make(self, epoch: int) -> Path:
        path = self._channel.with_name(f"{self._channel.name}_{epoch}")
        # One may be left of an attempt that a killed server began.
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        # Whoever the container's user is, and whatever our umask.
        path.chmod(0o666)
        return path

    def _feed(self) -> None:
        epoch = 0
        path = self._channel.with_name(f"{self._channel.name}_0")
        while (writer := self._await_reader(path)) is not None:
            try:
                self._write(writer)
            except BrokenPipeError:
                # The algorithm has seen enough of this epoch.
                pass
            except (BotoCoreError, ClientError) as error:
                _LOG.warning("channel %s breaks off: %s", self._channel.name, error)
            finally:
                os.close(writer)
            epoch += 1
            path = self._make(epoch)

    def _await_reader(self, path: Path) -> int | None:
        while not self._end.is_set():
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None
                if error.errno != errno.ENXIO:
                    raise
            self._end.wait(PAUSE)
        return None

    def _write(self, writer: int) -> None:
        for part in self._content():
            rest = memoryview(part)
            while rest and not self._end.is_set():
                if select.select([], [writer], [], PAUSE)[1]:
                    rest = rest[os.write(writer, rest) :]

    def _content(self) -> Iterator[bytes]:
        for item in self._items:
            body = self._client.get_object(Bucket=item.source.bucket, Key=item.source.key)["Body"]
            yield from iter(partial(body.read, CHUNK), b"")
