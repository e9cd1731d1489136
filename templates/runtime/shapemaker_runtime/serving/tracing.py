"""One OpenTelemetry span a request, where the image has OpenTelemetry and the environment says where to send it."""

from __future__ import annotations

import importlib
import importlib.util
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.reply import Reply
    from shapemaker_runtime.serving.service import Request

_SERVER_ERROR = 500
_NANOSECONDS = 1_000_000_000


class Tracer:
    """Made in each worker: what exports spans is a thread, which no fork would take along."""

    def __init__(self) -> None:
        self._trace: Any = importlib.import_module("opentelemetry.trace")
        self._propagate: Any = importlib.import_module("opentelemetry.propagate")
        self._tracer: Any = self._trace.get_tracer("shapemaker")

    def record(self, request: Request, reply: Reply, seconds: float) -> None:
        """A span that ends now, a child of the caller's if it has named one."""
        now = time.time_ns()
        span = self._tracer.start_span(
            "POST /invocations",
            context=self._propagate.extract({"traceparent": request.trace}) if request.trace else None,
            kind=self._trace.SpanKind.SERVER,
            start_time=now - int(seconds * _NANOSECONDS),
            attributes={
                "http.request.method": "POST",
                "http.route": "/invocations",
                "http.request.body.size": len(request.body),
                "http.response.status_code": reply.status,
            },
        )
        if reply.status >= _SERVER_ERROR:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(end_time=now)


def start(environ: Mapping[str, str]) -> Tracer | None:
    """None where nobody asked for spans. A provider that the model's code has set is kept."""
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or importlib.util.find_spec("opentelemetry") is None:
        return None
    with suppress(ImportError):
        _export()
    with suppress(ImportError):
        return Tracer()
    return None


def _export() -> None:
    trace = importlib.import_module("opentelemetry.trace")
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    if isinstance(trace.get_tracer_provider(), sdk.TracerProvider):
        return
    exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    processor = importlib.import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter)
    provider = sdk.TracerProvider()
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
