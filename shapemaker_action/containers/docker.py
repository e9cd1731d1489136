"""docker and podman over their command lines: one engine with a small set of differences."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import sys
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.containers import build_failure, buildkit, chatter, command, credential, registry
from shapemaker_action.containers.docker_container import DockerContainer, PodmanContainer
from shapemaker_action.errors import AccessError, EnvironmentProblemError, ImageContractError, ShapemakerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shapemaker_action.containers.engine import (
        Container,
        ContainerSpec,
        EngineName,
        ImageBuild,
        RegistryCredentials,
    )

_RESTART = "restart the container engine"
_RESOURCE_CAPABILITY = 24
"""CAP_SYS_RESOURCE: the right to raise limits."""
_MOST_PROCESSES = 32768
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TMPDIR|TERM|XDG_\w+|SSL_CERT_(?:FILE|DIR)|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK"
    r"|DOCKER_(?:HOST|CONTEXT|CONFIG|CERT_PATH|TLS|TLS_VERIFY|API_VERSION)|BUILDX_\w+|BUILDKIT_\w+"
    r"|CONTAINERS?_\w+|REGISTRY_AUTH_FILE|(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY"
)
_DENIED = re.compile(r"denied|unauthorized|no basic auth|authentication required|forbidden|401|403", re.IGNORECASE)
# What the image itself is to blame for when its container does not come up.
_IMAGE_AT_FAULT = re.compile(
    r"executable file not found|exec format error|no such file or directory|permission denied|No command or entrypoint"
    r"|no command specified",
    re.IGNORECASE,
)
_NO_NETWORK = re.compile(r"no such network|unable to find network|network .* not found", re.IGNORECASE)
_HOST_AT_FAULT = re.compile(r"bind source path|error mounting|rlimit|statfs", re.IGNORECASE)


def client_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What an engine's client gets to see: how to reach the engine and the network, no credentials of the caller."""
    return {key: value for key, value in environ.items() if _PASSED_ON.fullmatch(key)}


