"""SageMaker as a test uses it: clients, an image, a role and a bucket, and the requests that all tests begin with."""

from __future__ import annotations

import io
import itertools
import json
import os
import secrets
import signal
import tarfile
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from shapemaker_action.local import lifecycle
from tests.support import probe_image
from tests.support.local_service import REGION, client

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.local.lifecycle import LocalService

BUCKET = "bucket"
PATIENCE = 90.0
_NUMBERS = itertools.count(1)
_OURS = secrets.token_hex(3)
"""Test processes beside each other see the same containers."""


def until(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value that `look` returns."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Code and message of the error that a call must end with."""
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def tar_gz(**files: str) -> bytes:
    """An archive of text files; a `/` in a name is written `__`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()


def s3_channel(name: str, uri: str, **more: Any) -> dict[str, Any]:
    """An entry of InputDataConfig; further members of the data source may come along."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, **more.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


@dataclass(kw_only=True)
class SageMaker:
    """One local SageMaker."""

    service: LocalService
    image: str
    role: str

    @classmethod
    def of(cls, service: LocalService, image: str = "") -> SageMaker:
        """With image, role and bucket made."""
        s3 = client(service, "s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        return cls(service=service, image=image or probe_image.push(service), role=probe_image.role(service))

    def __getattr__(self, operation: str) -> Any:
        """Operations of SageMaker itself."""
        return getattr(self.sagemaker, operation)

    @cached_property
    def sagemaker(self) -> Any:
        return client(self.service, "sagemaker")

    @cached_property
    def runtime(self) -> Any:
        return client(self.service, "sagemaker-runtime")

    @cached_property
    def s3(self) -> Any:
        return client(self.service, "s3")

    @cached_property
    def logs(self) -> Any:
        return client(self.service, "logs")

    @cached_property
    def cloudwatch(self) -> Any:
        return client(self.service, "cloudwatch")

    def kill(self) -> None:
        """SIGKILL for the server."""
        pid = self.service.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: lifecycle.status(self.service.state) is None)

    def up(self, engine: str = "docker") -> None:
        """Start the server again."""
        self.service = lifecycle.up(self.service.state, engine=engine)

    def name(self, stem: str = "probe") -> str:
        """A fresh one."""
        return f"{stem}-{_OURS}-{next(_NUMBERS)}"

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{REGION}:{self.service.account}:{kind}/{name}"

    def put(self, key: str, body: bytes = b"x") -> str:
        """An object; its URI."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def unpacked(self, uri: str) -> dict[str, str]:
        """The files of a tar.gz in S3."""
        with tarfile.open(fileobj=io.BytesIO(self.get(uri.removeprefix(f"s3://{BUCKET}/")))) as tar:
            return {each.name: tar.extractfile(each).read().decode() for each in tar if each.isfile()}  # type: ignore[union-attr]

    def training(self, code: str = "", **changes: Any) -> dict[str, Any]:
        """A request for a training job that runs `code`."""
        algorithm = {"TrainingImage": self.image, "TrainingInputMode": "File", **changes.pop("algorithm", {})}
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": changes.pop("hosts", 1), "VolumeSizeInGB": 1}
        return {
            "TrainingJobName": self.name(),
            "RoleArn": self.role,
            "AlgorithmSpecification": algorithm,
            "HyperParameters": {"code": json.dumps(code), **changes.pop("hyperparameters", {})},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
            "ResourceConfig": resources,
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **changes,
        }

    def train(self, code: str = "", **changes: Any) -> str:
        """Start a training job; its name."""
        request = self.training(code, **changes)
        self.create_training_job(**request)
        return str(request["TrainingJobName"])

    def trained(self, code: str = "", **changes: Any) -> dict[str, Any]:
        """Run a training job to its end; its description."""
        return self.ended(self.train(code, **changes))

    def ended(self, name: str) -> dict[str, Any]:
        """The description of a training job when it has ended."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.describe_training_job(TrainingJobName=name)
            return found if found["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

        found: dict[str, Any] = until(look)
        return found

    def reach(self, name: str, secondary: str) -> None:
        """Wait until a training job is in this secondary status."""
        until(lambda: self.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == secondary)

    def log(self, group: str, prefix: str) -> list[str]:
        """The messages of all streams of a prefix, in the order of the streams' names."""
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in self.logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def training_log(self, name: str) -> list[str]:
        return self.log("/aws/sagemaker/TrainingJobs", f"{name}/")

    def model(self, code: str = "", **environment: str) -> str:
        """A model that answers requests with `code`; its name."""
        name = self.name("model")
        container = {"Image": self.image, "Environment": {**({"CODE": code} if code else {}), **environment}}
        self.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        return name

    def config(self, *models: str, **changes: Any) -> str:
        """An endpoint configuration with a variant per model (`A`, `B`, …); its name."""
        name = self.name("config")
        variants = [
            {
                "VariantName": letter,
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
                **changes,
            }
            for letter, model in zip("ABCD", models, strict=False)
        ]
        self.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def endpoint(self, config: str) -> str:
        """An endpoint in service; its name."""
        name = self.name("endpoint")
        self.create_endpoint(EndpointName=name, EndpointConfigName=config)
        assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def endpoints(self) -> set[str]:
        """The names of all endpoints."""
        pages = self.get_paginator("list_endpoints").paginate()
        return {each["EndpointName"] for page in pages for each in page["Endpoints"]}

    def settled(self, name: str) -> dict[str, Any]:
        """The description of an endpoint when nothing moves any more."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.describe_endpoint(EndpointName=name)
            return None if found["EndpointStatus"] in {"Creating", "Updating", "Deleting"} else found

        found: dict[str, Any] = until(look)
        return found

    def ask(self, endpoint: str, body: bytes = b"", **more: Any) -> bytes:
        """The answer of an endpoint."""
        answer: bytes = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **more)["Body"].read()
        return answer
