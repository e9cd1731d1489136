"""The checkpoint directory of a host, kept in step with S3 while its container runs."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shapemaker_action.local.sagemaker import harvest, objects
from shapemaker_action.local.sagemaker.objects import Item, Location, TransferError

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.containers.engine import Container
    from shapemaker_action.local.sagemaker.harvest import Mounted
    from shapemaker_action.local.world import World

INTERVAL = 1.0
"""Seconds between two looks at the directory."""
PATIENCE = 5
"""How many times as long as a look took the next one waits."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Stamp:
    """What tells a changed file."""

    size: int
    modified: int


class Checkpoints:
    """Copies what is new or changed out, and takes away from S3 what is deleted; nothing comes in after the start."""

    def __init__(self, world: World, region: str, mounted: Mounted, target: Location) -> None:
        self._client = world.client("s3", region)
        self._world = world
        self._region = region
        self._mounted = mounted
        self._container: Container | None = None
        self._target = Location(target.bucket, f"{target.key.rstrip('/')}/".lstrip("/"))
        self._known: dict[str, _Stamp] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"checkpoints {target.uri}", daemon=True)

    def restore(self) -> None:
        """Bring in what an earlier run left."""
        prefix = self._target.key
        items = [
            Item(Location(self._target.bucket, key), key[len(prefix) :])
            for key in objects.keys(self._client, self._target)
        ]
        objects.fetch(self._world, self._region, items, self._mounted.source)
        self._known = _stamps(self._mounted.source)

    def start(self, container: Container) -> None:
        """Begin to copy out what the container writes."""
        self._container = container
        self._thread.start()

    def finish(self) -> None:
        """Copy the last state out and stop; raises `TransferError`."""
        self._end.set()
        self._thread.join()
        self._sync()

    def _watch(self) -> None:
        pause = INTERVAL
        while not self._end.wait(pause):
            began = time.monotonic()
            self._try_to_sync()
            # Where files have to be copied out of the container first, that must not be all it does.
            pause = max(INTERVAL, PATIENCE * (time.monotonic() - began))

    def _try_to_sync(self) -> None:
        try:
            self._sync()
        except (TransferError, BotoCoreError, ClientError, OSError) as error:
            # A file that is deleted under our hands; what is wrong to the end is told by `finish`.
            _LOG.info("checkpoints of %s: %s", self._target.uri, error)

    def _sync(self) -> None:
        directory = harvest.collect(self._container, self._mounted) if self._container else self._mounted.source
        now = _stamps(directory)
        for name, stamp in now.items():
            if self._known.get(name) != stamp:
                objects.put_file(self._client, directory / name, self._target.below(name))
                self._known[name] = stamp
        for name in self._known.keys() - now.keys():
            gone = self._target.below(name)
            self._client.delete_object(Bucket=gone.bucket, Key=gone.key)
            del self._known[name]


def _stamps(directory: Path) -> dict[str, _Stamp]:
    root = directory.resolve()
    seen: dict[str, _Stamp] = {}
    for path in objects.files(directory):
        status = path.stat()
        seen[path.relative_to(root).as_posix()] = _Stamp(status.st_size, status.st_mtime_ns)
    return seen
