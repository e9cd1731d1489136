"""Training jobs of the local SageMaker in real containers; the numbers are those of the conformance list."""

from __future__ import annotations

import itertools
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.containers.select import choose
from shapemaker_action.local.sagemaker import harvest
from tests.support import probe_image
from tests.support.local_service import serving
from tests.support.sagemaker import BUCKET, SageMaker, refusal, s3_channel, until

if TYPE_CHECKING:
    from pathlib import Path

READY = "print('ready', flush=True);"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN);"


def save(expression: str) -> str:
    """Code that leaves a value in the model."""
    return f"(ML / 'model/value.json').write_text(json.dumps({expression}))"


def result(local: SageMaker, job: dict[str, Any]) -> Any:
    """The value that a job has left in its model."""
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return json.loads(local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"])["value.json"])


def printed(local: SageMaker, name: str, text: str) -> None:
    """Wait until a job has printed a line."""

    def look() -> bool:
        try:
            return text in local.training_log(name)
        except local.logs.exceptions.ResourceNotFoundException:
            return False

    until(look)


# 40, 106
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("my_job", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("-job", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("j" * 64, "Member must have length less than or equal to 63"),
    ],
)
def test_a_wrong_name_is_refused_in_the_services_words(local: SageMaker, name: str, rule: str) -> None:
    code, message = refusal(local.create_training_job, **local.training(TrainingJobName=name))
    assert code == "ValidationException"
    assert message.startswith(("1 validation error detected: Value", "2 validation errors detected: Value"))
    assert f"Value '{name}' at 'trainingJobName' failed to satisfy constraint: {rule}" in message


# 41
def test_what_the_service_model_leaves_optional_is_demanded(local: SageMaker) -> None:
    request = local.training()
    del request["AlgorithmSpecification"], request["ResourceConfig"]
    assert refusal(local.create_training_job, **request) == (
        "ValidationException",
        (
            "2 validation errors detected: "
            "Value null at 'algorithmSpecification' failed to satisfy constraint: Member must not be null; "
            "Value null at 'resourceConfig' failed to satisfy constraint: Member must not be null"
        ),
    )
    both = local.training(algorithm={"AlgorithmName": "algorithm"})
    neither = local.training(algorithm={"TrainingImage": ""})
    for wrong in (both, neither):
        code, message = refusal(local.create_training_job, **wrong)
        assert code == "ValidationException"
        assert "either TrainingImage or AlgorithmName" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("VpcConfig", {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}),
        ("EnableInterContainerTrafficEncryption", True),
        ("TensorBoardOutputConfig", {"S3OutputPath": "s3://bucket/board"}),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(local: SageMaker, field: str, value: Any) -> None:
    code, message = refusal(local.create_training_job, **local.training(**{field: value}))
    assert code == "ValidationException"
    assert field in message
    assert "CreateTrainingJob" in message


def test_a_nested_field_that_is_not_honoured_is_refused_by_its_path(local: SageMaker) -> None:
    uri = local.put("nested/a")
    compressed = local.training(InputDataConfig=[s3_channel("train", uri, CompressionType="Gzip")])
    assert "InputDataConfig.CompressionType=Gzip" in refusal(local.create_training_job, **compressed)[1]
    request = local.training()
    request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = 60
    assert "ResourceConfig.KeepAlivePeriodInSeconds" in refusal(local.create_training_job, **request)[1]


# 42
def test_a_name_is_used_once(local: SageMaker) -> None:
    job = local.trained()
    arn = job["TrainingJobArn"]
    assert arn == local.arn("training-job", job["TrainingJobName"])
    again = local.training(TrainingJobName=job["TrainingJobName"].upper())
    assert refusal(local.create_training_job, **again) == (
        "ResourceInUse",
        (
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({arn})"
        ),
    )


# 43
def test_an_unknown_job_is_not_found(local: SageMaker) -> None:
    for call in (local.describe_training_job, local.stop_training_job, local.delete_training_job):
        assert refusal(call, TrainingJobName="nowhere") == ("ValidationException", "Requested resource not found.")


# 44
def test_the_image_is_started_with_train_unless_the_request_says_otherwise(local: SageMaker) -> None:
    arguments = save("sys.argv")
    assert result(local, local.trained(arguments)) == ["/usr/local/bin/train"]
    entrypoint = {"ContainerEntrypoint": ["python3", "/usr/local/bin/train"]}
    assert result(local, local.trained(arguments, algorithm=entrypoint)) == ["/usr/local/bin/train"]
    both = {**entrypoint, "ContainerArguments": ["one", "two"]}
    assert result(local, local.trained(arguments, algorithm=both)) == ["/usr/local/bin/train", "one", "two"]
    replaced = {"ContainerArguments": ["train", "--fast"]}
    assert result(local, local.trained(arguments, algorithm=replaced)) == ["/usr/local/bin/train", "--fast"]


# 45, 46
def test_a_container_finds_its_configuration_and_its_name(local: SageMaker) -> None:
    uri = local.put("configuration/a.csv")
    name = local.name()
    found = result(
        local,
        local.trained(
            save(
                "[config('hyperparameters'), config('inputdataconfig'), config('resourceconfig'), dict(os.environ), "
                "sorted(str(p) for p in ML.rglob('*') if p.is_dir())]"
            ),
            TrainingJobName=name,
            hyperparameters={"epochs": "3", "eta": "0.1"},
            InputDataConfig=[s3_channel("train", uri, ContentType="text/csv"), s3_channel("plain", uri)],
            Environment={"COLOUR": "blue"},
        ),
    )
    hyperparameters, inputs, resources, environment, directories = found
    assert {key: value for key, value in hyperparameters.items() if key != "code"} == {"epochs": "3", "eta": "0.1"}
    common = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert inputs == {"train": {"ContentType": "text/csv", **common}, "plain": common}
    assert resources == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
        ],
        "network_interface_name": "eth0",
    }
    assert environment["TRAINING_JOB_NAME"] == name
    assert environment["TRAINING_JOB_ARN"] == local.arn("training-job", name)
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert not [key for key in environment if key.startswith("SM_") or "SECRET" in key]
    assert directories == [
        f"/opt/ml/{path}"
        for path in (
            "input", "input/config", "input/data", "input/data/plain", "input/data/train", "model", "output",
            "output/data",
        )
    ]  # fmt: skip


