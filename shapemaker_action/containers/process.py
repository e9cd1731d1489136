"""The engine for machines without docker and podman: the same contract with plain processes, and no isolation."""

from __future__ import annotations

import json
import platform
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.containers import credential, process_launch, registry
from shapemaker_action.containers.docker import client_environment
from shapemaker_action.containers.process_container import ProcessContainer
from shapemaker_action.containers.process_packages import Installer, Packages
from shapemaker_action.containers.process_store import Layer, Store
from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from shapemaker_action.containers.engine import (
        Container,
        ContainerSpec,
        EngineName,
        ImageBuild,
        RegistryCredentials,
    )
    from shapemaker_action.naming import Json

ENGINE_LABEL = "shapemaker.engine"
"""Marks images that only this engine can start."""

_CONTAINERS_WANTED = "install docker or podman, or set build.engine to one that is installed"


@dataclass(frozen=True, kw_only=True)
class _Recipe:
    """`process.json` of a build context."""

    requirements: tuple[tuple[str, ...], ...]
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]


class ProcessEngine:
    """See `Engine`. Everything it keeps is below `state`."""

    name: EngineName = "process"

    def __init__(self, state: Path, environ: Mapping[str, str]) -> None:
        self._store = Store(state / "process")
        self._environ = environ

    def build(self, build: ImageBuild, on_line: Callable[[str], None]) -> None:
        """See `Engine.build`; only contexts of our templates, a Dockerfile needs a real engine."""
        credential.refuse_in_args(build.args, self._environ)
        recipe = _recipe(build)
        passed = {key: value for key, value in self._environ.items() if key.startswith(("PIP_", "UV_"))}
        installer = Installer(self._store, {**client_environment(self._environ), **passed}, build)
        installed: list[Packages] = []
        for number, files in enumerate(recipe.requirements):
            installed.append(installer.install(files, number, tuple(installed), on_line))
        layers = [each.layer for each in installed]
        for source, target in (("runtime", "opt/shapemaker"), ("program", "opt/program")):
            layers.append(self._copied(build.context / source, target))
        digest = self._store.put_image(build.image, layers, _config(build, recipe))
        on_line(f"built {build.image}: {digest}")

    def push(self, image: str, credentials: RegistryCredentials, on_line: Callable[[str], None]) -> str:
        """See `Engine.push`; only to the local SageMaker, because nothing else can start the image."""
        if not credentials.insecure:
            raise EnvironmentProblemError(
                f"{image} was built without a container engine and starts only in the local SageMaker",
                state="nothing was pushed",
                remedy=_CONTAINERS_WANTED,
            )
        digest = self._known(image)
        body = self._store.manifest(digest)
        document = json.loads(body)
        remote = registry.Registry(credentials, registry.Reference.parse(image).repository)
        for blob in [each["digest"] for each in (*document["layers"], document["config"])]:
            if not remote.has_blob(blob):
                on_line(f"{blob}: sending")
                remote.upload(blob, self._store.blob(blob))
        remote.put_manifest(registry.Reference.parse(image).name, body)
        return registry.prove(credentials, image).digest

    def pull(self, image: str, credentials: RegistryCredentials) -> None:
        """See `Engine.pull`."""
        if self._store.find(image):
            return
        reference = registry.Reference.parse(image)
        remote = registry.Registry(credentials, reference.repository)
        found = remote.describe(reference.name)
        manifest = remote.manifest(reference.name)
        if found is None or manifest is None:
            raise EnvironmentProblemError(f"{image} is not in the registry", remedy="build it: shapemaker build")
        if found.labels.get(ENGINE_LABEL) != self.name:
            raise EnvironmentProblemError(
                f"{image} was built for containers, but this machine runs plain processes", remedy=_CONTAINERS_WANTED
            )
        document = manifest.document
        for blob in (*found.layers, _digest(document["config"])):
            if not self._store.blob(blob).is_file():
                with self._store.draft() as draft:
                    remote.download(blob, draft / "blob")
                    self._store.adopt(draft / "blob", blob)
        self._store.put(manifest.body)
        self._store.name(image, manifest.digest)

    def start(self, spec: ContainerSpec) -> Container:
        """See `Engine.start`."""
        image = self._store.image(self._known(spec.image))
        if any(state["name"] == spec.name for _, state in self._described()):
            raise EnvironmentProblemError(
                f"a container named {spec.name} exists already", remedy="remove it, or choose another name"
            )
        return process_launch.launch(self._store, image, spec, self._environ)

    def find(self, labels: Mapping[str, str]) -> list[Container]:
        """See `Engine.find`."""
        return [each for each, state in self._described() if labels.items() <= _strings(state["labels"]).items()]

    def create_network(self, name: str, *, isolated: bool) -> None:  # noqa: ARG002 - there is none to isolate
        """Never: processes share this machine's one address."""
        raise EnvironmentProblemError(
            "several hosts need a container engine: plain processes have no host names of their own",
            remedy=_CONTAINERS_WANTED,
        )

    def remove_network(self, name: str) -> None:
        """Nothing to do."""

    def promises(self) -> tuple[str, ...]:
        """See `Engine.promises`."""
        return (
            "containers are plain processes of this user: they see this machine's files and network",
            "memory limits, read-only mounts and network isolation are not enforced",
            f"the Python is this machine's {platform.python_version()}, whatever build.python says",
            "build.base_image, build.packages and serve.nginx have no effect",
            "the images start only in the local SageMaker; for AWS, build with docker or podman",
        )

    def _known(self, image: str) -> str:
        digest = self._store.find(image)
        if not digest:
            raise EnvironmentProblemError(f"the image {image} is not here", remedy="build or pull it first")
        return digest

    def _described(self) -> Iterator[tuple[ProcessContainer, Mapping[str, object]]]:
        """Each with its state; one that is being removed at this moment has none any more."""
        for each in self._all():
            with suppress(EnvironmentProblemError):
                yield each, each.state()

    def _all(self) -> list[ProcessContainer]:
        """Those that were started; a directory without `process.json` belongs to a start that is under way or broke."""
        found = sorted((self._store.root / "containers").glob("*/process.json"))
        return [ProcessContainer(each.parent) for each in found]

    def _copied(self, source: Path, target: str) -> Layer:
        with self._store.draft() as draft:
            shutil.copytree(source, draft / "layer" / target)
            return self._store.put_layer(draft / "layer")


