"""How the server runs, out of the environment of the container."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MB = 1 << 20
_WORKER_MB = 96
_PRIVATE_SHARE = 8
"""A worker shares the loaded model; what it comes to write on, and needs to predict, is less than an eighth of that."""
_MAX_PORT = 65_535
_MANY = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """What the queue in front of the model heeds."""

    rows: int
    """`$SHAPEMAKER_SERVE_MAX_ROWS`: instances in one request."""
    run_seconds: int
    """`$SHAPEMAKER_SERVE_TIMEOUT`: the longest a prediction may take; SageMaker waits 60 seconds."""
    batch_rows: int
    """`$SHAPEMAKER_SERVE_BATCH_ROWS`: instances that are predicted together; 1 keeps every request by itself."""
    batch_seconds: float
    """`$SHAPEMAKER_SERVE_BATCH_WINDOW_MS`: how long the first request of a batch waits for others."""
    queue_rows: int
    """`$SHAPEMAKER_SERVE_QUEUE_ROWS`: instances that may wait."""
    queue_seconds: float
    """`$SHAPEMAKER_SERVE_QUEUE_SECONDS`: the longest that a request may be expected to wait."""
    inline: bool
    """`$SHAPEMAKER_SERVE_INLINE`: whether a model that is quick enough runs where requests are read."""
    log: str = "errors"
    """`$SHAPEMAKER_SERVE_LOG`: requests that leave a line: `errors` (status 400 and above), `all`, `none`."""


@dataclass(frozen=True)
class Settings:
    """Sizes in bytes, times in seconds."""

    port: int
    """`$SAGEMAKER_BIND_TO_PORT`, which SageMaker sets in pipelines, or 8080."""
    host: str
    """`$SHAPEMAKER_BIND_HOST`: without a container around it, a server must not be open to the network."""
    socket: str
    """`$SHAPEMAKER_SERVE_SOCKET`: a Unix socket instead of the port, with nginx in front."""
    workers: int
    """`$SHAPEMAKER_SERVE_WORKERS`; by default one for each core, or as many as the memory has room for."""
    server: str
    """`$SHAPEMAKER_SERVE_SERVER`: `fast`, our worker, or `stock`, gunicorn's own for ASGI applications."""
    max_body: int
    """`$SHAPEMAKER_SERVE_MAX_BODY_MB`; SageMaker sends up to 25 MB."""
    limits: Limits
    is_told_workers: bool = False
    """Whether their number was given."""

    def loaded(self) -> Settings:
        """With no more workers than fit into the memory beside the model, which this process has loaded."""
        if self.is_told_workers:
            return self
        used = _resident()
        room = (_memory() - used) // max(_WORKER_MB * _MB, used // _PRIVATE_SHARE)
        return replace(self, workers=max(1, min(self.workers, room)))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """`SetupError` names the variable that is no positive number."""
        return cls(
            port=_number(environ, "SAGEMAKER_BIND_TO_PORT", lambda: 8080, _MAX_PORT),
            host=environ.get("SHAPEMAKER_BIND_HOST") or "0.0.0.0",  # noqa: S104 - the container's own network
            socket=environ.get("SHAPEMAKER_SERVE_SOCKET", ""),
            workers=_number(environ, "SHAPEMAKER_SERVE_WORKERS", _workers, 1000),
            server=_choice(environ, "SHAPEMAKER_SERVE_SERVER", ("fast", "stock")),
            max_body=_number(environ, "SHAPEMAKER_SERVE_MAX_BODY_MB", lambda: 25, 4096) * _MB,
            limits=_limits(environ),
            is_told_workers=bool(environ.get("SHAPEMAKER_SERVE_WORKERS", "").strip()),
        )


def _limits(environ: Mapping[str, str]) -> Limits:
    return Limits(
        rows=_number(environ, "SHAPEMAKER_SERVE_MAX_ROWS", lambda: 100_000, _MANY),
        run_seconds=_number(environ, "SHAPEMAKER_SERVE_TIMEOUT", lambda: 60, 24 * 3600),
        batch_rows=_number(environ, "SHAPEMAKER_SERVE_BATCH_ROWS", lambda: 512, _MANY),
        batch_seconds=_number(environ, "SHAPEMAKER_SERVE_BATCH_WINDOW_MS", lambda: 0, 60_000, least=0) / 1000,
        queue_rows=_number(environ, "SHAPEMAKER_SERVE_QUEUE_ROWS", lambda: 100_000, _MANY),
        queue_seconds=_number(environ, "SHAPEMAKER_SERVE_QUEUE_SECONDS", lambda: 30, 24 * 3600),
        inline=_choice(environ, "SHAPEMAKER_SERVE_INLINE", ("auto", "never")) == "auto",
        log=_choice(environ, "SHAPEMAKER_SERVE_LOG", ("errors", "all", "none")),
    )


def _choice(environ: Mapping[str, str], name: str, options: tuple[str, ...]) -> str:
    text = environ.get(name, "").strip() or options[0]
    if text not in options:
        raise SetupError(f"{name} must be one of {', '.join(options)}, got {text[:40]!r}")
    return text


def _number(environ: Mapping[str, str], name: str, default: Callable[[], int], largest: int, least: int = 1) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default()
    if not (re.fullmatch(r"[0-9]{1,10}", text) and least <= int(text) <= largest):
        raise SetupError(f"{name} must be a number from {least} to {largest}, got {text[:40]!r}")
    return int(text)


def _workers() -> int:
    return max(1, min(cores(), _memory() // (_WORKER_MB * _MB)))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cores() -> int:
    """Cores that this container may use: those of its CPU set, or less if its quota says so."""
    available = len(os.sched_getaffinity(0))
    quota, _, period = _cgroup("cpu.max", "max").partition(" ")
    return available if quota == "max" else max(1, min(available, int(quota) // int(period)))


def _memory() -> int:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _cgroup("memory.max", "max")
    return physical if limit == "max" else min(physical, int(limit))


def _cgroup(name: str, default: str) -> str:
    try:
        return Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip()
    except OSError:  # not cgroup v2, or not mounted: then the machine is the limit
        return default
