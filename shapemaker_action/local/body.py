"""Request bodies, read in full before they are acted on: small ones in memory, large ones in files by their digest."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Any

SMALL = 64 << 10
CHUNK = 1 << 20


class ClientLeftError(ConnectionResetError):
    """The client went away before its request was complete."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """A received body: `content` when it is small, else the file at `path` with its sha256."""

    size: int
    content: bytes = b""
    path: Path | None = None
    digest: str = ""

    def open(self) -> BinaryIO:
        """Read it from the start."""
        return self.path.open("rb") if self.path else io.BytesIO(self.content)


class Bodies:
    """A directory of large bodies, named by their sha256."""

    def __init__(self, directory: Path) -> None:
        self._kept = directory / "kept"
        self._incoming = directory / "incoming"
        # What a crash left half received was never answered.
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        self._kept.mkdir(exist_ok=True)

    def receive(self, stream: BinaryIO) -> Body:
        """Read a stream to its end; `keep` or `drop` what comes back."""
        head = _read(stream, SMALL + 1)
        if len(head) <= SMALL:
            return Body(size=len(head), content=head)
        hasher = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
            chunk = head
            while chunk:
                hasher.update(chunk)
                file.write(chunk)
                chunk = stream.read(CHUNK)
            return Body(size=file.tell(), path=Path(file.name), digest=hasher.hexdigest())

    def keep(self, body: Body) -> None:
        """Give a large body its lasting name."""
        if body.path:
            body.path.replace(self._kept / body.digest)

    def drop(self, body: Body) -> None:
        """Forget a body that changed nothing; nothing to do for one that was kept."""
        if body.path:
            body.path.unlink(missing_ok=True)

    def get(self, digest: str) -> Body | None:
        """A kept body; None if somebody has deleted its file."""
        path = self._kept / digest
        return Body(size=path.stat().st_size, path=path, digest=digest) if path.exists() else None

    def sweep(self, wanted: Container[str]) -> None:
        """Delete every kept body but these."""
        for path in self._kept.iterdir():
            if path.name not in wanted:
                path.unlink()


def request_stream(environ: Mapping[str, Any]) -> BinaryIO:
    """The body of a WSGI request. Ends with the body, and raises `ClientLeftError` if the client goes before."""
    return io.BufferedReader(_RequestStream(environ), CHUNK)


class _RequestStream(io.RawIOBase):
    def __init__(self, environ: Mapping[str, Any]) -> None:
        super().__init__()
        self._input: BinaryIO = environ["wsgi.input"]
        # With chunks the server itself knows the end.
        self._chunked = bool(environ.get("wsgi.input_terminated"))
        self._missing = int(environ.get("CONTENT_LENGTH") or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._next_chunk(len(buffer)) if self._chunked else self._next(min(len(buffer), self._missing))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _next(self, wanted: int) -> bytes:
        chunk = self._input.read(wanted) if wanted else b""
        self._missing -= len(chunk)
        if len(chunk) < wanted:
            raise ClientLeftError(f"the client left {self._missing} bytes short of its request")
        return chunk

    def _next_chunk(self, wanted: int) -> bytes:
        try:
            return self._input.read(wanted)
        except (OSError, ValueError) as error:
            raise ClientLeftError("the client left within a chunk of its request") from error


def _read(stream: BinaryIO, size: int) -> bytes:
    chunks: list[bytes] = []
    while size and (chunk := stream.read(size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
