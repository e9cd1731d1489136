"""Processing jobs of the local SageMaker in real containers; the numbers are those of the conformance list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sagemaker import BUCKET, refusal, until

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker

CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}}


def request(local: SageMaker, code: str = "", **changes: Any) -> dict[str, Any]:
    """A processing job that runs `code`."""
    return {
        "ProcessingJobName": local.name("processing"),
        "ProcessingResources": CLUSTER,
        "AppSpecification": {"ImageUri": local.image, "ContainerEntrypoint": ["process"]},
        "RoleArn": local.role,
        "Environment": {"CODE": code},
        **changes,
    }


def processed(local: SageMaker, code: str = "", **changes: Any) -> dict[str, Any]:
    """The description of a processing job that has ended."""
    wanted = request(local, code, **changes)
    local.create_processing_job(**wanted)
    return ended(local, wanted["ProcessingJobName"])


def ended(local: SageMaker, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = local.describe_processing_job(ProcessingJobName=name)
        return found if found["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    found: dict[str, Any] = until(look)
    return found


def s3_input(name: str, uri: str, path: str, **more: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File", **more}
    return {"InputName": name, "S3Input": source}


def s3_output(name: str, uri: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}


# 101
def test_inputs_come_in_and_outputs_go_out(local: SageMaker) -> None:
    local.put("processing/data/a.csv", b"1")
    local.put("processing/model.tar.gz", b"2")
    # A variable of a processing job holds 256 characters at most.
    run = "exec((ML / 'processing/code/main.py').read_text())"
    code = """
p = ML / 'processing'
seen = {str(f.relative_to(p)): f.read_text() for f in p.rglob('*') if f.is_file()}
(p / 'output/deep').mkdir(parents=True)
(p / 'output/deep/report.json').write_text(json.dumps(seen))
(p / 'more/x').write_text(json.dumps([sys.argv[1:], os.environ['AWS_REGION']]))
"""
    local.put("processing/code/main.py", code.encode())
    job = processed(
        local,
        run,
        AppSpecification={
            "ImageUri": local.image,
            "ContainerEntrypoint": ["python3", "/usr/local/bin/process"],
            "ContainerArguments": ["evaluate", "--fast"],
        },
        ProcessingInputs=[
            s3_input("code", f"s3://{BUCKET}/processing/code/", "/opt/ml/processing/code"),
            s3_input("data", f"s3://{BUCKET}/processing/data", "/opt/ml/processing/input/data"),
            s3_input("model", f"s3://{BUCKET}/processing/model.tar.gz", "/opt/ml/processing/model"),
        ],
        ProcessingOutputConfig={
            "Outputs": [
                s3_output("report", f"s3://{BUCKET}/processing/out/", "/opt/ml/processing/output"),
                s3_output("more", f"s3://{BUCKET}/processing/more", "/opt/ml/processing/more", "Continuous"),
            ]
        },
    )
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(local.get("processing/out/deep/report.json")) == {
        "code/main.py": code,
        "input/data/a.csv": "1",
        "model/model.tar.gz": "2",
    }
    assert json.loads(local.get("processing/more/x")) == [["evaluate", "--fast"], "eu-west-1"]
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert "ExitMessage" not in job
    assert job["ProcessingJobArn"] == local.arn("processing-job", job["ProcessingJobName"])


# 101
def test_a_container_finds_its_own_description(local: SageMaker) -> None:
    code = "c = ML / 'config'; print((c / 'processingjobconfig.json').read_text());"
    code += "print((c / 'resourceconfig.json').read_text())"
    name = processed(local, code)["ProcessingJobName"]
    described, resources = map(json.loads, local.log("/aws/sagemaker/ProcessingJobs", f"{name}/algo-1-"))
    assert described["ProcessingJobName"] == name
    assert described["ProcessingJobArn"] == local.arn("processing-job", name)
    assert described["ProcessingResources"] == CLUSTER
    assert resources["current_host"] == "algo-1"
    assert resources["hosts"] == ["algo-1"]


# 101
@pytest.mark.parametrize(
    ("code", "status", "message", "reason"),
    [
        ("(ML / 'output/message').write_text('all good')", "Completed", "all good", None),
        (
            "(ML / 'output/message').write_text('threshold missed'); sys.exit(3)",
            "Failed",
            "threshold missed",
            "AlgorithmError: threshold missed, exit code: 3",
        ),
        ("sys.exit(1)", "Failed", None, "AlgorithmError: , exit code: 1"),
        (
            "(ML / 'output/message').write_bytes(bytes([255, 254]))",
            "Failed",
            None,
            "ClientError: /opt/ml/output/message is not text in UTF-8.",
        ),
    ],
)
def test_a_job_says_how_it_ended(
    local: SageMaker, code: str, status: str, message: str | None, reason: str | None
) -> None:
    job = processed(local, code)
    assert (job["ProcessingJobStatus"], job.get("ExitMessage"), job.get("FailureReason")) == (status, message, reason)


def test_a_long_message_is_cut(local: SageMaker) -> None:
    job = processed(local, "(ML / 'output/message').write_text('ä' * 5000)")
    assert job["ExitMessage"] == "ä" * 1024


def test_a_job_can_be_stopped_and_its_outputs_stay(local: SageMaker) -> None:
    code = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
(ML / 'processing/output/part').write_text('p')
print('ready', flush=True)
time.sleep(300)
"""
    output = s3_output("part", f"s3://{BUCKET}/stopped", "/opt/ml/processing/output")
    wanted = request(local, code, ProcessingOutputConfig={"Outputs": [output]})
    name = wanted["ProcessingJobName"]
    local.create_processing_job(**wanted)

    def is_ready() -> bool:
        streams = local.logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/ProcessingJobs")["logGroups"]
        return bool(streams) and "ready" in local.log("/aws/sagemaker/ProcessingJobs", f"{name}/")

    until(is_ready)
    local.stop_processing_job(ProcessingJobName=name)
    assert ended(local, name)["ProcessingJobStatus"] == "Stopped"
    assert local.get("stopped/part") == b"p"
    code, message = refusal(local.stop_processing_job, ProcessingJobName=name)
    assert code == "ValidationException"
    assert "is in status Stopped" in message


