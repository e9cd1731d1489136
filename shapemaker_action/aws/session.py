"""The one session: where calls go, who makes them, and what their errors become."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapemaker_action import lazy
from shapemaker_action.aws import nowhere
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
from shapemaker_action.record import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shapemaker_action.aws.web_identity import WebIdentity

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where AWS is, and who calls. Empty fields mean the ambient account; the local SageMaker has address and keys."""

    region: str
    endpoint_url: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    identity: WebIdentity | None = None
    """The role to work as, instead of whoever is around."""


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

    def explain(self, again: Callable[[str], str]) -> ShapemakerError:
        """The error that the user sees, with the exit code of its class; `again` gives the command for a stage."""
        what = f"{self.operation} was refused by {self.service}: {self.code}: {self.message}"
        error, remedy = _EXPLANATIONS[self.kind]
        if self.code in _PROVISIONED:
            remedy = "make it with: {provision}"
        facts = {"access": self._access, **{stage: again(stage) for stage in ("plan", "provision", "status")}}
        return error(what, state="nothing else was changed by this call", remedy=remedy.format(**facts))

    @property
    def _access(self) -> str:
        """The missing permission as IAM names it in the message, else by the operation."""
        if found := _DENIED.search(self.message):
            action, resource = found.groups()
            return f"{action} on {resource}" if resource else action
        return f"{self.service}:{self.operation}"


_DENIED = lazy.pattern(r"not authorized to perform:? (\w[\w-]*:\w+)(?: on (?:the )?resource:? (\S+?)[.,]?(?=\s|$))?")

_PROVISIONED = {"NoSuchBucket", "RepositoryNotFoundException"}
"""What says that a place is missing which another stage makes: deleted, or not made yet."""

_EXPLANATIONS: dict[Kind, tuple[type[ShapemakerError], str]] = {
    Kind.NOT_FOUND: (ForeignError, "something was deleted outside shapemaker; see what is there with: {plan}"),
    Kind.EXISTS: (ForeignError, "a resource of that name exists; see what is there with: {plan}"),
    Kind.FOREIGN: (ForeignError, "choose another name in the configuration (bucket names are global)"),
    Kind.BUSY: (LockedError, "wait for the change that is under way, then run the same command again"),
    Kind.THROTTLE: (CapacityError, "AWS kept throttling; run the same command again in some minutes"),
    Kind.QUOTA: (CapacityError, "ask for a higher quota in the Service Quotas console, or choose a smaller instance"),
    Kind.PERMISSION: (AccessError, "allow {access} to the identity that runs shapemaker, then run it again"),
    Kind.CREDENTIALS: (AccessError, "renew the credentials, then run the same command again; it re-attaches"),
    Kind.MODEL: (InvocationError, "read the endpoint's log with: {status} --logs"),
    Kind.PROPAGATING: (AccessError, "check that the role exists and trusts sagemaker.amazonaws.com"),
    Kind.INVALID: (InvalidInputError, "change the field that the message names in the configuration"),
    Kind.TRANSIENT: (CapacityError, "AWS had a fault; run the same command again"),
}

_IDENTITY = (
    "ConfigNotFound",
    "ConfigParseError",
    "CredentialRetrievalError",
    "InfiniteLoopConfigError",
    "InvalidConfigError",
    "LoginError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "NoRegionError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
    "UnknownCredentialError",
)
"""botocore's errors that say who we are is not known; a newer botocore has more of them than an older one."""


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
        with _translated(service, operation, self.region):
            method = getattr(self._client(service), self._boto("botocore").xform_name(operation))
            reply: Reply = method(**(request or {}))
        return reply

    def call_briefly(self, service: str, operation: str, request: Mapping[str, Any]) -> Reply:
        """As `call`, but once and for a second at most: for what may not hold up an end."""
        hurried = self._config(service).merge(
            self._botocore("config").Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
        )
        with _translated(service, operation, self.region):
            client = self._session.client(service, config=hurried, endpoint_url=self.target.endpoint_url or None)
            reply: Reply = getattr(client, self._boto("botocore").xform_name(operation))(**request)
        return reply

    def call_for_body(self, service: str, operation: str, request: Mapping[str, Any]) -> tuple[Reply, bytes]:
        """A call that answers with a stream, read to its end."""
        reply = self.call(service, operation, request)
        with _translated(service, operation, self.region):
            body: bytes = reply["Body"].read()
        return reply, body

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
        with _translated("s3", method, self.region):
            getattr(self._client("s3"), method)(*arguments)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, config=self._config(service), endpoint_url=self.target.endpoint_url or None
            )
        return self._clients[service]

    @cached_property
    def _session(self) -> Any:
        options: dict[str, Any] = {"region_name": self.target.region}
        if self.target.access_key:
            options |= {
                "aws_access_key_id": self.target.access_key,
                "aws_secret_access_key": self.target.secret_key,
                "botocore_session": nowhere.session(),
            }
        elif self.target.identity:
            options["botocore_session"] = self.target.identity.session_of(self.target.region)
        return self._boto("boto3").Session(**options)

    def _config(self, service: str) -> Any:
        # A model may not bear the same request twice, and a slow one would be asked again and again.
        attempts = 1 if service == "sagemaker-runtime" else 9
        return self._botocore("config").Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
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


@contextmanager
def _translated(service: str, operation: str, region: str) -> Iterator[None]:
    """The errors of boto3 as ours, those of making a client included."""
    exceptions = importlib.import_module("botocore.exceptions")
    transfer = importlib.import_module("boto3.exceptions").Boto3Error
    identity = tuple(getattr(exceptions, name) for name in _IDENTITY if hasattr(exceptions, name))
    try:
        yield
    except exceptions.ClientError as error:
        raise _call_error(service, operation, error.response) from error
    except exceptions.ParamValidationError as error:
        raise InvalidInputError(f"{operation}: {error}", remedy="mend the api: block of the configuration") from error
    except identity as error:
        raise AccessError(
            f"no AWS credentials: {error}",
            state="nothing was sent to AWS",
            remedy="configure credentials (the input role-to-assume, or aws-actions/configure-aws-credentials, in a "
            "workflow; `aws configure` on a laptop), or work without an account: --target local",
        ) from error
    # An address that is no URL is a ValueError of botocore.
    except (transfer, exceptions.BotoCoreError, ValueError) as error:
        # A transfer hides what AWS answered behind a text of its own.
        if isinstance(error.__context__, exceptions.ClientError):
            raise _call_error(service, operation, error.__context__.response) from error
        raise EnvironmentProblemError(
            f"{service} in {region} cannot be reached: {error}",
            remedy="check the network, a proxy or AWS_ENDPOINT_URL, then run the same command again",
        ) from error


def _call_error(service: str, operation: str, response: Reply) -> AwsCallError:
    error = response.get("Error", {})
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    raised = AwsCallError(service, operation, str(error.get("Code", "")), str(error.get("Message", "")), status)
    raised.details = response
    return raised
