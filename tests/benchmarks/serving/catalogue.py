"""The stacks that are measured: what each needs, how it starts, and what it is asked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import textwrap
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.serving import models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
RUNTIME = HERE.parents[2] / "templates" / "runtime"
MODEL = tuple(f"{name}=={version(name)}" for name in ("scikit-learn", "numpy", "joblib"))
"""Every stack serves with the same versions."""


class NotStartedError(Exception):
    """A stack that could not be installed or did not answer; the message is the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a stack is started, and with what."""

    python: Path
    folder: Path
    port: int
    workers: int
    model: str
    models: Path
    """The folder of all of them."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One way to put a model behind HTTP. `prepare` writes what it needs and returns its command."""

    name: str
    prepare: Callable[[Start], list[str]]
    needs: tuple[str, ...] = ()
    """Of PyPI, beside the model's own; without any it gets no environment."""
    path: str = "/invocations"
    ping: str = "/ping"
    environ: Mapping[str, str] | None = None
    body: Callable[[str, int], bytes] = models.body
    content_type: str = "application/json"


def _template(start: Start) -> list[str]:
    socket, conf = start.folder / "gunicorn.sock", start.folder / "nginx.conf"
    conf.write_text(
        textwrap.dedent(f"""
        worker_processes 1; daemon off; pid {start.folder}/nginx.pid; error_log {start.folder}/error.log;
        events {{ worker_connections 512; }}
        http {{
          access_log {start.folder}/access.log combined;
          client_body_temp_path {start.folder}/body; proxy_temp_path {start.folder}/proxy;
          fastcgi_temp_path {start.folder}/f; uwsgi_temp_path {start.folder}/u; scgi_temp_path {start.folder}/s;
          upstream gunicorn {{ server unix:{socket}; }}
          server {{
            listen {start.port}; client_max_body_size 30m; keepalive_timeout 5;
            location / {{ proxy_pass http://gunicorn; proxy_set_header Host $http_host; proxy_redirect off; }}
          }}
        }}
        """)
    )
    gunicorn = f"{start.python} -m gunicorn --bind unix:{socket} --workers {start.workers} template_app:app"
    return ["sh", "-c", f"nginx -c {conf} & exec {gunicorn} --timeout 60 --no-control-socket --access-logfile -"]


def _nginx(start: Start) -> list[str]:
    conf = start.folder / "nginx.conf"
    conf.write_text(
        textwrap.dedent(f"""
        worker_processes 1; daemon off; pid {start.folder}/nginx.pid; error_log {start.folder}/error.log;
        events {{ worker_connections 512; }}
        http {{
          access_log off; client_body_temp_path {start.folder}/body; proxy_temp_path {start.folder}/proxy;
          fastcgi_temp_path {start.folder}/f; uwsgi_temp_path {start.folder}/u; scgi_temp_path {start.folder}/s;
          server {{
            listen {start.port}; keepalive_requests 1000000000; default_type application/json;
            location / {{ return 200 '{{"output":24900.0}}'; }}
          }}
        }}
        """)
    )
    return ["nginx", "-c", str(conf)]


def _ours(start: Start) -> list[str]:
    module = "ours_tiny" if start.model == "tiny" else "ours"
    (start.folder / "runtime.json").write_text(json.dumps({"model": f"{module}:Model"}))
    return [str(start.python), "-m", "shapemaker_runtime", "serve"]


def _accelerated(by: str) -> Callable[[Start], list[str]]:
    def prepare(start: Start) -> list[str]:
        stack = STACKS[f"ours-{by}"]
        (start.folder / "runtime.json").write_text(json.dumps({"model": "ours_trained:Model"}))
        command = [str(start.python), "-m", "shapemaker_runtime"]
        made, model = _made_once(stack, start), start.folder / "ml" / "model"
        if made.exists():
            shutil.copytree(made, model)
            return [*command, "serve"]
        settings = environ(stack, start)
        done = subprocess.run([*command, "train"], cwd=start.folder, env=settings, capture_output=True, check=False)
        if done.returncode:
            raise NotStartedError(done.stderr.decode(errors="replace")[-600:])
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=start.models.parent))
        shutil.copytree(model, partial, dirs_exist_ok=True)
        made.parent.mkdir(exist_ok=True)
        partial.rename(made)
        return [*command, "serve"]

    return prepare


def _made_once(stack: Stack, start: Start) -> Path:
    """Where the accelerated model is kept: compiling takes minutes. Another version of what makes it makes another."""
    digest = hashlib.sha256(repr((stack.needs, MODEL)).encode())
    for source in sorted((RUNTIME / "shapemaker_runtime" / "acceleration").glob("*.py")):
        digest.update(source.read_bytes())
    return start.models.with_name("accelerated") / f"{stack.name}-{start.model}-{digest.hexdigest()[:12]}"


def _fastapi(start: Start) -> list[str]:
    command = f"-m uvicorn fastapi_app:app --host 127.0.0.1 --port {start.port} --workers {start.workers}"
    return [str(start.python), *command.split(), "--log-level", "warning"]


def _script(name: str) -> Callable[[Start], list[str]]:
    return lambda start: [str(start.python), name]


def _bentoml(start: Start) -> list[str]:
    return [str(start.python), "-m", "bentoml", "serve", "bentoml_app:Service", "--port", str(start.port)]