class _CommandEngine(ABC):
    """What docker and podman say in the same words."""

    name: EngineName

    def __init__(self, client: str, environ: Mapping[str, str]) -> None:
        self._client = client
        self._environ = client_environment(environ)
        self._caller = environ

    def build(self, build: ImageBuild, on_line: Callable[[str], None]) -> None:
        """See `Engine.build`."""
        credential.refuse_in_args(build.args, self._caller)
        labelled = replace(build, labels={**build.labels, registry.PLATFORM_LABEL: build.platform})
        argv, extra = self._builder(labelled)
        argv += buildkit.options(labelled, self._caller)
        done = command.stream(argv, {**self._environ, **extra}, chatter.without(on_line))
        if done.code != 0:
            raise build_failure.explain(build.image, done.last)

    def push(self, image: str, credentials: RegistryCredentials, on_line: Callable[[str], None]) -> str:
        """See `Engine.push`; the digest and the type are read back from the registry."""
        with self._signed_in(credentials) as (before, options, environ):
            argv = [self._client, *before, "push", *options, *self._push_options, image]
            done = command.stream(argv, environ, chatter.without(on_line))
        # An immutable tag that another run has just pushed has the same content by its name.
        if done.code != 0 and not any("immutable" in line for line in done.last):
            raise _transfer_error(f"{image} was not pushed", done.last)
        return registry.prove(credentials, image).digest

    def pull(self, image: str, credentials: RegistryCredentials) -> None:
        """See `Engine.pull`."""
        if command.ask([self._client, "image", "inspect", image], self._environ).code == 0:
            return
        with self._signed_in(credentials) as (before, options, environ):
            done = command.ask([self._client, *before, "pull", *options, image], environ, timeout=None)
        if done.code != 0:
            raise _transfer_error(f"{image} was not pulled", done.errors.splitlines())

    def start(self, spec: ContainerSpec) -> Container:
        """See `Engine.start`; `ImageContractError` when the image has no such program or it cannot run here."""
        argv, environ = self._create(spec)
        created = command.ask(argv, environ)
        if created.code != 0:
            raise _start_error(spec, created.errors)
        container = self._container(created.output.split()[-1])
        if spec.interactive:
            container.attach()
            return container
        started = command.ask([self._client, "start", container.id], self._environ, cwd=self._cwd(container.id))
        if started.code != 0:
            container.remove()
            raise _start_error(spec, started.errors)
        return container

    def find(self, labels: Mapping[str, str]) -> list[Container]:
        """See `Engine.find`."""
        filters = [word for key, value in labels.items() for word in ("--filter", f"label={key}={value}")]
        argv = [self._client, "ps", "--all", "--no-trunc", "--quiet", *filters]
        found = command.ask(argv, self._environ)
        if found.code != 0:
            raise EnvironmentProblemError(f"{self.name} lists no containers: {found.last_line}", remedy=_RESTART)
        return [self._container(each) for each in found.output.split()]

    def create_network(self, name: str, *, isolated: bool) -> None:
        """See `Engine.create_network`."""
        created = command.ask(
            [self._client, "network", "create", *(["--internal"] if isolated else []), name], self._environ
        )
        if created.code != 0 and "already exists" not in created.errors:
            raise EnvironmentProblemError(
                f"{self.name} makes no network for several hosts: {created.last_line}", remedy=_RESTART
            )

    def remove_network(self, name: str) -> None:
        """See `Engine.remove_network`."""
        removed = command.ask([self._client, "network", "rm", name], self._environ)
        if removed.code != 0 and not _NO_NETWORK.search(removed.errors):
            raise EnvironmentProblemError(
                f"{self.name} does not remove the network {name}: {removed.last_line}", remedy=_RESTART
            )

    def promises(self) -> tuple[str, ...]:
        """Nothing to say: containers behave here as they do on SageMaker."""
        return ()

    def _create(self, spec: ContainerSpec) -> tuple[list[str], dict[str, str]]:
        words = [self._client, "create", "--pull", "never", "--name", spec.name, *self._create_options]
        words += _options(spec)
        passed, named = _environment(spec.environment, self._environ)
        words += passed
        words += ["--entrypoint", spec.entrypoint[0]] if spec.entrypoint else []
        return [*words, spec.image, *spec.entrypoint[1:], *spec.command], {**self._environ, **named}

    def _container(self, identity: str) -> DockerContainer:
        return DockerContainer(self._client, self._environ, identity, ("--force",))

    _push_options: tuple[str, ...] = ()
    _create_options: tuple[str, ...] = ()

    def _cwd(self, _container: str) -> Path | None:
        """Where `start` must be called; None when it doesn't matter."""
        return None

    @abstractmethod
    def _builder(self, build: ImageBuild) -> tuple[list[str], dict[str, str]]:
        """The start of the build command, and the variables it needs."""

    @abstractmethod
    @contextmanager
    def _signed_in(self, credentials: RegistryCredentials) -> Iterator[tuple[list[str], list[str], dict[str, str]]]:
        """Options before and after the verb, and the environment, with credentials that vanish afterwards."""


