"""The SageMaker runtime: what is posted to an endpoint's path goes to its containers."""

from __future__ import annotations

import http.client
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker import eventstream, runtime_errors, runtime_request
from shapemaker_action.local.sagemaker.invocation import (
    BrokenError,
    Exchange,
    Invocation,
    RefusedConnectionError,
    TimedOutError,
)
from shapemaker_action.local.sagemaker.multi_model import LoadError, LostError, ModelDataError, NotReadyError
from shapemaker_action.local.sagemaker.router import NoInstanceError, NoSuchVariantError
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.sagemaker.store import Key
from shapemaker_action.local.wire import ApiError, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.local.sagemaker.instance import Instance
    from shapemaker_action.local.sagemaker.router import Router
    from shapemaker_action.local.sagemaker.store import Record
    from shapemaker_action.local.wire import Request
    from shapemaker_action.local.world import World

SECONDS = 60.0
"""For a container to answer."""
STREAM_SECONDS = 480.0
PATIENCE = 30.0
"""Seconds to wait for an instance while an endpoint comes back from a restart or replaces its last one."""
PAUSE = 0.1
"""Seconds between two looks."""
VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"


def handle(world: World, request: Request) -> Response:
    """Answer `POST /endpoints/<name>/…`; an `ApiError` becomes the REST error with its code in the header."""
    if request.method != "POST":
        raise ApiError("UnknownOperationException", f"{request.method} {request.path} is no operation", status=404)
    _, name, verb = request.path.strip("/").split("/")
    record = service(world).store.get(Key("endpoint", request.region, name))
    router = service(world).routers.get(record.key) if record else None
    if record is None or router is None or not record.state.get("deployed") or record.status == "Deleting":
        raise runtime_errors.no_such_endpoint(name, request.account)
    if verb == "async-invocations":
        raise runtime_errors.wrong_kind(name)
    runtime_request.check(request, record)
    if verb == "invocations-response-stream":
        return _stream(record, router, runtime_request.invocation(request, record, STREAM_SECONDS, streamed=True))
    return _answer(record, router, runtime_request.invocation(request, record, SECONDS, streamed=False))


def _answer(record: Record, router: Router, invocation: Invocation) -> Response:
    instance, exchange = _open(record, router, invocation)
    try:
        body = exchange.read_all()
    except TimedOutError as error:
        raise runtime_errors.timed_out(record) from error
    except BrokenError as error:
        instance.doubt()
        raise runtime_errors.no_response(record) from error
    finally:
        exchange.close()
        router.release(instance)
    if not _is_good(exchange.status):
        raise runtime_errors.model_error(record, exchange.status, body)
    return Response(headers={**exchange.headers(), VARIANT_HEADER: instance.variant.name}, body=body)


def _stream(record: Record, router: Router, invocation: Invocation) -> Response:
    instance, exchange = _open(record, router, invocation)
    if not _is_good(exchange.status):
        try:
            body = exchange.read_all()
        except (TimedOutError, BrokenError) as error:
            raise runtime_errors.no_response(record) from error
        finally:
            exchange.close()
            router.release(instance)
        raise runtime_errors.model_error(record, exchange.status, body)
    given = exchange.headers()
    kind = given.pop("Content-Type", "")
    headers = {
        "Content-Type": "application/vnd.amazon.eventstream",
        **given,
        **({"X-Amzn-SageMaker-Content-Type": kind} if kind else {}),
        VARIANT_HEADER: instance.variant.name,
    }
    return Response(headers=headers, body=Frames(router, instance, exchange))


class Frames:
    """The frames of a streamed answer; the instance is given back when the client has them, or has gone."""

    def __init__(self, router: Router, instance: Instance, exchange: Exchange) -> None:
        self._router = router
        self._instance = instance
        self._exchange = exchange
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._open:
            raise StopIteration
        try:
            part = self._exchange.read()
        except TimedOutError:
            self.close()
            return eventstream.exception(
                "ModelStreamError",
                "Your model primary did not complete sending the inference response in the allotted time.",
                "ModelInvocationTimeExceeded",
            )
        except BrokenError:
            self.close()
            return eventstream.exception(
                "ModelStreamError", "The response stream of your model primary broke off.", "StreamBroken"
            )
        if not part:
            self.close()
            raise StopIteration
        return eventstream.payload_part(part)

    def close(self) -> None:
        """Let container and instance go."""
        if self._open:
            self._open = False
            self._exchange.close()
            self._router.release(self._instance)


def _open(record: Record, router: Router, invocation: Invocation) -> tuple[Instance, Exchange]:
    """Send the request to an instance; one that takes no connection is passed over for another."""
    avoid: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while True:
        instance = _acquire(record, router, invocation, avoid, deadline)
        with ExitStack() as unanswered:
            unanswered.callback(router.release, instance)
            try:
                exchange = _exchange(record, instance, invocation)
            except RefusedConnectionError:
                avoid.append(instance.id)
                continue
            except TimedOutError as error:
                raise runtime_errors.timed_out(record) from error
            except BrokenError as error:
                instance.doubt()
                raise runtime_errors.no_response(record) from error
            unanswered.pop_all()
            return instance, exchange


def _exchange(record: Record, instance: Instance, invocation: Invocation) -> Exchange:
    try:
        return Exchange(instance, invocation)
    except ModelDataError as error:
        raise runtime_errors.refused(str(error)) from error
    except LoadError as error:
        raise runtime_errors.model_error(record, error.status, error.body) from error
    except NotReadyError as error:
        raise runtime_errors.not_ready(record, invocation.target_model) from error
    except LostError as error:
        raise BrokenError from error


def _acquire(record: Record, router: Router, invocation: Invocation, avoid: list[str], deadline: float) -> Instance:
    while True:
        try:
            return router.acquire(invocation.variant, avoid)
        except NoSuchVariantError as error:
            raise runtime_errors.no_such_variant(record, invocation.variant) from error
        except NoInstanceError as error:
            if time.monotonic() > deadline:
                raise runtime_errors.unavailable(record) from error
        time.sleep(PAUSE)


def _is_good(status: int) -> bool:
    return http.client.OK <= status < http.client.MULTIPLE_CHOICES
