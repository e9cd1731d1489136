"""How training jobs end, and what they tell until then; the numbers are those of the conformance list."""

from __future__ import annotations

import itertools

import pytest

from tests.support.probe import (
    printed,
)
from tests.support.sagemaker import SageMaker, refusal, s3_channel


# 54, 55
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit(1)", "AlgorithmError: , exit code: 1"),
        ("sys.exit(3)", "AlgorithmError: , exit code: 3"),
        ("(ML / 'output/failure').write_text('no data'); sys.exit(1)", "AlgorithmError: no data, exit code: 1"),
        ("(ML / 'output/failure').write_text('x' * 5000); sys.exit(1)", None),
    ],
)
def test_a_failed_job_says_why(local: SageMaker, code: str, reason: str | None) -> None:
    job = local.trained(f"(ML / 'model/m').write_text('m'); {code}")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    if reason:
        assert job["FailureReason"] == reason
    else:
        assert len(job["FailureReason"]) == 1024
        assert job["FailureReason"].startswith("AlgorithmError: xxx")
        assert job["FailureReason"].endswith("xxx, exit code: 1")
    assert job["SecondaryStatusTransitions"][-1]["StatusMessage"] == job["FailureReason"]
    assert not local.keys(f"out/{job['TrainingJobName']}/")


# 56
def test_a_killed_container_is_told_as_too_little_memory(local: SageMaker) -> None:
    job = local.trained("sys.exit(137)")
    assert job["FailureReason"] == (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an "
        "instance."
    )


def test_an_image_that_is_not_there_fails_the_job(local: SageMaker) -> None:
    registry = local.image.partition("/")[0]
    for image in (f"{registry}/probe:other", f"{registry}/nothing:1", "python:3"):
        job = local.trained(algorithm={"TrainingImage": image})
        assert job["FailureReason"] == (
            "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are "
            "incorrect."
        )


def test_an_image_without_the_program_fails_the_job(local: SageMaker) -> None:
    reason = local.trained(algorithm={"ContainerEntrypoint": ["nothing", "here"]})["FailureReason"]
    assert reason.startswith(
        "AlgorithmError: CannotStartContainerError. Please make sure the container can be run with "
        f"'docker run --entrypoint nothing {local.image.rpartition(':')[0]}@sha256:"
    )
    assert "executable file not found" in reason


# 57
def test_a_stopped_job_gets_sigterm_and_keeps_its_model(local: SageMaker) -> None:
    code = """
def end(*_):
    (ML / 'model/saved').write_text('yes')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
time.sleep(300)
"""
    name = local.train(code)
    printed(local, name, "ready")
    response = local.stop_training_job(TrainingJobName=name)
    assert set(response) == {"ResponseMetadata"}
    job = local.ended(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"saved": "yes"}
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]] == [
        "Starting", "Training", "Stopping", "Uploading", "Stopped",
    ]  # fmt: skip


# 57
def test_a_job_can_be_stopped_before_it_has_begun(local: SageMaker) -> None:
    uri = local.put("early/a")
    code = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(20)"
    names = [local.train(code, InputDataConfig=[s3_channel("train", uri)]) for _ in range(3)]
    for name in names:
        local.stop_training_job(TrainingJobName=name)
        assert local.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in {"Stopping", "Stopped"}
    for name in names:
        job = local.ended(name)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
        statuses = [each["Status"] for each in job["SecondaryStatusTransitions"]]
        assert set(statuses[statuses.index("Stopping") :]) <= {"Stopping", "Uploading", "Stopped"}


# 58
def test_a_job_that_has_ended_cannot_be_stopped(local: SageMaker) -> None:
    for code, status in (("", "Completed"), ("sys.exit(1)", "Failed")):
        name = local.trained(code)["TrainingJobName"]
        assert refusal(local.stop_training_job, TrainingJobName=name) == (
            "ValidationException",
            f"The request was rejected because the training job is in status {status}.",
        )


# 59
def test_a_job_that_takes_too_long_is_stopped_and_says_so(local: SageMaker) -> None:
    code = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)); (ML / 'model/part').write_text('p'); time.sleep(300)"
    job = local.trained(code, StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"part": "p"}


# 60
def test_the_history_of_a_job_has_no_gaps(local: SageMaker) -> None:
    uri = local.put("history/a")
    job = local.trained(InputDataConfig=[s3_channel("train", uri)])
    history = job["SecondaryStatusTransitions"]
    assert [each["Status"] for each in history] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    for before, after in itertools.pairwise(history):
        assert before["EndTime"] == after["StartTime"]
    assert all(each["StatusMessage"] for each in history)
    assert history[-1]["StatusMessage"] == "Training job completed"
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"] <= job["LastModifiedTime"]
    assert job["TrainingTimeInSeconds"] >= 1
    assert job["BillableTimeInSeconds"] >= 1


# 63
def test_metrics_are_read_out_of_the_log(local: SageMaker) -> None:
    code = "print('rmse=3.5'); print('rmse=2e-1 and rmse=0.25'); print('rmse=nan; loss=', file=sys.stderr)"
    definitions = [{"Name": "rmse", "Regex": "rmse=([0-9.e-]+)"}, {"Name": "loss", "Regex": "loss=(.*)"}]
    job = local.trained(code, algorithm={"MetricDefinitions": definitions})
    assert [(each["MetricName"], each["Value"]) for each in job["FinalMetricDataList"]] == [("rmse", 0.25)]
    listed = local.cloudwatch.list_metrics(
        Namespace="/aws/sagemaker/TrainingJobs",
        Dimensions=[{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
    )["Metrics"]
    assert {each["MetricName"] for each in listed} == {"rmse"}
    broken = local.training(algorithm={"MetricDefinitions": [{"Name": "x", "Regex": "("}]})
    assert "Invalid regular expression" in refusal(local.create_training_job, **broken)[1]


# 64
def test_the_log_is_in_cloudwatch_while_the_job_runs(local: SageMaker) -> None:
    name = local.train("print('first'); print(); print('second', flush=True); time.sleep(3); print('third')")
    printed(local, name, "second")
    assert local.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    local.ended(name)
    assert local.training_log(name) == ["first", "second", "third"]
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = local.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    head, _, epoch = stream["logStreamName"].rpartition("-")
    assert head == f"{name}/algo-1"
    assert epoch.isdigit()
    page = local.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    last = local.logs.get_log_events(
        logGroupName=group, logStreamName=stream["logStreamName"], nextToken=page["nextForwardToken"]
    )
    assert last["nextForwardToken"] == page["nextForwardToken"]


def test_a_flood_of_lines_arrives_whole(local: SageMaker) -> None:
    job = local.trained("print('\\n'.join(str(n) for n in range(30000))); print('x' * 300000)")
    name = job["TrainingJobName"]
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = local.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    lines: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = local.logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, **token
        )
        lines += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert lines[:30000] == [str(number) for number in range(30000)]
    assert set("".join(lines[30000:])) == {"x"}


def test_one_failed_host_ends_the_job(local: SageMaker) -> None:
    code = """
if config('resourceconfig')['current_host'] == 'algo-2':
    (ML / 'output/failure').write_text('second host'); sys.exit(4)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(300)
"""
    job = local.trained(code, hosts=2)
    assert job["FailureReason"] == "AlgorithmError: second host, exit code: 4"
