"""Whole lifecycles in docker: two repositories on real data, the AWS command line, a private index, a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.containers import inherited
from shapemaker_action.local import lifecycle
from tests.support.consumer import MEAN, Consumer, serve_many, write
from tests.support.private_index import private_index
from tests.support.repositories import diabetes, tumours

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("docker")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("docker")
    yield folder
    Consumer(folder=folder, state=folder, engine="docker").close()


def consumer(folder: Path, state: Path, name: str, files: dict[str, str], **environ: str) -> Consumer:
    return Consumer(folder=write(folder / name, files), state=state, name=name, engine="docker", environ=environ)


def mean(folder: Path, state: Path, name: str, **environ: str) -> Consumer:
    files = {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", name)}
    return consumer(folder, state, name, files, **environ)


def test_diabetes_regression_on_the_sklearn_template(tmp_path: Path, state: Path) -> None:
    patients = consumer(tmp_path, state, "diabetes", diabetes())
    done = patients.do("run")
    named, rows = (answer["answer"] for answer in done.outputs["predictions"])
    assert float(rows) == pytest.approx(named["predictions"][0])
    assert done.outputs["metrics"]["r2"] > 0.2
    assert patients.do("run").changes == []
    refused = patients.fail("run", "--set", "train.hyperparameters.alpah=1", code=2)
    assert "alpha" in json.dumps(refused.document["error"]["diagnostics"])


def test_tumour_classification_with_everything_of_its_own(tmp_path: Path, state: Path) -> None:
    samples = consumer(tmp_path, state, "tumours", tumours())
    done = samples.do("run")
    assert done.outputs["predictions"][0]["answer"] == {"label": "benign"}
    assert done.outputs["metrics"]["accuracy"] > 0.9
    (samples.folder / "README.md").write_text("Still not part of the image.\n")
    assert samples.do("run").changes == []


def test_the_aws_command_line_sees_and_uses_what_was_made(tmp_path: Path, state: Path) -> None:
    made = mean(tmp_path, state, "seen")
    job = made.do("run").outputs["training-job"]
    running = lifecycle.status(state)
    assert running
    environ = {
        **os.environ,
        **lifecycle.environment(running),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }

    def aws(*argv: str) -> Any:
        command = [str(Path(sys.executable).parent / "aws"), *argv, "--output", "json"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    listed = aws("sagemaker", "list-training-jobs", "--name-contains", "seen-")["TrainingJobSummaries"]
    assert [item["TrainingJobName"] for item in listed] == [job]
    assert aws("sagemaker", "describe-endpoint", "--endpoint-name", "seen")["EndpointStatus"] == "InService"
    answer = tmp_path / "answer.json"
    body = ["--body", f"fileb://{made.folder}/requests/one.json", "--content-type", "application/json"]
    aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "seen", *body, str(answer))
    assert json.loads(answer.read_text()) == {"predictions": [3.0]}
    group = ["--log-group-name", "/aws/sagemaker/TrainingJobs"]
    (stream,) = aws("logs", "describe-log-streams", *group, "--log-stream-name-prefix", f"{job}/")["logStreams"]
    events = aws("logs", "get-log-events", *group, "--log-stream-name", stream["logStreamName"])["events"]
    assert "mean=3.0" in [event["message"] for event in events]
    images = aws("ecr", "describe-images", "--repository-name", "shapemaker/seen")["imageDetails"]
    media_type = "application/vnd.docker.distribution.manifest.v2+json"
    assert {image["imageManifestMediaType"] for image in images} == {media_type}


def test_a_private_index_behind_a_private_authority(tmp_path: Path, state: Path) -> None:
    taken = inherited.secrets(os.environ, tmp_path)
    known = taken.get("ca_bundle", Path("/etc/ssl/certs/ca-certificates.crt")).read_text()
    with private_index(tmp_path) as (url, authority):
        made = mean(tmp_path, state, "private", SHAPEMAKER_BUILD_NETWORK="host")
        (made.folder / "requirements.txt").write_text("demo==1.0\n")
        (made.folder / "authorities.pem").write_text(known + authority.read_text())
        base = taken["pip_config"].read_text() if "pip_config" in taken else "[global]\n"
        (made.folder / "pip.conf").write_text(f"{base}extra-index-url = {url}\n")
        options = [
            *("--set", "build.requirements=requirements.txt"),
            *("--set", "build.secrets={pip_config: {file: pip.conf}, ca_bundle: {file: authorities.pem}}"),
        ]
        image = made.do("provision,build", *options).outputs["training-image-uri"]
    history = subprocess.run(["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=True)
    assert url not in history.stdout
    look = [
        "docker",
        "run",
        "--rm",
        "--entrypoint",
        "sh",
        image,
        "-c",
        "pip_conf=/etc/pip.conf; ls /run/secrets $pip_conf",
    ]
    assert "pip.conf\n" not in subprocess.run(look, capture_output=True, text=True, check=False).stdout
    find = ["docker", "run", "--rm", image, "python", "-c", "import demo"]
    assert subprocess.run(find, check=False).returncode == 0


@pytest.mark.parametrize("seconds", [1, 2, 3, 4.5, 6])
def test_a_killed_run_converges_in_docker(tmp_path: Path, state: Path, seconds: float) -> None:
    made = mean(tmp_path, state, f"killed{seconds}".replace(".", "-"))
    process = made.start("run", "--target", "local")
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    made.do("run")
    assert made.do("run").changes == []


def test_a_trained_model_is_one_of_many_in_a_container(tmp_path: Path, state: Path) -> None:
    done = serve_many(mean(tmp_path, state, "many")).do("run")
    assert done.outputs["predictions"][0]["answer"] == {"predictions": [3.0]}
