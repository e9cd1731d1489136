"""The local SageMaker's life: one server per state directory, whose state outlives it, however it ends."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from shapemaker_action.errors import EnvironmentProblemError
from shapemaker_action.local import lifecycle, process, service
from tests.support.local_service import client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.local.lifecycle import LocalService

ROOT = Path(__file__).parents[2]
IRELAND = {"LocationConstraint": "eu-west-1"}
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
UP = """
import sys
from pathlib import Path
from shapemaker_action.local import lifecycle
running = lifecycle.up(Path(sys.argv[1]))
print(running.pid, running.port, lifecycle.__file__)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    lifecycle.down(tmp_path / "state")


def kill(running: LocalService) -> None:
    os.kill(running.pid, signal.SIGKILL)
    while process.began(running.pid):
        time.sleep(0.01)


def start_elsewhere(folder: Path, **options: Any) -> subprocess.Popen[str]:
    environ = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("environ", {})
    return subprocess.Popen(
        [sys.executable, "-c", UP, str(folder)], env=environ, stdout=subprocess.PIPE, text=True, **options
    )


def everything(running: LocalService) -> dict[str, Any]:
    """What clients can see of the state, times and random identifiers included."""
    s3, iam, logs, ecr = (client(running, name) for name in ("s3", "iam", "logs", "ecr"))
    versions = s3.list_object_versions(Bucket="kept")
    stream = {"logGroupName": "group", "logStreamName": "stream"}
    return {
        "versions": [
            (each["Key"], each["VersionId"], each["ETag"], each["LastModified"], each["Size"])
            for each in versions["Versions"]
        ],
        "markers": [(each["Key"], each["VersionId"]) for each in versions.get("DeleteMarkers", [])],
        "objects": {
            each["Key"]: s3.get_object(Bucket="kept", Key=each["Key"])["Body"].read()
            for each in s3.list_objects_v2(Bucket="kept").get("Contents", [])
        },
        "policy": s3.get_bucket_policy(Bucket="kept")["Policy"],
        "role": iam.get_role(RoleName="kept")["Role"],
        "events": logs.get_log_events(**stream)["events"],
        "repositories": ecr.describe_repositories()["repositories"],
        "tags": ecr.list_tags_for_resource(resourceArn="arn:aws:ecr:eu-west-1:000000000000:repository/kept")["tags"],
    }


def fill(running: LocalService) -> None:
    s3, iam, logs, ecr = (client(running, name) for name in ("s3", "iam", "logs", "ecr"))
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration=IRELAND)
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket="kept", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    for content in (b"first", b"second"):
        s3.put_object(Bucket="kept", Key="small ü+%", Body=content)
    s3.put_object(Bucket="kept", Key="conditional", Body=b"1", IfNoneMatch="*")
    s3.put_object(Bucket="kept", Key="deleted", Body=b"x")
    s3.delete_object(Bucket="kept", Key="deleted")
    s3.upload_fileobj(io.BytesIO(os.urandom(11 << 20)), "kept", "in parts")
    s3.put_object(Bucket="kept", Key="large", Body=os.urandom(3 << 20), ChecksumAlgorithm="SHA256")
    s3.copy_object(Bucket="kept", Key="copied", CopySource={"Bucket": "kept", "Key": "large"})
    iam.create_role(RoleName="kept", AssumeRolePolicyDocument='{"Statement": []}')
    iam.put_role_policy(RoleName="kept", PolicyName="inline", PolicyDocument=json.dumps(INLINE))
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    event = {"timestamp": int(time.time() * 1000), "message": "line"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[event])
    ecr.create_repository(repositoryName="kept", tags=[{"Key": "k", "Value": "v"}], imageTagMutability="IMMUTABLE")


def test_all_state_is_the_same_after_a_stop_and_after_a_crash(folder: Path) -> None:
    first = lifecycle.up(folder)
    fill(first)
    before = everything(first)
    lifecycle.down(folder)
    assert lifecycle.status(folder) is None
    second = lifecycle.up(folder)
    assert everything(second) == before
    kill(second)
    third = lifecycle.up(folder)
    assert everything(third) == before
    assert len({first.pid, second.pid, third.pid}) == 3
    assert (first.port, first.access_key) == (third.port, third.access_key)


