"""A container of docker or podman, known by its id alone."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.containers import command, following
from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GONE = re.compile(r"no such (?:container|object)|no container with name or ID", re.IGNORECASE)
_NO_PATH = re.compile(r"could not find the file|could not be found|no such (?:file|container:path)", re.IGNORECASE)
_STOP_MARGIN = 60.0
_EMPTY = hash("")


@dataclass(frozen=True, kw_only=True)
class _State:
    running: bool
    exit_code: int
    out_of_memory: bool
    ports: tuple[tuple[str, int], ...]


class DockerContainer:
    """See `Container`. `force` is how the client's `rm` kills at once."""

    def __init__(self, client: str, environ: Mapping[str, str], identity: str, force: tuple[str, ...]) -> None:
        self.id = identity
        self._force = force
        self._client = client
        self._environ = environ

    def attach(self) -> None:
        """Start it on this terminal and stay until it ends."""
        subprocess.run(
            [self._client, "start", "--attach", "--interactive", self.id], env=dict(self._environ), check=False
        )

    def logs(self) -> Iterator[str]:
        """See `Container.logs`.

        Following ends early when the daemon restarts, and engines are known to leave out a stretch in the middle or the
        last lines then; so what was read is remembered, and a last reading after the end brings the rest, late.
        """
        seen = array("q")
        while (state := self._state()) is not None:
            follow = ["--follow"] if state.running else []
            with command.started([self._client, "logs", *follow, self.id], self._environ) as process:
                yield from _unseen(command.lines(process), seen)
                if process.wait() != 0 and state.running and self._is_running():
                    raise EnvironmentProblemError(
                        f"the log of container {self.id[:12]} cannot be read",
                        remedy="set the container engine's log driver to json-file or local",
                    )
            if not state.running:
                return

    def wait(self, timeout: float | None = None) -> int | None:
        """See `Container.wait`."""
        if timeout != 0 and self._is_running():
            with command.started([self._client, "wait", self.id], self._environ) as process:
                try:
                    process.wait(timeout)
                except subprocess.TimeoutExpired:
                    return None
        state = self._known_state()
        return None if state.running else state.exit_code

    def out_of_memory(self) -> bool:
        """See `Container.out_of_memory`."""
        return self._known_state().out_of_memory

    def stop(self, grace: float) -> None:
        """See `Container.stop`."""
        seconds = math.ceil(grace)
        self._tell(["stop", "-t", str(seconds), self.id], timeout=seconds + _STOP_MARGIN)

    def address(self) -> tuple[str, int]:
        """See `Container.address`."""
        ports = self._known_state().ports
        if not ports:
            raise EnvironmentProblemError(
                f"container {self.id[:12]} has no published port; it may have ended", remedy="look at its log"
            )
        return ports[0]

    def copy_out(self, path: str, to: Path) -> bool:
        """See `Container.copy_out`."""
        to.mkdir(parents=True, exist_ok=True)
        argv = [self._client, "cp", f"{self.id}:{path.rstrip('/')}/.", str(to)]
        done = command.ask(argv, self._environ, timeout=None)
        if done.code == 0:
            return True
        if _NO_PATH.search(done.errors):
            return False
        raise EnvironmentProblemError(
            f"{path} cannot be copied out of container {self.id[:12]}: {done.last_line}",
            remedy="look at the free disk space, then run the same command again",
        )

    def remove(self) -> None:
        """See `Container.remove`."""
        self._tell(["rm", *self._force, "--volumes", self.id])

    def _tell(self, words: list[str], timeout: float = _STOP_MARGIN) -> None:
        done = command.ask([self._client, *words], self._environ, timeout=timeout)
        if done.code != 0 and not _GONE.search(done.errors):
            raise EnvironmentProblemError(
                f"container {self.id[:12]} does not {words[0]}: {done.last_line}",
                remedy="restart the container engine",
            )

    def _is_running(self) -> bool:
        state = self._state()
        return state is not None and state.running

    def _known_state(self) -> _State:
        state = self._state()
        if state is None:
            raise EnvironmentProblemError(f"container {self.id[:12]} is gone", remedy="run the same command again")
        return state

    def _state(self) -> _State | None:
        """None when it is gone."""
        done = command.ask([self._client, "container", "inspect", self.id], self._environ)
        if done.code != 0:
            if _GONE.search(done.errors):
                return None
            raise EnvironmentProblemError(
                f"container {self.id[:12]} cannot be inspected: {done.last_line}",
                remedy="restart the container engine",
            )
        document = json.loads(done.output)[0]
        state = document["State"]
        published = document["NetworkSettings"].get("Ports") or {}
        return _State(
            running=bool(state["Running"]),
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state.get("OOMKilled")),
            ports=tuple(
                (each["HostIp"] or "127.0.0.1", int(each["HostPort"]))
                for many in published.values()
                for each in many or ()
            ),
        )


class PodmanContainer(DockerContainer):
    """The same, with a log that is read where podman keeps it: its own following leaves lines out and makes some up."""

    def logs(self) -> Iterator[str]:
        """See `Container.logs`."""
        argv = [self._client, "container", "inspect", "--format", "{{.HostConfig.LogConfig.Path}}", self.id]
        place = Path(command.ask(argv, self._environ).output.strip())
        # Not where podman runs in a machine of its own, or as somebody else; nor when the container is gone.
        if not (os.access(place, os.R_OK) and place.is_file()):
            yield from super().logs()
            return
        with command.started([self._client, "wait", self.id], self._environ) as end:
            # A `wait` that fails tells of no end.
            yield from following.kubernetes_log(place, lambda: end.poll() is None or self._is_running())


def _unseen(lines: Iterator[str], seen: array[int]) -> Iterator[str]:
    """The lines of a reading that earlier ones did not bring; `seen` holds the hashes of those that they did.

    An earlier reading may lack lines, and podman's following says an empty one now and then that nobody wrote; other
    than that it has none that this one lacks, so walking along both tells what is new.
    """
    known = len(seen)
    place = 0
    for line in lines:
        mark = hash(line)
        while place < known and seen[place] == _EMPTY != mark:
            place += 1
        if place < known and seen[place] == mark:
            place += 1
        else:
            seen.append(mark)
            yield line
