"""One request to a serving container: which headers go in and out, and how long it may take."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.sagemaker.instance import Instance

CHUNK = 64 * 1024
CONNECT = 2.0
"""Seconds in which an instance must take a connection."""

PASSED_IN = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-inference-id": "X-Amzn-SageMaker-Inference-Id",
    "x-amzn-sagemaker-target-model": "X-Amzn-SageMaker-Target-Model",
}
"""Headers of a request that its container gets to see; all others are the API's or the client's own."""
PASSED_OUT = {
    "content-type": "Content-Type",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
}


class RefusedConnectionError(Exception):
    """The instance took no connection: the request can go to another one."""


class TimedOutError(Exception):
    """No whole answer in time."""


class BrokenError(Exception):
    """The container went away in the middle."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What a container is asked. `headers` are those of the API call, names in lower case."""

    body: bytes
    headers: Mapping[str, str]
    variant: str
    """The production variant that is asked for; empty for any."""
    target_model: str = ""
    """The model of a multi-model endpoint."""
    seconds: float

    def forwarded(self) -> dict[str, str]:
        """The headers that go along."""
        return {name: self.headers[key] for key, name in PASSED_IN.items() if self.headers.get(key)}


class Exchange:
    """A request under way; its model is loaded first.

    Read `status` and `headers`, then the body by `read` until it is empty; then `close`.
    """

    def __init__(self, instance: Instance, invocation: Invocation) -> None:
        self._deadline = time.monotonic() + invocation.seconds
        path = instance.path(invocation.target_model, invocation.seconds)
        self._connection = http.client.HTTPConnection(instance.host, instance.port, timeout=CONNECT)
        try:
            self._connect()
            self._response = self._send(path, invocation)
        except (RefusedConnectionError, TimedOutError, BrokenError):
            self._connection.close()
            raise
        self.status = self._response.status

    def headers(self) -> dict[str, str]:
        """Those that the client gets to see."""
        given = {name.lower(): value for name, value in self._response.getheaders()}
        return {name: given[key] for key, name in PASSED_OUT.items() if key in given}

    def read(self) -> bytes:
        """The next part of the body as it comes; empty at its end."""
        try:
            self._allow()
            part = self._response.read1(CHUNK)
        except TimeoutError as error:
            raise TimedOutError from error
        except (OSError, http.client.HTTPException) as error:
            raise BrokenError from error
        if not part and self._response.length:
            # Less came than Content-Length had announced.
            raise BrokenError
        return part

    def read_all(self) -> bytes:
        """The whole body."""
        return b"".join(iter(self.read, b""))

    def close(self) -> None:
        """Let the connection go."""
        # The response holds the socket by itself when the container has asked to close.
        self._response.close()
        self._connection.close()

    def _connect(self) -> None:
        try:
            self._connection.connect()
        except OSError as error:
            raise RefusedConnectionError from error
        # The connection lets go of its socket early when the container closes it; the response goes on reading.
        self._socket = self._connection.sock

    def _send(self, path: str, invocation: Invocation) -> http.client.HTTPResponse:
        try:
            self._allow()
            self._connection.request("POST", path, body=invocation.body, headers=invocation.forwarded())
            self._allow()
            return self._connection.getresponse()
        except TimeoutError as error:
            raise TimedOutError from error
        except (OSError, http.client.HTTPException) as error:
            raise BrokenError from error

    def _allow(self) -> None:
        """Let the next read or write last no longer than what is left of the time."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
