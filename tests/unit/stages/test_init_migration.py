from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import InvalidInputError
from tests.support.consumer import write
from tests.support.cookiecutter_project import (
    FILES,
    MODEL,
    TRAINING_JOB,
    is_left,
    left,
    migrated,
    over,
    project,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_resources_come_out(tmp_path: Path) -> None:
    found, _ = migrated(tmp_path, project())
    assert (found.name, found.deploy.endpoint, found.model) == ("ovens", "ovens", "")
    assert (found.aws.region, found.aws.account) == ("eu-west-1", "123456789012")
    assert (found.aws.bucket, found.aws.repository) == ("sagemaker-ovens", "models")
    assert found.aws.role == "arn:aws:iam::123456789012:role/OvenRole"
    train = found.train
    assert (train.entrypoint, train.instance, train.instance_count, train.volume_gb) == (
        "train.py",
        "ml.m5.large",
        1,
        3,
    )
    assert (train.spot, train.max_runtime, train.max_wait, train.checkpoints) == (True, 600, 900, False)
    assert {metric.name: metric.regex for metric in train.metrics} == {"oven:error": r"Oven_error=([0-9\.]+)"}
    assert (found.serve.app, found.serve.workers) == ("app:app", 2)
    assert (found.deploy.variant, found.deploy.instance, found.deploy.instance_count) == ("Crust", "ml.t2.medium", 1)
    assert [request.file for request in found.invoke.requests] == ["configs/request.json"]


def test_a_hyperparameter_is_the_argument_that_it_was(tmp_path: Path) -> None:
    values = {
        "loaves": "12",
        "rate": "1e-3",
        "code": "007",
        "warm": "true",
        "none": "null",
        "sagemaker_program": "train.py",
    }
    found, _ = migrated(tmp_path, project(training_job={"HyperParameters": values}))
    assert dict(found.train.hyperparameters) == {
        "loaves": "12",
        "rate": "1e-3",
        "code": "007",
        "warm": "True",
        "none": "None",
    }


def test_what_the_images_had_beside_the_template_comes_along(tmp_path: Path) -> None:
    more = "RUN apt-get update && apt-get install -y libgomp1 gcc\nRUN pip install 'pillow>=10,<12' boto3\n"
    path = "images/training/Dockerfile"
    found, outcome = migrated(tmp_path, {**project(), path: FILES[path] + more + "RUN make\n"})
    assert found.build.include == ("modelpkg", "recipes")
    assert found.build.packages == ("libgomp1",)
    assert found.build.requirements == "requirements_images.txt"
    lines = (tmp_path / "requirements_images.txt").read_text().splitlines()[1:]
    assert lines == ["-r requirements_modelpkg.txt", "pillow>=10,<12", "boto3", "flask"]
    assert found.train.environment["OVEN_LOG"] == "quiet"
    assert is_left(outcome, path, "the command make")


def test_what_came_along_with_the_training_toolkit_is_named_if_it_is_imported(tmp_path: Path) -> None:
    code = "import boto3\nfrom sagemaker_training import environment\n" + FILES["train.py"]
    migrated(tmp_path, {**project(), "train.py": code})
    assert {"boto3", "sagemaker-training"} <= set((tmp_path / "requirements_images.txt").read_text().splitlines())


def test_other_fields_of_the_requests_stay_fields_of_the_requests(tmp_path: Path) -> None:
    vpc = {
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
        "Subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    }
    variant = {
        "VariantName": "Crust",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "EnableSSMAccess": True,
    }
    found, _ = migrated(
        tmp_path,
        project(
            training_job={
                "VpcConfig": vpc,
                "EnableNetworkIsolation": True,
                "Tags": [{"Key": "team", "Value": "bakers"}],
                **over(TRAINING_JOB, "ResourceConfig", VolumeKmsKeyId="alias/ovens"),
            },
            model={"VpcConfig": vpc, **over(MODEL, "PrimaryContainer", Mode="SingleModel")},
            endpoint_config={"ProductionVariants": [variant], "KmsKeyId": "alias/ovens"},
        ),
    )
    assert found.train.api["CreateTrainingJob"] == {
        "VpcConfig": vpc,
        "EnableNetworkIsolation": True,
        "ResourceConfig": {"VolumeKmsKeyId": "alias/ovens"},
    }
    assert found.deploy.api["CreateModel"] == {"VpcConfig": vpc, "PrimaryContainer": {"Mode": "SingleModel"}}
    assert found.deploy.api["CreateEndpointConfig"]["ProductionVariants"] == [{"EnableSSMAccess": True}]
    assert found.aws.tags == {"team": "bakers"}


def test_channels_come_along_with_the_variables_in_them(tmp_path: Path) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://${DATA}/loaves/", "S3DataDistributionType": "ShardedByS3Key"}
    plain = {"S3DataType": "S3Prefix", "S3Uri": "s3://${BUCKET_ARTIFACTS}/plain/"}
    files = project(
        training_job={
            "InputDataConfig": [
                {"ChannelName": "loaves", "DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
                {"ChannelName": "plain", "DataSource": {"S3DataSource": plain}},
                {"ChannelName": "disk", "DataSource": {"FileSystemDataSource": {"FileSystemId": "fs-1"}}},
            ]
        }
    )
    files[".envrc"] += "export DATA=oven-data\n"
    found, outcome = migrated(tmp_path, files)
    loaves, simple = found.train.channels["loaves"], found.train.channels["plain"]
    assert (loaves.source, loaves.content_type) == ("s3://oven-data/loaves/", "text/csv")
    assert loaves.distribution == "ShardedByS3Key"
    assert simple.source == "s3://sagemaker-ovens/plain/"
    assert is_left(outcome, "configs/training_job.json", "channel disk")


def test_a_name_that_no_project_can_have_stays_the_endpoints(tmp_path: Path) -> None:
    found, outcome = migrated(tmp_path, project("Big-Ovens"))
    assert (found.name, found.deploy.endpoint) == ("big-ovens", "Big-Ovens")
    assert is_left(outcome, ".envrc:2", "name")


@pytest.mark.parametrize(
    ("version", "python"), [("3.12", "3.12"), ("3.10.4", "3.10"), ("3.9", "3.11"), ("2.7", "3.11")]
)
def test_a_python_that_the_images_cannot_have_is_told(tmp_path: Path, version: str, python: str) -> None:
    files = project()
    files[".envrc"] = files[".envrc"].replace("PY_VERSION=3.11", f"PY_VERSION={version}")
    found, outcome = migrated(tmp_path, files)
    assert found.build.python == python
    assert is_left(outcome, ".envrc:3", "PY") == (version == "2.7")
    assert is_left(outcome, ".envrc:3", "Python 3.9") == (version == "3.9")


def test_an_existing_configuration_is_never_replaced(tmp_path: Path) -> None:
    write(tmp_path, {**project(), "shapemaker.yml": "mine\n"})
    with pytest.raises(InvalidInputError, match=r"shapemaker\.yml"):
        run(tmp_path)
    assert (tmp_path / "shapemaker.yml").read_text() == "mine\n"
    assert not (tmp_path / "requirements_images.txt").exists()


def test_a_makefile_that_is_there_gets_one_beside_it(tmp_path: Path) -> None:
    outcome = run(write(tmp_path, project()), makefile=True)
    assert (tmp_path / "Makefile").read_text() == FILES["Makefile"]
    assert "--file Makefile.shapemaker" in (tmp_path / "Makefile.shapemaker").read_text()
    assert "is as it was" in str(outcome.tables[0])


def test_without_a_makefile_it_gets_that_name(tmp_path: Path) -> None:
    run(write(tmp_path, {path: text for path, text in project().items() if path != "Makefile"}), makefile=True)
    assert (tmp_path / "Makefile").is_file()


def test_values_that_yaml_would_take_for_something_else_stay_text(tmp_path: Path) -> None:
    values = {
        "A": "yes",
        "B": "0o17",
        "C": "1e5",
        "D": "null",
        "E": "# x",
        "F": "a: b",
        "G": "2024-01-01",
        "H": "'",
        "I": "",
    }
    found, _ = migrated(tmp_path, project(model=over(MODEL, "PrimaryContainer", Environment=values)))
    assert {name: found.serve.environment[name] for name in values} == values


def test_a_changed_wsgi_is_what_serves(tmp_path: Path) -> None:
    wsgi = "from modelpkg.oven import Oven\nimport app as ours\n\napp = ours.app\n"
    found, outcome = migrated(tmp_path, {**project(), "server/wsgi.py": wsgi})
    assert found.serve.app == "server.wsgi:app"
    assert "app.py" in found.build.include
    assert is_left(outcome, "server/wsgi.py", "changed")


def test_old_paths_in_the_code_are_told(tmp_path: Path) -> None:
    code = FILES["train.py"] + 'DATA = "/opt/ml/code/data"\n'
    _, outcome = migrated(tmp_path, {**project(), "train.py": code})
    assert is_left(outcome, f"train.py:{code.count(chr(10))}", "/opt/ml/code")


def test_what_is_left_stands_in_the_file_too(tmp_path: Path) -> None:
    _, outcome = migrated(tmp_path, project())
    text = (tmp_path / "shapemaker.yml").read_text()
    assert all(f"# - {each.partition(' ')[0]}: " in text for each in left(outcome))


def test_with_workflows_they_run_without_an_environment(tmp_path: Path) -> None:
    outcome = run(write(tmp_path, project()), workflows=True)
    text = (tmp_path / ".github" / "workflows" / "main.yml").read_text()
    assert "          environment: production" not in text
    assert any("gh variable set" in row[0] for row in outcome.tables[-1].rows)
