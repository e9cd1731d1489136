"""What really comes out of a build: the templates' images, docker's reading of .dockerignore, manifests to refuse."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers import buildkit, context, process_store, registry
from shapemaker_action.containers.dockerignore import DockerIgnore
from shapemaker_action.containers.engine import ContainerSpec, ImageBuild
from shapemaker_action.containers.process import ProcessEngine
from shapemaker_action.containers.registry import PLATFORM_LABEL, Registry
from shapemaker_action.containers.select import choose
from shapemaker_action.errors import EnvironmentProblemError, ImageBuildError, ImageContractError
from tests.support import base_image, repository
from tests.support.build_secrets import build_secrets
from tests.support.law import ENGINES
from tests.support.registry_server import registry as registry_server
from tests.unit.containers.test_dockerignore import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.containers.context import ContextRequest
    from shapemaker_action.containers.engine import Engine, RegistryCredentials
    from shapemaker_action.containers.template import Target

pytestmark = pytest.mark.needs("docker-registry")
LABEL = f"build-{os.getpid()}"
MODEL = """\
import six

class Model:
    def train(self, train=None): print("trained with six", six.__version__)
    def save(self, directory): (directory / "weights").write_text("1")
    def load(self, directory): pass
    def predict(self, x): return x
"""
MODEL_FILES = {"modelpkg/model.py": MODEL, "requirements.txt": "six==1.17.0\n"}
TREE = sorted({path for _, path, _ in TABLE})
TRICKY = [
    "/data",
    "a/../data",
    "*",
    "*/*",
    "**/a.csv",
    "data/**",
    "data/**/a.csv",
    "a**b",
    "a?b",
    "[^ab].csv",
    "[a-c].csv",
    r"\*.csv",
    "#data",
    " #data",
    "data\r\nlog\r\n",
    "\ufeffdata",
    "*\n!keep\nkeep/secret",
    "!keep\n*",
    "data\n! data/keep.csv",
    "**/*.csv\n!**/keep.csv",
    "*.md\nREADME-secret.md\n!README*.md",
]
"""Of the unit tests' table: what a wrong reading would get wrong first."""


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryCredentials]:
    with registry_server(tmp_path_factory.mktemp("registry")) as found:
        yield found


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """An engine, a repository whose model needs one package, and a registry."""

    engine: Engine
    folder: Path
    credentials: RegistryCredentials

    def request(self, target: Target) -> ContextRequest:
        """The image of the model by the template for any Python."""
        return context.ContextRequest(
            root=self.folder / "repository",
            target=target,
            platform="linux/amd64",
            framework="python",
            requirements="requirements.txt",
            model="modelpkg.model:Model",
            engine=self.engine.name,
        )

    def image(self, tag: str) -> str:
        """Its name in the registry."""
        return f"{self.credentials.registry}/{LABEL}/{self.engine.name}:{tag}"

    def build(self, request: ContextRequest, tag: str) -> list[str]:
        """Write the context and build it."""
        written = context.write(request, self.folder / "contexts" / tag)
        lines: list[str] = []
        build = ImageBuild(
            context=written.directory,
            dockerfile=written.dockerfile,
            target=written.target,
            image=self.image(tag),
            platform=request.platform,
            args=written.args,
            secrets=build_secrets(self.folder),
        )
        self.engine.build(build, lines.append)
        return lines

    def layers(self, tag: str) -> list[str]:
        """Digests of the layers in the engine's store, the base image's first."""
        if isinstance(self.engine, ProcessEngine):
            store = process_store.Store(self.folder / "state" / "process")
            return list(store.image(store.find(self.image(tag))).layers)
        argv = [self.engine.name, "image", "inspect", "--format", "{{json .RootFS.Layers}}", self.image(tag)]
        found = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
        return [str(each) for each in found]

    def history(self, tag: str) -> str:
        """Everything that the engine tells about the image."""
        if isinstance(self.engine, ProcessEngine):
            return "".join(each.read_text("latin-1") for each in (self.folder / "state" / "process/blobs").iterdir())
        argv = [self.engine.name, "image"]
        told = [[*argv, "inspect", self.image(tag)], [*argv, "history", "--no-trunc", self.image(tag)]]
        return "".join(subprocess.run(each, capture_output=True, text=True, check=True).stdout for each in told)

    def forget(self, *tags: str) -> None:
        """Take images out of the engine's store."""
        if self.engine.name != "process":
            images = [self.image(tag) for tag in tags]
            subprocess.run([self.engine.name, "image", "rm", "--force", *images], check=True, capture_output=True)


