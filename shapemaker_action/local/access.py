"""Who may talk to the local SageMaker: this machine's own clients that hold a key of this state directory."""

from __future__ import annotations

import hmac
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIAL = re.compile(r"Credential=([^/\s]+)/\d+/([^/\s]+)/([^/\s]+)/aws4_request")
_VERSION_2 = re.compile(r"AWS ([^:\s]+):")
_ISSUED = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a request's signature claims. `service` is the signing name, the same for SageMaker and its runtime."""

    access_key: str
    region: str
    service: str


def identity(environ: Mapping[str, Any]) -> Identity | None:
    """From the Authorization header or a presigned URL; None for an unsigned request."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    presigned = query.get("X-Amz-Credential", [""])[0]
    claim = environ.get("HTTP_AUTHORIZATION", "") or f"Credential={presigned}"
    if match := _CREDENTIAL.search(claim):
        return Identity(access_key=match[1], region=match[2], service=match[3].lower())
    # Presigned S3 URLs of botocore still use version 2 where no region asks for more.
    old = _VERSION_2.match(claim)
    key = old[1] if old else query.get("AWSAccessKeyId", [""])[0]
    return Identity(access_key=key, region="us-east-1", service="s3") if key else None


def is_from_here(environ: Mapping[str, Any], port: int) -> bool:
    """False for a browser and for a name that was made to resolve to this machine.

    A page the user visits can post to a loopback port, and after DNS rebinding read the answer, but it can neither
    leave out these headers nor send our address as Host.
    """
    if "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ:
        return False
    return environ.get("HTTP_HOST", "") in {f"127.0.0.1:{port}", f"localhost:{port}"}


class Keys:
    """The access keys that are let in: the state directory's, the server's own, and those that STS and IAM issued."""

    def __init__(self, access_key: str, internal: str) -> None:
        self._own = access_key
        self._internal = internal
        self._issued: set[str] = set()
        self._lock = threading.Lock()

    def knows(self, access_key: str) -> bool:
        """Whether this key may call."""
        return self.is_internal(access_key) or _equal(access_key, self._own) or access_key in self._issued

    def is_internal(self, access_key: str) -> bool:
        """Whether the server calls itself."""
        return _equal(access_key, self._internal)

    def learn(self, answer: bytes) -> None:
        """Let in what an answer of STS or IAM hands out."""
        with self._lock:
            self._issued.update(key.decode() for key in _ISSUED.findall(answer))


def _equal(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode(), kept.encode())
