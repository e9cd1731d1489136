from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.arguments import from_argv
from shapemaker_action.config.load import load
from shapemaker_action.errors import ConfigError, EnvironmentProblemError, InvalidInputError, ShapemakerError
from shapemaker_action.stages import eject, init, starter
from tests.support.consumer import COMMAND_LINE, ROOT, write

if TYPE_CHECKING:
    from shapemaker_action.outcome import Outcome

EVERY_FRAMEWORK = starter.frameworks()


def run(folder: Path, *options: str) -> Outcome:
    """`shapemaker init …` in a folder, without questions."""
    return init.run(
        init.Request.of(from_argv(["init", "--directory", str(folder), "--yes", *options], {}, "shapemaker"))
    )


def refused(folder: Path, *options: str) -> ShapemakerError:
    """The error of an `init` that must write nothing."""
    before = listing(folder)
    with pytest.raises((InvalidInputError, EnvironmentProblemError)) as caught:
        run(folder, *options)
    assert listing(folder) == before
    assert caught.value.state == "nothing was written"
    assert caught.value.remedy
    return caught.value


def listing(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("framework", EVERY_FRAMEWORK)
def test_a_starter_is_a_valid_project_of_the_name_and_region_that_were_said(tmp_path: Path, framework: str) -> None:
    run(tmp_path, "--name", "flats", "--framework", framework, "--region", "us-west-2")
    loaded = load([Path("shapemaker.yml")], root=tmp_path, environment="production")
    assert not loaded.warnings
    assert (loaded.project.name, loaded.project.aws.region) == ("flats", "us-west-2")
    assert loaded.project.build.framework == framework
    assert len(loaded.project.invoke.requests) == 2


@pytest.mark.parametrize("framework", EVERY_FRAMEWORK)
def test_no_placeholder_is_left_in_a_starter(tmp_path: Path, framework: str) -> None:
    run(tmp_path, "--name", "flats", "--framework", framework)
    assert not [path for path, text in listing(tmp_path).items() if b"@name@" in text or b"@region@" in text]


@pytest.mark.parametrize("framework", EVERY_FRAMEWORK)
def test_the_tests_of_a_starter_pass(tmp_path: Path, framework: str) -> None:
    run(tmp_path, "--framework", framework)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "modelpkg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_without_a_name_it_is_the_folders(tmp_path: Path) -> None:
    folder = tmp_path / "Flat_Prices 2.0"
    folder.mkdir()
    run(folder)
    assert load([Path("shapemaker.yml")], root=folder).project.name == "flat-prices-2-0"


def test_a_folder_of_no_letters_gets_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "数据"
    folder.mkdir()
    run(folder)
    assert load([Path("shapemaker.yml")], root=folder).project.name == "model"


@pytest.mark.parametrize("name", ["2024", "no", "true", "null", "1e5", "0x1f", "on"])
def test_a_name_that_yaml_would_take_for_something_else_stays_a_name(tmp_path: Path, name: str) -> None:
    run(tmp_path, "--name", name)
    assert load([Path("shapemaker.yml")], root=tmp_path).project.name == name


@pytest.mark.parametrize(
    "name", ["Flats", "flat_prices", "a--b", "-a", "a b", "../x", "a\nb", "é", "$(id)", "a" * 80, "{x: 1}", "#", "a: b"]
)
def test_a_name_that_no_project_can_have_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path, f"--name={name}")


def test_a_refused_name_comes_with_one_that_would_do(tmp_path: Path) -> None:
    assert "flat-prices" in refused(tmp_path, "--name", "Flat_Prices").message


@pytest.mark.parametrize("option", [("--region", "mars-1"), ("--framework", "cobol"), ("--framework", "../sklearn")])
def test_an_unknown_region_or_framework_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    assert option[1] in refused(tmp_path, *option).message


def test_every_file_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "mine\n", "modelpkg/model.py": "mine\n"})
    message = refused(tmp_path).message
    assert "requirements.txt" in message
    assert "modelpkg/model.py" in message


