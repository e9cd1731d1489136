"""The container engine: six verbs that docker, podman and plain processes all satisfy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Platform = Literal["linux/amd64", "linux/arm64"]
EngineName = Literal["docker", "podman", "process"]


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """One image to build. `context` is a directory made by `containers.build_context`, with the Dockerfile inside."""

    context: Path
    dockerfile: str
    """Path of the Dockerfile relative to `context`."""
    target: str
    """Stage of the Dockerfile; empty for its last one."""
    image: str
    """Full image URI with the tag: `registry/repository:tag`."""
    platform: Platform
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    """BuildKit secret id to the file that holds it; never part of the image, its history or its digest."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RegistryCredentials:
    """What `docker login` takes. `registry` is `host[:port]`; `insecure` means plain HTTP (loopback only)."""

    registry: str
    username: str
    password: str = field(repr=False)
    insecure: bool = False


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A directory of the host inside the container."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What to start. `/opt/ml` in mounts and paths is where the `process` engine puts its own base directory."""

    image: str
    name: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    """Replaces the image's entry point when not empty."""
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    port: int = 0
    """Container port to publish on a free port of 127.0.0.1; 0 for none."""
    host_port: int = 0
    """The loopback port to publish on; 0 for any free one."""
    network: str = ""
    """`none`, a network of `Engine.create_network`, or empty for the engine's default."""
    hostname: str = ""
    memory_mb: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    interactive: bool = False
    """Attach this terminal (a shell in an image); `logs` is then empty."""


class Container(Protocol):
    """A started container. It outlives its handle: `Engine.find` gets it back by label."""

    id: str

    def logs(self) -> Iterator[str]:
        """Follow stdout and stderr line by line from the start until the container ends."""

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, or None if it still runs after `timeout` seconds. 137 is an out-of-memory kill."""

    def out_of_memory(self) -> bool:
        """Whether the kernel killed it for its memory limit."""

    def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds. Quiet if it has ended."""

    def address(self) -> tuple[str, int]:
        """Host and port at which the published port is reached."""

    def copy_out(self, path: str, to: Path) -> bool:
        """Copy a directory out of the running or ended container into `to`; False if it doesn't exist."""

    def remove(self) -> None:
        """Delete it, running or not. Quiet if it is gone."""


class Engine(Protocol):
    """Builds, moves and starts images. Raises `EnvironmentProblemError` when the engine itself is at fault."""

    name: EngineName

    def build(self, build: ImageBuild, on_line: Callable[[str], None]) -> None:
        """Build into the engine's own store under `build.image`; `ImageBuildError` if the build fails."""

    def push(self, image: str, credentials: RegistryCredentials, on_line: Callable[[str], None]) -> str:
        """Push as a Docker v2 schema 2 manifest; returns `sha256:…` of the manifest in the registry."""

    def pull(self, image: str, credentials: RegistryCredentials) -> None:
        """Make an image of a registry startable; nothing to do if it is in the store already."""

    def start(self, spec: ContainerSpec) -> Container:
        """Create and start; raises `EnvironmentProblemError` when the container cannot be created."""

    def find(self, labels: Mapping[str, str]) -> list[Container]:
        """Containers, running or ended, that carry all of the labels."""

    def create_network(self, name: str, *, isolated: bool) -> None:
        """Make a network in which containers find each other by `hostname`; `isolated` has no way out of it."""

    def remove_network(self, name: str) -> None:
        """Delete it once its containers are removed. Quiet if it is gone."""

    def promises(self) -> tuple[str, ...]:
        """What this engine does not promise, as sentences for the user; empty when there is nothing to say."""
