"""The local SageMaker over HTTP: who is let in, how every error looks, and what the services behind the door do."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from shapemaker_action.local import lifecycle, requests_log
from tests.support.local_service import client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.local.lifecycle import LocalService

FOREIGN_KEY = "AKIAFOREIGNFOREIGN00"
TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with serving(tmp_path_factory.mktemp("local") / "state") as running:
        yield running


def refused(call: Any, **request: Any) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call must end with."""
    with pytest.raises(ClientError) as raised:
        call(**request)
    response = raised.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def plain(service: LocalService, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """One request by hand, with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{service.port}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def signed(service: LocalService, name: str) -> str:
    scope = f"{service.access_key}/20260101/eu-west-1/{name}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"


def test_another_key_is_refused_in_each_protocols_own_form(service: LocalService) -> None:
    def ask(name: str) -> Any:
        return client(service, name, access_key=FOREIGN_KEY)

    assert refused(ask("sagemaker").list_models)[:2] == ("UnrecognizedClientException", 403)
    assert refused(ask("ecr").describe_repositories)[:2] == ("UnrecognizedClientException", 403)
    assert refused(ask("logs").describe_log_groups)[:2] == ("UnrecognizedClientException", 403)
    assert refused(ask("sts").get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert refused(ask("s3").list_buckets)[:2] == ("InvalidAccessKeyId", 403)
    invoke = ask("sagemaker-runtime").invoke_endpoint
    assert refused(invoke, EndpointName="e", Body=b"")[:2] == ("UnrecognizedClientException", 403)


def test_a_large_upload_with_another_key_hears_why_it_is_refused(service: LocalService) -> None:
    put = client(service, "s3", access_key=FOREIGN_KEY).put_object
    assert refused(put, Bucket="b", Key="k", Body=b"x" * 20_000_000)[0] == "InvalidAccessKeyId"


def test_unsigned_requests_are_refused(service: LocalService) -> None:
    for path in ("/", "/bucket/key", "/moto-api/reset", "/_shapemaker/health", "/endpoints/e/invocations"):
        assert plain(service, "POST", path)[0] == 403
    assert plain(service, "GET", "/v2/")[0] == 401


def test_a_name_that_was_rebound_to_this_machine_is_refused(service: LocalService) -> None:
    authorization = signed(service, "s3")
    assert plain(service, "GET", "/", Authorization=authorization)[0] == 200
    assert plain(service, "GET", "/", Authorization=authorization, Host="rebound.example")[0] == 403
    assert plain(service, "GET", "/", Authorization=authorization, Host=f"rebound.example:{service.port}")[0] == 403
    assert plain(service, "GET", "/v2/", Host="rebound.example")[0] == 403


def test_browsers_are_refused(service: LocalService) -> None:
    authorization = signed(service, "s3")
    assert plain(service, "GET", "/", Authorization=authorization, Origin="https://page.example")[0] == 403
    assert plain(service, "GET", "/", Authorization=authorization, Sec_Fetch_Site="cross-site")[0] == 403
    assert plain(service, "OPTIONS", "/", Origin="https://page.example")[0] == 403


def test_the_server_listens_on_loopback_alone(service: LocalService) -> None:
    table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{service.port:04X}")] == [
        f"0100007F:{service.port:04X}"
    ]


def test_motos_own_pages_are_not_there(service: LocalService) -> None:
    status, body = plain(service, "GET", "/moto-api/data.json", Authorization=signed(service, "s3"))
    assert (status, b"NoSuchBucket" in body) == (404, True)


@pytest.mark.parametrize(
    ("name", "method", "path", "expected"),
    [
        ("ecr", "POST", "/", (400, b"UnknownOperationException")),
        ("sagemaker", "POST", "/", (400, b"UnknownOperationException")),
        ("sagemaker", "POST", "/endpoints/e/other", (400, b"UnknownOperationException")),
        ("ec2", "POST", "/", (400, b"UnknownOperationException")),
    ],
)
def test_what_is_not_offered_is_said_in_one_line(
    service: LocalService, name: str, method: str, path: str, expected: tuple[int, bytes]
) -> None:
    status, body = plain(service, method, path, Authorization=signed(service, name))
    assert (status, expected[1] in body) == (expected[0], True)


def test_operations_that_nobody_implements_are_client_errors(service: LocalService) -> None:
    scan = client(service, "ecr").start_image_scan
    code, status, message = refused(scan, repositoryName="none", imageId={"imageTag": "t"})
    assert (code, status) == ("UnknownOperationException", 400)
    assert "StartImageScan" in message
    simulate = client(service, "iam").simulate_principal_policy
    source = "arn:aws:iam::000000000000:role/r"
    assert refused(simulate, PolicySourceArn=source, ActionNames=["s3:GetObject"])[:2] == ("InvalidAction", 400)
    attributes = client(service, "s3").get_object_torrent
    assert refused(attributes, Bucket="none", Key="k")[1] < 500
    anomalies = client(service, "cloudwatch").describe_anomaly_detectors
    assert refused(anomalies)[:2] == ("UnknownOperationException", 400)


def test_requests_are_held_against_the_service_model(service: LocalService) -> None:
    create = client(service, "ecr").create_repository
    code, status, message = refused(create, repositoryName="Upper")
    assert (code, status) == ("InvalidParameterException", 400)
    assert "'repositoryName' failed to satisfy constraint" in message
    mistyped = json.dumps({"repositoryName": 5}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own server
        service.url,
        data=mistyped,
        headers={
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
            "Authorization": signed(service, "ecr"),
        },
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)  # noqa: S310
    with raised.value as answer:
        assert (answer.code, json.loads(answer.read())["__type"]) == (400, "SerializationException")


def test_the_account_is_the_local_one(service: LocalService) -> None:
    assert client(service, "sts").get_caller_identity()["Account"] == "000000000000"
    role = client(service, "iam").create_role(RoleName="local", AssumeRolePolicyDocument='{"Statement": []}')
    assert role["Role"]["Arn"] == "arn:aws:iam::000000000000:role/local"


def test_credentials_that_sts_hands_out_are_let_in(service: LocalService) -> None:
    issued = client(service, "sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session")
    assumed = client(service, "sts", access_key=issued["Credentials"]["AccessKeyId"]).get_caller_identity()
    assert assumed["Arn"] == "arn:aws:sts::000000000000:assumed-role/r/session"


def test_objects_keep_their_bytes_and_metadata(service: LocalService) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="objects", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    key, content = "a b/ü+%2F.bin", bytes(range(256)) * 1000
    s3.put_object(Bucket="objects", Key=key, Body=content, Metadata={"with_underscore": "1", "with-dash": "2"})
    found = s3.get_object(Bucket="objects", Key=key)
    assert found["Body"].read() == content
    assert found["Metadata"] == {"with_underscore": "1", "with-dash": "2"}
    assert s3.head_object(Bucket="objects", Key=key)["ContentLength"] == len(content)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="objects")["Contents"]] == [key]
    presigned = s3.generate_presigned_url("get_object", Params={"Bucket": "objects", "Key": key})
    with urllib.request.urlopen(presigned) as answer:  # noqa: S310
        assert answer.read() == content


def test_objects_in_parts_may_be_large(service: LocalService, tmp_path: Path) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="parts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(20 << 20))
    s3.upload_file(str(source), "parts", "large")
    s3.download_file("parts", "large", str(copy))
    assert copy.read_bytes() == source.read_bytes()


def test_a_bucket_of_another_account_is_not_ours(service: LocalService) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="owned", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.head_bucket(Bucket="owned", ExpectedBucketOwner="000000000000")
    put = s3.put_object
    assert refused(put, Bucket="owned", Key="k", Body=b"", ExpectedBucketOwner="111111111111")[:2] == (
        "AccessDenied",
        403,
    )


def test_a_tls_only_policy_is_kept_and_does_not_lock_out_the_local_machine(service: LocalService) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="guarded", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps(TLS_ONLY))
    s3.put_object(Bucket="guarded", Key="k", Body=b"1")
    assert s3.get_object(Bucket="guarded", Key="k")["Body"].read() == b"1"
    assert json.loads(s3.get_bucket_policy(Bucket="guarded")["Policy"]) == TLS_ONLY
    s3.delete_bucket_policy(Bucket="guarded")
    assert refused(s3.get_bucket_policy, Bucket="guarded")[0] == "NoSuchBucketPolicy"


def test_log_events_can_be_read_back(service: LocalService) -> None:
    logs = client(service, "logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName="job/algo-1")
    stream = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "job/algo-1"}
    now = int(requests_log.read(service.state)[-1].time * 1000)
    logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "hello"}])
    assert [event["message"] for event in logs.get_log_events(**stream)["events"]] == ["hello"]


def test_alarms_and_scaling_targets_are_kept(service: LocalService) -> None:
    alarm = {"AlarmName": "errors", "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors"}
    rule = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0}
    cloudwatch = client(service, "cloudwatch")
    cloudwatch.put_metric_alarm(**alarm, **rule, ComparisonOperator="GreaterThanThreshold")
    assert [found["AlarmName"] for found in cloudwatch.describe_alarms()["MetricAlarms"]] == ["errors"]
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = client(service, "application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert [(each["ResourceId"], each["MaxCapacity"]) for each in found] == [("endpoint/e/variant/v", 2)]


def test_the_request_log_names_what_was_asked_and_whether_it_changes_anything(service: LocalService) -> None:
    before = len(requests_log.read(service.state))
    ecr, s3 = client(service, "ecr"), client(service, "s3")
    ecr.create_repository(repositoryName="logged")
    refused(ecr.create_repository, repositoryName="logged")
    ecr.describe_repositories()
    s3.list_buckets()
    client(service, "iam").create_role(RoleName="logged", AssumeRolePolicyDocument='{"Statement": []}')
    lines = requests_log.read(service.state)[before:]
    assert [(line.service, line.operation, line.mutating, line.status, line.resource) for line in lines] == [
        ("ecr", "CreateRepository", True, 200, "logged"),
        ("ecr", "CreateRepository", True, 400, "logged"),
        ("ecr", "DescribeRepositories", False, 200, ""),
        ("s3", "ListBuckets", False, 200, "/"),
        ("iam", "CreateRole", True, 200, "logged"),
    ]


def test_many_clients_at_once_all_get_their_answers(service: LocalService) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="crowd", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def write_and_read(number: int) -> bool:
        content = bytes([number]) * (100_000 + number)
        s3.put_object(Bucket="crowd", Key=str(number), Body=content)
        return bool(s3.get_object(Bucket="crowd", Key=str(number))["Body"].read() == content)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(64)))
    assert s3.list_objects_v2(Bucket="crowd")["KeyCount"] == 64


def test_the_aws_command_line_needs_nothing_but_the_environment(service: LocalService, tmp_path: Path) -> None:
    environ = os.environ | lifecycle.environment(service) | {"AWS_DEFAULT_OUTPUT": "json"}
    program = Path(sys.executable).parent / "aws"

    def aws(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [program, *arguments], env=environ, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    (tmp_path / "file").write_bytes(os.urandom(9 << 20))
    assert json.loads(aws("sts", "get-caller-identity"))["Account"] == "000000000000"
    aws("s3", "mb", "s3://command-line")
    aws("s3", "cp", "--quiet", "file", "s3://command-line/folder/file")
    aws("s3", "cp", "--quiet", "s3://command-line/folder/file", "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "file").read_bytes()
    assert "127.0.0.1" in aws("ecr", "create-repository", "--repository-name", "command-line")


def test_a_client_that_leaves_in_the_middle_of_an_upload_changes_nothing(service: LocalService) -> None:
    s3 = client(service, "s3")
    s3.create_bucket(Bucket="left", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        head = f"PUT /left/k HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nAuthorization: {signed(service, 's3')}\r\n"
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\nhalf".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert s3.list_objects_v2(Bucket="left")["KeyCount"] == 0
    assert "Traceback" not in service.log.read_text(encoding="utf-8")