# 47, 48, 68
def test_channels_hold_what_their_sources_say(local: SageMaker) -> None:
    for key in ("data/x/a.csv", "data/x/deep/b.csv", "data/x-old.csv", "data/y.csv"):
        local.put(key, key.encode())
    manifest = local.put("data.manifest", json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "x/a.csv", "y.csv"]).encode())
    listing = "{c: sorted(str(p.relative_to(d)) for p in d.rglob('*') if p.is_file())"
    listing += " for c in os.listdir(ML/'input/data') for d in [ML/'input/data'/c]}"
    found = result(
        local,
        local.trained(
            save(listing),
            InputDataConfig=[
                s3_channel("prefix", f"s3://{BUCKET}/data/x"),
                s3_channel("folder", f"s3://{BUCKET}/data/x/"),
                s3_channel("object", f"s3://{BUCKET}/data/y.csv"),
                s3_channel("fast", f"s3://{BUCKET}/data/x/", InputMode="FastFile"),
                s3_channel("manifest", manifest, source={"S3DataType": "ManifestFile"}),
            ],
        ),
    )
    assert found == {
        "prefix": ["a.csv", "deep/b.csv", "x-old.csv"],
        "folder": ["a.csv", "deep/b.csv"],
        "object": ["y.csv"],
        "fast": ["a.csv", "deep/b.csv"],
        "manifest": ["x/a.csv", "y.csv"],
    }


# 68
def test_a_fast_file_channel_looks_like_file_and_cannot_be_written_to(local: SageMaker) -> None:
    uri = local.put("fast/a.csv")
    code = """
try:
    (ML / 'input/data/train/b.csv').write_text('')
    written = True
except OSError:
    written = False
"""
    job = local.trained(
        code + save("[written, config('inputdataconfig')['train']['TrainingInputMode']]"),
        algorithm={"TrainingInputMode": "FastFile"},
        InputDataConfig=[s3_channel("train", uri)],
    )
    assert result(local, job) == [False, "File"]


# 68
def test_a_fast_file_channel_is_a_whole_folder(local: SageMaker) -> None:
    local.put("partial/x/a")
    local.put("partial/x-old/b")
    channel = s3_channel("train", f"s3://{BUCKET}/partial/x", InputMode="FastFile")
    reason = local.trained(InputDataConfig=[channel])["FailureReason"]
    assert "For FastFile mode, partial S3 prefix is not supported." in reason


