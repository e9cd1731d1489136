"""Data on its way into training jobs and out of them; the numbers are those of the conformance list."""

from __future__ import annotations

import json

from tests.support.probe import (
    result,
    save,
)
from tests.support.sagemaker import BUCKET, SageMaker, refusal, s3_channel, until


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


# 69
def test_an_isolated_container_has_no_network(local: SageMaker) -> None:
    interfaces = "sorted(os.listdir('/sys/class/net'))"
    assert result(local, local.trained(save(interfaces), EnableNetworkIsolation=True)) == ["lo"]
    assert "eth0" in result(local, local.trained(save(interfaces)))
