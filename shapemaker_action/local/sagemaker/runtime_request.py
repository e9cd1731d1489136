"""A request to the runtime: what it may hold, and what of it goes to the container."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from shapemaker_action import service_model
from shapemaker_action.local.sagemaker import runtime_errors
from shapemaker_action.local.sagemaker.invocation import Invocation
from shapemaker_action.local.sagemaker.variant import Variant
from shapemaker_action.service_model import aws_message

if TYPE_CHECKING:
    from shapemaker_action.local.sagemaker.store import Record
    from shapemaker_action.local.wire import Request

BODY_LIMIT = 25 * 1024 * 1024
SERVERLESS_BODY_LIMIT = 4 * 1024 * 1024

TARGET_MODEL = "x-amzn-sagemaker-target-model"
_MEMBERS = {
    "content-type": "ContentType",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "CustomAttributes",
    "x-amzn-sagemaker-target-variant": "TargetVariant",
    "x-amzn-sagemaker-inference-id": "InferenceId",
    TARGET_MODEL: "TargetModel",
}
_NOT_HERE = {
    "x-amzn-sagemaker-target-container-hostname": "is not a multi-container endpoint and does not support target "
    "container hostname header",
    "x-amzn-sagemaker-inference-component": "has no inference components",
    "x-amzn-sagemaker-enable-explanations": "has no explainer",
    "x-amzn-sagemaker-session-id": "does not support stateful sessions",
    "x-amzn-sagemaker-prefix-aware-id": "does not route by prefix",
}
STREAM_ACCEPT = "x-amzn-sagemaker-accept"
"""The header in which the streaming call carries what others have in Accept."""


def check(request: Request, record: Record) -> None:
    """Raise the runtime's error for headers out of bounds, or that ask for what this endpoint doesn't have."""
    for header, reason in _NOT_HERE.items():
        if request.headers.get(header):
            raise runtime_errors.refused(f"Endpoint {record.name} {reason}.")
    _check_target_model(request, record)
    given = {member: request.headers[name] for name, member in _MEMBERS.items() if request.headers.get(name)}
    violations = service_model.load("sagemaker-runtime").check("InvokeEndpoint", {**given, "Body": b""}, partial=True)
    if violations:
        raise runtime_errors.refused(aws_message(violations))


def _check_target_model(request: Request, record: Record) -> None:
    deployed = record.state["deployed"]["variants"]
    is_given = bool(request.headers.get(TARGET_MODEL))
    is_multi_model = any(Variant.load(variant).is_multi_model for variant in deployed)
    if is_given and not is_multi_model:
        raise runtime_errors.refused(
            f"Endpoint {record.name} is not a multi-model endpoint and does not support target model header."
        )
    if is_multi_model and not is_given:
        raise runtime_errors.refused(f"Request {uuid.uuid4()} is missing a target model header.")


def invocation(request: Request, record: Record, seconds: float, *, streamed: bool) -> Invocation:
    """What goes to the container; raises for a body that is too long."""
    headers = dict(request.headers)
    if streamed:
        headers["accept"] = headers.get(STREAM_ACCEPT, "")
    return Invocation(
        body=_body(request, record),
        headers=headers,
        variant=headers.get("x-amzn-sagemaker-target-variant", ""),
        target_model=headers.get(TARGET_MODEL, ""),
        seconds=seconds,
    )


def _body(request: Request, record: Record) -> bytes:
    serverless = any(variant["serverless"] for variant in record.state["deployed"]["variants"])
    limit = SERVERLESS_BODY_LIMIT if serverless else BODY_LIMIT
    body = request.read(limit)
    if len(body) <= limit:
        return body
    if serverless:
        raise runtime_errors.refused(f"Request {uuid.uuid4()} has oversize body.")
    raise runtime_errors.oversize(limit)
