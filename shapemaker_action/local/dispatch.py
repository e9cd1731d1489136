"""Which service answers a request that was let in: our own operations, the runtime, or moto."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action import service_model
from shapemaker_action.local import answer, ecr
from shapemaker_action.local.operation import is_mutating, s3_name
from shapemaker_action.local.sagemaker import control, runtime
from shapemaker_action.local.wire import ApiError, Call, Response
from shapemaker_action.local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_action.local.exchange import Exchange
    from shapemaker_action.local.image_store import ImageStore
    from shapemaker_action.local.moto_pass import Moto
    from shapemaker_action.local.world import World

Operations = dict[str, "Callable[[Call], dict[str, Any]]"]

_MOTO = {
    # Signing name to moto's name.
    "application-autoscaling": "applicationautoscaling",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "sns": "sns",
    "sts": "sts",
}
_OWNERS = ("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER")
_NOT_IMPLEMENTED = 501
_OWN_FAULT = 500


class Dispatch:
    """Answers a request whose key is known. Raises `ApiError`."""

    def __init__(self, world: World, store: ImageStore, moto: Moto) -> None:
        self._world = world
        self._moto = moto
        self._sagemaker: Operations = {name: partial(handle, world) for name, handle in control.OPERATIONS.items()}
        self._ecr = ecr.operations(store, world.registry_credentials.password)

    def __call__(self, exchange: Exchange) -> Response:
        """The answer of the service that the request was signed for."""
        if exchange.target.startswith("SageMaker."):
            return _own(exchange, "sagemaker", self._sagemaker)
        if exchange.target.startswith(f"{ecr.TARGET}."):
            return _own(exchange, "ecr", self._ecr)
        if exchange.service == "sagemaker":
            return self._runtime(exchange)
        if exchange.service in _MOTO:
            return self._pass(exchange)
        raise _unknown(exchange, f"The local SageMaker does not offer the service {exchange.service}")

    def _runtime(self, exchange: Exchange) -> Response:
        exchange.service = "sagemaker-runtime"
        parts = exchange.path.strip("/").split("/")
        known = {"invocations", "invocations-response-stream", "async-invocations"}
        if len(parts) != 3 or parts[0] != "endpoints" or parts[2] not in known:  # noqa: PLR2004 - /endpoints/x/verb
            raise _unknown(exchange, f"The local SageMaker does not know the path {exchange.path}")
        names = {"invocations-response-stream": "InvokeEndpointWithResponseStream"}
        names["async-invocations"] = "InvokeEndpointAsync"
        exchange.label(names.get(parts[2], "InvokeEndpoint"), mutating=False, resource=parts[1])
        return runtime.handle(self._world, exchange.rest(_region(exchange)))

    def _pass(self, exchange: Exchange) -> Response:
        name, resource = _moto_operation(exchange)
        exchange.label(name, mutating=is_mutating(name), resource=resource)
        if any(exchange.environ.get(header, ACCOUNT) != ACCOUNT for header in _OWNERS):
            raise ApiError("AccessDenied", "Access Denied", status=403)
        response = self._moto.answer(_MOTO[exchange.service], exchange.environ, mutating=exchange.mutating)
        if response.status == _NOT_IMPLEMENTED:
            raise _unknown(exchange, f"The local SageMaker does not offer {name}")
        if response.status == _OWN_FAULT:
            raise ApiError("InternalFailure", f"{name} failed, see the server's log", status=500)
        return response


def _own(exchange: Exchange, service: str, operations: Operations) -> Response:
    exchange.service = service
    name = exchange.target.rpartition(".")[2]
    body = exchange.json()
    exchange.label(name, mutating=is_mutating(name), resource=_resource(body))
    if name not in operations:
        raise _unknown(exchange, f"The local SageMaker does not offer {name}")
    _check(service, name, body)
    return answer.result(operations[name](Call(operation=name, body=body, region=_region(exchange), account=ACCOUNT)))


def _check(service: str, operation: str, body: dict[str, Any]) -> None:
    violations = service_model.load(service).check(operation, body)
    mistyped = next((violation for violation in violations if violation.kind == "type"), None)
    if mistyped:
        place = ".".join(str(part) for part in mistyped.path)
        raise ApiError("SerializationException", f"{place}: expected {mistyped.expected}")
    if violations:
        code = "ValidationException" if service == "sagemaker" else "InvalidParameterException"
        raise ApiError(code, service_model.aws_message(violations))


def _moto_operation(exchange: Exchange) -> tuple[str, str]:
    """Its name, and what it is about where that costs nothing to know."""
    if exchange.target:
        return exchange.target.rpartition(".")[2], ""
    if exchange.protocol == "query":
        form = exchange.form()
        return form.pop("Action", ""), _resource(form)
    if exchange.service == "s3":
        return s3_name(exchange.environ), exchange.path
    return exchange.path.rpartition("/")[2], ""


def _unknown(exchange: Exchange, message: str) -> ApiError:
    if exchange.protocol == "s3":
        return ApiError("NotImplemented", message, status=_NOT_IMPLEMENTED)
    return ApiError("InvalidAction" if exchange.protocol == "query" else "UnknownOperationException", message)


def _region(exchange: Exchange) -> str:
    return exchange.caller.region if exchange.caller else ""


def _resource(body: Mapping[str, Any]) -> str:
    """The first thing that a request names; it is what the operation is about."""
    named = (value for key, value in body.items() if key.endswith(("Name", "Arn")) and isinstance(value, str))
    return next(named, "")
