"""Starting an image as a process: its directories, its environment, its port, and a supervisor beside it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shapemaker_action.containers import command, process_packages, process_store, process_supervisor
from shapemaker_action.containers.process_container import ProcessContainer
from shapemaker_action.errors import EnvironmentProblemError, ImageContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shapemaker_action.containers.engine import ContainerSpec, Mount
    from shapemaker_action.containers.process_store import Image, Store

BASE = "opt/ml"
PROGRAM = "opt/program"
RUNTIME = "opt/shapemaker"

_PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")


def launch(store: Store, image: Image, spec: ContainerSpec, environ: Mapping[str, str]) -> ProcessContainer:
    """Start; `ImageContractError` when the image has no such program."""
    layers = [store.unpacked(layer) for layer in image.layers]
    with _directory(store) as directory:
        _lay_out(directory, layers, spec.mounts)
        python = process_packages.interpreter(store)
        port = _port(spec)
        # Only what a container would have too; the caller's credentials are none of its business.
        given = {key: environ[key] for key in ("PATH", "LANG", "LC_ALL", "TZ") if key in environ}
        given |= {"HOME": str(directory / "root"), **image.environment, **spec.environment}
        environment = given | _places(directory, layers, python, given)
        if port:
            environment |= {"SAGEMAKER_BIND_TO_PORT": str(port), "SHAPEMAKER_BIND_HOST": "127.0.0.1"}
        process_store.write_json(directory / "state.json", _state(spec, port))
        _run(directory, _argv(image, spec, python), environment, spec)
    return ProcessContainer(directory)


@contextmanager
def _directory(store: Store) -> Iterator[Path]:
    """The container's directory, which stays only if the block ends well."""
    directory = store.root / "containers" / secrets.token_hex(32)
    directory.mkdir(parents=True, mode=0o700)
    started = False
    try:
        yield directory
        started = True
    finally:
        if not started:
            shutil.rmtree(directory, ignore_errors=True)


def _lay_out(directory: Path, layers: list[Path], mounts: tuple[Mount, ...]) -> None:
    for name in (BASE, "tmp", "root"):
        (directory / name).mkdir(parents=True)
    for layer in layers:
        if (layer / PROGRAM).is_dir():
            # A copy: a container may write beside its code, and the layer is everybody's.
            shutil.copytree(layer / PROGRAM, directory / PROGRAM)
    (directory / "log").touch(mode=0o600)
    for mount in sorted(mounts, key=lambda each: each.target):
        _mount(directory, mount)


def _mount(directory: Path, mount: Mount) -> None:
    if not f"{mount.target}/".startswith(f"/{BASE}/"):
        raise EnvironmentProblemError(
            f"the process engine cannot mount anything at {mount.target}", remedy=f"mount below /{BASE}, or use docker"
        )
    place = directory / mount.target.strip("/")
    if place.resolve() == mount.source.resolve():
        return  # a part of a mounted directory, mounted again where it is anyway
    if place.exists() and (place.is_symlink() or not place.is_dir() or any(place.iterdir())):
        raise EnvironmentProblemError(
            f"the process engine cannot mount {mount.source} over what is at {mount.target}", remedy="use docker"
        )
    if not mount.source.exists():
        raise EnvironmentProblemError(f"{mount.source} cannot be mounted: it is not there", remedy="create it")
    if place.exists():
        place.rmdir()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(mount.source.resolve())


def _places(directory: Path, layers: list[Path], python: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Where things are here, in the variables by which the runtime and Python find them."""
    runtime = [layer / RUNTIME for layer in layers if (layer / RUNTIME / "shapemaker_runtime").is_dir()]
    packages = [each for layer in layers for each in sorted((layer / process_packages.PACKAGES).glob("*"))]
    programs = [python.parent, *(each / "bin" for each in packages if (each / "bin").is_dir())]
    return {
        "PATH": _joined(*programs, given.get("PATH", os.defpath)),
        "PYTHONPATH": _joined(given.get("PYTHONPATH", ""), *runtime, *packages),
        "TMPDIR": str(directory / "tmp"),
        "SAGEMAKER_BASE_DIR": str(directory / BASE),
        "SHAPEMAKER_PROGRAM": str(directory / PROGRAM),
    }


def _joined(*paths: Path | str) -> str:
    return os.pathsep.join(str(path) for path in paths if str(path))


def _state(spec: ContainerSpec, port: int) -> dict[str, object]:
    return {
        "name": spec.name,
        "image": spec.image,
        "labels": dict(spec.labels),
        "port": port,
        "mounts": [mount.target for mount in spec.mounts],
    }


def _port(spec: ContainerSpec) -> int:
    """A loopback port that is free now; 0 when none is published."""
    if not spec.port:
        return 0
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", spec.host_port))
        except OSError as error:
            raise EnvironmentProblemError(
                f"port {spec.host_port} of 127.0.0.1 cannot be used: {error.strerror}",
                remedy="end the program that holds it, or choose another port",
            ) from None
        return int(probe.getsockname()[1])


def _argv(image: Image, spec: ContainerSpec, interpreter: Path) -> list[str]:
    first, *rest = (*(spec.entrypoint or image.entrypoint), *spec.command)
    return [str(interpreter) if _PYTHON.fullmatch(first) else first, *rest]


def _run(directory: Path, argv: list[str], environment: Mapping[str, str], spec: ContainerSpec) -> None:
    if spec.interactive:
        code = subprocess.run(argv, env=dict(environment), cwd=directory / PROGRAM, check=False).returncode
        # It has ended already, and nobody had to watch it.
        process_store.write_json(directory / "process.json", {"program": [0, ""], "supervisor": [0, ""]})
        (directory / "exit").write_text(str(process_supervisor.exit_code(code)), "ascii")
        return
    supervisor = [sys.executable, "-I", process_supervisor.__file__, str(directory)]
    done = command.ask([*supervisor, *argv], environment)
    answer = json.loads(done.output) if done.code == 0 and done.output else {"error": done.last_line}
    if "error" in answer:
        raise ImageContractError(
            f"the container {spec.name} of {spec.image} cannot be started: {argv[0]}: {answer['error']}",
            remedy="the image must have that program; correct the entry point",
        )