def test_an_upload_in_parts_goes_on_after_a_restart(folder: Path) -> None:
    first = lifecycle.up(folder)
    s3 = client(first, "s3")
    s3.create_bucket(Bucket="parts", CreateBucketConfiguration=IRELAND)
    upload = {
        "Bucket": "parts",
        "Key": "k",
        "UploadId": s3.create_multipart_upload(Bucket="parts", Key="k")["UploadId"],
    }
    parts = [os.urandom(5 << 20), b"end"]
    tags = [s3.upload_part(**upload, PartNumber=1, Body=parts[0])["ETag"]]
    for _ in range(2):
        kill(first)
        first = lifecycle.up(folder)
    tags.append(s3.upload_part(**upload, PartNumber=2, Body=parts[1])["ETag"])
    done = {"Parts": [{"ETag": tag, "PartNumber": number} for number, tag in enumerate(tags, 1)]}
    s3.complete_multipart_upload(**upload, MultipartUpload=done)
    kill(first)
    lifecycle.up(folder)
    assert s3.get_object(Bucket="parts", Key="k")["Body"].read() == b"".join(parts)


def test_refused_changes_are_not_made_again(folder: Path) -> None:
    running = lifecycle.up(folder)
    s3 = client(running, "s3")
    with pytest.raises(ClientError):
        s3.put_object(Bucket="not-yet", Key="k", Body=b"1")
    s3.create_bucket(Bucket="not-yet", CreateBucketConfiguration=IRELAND)
    kill(running)
    lifecycle.up(folder)
    assert s3.list_objects_v2(Bucket="not-yet")["KeyCount"] == 0


def test_a_deleted_bucket_gives_its_space_back_with_the_next_start(folder: Path) -> None:
    running = lifecycle.up(folder)
    s3 = client(running, "s3")
    for name in ("deleted", "kept"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=IRELAND)
        s3.put_object(Bucket=name, Key="k", Body=name.encode() * 100_000)
    s3.delete_object(Bucket="deleted", Key="k")
    s3.delete_bucket(Bucket="deleted")
    lifecycle.down(folder)
    lifecycle.up(folder)
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"kept" * 100_000
    assert len(list((folder / "moto" / "bodies" / "kept").iterdir())) == 1


def test_a_journal_torn_by_a_crash_costs_only_what_was_never_answered(folder: Path) -> None:
    running = lifecycle.up(folder)
    s3 = client(running, "s3")
    s3.create_bucket(Bucket="whole", CreateBucketConfiguration=IRELAND)
    kill(running)
    with (folder / "moto" / "journal").open("ab") as journal:
        journal.write(b"\0\0\1\0half a record")
    lifecycle.up(folder)
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["whole"]


def test_up_finds_the_server_that_runs(folder: Path) -> None:
    first = lifecycle.up(folder)
    assert lifecycle.up(folder).pid == first.pid
    found = lifecycle.status(folder)
    assert found is not None
    assert found.pid == first.pid


def test_any_number_of_processes_that_start_it_at_once_get_one_server(folder: Path) -> None:
    starting = [start_elsewhere(folder) for _ in range(3)]
    answers = {starter.communicate()[0] for starter in starting}
    assert [starter.returncode for starter in starting] == [0, 0, 0]
    assert len(answers) == 1


def test_the_server_outlives_the_terminal_of_who_started_it(folder: Path) -> None:
    starter = start_elsewhere(folder, start_new_session=True)
    pid = int(starter.communicate()[0].split()[0])
    with pytest.raises(ProcessLookupError):
        os.killpg(starter.pid, signal.SIGHUP)
    assert os.getsid(pid) != starter.pid
    found = lifecycle.status(folder)
    assert found is not None
    assert found.pid == pid


def test_another_engine_means_another_server_with_the_same_state(folder: Path) -> None:
    first = lifecycle.up(folder)
    client(first, "ecr").create_repository(repositoryName="kept")
    second = lifecycle.up(folder, engine="process")
    assert (second.engine, second.port) == ("process", first.port)
    assert second.pid != first.pid
    assert not process.began(first.pid)
    assert client(second, "ecr").describe_repositories()["repositories"][0]["repositoryName"] == "kept"
    assert lifecycle.up(folder).pid == second.pid


