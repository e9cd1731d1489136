"""A process with the directories and ports of a container, known by its directory alone."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.containers import following, process_store
from shapemaker_action.containers.process_supervisor import started
from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOST = 255
"""The exit code of a process whose end nobody saw (its supervisor was killed)."""


@dataclass(frozen=True, kw_only=True)
class _Process:
    """A process; its number alone may belong to another one by now."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        return bool(self.started) and started(self.pid) == self.started


class ProcessContainer:
    """See `Container`. `directory` holds its state, its log and what a container would see as `/opt`."""

    def __init__(self, directory: Path) -> None:
        self.id = directory.name
        self.directory = directory

    def logs(self) -> Iterator[str]:
        """See `Container.logs`."""
        with (self.directory / "log").open("rb") as stream:
            yield from following.lines(stream, self._is_running)

    def wait(self, timeout: float | None = None) -> int | None:
        """See `Container.wait`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._is_running():
            if deadline is not None and time.monotonic() >= deadline:
                return None
            time.sleep(following.TICK)
        return self._exit_code()

    def out_of_memory(self) -> bool:
        """Never: a process has no memory limit of its own."""
        return False

    def stop(self, grace: float) -> None:
        """See `Container.stop`; SIGTERM goes to the first process alone, as it does in a container."""
        process = self._process("program")
        if process.is_alive():
            _signal(process.pid, signal.SIGTERM)
            if self.wait(grace) is None and process.is_alive():
                _signal_group(process.pid)
        self.wait()

    def address(self) -> tuple[str, int]:
        """See `Container.address`."""
        port = int(str(self.state()["port"]))
        if not port:
            raise EnvironmentProblemError(f"{self.id[:12]} publishes no port", remedy="start it with a port")
        return "127.0.0.1", port

    def copy_out(self, path: str, to: Path) -> bool:
        """See `Container.copy_out`."""
        place = self.directory / path.strip("/")
        if not place.is_dir():
            return False
        mounts = [str(each) for each in _list(self.state()["mounts"])]
        links = {str(self.directory / each.strip("/")) for each in mounts}

        def mounted(folder: str, names: list[str]) -> list[str]:
            return [name for name in names if str(Path(folder) / name) in links]

        shutil.copytree(place, to, symlinks=True, dirs_exist_ok=True, ignore=mounted)
        for each in mounts:
            inside = os.path.relpath(each, path)
            if inside != "." and not inside.startswith(".."):
                shutil.copytree(self.directory / each.strip("/"), to / inside, symlinks=True, dirs_exist_ok=True)
        return True

    def remove(self) -> None:
        """See `Container.remove`."""
        if self.directory.is_dir():
            self.stop(0)
            shutil.rmtree(self.directory, ignore_errors=True)

    def state(self) -> Mapping[str, object]:
        """What was written before it was started."""
        return self._read("state.json")

    def _read(self, name: str) -> Mapping[str, object]:
        try:
            return process_store.read_json(self.directory / name)
        except FileNotFoundError:
            raise EnvironmentProblemError(f"{self.id[:12]} is gone", remedy="run the same command again") from None

    def _process(self, name: str) -> _Process:
        """`program` or `supervisor`."""
        pid, began = _list(self._read("process.json")[name])
        return _Process(pid=int(str(pid)), started=str(began))

    def _is_running(self) -> bool:
        return not (self.directory / "exit").exists() and self._process("program").is_alive()

    def _exit_code(self) -> int:
        """Known a moment after the end, when the supervisor has written it."""
        supervisor = self._process("supervisor")
        place = self.directory / "exit"
        while not place.exists() and supervisor.is_alive():
            time.sleep(following.TICK)
        return int(place.read_text("ascii")) if place.exists() else _LOST


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
