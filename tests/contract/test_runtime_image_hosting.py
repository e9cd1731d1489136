"""What SageMaker expects of a hosting container, check by check, of the built image on a host that grants it nothing.

Elsewhere: the manifest's type and platform (37) in test_image_build, names (39) in the naming tests, the size (38) in
tests/benchmarks/image_size.py, training (and that a model needs no link, 35) in test_runtime_image.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shapemaker_action.containers import context
from shapemaker_action.containers.engine import ImageBuild
from shapemaker_action.containers.select import choose
from tests.support import base_image, hosted
from tests.support.build_secrets import build_secrets
from tests.support.runtime import MOODY_MODEL, PATIENCE, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosted import Hosted

pytestmark = pytest.mark.needs("docker")
LABELS = "com.amazonaws.sagemaker.capabilities"
STREAM = """
import os, time
class Model:
    def load(self, directory): pass
    def predict(self, instances):
        time.sleep(0.1)  # longer than a slice takes, so the first row is one
        yield 1
        while not os.path.exists("/tmp/go"):
            time.sleep(0.01)
        yield 2
"""


def build(folder: Path, name: str, **settings: object) -> str:
    root = folder / "repository"
    (root / "usermodel").mkdir(parents=True, exist_ok=True)
    (root / "usermodel" / "model.py").write_text(MOODY_MODEL)
    (root / "requirements.txt").write_text("numpy\n")
    request = context.ContextRequest(
        root=root,
        target="inference",
        platform="linux/amd64",
        framework="python",
        requirements="requirements.txt",
        model="usermodel.model:Model",
        **settings,  # type: ignore[arg-type]
    )
    written = context.write(request, folder / "contexts" / name)
    image = f"hosting-{os.getpid()}:{name}"
    made = ImageBuild(
        context=written.directory,
        dockerfile=written.dockerfile,
        target=written.target,
        image=image,
        platform=request.platform,
        args=written.args,
        secrets=build_secrets(folder),
    )
    choose("docker").build(made, lambda _line: None)
    return image


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    base_image.ensure("docker")
    folder = tmp_path_factory.mktemp("hosting")
    made = {
        "plain": build(folder, "plain"),
        "nginx": build(folder, "nginx", nginx=True),
        "own": build(folder, "own", serve_app="usermodel.model:app"),
    }
    yield made
    subprocess.run(["docker", "image", "rm", "--force", *made.values()], check=False, capture_output=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    folder.mkdir()
    (folder / "factor.txt").write_text("2")
    return folder


@pytest.fixture(scope="module", params=["plain", "plain as nobody", "nginx", "nginx as nobody"])
def server(request: pytest.FixtureRequest, images: dict[str, str], model: Path) -> Iterator[Hosted]:
    """19: it listens on 8080. 27: the model is mounted read-only, and so is everything else but /tmp."""
    name, _, nobody = str(request.param).partition(" as ")
    user = ("--user", "10001:10001") if nobody else ()
    with hosted.hosted(images[name], *user, mounts={"/opt/ml/model": model}) as container:
        yield container


def test_20_ping_answers_while_predictions_are_slow(server: Hosted) -> None:
    slow = [in_background(server.invoke, '{"age": 31, "spin": 1}') for _ in range(3)]
    pings = 0
    while any(each.is_running for each in slow):
        assert server.request("GET", "/ping").status == 200
        pings += 1
    assert pings > 3
    assert [each.result().status for each in slow] == [200, 200, 200]


def test_21_connections_are_accepted_while_all_are_busy(server: Hosted) -> None:
    slow = [in_background(server.invoke, '{"age": 31, "sleep": 1}') for _ in range(8)]
    for _ in range(20):
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE).close()
    assert {each.result().status for each in slow} == {200}


def test_22_predictions_and_content_types_that_nobody_knows(server: Hosted) -> None:
    reply = server.invoke('{"age": 31}')
    assert (reply.status, reply.json, reply.headers["content-type"]) == (200, {"output": 62.0}, "application/json")
    assert server.invoke("x", "application/x-unheard-of").status == 415


def test_23_the_answer_is_what_the_caller_accepts_and_attributes_come_back(server: Hosted) -> None:
    reply = server.invoke("31\n40\n", "text/csv", Accept="text/csv", **{"X-Amzn-SageMaker-Custom-Attributes": "a=1"})
    assert (reply.body, reply.headers["content-type"].partition(";")[0]) == (b"62.0\n80.0\n", "text/csv")
    assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "a=1"
    sent = io.BytesIO()
    np.save(sent, np.array([31.0]))
    assert server.invoke(sent.getvalue(), "application/x-npy").json == {"predictions": [62.0]}


def test_24_and_25_headers_are_small_and_tell_the_length(server: Hosted) -> None:
    reply = server.invoke('{"age": 31}')
    assert sum(len(name) + len(value) + 4 for name, value in reply.headers.items()) < 4096
    assert reply.headers["content-length"] == str(len(reply.body))


def test_26_25_mb_are_accepted(server: Hosted) -> None:
    assert server.invoke('{"age": 31}'.ljust(25 * 2**20)).json == {"output": 62.0}


def test_31_to_33_what_else_is_asked(server: Hosted) -> None:
    parameters = server.request("GET", "/execution-parameters").json
    assert set(parameters) == {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
    assert server.request("GET", "/metrics").status == 200
    unknown = server.request("GET", "/nothing/here")
    assert (unknown.status, b"Traceback" in unknown.body) == (404, False)
    assert server.request("GET", "/ping").status == 200


@pytest.mark.parametrize("name", ["plain", "nginx"])
def test_28_to_30_without_a_model_on_another_port_until_told_to_stop(images: dict[str, str], name: str) -> None:
    with hosted.hosted(images[name], environment={"SAGEMAKER_BIND_TO_PORT": "14000"}) as container:
        assert container.invoke('{"age": 31}').json == {"output": 31.0}
        slow = in_background(container.invoke, '{"age": 31, "sleep": 2}')
        wait_until(lambda: "sleeps" in container.log)
        assert container.stop() == 0
        assert slow.result().json == {"output": 31.0}


@pytest.mark.parametrize("name", ["plain", "nginx"])
def test_34_a_stream_is_chunked_and_sent_while_it_is_made(images: dict[str, str], name: str, tmp_path: Path) -> None:
    program = hosted.program(tmp_path / "program", STREAM)
    with hosted.hosted(images[name], mounts={"/opt/program": program}) as container:
        connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/json", "Accept": "application/jsonlines"}
        connection.request("POST", "/invocations", "[[1]]", headers)
        response = connection.getresponse()
        assert (response.status, response.getheader("Transfer-Encoding")) == (200, "chunked")
        assert json.loads(response.readline()) == 1
        container.run("touch", "/tmp/go")  # noqa: S108 - the container's own
        assert json.loads(response.readline()) == 2
        assert response.read() == b""
        connection.close()


def test_36_labels_claim_what_the_image_can(images: dict[str, str], model: Path) -> None:
    def labels(name: str) -> dict[str, str]:
        return dict(json.loads(hosted.docker("image", "inspect", "--format", "{{json .Config.Labels}}", images[name])))

    for name in ("plain", "nginx"):
        found = labels(name)
        assert (found[f"{LABELS}.accept-bind-to-port"], found[f"{LABELS}.multi-models"]) == ("true", "true")
        multi = {"SAGEMAKER_MULTI_MODEL": "true", "SHAPEMAKER_SERVE_RESERVE_MB": "1"}
        with hosted.hosted(images[name], mounts={"/opt/ml/models/a/model": model}, environment=multi) as container:
            wanted = json.dumps({"model_name": "a", "url": "/opt/ml/models/a/model"})
            assert container.request("POST", "/models", wanted).status == 200
            kind = {"Content-Type": "application/json"}
            assert container.request("POST", "/models/a/invoke", '{"age": 31}', kind).json == {"output": 62.0}
    assert labels("own")[f"{LABELS}.multi-models"] == "false"


def test_a_model_that_may_not_fit_into_the_containers_memory_gets_507(images: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with (folder / "factor.txt").open("wb") as file:
        file.truncate(1 << 30)
    multi = {"SAGEMAKER_MULTI_MODEL": "true"}
    with hosted.hosted(
        images["plain"], "--memory", "512m", mounts={"/opt/ml/models/a/model": folder}, environment=multi
    ) as container:
        reply = container.request("POST", "/models", '{"model_name": "a", "url": "/opt/ml/models/a/model"}')
        assert (reply.status, container.request("GET", "/models").json) == (507, {"models": []})


def test_nothing_of_the_build_and_no_test_suite_is_in_the_image(images: dict[str, str]) -> None:
    script = """
        for program in gcc cc make pip pip3 git; do
            case "$(command -v $program)" in /opt/*) echo "$program";; esac
        done
        find /opt/venv/lib/python3*/site-packages/numpy -type d -name tests
        find /root/.cache /opt/pip /run/secrets /var/lib/apt/lists /tmp -type f -size +0 2>/dev/null
    """
    command = ["run", "--rm", "--network", "none", "--entrypoint", "sh", images["plain"], "-c", script]
    assert hosted.docker(*command) == ""
