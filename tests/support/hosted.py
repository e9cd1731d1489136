"""A container of an inference image as strict hosts start it: nothing to write to but /tmp, and no rights."""

from __future__ import annotations

import http.client
import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.runtime import Listening, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

STRICT = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108


@dataclass(frozen=True, kw_only=True)
class Hosted(Listening):
    """A running container with its port on the loopback."""

    id: str
    port: int

    @property
    def log(self) -> str:
        return subprocess.run(
            ["docker", "logs", self.id], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout

    def run(self, *command: str) -> str:
        """What a command in the container writes."""
        return docker("exec", self.id, *command)

    def answers(self) -> bool:
        """Whether /ping does."""
        try:
            return self.request("GET", "/ping").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> int:
        """SIGTERM, SIGKILL after 30 seconds as on SageMaker; the exit code."""
        docker("stop", "--time", "30", self.id)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.id))


@contextmanager
def hosted(
    image: str, *options: str, mounts: Mapping[str, Path] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Hosted]:
    """`docker run IMAGE serve` with /ping answering; `mounts` by target, read-only."""
    variables = dict(environment or {})
    port = variables.get("SAGEMAKER_BIND_TO_PORT", "8080")
    argv = ["run", "--detach", "--publish", f"127.0.0.1::{port}", *STRICT, *options]
    argv += [word for target, source in (mounts or {}).items() for word in ("--volume", f"{source}:{target}:ro")]
    argv += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    number = docker(*argv, image, "serve").splitlines()[-1]
    try:
        address = docker("port", number, port).splitlines()[0]
        container = Hosted(id=number, port=int(address.rpartition(":")[2]))
        wait_until(container.answers, lambda: container.log)
        yield container
    finally:
        docker("rm", "--force", number)


def docker(*words: str) -> str:
    """What docker writes."""
    return subprocess.run(["docker", *words], capture_output=True, check=True, text=True).stdout.strip()


def program(folder: Path, source: str) -> Path:
    """A directory to mount as /opt/program, with `source` as the model's module."""
    folder.mkdir(parents=True)
    (folder / "usermodel.py").write_text(source)
    (folder / "runtime.json").write_text(json.dumps({"model": "usermodel:Model"}))
    return folder
