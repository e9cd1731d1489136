"""The server process of the local SageMaker: `main` serves a listening socket until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from shapemaker_action.containers.engine import RegistryCredentials
from shapemaker_action.containers.select import choose
from shapemaker_action.local import process, service
from shapemaker_action.local.access import Keys
from shapemaker_action.local.dispatch import Dispatch
from shapemaker_action.local.front import Front
from shapemaker_action.local.image_store import ImageStore
from shapemaker_action.local.moto_pass import SPELLINGS, Moto
from shapemaker_action.local.registry import Registry
from shapemaker_action.local.requests_log import RequestLog
from shapemaker_action.local.sagemaker import control
from shapemaker_action.local.wire import ApiError
from shapemaker_action.local.world import InternalKey, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.local.service import LocalService

READY_SECONDS = 60.0
LOOK_SECONDS = 2.0
_METADATA = "x-amz-meta-"


class Server:
    """Everything of one server process, made from what `service.json` says."""

    def __init__(self, known: LocalService, descriptor: int) -> None:
        host = f"127.0.0.1:{known.port}"
        store = ImageStore(known.state / "ecr", host)
        internal = InternalKey(access_key=secrets.token_hex(16), secret_key=secrets.token_hex(16))
        keys = Keys(known.access_key, internal.access_key)
        self._known = known
        self._ready = threading.Event()
        self._moto = Moto(known.state / "moto", keys.learn)
        self.world = World(
            state=known.state,
            url=known.url,
            images=store,
            choose_engine=partial(choose, known.engine),
            registry_credentials=RegistryCredentials(
                registry=host, username="AWS", password=known.registry_password, insecure=True
            ),
            internal=internal,
        )
        front = Front(
            clock=self.world.clock,
            port=known.port,
            keys=keys,
            dispatch=Dispatch(self.world, store, self._moto),
            registry=Registry(store, known.state / "ecr" / "uploads", known.registry_password),
            requests=RequestLog(known.state),
            health=self._health,
        )
        self._http = make_server(
            "127.0.0.1", known.port, front, threaded=True, request_handler=_RequestHandler, fd=descriptor
        )

    def run(self, ended: threading.Event) -> None:
        """Serve until `ended`; endpoints come back with the start and stop with the end."""
        serving = threading.Thread(target=self._http.serve_forever, name="http")
        serving.start()
        try:
            # moto takes a second or two to import; whoever needs it first waits for the rest of that.
            self.world.start("warm-up", self._moto.warm_up)
            control.resume(self.world)
            self._ready.set()
            while not ended.wait(LOOK_SECONDS) and self._is_current():
                pass
            control.suspend(self.world)
        finally:
            self._http.shutdown()
            serving.join()
            self._moto.close()

    def _is_current(self) -> bool:
        """Whether anybody can still find this server; not so when its state directory was deleted."""
        found = service.load(self._known.state)
        return found is not None and found.pid == self._known.pid

    def _health(self) -> dict[str, object]:
        # Whoever asks wants to use the service: the answer waits until that makes sense.
        if not self._ready.wait(READY_SECONDS):
            raise ApiError("ServiceUnavailableException", "The local SageMaker is still starting", status=503)
        return {
            "state": str(self._known.state),
            "pid": os.getpid(),
            "version": self._known.version,
            "engine": self._known.engine,
        }


class _RequestHandler(WSGIRequestHandler):
    """Werkzeug's, with S3 metadata whose names have underscores, and without a line in the log for every request."""

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        spelled = [name for name in self.headers if "_" in name and name.lower().startswith(_METADATA)]
        names = {f"HTTP_{name.upper().replace('-', '_')}": name for name in spelled}
        for variable, name in names.items():
            environ.setdefault(variable, self.headers[name])
        return {**environ, SPELLINGS: names}

    def handle_expect_100(self) -> bool:
        """Werkzeug itself tells the client to continue; twice would be once too often."""
        return True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The request log has what this would say."""

    def log_error(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name in the base class
        """Whoever sends no HTTP is told so: docker tries TLS first, every time."""


def main(argv: Sequence[str]) -> None:
    """Become the server process: `lifecycle.up` is the only caller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--descriptor", type=int, required=True, help="the listening socket")
    parser.add_argument("--lock", type=int, required=True, help="held until others can see that this server runs")
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    known = service.load(arguments.state)
    if known is None:
        raise SystemExit(f"{arguments.state} holds no {service.FILE}")
    if os.fork():
        # Whoever started us waits for this process; the server itself is nobody's child.
        os._exit(0)
    known = replace(known, pid=os.getpid(), started=process.began(os.getpid()))
    known.save()
    os.close(arguments.lock)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    Server(known, arguments.descriptor).run(ended)