def test_a_server_of_another_version_is_replaced(folder: Path) -> None:
    older = tree_of_another_version(folder.parent / "older")
    starter = start_elsewhere(folder, environ={"PYTHONPATH": str(older)}, cwd=folder.parent)
    pid = int(starter.communicate()[0].split()[0])
    assert lifecycle.up(folder).pid != pid
    assert not process.began(pid)


def tree_of_another_version(target: Path) -> Path:
    shutil.copytree(ROOT / "shapemaker_action", target / "shapemaker_action")
    with (target / "shapemaker_action" / "local" / "__init__.py").open("a", encoding="utf-8") as module:
        module.write("# another commit\n")
    return target


def test_the_server_runs_from_where_the_command_line_runs_and_not_from_the_working_directory(folder: Path) -> None:
    target, here = tree_of_another_version(folder.parent / "target"), folder.parent / "here"
    here.mkdir()
    (here / "werkzeug.py").write_text("raise SystemExit('the working directory was imported')", encoding="utf-8")
    starter = start_elsewhere(folder, environ={"PYTHONPATH": str(target)}, cwd=here)
    pid, _, file = starter.communicate()[0].split()
    assert Path(file).is_relative_to(target)
    found = lifecycle.status(folder)
    assert found is not None
    assert (found.version != service.code_version(), str(found.pid)) == (True, pid)


def test_the_server_gets_no_credentials(folder: Path) -> None:
    secrets = {"AWS_SECRET_ACCESS_KEY": "s3cr3t", "GITHUB_TOKEN": "s3cr3t", "ACTIONS_RUNTIME_TOKEN": "s3cr3t"}
    starter = start_elsewhere(folder, environ=secrets)
    pid = starter.communicate()[0].split()[0]
    assert b"s3cr3t" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_port_that_somebody_else_has_taken_is_an_error_with_two_ways_out(folder: Path) -> None:
    port = lifecycle.up(folder).port
    lifecycle.down(folder)
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(EnvironmentProblemError) as raised:
            lifecycle.up(folder)
        assert str(port) in raised.value.message
        assert "local up --port" in raised.value.remedy
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = free.getsockname()[1]
        assert lifecycle.up(folder, port=other).port == other


def test_a_pid_that_was_given_out_again_is_left_alone(folder: Path) -> None:
    running = lifecycle.up(folder)
    kill(running)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        known = service.load(folder)
        assert known is not None
        stale = service.LocalService(**{**vars(known), "pid": bystander.pid})
        stale.save()
        assert lifecycle.up(folder).pid != bystander.pid
        lifecycle.down(folder)
        assert bystander.poll() is None
        bystander.communicate(b"\n")


def test_a_server_that_hangs_is_replaced(folder: Path) -> None:
    running = lifecycle.up(folder)
    os.kill(running.pid, signal.SIGSTOP)
    replaced = lifecycle.up(folder, patience=1.0)
    assert replaced.pid != running.pid
    assert not process.began(running.pid)


def test_whoever_comes_after_a_start_that_was_killed_finds_its_server(folder: Path) -> None:
    starter = start_elsewhere(folder)
    while not (folder / "service.json").exists():
        time.sleep(0.001)
    starter.kill()
    starter.communicate()
    lifecycle.down(folder)
    assert lifecycle.status(folder) is None
    with socket.create_server(("127.0.0.1", json.loads((folder / "service.json").read_text())["port"])):
        pass


def test_a_server_ends_when_its_state_directory_is_deleted(folder: Path) -> None:
    running = lifecycle.up(folder)
    shutil.rmtree(folder)
    while process.began(running.pid):
        time.sleep(0.05)


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with serving(folder):
        pass
    shutil.rmtree(folder / "moto")
    (folder / "moto").write_text("", encoding="utf-8")
    with pytest.raises(EnvironmentProblemError) as raised:
        lifecycle.up(folder)
    assert "server.log" in raised.value.remedy
    assert "NotADirectoryError" in "\n".join(raised.value.details)
