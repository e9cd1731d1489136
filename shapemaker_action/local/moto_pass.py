"""The services that moto answers in this process: S3, IAM, STS, Logs, CloudWatch and auto scaling, made to last."""

from __future__ import annotations

import importlib
import logging
import os
import re
import secrets
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from shapemaker_action.local.body import Bodies, Body, request_stream
from shapemaker_action.local.journal import Journal, Record, without_deleted_buckets
from shapemaker_action.local.wire import Response
from shapemaker_action.local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

SPELLINGS = "moto.preserved_header_names"
"""WSGI variable where moto looks for the spelling of headers that contain underscores."""

_KEPT_VARIABLES = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "RAW_URI", "CONTENT_TYPE")
_MET_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ERROR_STATUS = 400
NOT_IMPLEMENTED = 501
_WSGI: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
_SETTINGS = {
    "MOTO_ACCOUNT_ID": ACCOUNT,
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # Buckets are always in the path; a host name never means one.
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
}


class Moto:
    """moto in memory, with a journal of all changes from which a restart makes the same state again.

    One request at a time: moto's dictionaries know no threads, and the same order, the same time and the same random
    numbers make the same version ids, creation times and resource ids at replay.
    """

    def __init__(self, directory: Path, learn: Callable[[bytes], None]) -> None:
        self._bodies = Bodies(directory / "bodies")
        self._journal = Journal(directory / "journal")
        self._learn = learn
        self._lock = threading.Lock()
        self._loaded = False
        self._now = time.time()
        self._apps: dict[str, Any] = {}
        self._uploads: dict[str, str] = {}
        """Upload ids that clients hold from before a restart, and what moto calls them now."""

    def warm_up(self) -> None:
        """Import moto and replay the journal; the first request waits for this."""
        with self._lock:
            self._ensure_loaded()

    def answer(self, service: str, environ: Mapping[str, Any], *, mutating: bool) -> Response:
        """Pass a request to moto's `service`; the status is 501 for what moto does not know, 500 for its own faults."""
        body = self._bodies.receive(request_stream(environ))
        record = _record(service, environ, body)
        try:
            with self._lock:
                self._ensure_loaded()
                response = self._perform(record, body)
                if mutating and response.status < _ERROR_STATUS:
                    self._bodies.keep(body)
                    self._journal.append(_lasting(record, response))
        finally:
            self._bodies.drop(body)
        return response

    def close(self) -> None:
        """Wait for the request under way, then release the journal."""
        with self._lock:
            self._journal.close()

    def _ensure_loaded(self) -> None:
        if self._loaded:
            return
        _import_moto(self._utcnow)
        began = time.monotonic()
        found = list(self._journal.read())
        kept = without_deleted_buckets(found)
        if len(kept) < len(found):
            self._journal.rewrite(kept)
        self._bodies.sweep({record.digest for record in kept})
        for record in kept:
            self._replay(record)
        log.info("replayed %d requests in %.1f s", len(kept), time.monotonic() - began)
        self._loaded = True

    def _replay(self, record: Record) -> None:
        body = self._bodies.get(record.digest) if record.digest else Body(size=len(record.body), content=record.body)
        if body is None:
            log.error("the body of %s %s is gone", record.service, record.environ["RAW_URI"])
            return
        response = self._perform(record, body)
        if response.status >= _ERROR_STATUS:
            log.warning("replay of %s %s failed: %s", record.service, record.environ["RAW_URI"], response.body)
        if record.issued:
            self._uploads[record.issued] = _issued(response)

    def _perform(self, record: Record, body: Body) -> Response:
        _seed(record.seed)
        self._now = record.time
        answered: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            answered.append((status, headers))

        with body.open() as stream:
            environ = {**self._environ(record), "CONTENT_LENGTH": str(body.size), "wsgi.input": stream}
            content = b"".join(self._app(record.service)(environ, start_response))
        status, headers = answered[-1]
        if record.service in {"sts", "iam"}:
            self._learn(content)
        return Response(status=int(status.split()[0]), headers=dict(headers), body=content)

    def _environ(self, record: Record) -> dict[str, Any]:
        environ: dict[str, Any] = {**_WSGI, **record.environ, SPELLINGS: record.names}
        if "uploadId" in environ["QUERY_STRING"]:
            query = urlencode(
                [
                    (name, self._uploads.get(value, value) if name == "uploadId" else value)
                    for name, value in parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
                ]
            )
            environ["QUERY_STRING"] = query
            environ["RAW_URI"] = f"{environ['RAW_URI'].partition('?')[0]}?{query}"
        return environ

    def _app(self, service: str) -> Any:
        if service not in self._apps:
            app = sys.modules["moto.moto_server.werkzeug_app"].create_backend_app(service)
            # A fault of moto's becomes an answer and a traceback in the log, not an end of the replay.
            app.config["PROPAGATE_EXCEPTIONS"] = False
            app.register_error_handler(NotImplementedError, lambda _: ("", NOT_IMPLEMENTED))
            self._apps[service] = app
        return self._apps[service]

    def _utcnow(self) -> datetime:
        return datetime.fromtimestamp(self._now, timezone.utc).replace(tzinfo=None)


def _import_moto(utcnow: Callable[[], datetime]) -> None:
    """Importing moto takes more than a second, so it is not among the imports above."""
    os.environ.update(_SETTINGS)
    # The clock first: moto's modules take it from here by name when they are imported.
    clock: Any = importlib.import_module("moto.core.utils")
    clock.utcnow = utcnow
    importlib.import_module("moto.moto_server.werkzeug_app")
    # moto reads bucket policies without their conditions, and "deny unless TLS" would deny everything.
    s3, access = importlib.import_module("moto.s3.models"), importlib.import_module("moto.iam.access_control")
    s3.FakeBucket.get_permission = lambda *_: access.PermissionResult.NEUTRAL


def _seed(seed: int) -> None:
    sys.modules["moto.moto_api._internal"].mock_random.seed(seed)


def _record(service: str, environ: Mapping[str, Any], body: Body) -> Record:
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT_VARIABLES or (name.startswith("HTTP_") and name not in _MET_CONDITIONS[2:])
    }
    return Record(
        service=service,
        environ=kept,
        names=dict(environ.get(SPELLINGS, {})),
        time=time.time(),
        seed=secrets.randbits(64),
        digest=body.digest,
        body=body.content,
    )


def _lasting(record: Record, response: Response) -> Record:
    """Without conditions, which held when they were asked, and without the signature, which nobody asks for again."""
    environ = {name: value for name, value in record.environ.items() if name not in _MET_CONDITIONS}
    if "HTTP_AUTHORIZATION" in environ:
        environ["HTTP_AUTHORIZATION"] = re.sub(r"Signature=\w+", "Signature=", environ["HTTP_AUTHORIZATION"])
    return replace(record, environ=environ, issued=_issued(response) if "uploads" in environ["QUERY_STRING"] else "")


def _issued(response: Response) -> str:
    match = _UPLOAD_ID.search(response.body) if isinstance(response.body, bytes) else None
    return match[1].decode() if match else ""
