"""The journal: every request that changed what moto keeps in memory, so that a restart can make it again."""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

_FRAME = struct.Struct(">II")
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One request as it was made. `environ` holds its WSGI variables of type str, the body excepted."""

    service: str
    environ: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    """WSGI variable to the header's own spelling, where dashes and underscores differ."""
    time: float
    seed: int
    """What moto's random numbers were seeded with: the same seed gives the same version ids."""
    digest: str = ""
    """Of a large body, kept in a file of its own."""
    issued: str = ""
    """The upload id that the answer gave out."""
    body: bytes = b""

    @property
    def bucket(self) -> str:
        """The bucket that an S3 request is about."""
        return self.environ["PATH_INFO"].strip("/").partition("/")[0] if self.service == "s3" else ""


class Journal:
    """An append-only file of framed records. A record torn by a crash was never answered and is cut off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def read(self) -> Iterator[Record]:
        """All whole records, oldest first; the file then ends after the last of them."""
        if not self._path.exists():
            return
        with self._path.open("r+b") as file:
            whole = 0
            while (payload := _read_frame(file)) is not None:
                whole = file.tell()
                yield _decode(payload)
            file.truncate(whole)

    def append(self, record: Record) -> None:
        """The record is with the operating system on return: it outlives the process, not a power cut."""
        if self._file is None:
            self._file = self._path.open("ab")
        end = self._file.tell()
        try:
            self._file.write(_encode(record))
            self._file.flush()
        except OSError:
            # Half a record (the disk is full) would hide every later one.
            self._file.truncate(end)
            raise

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace all records at once."""
        self.close()
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            for record in records:
                file.write(_encode(record))
        fresh.replace(self._path)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def without_deleted_buckets(records: list[Record]) -> list[Record]:
    """Leave out what happened in buckets up to their deletion, unless something was copied out of them."""
    copied = {source for record in records if (source := _copy_source(record))}
    deleted = {
        record.bucket: index
        for index, record in enumerate(records)
        if record.bucket and record.bucket not in copied and _is_deletion(record)
    }
    return [record for index, record in enumerate(records) if index > deleted.get(record.bucket, -1)]


def _is_deletion(record: Record) -> bool:
    path, query = record.environ["PATH_INFO"].strip("/"), record.environ.get("QUERY_STRING", "")
    return record.environ["REQUEST_METHOD"] == "DELETE" and "/" not in path and not query


def _copy_source(record: Record) -> str:
    source = unquote(record.environ.get("HTTP_X_AMZ_COPY_SOURCE", "")).strip("/").partition("/")[0]
    return source if source != record.bucket else ""


def _encode(record: Record) -> bytes:
    head = asdict(record)
    del head["body"]
    header = json.dumps(head).encode()
    payload = _LENGTH.pack(len(header)) + header + record.body
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _decode(payload: bytes) -> Record:
    start = _LENGTH.size
    end = start + int(_LENGTH.unpack_from(payload)[0])
    return Record(**json.loads(payload[start:end]), body=payload[end:])


def _read_frame(file: BinaryIO) -> bytes | None:
    frame = file.read(_FRAME.size)
    if len(frame) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(frame)
    # A torn length would otherwise ask for gigabytes.
    if length > os.fstat(file.fileno()).st_size - file.tell():
        return None
    payload = file.read(int(length))
    return payload if zlib.crc32(payload) == checksum else None
