"""`serve`: the model, or the user's own application, under gunicorn; optionally with nginx in front."""

from __future__ import annotations

import gc
import importlib
import inspect
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from shapemaker_runtime import program as programs
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.failure import Boundary
from shapemaker_runtime.serving import application, loading, nginx, slots, threads
from shapemaker_runtime.serving.logs import leave_the_loop
from shapemaker_runtime.serving.settings import Settings
from shapemaker_runtime.serving.site import Site
from shapemaker_runtime.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Interface = Literal["asgi", "wsgi"]

GRACE = 25
"""Seconds for open requests after SIGTERM; SageMaker kills after 30."""

_SHM = "/dev/shm"  # noqa: S108 - memory is what is wanted: a heartbeat file on disk can block a worker
_THREADS = 8
_COLLECT_AFTER = 10_000
"""Objects more than were freed, after which Python looks for garbage."""
_ASGI_PARAMETERS = 3
_WSGI_PARAMETERS = 2


def main(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM (exit code 0). 1: the user's code failed to load, 2: what to load is not there."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    settings = Settings.from_environ(environ)
    program = programs.load(environ)
    gc_threshold = gc.get_threshold()
    if program.nginx and not settings.socket:
        return nginx.supervise(settings, environ)
    boundary = Boundary(None, program.root)
    with boundary:
        server = _Server(*_load(program, settings, environ))
    if boundary.exit_code:
        return boundary.exit_code
    # What is loaded stays; without this the collector would touch, and so copy, its pages in every worker.
    gc.collect()
    gc.freeze()
    if gc.get_threshold() == gc_threshold:
        # Rows of a request are many lists at once and no cycles: looking for some so often takes a seventh of the time.
        gc.set_threshold(_COLLECT_AFTER, *gc_threshold[1:])
    server.run()
    return 0


def _load(
    program: programs.Program, settings: Settings, environ: Mapping[str, str]
) -> tuple[Callable[..., Any], Interface, Settings, Callable[[int], None] | None]:
    """With what each worker has to do first, if that cannot be done for all of them together."""
    if program.serve_app:
        app, interface = load_app(program.serve_app)
        return app, interface, settings.loaded(), None
    tree = Tree.from_environ(environ)
    if settings.is_multi_model:
        multi_model = importlib.import_module("shapemaker_runtime.serving.multi_model")
        shelf = multi_model.Shelf(program, tree.base, environ, "cuda:0" if settings.gpus else "cpu", settings.reserve)
        return multi_model.MultiModel(shelf, settings), "asgi", settings, None
    model = programs.new_model(program, ("load", "predict"))
    if settings.gpus and loading.takes_device(model):
        return _on_gpus(model, tree.model, environ, settings.on_gpus())
    loading.fill(model, tree.model, environ, "cpu")
    settings = settings.loaded()
    app = _application(model, settings)
    app.warm_up()
    if threads.have_begun():
        # A fork leaves them behind, and OpenMP would wait for them, but only in the thread that had begun them.
        app.settings = settings = settings.off_the_loop()
    return app, "asgi", settings, None


def _on_gpus(
    model: Any, directory: Path, environ: Mapping[str, str], settings: Settings
) -> tuple[Callable[..., Any], Interface, Settings, Callable[[int], None]]:
    """A process for each device. What CUDA has begun does not survive a fork, so each loads for itself."""
    app = _application(model, settings)

    def load(slot: int) -> None:
        loading.fill(model, directory, environ, f"cuda:{slot % settings.gpus}")
        app.warm_up()

    return app, "asgi", settings, load


def _application(model: Any, settings: Settings) -> application.Application:
    app = application.Application(model, settings)
    if settings.server == "stock":
        app.prepare()  # its workers have no shorter ways
    return app


def load_app(reference: str) -> tuple[Callable[..., Any], Interface]:
    """`module:attribute` with its interface: told by a prefix (`asgi:`, `wsgi:`), or found out from what it takes."""
    for interface in ("asgi", "wsgi"):
        if reference.startswith(f"{interface}:") and reference.count(":") > 1:  # else a module of that name
            return programs.attribute(reference[len(interface) + 1 :]), interface
    app = programs.attribute(reference)
    return app, interface_of(app, reference)


def interface_of(app: object, reference: str) -> Interface:
    """ASGI: a coroutine function, or one that takes three arguments; WSGI: one that takes two."""
    if not callable(app):
        raise SetupError(f"{reference} is not callable, so no WSGI or ASGI application")
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
        return "asgi"
    required = [
        each
        for each in inspect.signature(app).parameters.values()
        if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) == _ASGI_PARAMETERS:
        return "asgi"
    if len(required) == _WSGI_PARAMETERS:
        return "wsgi"
    raise SetupError(f"{reference} may be WSGI or ASGI; say which in shapemaker.yml, as wsgi:{reference} or asgi:…")


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        app: Callable[..., Any],
        interface: Interface,
        settings: Settings,
        begin: Callable[[int], None] | None,
    ) -> None:
        self._app = app
        self._interface = interface
        self._settings = settings
        self._begin = begin
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self._app, self._interface, self._settings, self._begin).items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._app


def _worker(app: object, interface: Interface, settings: Settings) -> str:
    if interface == "wsgi":
        return "gthread"
    ours = isinstance(app, Site) and settings.server == "fast"
    return "shapemaker_runtime.serving.worker.FastWorker" if ours else "asgi"


def _after_fork(app: object, begin: Callable[[int], None] | None) -> Callable[[Any, Any], None]:
    def hook(_arbiter: Any, worker: Any) -> None:
        leave_the_loop()
        if isinstance(app, Site):
            app.slot = worker.slot
            threads.let_go(os.environ, app.limits.threads)
        if begin is not None:
            with slots.alive(worker):
                begin(worker.slot)

    return hook


def options(
    app: object, interface: Interface, settings: Settings, begin: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Gunicorn's settings."""
    return {
        "bind": f"unix:{settings.socket}" if settings.socket else f"{settings.host}:{settings.port}",
        "workers": settings.workers,
        "worker_class": _worker(app, interface, settings),
        # A WSGI application answers /ping only while one of its threads is free.
        "threads": 1 if interface == "asgi" else _THREADS,
        "preload_app": True,
        "pre_fork": slots.assign,
        "post_fork": _after_fork(app, begin),
        "timeout": settings.limits.run_seconds,
        "graceful_timeout": GRACE,
        # SageMaker keeps its connections; the side that closes first should not be ours.
        "keepalive": 75,
        "backlog": 2048,
        # The installable C parser loses requests of some sizes on kept connections.
        "http_parser": "python",
        "control_socket_disable": True,
        **({"worker_tmp_dir": _SHM} if os.access(_SHM, os.W_OK) else {}),
    }


if __name__ == "__main__":
    sys.exit(main(os.environ))
