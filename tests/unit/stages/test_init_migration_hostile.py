from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import ConfigError, InvalidInputError
from shapemaker_action.stages.migration import migrate
from tests.support.consumer import write
from tests.support.cookiecutter_project import (
    MODEL,
    SECRET,
    TRAINING_JOB,
    is_left,
    migrated,
    over,
    project,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path


def problems(folder: Path, files: dict[str, str]) -> list[str]:
    """Every diagnostic of a migration that must write nothing."""
    write(folder, files)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError) as caught:
        run(folder, makefile=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert caught.value.state == "nothing was written"
    return [str(each) for each in caught.value.diagnostics]


SECRETS = {
    "an access key": 'export AWS_ACCESS_KEY_ID="@"',
    "a token": "export GITHUB_TOKEN=@",
    "a password": "export DB_PASS='@'",
    "an innocent name": "export COLOUR=@",
    "a URL with a password": "export STORE=https://me:@@example.com/x",
    "without export": "API_KEY=@",
    "two on a line": "export A=1 MY_SECRET=@",
    "by way of another": "export OVEN_KEY=@\nexport COLOUR=${OVEN_KEY}",
    "a command": "export COLOUR=$(echo @)",
    "no assignment": "login @",
    "an open quote and more": "export A=1 # @",
}


@pytest.mark.parametrize("lines", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_of_envrc_turns_up_nowhere(tmp_path: Path, lines: str) -> None:
    environment = {"COLOUR": "${COLOUR}", "OTHER": "$MY_SECRET", "STORE": "${STORE}", "TOKEN": "${GITHUB_TOKEN}"}
    files = project(model=over(MODEL, "PrimaryContainer", Environment=environment))
    files[".envrc"] += lines.replace("@", SECRET, 1) + "\n"
    outcome = run(write(tmp_path, files), makefile=True)
    told = str(outcome)
    made = "".join((tmp_path / row[0]).read_text() for row in outcome.tables[0].rows)
    assert SECRET not in told + made


def test_a_secret_in_a_broken_envrc_is_not_in_the_error(tmp_path: Path) -> None:
    files = project()
    files[".envrc"] += f"export PASSWORD='{SECRET}\n"
    told = problems(tmp_path, files)
    assert told == [".envrc:21:1: a quotation mark is not closed (values of this file stand without quotation marks)"]


def test_a_secret_in_a_request_or_dockerfile_stays_there(tmp_path: Path) -> None:
    files = project(
        training_job={"HyperParameters": {"loaves": "3", "warm": "true", "api_key": SECRET}},
        model=over(MODEL, "PrimaryContainer", Environment={"DB_PASSWORD": SECRET}),
    )
    path = "images/endpoint/Dockerfile"
    files[path] += (
        f"ENV OVEN_TOKEN={SECRET}\nRUN pip install git+https://me:{SECRET}@example.com/x --index-url {SECRET}\n"
    )
    files[path] += f"RUN curl -H {SECRET} https://example.com\n"
    found, outcome = migrated(tmp_path, files)
    assert SECRET not in str(outcome) + (tmp_path / "shapemaker.yml").read_text()
    assert "api_key" not in found.train.hyperparameters
    for place, what in (("configs/training_job", "api_key"), ("configs/model", "DB_PASSWORD"), (path, "OVEN_TOKEN")):
        assert is_left(outcome, place, what)


def test_nothing_of_envrc_is_run(tmp_path: Path) -> None:
    files = project()
    files[".envrc"] += f"export X=$(touch {tmp_path}/ran)\ntouch {tmp_path}/ran\nexport Y=`touch {tmp_path}/ran`\n"
    migrated(tmp_path, files)
    assert not (tmp_path / "ran").exists()


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "no JSON": ({"configs/model.json": '{"ModelName": "x",}'}, "configs/model.json:1:18"),
    "no object": ({"configs/model.json": "[]"}, "configs/model.json:1:1"),
    "empty": ({"configs/training_job.json": ""}, "configs/training_job.json:1:1"),
    "not UTF-8": ({"configs/model.json": "\udcff"}, "configs/model.json:1:1"),
    "too large": ({"configs/model.json": " " * 300_000}, "configs/model.json:1:1"),
    "no Python": ({"train.py": "def f(:\n"}, "train.py:1:7"),
    "no application": ({"app.py": "application = 1\n"}, "app.py:1:1"),
    "not rendered": ({".envrc": "export PROJECT_NAME={{cookiecutter.PROJECT_NAME}}\n"}, ".envrc:1:1"),
    "no name": ({".envrc": "export AWS_DEFAULT_REGION=eu-west-1\n"}, ".envrc:1:1: PROJECT_NAME is missing"),
    "a name of no letters": (
        {".envrc": "export PROJECT_NAME=---\nexport AWS_DEFAULT_REGION=eu-west-1\n"},
        ".envrc:1:1",
    ),
    "metrics that are no list": (
        project(training_job=over(TRAINING_JOB, "AlgorithmSpecification", MetricDefinitions={"a": "b"})),
        "configs/training_job.json:",
    ),
    "a hyperparameter that is no text": (
        project(training_job={"HyperParameters": {"loaves": 12}}),
        "configs/training_job.json:18:19: HyperParameters: expected text",
    ),
    "no variant": (project(endpoint_config={"ProductionVariants": []}), "configs/endpoint_config.json:"),
}


@pytest.mark.parametrize(("files", "place"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_told_at_its_place(tmp_path: Path, files: dict[str, str], place: str) -> None:
    whole = {**project(), **files}
    odd = {path: text.encode("utf-8", "surrogateescape") for path, text in whole.items()}
    write(tmp_path, dict.fromkeys(odd, ""))
    for path, data in odd.items():
        (tmp_path / path).write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        run(tmp_path)
    assert any(str(each).startswith(place) for each in caught.value.diagnostics), caught.value.diagnostics
    assert not (tmp_path / "shapemaker.yml").exists()


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "a bucket with underscores": ({"BUCKET_ARTIFACTS": "sagemaker_ovens"}, ".envrc:11:1: aws.bucket"),
    "a region that is none": ({"AWS_DEFAULT_REGION": "eu-west"}, ".envrc:8:1: aws.region"),
    "an account of letters": ({"AWS_ACCOUNT_ID": "mine"}, ".envrc:7:1: aws.account"),
    "a name that is too long": ({"PROJECT_NAME": "x" * 60}, ".envrc:2:1: project.name"),
}


@pytest.mark.parametrize(("values", "place"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_rule_refuses_is_told_where_it_was_said(tmp_path: Path, values: dict[str, str], place: str) -> None:
    files = project()
    for name, value in values.items():
        before = next(line for line in files[".envrc"].splitlines() if line.startswith(f"export {name}="))
        files[".envrc"] = files[".envrc"].replace(before, f"export {name}={value}")
    assert any(each.startswith(place) for each in problems(tmp_path, files))


def test_an_instance_type_that_is_none_is_told_where_it_was_said(tmp_path: Path) -> None:
    files = project(training_job=over(TRAINING_JOB, "ResourceConfig", InstanceType="ml.oven.large"))
    (found,) = problems(tmp_path, files)
    line = files["configs/training_job.json"][: files["configs/training_job.json"].index("ml.oven")].count("\n") + 1
    assert found.startswith(f"configs/training_job.json:{line}:")
    assert "train.instance" in found


def test_a_config_outside_of_the_project_is_not_read(tmp_path: Path) -> None:
    files = project()
    write(tmp_path, {"secret.json": json.dumps({"ModelName": SECRET})})
    files[".envrc"] = files[".envrc"].replace("JSON_MODEL=model.json", "JSON_MODEL=../../secret.json")
    (found,) = problems(tmp_path / "ovens", files)
    assert "leads out of the repository" in found


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret.json": json.dumps({"ModelName": SECRET})})
    folder = write(tmp_path / "ovens", project())
    (folder / "configs" / "model.json").unlink()
    (folder / "configs" / "model.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ConfigError) as caught:
        run(folder)
    assert "symbolic link" in str(caught.value.diagnostics[0])


@pytest.mark.parametrize("missing", [".envrc", "train.py", "app.py"])
def test_another_kind_of_project_is_refused(tmp_path: Path, missing: str) -> None:
    write(tmp_path, {path: text for path, text in project().items() if path != missing})
    with pytest.raises(InvalidInputError, match=missing):
        run(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    request = migrate.Request(root=tmp_path, project="x\n", makefile=False, workflows=False, role="", program="s")
    with pytest.raises(InvalidInputError, match="there is no folder"):
        migrate.run(request)


def test_names_out_of_the_project_cannot_break_out_of_a_comment(tmp_path: Path) -> None:
    name = "key\nproject: {name: evil}\n#"
    found, _ = migrated(tmp_path, project(model=over(MODEL, "PrimaryContainer", Environment={name: "${NOWHERE}"})))
    assert found.name == "ovens"
