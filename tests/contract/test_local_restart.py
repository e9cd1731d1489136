"""What survives the server, and what runs without containers; the numbers are those of the conformance list."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.select import choose
from shapemaker_action.local import lifecycle
from shapemaker_action.local.sagemaker import harvest
from tests.support import probe_image
from tests.support.local_service import serving
from tests.support.probe import SLOW_PING, containers, printed, says
from tests.support.sagemaker import BUCKET, SageMaker, refusal, s3_channel, tar_gz, until

if TYPE_CHECKING:
    from pathlib import Path


# 108
def test_a_job_goes_on_while_the_server_is_killed(local: SageMaker) -> None:
    code = """
print('loss=3', flush=True)
time.sleep(6)
(ML / 'model/late').write_text('saved')
print('loss=1', flush=True)
"""
    definitions = [{"Name": "loss", "Regex": "loss=([0-9]+)"}]
    name = local.train(code, algorithm={"MetricDefinitions": definitions})
    printed(local, name, "loss=3")
    before = local.trained()["TrainingJobName"]
    local.kill()
    local.up()
    assert local.describe_training_job(TrainingJobName=before)["TrainingJobStatus"] == "Completed"
    job = local.ended(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"late": "saved"}
    assert local.training_log(name) == ["loss=3", "loss=1"]
    assert [each["Value"] for each in job["FinalMetricDataList"]] == [1.0]


# 108
def test_a_job_whose_container_is_lost_has_failed(local: SageMaker) -> None:
    lost, retried = (
        local.train(
            "print('ready', flush=True); (ML / 'model/m').write_text('m'); time.sleep(4)",
            Environment={"NAME": name},
            **({"RetryStrategy": {"MaximumRetryAttempts": 1}} if name == "retried" else {}),
        )
        for name in ("lost", "retried")
    )
    for name in (lost, retried):
        printed(local, name, "ready")
    local.kill()
    for name in (lost, retried):
        found = ["docker", "ps", "--quiet", "--filter", f"label=shapemaker.name={name}"]
        ids = subprocess.run(found, capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["docker", "rm", "--force", *ids], check=True, capture_output=True)
    local.up()
    assert local.ended(lost)["FailureReason"] == (
        "InternalServerError: We encountered an internal error. Please try again."
    )
    assert local.ended(retried)["TrainingJobStatus"] == "Completed"


def test_what_a_containers_root_leaves_behind_is_swept_away(local: SageMaker, tmp_path: Path) -> None:
    left = tmp_path / "job"
    (left / "deep" / "er").mkdir(parents=True)
    (left / "deep" / "er" / "file").write_text("x")
    engine = choose("docker")
    engine.pull(local.image, probe_image.credentials(local.service))
    harvest.sweep(engine, local.image, left)
    assert not left.exists()


def test_plain_processes_do_it_all_where_there_are_no_containers(tmp_path: Path) -> None:
    with serving(tmp_path / "state", "process") as service:
        plain = SageMaker.of(service, probe_image.push_process(service))
        uri = plain.put("data/a.csv", b"1,2")
        code = "print('rmse=0.5'); (ML / 'model/m').write_text((ML / 'input/data/train/a.csv').read_text())"
        definitions = [{"Name": "rmse", "Regex": "rmse=([0-9.]+)"}]
        job = plain.trained(
            code,
            algorithm={"MetricDefinitions": definitions},
            InputDataConfig=[s3_channel("train", uri, InputMode="FastFile")],
        )
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert [each["Value"] for each in job["FinalMetricDataList"]] == [0.5]
        assert plain.training_log(job["TrainingJobName"]) == ["rmse=0.5"]
        artifacts = job["ModelArtifacts"]["S3ModelArtifacts"]
        assert plain.unpacked(artifacts) == {"m": "1,2"}

        assert plain.trained("sys.exit(3)")["FailureReason"] == "AlgorithmError: , exit code: 3"
        assert "several instances" in refusal(plain.create_training_job, **plain.training(hosts=2))[1]

        model, name = plain.name("model"), plain.name("endpoint")
        environment = {"CODE": "self.answer(200, (MODEL / 'm').read_bytes() + body)"}
        container = {"Image": plain.image, "ModelDataUrl": artifacts, "Environment": environment}
        plain.create_model(ModelName=model, ExecutionRoleArn=plain.role, PrimaryContainer=container)
        plain.create_endpoint(EndpointName=name, EndpointConfigName=plain.config(model))
        assert plain.settled(name)["EndpointStatus"] == "InService"
        assert plain.ask(name, b"!") == b"1,2!"
        other = plain.config(plain.model("self.answer(200, b'other')"))
        plain.update_endpoint(EndpointName=name, EndpointConfigName=other)
        assert plain.settled(name)["EndpointConfigName"] == other
        assert plain.ask(name) == b"other"

        running = plain.train("print('ready', flush=True); time.sleep(4); (ML / 'model/late').write_text('l')")
        printed(plain, running, "ready")
        plain.kill()
        plain.up("process")
        late = plain.ended(running)
        assert plain.unpacked(late["ModelArtifacts"]["S3ModelArtifacts"]) == {"late": "l"}
        assert plain.ask(name) == b"other"


# 108
@pytest.mark.parametrize("gently", [True, False])
def test_an_endpoint_comes_back_with_the_server(local: SageMaker, gently: bool) -> None:  # noqa: FBT001 - a case
    uri = local.put("models/restart.tar.gz", tar_gz(word="kept"))
    model = local.name("model")
    environment = {"CODE": "self.answer(200, (MODEL / 'word').read_bytes())"}
    container = {"Image": local.image, "ModelDataUrl": uri, "Environment": environment}
    local.create_model(ModelName=model, ExecutionRoleArn=local.role, PrimaryContainer=container)
    name = local.endpoint(local.config(model))
    before = containers(name)
    local.s3.delete_object(Bucket=BUCKET, Key="models/restart.tar.gz")
    if gently:
        lifecycle.down(local.service.state)
        assert containers(name) == []
    else:
        local.kill()
        assert containers(name) == before
    local.up()
    assert local.ask(name) == b"kept"
    described = local.settled(name)
    assert described["EndpointStatus"] == "InService"
    until(lambda: local.describe_endpoint(EndpointName=name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
    assert len(containers(name)) == 1
    assert containers(name) != before
    local.delete_endpoint(EndpointName=name)


# 108
def test_what_was_under_way_goes_on_after_the_server_is_killed(local: SageMaker) -> None:
    old, new = local.config(local.model(says("old"))), local.config(local.model(says("new"), **SLOW_PING))
    updated, deleted, created = local.endpoint(old), local.endpoint(old), local.name("endpoint")
    local.create_endpoint(EndpointName=created, EndpointConfigName=new)
    local.update_endpoint(EndpointName=updated, EndpointConfigName=new)
    local.delete_endpoint(EndpointName=deleted)
    local.kill()
    local.up()
    for name in (updated, created):
        described = local.settled(name)
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", new)
        assert local.ask(name) == b"new"
    until(lambda: not local.list_endpoints(NameContains=deleted)["Endpoints"])
    until(lambda: [len(containers(name)) for name in (updated, created, deleted)] == [1, 1, 0])
