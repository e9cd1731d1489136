"""Resources on disk: one JSON file each, written whole, so that a killed server loses no more than a call in flight."""

from __future__ import annotations

import copy
import json
import logging
import os
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Kind: TypeAlias = Literal["training-job", "processing-job", "model", "endpoint-config", "endpoint"]
"""As in the ARN."""

_LOG = logging.getLogger(__name__)


class Key(NamedTuple):
    """What identifies a resource. SageMaker lower-cases names in ARNs, so two names differ by more than case."""

    kind: Kind
    region: str
    name: str

    @property
    def slug(self) -> str:
        """The name as a file name; the API's pattern for names leaves letters, digits and hyphens only."""
        return self.name.lower()


@dataclass(kw_only=True)
class Record:
    """One resource: what was asked for, and what has become of it. Times are seconds since the epoch."""

    kind: Kind
    region: str
    name: str
    arn: str
    created: float
    modified: float
    request: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where the store keeps it."""
        return Key(self.kind, self.region, self.name)

    @property
    def status(self) -> str:
        """Empty for a resource without a life of its own."""
        return str(self.state.get("status", ""))


class Store:
    """All resources of one state directory. Records go in and out as copies."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        self._lock = threading.RLock()
        self._records: dict[tuple[str, str, str], Record] = {}
        for path in sorted(root.glob("*/*/*.json")):
            if record := _read(path):
                self._records[_slot(record.key)] = record

    def add(self, record: Record) -> bool:
        """Keep a new record; False, and nothing done, if its name is taken."""
        with self._lock:
            if _slot(record.key) in self._records:
                return False
            self._write(copy.deepcopy(record))
            return True

    def get(self, key: Key) -> Record | None:
        """A copy of the record, if there is one."""
        with self._lock:
            return copy.deepcopy(self._records.get(_slot(key)))

    def by_arn(self, arn: str) -> Record | None:
        """A copy of the record of that ARN, letter case aside."""
        with self._lock:
            found = (record for record in self._records.values() if record.arn.lower() == arn.lower())
            return copy.deepcopy(next(found, None))

    def all(self, kind: Kind, region: str = "") -> list[Record]:
        """Copies of all records of a kind, in one region or in all."""
        with self._lock:
            records = [r for r in self._records.values() if r.kind == kind and region in ("", r.region)]
            return copy.deepcopy(records)

    def change(self, key: Key, apply: Callable[[Record], None], *, touch: bool = True) -> Record | None:
        """Change a record in one step, seen by nobody in between; returns it, or None if it is gone.

        `apply` may raise to leave the record as it was. `touch` moves its time of last modification.
        """
        with self._lock:
            record = self.get(key)
            if record is None:
                return None
            apply(record)
            if touch:
                record.modified = self._clock()
            self._write(record)
            return copy.deepcopy(record)

    def remove(self, key: Key) -> None:
        """Forget a record. Quiet if it is gone."""
        with self._lock:
            if self._records.pop(_slot(key), None):
                self._path(key).unlink(missing_ok=True)

    def _write(self, record: Record) -> None:
        path = self._path(record.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - the atomic rename is the point
        self._records[_slot(record.key)] = record

    def _path(self, key: Key) -> Path:
        return self._root / key.region / key.kind / f"{key.slug}.json"


def _read(path: Path) -> Record | None:
    """None for a file that somebody else has written or damaged: one resource is lost then, and not the server."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        _LOG.error("%s is left out: %s", path, error)
        return None


def _slot(key: Key) -> tuple[str, str, str]:
    return key.kind, key.region, key.slug