def test_a_job_that_takes_too_long_is_stopped(local: SageMaker) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(300)"
    job = processed(local, code, StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert job["ProcessingJobStatus"] == "Stopped"


def test_a_name_is_used_once_and_an_unknown_one_is_not_found(local: SageMaker) -> None:
    job = processed(local)
    again = request(local, ProcessingJobName=job["ProcessingJobName"])
    assert refusal(local.create_processing_job, **again) == (
        "ResourceInUse",
        (
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({job['ProcessingJobArn']})"
        ),
    )
    for call in (local.describe_processing_job, local.stop_processing_job):
        assert refusal(call, ProcessingJobName="nowhere") == (
            "ValidationException",
            "Could not find requested job with name: nowhere",
        )


def test_a_deleted_job_frees_its_name(local: SageMaker) -> None:
    name = processed(local)["ProcessingJobName"]
    local.delete_processing_job(ProcessingJobName=name)
    assert "Could not find requested job" in refusal(local.describe_processing_job, ProcessingJobName=name)[1]
    assert processed(local, ProcessingJobName=name)["ProcessingJobStatus"] == "Completed"


def test_wrong_requests_are_refused(local: SageMaker) -> None:
    uri = local.put("refused/a")

    def message(**changes: Any) -> str:
        code, text = refusal(local.create_processing_job, **request(local, **changes))
        assert code == "ValidationException"
        return text

    there = "/opt/ml/processing/input"
    assert "No S3 objects found" in message(ProcessingInputs=[s3_input("a", f"s3://{BUCKET}/no/such", there)])
    assert "S3InputMode=Pipe" in message(ProcessingInputs=[s3_input("a", uri, there, S3InputMode="Pipe")])
    assert "different LocalPaths" in message(ProcessingInputs=[s3_input("a", uri, there), s3_input("b", uri, there)])
    assert "absolute path" in message(ProcessingInputs=[s3_input("a", uri, "/opt/ml/../../etc")])
    assert "Could not assume role" in message(RoleArn=local.role.replace("execution", "nobody"))
    assert "NetworkConfig.VpcConfig" in message(
        NetworkConfig={"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}
    )


def test_a_missing_image_fails_the_job(local: SageMaker) -> None:
    job = processed(local, AppSpecification={"ImageUri": local.image.replace(":1", ":other")})
    assert job["FailureReason"].startswith("ClientError: Cannot pull algorithm container.")
