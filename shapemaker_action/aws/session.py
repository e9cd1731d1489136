"""The one session: where calls go, who makes them, and what their errors become."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapemaker_action.aws.classify import Kind, classify
from shapemaker_action.errors import (
    AccessError,
    CapacityError,
    EnvironmentProblemError,
    ForeignError,
    InvalidInputError,
    InvocationError,
    LockedError,
    ShapemakerError,
)
from shapemaker_action.naming import Realm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where AWS is. Empty fields mean the ambient account; the local SageMaker fills all of them."""

    region: str
    endpoint_url: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)


class AwsCallError(Exception):
    """A call that AWS refused, classified; stages turn it into a user's error with `explain`."""

    def __init__(self, service: str, operation: str, code: str, message: str, status: int) -> None:
        super().__init__(f"{service} {operation}: {code}: {message}")
        self.service = service
        self.operation = operation
        self.code = code
        self.message = message
        self.kind = classify(code, message, status)
        self.details: Reply = {}

    def explain(self) -> ShapemakerError:
        """The error that the user sees, with the exit code of its class."""
        what = f"{self.operation} was refused by {self.service}: {self.code}: {self.message}"
        error, remedy = _EXPLANATIONS[self.kind]
        return error(what, state="nothing else was changed by this call", remedy=remedy.format(call=self.operation))


_EXPLANATIONS: dict[Kind, tuple[type[ShapemakerError], str]] = {
    Kind.NOT_FOUND: (ForeignError, "something was deleted outside shapemaker; see what is there with: shapemaker plan"),
    Kind.EXISTS: (ForeignError, "a resource of that name exists; see what is there with: shapemaker plan"),
    Kind.FOREIGN: (ForeignError, "choose another name in shapemaker.yml (bucket names are global)"),
    Kind.BUSY: (LockedError, "wait for the change that is under way, then run the same command again"),
    Kind.THROTTLE: (CapacityError, "AWS kept throttling; run the same command again in some minutes"),
    Kind.QUOTA: (CapacityError, "ask for a higher quota in the Service Quotas console, or choose a smaller instance"),
    Kind.PERMISSION: (AccessError, "allow {call} to the identity that runs shapemaker (see templates/iam)"),
    Kind.CREDENTIALS: (AccessError, "renew the credentials, then run the same command again; it re-attaches"),
    Kind.MODEL: (InvocationError, "read the endpoint's log with: shapemaker status --logs"),
    Kind.PROPAGATING: (AccessError, "check that the role exists and trusts sagemaker.amazonaws.com"),
    Kind.INVALID: (InvalidInputError, "change the field that the message names in shapemaker.yml"),
    Kind.TRANSIENT: (CapacityError, "AWS had a fault; run the same command again"),
}


class Aws:
    """All AWS calls go through here. Nothing happens before the first one, so `validate` never imports boto3."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        """The region of every call."""
        return self.target.region

    @cached_property
    def realm(self) -> Realm:
        """Partition, region and account of the caller; one STS call."""
        arn = str(self.call("sts", "GetCallerIdentity")["Arn"])
        _, partition, _, _, account, _ = arn.split(":", 5)
        return Realm(account=account, region=self.region, partition=partition)

    def call(self, service: str, operation: str, request: Mapping[str, Any] | None = None) -> Reply:
        """One API call by its AWS name. Raises `AwsCallError`, or an error of this machine when AWS isn't reached."""
        client = self._client(service)
        exceptions = self._botocore("exceptions")
        method = getattr(client, self._boto("botocore").xform_name(operation))
        try:
            reply: Reply = method(**(request or {}))
        except exceptions.ClientError as error:
            raise _call_error(service, operation, error.response) from error
        except exceptions.ParamValidationError as error:
            raise InvalidInputError(f"{operation}: {error}", remedy="mend the api: block of shapemaker.yml") from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
            raise AccessError(
                f"no AWS credentials: {error}",
                state="nothing was sent to AWS",
                remedy="configure credentials (aws-actions/configure-aws-credentials in a workflow, `aws configure` on "
                "a laptop), or work without an account: --target local",
            ) from error
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
            raise EnvironmentProblemError(
                f"{service} in {self.region} cannot be reached: {error}",
                remedy="check the network, a proxy or AWS_ENDPOINT_URL, then run the same command again",
            ) from error
        return reply

    def find(self, service: str, operation: str, request: Mapping[str, Any]) -> Reply | None:
        """A reading call whose subject may not exist; None when it doesn't."""
        try:
            return self.call(service, operation, request)
        except AwsCallError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise

    def pages(self, service: str, operation: str, key: str, request: Mapping[str, Any]) -> Iterator[Reply]:
        """Every item below `key` of a listing call, over all pages."""
        token_name = {"s3": "ContinuationToken", "ecr": "nextToken", "logs": "nextToken", "iam": "Marker"}.get(
            service, "NextToken"
        )
        reply_token = {"s3": "NextContinuationToken"}.get(service, token_name)
        asked: Reply = dict(request)
        while True:
            reply = self.call(service, operation, asked)
            yield from reply.get(key, [])
            token = reply.get(reply_token)
            if not token:
                return
            asked[token_name] = token

    def upload(self, path: str, bucket: str, key: str) -> None:
        """Upload one file, in parts when it is large."""
        self._transfer("upload_file", path, bucket, key)

    def download(self, bucket: str, key: str, path: str) -> None:
        """Download one object to a file."""
        self._transfer("download_file", bucket, key, path)

    def _transfer(self, method: str, *arguments: str) -> None:
        exceptions = self._botocore("exceptions")
        failed = importlib.import_module("boto3.exceptions").Boto3Error
        try:
            getattr(self._client("s3"), method)(*arguments)
        except exceptions.ClientError as error:
            raise _call_error("s3", method, error.response) from error
        except (failed, exceptions.BotoCoreError) as error:
            raise EnvironmentProblemError(
                f"S3: {error}", remedy="check the network, then run the same command again"
            ) from error

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, config=self._config, endpoint_url=self.target.endpoint_url or None
            )
        return self._clients[service]

    @cached_property
    def _session(self) -> Any:
        options = {"region_name": self.target.region}
        if self.target.access_key:
            options |= {"aws_access_key_id": self.target.access_key, "aws_secret_access_key": self.target.secret_key}
        return self._boto("boto3").Session(**options)

    @cached_property
    def _config(self) -> Any:
        return self._botocore("config").Config(
            retries={"mode": "standard", "total_max_attempts": 9},
            connect_timeout=10,
            # An invocation may take 60 s; SageMaker's own advice is 70.
            read_timeout=70,
            user_agent_extra="shapemaker",
            # A company's proxy knows nothing of an endpoint that somebody chose by hand.
            proxies={} if self.target.endpoint_url else None,
            parameter_validation=True,
        )

    # boto3 takes a third of a second to import; `validate`, `schema` and `--help` do without it.
    @staticmethod
    def _boto(module: str) -> Any:
        return importlib.import_module(module)

    @staticmethod
    def _botocore(module: str) -> Any:
        return importlib.import_module(f"botocore.{module}")


def _call_error(service: str, operation: str, response: Reply) -> AwsCallError:
    error = response.get("Error", {})
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    raised = AwsCallError(service, operation, str(error.get("Code", "")), str(error.get("Message", "")), status)
    raised.details = response
    return raised
