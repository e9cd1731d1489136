from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.engine import ContainerSpec, ImageBuild, Mount, RegistryCredentials
from shapemaker_action.containers.process import ProcessEngine
from shapemaker_action.containers.process_supervisor import started
from shapemaker_action.errors import EnvironmentProblemError
from tests.support import repository
from tests.support.program import program

if TYPE_CHECKING:
    from shapemaker_action.containers.process_container import ProcessContainer

ROOT = Path(__file__).parents[3]
RECIPE = {"requirements": [], "entrypoint": ["python", "-u", "-m", "shapemaker_runtime"], "environment": {"A": "image"}}
CONTEXT = {
    "process.json": json.dumps(RECIPE),
    "program/modelpkg/model.py": "",
    "runtime/shapemaker_runtime/__main__.py": "import os, sys, time\nexec(sys.argv[1])\n",
}


@pytest.fixture
def engine(tmp_path: Path) -> ProcessEngine:
    made = ProcessEngine(tmp_path / "state", {**os.environ, "AWS_SESSION_TOKEN": "callers"})
    made.build(build(repository.write(tmp_path / "context", CONTEXT)), lambda _: None)
    return made


def build(context: Path, **more: object) -> ImageBuild:
    given = {"context": context, "dockerfile": "Dockerfile", "target": "training", "image": "host/salary:1"}
    return ImageBuild(**{**given, "platform": "linux/amd64", **more})  # type: ignore[arg-type]


def spec(code: str, **more: object) -> ContainerSpec:
    return ContainerSpec(**{"image": "host/salary:1", "name": "one", "command": (code,), **more})  # type: ignore[arg-type]


def start(engine: ProcessEngine, code: str, **more: object) -> ProcessContainer:
    container: ProcessContainer = engine.start(spec(code, **more))  # type: ignore[assignment]
    return container


def output(engine: ProcessEngine, code: str, **more: object) -> list[str]:
    container = engine.start(spec(code, **more))
    try:
        return list(container.logs())
    finally:
        container.remove()


def test_only_what_the_image_has_can_be_imported(engine: ProcessEngine) -> None:
    code = "import importlib.util as u; print([bool(u.find_spec(n)) for n in ('modelpkg', 'yaml', 'pip')])"
    assert output(engine, code) == ["[True, False, False]"]


def test_the_users_search_path_goes_before_the_images(engine: ProcessEngine, tmp_path: Path) -> None:
    repository.write(tmp_path / "extra", {"extra.py": "NAME = 'extra'"})
    code = "import extra, shapemaker_runtime; print(extra.NAME)"
    assert output(engine, code, environment={"PYTHONPATH": str(tmp_path / "extra")}) == ["extra"]


def test_the_environment_is_clean(engine: ProcessEngine) -> None:
    code = "print(os.environ.get('AWS_SESSION_TOKEN'), os.environ['A'], os.environ['HOME'] != sys.argv[2])"
    assert output(engine, "", command=(code, os.environ["HOME"])) == ["None image True"]


@pytest.mark.parametrize("first", ["python", "python3", "/opt/venv/bin/python", "/usr/bin/python3.11"])
def test_python_in_an_entry_point_is_the_interpreter_of_the_image(engine: ProcessEngine, first: str) -> None:
    assert output(engine, "", entrypoint=(first, "-c"), command=("print('ran')",)) == ["ran"]


def test_the_program_ends_with_128_and_the_number_of_its_signal(engine: ProcessEngine) -> None:
    container = start(engine, "os.kill(os.getpid(), 9)")
    assert container.wait() == 137
    container.remove()


def pids(container: ProcessContainer) -> tuple[int, int]:
    found = json.loads((container.directory / "process.json").read_text())
    return found["program"][0], found["supervisor"][0]


def test_a_program_whose_supervisor_was_killed_still_runs_and_can_be_stopped(engine: ProcessEngine) -> None:
    container = start(engine, "print('ready'); time.sleep(600)")
    assert next(container.logs()) == "ready"
    inner, supervisor = pids(container)
    os.kill(supervisor, signal.SIGKILL)
    assert container.wait(0.1) is None
    container.stop(5)
    assert container.wait() == 255
    container.remove()
    assert started(inner) == ""


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone(engine: ProcessEngine) -> None:
    container = start(engine, "pass")
    assert container.wait() == 0
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        (container.directory / "exit").unlink()
        record = {"program": [bystander.pid, "another time"], "supervisor": [bystander.pid, "another time"]}
        (container.directory / "process.json").write_text(json.dumps(record))
        container.stop(0)
        container.remove()
        assert bystander.poll() is None
        bystander.communicate(b"\n")
        assert bystander.returncode == 0


def test_a_start_that_broke_off_is_no_container(engine: ProcessEngine, tmp_path: Path) -> None:
    broken = tmp_path / "state" / "process" / "containers" / "broken"
    broken.mkdir(parents=True)
    (broken / "state.json").write_text("{}")
    assert engine.find({}) == []
    assert output(engine, "print('ran')") == ["ran"]


def test_a_start_that_fails_leaves_nothing(engine: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError, match="is not there"):
        engine.start(spec("", mounts=(Mount(source=tmp_path / "none", target="/opt/ml/model"),)))
    assert list((tmp_path / "state" / "process" / "containers").iterdir()) == []


