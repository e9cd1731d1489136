"""The runtime as an image starts it, as plain processes with a base directory of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNTIME = Path(__file__).parents[2] / "templates" / "runtime"
PATIENCE = 60
"""Seconds after which something that should have happened has failed to; no test measures a time."""

ECHO = """
class Model:
    def load(self, directory): ...
    def predict(self, age: float) -> float:
        return age
"""

MOODY_MODEL = """
import os, time
from pathlib import Path

class Unfit(Exception):
    status_code = 422

class Model:
    def load(self, directory: Path) -> None:
        self.directory = directory
        self.factor = float((directory / "factor.txt").read_text()) if directory.is_dir() else 1.0

    def predict(self, age: float, *, sleep: float = 0, spin: float = 0, fail: str = "") -> float:
        end = time.monotonic() + spin
        while time.monotonic() < end:
            pass
        if sleep:
            print("sleeps", sleep, flush=True)
            time.sleep(sleep)
        if fail == "unfit":
            raise Unfit("too young to have a salary")
        if fail == "exit":
            raise SystemExit(3)
        if fail == "kill":
            os.kill(os.getpid(), 9)
        if fail == "nan":
            return float("nan")
        if fail:
            raise ValueError(fail)
        return age * self.factor
"""
"""A model that does what the fields of a request ask for: sleep, keep the processor busy, or fail in many ways."""


@dataclass(frozen=True)
class Reply:
    """An HTTP response, read whole."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Image:
    """A program and an /opt/ml for it, as containers of one image would see them."""

    program: Path
    ml: Path
    environ: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    @classmethod
    def make(cls, folder: Path, source: str = "", **settings: object) -> Image:
        """With `source` as the module `usermodel`, whose class is Model."""
        image = cls(folder / "program", folder / "ml")
        image.program.mkdir(parents=True)
        image.ml.mkdir()
        if source:
            image.write("usermodel.py", source)
            settings = {"model": "usermodel:Model", **settings}
        image.write("runtime.json", json.dumps(settings))
        return image

    def write(self, path: str, text: str) -> None:
        """A file of the program."""
        place = self.program / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def put(self, path: str, content: str | bytes | Mapping[str, object]) -> None:
        """A file below /opt/ml; a mapping becomes JSON."""
        place = self.ml / path
        place.parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps(content) if isinstance(content, Mapping) else content
        place.write_bytes(data.encode() if isinstance(data, str) else data)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """`python -m shapemaker_runtime COMMAND` with the environment of a container, and nothing of this one's."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.ml),
            "PYTHONPATH": str(RUNTIME),
            "SHAPEMAKER_PROGRAM": str(self.program),
            "SAGEMAKER_BASE_DIR": str(self.ml),
            **self.environ,
        }
        argv = [self.python, "-m", "shapemaker_runtime", *command]
        return subprocess.Popen(argv, cwd=self.program, env=environ, text=True, **options)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Start and wait."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    @contextmanager
    def serving(self, *, until_ping: bool = True) -> Iterator[Server]:
        """`serve` on a free port of the loopback."""
        port = free_port()
        self.environ |= {"SAGEMAKER_BIND_TO_PORT": str(port), "SHAPEMAKER_BIND_HOST": "127.0.0.1"}
        log = self.ml / "serve.log"
        with log.open("w") as stream:
            process = self.start("serve", stdout=stream, stderr=stream)
        server = Server(process, port, log)
        try:
            if until_ping:
                server.wait_for_ping()
            yield server
        finally:
            server.stop()


class Listening:
    """Something that answers HTTP on a port of the loopback."""

    port: int

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            return send(connection, method, path, body, headers)
        finally:
            connection.close()

    def invoke(self, body: bytes | str, content_type: str = "application/json", **headers: str) -> Reply:
        """`POST /invocations`; headers by keyword, with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **named})


@dataclass
class Server(Listening):
    """A running `serve`."""

    process: subprocess.Popen[str]
    port: int
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes on a connection, until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            return drain(connection)

    def wait_for_ping(self) -> None:
        """Until /ping answers 200; an `AssertionError` with the log if the process ends before."""

        def answers() -> bool:
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}:\n{self.log}"
            try:
                return self.request("GET", "/ping").status == 200
            except OSError:
                return False

        wait_until(answers, lambda: self.log)

    def workers(self) -> list[int]:
        """Processes that the server has started."""
        return children(self.process.pid)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def drain(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection, or would hear no more."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a kept connection."""
    connection.request(method, path, body.encode() if isinstance(body, str) else body, dict(headers or {}))
    response = connection.getresponse()
    content = response.read()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def in_background(work: Any, *arguments: Any) -> Background:
    """Run `work` in a thread."""
    return Background(work, arguments)


class Background:
    """A call in a thread of its own; `result()` waits for it."""

    def __init__(self, work: Any, arguments: tuple[Any, ...]) -> None:
        self._result: Any = None
        self._error: OSError | http.client.HTTPException | None = None
        self._thread = threading.Thread(target=self._run, args=(work, arguments), daemon=True)
        self._thread.start()

    def _run(self, work: Any, arguments: tuple[Any, ...]) -> None:
        try:
            self._result = work(*arguments)
        except (OSError, http.client.HTTPException) as error:
            self._error = error

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def result(self) -> Any:
        """What the call returned; what it raised of the network's is raised again."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "still waiting"
        if self._error is not None:
            raise self._error
        return self._result


def wait_until(condition: Any, explain: Any = lambda: "") -> None:
    """Poll; an `AssertionError` when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen: {explain()}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Direct child processes."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