def test_a_readme_and_a_gitignore_stay_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "# mine\n", ".gitignore": "mine\n", "LICENSE": "mine\n"})
    outcome = run(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# mine\n"
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert ("README.md", "was there, and is as it was") in outcome.tables[0].rows


def test_a_repository_of_shapemaker_is_not_begun_again(tmp_path: Path) -> None:
    run(tmp_path)
    assert "already" in refused(tmp_path).message


def test_a_file_where_a_folder_must_be_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"modelpkg": "a file\n"})
    assert "modelpkg" in refused(tmp_path).message


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "modelpkg").symlink_to(outside)
    assert "modelpkg/model.py" in refused(inside).message
    assert not list(outside.iterdir())


def test_a_dangling_link_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").symlink_to(tmp_path / "nowhere")
    assert "requirements.txt" in refused(tmp_path).message


def test_a_folder_that_nobody_may_write_to_is_an_error_of_the_machine(tmp_path: Path) -> None:
    # Nobody may write to /proc, not even root, as whom tests run in containers.
    with pytest.raises(EnvironmentProblemError) as caught:
        starter.run(Path("/proc/self/fd"), starter.Answers(name="flats"), role="", program="shapemaker")
    assert caught.value.state == "nothing was written"
    assert tmp_path.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--eject", "runtime", "--workflow"),
        ("--eject", "runtime", "--name", "x"),
        ("--makefile",),
        ("--workflow", "--name", "x"),
        ("--workflow", "--framework", "python"),
        ("--from-template", ".", "--name", "x"),
    ],
)
def test_options_that_say_nothing_together_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    refused(tmp_path, *options)


def test_a_word_after_init_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="sklearn"):
        init.Request.of(from_argv(["init", "sklearn", "--directory", str(tmp_path)], {}, "shapemaker"))


def test_the_region_of_the_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    run(tmp_path)
    assert load([Path("shapemaker.yml")], root=tmp_path).project.aws.region == "ap-south-1"


def at_a_terminal(folder: Path, typed: str) -> subprocess.CompletedProcess[bytes]:
    """`shapemaker init` with a person before it."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        command = [sys.executable, "-c", COMMAND_LINE, "init"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=folder, env=environ, stdin=theirs, capture_output=True, check=False)
    finally:
        os.close(theirs)
        os.close(ours)


def test_at_a_terminal_it_asks_and_takes_the_default_for_an_empty_line(tmp_path: Path) -> None:
    done = at_a_terminal(tmp_path, "My Flats\nmy-flats\npython\n\n")
    assert done.returncode == 0, done.stderr
    assert b"such as my-flats" in done.stderr
    project = load([Path("shapemaker.yml")], root=tmp_path).project
    assert (project.name, project.build.framework, project.aws.region) == ("my-flats", "python", "eu-west-1")


def test_an_end_of_the_answers_writes_nothing(tmp_path: Path) -> None:
    done = at_a_terminal(tmp_path, "my-flats\n\x04")
    assert done.returncode == 2, done.stderr
    assert not list(tmp_path.iterdir())


def test_every_part_lands_where_its_setting_says(tmp_path: Path) -> None:
    for name, part in eject.parts().items():
        outcome = run(tmp_path, "--eject", name)
        assert (tmp_path / part.to).is_dir()
        assert list((tmp_path / part.to).rglob("*"))
        assert part.setting in outcome.next
    assert not list(tmp_path.rglob("__pycache__"))


def test_an_ejected_part_never_replaces_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, {"iam/mine.json": "{}"})
    assert "exists already" in refused(tmp_path, "--eject", "iam").message


@pytest.mark.parametrize("name", ["bogus", "../etc"])
def test_an_unknown_part_names_those_there_are(tmp_path: Path, name: str) -> None:
    assert "runtime" in refused(tmp_path, "--eject", name).remedy


def test_what_a_broken_starter_says_names_no_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        run(tmp_path, "--name", "a" * 60)
    assert not isinstance(caught.value, ConfigError)
    assert "project.name" in caught.value.message
