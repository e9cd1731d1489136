"""Frames of `application/vnd.amazon.eventstream`, the form of a streamed response."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STRING = 7
"""The type of a header value that is a string; the only one used here."""


def payload_part(data: bytes) -> bytes:
    """A PayloadPart event."""
    return _frame(
        {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}, data
    )


def exception(kind: str, message: str, code: str) -> bytes:
    """An exception in the middle of a stream: `ModelStreamError` with an error code, say."""
    return _frame(
        {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"},
        json.dumps({"Message": message, "ErrorCode": code}).encode(),
    )


def _frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Lengths and their checksum, headers, payload, and a checksum over all of it."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 4 * 4 + len(head) + len(payload), len(head))
    frame = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return frame + struct.pack("!I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    raw = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([STRING]) + struct.pack("!H", len(raw)) + raw
