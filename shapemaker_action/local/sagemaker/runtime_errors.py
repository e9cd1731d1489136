"""The errors of the SageMaker runtime in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from shapemaker_action.local.sagemaker.store import Record

MODEL_ERROR = 424
NOT_READY = 429
UNAVAILABLE = 503
TOO_LARGE = 413
SERVER_ERRORS = 500


def refused(message: str, **fields: object) -> ApiError:
    """A ValidationError; unlike the control plane's, its code ends so."""
    return ApiError("ValidationError", message, fields=fields)


def no_such_endpoint(name: str, account: str) -> ApiError:
    """Also for one that has never been in service."""
    return refused(f"Endpoint {name} of account {account} not found.", ErrorCode="NO_SUCH_ENDPOINT")


def wrong_kind(name: str) -> ApiError:
    """An asynchronous call to an endpoint without AsyncInferenceConfig, which no endpoint here has."""
    return refused(f"Endpoint {name} does not support this inference type.")


def no_such_variant(record: Record, variant: str) -> ApiError:
    """A TargetVariant that isn't one."""
    return refused(f"Variant {variant} of endpoint {record.name} not found.")


def oversize(limit: int) -> ApiError:
    """A body above what a real-time endpoint takes. SageMaker's front answers so, without an error code."""
    return ApiError(str(TOO_LARGE), f"HTTP content length exceeded {limit} bytes.", status=TOO_LARGE)


def unavailable(record: Record) -> ApiError:
    """No instance is there to answer; clients try again by themselves."""
    message = f"No instance of endpoint {record.name} is able to answer at the moment."
    return ApiError("ServiceUnavailable", message, status=UNAVAILABLE)


def not_ready(record: Record, model: str) -> ApiError:
    """A model of a multi-model endpoint takes longer to load than a request may wait."""
    message = f"Model {model} of endpoint {record.name} is still being loaded. Wait and try your request again."
    return ApiError("ModelNotReadyException", message, status=NOT_READY)


def model_error(record: Record, status: int, body: bytes) -> ApiError:
    """The container answered with an error."""
    side = "server" if status >= SERVER_ERRORS else "client"
    return _model_error(record, side, status, body.decode("utf-8", "replace"))


def timed_out(record: Record) -> ApiError:
    """The container didn't answer in time."""
    return _model_error(
        record,
        "server",
        0,
        "Your invocation timed out while waiting for a response from container primary. Review the latency metrics "
        "for each container in Amazon CloudWatch, resolve the issue, and try again.",
    )


def no_response(record: Record) -> ApiError:
    """The container went away before it had answered."""
    return _model_error(
        record, "server", 0, f"Amazon SageMaker could not get a response from the {record.name} endpoint."
    )


def _model_error(record: Record, side: str, status: int, text: str) -> ApiError:
    account, region = record.arn.split(":")[4], record.region
    group = f"/aws/sagemaker/Endpoints/{record.name}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    message = f'Received {side} error ({status}) from primary with message "{text}"'
    # A timeout has no more to say than what it says.
    see = f". See {console} in account {account} for more information." if status else ""
    return ApiError(
        "ModelError",
        message + see,
        status=MODEL_ERROR,
        fields={
            "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}",
            "OriginalMessage": text,
            "OriginalStatusCode": status,
        },
    )
