from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.docker import Docker, Podman, client_environment
from shapemaker_action.containers.engine import ContainerSpec, ImageBuild, RegistryCredentials
from shapemaker_action.errors import AccessError, EnvironmentProblemError, ImageBuildError, ImageContractError
from tests.support.program import program

if TYPE_CHECKING:
    from pathlib import Path

# A client that writes down what it was asked and with what, and answers from files.
CLIENT = """\
here=$(dirname "$0")
echo "$@" >> "$here/asked"
env > "$here/environ"
case "$1" in
  --config) verb=$3; cp -r "$2" "$here/config"; ls -l "$2/config.json" > "$here/mode" ;;
  container|image) verb=$2 ;;
  *) verb=$1 ;;
esac
[ -f "$here/$verb.err" ] && cat "$here/$verb.err" >&2
[ -f "$here/$verb.out" ] && cat "$here/$verb.out"
[ ! -f "$here/$verb.err" ]
"""
CREDENTIALS = RegistryCredentials(registry="127.0.0.1:9", username="AWS", password="open:sesame", insecure=True)


class Machine:
    """A folder with such a client in it, first on PATH."""

    def __init__(self, folder: Path, name: str = "docker") -> None:
        self.folder = folder
        self.client = f"{program(folder, name, CLIENT)}/{name}"
        self.environ = {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_SESSION_TOKEN": "callers", "HOME": str(folder)}

    def answer(self, verb: str, text: str, *, error: bool = False) -> None:
        (self.folder / f"{verb}.{'err' if error else 'out'}").write_text(text)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "bin")


@pytest.fixture
def docker(machine: Machine) -> Docker:
    return Docker(machine.client, machine.environ)


def spec(**more: object) -> ContainerSpec:
    return ContainerSpec(**{"image": "r/x:1", "name": "one", **more})  # type: ignore[arg-type]


def test_clients_see_how_to_reach_the_engine_and_no_credentials() -> None:
    reach = {"DOCKER_HOST": "x", "HTTPS_PROXY": "x", "no_proxy": "x", "CONTAINERS_CONF": "x", "XDG_RUNTIME_DIR": "x"}
    caller = {"AWS_ACCESS_KEY_ID": "x", "GITHUB_TOKEN": "x", "PASSWORD": "x", "PATHOLOGICAL": "x", "PIP_INDEX_URL": "x"}
    assert client_environment({**reach, **caller}) == reach


def test_nothing_of_the_caller_reaches_a_build(machine: Machine, docker: Docker, tmp_path: Path) -> None:
    machine.answer("--version", "Docker version 20.10.24, build x")
    machine.answer("buildx", "no such plugin", error=True)
    lines: list[str] = []
    machine.answer("build", "step 1\nstep 2\n")
    build = ImageBuild(context=tmp_path, dockerfile="Dockerfile", target="", image="r/x:1", platform="linux/amd64")
    docker.build(build, lines.append)
    assert lines == ["step 1", "step 2"]
    environ = (machine.folder / "environ").read_text()
    assert "callers" not in environ
    assert "DOCKER_BUILDKIT=1" in environ
    assert "--label shapemaker.platform=linux/amd64" in machine.asked[-1]


def test_a_failed_build_names_the_cause(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "bin", "podman")
    machine.answer("build", "ERROR: No matching distribution found for nope\n", error=True)
    build = ImageBuild(context=tmp_path, dockerfile="Dockerfile", target="", image="r/x:1", platform="linux/amd64")
    with pytest.raises(ImageBuildError, match="the requirement nope cannot be found"):
        Podman(machine.client, machine.environ).build(build, lambda _: None)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("denied: requested access to the resource is denied", AccessError, "was not pushed"),
        ("no basic auth credentials", AccessError, "was not pushed"),
        ("write /var/lib/x: no space left on device", EnvironmentProblemError, "the disk is full"),
        ("unexpected EOF", EnvironmentProblemError, "was not pushed"),
        (
            "tag invalid: The image tag '1' already exists and is immutable",
            EnvironmentProblemError,
            "cannot be reached",
        ),
    ],
)
def test_a_push_that_fails_says_why(
    machine: Machine, docker: Docker, said: str, kind: type[Exception], message: str
) -> None:
    machine.answer("push", said, error=True)
    with pytest.raises(kind, match=message):
        docker.push("127.0.0.1:9/x:1", CREDENTIALS, lambda _: None)


def test_credentials_are_in_a_file_of_their_own_that_vanishes(machine: Machine, docker: Docker) -> None:
    machine.answer("inspect", "no such image", error=True)
    docker.pull("127.0.0.1:9/x:1", CREDENTIALS)
    [asked] = [line for line in machine.asked if " pull " in line]
    assert "sesame" not in "".join(machine.asked)
    config = asked.split()[1]
    assert not os.path.exists(config)  # noqa: PTH110
    kept = json.loads((machine.folder / "config" / "config.json").read_text())
    assert base64.b64decode(kept["auths"]["127.0.0.1:9"]["auth"]) == b"AWS:open:sesame"
    assert (machine.folder / "mode").read_text().startswith("-rw-------")


