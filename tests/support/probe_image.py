"""A tiny image whose training and serving code comes with each request: one build serves every test.

The hyperparameter `code`, a JSON string, is what `train` runs; the environment variable `CODE` is what `serve` runs
for a request.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapemaker_action.containers.engine import ImageBuild, RegistryCredentials
from shapemaker_action.containers.select import choose
from tests.support import base_image
from tests.support.local_service import client

if TYPE_CHECKING:
    from shapemaker_action.local.lifecycle import LocalService

REPOSITORY = "probe"

TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, signal, sys, time
ML = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
def config(name):
    return json.loads((ML / "input/config" / f"{name}.json").read_text())
exec(json.loads(config("hyperparameters").get("code", '""')))
"""

SERVE = """#!/usr/bin/env python3
import http.server, os, pathlib, signal, sys, time
MODEL = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "model")
exec(os.environ.get("BEFORE", ""))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        exec(os.environ.get("PING", "self.answer(200, b'')"))
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        exec(os.environ.get("CODE", "self.answer(200, body)"))
    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def chunk(self, data):
        self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
        self.wfile.flush()
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128
server = Server(("0.0.0.0", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler)
def end(*_):
    print("terminated", flush=True)
    import threading
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
print("serving", flush=True)
server.serve_forever()
server.server_close()
"""

PROCESS = """#!/usr/bin/env python3
import json, os, pathlib, sys
ML = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
exec(os.environ.get("CODE", ""))
"""

PROGRAM = """
import pathlib, sys
exec((pathlib.Path(__file__).with_name(sys.argv.pop(1))).read_text())
"""
RECIPE = {"requirements": [], "entrypoint": ["python", "-u", "main.py"], "environment": {}}
"""What the process engine builds from."""

DOCKERFILE = f"""FROM {base_image.IMAGE}
ENV PYTHONUNBUFFERED=1
COPY --chmod=755 train serve process /usr/local/bin/
"""


def push(service: LocalService, *, tag: str = "1", label: str = "", capability: str = "") -> str:
    """Build the image and push it to the service's registry; its URI. Another `label` makes another digest.

    A `capability` is one that SageMaker looks for.
    """
    promised = {f"com.amazonaws.sagemaker.capabilities.{capability}": "true"} if capability else {}
    engine = choose("docker")
    base_image.ensure(engine.name)
    image = _uri(service, tag)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name, text in {"train": TRAIN, "serve": SERVE, "process": PROCESS, "Dockerfile": DOCKERFILE}.items():
            (context / name).write_text(text, encoding="utf-8")
        build = ImageBuild(
            context=context,
            dockerfile="Dockerfile",
            target="",
            image=image,
            platform="linux/amd64",
            labels=promised | ({"probe": label} if label else {}),
        )
        engine.build(build, lambda _: None)
    engine.push(image, credentials(service), lambda _: None)
    return image


def push_process(service: LocalService) -> str:
    """The same for the process engine, started with `train`, `serve` or `process` as the argument."""
    image = _uri(service, "process")
    with tempfile.TemporaryDirectory() as folder:
        engine = choose("process", {**os.environ, "SHAPEMAKER_HOME": folder})
        context = Path(folder, "context")
        (context / "runtime").mkdir(parents=True)
        (context / "program").mkdir()
        (context / "process.json").write_text(json.dumps(RECIPE), encoding="utf-8")
        for name, text in {"train": TRAIN, "serve": SERVE, "process": PROCESS, "main.py": PROGRAM}.items():
            (context / "program" / name).write_text(text, encoding="utf-8")
        build = ImageBuild(context=context, dockerfile="Dockerfile", target="", image=image, platform="linux/amd64")
        engine.build(build, lambda _: None)
        engine.push(image, credentials(service), lambda _: None)
    return image


def _uri(service: LocalService, tag: str) -> str:
    ecr = client(service, "ecr")
    if not any(each["repositoryName"] == REPOSITORY for each in ecr.describe_repositories()["repositories"]):
        ecr.create_repository(repositoryName=REPOSITORY)
    return f"127.0.0.1:{service.port}/{REPOSITORY}:{tag}"


def credentials(service: LocalService) -> RegistryCredentials:
    """Of the service's registry."""
    return RegistryCredentials(
        registry=f"127.0.0.1:{service.port}", username="AWS", password=service.registry_password, insecure=True
    )


def role(service: LocalService, name: str = "execution", principal: str = "sagemaker.amazonaws.com") -> str:
    """The ARN of a role that trusts the principal."""
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made: dict[str, Any] = client(service, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])
