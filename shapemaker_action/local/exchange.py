"""One HTTP request on its way through the local SageMaker, and what the request log will say of it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from shapemaker_action.local.access import Identity, identity
from shapemaker_action.local.body import request_stream
from shapemaker_action.local.wire import ApiError, Request
from shapemaker_action.local.world import ACCOUNT

if TYPE_CHECKING:
    from shapemaker_action.local.answer import Protocol

_DOCUMENT_LIMIT = 32 << 20
"""Bytes of a JSON or form body; far above anything that AWS takes."""


@dataclass(kw_only=True)
class Exchange:
    """The request with who asked, and the labels that become known while it is answered."""

    environ: dict[str, Any]
    caller: Identity | None
    service: str
    operation: str = ""
    mutating: bool = False
    resource: str = ""

    @classmethod
    def of(cls, environ: dict[str, Any]) -> Exchange:
        """Read who asks from the signature."""
        caller = identity(environ)
        return cls(environ=environ, caller=caller, service=caller.service if caller else "")

    @property
    def path(self) -> str:
        """Percent-decoded."""
        return str(self.environ["PATH_INFO"]).encode("latin-1").decode(errors="replace")

    @property
    def target(self) -> str:
        """`SageMaker.CreateModel` in the JSON protocols, else empty."""
        return str(self.environ.get("HTTP_X_AMZ_TARGET", ""))

    @property
    def protocol(self) -> Protocol:
        """The form in which the client expects an error."""
        if self.target:
            return "json"
        if self.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return "query"
        return "s3" if self.service == "s3" else "rest-json"

    def label(self, operation: str, *, mutating: bool, resource: str = "") -> None:
        """What the request log says."""
        self.operation, self.mutating, self.resource = operation, mutating, resource

    def form(self) -> dict[str, str]:
        """A form body; it can be read again afterwards."""
        content = self._document()
        self.environ["wsgi.input"] = io.BytesIO(content)
        self.environ["CONTENT_LENGTH"] = str(len(content))
        self.environ.pop("wsgi.input_terminated", None)
        return dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """A JSON body; nothing at all counts as an empty one."""
        try:
            body = json.loads(self._document() or b"{}")
        except ValueError as error:
            raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise ApiError("SerializationException", "The request is not a JSON object")
        return body

    def rest(self, region: str = "") -> Request:
        """As a handler of REST paths takes it."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in self.environ.items()
            if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        }
        return Request(
            method=self.environ["REQUEST_METHOD"],
            path=self.path,
            region=region,
            account=ACCOUNT,
            query=dict(parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            headers=headers,
            stream=request_stream(self.environ),
        )

    def _document(self) -> bytes:
        content = request_stream(self.environ).read(_DOCUMENT_LIMIT + 1)
        if len(content) > _DOCUMENT_LIMIT:
            raise ApiError("RequestEntityTooLargeException", "The request is too large", status=413)
        return content
