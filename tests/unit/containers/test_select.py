from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.assets import state_directory
from shapemaker_action.containers.select import choose
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError
from tests.support.program import program

if TYPE_CHECKING:
    from pathlib import Path

WORKS = "exit 0"
DOWN = 'case "$1" in --version) echo "Docker version 28.0.0, build x";; *) echo "daemon is down" >&2; exit 1;; esac'
DISGUISED = 'case "$1" in --version) echo "podman version 4.3.1";; *) exit 0;; esac'
MACHINES = {
    "both": ({"docker": WORKS, "podman": WORKS}, "docker"),
    "a daemon that is down": ({"docker": DOWN, "podman": WORKS}, "podman"),
    "podman under docker's name": ({"docker": DISGUISED, "podman": WORKS}, "podman"),
    "podman alone": ({"podman": WORKS}, "podman"),
    "nothing that works": ({"docker": DOWN, "podman": "exit 125"}, "process"),
    "nothing at all": ({}, "process"),
}


def machine(folder: Path, programs: dict[str, str]) -> dict[str, str]:
    for name, script in programs.items():
        program(folder, name, script)
    return {"PATH": str(folder), "HOME": str(folder)}


@pytest.mark.parametrize("name", MACHINES)
def test_auto_takes_the_first_engine_that_works(name: str, tmp_path: Path) -> None:
    programs, expected = MACHINES[name]
    assert choose("auto", machine(tmp_path, programs)).name == expected


def test_a_client_that_does_not_reach_its_daemon_is_passed_over_for_the_next_of_its_name(tmp_path: Path) -> None:
    first, second = program(tmp_path / "a", "docker", DOWN), program(tmp_path / "b", "docker", WORKS)
    assert choose("docker", {"PATH": f"{first}:{second}"}).name == "docker"


def test_the_engine_asked_for_is_taken_although_another_one_works(tmp_path: Path) -> None:
    both = machine(tmp_path, {"docker": WORKS, "podman": WORKS})
    assert choose("podman", both).name == "podman"
    assert choose("process", both).name == "process"


def test_the_variable_wins_over_the_configuration(tmp_path: Path) -> None:
    both = machine(tmp_path, {"docker": WORKS, "podman": WORKS})
    assert choose("docker", {**both, "SHAPEMAKER_ENGINE": "process"}).name == "process"
    assert choose("docker", {**both, "SHAPEMAKER_ENGINE": ""}).name == "docker"


def test_an_engine_that_does_not_work_is_an_error_when_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError, match="docker does not work here") as caught:
        choose("docker", machine(tmp_path, {"docker": DOWN, "podman": WORKS}))
    assert caught.value.details == (f"{tmp_path}/docker: daemon is down",)
    assert "start or install docker" in caught.value.remedy


def test_an_engine_that_is_not_installed_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError) as caught:
        choose("podman", machine(tmp_path, {}))
    assert caught.value.details == ("there is no podman on PATH",)


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no container engine 'lxc'") as caught:
        choose("lxc", machine(tmp_path, {}))
    assert "auto, docker, podman or process" in caught.value.remedy


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SHAPEMAKER_HOME": "/a", "XDG_STATE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_STATE_HOME": "/b", "HOME": "/c"}, "/b/shapemaker"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/c"}, "/c/.local/state/shapemaker"),
    ],
)
def test_state_is_kept_where_the_user_wants_it(environ: dict[str, str], expected: str) -> None:
    assert str(state_directory(environ)) == expected