def test_the_users_docker_context_is_kept_while_the_configuration_is_ours(machine: Machine, docker: Docker) -> None:
    machine.answer("context", "unix:///run/user/1000/docker.sock\n")
    machine.answer("inspect", "no such image", error=True)
    docker.pull("127.0.0.1:9/x:1", CREDENTIALS)
    assert "DOCKER_HOST=unix:///run/user/1000/docker.sock" in (machine.folder / "environ").read_text()


def test_an_image_that_is_here_is_not_pulled(machine: Machine, docker: Docker) -> None:
    docker.pull("r/x:1", CREDENTIALS)
    assert [line.split()[0] for line in machine.asked] == ["image"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('exec: "serve": executable file not found in $PATH: unknown', ImageContractError),
        ("exec /opt/venv/bin/python: exec format error", ImageContractError),
        ("driver failed programming external connectivity: port is already allocated", EnvironmentProblemError),
        ("error mounting: no such file or directory", EnvironmentProblemError),
        ("setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied", EnvironmentProblemError),
    ],
)
def test_a_container_that_does_not_start_is_taken_away_again(
    machine: Machine, docker: Docker, said: str, kind: type[Exception]
) -> None:
    machine.answer("create", "0123\n")
    machine.answer("start", f"Error response from daemon: {said}\n", error=True)
    with pytest.raises(kind, match="the container one of r/x:1 cannot be started") as caught:
        docker.start(spec(command=("serve",)))
    assert said in caught.value.details[0]  # type: ignore[attr-defined]
    assert machine.asked[-1] == "rm --force --volumes 0123"


def test_everything_a_container_is_given_is_in_its_creation(machine: Machine, docker: Docker) -> None:
    machine.answer("create", "0123\n")
    docker.start(
        spec(
            command=("a", "b"),
            entrypoint=("python3", "-m", "x"),
            environment={"TOKEN": "hidden", "PATH": "/bin"},
            port=8080,
            host_port=18080,
            network="none",
            hostname="algo-1",
            memory_mb=64,
            labels={"k": "v"},
        )
    )
    [created] = [line for line in machine.asked if line.startswith("create")]
    assert created == (
        "create --pull never --name one --label k=v --publish 127.0.0.1:18080:8080 --memory 64m --memory-swap 64m "
        "--network none --hostname algo-1 --env TOKEN --env PATH=/bin --entrypoint python3 r/x:1 -m x a b"
    )


def test_a_container_that_is_gone_is_gone_quietly_or_loudly(machine: Machine, docker: Docker) -> None:
    machine.answer("create", "0123\n")
    container = docker.start(spec())
    for verb in ("rm", "stop", "inspect"):
        machine.answer(verb, "Error: No such container: 0123\n", error=True)
    container.remove()
    container.stop(1.2)
    assert machine.asked[-1] == "stop -t 2 0123"
    assert list(container.logs()) == []
    with pytest.raises(EnvironmentProblemError, match="is gone"):
        container.wait()


# A client whose following lacks lines of the log, and has an empty one of its own.
LOSSY = """\
here=$(dirname "$0")
case "$*" in
  create*) echo 0123 ;;
  "logs --follow "*) touch "$here/ended"; printf '1\\n2\\n\\n2\\n5\\n' ;;
  logs*) printf '1\\n2\\n3\\n2\\n4\\n5\\n6\\n' ;;
  container*)
    running=$([ -f "$here/ended" ] && echo false || echo true)
    echo "[{\\"State\\": {\\"Running\\": $running, \\"ExitCode\\": 0}, \\"NetworkSettings\\": {}}]" ;;
esac
"""


def test_lines_that_following_left_out_come_after_the_end(tmp_path: Path) -> None:
    client = f"{program(tmp_path / 'bin', 'docker', LOSSY)}/docker"
    container = Docker(client, {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}).start(spec())
    assert list(container.logs()) == ["1", "2", "", "2", "5", "3", "4", "6"]


def test_an_engine_that_fails_is_not_taken_for_an_answer(machine: Machine, docker: Docker) -> None:
    machine.answer("create", "0123\n")
    container = docker.start(spec())
    for verb in ("ps", "rm", "inspect", "cp"):
        machine.answer(verb, "Cannot connect to the Docker daemon\n", error=True)
    for call in (lambda: docker.find({"a": "b"}), container.remove, container.wait, container.out_of_memory):
        with pytest.raises(EnvironmentProblemError, match="Cannot connect"):
            call()
    with pytest.raises(EnvironmentProblemError, match="cannot be copied out"):
        container.copy_out("/opt/ml/model", machine.folder / "out")