@pytest.fixture(scope="module", params=ENGINES)
def workshop(
    request: pytest.FixtureRequest, credentials: RegistryCredentials, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param != "process":
        base_image.ensure(request.param)
    repository.write(folder / "repository", MODEL_FILES)
    engine = choose(request.param, {**os.environ, "SHAPEMAKER_HOME": str(folder / "state")})
    made = Workshop(engine=engine, folder=folder, credentials=credentials)
    for target in ("training", "inference"):
        made.build(made.request(target), target)
    yield made
    made.forget("training", "inference")


def test_both_images_of_a_template_share_the_requirements_and_the_code(workshop: Workshop) -> None:
    training, inference = (workshop.layers(tag) for tag in ("training", "inference"))
    shared = set(training) & set(inference)
    base = 0 if workshop.engine.name == "process" else 1
    # The requirements and the program, at the least.
    assert len(shared) - base >= 2


def test_a_change_of_the_code_installs_nothing_again(workshop: Workshop, tmp_path: Path) -> None:
    other = replace(workshop, folder=tmp_path)
    if isinstance(workshop.engine, ProcessEngine):
        other = replace(workshop)
    repository.write(other.folder / "repository", {**MODEL_FILES, "modelpkg/model.py": f"{MODEL}# changed\n"})
    lines = other.build(other.request("training"), "changed")
    repository.write(other.folder / "repository", MODEL_FILES)
    assert not [line for line in lines if "Collecting six" in line or "Processing" in line]
    assert len(set(other.layers("changed")) - set(workshop.layers("training"))) <= 2
    other.forget("changed")


def test_build_secrets_are_not_in_what_is_known_of_the_image(workshop: Workshop) -> None:
    secrets = build_secrets(workshop.folder)
    assert secrets
    history = workshop.history("training")
    for secret in secrets.values():
        assert max(secret.read_text().splitlines(), key=len) not in history


def test_the_templates_training_image_trains(workshop: Workshop, tmp_path: Path) -> None:
    name = f"{LABEL}-{workshop.engine.name}"
    spec = ContainerSpec(image=workshop.image("training"), name=name, command=("train",))
    container = workshop.engine.start(spec)
    try:
        lines = list(container.logs())
        assert container.wait(60) == 0, lines
        assert "trained with six 1.17.0" in lines
        assert container.copy_out("/opt/ml/model", tmp_path / "model")
        assert (tmp_path / "model" / "weights").read_text() == "1"
    finally:
        container.remove()


def test_a_requirement_that_the_index_does_not_have_is_named(workshop: Workshop, tmp_path: Path) -> None:
    other = replace(workshop, folder=tmp_path)
    repository.write(tmp_path / "repository", {"modelpkg/model.py": MODEL, "requirements.txt": "six==0.0.0.1\n"})
    with pytest.raises(ImageBuildError, match=r"the requirement six==0\.0\.0\.1 cannot be found"):
        other.build(other.request("training"), "never")


OWN = 'FROM python:3.11-slim-bookworm\nCOPY modelpkg /opt/program/modelpkg\nENTRYPOINT ["python3"]\n'


def test_the_users_own_dockerfile_builds_with_containers_only(workshop: Workshop, tmp_path: Path) -> None:
    other = replace(workshop, folder=tmp_path)
    repository.write(tmp_path / "repository", {"modelpkg/model.py": MODEL, "Dockerfile": OWN})
    request = replace(other.request("training"), dockerfile="Dockerfile")
    if workshop.engine.name == "process":
        with pytest.raises(EnvironmentProblemError, match="only docker or podman can build it"):
            other.build(request, "own")
        return
    other.build(request, "own")
    assert set(workshop.layers("training")) & set(other.layers("own"))
    other.forget("own")


@pytest.mark.parametrize("line", ["COPY missing /opt/", "RUNN true", "FROM localhost:1/no/such:image", "RUN exit 3"])
def test_a_broken_dockerfile_is_an_error_of_the_build(workshop: Workshop, tmp_path: Path, line: str) -> None:
    if workshop.engine.name == "process":
        assert "docker" in " ".join(workshop.engine.promises())
        return
    other = replace(workshop, folder=tmp_path)
    repository.write(tmp_path / "repository", {"modelpkg/model.py": MODEL, "Dockerfile": f"{OWN}{line}\n"})
    with pytest.raises(ImageBuildError) as caught:
        other.build(replace(other.request("training"), dockerfile="Dockerfile"), "broken")
    assert caught.value.details
    assert caught.value.remedy


@pytest.mark.needs("docker")
@pytest.mark.parametrize("text", TRICKY)
def test_docker_reads_dockerignore_as_we_do(text: str, tmp_path: Path) -> None:
    builder = buildkit.find(os.environ)
    folder = tmp_path / "context"
    for path in TREE:
        place = folder / path
        if not any(other.startswith(f"{path}/") for other in TREE):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    (folder / ".dockerignore").write_text(text, encoding="utf-8")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    options = ["--file", str(dockerfile), "--output", f"type=local,dest={tmp_path / 'out'}", str(folder)]
    argv = [builder.client, *(["buildx"] if builder.kind == "buildx" else []), "build", *options]
    subprocess.run(argv, env={**os.environ, **builder.environment}, check=True, capture_output=True)
    everything = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
    sent = {each.relative_to(tmp_path / "out").as_posix() for each in (tmp_path / "out").rglob("*") if each.is_file()}
    ignore = DockerIgnore.parse(text)
    assert sent == {path for path in everything if not ignore.ignores(path)}


def small_image(folder: Path, credentials: RegistryCredentials, labels: dict[str, str]) -> Registry:
    """An image without containers, pushed by hand as `odd:image`."""
    store = process_store.Store(folder)
    (folder / "files").mkdir()
    layer = store.put_layer(folder / "files")
    config = {"os": "linux", "architecture": "amd64", "config": {"Labels": labels}}
    digest = store.put_image("odd", [layer], config)
    remote = Registry(credentials, f"{LABEL}/odd")
    manifest = json.loads(store.manifest(digest))
    for blob in (layer.digest, manifest["config"]["digest"]):
        remote.upload(blob, store.blob(blob))
    remote.put_manifest("image", store.manifest(digest))
    return remote


def test_an_image_for_another_platform_than_wanted_is_refused(credentials: RegistryCredentials, tmp_path: Path) -> None:
    small_image(tmp_path, credentials, {PLATFORM_LABEL: "linux/arm64"})
    with pytest.raises(ImageContractError, match="is for linux/amd64, but linux/arm64 was wanted"):
        registry.prove(credentials, f"{credentials.registry}/{LABEL}/odd:image")


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("form", ["oci", "index"])
def test_a_manifest_that_sagemaker_does_not_take_is_refused(
    credentials: RegistryCredentials, tmp_path: Path, form: str
) -> None:
    small_image(tmp_path, credentials, {})
    login = f"{credentials.username}:{credentials.password}"
    image = f"docker://{credentials.registry}/{LABEL}/odd"
    options = ["--src-creds", login, "--dest-creds", login, "--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run(
        ["skopeo", "copy", *options, "--format", "oci", f"{image}:image", f"{image}:oci"],
        check=True,
        capture_output=True,
    )
    if form == "index":
        push_index(credentials)
    with pytest.raises(ImageContractError, match=r"SageMaker|several platforms") as caught:
        registry.prove(credentials, f"{credentials.registry}/{LABEL}/odd:{form}")
    assert "oci" in caught.value.message or "provenance" in caught.value.remedy


def push_index(credentials: RegistryCredentials) -> None:
    """What buildx pushes when it attests: an index with one image in it."""
    remote = Registry(credentials, f"{LABEL}/odd")
    manifest = remote.manifest("oci")
    assert manifest is not None
    entry = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.body),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    kind = "application/vnd.oci.image.index.v1+json"
    remote.put_manifest(
        "index", json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}).encode(), media_type=kind
    )