def _mlserver(start: Start) -> list[str]:
    settings: dict[str, object] = {"http_port": start.port, "grpc_port": start.port + 1, "metrics_port": start.port + 2}
    settings |= {"host": "127.0.0.1", "parallel_workers": 0, "debug": False}
    model: dict[str, object] = {
        "name": "m",
        "implementation": "mlserver_app.Runtime",
        "max_batch_size": 64,
        "max_batch_time": 0.002,
    }
    (start.folder / "settings.json").write_text(json.dumps(settings))
    (start.folder / "model-settings.json").write_text(json.dumps(model))
    return [str(start.python.with_name("mlserver")), "start", "."]


def _mlflow(start: Start) -> list[str]:
    bin_ = start.python.parent
    make = f"{start.python} mlflow_model.py {start.folder}/saved"
    serve = f"models serve --model-uri {start.folder}/saved --env-manager local --host 127.0.0.1 --port {start.port}"
    return ["sh", "-c", f"{make} && PATH={bin_}:$PATH exec {start.python} -m mlflow {serve} --workers {start.workers}"]


def _mms(handler: str) -> Callable[[Start], list[str]]:
    return lambda start: [str(start.python), "mms_start.py", handler, str(start.workers)]


def _inference_protocol(model: str, count: int) -> bytes:
    del model
    rows = models.instances(count)
    flat = [cell for row in rows for cell in row]
    tensor = {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
    return json.dumps({"inputs": [tensor | {"parameters": {"content_type": "np"}}]}).encode()


def _mlflow_body(model: str, count: int) -> bytes:
    return json.dumps({"inputs": json.loads(models.body(model, count))["instances"]}).encode()


def _runtime(server: str, **settings: str) -> dict[str, str]:
    named = {f"SHAPEMAKER_SERVE_{name.upper()}": value for name, value in settings.items()}
    return {"PYTHONPATH": str(RUNTIME), "SHAPEMAKER_SERVE_SERVER": server, **named}


_SERVE = tuple(
    line
    for line in (HERE.parents[2] / "templates/dockerfiles/python/serve.txt").read_text().splitlines()
    if not line.startswith("#")
)

STACKS = {
    stack.name: stack
    for stack in (
        Stack(name="template", prepare=_template, needs=("flask==3.1.3", "gunicorn==27.0.1")),
        Stack(name="ours", prepare=_ours, needs=(*_SERVE, "pyarrow"), environ=_runtime("fast")),
        Stack(name="ours-stock", prepare=_ours, needs=_SERVE, environ=_runtime("stock")),
        Stack(
            name="ours-builtin",
            prepare=_accelerated("builtin"),
            needs=_SERVE,
            environ={**_runtime("fast"), "SHAPEMAKER_ACCELERATE": "builtin"},
        ),
        Stack(
            name="ours-onnx",
            prepare=_accelerated("onnx"),
            needs=(*_SERVE, "onnxruntime==1.32.0", "skl2onnx==1.20.0"),
            environ={**_runtime("fast"), "SHAPEMAKER_ACCELERATE": "onnx"},
        ),
        Stack(
            name="ours-compiled",
            prepare=_accelerated("compiled"),
            needs=(*_SERVE, "treelite==4.8.1", "tl2cgen==1.0.0"),
            environ={**_runtime("fast"), "SHAPEMAKER_ACCELERATE": "compiled"},
        ),
        Stack(name="nginx", prepare=_nginx),
        Stack(name="fastapi", prepare=_fastapi, needs=("fastapi==0.165.0", "uvicorn[standard]==0.54.0")),
        Stack(
            name="mlserver",
            prepare=_mlserver,
            needs=("mlserver==1.7.1", "uvloop==0.21.0"),
            path="/v2/models/m/infer",
            ping="/v2/health/ready",
            body=_inference_protocol,
        ),
        Stack(name="bentoml", prepare=_bentoml, needs=("bentoml==1.4.39",), ping="/readyz"),
        Stack(name="litserve", prepare=_script("litserve_app.py"), needs=("litserve==0.2.19",)),
        Stack(name="mlflow", prepare=_mlflow, needs=("mlflow==3.17.2",), body=_mlflow_body),
        *(
            Stack(
                name=name,
                prepare=_mms(handler),
                needs=("multi-model-server==1.1.11", "sagemaker-inference==1.10.1"),
                path="/predictions/model",
                ping="/predictions/model",
            )
            for name, handler in (
                ("mms", "sagemaker_inference.default_handler_service"),
                ("mms-batch", "mms_app:handle"),
            )
        ),
    )
}


def environ(stack: Stack, start: Start) -> dict[str, str]:
    """The environment that a stack runs in: one core's worth of threads, and nothing of this process's Python."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(start.folder),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PORT": str(start.port),
        "SAGEMAKER_BIND_TO_PORT": str(start.port),
        "SHAPEMAKER_BIND_HOST": "127.0.0.1",
        "SHAPEMAKER_SERVE_WORKERS": str(start.workers),
        "SHAPEMAKER_PROGRAM": str(start.folder),
        "SAGEMAKER_BASE_DIR": str(start.folder / "ml"),
        "BENCHMARK_MODEL": start.model,
        "BENCHMARK_MODELS": str(start.models),
        "PYTHONDONTWRITEBYTECODE": "",
        "BENTOML_DO_NOT_TRACK": "true",
        **({} if stack.environ is None else stack.environ),
    }
