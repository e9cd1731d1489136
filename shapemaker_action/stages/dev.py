"""dev: the model without SageMaker: train and serve it, bare or in its container, a shell in the image, its tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from shapemaker_action import signals
from shapemaker_action.assets import templates
from shapemaker_action.config import variables
from shapemaker_action.containers import context as contexts
from shapemaker_action.containers.engine import ContainerSpec, ImageBuild, Mount
from shapemaker_action.errors import Cancelled, EnvironmentProblemError, InvalidInputError, RefusedError
from shapemaker_action.events import LogLine, Notice
from shapemaker_action.outcome import Outcome
from shapemaker_action.resources import image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.containers.template import Target
    from shapemaker_action.context import Context
    from shapemaker_action.invocation import Invocation

ACTIONS = ("train", "shell", "serve", "test")
WORKSPACE = Path(".shapemaker") / "dev"
PORT = 8080
STDERR = 2
GRACE = 15.0
"""Seconds in which a server has to end its workers."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `shapemaker dev …` was asked."""

    action: str
    bare: bool
    reload: bool
    port: int

    @classmethod
    def of(cls, invocation: Invocation) -> Request:
        """From the command line."""
        action = " ".join(invocation.words[1:])
        if action not in ACTIONS:
            raise InvalidInputError(
                f"unknown: dev {action}", remedy=f"one of: {', '.join(f'dev {name}' for name in ACTIONS)}"
            )
        if action == "shell" and invocation.format == "json":
            raise InvalidInputError("a shell has no JSON document", remedy="leave --format out: dev shell")
        return cls(action=action, bare=invocation.bare, reload=invocation.reload, port=invocation.port or PORT)


def run(context: Context, request: Request) -> Outcome:
    """One of the four actions; what is trained stays in `.shapemaker/dev` and is what `dev serve` serves."""
    try:
        return _run(context, request)
    except Cancelled as cancelled:
        # Ctrl-C is how serving ends.
        if request.action != "serve" or cancelled.number != signal.SIGINT:
            raise
        context.emit(Notice(text="stopped serving"))
        return Outcome(next=context.again("run"))


def _run(context: Context, request: Request) -> Outcome:
    base = context.root / WORKSPACE
    if request.action == "test":
        return _bare(context, ["-m", "pytest", context.project.model.split(".")[0]], {}, "the tests failed")
    if request.action == "train":
        _lay_out(context, base)
    if request.bare and request.action != "shell":
        return _run_bare(context, request, base)
    return _run_in_container(context, request, base)


def _lay_out(context: Context, base: Path) -> None:
    """The `/opt/ml` tree of a training job: copies of the channels, hyperparameters as SageMaker passes them."""
    shutil.rmtree(base, ignore_errors=True)
    config, data = base / "input" / "config", base / "input" / "data"
    for folder in (config, data, base / "model", base / "output" / "data", base / "checkpoints"):
        folder.mkdir(parents=True)
    train = context.project.train
    (config / "hyperparameters.json").write_text(json.dumps(dict(train.hyperparameters)), encoding="utf-8")
    channels = {name: {"TrainingInputMode": "File"} for name in train.channels}
    (config / "inputdataconfig.json").write_text(json.dumps(channels), encoding="utf-8")
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
    (config / "resourceconfig.json").write_text(json.dumps(resources), encoding="utf-8")
    for name, settings in train.channels.items():
        channel = settings.here
        if channel.is_remote:
            raise InvalidInputError(
                f"channel '{name}' is in S3 ({channel.source}); dev trains on files of the repository",
                remedy=f"name data of the repository for it: train.channels.{name}.sample",
            )
        source = context.root / channel.source
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, data / name if source.is_dir() else _made(data / name))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run_bare(context: Context, request: Request, base: Path) -> Outcome:
    environment = {
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": str(request.port),
        "SHAPEMAKER_BIND_HOST": "127.0.0.1",
        "SHAPEMAKER_PROGRAM": str(_program(context, base.parent / "program")),
        "PYTHONPATH": str(templates() / "runtime"),
        **_variables(context, serving=request.action == "serve"),
    }
    arguments = ["-m", "shapemaker_runtime", request.action]
    return _bare(context, arguments, environment, f"dev {request.action} failed", reload=request.reload)


def _variables(context: Context, *, serving: bool) -> dict[str, str]:
    """What SageMaker would set, from the same configuration."""
    project = context.project
    if serving:
        return variables.of_serving(project.serve)
    return {**variables.of_training(project.serve), **project.train.environment}