def test_mounts_are_only_below_the_base_directory(engine: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError, match="cannot mount anything at /data"):
        engine.start(spec("", mounts=(Mount(source=tmp_path, target="/data"),)))
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    repository.write(outer, {"data/kept": ""})
    inner.mkdir()
    mounts = (Mount(source=outer, target="/opt/ml/input"), Mount(source=inner, target="/opt/ml/input/data"))
    with pytest.raises(EnvironmentProblemError, match="over what is at /opt/ml/input/data"):
        engine.start(spec("", mounts=mounts))
    assert (outer / "data" / "kept").exists()


def test_the_whole_base_directory_can_be_a_mount_and_be_copied_with_those_inside(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    code = (
        "import pathlib; b = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR']); (b / 'model/a').touch(); (b / 'x').touch()"
    )
    container = start(engine, code, mounts=(Mount(source=tmp_path / "model", target="/opt/ml/model"),))
    container.wait()
    assert container.copy_out("/opt/ml", tmp_path / "out")
    assert (tmp_path / "out" / "model" / "a").is_file()
    assert (tmp_path / "out" / "x").is_file()
    assert not (tmp_path / "out" / "model").is_symlink()
    container.remove()
    assert (tmp_path / "model" / "a").is_file()
    container = start(engine, code, mounts=(Mount(source=tmp_path / "out", target="/opt/ml"),))
    assert container.wait() == 0
    container.remove()


def test_a_chosen_port_that_is_taken_is_said(engine: ProcessEngine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentProblemError, match=rf"port {port} of 127.0.0.1 cannot be used"):
            engine.start(spec("", port=8080, host_port=port))


def test_a_container_without_a_port_has_no_address(engine: ProcessEngine) -> None:
    container = start(engine, "pass")
    with pytest.raises(EnvironmentProblemError, match="publishes no port"):
        container.address()
    container.remove()


def test_a_dockerfile_of_the_users_own_needs_containers(engine: ProcessEngine, tmp_path: Path) -> None:
    own = repository.write(tmp_path / "own", {"Dockerfile": "FROM scratch", "process.json": '{"theirs": 1}'})
    for context in (own, tmp_path):
        with pytest.raises(EnvironmentProblemError, match="only docker or podman can build it"):
            engine.build(build(context), lambda _: None)


def test_an_image_of_processes_is_not_pushed_to_a_registry_that_others_use(engine: ProcessEngine) -> None:
    ecr = RegistryCredentials(registry="1.dkr.ecr.eu-west-1.amazonaws.com", username="AWS", password="x")
    with pytest.raises(EnvironmentProblemError, match="starts only in the local SageMaker"):
        engine.push("host/salary:1", ecr, lambda _: None)


UV = """\
for word; do [ "$last" = --target ] && target=$word; last=$word; done
mkdir -p "$target/six-1.0.dist-info"
printf 'Metadata-Version: 2.1\\nName: six\\nVersion: 1.0\\n' > "$target/six-1.0.dist-info/METADATA"
echo "uv installs with $SSL_CERT_FILE, $HTTPS_PROXY"
"""
INSTALL = """\
import sys
from pathlib import Path
from shapemaker_action.containers.engine import ImageBuild
from shapemaker_action.containers.process_packages import Installer
from shapemaker_action.containers.process_store import Store
from shapemaker_action.errors import ShapemakerError
folder = Path(sys.argv[1])
secrets = {name: folder / name for name in sys.argv[3:]}
build = ImageBuild(
    context=folder, dockerfile="", target="", image="host/x:1", platform="linux/amd64", secrets=secrets
)
try:
    print(Installer(Store(folder / "s"), {"PATH": sys.argv[2]}, build).install(("r.txt",), 0, (), print).pins)
except ShapemakerError as error:
    print(error.message)
"""


def install(folder: Path, path: str, *secrets: str) -> list[str]:
    """As a Python without pip would."""
    files = {"r.txt": "six", "pip_config": "", "ca_bundle": "", "proxy_env": "# ours\nHTTPS_PROXY=http://proxy:3128\n"}
    repository.write(folder, files)
    venv.create(folder / "python", with_pip=False, symlinks=True)
    argv = [str(folder / "python" / "bin" / "python"), "-c", INSTALL, str(folder), path, *secrets]
    environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()


def test_uv_installs_where_there_is_no_pip(tmp_path: Path) -> None:
    path = f"{program(tmp_path / 'bin', 'uv', UV)}:{os.environ['PATH']}"
    lines = install(tmp_path, path, "ca_bundle", "proxy_env")
    assert lines == [f"uv installs with {tmp_path}/ca_bundle, http://proxy:3128", "('six==1.0',)"]
    assert install(tmp_path, path)[0] == "packages of r.txt: already installed"


def test_a_machine_without_any_installer_is_told_what_to_install(tmp_path: Path) -> None:
    assert install(tmp_path, str(tmp_path))[-1] == "the process engine needs pip or uv to install the requirements"


def test_a_configuration_of_pip_is_not_given_to_uv_silently(tmp_path: Path) -> None:
    lines = install(tmp_path, program(tmp_path / "bin", "uv", UV), "pip_config")
    assert lines == ["the build secret pip_config is for pip, but only uv is here"]


def test_equal_builds_are_one_image(engine: ProcessEngine, tmp_path: Path) -> None:
    again = repository.write(tmp_path / "again", CONTEXT)
    lines: list[str] = []
    engine.build(build(again), lines.append)
    engine.build(replace(build(again), image="host/salary:2"), lines.append)
    assert lines[0].rpartition(" ")[2] == lines[1].rpartition(" ")[2]
