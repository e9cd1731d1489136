"""The door of the local SageMaker: lets the right clients in, answers every error in their form, keeps the log."""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shapemaker_action.local import answer
from shapemaker_action.local.access import is_from_here
from shapemaker_action.local.body import ClientLeftError
from shapemaker_action.local.exchange import Exchange
from shapemaker_action.local.requests_log import LoggedRequest
from shapemaker_action.local.service import HEALTH_HEADER, HEALTH_PATH
from shapemaker_action.local.wire import ApiError, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from shapemaker_action.local.access import Keys
    from shapemaker_action.local.dispatch import Dispatch
    from shapemaker_action.local.registry import Registry
    from shapemaker_action.local.requests_log import RequestLog

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Front:
    """The WSGI application."""

    clock: Callable[[], float]
    port: int
    keys: Keys
    dispatch: Dispatch
    registry: Registry
    requests: RequestLog
    health: Callable[[], dict[str, object]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer one request, whatever happens."""
        began = self.clock()
        exchange = Exchange.of(environ)
        request_id = str(uuid.uuid4())
        response = self._answer(exchange, request_id)
        self._note(exchange, response.status, began)
        headers = {"x-amzn-RequestId": request_id, **response.headers}
        body = response.body
        if isinstance(body, bytes):
            if environ["REQUEST_METHOD"] != "HEAD" and response.status != HTTPStatus.NO_CONTENT:
                headers["Content-Length"] = str(len(body))
            body = iter([body])
        start_response(f"{response.status} {_phrase(response.status)}", list(headers.items()))
        return body

    def _answer(self, exchange: Exchange, request_id: str) -> Response:
        boundary = _Boundary()
        with boundary:
            try:
                return self._route(exchange)
            except ApiError as error:
                return answer.error(exchange.protocol, error, request_id)
        fault = ApiError("InternalFailure", f"{exchange.operation} failed: a fault of the local SageMaker", status=500)
        return answer.error(exchange.protocol, fault, request_id)

    def _route(self, exchange: Exchange) -> Response:
        if not is_from_here(exchange.environ, self.port):
            raise ApiError("AccessDeniedException", "Only clients of this machine are served", status=403)
        if exchange.path == HEALTH_PATH:
            return self._tell_health(exchange)
        if exchange.path == "/v2" or exchange.path.startswith("/v2/"):
            return self._ask_registry(exchange)
        if exchange.caller is None:
            raise ApiError("MissingAuthenticationToken", "Missing Authentication Token", status=403)
        if not self.keys.knows(exchange.caller.access_key):
            raise _unknown_key(exchange)
        return self.dispatch(exchange)

    def _tell_health(self, exchange: Exchange) -> Response:
        if not self.keys.knows(exchange.environ.get(f"HTTP_{HEALTH_HEADER.upper().replace('-', '_')}", "")):
            raise _unknown_key(exchange)
        exchange.service = HEALTH_PATH
        return Response(headers={"Content-Type": "application/json"}, body=json.dumps(self.health()).encode())

    def _ask_registry(self, exchange: Exchange) -> Response:
        name, response = self.registry.handle(exchange.rest())
        changing = exchange.environ["REQUEST_METHOD"] not in {"GET", "HEAD"}
        exchange.service = "registry"
        exchange.label(name, mutating=changing, resource=exchange.path)
        return response

    def _note(self, exchange: Exchange, status: int, began: float) -> None:
        internal = exchange.caller is not None and self.keys.is_internal(exchange.caller.access_key)
        if internal or exchange.service == HEALTH_PATH:
            return
        request = LoggedRequest(
            time=began,
            service=exchange.service,
            operation=exchange.operation,
            mutating=exchange.mutating,
            status=status,
            resource=exchange.resource,
        )
        self.requests.append(request)


class _Boundary(AbstractContextManager["_Boundary"]):
    """The one place of the server where any error ends: in the log, while the server goes on."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """A client that went away is no fault: the connection's handler knows what to do."""
        if not isinstance(error, Exception) or isinstance(error, ClientLeftError):
            return False
        log.error("a request failed", exc_info=error)
        return True


def _unknown_key(exchange: Exchange) -> ApiError:
    if exchange.protocol == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return ApiError("InvalidAccessKeyId", message, status=403)
    code = "InvalidClientTokenId" if exchange.protocol == "query" else "UnrecognizedClientException"
    return ApiError(code, "The security token included in the request is invalid.", status=403)


def _phrase(status: int) -> str:
    # An endpoint's container may answer with a number that nobody has named.
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
