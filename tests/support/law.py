"""What the law of container engines is tried on: each engine with its images in a real registry."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.engine import ContainerSpec
from shapemaker_action.containers.registry import Reference, Registry
from shapemaker_action.containers.select import choose
from tests.support import base_image, law_image
from tests.support.registry_server import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.containers.engine import Container, Engine, RegistryCredentials

LABEL = f"law-{os.getpid()}"
SECRET = "a-secret-that-must-not-stay-8d1f"
PATIENCE = 60.0
ENGINES = [*(pytest.param(name, marks=pytest.mark.needs(name)) for name in ("docker", "podman")), "process"]
CALLER = {"AWS_SECRET_ACCESS_KEY": "callers-own-key", "CALLER": "x"}


@dataclass(frozen=True, kw_only=True)
class Law:
    """An engine with an image in a registry."""

    engine: Engine
    folder: Path
    credentials: RegistryCredentials
    training: str
    inference: str
    digests: tuple[str, str]
    environ: dict[str, str]

    def spec(self, code: str, **more: object) -> ContainerSpec:
        """A container that runs Python code under the name of the test."""
        name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]
        plain = "".join(char if char.isalnum() else "-" for char in name)
        given = {"image": self.training, "name": f"{LABEL}-{plain}", "command": (code,), "labels": {"law": LABEL}}
        return ContainerSpec(**{**given, **more})  # type: ignore[arg-type]

    @contextmanager
    def running(self, code: str, **more: object) -> Iterator[Container]:
        """The container for that, gone afterwards."""
        container = self.engine.start(self.spec(code, **more))
        try:
            yield container
        finally:
            container.remove()

    def output(self, code: str, **more: object) -> list[str]:
        """What it writes until it ends."""
        with self.running(code, **more) as container:
            return list(container.logs())

    def remote(self, image: str) -> Registry:
        """The registry's view."""
        return Registry(self.credentials, Reference.parse(image).repository)


@pytest.fixture(scope="session")
def law_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryCredentials]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="session", params=ENGINES)
def law(
    request: pytest.FixtureRequest, law_registry: RegistryCredentials, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Law]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param != "process":
        base_image.ensure(request.param)
    environ = {**os.environ, **CALLER, "SHAPEMAKER_HOME": str(folder / "state"), "HOME": str(folder / "home")}
    engine = choose(request.param, environ)
    secret = folder / "pip.conf"
    secret.write_text(f"# {SECRET}\n[global]\n")
    images = [f"{law_registry.registry}/{LABEL}/{engine.name}:{target}" for target in ("training", "inference")]
    digests = []
    for image, target in zip(images, ("training", "inference"), strict=True):
        written = law_image.write(folder, target, engine)  # type: ignore[arg-type]
        law_image.build(engine, written, image, {"pip_config": secret})
        digests.append(engine.push(image, law_registry, lambda _: None))
    yield Law(
        engine=engine,
        folder=folder,
        credentials=law_registry,
        training=images[0],
        inference=images[1],
        digests=(digests[0], digests[1]),
        environ=environ,
    )
    for each in engine.find({"law": LABEL}):
        each.remove()
    forget(engine, *images)


def forget(engine: Engine, *images: str) -> None:
    """Take images out of the engine's store."""
    if engine.name != "process":
        subprocess.run([engine.name, "image", "rm", "--force", *images], check=True, capture_output=True)


def ended(container: Container) -> int:
    code = container.wait(PATIENCE)
    assert code is not None
    return code
