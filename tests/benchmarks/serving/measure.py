"""Start a stack on its own core, put it under load, and read what it cost."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.serving import catalogue
from tests.benchmarks.serving.catalogue import NotStartedError

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORES, CLIENT_CORES = "0", "1"
PATIENCE = 120
_VARIED = """
local count = 0
request = function()
  count = count + 1
  wrk.headers["X-Trace"] = count
  return wrk.format()
end
"""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the client does."""

    connections: int
    seconds: float = 3
    close: bool = False
    """A new connection for each request."""
    varied: bool = False
    """No two heads are alike."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One measurement. Times in milliseconds, CPU in microseconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int
    steal: float
    """Share of the processors' time that the hypervisor took, in percent."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A stack that answers."""

    stack: catalogue.Stack
    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    seconds: float
    """From the start of its process to the first 200 on its health route."""

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return family(self.process.pid)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return sum(map(_seconds_of, self.pids))

    def pss(self) -> tuple[float, list[float]]:
        """Megabytes: shared fairly over all processes; private to each."""
        sums, private = 0.0, []
        for pid in self.pids:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            sums += _kilobytes(text, "Pss") / 1024
            private.append((_kilobytes(text, "Private_Dirty") + _kilobytes(text, "Private_Clean")) / 1024)
        return sums, private


@contextmanager
def running(
    stack: catalogue.Stack, model: str, cache: Path, *, workers: int = 1, cores: str = SERVER_CORES
) -> Iterator[Server]:
    """A stack with a model, on a port of its own."""
    python = environment(stack, cache)
    with tempfile.TemporaryDirectory(prefix="serving-") as temporary:
        folder = Path(temporary)
        shutil.copytree(catalogue.HERE / "stacks", folder, dirs_exist_ok=True)
        shutil.copy(catalogue.HERE / "models.py", folder)
        (folder / "ml").mkdir()
        start = catalogue.Start(
            python=python, folder=folder, port=free_port(), workers=workers, model=model, models=cache / "models"
        )
        command = ["taskset", "-c", cores, *stack.prepare(start)]
        # A pipe that is read, as a container's output is; a file would be cheaper than what it stands for.
        sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=(folder / "log").open("wb"))
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=catalogue.environ(stack, start),
            stdout=sink.stdin,
            stderr=sink.stdin,
            start_new_session=True,
        )
        try:
            _wait(process, f"http://127.0.0.1:{start.port}{stack.ping}", folder / "log")
            seconds = time.monotonic() - began
            yield Server(stack=stack, process=process, port=start.port, folder=folder, seconds=seconds)
        finally:
            _kill(process)
            process.wait()
            if sink.stdin:
                sink.stdin.close()
            sink.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """All of it: some stacks start processes in groups of their own, others leave some of their group behind."""
    for kill, number in (*((os.kill, pid) for pid in family(process.pid)), (os.killpg, process.pid)):
        with suppress(ProcessLookupError):
            kill(number, signal.SIGKILL)


def environment(stack: catalogue.Stack, cache: Path) -> Path:
    """The Python of an environment with what the stack needs, made once; ours for one that needs nothing."""
    if not stack.needs:
        return Path(sys.executable)
    folder = cache / "environments" / stack.name
    ready = folder / "ready"
    wanted = "\n".join([*stack.needs, *catalogue.MODEL])
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        for command in (
            ["uv", "venv", "--quiet", str(folder)],
            ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder), *wanted.splitlines()],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotStartedError(done.stderr.strip()[-600:])
        ready.write_text(wanted)
    return folder / "bin" / "python"


def load(server: Server, body: bytes, load: Load, content_type: str = "") -> Figures:
    """Put a server under load with wrk and read the figures."""
    script = server.folder / "post.lua"
    (server.folder / "request.body").write_bytes(body)
    script.write_text(
        f'local file = io.open("{server.folder}/request.body", "rb")\n'
        'wrk.method = "POST"\nwrk.body = file:read("*a")\n'
        f'wrk.headers["Content-Type"] = "{content_type or server.stack.content_type}"\n'
        + ('wrk.headers["Connection"] = "close"\n' if load.close else "")
        + (_VARIED if load.varied else "")
    )
    url = f"http://127.0.0.1:{server.port}{server.stack.path}"
    _wrk(url, script, load.connections, 1)
    cpu, idle = server.cpu(), _steal()
    text = _wrk(url, script, load.connections, load.seconds)
    used, stolen = server.cpu() - cpu, _steal() - idle
    requests = int(_found(r"(\d+) requests in", text))
    return Figures(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        p50=_milliseconds(_found(r"^\s+50%\s+(\S+)", text)),
        p99=_milliseconds(_found(r"^\s+99%\s+(\S+)", text)),
        cpu=used / max(requests, 1) * 1e6,
        failed=_failures(text),
        steal=stolen / load.seconds / (os.cpu_count() or 1) * 100,
    )


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for each in found:
        # Any of its threads may have started them.
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended meanwhile
                found += [int(child) for child in children.read_text().split()]
    return found


def free_port() -> int:
    """A port that is free with the next two: below those that clients get, and all that multi-model-server takes."""
    first = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
    with ExitStack() as stack:
        try:
            for port in range(first, first + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return first


def _wrk(url: str, script: Path, connections: int, seconds: float) -> str:
    command = ["taskset", "-c", CLIENT_CORES, "wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds:g}s", "--timeout", "30s", "--latency", "--script", str(script), url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return
        time.sleep(0.01)
    raise NotStartedError(log.read_text(errors="replace")[-600:] or "it never answered")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own server
            return bool(response.status < 300)
    except OSError:
        return False


def _seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _steal() -> float:
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]) / _TICKS


def _kilobytes(text: str, name: str) -> int:
    return int(_found(rf"^{name}:\s+(\d+) kB", text))


def _failures(text: str) -> int:
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return (int(bad[1]) if bad else 0) + (sum(map(int, errors.groups())) if errors else 0)


def _milliseconds(text: str) -> float:
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise NotStartedError(f"wrk said: {text[-300:]}")
    return match[1]