class Docker(_CommandEngine):
    """docker, with BuildKit."""

    name: EngineName = "docker"

    def _builder(self, build: ImageBuild) -> tuple[list[str], dict[str, str]]:
        builder = buildkit.find(self._environ)
        stored = command.ask([self._client, "info", "--format", "{{json .DriverStatus}}"], self._environ)
        argv = builder.argv(build, containerd="io.containerd.snapshotter" in stored.output)
        return argv, builder.environment

    @contextmanager
    def _signed_in(self, credentials: RegistryCredentials) -> Iterator[tuple[list[str], list[str], dict[str, str]]]:
        with _auth_file(credentials) as place:
            # The user's contexts are in the user's configuration, so the daemon's address has to come along.
            yield ["--config", str(place.parent)], [], {**self._environ, **self._address()}

    def _address(self) -> dict[str, str]:
        argv = [self._client, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        found = command.ask(argv, self._environ)
        known = "DOCKER_HOST" not in self._environ and found.code == 0 and found.output.strip()
        return {"DOCKER_HOST": found.output.strip()} if known else {}


class Podman(_CommandEngine):
    """podman, without a daemon."""

    name: EngineName = "podman"
    _push_options = ("--format", "v2s2")

    def __init__(self, client: str, environ: Mapping[str, str]) -> None:
        super().__init__(client, environ)
        self._create_options = ("--log-driver", "k8s-file", *_affordable_limits())

    def _builder(self, build: ImageBuild) -> tuple[list[str], dict[str, str]]:
        return [self._client, "build", "--format", "docker", "--tag", build.image], {}

    def _container(self, identity: str) -> PodmanContainer:
        return PodmanContainer(self._client, self._environ, identity, ("--force", "--time", "0"))

    def _cwd(self, container: str) -> Path | None:
        # conmon notes an out-of-memory kill in a file of its working directory, and podman looks for it in this one.
        found = command.ask(
            [self._client, "container", "inspect", "--format", "{{.StaticDir}}", container], self._environ
        )
        place = Path(found.output.strip())
        return place if found.code == 0 and place.is_dir() else None

    @contextmanager
    def _signed_in(self, credentials: RegistryCredentials) -> Iterator[tuple[list[str], list[str], dict[str, str]]]:
        with _auth_file(credentials) as place:
            verify = "false" if credentials.insecure else "true"
            yield [], ["--authfile", str(place), f"--tls-verify={verify}"], self._environ


def _affordable_limits() -> list[str]:
    """Limits for a root without the right to raise them (CI jobs inside containers): podman's defaults would fail."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:  # not Linux: podman runs in a machine of its own
        return []
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    if os.geteuid() != 0 or effective is None or int(effective[1], 16) >> _RESOURCE_CAPABILITY & 1:
        return []
    files, processes = (resource.getrlimit(each)[1] for each in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    processes = _MOST_PROCESSES if processes == resource.RLIM_INFINITY else min(processes, _MOST_PROCESSES)
    return ["--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}"]


@contextmanager
def _auth_file(credentials: RegistryCredentials) -> Iterator[Path]:
    """`config.json` with these credentials alone, deleted afterwards.

    Written by us rather than by `login`, which would hand the password to the desktop's key store and leave it there.
    """
    pair = f"{credentials.username}:{credentials.password}".encode()
    known = {credentials.registry: {"auth": base64.b64encode(pair).decode()}} if credentials.username else {}
    with tempfile.TemporaryDirectory(prefix="shapemaker-") as folder:
        place = Path(folder) / "config.json"
        place.touch(mode=0o600)
        place.write_text(json.dumps({"auths": known}), "utf-8")
        yield place


def _options(spec: ContainerSpec) -> list[str]:
    words: list[str] = []
    for mount in spec.mounts:
        kind = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
        words += ["--mount", buildkit.fields(*kind, *(["readonly"] if mount.read_only else []))]
    for key, value in spec.labels.items():
        words += ["--label", f"{key}={value}"]
    if spec.port:
        words += ["--publish", f"127.0.0.1:{spec.host_port or ''}:{spec.port}"]
    if spec.memory_mb:
        words += ["--memory", f"{spec.memory_mb}m", "--memory-swap", f"{spec.memory_mb}m"]
    words += ["--network", spec.network] if spec.network else []
    words += ["--hostname", spec.hostname] if spec.hostname else []
    if spec.hostname and spec.network not in ("", "none"):
        # A host name alone is known to nobody but its own container.
        words += ["--network-alias", spec.hostname]
    if spec.interactive:
        words += ["--interactive", *(["--tty"] if sys.stdin.isatty() else [])]
    return words


def _environment(wanted: Mapping[str, str], own: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options, and variables for the client that they name: values stay out of the process list where they can."""
    words: list[str] = []
    named: dict[str, str] = {}
    for key, value in wanted.items():
        if key in own or _PASSED_ON.fullmatch(key):
            words += ["--env", f"{key}={value}"]
        else:
            named[key] = value
            words += ["--env", key]
    return words, named


def _transfer_error(what: str, lines: list[str]) -> ShapemakerError:
    details = tuple(line for line in lines if line.strip())[-5:]
    text = "\n".join(details)
    if re.search("no space left on device", text):
        return EnvironmentProblemError(f"{what}: the disk is full", remedy="free some space", details=details)
    if _DENIED.search(text):
        return AccessError(what, remedy="give the identity access to the repository", details=details)
    return EnvironmentProblemError(
        what, remedy="run the same command again; layers that arrived are not sent twice", details=details
    )


def _start_error(spec: ContainerSpec, errors: str) -> ShapemakerError:
    lines = tuple(line.strip() for line in errors.splitlines() if line.strip())
    what = f"the container {spec.name} of {spec.image} cannot be started"
    if _IMAGE_AT_FAULT.search(errors) and not _HOST_AT_FAULT.search(errors):
        words = " ".join((*spec.entrypoint, *spec.command))
        return ImageContractError(
            what, remedy=f"the image must start with: docker run {spec.image} {words}".rstrip(), details=lines[-5:]
        )
    return EnvironmentProblemError(what, remedy="see what the engine says above", details=lines[-5:])