# 68
def test_a_pipe_gives_the_objects_of_each_epoch_through_a_fifo(local: SageMaker) -> None:
    local.put("pipe/a", b"1" * 100_000)
    local.put("pipe/b", b"2")
    code = """
import stat
seen = []
def epoch(number):
    path = ML / f'input/data/train_{number}'
    while not path.exists():
        time.sleep(0.01)
    return path
for number in range(2):
    seen += [stat.S_ISFIFO(epoch(number).stat().st_mode), len(epoch(number).read_bytes())]
with epoch(2).open('rb') as early:
    seen.append(early.read(1).decode())
"""
    job = local.trained(
        code + save("seen"),
        algorithm={"TrainingInputMode": "Pipe"},
        InputDataConfig=[s3_channel("train", f"s3://{BUCKET}/pipe/")],
    )
    assert result(local, job) == [True, 100_001, True, 100_001, "1"]


# 49
def test_a_channel_without_objects_is_refused(local: SageMaker) -> None:
    for uri, reason in (
        (f"s3://{BUCKET}/nothing/here", f'No objects found under S3 URL "s3://{BUCKET}/nothing/here"'),
        ("s3://no-such-bucket/x", "The specified bucket does not exist"),
    ):
        request = local.training(InputDataConfig=[s3_channel("train", uri)])
        bucket = uri.split("/")[2]
        assert refusal(local.create_training_job, **request) == (
            "ValidationException",
            (
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
                "exists in the selected region (eu-west-1), that objects exist under that S3 prefix, and that the "
                f'role "{local.role}" has "s3:ListBucket" permissions on bucket "{bucket}". '
                f"Error message from S3: {reason}"
            ),
        )


def test_keys_that_would_leave_the_channel_fail_the_job(local: SageMaker) -> None:
    local.put("escape/../../evil")
    job = local.trained(InputDataConfig=[s3_channel("train", f"s3://{BUCKET}/escape/")])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")


# 50, 51, 52
def test_a_completed_job_leaves_model_and_output_apart(local: SageMaker) -> None:
    code = """
(ML / 'model/deep').mkdir()
(ML / 'model/deep/weights').write_text('w')
(ML / 'model/link').symlink_to('deep/weights')
(ML / 'output/data/plot').write_text('p')
(ML / 'output/other').write_text('o')
"""
    job = local.trained(code)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/out/{name}/output/model.tar.gz"}
    assert local.keys(f"out/{name}/") == [f"out/{name}/output/model.tar.gz", f"out/{name}/output/output.tar.gz"]
    assert local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"])["deep/weights"] == "w"
    assert local.unpacked(f"s3://{BUCKET}/out/{name}/output/output.tar.gz") == {"plot": "p"}


def test_equal_models_are_equal_archives(local: SageMaker) -> None:
    code = "(ML / 'model/b').write_text('b'); time.sleep(0.01); (ML / 'model/a').write_text('a')"
    first, second = (local.trained(code)["TrainingJobName"] for _ in range(2))
    assert local.get(f"out/{first}/output/model.tar.gz") == local.get(f"out/{second}/output/model.tar.gz")


# 53
def test_without_compression_files_are_uploaded_as_they_are(local: SageMaker) -> None:
    job = local.trained(
        "(ML / 'model/deep').mkdir(); (ML / 'model/deep/w').write_text('w')",
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/plain", "CompressionType": "NONE"},
    )
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/plain/{job['TrainingJobName']}/output/model/"
    assert local.get(f"plain/{job['TrainingJobName']}/output/model/deep/w") == b"w"
    source = {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}}
    container = {"Image": local.image, "ModelDataSource": source}
    local.create_model(ModelName=local.name("model"), ExecutionRoleArn=local.role, PrimaryContainer=container)


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


# 61
def test_checkpoints_come_in_and_go_out_while_the_job_runs(local: SageMaker) -> None:
    local.put("points/old", b"1")
    local.put("points/kept", b"2")
    code = """
(ML / 'checkpoints/deep').mkdir()
(ML / 'checkpoints/deep/new').write_text((ML / 'checkpoints/old').read_text() + 'new')
(ML / 'checkpoints/old').unlink()
while not (ML / 'checkpoints/stop').exists():
    time.sleep(0.05)
    if (ML / 'input').stat() and os.path.exists('/tmp/never'): break
    if time.time() > deadline: break
"""
    name = local.train(
        f"deadline = time.time() + 4\n{code}",
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/points"},
    )
    until(lambda: local.keys("points/") == ["points/deep/new", "points/kept"])
    assert local.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    assert local.get("points/deep/new") == b"1new"
    assert local.ended(name)["TrainingJobStatus"] == "Completed"