def _program(context: Context, folder: Path) -> Path:
    """What /opt/program is in an image: `runtime.json` beside the user's code, here as links to it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for item in context.root.iterdir():
        if not item.name.startswith("."):
            (folder / item.name).symlink_to(item)
    project = context.project
    settings = {
        "model": project.model,
        "train_entrypoint": project.train.entrypoint,
        "evaluate_entrypoint": project.evaluate.entrypoint,
        "serve_app": project.serve.app,
        "nginx": False,
    }
    (folder / "runtime.json").unlink(missing_ok=True)
    (folder / "runtime.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def _bare(
    context: Context, arguments: list[str], environment: Mapping[str, str], failed: str, *, reload: bool = False
) -> Outcome:
    """In the user's own Python, the first on PATH, because that is where the model's requirements are."""
    python = shutil.which("python3") or shutil.which("python")
    if python is None:
        raise EnvironmentProblemError("there is no python3 on PATH", remedy="activate the environment of your project")
    context.emit(Notice(text=f"{python} {' '.join(arguments)}"))
    command = [python, *arguments]
    code = _watched(context, command, environment) if reload else _once(context, command, environment)
    if code:
        raise RefusedError(
            f"{failed} with exit code {code}",
            remedy="mend the code; missing modules come with: pip install -r requirements.txt falcon gunicorn",
        )
    return Outcome(next=context.again("run"))


def _once(context: Context, command: list[str], environment: Mapping[str, str]) -> int:
    with _running(context, command, environment) as process:
        return process.wait()


@contextmanager
def _running(context: Context, command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Foreign output is talk: stdout stays free for the one document of `--format json`."""
    # Signals wait until it is known whom to end; the new process must not wait for them, too.
    signals.hold()
    try:
        process = subprocess.Popen(
            command,
            cwd=context.root,
            env={**os.environ, **environment},
            stdout=STDERR,
            preexec_fn=signals.Guard.release,  # noqa: PLW1509 - no other thread of ours holds a lock that it needs
        )
    except OSError:
        signals.Guard.release()
        raise
    try:
        signals.Guard.release()
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM first, so that a server ends its workers with it."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _watched(context: Context, command: list[str], environment: Mapping[str, str]) -> int:
    """Start again whenever a Python file of the repository has changed; a crash waits for the next change."""
    while True:
        seen = changed_at(context.root)
        with _running(context, command, environment):
            while changed_at(context.root) == seen:
                context.clock.sleep(0.5)
        context.emit(Notice(text="the code has changed; starting again"))


def changed_at(root: Path) -> float:
    """When the newest Python file of the repository was written; hidden folders (.venv, .git) hold none of it."""
    newest = 0.0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in files:
            if name.endswith(".py"):
                # An editor may be replacing it this very moment.
                with suppress(FileNotFoundError):
                    newest = max(newest, Path(folder, name).stat().st_mtime)
    return newest


def _run_in_container(context: Context, request: Request, base: Path) -> Outcome:
    target: Target = "inference" if request.action == "serve" else "training"
    name = _built(context, target)
    engine = context.engine()
    for folder in ("input", "model", "output"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    serving = request.action == "serve"
    shell = request.action == "shell"
    container = engine.start(
        ContainerSpec(
            image=name,
            name=f"shapemaker-dev-{context.project.name}-{request.action}",
            entrypoint=("/bin/bash",) if shell else (),
            command=() if shell else (request.action,),
            environment=_variables(context, serving=serving),
            mounts=tuple(Mount(source=base / f, target=f"/opt/ml/{f}") for f in ("input", "model", "output")),
            port=PORT if serving else 0,
            host_port=request.port if serving else 0,
            interactive=shell,
        )
    )
    try:
        if serving:
            host, port = container.address()
            context.emit(Notice(text=f"serving on http://{host}:{port}; end with Ctrl-C"))
        for line in () if shell else container.logs():
            context.emit(LogLine(source=request.action, text=line))
        # What a person last typed into a shell is no verdict on the model.
        code = 0 if shell else container.wait()
    finally:
        container.stop(10)
        container.remove()
    if code:
        raise RefusedError(
            f"dev {request.action} ended with exit code {code}", remedy="mend the code, then run it again"
        )
    return Outcome(next=context.again("run"))


def _built(context: Context, target: Target) -> str:
    request = image.build_request(context, target)
    name = f"shapemaker-dev/{context.project.name}:{target}"
    with TemporaryDirectory(prefix="shapemaker-") as scratch, image.build_secrets(context) as secrets:
        built = contexts.write(request, Path(scratch) / "context")
        build = ImageBuild(
            context=built.directory,
            dockerfile=built.dockerfile,
            target=built.target,
            image=name,
            platform=request.platform,
            args=built.args,
            secrets=secrets,
        )
        context.engine().build(build, lambda line: context.emit(LogLine(source=target, text=line)))
    return name
