"""The images of the sample, as SageMaker starts them: as root, as the first process, on directories it mounts."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.containers import context
from shapemaker_action.containers.engine import ContainerSpec, ImageBuild, Mount
from shapemaker_action.containers.select import choose
from tests.support import base_image
from tests.support.build_secrets import build_secrets
from tests.support.runtime import PATIENCE, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.containers.engine import Container, Engine
    from shapemaker_action.containers.template import Target

pytestmark = pytest.mark.needs("docker")
ROOT = Path(__file__).parents[2]
PORT_LABEL = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The sample's images; those for inference have nginx in front, which is more than the least that can go wrong."""

    engine: Engine
    folder: Path

    def image(self, target: Target) -> str:
        return f"runtime-{os.getpid()}:{target}"

    def build(self, target: Target) -> None:
        request = context.ContextRequest(
            root=ROOT,
            target=target,
            platform="linux/amd64",
            framework="sklearn",
            requirements="requirements.txt",
            model="modelpkg.model:Model",
            nginx=True,
            data=("modelpkg/data", "modelpkg/requests"),
        )
        written = context.write(request, self.folder / "contexts" / target)
        build = ImageBuild(
            context=written.directory,
            dockerfile=written.dockerfile,
            target=written.target,
            image=self.image(target),
            platform=request.platform,
            args=written.args,
            secrets=build_secrets(self.folder),
        )
        self.engine.build(build, lambda _line: None)

    def start(self, target: Target, *command: str, **options: Any) -> Container:
        """A container without a network unless it serves."""
        spec = ContainerSpec(image=self.image(target), name="", command=command, **{"network": "none", **options})
        return self.engine.start(spec)

    def run(self, target: Target, *command: str, **options: Any) -> tuple[int | None, str]:
        """Exit code and log."""
        container = self.start(target, *command, **options)
        try:
            code = container.wait(PATIENCE)
            return code, "\n".join(container.logs())
        finally:
            container.remove()

    def inspect(self, target: Target) -> Any:
        command = ["docker", "image", "inspect", self.image(target)]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    base_image.ensure("docker")
    made = Sample(engine=choose("docker"), folder=tmp_path_factory.mktemp("sample"))
    made.build("training")
    made.build("inference")
    yield made
    images = [made.image("training"), made.image("inference")]
    subprocess.run(["docker", "image", "rm", "--force", *images], check=False, capture_output=True)


@pytest.fixture(scope="module")
def trained(sample: Sample) -> Path:
    """The /opt/ml of a training job that has ended."""
    ml = sample.folder / "ml"
    (ml / "input" / "config").mkdir(parents=True)
    (ml / "input" / "config" / "hyperparameters.json").write_text('{"degree": "2"}')
    data = Mount(source=ROOT / "modelpkg/data/train", target="/opt/ml/input/data/train", read_only=True)
    code, log = sample.run("training", "train", mounts=(Mount(source=ml, target="/opt/ml"), data))
    assert code == 0, log
    assert "rmse=1794." in log
    return ml


def test_a_training_job_leaves_the_model_and_nothing_else(trained: Path) -> None:
    files = {file.relative_to(trained).as_posix() for file in trained.rglob("*") if file.is_file()}
    assert files == {"input/config/hyperparameters.json", "model/model.joblib"}


def test_a_training_job_that_cannot_work_fails_and_says_why(sample: Sample, tmp_path: Path) -> None:
    code, log = sample.run("training", "train", mounts=(Mount(source=tmp_path, target="/opt/ml"),))
    assert code == 2, log
    assert (tmp_path / "output" / "failure").read_text().startswith("channel train is missing")


def test_the_endpoint_answers_on_the_port_it_is_given_and_stops_when_told(sample: Sample, trained: Path) -> None:
    model = Mount(source=trained / "model", target="/opt/ml/model", read_only=True)
    environment = {"SAGEMAKER_BIND_TO_PORT": "14000"}
    container = sample.start("inference", "serve", network="", mounts=(model,), port=14000, environment=environment)
    try:
        connection = http.client.HTTPConnection(*container.address(), timeout=PATIENCE)
        wait_until(lambda: ping(connection) == 200, lambda: "\n".join(container.logs()))
        reply = send(connection, "POST", "/invocations", '{"age": 31}', {"Content-Type": "application/json"})
        assert reply.headers["server"] == "nginx"
        assert 46_000 < reply.json["output"] < 47_000
        connection.close()
        container.stop(PATIENCE)
        assert container.wait(PATIENCE) == 0
    finally:
        container.remove()


def ping(connection: http.client.HTTPConnection) -> int:
    try:
        return send(connection, "GET", "/ping").status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def test_an_endpoint_without_its_model_ends(sample: Sample) -> None:
    code, log = sample.run("inference", "serve")
    assert code == 1
    assert "FileNotFoundError" in log


def test_an_image_is_for_its_own_purpose_and_for_looking_around(sample: Sample) -> None:
    assert sample.run("training", "serve")[0] == 2
    assert sample.run("inference", "train")[0] == 2
    assert sample.run("training", "bash", "-c", "echo $0 $PWD; exit 7") == (7, "bash /opt/program")


def test_images_start_without_a_shell_and_name_their_capability(sample: Sample) -> None:
    for target in ("training", "inference"):
        entrypoint = sample.inspect(target)["Config"]["Entrypoint"]
        assert entrypoint == ["/opt/venv/bin/python", "-m", "shapemaker_runtime"]
        assert sample.inspect(target)["Config"]["User"] == ""
    assert sample.inspect("inference")["Config"]["Labels"][PORT_LABEL] == "true"


def test_images_hold_compiled_code_for_everybody_and_nothing_of_the_build(sample: Sample) -> None:
    script = """
        find /opt -name '*.py' | while read -r file; do
            ls "${file%/*}/__pycache__/$(basename "$file" .py)".*.pyc >/dev/null 2>&1 || echo "not compiled: $file"
        done
        find /opt ! -perm -o=r | sed 's/^/not readable: /'
        for place in /opt/ml /opt/pip /run/secrets /etc/pip.conf /root/.netrc /root/.cache /var/lib/apt/lists; do
            if [ -e "$place" ]; then find "$place" -type f -size +0; fi
        done
    """
    for target in ("training", "inference"):
        assert sample.run(target, "sh", "-c", script) == (0, "")


def test_without_the_test_suites_every_public_module_can_still_be_imported(sample: Sample) -> None:
    script = """
import importlib, pkgutil, warnings
warnings.simplefilter("ignore")
failed = []
for name in ("joblib", "numpy", "scipy", "sklearn"):
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + ".", onerror=lambda name: None):
        if any(part.startswith("_") or part in ("conftest", "externals") for part in found.name.split(".")):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] in ("joblib", "numpy", "scipy", "sklearn"):
                failed.append((found.name, str(error)))
        except ImportError:
            pass  # wants what is not installed
print(failed)
"""
    code, log = sample.run("training", "python", "-c", script)
    assert (code, log.splitlines()[-1]) == (0, "[]"), log