def _recipe(build: ImageBuild) -> _Recipe:
    try:
        document = json.loads((build.context / "process.json").read_text("utf-8"))
        return _Recipe(
            requirements=tuple(tuple(str(name) for name in files) for files in document["requirements"]),
            entrypoint=tuple(str(word) for word in document["entrypoint"]),
            environment={str(key): str(value) for key, value in document["environment"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise EnvironmentProblemError(
            f"{build.dockerfile} is your own Dockerfile, and only docker or podman can build it",
            state="nothing was built",
            remedy=_CONTAINERS_WANTED,
        ) from None


def _config(build: ImageBuild, recipe: _Recipe) -> dict[str, object]:
    """The image's configuration as docker writes it; without a time, so that equal contexts give equal images."""
    labels = {**build.labels, registry.PLATFORM_LABEL: build.platform, ENGINE_LABEL: "process"}
    system, _, architecture = build.platform.partition("/")
    return {
        "architecture": architecture,
        "os": system,
        "config": {
            "Entrypoint": list(recipe.entrypoint),
            "Env": [f"{key}={value}" for key, value in sorted(recipe.environment.items())],
            "WorkingDir": "/opt/program",
            "Labels": labels,
        },
    }


def _digest(descriptor: Json) -> str:
    return str(descriptor["digest"]) if isinstance(descriptor, dict) else ""


def _strings(value: object) -> dict[str, str]:
    return {str(key): str(each) for key, each in value.items()} if isinstance(value, dict) else {}
