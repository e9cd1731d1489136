"""How each AWS protocol writes an error and a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from xml.sax.saxutils import escape

from shapemaker_action.local.wire import Response

if TYPE_CHECKING:
    from shapemaker_action.local.wire import ApiError

Protocol: TypeAlias = Literal["json", "rest-json", "query", "s3"]

JSON_1_1 = "application/x-amz-json-1.1"


def result(output: dict[str, Any]) -> Response:
    """A JSON 1.1 result; an empty one has an empty body, as AWS answers deletes and stops."""
    body = json.dumps(output).encode() if output else b""
    return Response(headers={"Content-Type": JSON_1_1}, body=body)


def error(protocol: Protocol, fault: ApiError, request_id: str) -> Response:
    """An error in the form that clients of the protocol parse."""
    if protocol == "s3":
        return _xml(fault, f"<Error>{_code_and_message(fault)}<RequestId>{request_id}</RequestId></Error>")
    if protocol == "query":
        inner = f"<Error><Type>Sender</Type>{_code_and_message(fault)}</Error>"
        return _xml(fault, f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>")
    headers = {"Content-Type": "application/json" if protocol == "rest-json" else JSON_1_1}
    headers["x-amzn-ErrorType"] = fault.code
    # Services differ in the letter case, and so do clients in what they read.
    content = {"__type": fault.code, "message": fault.message, "Message": fault.message, **fault.fields}
    return Response(status=fault.status, headers=headers, body=json.dumps(content).encode())


def _code_and_message(fault: ApiError) -> str:
    return f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"


def _xml(fault: ApiError, document: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
    return Response(status=fault.status, headers={"Content-Type": "application/xml"}, body=body)
