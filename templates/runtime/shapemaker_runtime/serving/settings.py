"""How the server runs, out of the environment of the container."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.serving import machine
from shapemaker_runtime.serving.threads import ONE, Share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MB = 1 << 20
_WORKER_MB = 96
_PRIVATE_SHARE = 8
"""A worker shares the loaded model; what it comes to write on, and needs to predict, is less than an eighth of that."""
_MAX_PORT = 65_535
_MAX_BODY_MB = 4096
_MAX_GPUS = 64
_MANY = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """What the queue in front of the model heeds."""

    rows: int
    """`$SHAPEMAKER_SERVE_MAX_ROWS`: instances in one request."""
    run_seconds: int
    """`$SHAPEMAKER_SERVE_TIMEOUT`: the longest a prediction may take; SageMaker waits 60 s, batch transform 600 s."""
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
    threads: Share = ONE
    """Of libraries, for a prediction."""


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
    """`$SHAPEMAKER_SERVE_MAX_BODY_MB`; SageMaker sends up to 25 MB, batch transform what its job says."""
    limits: Limits
    is_told_workers: bool = False
    """Whether their number was given."""
    is_multi_model: bool = False
    """`$SAGEMAKER_MULTI_MODEL`, set by SageMaker: models come and go. They are all in one worker."""
    gpus: int = 0
    """`$SHAPEMAKER_SERVE_GPUS`: CUDA devices to use; by default all that the container has."""
    reserve: int = 0
    """`$SHAPEMAKER_SERVE_RESERVE_MB`: memory that loading one more model must leave free; by default a tenth of all."""

    def loaded(self) -> Settings:
        """With no more workers than fit into the memory beside the model, which this process has loaded."""
        if self.is_told_workers:
            return self
        used = machine.resident()
        room = (machine.memory() - used) // max(_WORKER_MB * _MB, used // _PRIVATE_SHARE)
        return replace(self, workers=max(1, min(self.workers, room)))

    def on_gpus(self) -> Settings:
        """With a worker for each of them."""
        return self if self.is_told_workers else replace(self, workers=self.gpus)

    def off_the_loop(self) -> Settings:
        """With a model that is run in a thread beside, however quick it is."""
        return replace(self, limits=replace(self.limits, inline=False))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """`SetupError` names the variable that is no positive number."""
        is_multi_model = environ.get("SAGEMAKER_MULTI_MODEL", "").strip().lower() == "true"
        workers = _number(environ, "SHAPEMAKER_SERVE_WORKERS", _workers, 1000)
        max_body = _number(environ, "SHAPEMAKER_SERVE_MAX_BODY_MB", lambda: _largest_body(environ), _MAX_BODY_MB)
        return cls(
            port=_number(environ, "SAGEMAKER_BIND_TO_PORT", lambda: 8080, _MAX_PORT),
            host=environ.get("SHAPEMAKER_BIND_HOST") or "0.0.0.0",  # noqa: S104 - the container's own network
            socket=environ.get("SHAPEMAKER_SERVE_SOCKET", ""),
            workers=1 if is_multi_model else workers,
            server=_choice(environ, "SHAPEMAKER_SERVE_SERVER", ("fast", "stock")),
            max_body=max_body * _MB,
            limits=_limits(environ),
            is_told_workers=is_multi_model or bool(environ.get("SHAPEMAKER_SERVE_WORKERS", "").strip()),
            is_multi_model=is_multi_model,
            gpus=_number(environ, "SHAPEMAKER_SERVE_GPUS", lambda: machine.gpus(environ), _MAX_GPUS, least=0),
            reserve=_number(environ, "SHAPEMAKER_SERVE_RESERVE_MB", _reserve, _MANY) * _MB,
        )


def _limits(environ: Mapping[str, str]) -> Limits:
    return Limits(
        rows=_number(environ, "SHAPEMAKER_SERVE_MAX_ROWS", lambda: 100_000, _MANY),
        run_seconds=_number(environ, "SHAPEMAKER_SERVE_TIMEOUT", lambda: _patience(environ), 24 * 3600),
        batch_rows=_number(environ, "SHAPEMAKER_SERVE_BATCH_ROWS", lambda: 512, _MANY),
        batch_seconds=_number(environ, "SHAPEMAKER_SERVE_BATCH_WINDOW_MS", lambda: 0, 60_000, least=0) / 1000,
        queue_rows=_number(environ, "SHAPEMAKER_SERVE_QUEUE_ROWS", lambda: 100_000, _MANY),
        queue_seconds=_number(environ, "SHAPEMAKER_SERVE_QUEUE_SECONDS", lambda: 30, 24 * 3600),
        inline=_choice(environ, "SHAPEMAKER_SERVE_INLINE", ("auto", "never")) == "auto",
        log=_choice(environ, "SHAPEMAKER_SERVE_LOG", ("errors", "all", "none")),
    )


def _patience(environ: Mapping[str, str]) -> int:
    return 600 if environ.get("SAGEMAKER_BATCH", "").strip().lower() == "true" else 60


def _largest_body(environ: Mapping[str, str]) -> int:
    told = environ.get("SAGEMAKER_MAX_PAYLOAD_IN_MB", "").strip()
    if not told.isdigit() or not int(told):
        # 0 is a transform job's word for no limit.
        return _MAX_BODY_MB if told == "0" else 25
    return min(_MAX_BODY_MB, max(25, int(told)))


def _reserve() -> int:
    return machine.memory() // 10 // _MB


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
    return max(1, min(machine.cores(), machine.memory() // (_WORKER_MB * _MB)))