# 62
def test_spot_limits_are_checked(local: SageMaker) -> None:
    def message(**limits: int) -> str:
        request = local.training(EnableManagedSpotTraining="MaxRuntimeInSeconds" in limits, StoppingCondition=limits)
        return refusal(local.create_training_job, **request)[1]

    assert message(MaxRuntimeInSeconds=10, MaxWaitTimeInSeconds=5) == (
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    )
    assert "must be present" in message(MaxRuntimeInSeconds=10)
    assert message(MaxWaitTimeInSeconds=5) == (
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
    )
    job = local.trained(
        EnableManagedSpotTraining=True, StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["EnableManagedSpotTraining"]


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


# 67
def test_several_hosts_know_each_other_and_merge_their_models(local: SageMaker) -> None:
    for letter in "abcde":
        local.put(f"shards/{letter}", letter.encode())
    code = """
import socket
host = config('resourceconfig')['current_host']
if host == 'algo-1':
    server = socket.create_server(('', 9999))
    connection, peer = server.accept()
    assert peer[0] == socket.gethostbyname('algo-2')
    connection.sendall(b'.')
else:
    deadline = time.time() + 30
    while True:
        try:
            connection = socket.create_connection(('algo-1', 9999))
            break
        except OSError:
            assert time.time() < deadline
            time.sleep(0.1)
    connection.recv(1)
(ML / 'model' / host).write_text(' '.join([socket.gethostname(), *sorted(os.listdir(ML / 'input/data/train'))]))
(ML / 'model/same').write_text(host)
print('host', host)
"""
    job = local.trained(
        code,
        hosts=2,
        InputDataConfig=[
            s3_channel("train", f"s3://{BUCKET}/shards/", source={"S3DataDistributionType": "ShardedByS3Key"})
        ],
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"]) == {
        "algo-1": "algo-1 a c e",
        "algo-2": "algo-2 b d",
        "same": "algo-1",
    }
    assert local.training_log(job["TrainingJobName"]) == ["host algo-1", "host algo-2"]


def test_one_failed_host_ends_the_job(local: SageMaker) -> None:
    code = """
if config('resourceconfig')['current_host'] == 'algo-2':
    (ML / 'output/failure').write_text('second host'); sys.exit(4)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(300)
"""
    job = local.trained(code, hosts=2)
    assert job["FailureReason"] == "AlgorithmError: second host, exit code: 4"


# 69
def test_an_isolated_container_has_no_network(local: SageMaker) -> None:
    interfaces = "sorted(os.listdir('/sys/class/net'))"
    assert result(local, local.trained(save(interfaces), EnableNetworkIsolation=True)) == ["lo"]
    assert "eth0" in result(local, local.trained(save(interfaces)))


# 73
def test_a_role_that_sagemaker_cannot_assume_is_refused(local: SageMaker) -> None:
    missing = local.role.replace("execution", "nobody")
    foreign = probe_image.role(local.service, "lambda", "lambda.amazonaws.com")
    for arn in (missing, foreign):
        assert refusal(local.create_training_job, **local.training(RoleArn=arn)) == (
            "ValidationException",
            (
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            ),
        )


# 66
def test_tags_are_merged_and_not_described(local: SageMaker) -> None:
    name = local.train(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    arn = local.describe_training_job(TrainingJobName=name)["TrainingJobArn"]
    added = local.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
    everything = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}]
    assert added["Tags"] == everything
    local.delete_tags(ResourceArn=arn, TagKeys=["a", "nothing"])
    assert local.list_tags(ResourceArn=arn)["Tags"] == everything[1:]
    assert "Tags" not in local.ended(name)
    twice = local.training(Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    assert refusal(local.create_training_job, **twice)[0] == "ValidationException"


# 110
def test_what_the_sdk_always_sends_is_accepted_and_echoed(local: SageMaker) -> None:
    always: dict[str, Any] = {
        "DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/debug", "CollectionConfigurations": []},
        "ProfilerConfig": {"S3OutputPath": f"s3://{BUCKET}/profile", "DisableProfiler": False},
    }
    job = local.trained(**always)
    assert job["TrainingJobStatus"] == "Completed"
    assert job["DebugHookConfig"] == always["DebugHookConfig"]
    assert job["ProfilerConfig"] == always["ProfilerConfig"]


def test_a_deleted_job_frees_its_name(local: SageMaker) -> None:
    name = local.train("time.sleep(2)")
    assert refusal(local.delete_training_job, TrainingJobName=name)[0] == "ResourceInUse"
    local.ended(name)
    local.delete_training_job(TrainingJobName=name)
    assert local.trained(TrainingJobName=name)["TrainingJobStatus"] == "Completed"


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
