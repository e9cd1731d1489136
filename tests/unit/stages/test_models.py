"""Many models in one repository, with real git."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action import cli
from tests.support import monorepo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.monorepo import Monorepo

GLOB = "models/*/shapemaker.yml"


@pytest.fixture
def repository(tmp_path: Path) -> Monorepo:
    return monorepo.make(tmp_path / "repository", "models/a", "models/b", "models/c d")


@pytest.fixture
def run(repository: Monorepo, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(stage: str, *options: str, config: str = GLOB) -> tuple[int, dict[str, Any]]:
        argv = [stage, "--directory", str(repository.root), "--config", config, *options, "--format", "json"]
        code = cli.main(argv)
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def changed(run: Any) -> Any:
    def names(since: str, config: str = GLOB) -> list[str]:
        code, document = run("plan", "--changed-since", since, config=config)
        assert code == 0, document
        included = document["outputs"]["matrix"]["include"]
        assert document["outputs"]["has-changes"] is bool(included)
        return [each["name"] for each in included]

    return names


def test_all_models_are_validated_and_every_problem_has_its_file(repository: Monorepo, run: Any) -> None:
    assert run("validate")[0] == 0
    repository.write("models/a/shapemaker.yml", "project: {name: A}\naws: {region: eu-west-1}\n")
    repository.write("models/b/shapemaker.yml", "a: [\n")
    code, document = run("validate")
    assert code == 2
    assert {each["file"] for each in document["error"]["diagnostics"]} == {
        "models/a/shapemaker.yml",
        "models/b/shapemaker.yml",
    }


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        ("models/a/shapemaker.yml", ["models/a"]),
        ("models/a/modelpkg/model.py", ["models/a"]),
        ("models/a/modelpkg/new.py", ["models/a"]),
        ("models/a/requirements.txt", ["models/a"]),
        ("models/a/.dockerignore", ["models/a"]),
        ("models/a/data/train/more.csv", ["models/a"]),
        ("models/a/requests/two.json", ["models/a"]),
        ("models/c d/modelpkg/ü\n'$(x).py", ["models/c d"]),
        ("models/a/README.md", []),
        ("models/a/notebooks/try.ipynb", []),
        ("models/ab/modelpkg/model.py", []),
        ("README.md", []),
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_a_model_has_changed_when_its_images_data_or_configuration_have(
    repository: Monorepo, changed: Any, path: str, concerned: list[str], *, committed: bool
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write(path, "# changed\n" if path.endswith(".py") else "project: {name: n}\naws: {region: eu-west-1}\n")
    if committed:
        repository.commit()
    assert changed(base) == concerned


def test_nothing_changed_is_an_empty_matrix(repository: Monorepo, changed: Any) -> None:
    assert changed(repository.commit()) == []


def test_what_is_gone_from_an_image_is_a_change(repository: Monorepo, changed: Any) -> None:
    repository.write("models/a/modelpkg/extra.py", "")
    base = repository.commit()
    repository.git("rm", "-q", "models/a/modelpkg/extra.py", "models/b/README.md")
    repository.commit()
    assert changed(base) == ["models/a"]


def test_a_moved_file_concerns_both_its_places(repository: Monorepo, changed: Any) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("mv", "models/a/data/train/rows.csv", "models/b/data/train/other.csv")
    repository.write("models/a/data/train/rest.csv", "1\n")
    repository.commit()
    assert changed(base) == ["models/a", "models/b"]


def test_a_deleted_model_is_mentioned_and_not_in_the_matrix(
    repository: Monorepo, capsys: pytest.CaptureFixture[str]
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("rm", "-rq", "models/b")
    repository.commit()
    options = ["--directory", str(repository.root), "--config", GLOB, "--changed-since", base]
    assert cli.main(["plan", *options]) == 0
    output = capsys.readouterr()
    assert "models/b/shapemaker.yml is gone" in output.err
    assert "none of 2 models has changed" in output.err


def test_a_configuration_of_another_name_shares_what_the_working_directory_has(
    repository: Monorepo, changed: Any
) -> None:
    for name in ("one", "two"):
        text = monorepo.CONFIG.format(name=name).replace("modelpkg.model", f"{name}.model")
        repository.write(
            f"configs/{name}.yml", f"{text}\n".replace("framework: sklearn", "framework: sklearn, include: [shared]")
        )
        repository.write(f"{name}/model.py", monorepo.MODEL)
        repository.write(f"{name}/__init__.py", "")
    for path in ("data/train/x", "data/test/x", "requests/x.json", "requirements.txt", "shared/lib.py"):
        repository.write(path, "1\n")
    base = repository.commit()
    repository.write("one/model.py", monorepo.MODEL + "\n")
    assert changed(base, "configs/*.yml") == ["configs/one.yml"]
    repository.write("shared/lib.py", "2\n")
    assert changed(base, "configs/*.yml") == ["configs/one.yml", "configs/two.yml"]


def test_entries_are_what_the_action_takes(repository: Monorepo, run: Any) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write("models/c d/requirements.txt", "")
    _, document = run("plan", "--changed-since", base)
    assert document["outputs"]["matrix"] == {
        "include": [
            {
                "name": "models/c d",
                "config": "shapemaker.yml",
                "working-directory": f"{repository.root}/models/c d",
            }
        ]
    }


def test_a_change_on_the_base_branch_alone_is_none_of_ours(repository: Monorepo, changed: Any) -> None:
    repository.git("checkout", "-q", "-b", "topic")
    repository.write("models/a/requirements.txt", "")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("models/b/requirements.txt", "")
    base = repository.commit()
    repository.git("checkout", "-q", "topic")
    assert changed(base) == ["models/a"]


@pytest.mark.parametrize("since", ["0" * 40, "f" * 40, "", "no-such-branch", "--output=x", "HEAD:models"])
def test_a_base_that_git_does_not_know_makes_all_models_count(repository: Monorepo, since: str) -> None:
    options = ["--directory", str(repository.root), "--config", GLOB, f"--changed-since={since}"]
    assert cli.main(["plan", *options]) == 0
    assert not (repository.root / "x").exists()


def test_a_shallow_clone_says_what_to_do(
    repository: Monorepo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write("models/a/requirements.txt", "")
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.root}", str(clone))
    assert cli.main(["plan", "--directory", str(clone), "--config", GLOB, "--changed-since", base]) == 0
    output = capsys.readouterr()
    assert "fetch-depth" in output.err
    assert "3 of 3 models changed" in output.out


def test_outside_of_git_all_models_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monorepo.Monorepo(tmp_path).add_model("models/a")
    assert cli.main(["plan", "--directory", str(tmp_path), "--config", GLOB, "--changed-since", "main"]) == 0
    output = capsys.readouterr()
    assert "1 of 1 model changed" in output.out
    assert "not a git repository" in output.err


def strange(patch: pytest.MonkeyPatch, workspace: Path) -> None:
    """A job in whose container all files are of another user."""
    for name, value in {
        "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_WORKSPACE": str(workspace),
    }.items():
        patch.setenv(name, value)


@pytest.mark.parametrize("place", [".", ".."])
def test_a_checkout_of_another_user_is_the_jobs_own(
    repository: Monorepo, changed: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write("models/a/requirements.txt", "")
    strange(monkeypatch, repository.root / place)
    assert changed(base) == ["models/a"]


def test_what_git_refuses_is_said_in_its_words(
    repository: Monorepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = repository.git("rev-parse", "HEAD")
    strange(monkeypatch, tmp_path / "elsewhere")
    assert cli.main(["plan", "--directory", str(repository.root), "--config", GLOB, "--changed-since", base]) == 0
    output = capsys.readouterr()
    assert "git cannot be asked (detected dubious ownership" in output.err
    assert "3 of 3 models changed" in output.out


def test_the_repositorys_configuration_starts_no_monitor(repository: Monorepo, changed: Any, tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    monitor.chmod(0o700)
    base = repository.git("rev-parse", "HEAD")
    repository.git("config", "core.fsmonitor", str(monitor))
    assert changed(base) == []
    assert not (tmp_path / "started").exists()


def test_a_model_that_cannot_be_read_is_left_to_its_own_job(repository: Monorepo, changed: Any) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write("models/a/shapemaker.yml", "a: [\n")
    repository.commit()
    assert changed(base) == ["models/a"]


def test_more_models_than_a_matrix_takes_are_an_error_that_says_how_to_split(repository: Monorepo, run: Any) -> None:
    for number in range(254):
        repository.write(f"models/x{number}/shapemaker.yml", "project: {name: n}\naws: {region: eu-west-1}\n")
    code, document = run("plan", "--changed-since", "HEAD~0")
    assert code == 0
    code, document = run("plan", "--changed-since", "0" * 40)
    assert code == 2
    assert "257 models have changed" in document["error"]["message"]
    assert "split the glob" in document["error"]["remedy"]


@pytest.mark.parametrize("stage", ["build", "run", "validate,train", "delete", "status"])
def test_stages_for_one_model_are_refused_with_the_way_to_do_it(run: Any, stage: str) -> None:
    code, document = run(stage)
    assert code == 2
    assert "matrix" in document["error"]["remedy"]


def test_a_glob_without_a_match_is_an_error(run: Any) -> None:
    code, document = run("validate", config="nothing/*/shapemaker.yml")
    assert code == 2
    assert "no file of the repository matches" in document["error"]["message"]


def test_two_stars_go_through_all_folders(repository: Monorepo, run: Any) -> None:
    repository.add_model("deep/er/model", "deep")
    code, document = run("plan", "--changed-since", "0" * 40, config="**/shapemaker.yml")
    assert code == 0
    assert len(document["outputs"]["matrix"]["include"]) == 4


def test_an_overlay_is_of_each_model(repository: Monorepo, run: Any) -> None:
    for name in ("a", "b", "c d"):
        repository.write(f"models/{name}/production.yml", "deploy: {instance_count: 2}\n")
    base = repository.commit()
    repository.write("models/a/production.yml", "deploy: {instance_count: 3}\n")
    _, document = run("plan", "--changed-since", base, "--config", "production.yml")
    (entry,) = document["outputs"]["matrix"]["include"]
    assert entry["config"] == "shapemaker.yml\nproduction.yml"
