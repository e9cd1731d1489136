"""Start, stop and look at the local SageMaker of a state directory."""

from __future__ import annotations

import errno
import fcntl
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.assets import PACKAGE, state_directory
from shapemaker_action.containers.select import OVERRIDE
from shapemaker_action.errors import EnvironmentProblemError, LockedError
from shapemaker_action.local import process, service
from shapemaker_action.local.service import LocalService

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LocalService", "down", "environment", "state_directory", "status", "up"]

_ANSWER_SECONDS = 30.0
"""How long a busy server may take; it is taken for hung only after that."""
_START_SECONDS = 90.0
_LOCK_SECONDS = 180.0
_STOP_SECONDS = 60.0
_HUNG_SECONDS = 3.0
_RELEASE_SECONDS = 3.0
_POLL_SECONDS = 0.05
_PORTS = range(20000, 30000)
"""Below what operating systems give out on their own, or the port would be taken by the next start."""
_SHOWN_LINES = 20
_ROTATE_BYTES = 16 << 20
_BACKLOG = 128
_START = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv.pop(1));"
    "from shapemaker_action.local.server import main; main(sys.argv[1:])"
)
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK"
    r"|SSL_CERT_(?:FILE|DIR)|DOCKER_\w+|BUILDX_\w+|BUILDKIT_\w+|CONTAINERS?_\w+|REGISTRY_AUTH_FILE"
    r"|SHAPEMAKER_(?!INPUT_)\w+|(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY"
)


def up(state: Path, *, engine: str = "auto", port: int = 0, patience: float = _ANSWER_SECONDS) -> LocalService:
    """The running service, started if need be; any number of processes may ask at once.

    A server of another version, engine or port is replaced, and its state goes on, as is one that has not answered
    for `patience` seconds. `auto` takes whichever engine a running server has, 0 whichever port.
    """
    engine = os.environ.get(OVERRIDE) or engine
    with _locked(state) as lock:
        known = service.load(state) or service.create(state)
        running = _running(known, patience)
        if running and _fits(running, engine, port):
            return running
        process.end(known.pid, known.started, _STOP_SECONDS if running else _HUNG_SECONDS)
        known = replace(known, engine=engine, version=service.code_version(), port=port or known.port)
        return _start(known, lock)


def down(state: Path) -> None:
    """Stop the server and the containers of its endpoints; everything comes back with the next `up`."""
    if not state.is_dir():
        return
    with _locked(state):
        known = service.load(state)
        if known:
            process.end(known.pid, known.started, _STOP_SECONDS)
            service.ended(known).save()


def status(state: Path) -> LocalService | None:
    """The service if it answers, else None."""
    known = service.load(state) if state.is_dir() else None
    return _running(known, _ANSWER_SECONDS) if known else None


def environment(running: LocalService, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that point every AWS client to the service; past a proxy, if `environ` has one."""
    names = [name for name in ("NO_PROXY", "no_proxy") if any(key.lower().endswith("_proxy") for key in environ)]
    past = {name: ",".join(filter(None, [environ.get(name, ""), "127.0.0.1"])) for name in names}
    return {
        **past,
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": running.access_key,
        "AWS_SECRET_ACCESS_KEY": running.secret_key,
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _fits(running: LocalService, engine: str, port: int) -> bool:
    return (
        running.version == service.code_version() and engine in {running.engine, "auto"} and port in {running.port, 0}
    )


def _running(known: LocalService, patience: float) -> LocalService | None:
    """The service when its process lives and answers."""
    return known if process.is_running(known.pid, known.started) and _answers(known, patience) else None


def _answers(known: LocalService, patience: float) -> bool:
    # http.client knows of no proxies, which a request to this machine must never take.
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=patience)
    try:
        connection.request("GET", service.HEALTH_PATH, headers={service.HEALTH_HEADER: known.access_key})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _start(known: LocalService, lock: int) -> LocalService:
    # The parent listens and the server inherits: nobody can take the port in between, and clients queue meanwhile.
    with _listen(known) as listening:
        known = replace(service.ended(known), port=int(listening.getsockname()[1]))
        known.save()
        _launch(known, listening.fileno(), lock)
    answers = _answers(known, _START_SECONDS)
    running = service.load(known.state) or known
    if not answers:
        process.end(running.pid, running.started, _HUNG_SECONDS)
        raise EnvironmentProblemError(
            "the local SageMaker did not start",
            state=f"its state in {known.state} is as it was",
            remedy=f"the end of {known.log} says why",
            details=tuple(_last_lines(known.log)),
        )
    return running


def _launch(known: LocalService, descriptor: int, lock: int) -> None:
    # The lock goes along: should this process be killed now, others wait until the server has written down its pid.
    arguments = ["--state", str(known.state), "--descriptor", str(descriptor), "--lock", str(lock)]
    if known.log.exists() and known.log.stat().st_size > _ROTATE_BYTES:
        known.log.replace(known.log.with_suffix(".log.1"))
    with known.log.open("ab") as log:
        # The child forks once more and ends at once, so that the server is nobody's child.
        subprocess.run(
            [sys.executable, "-I", "-c", _START, json.dumps(_import_path()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=known.state,
            env=_environment(known),
            pass_fds=(descriptor, lock),
            start_new_session=True,
            check=False,
        )


def _environment(known: LocalService) -> dict[str, str]:
    """No credentials: neither the server nor what it starts has a use for them."""
    passed_on = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    # The engine that counts is the one in service.json.
    passed_on.pop(OVERRIDE, None)
    return {**passed_on, "SHAPEMAKER_HOME": str(known.state)}


def _import_path() -> list[str]:
    """Where this process finds its modules, but not the user's working directory, where anything may lie."""
    own = str(PACKAGE.parent)
    here = Path.cwd()
    found = [path for path in sys.path if Path(path).is_absolute() and Path(path).resolve() != here]
    return list(dict.fromkeys([own, *found]))


def _listen(known: LocalService) -> socket.socket:
    if not known.port:
        free = (_bound(port) for port in random.sample(_PORTS, len(_PORTS)))
        return next(listening for listening in free if listening)
    # A server that was killed just now may need a moment to let go of the port.
    deadline = time.monotonic() + _RELEASE_SECONDS
    while time.monotonic() < deadline:
        if listening := _bound(known.port):
            return listening
        time.sleep(_POLL_SECONDS)
    raise EnvironmentProblemError(
        f"port {known.port} of 127.0.0.1 is taken by another program",
        state=f"the local SageMaker is not running; its state in {known.state} is as it was",
        remedy=f"end the program that listens on port {known.port}, or move with: shapemaker local up --port NUMBER",
    )


def _bound(port: int) -> socket.socket | None:
    listening = socket.socket()
    # A restart shall not wait for the connections of the last server to fade away.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        return None
    return listening


@contextmanager
def _locked(state: Path) -> Iterator[int]:
    try:
        state.mkdir(parents=True, exist_ok=True)
        # Objects of S3 and layers of images are nobody else's business.
        state.chmod(0o700)
        file = (state / "lock").open("w")
    except OSError as error:
        raise EnvironmentProblemError(
            f"the state directory {state} cannot be written: {error.strerror}",
            state="the local SageMaker was not touched",
            remedy="set SHAPEMAKER_HOME to a directory that this user may write to",
        ) from error
    with file:
        _acquire(file.fileno(), state)
        yield file.fileno()


def _acquire(descriptor: int, state: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_POLL_SECONDS)
    raise LockedError(
        f"another command has been starting or stopping the local SageMaker in {state} for {_LOCK_SECONDS:.0f} s",
        remedy="wait for it, or end it, then run the same command again",
    )


def _last_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
