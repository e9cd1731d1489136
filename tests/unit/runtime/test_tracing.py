"""Spans of requests, as OpenTelemetry's own exporter gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import opentelemetry.trace
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from shapemaker_runtime.serving import tracing
from shapemaker_runtime.serving.reply import Reply
from shapemaker_runtime.serving.service import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    opentelemetry.trace.set_tracer_provider(provider)
    return memory


def test_a_request_is_one_span_of_its_callers_trace(exporter: InMemorySpanExporter) -> None:
    tracer = tracing.start(ENDPOINT)
    assert tracer
    tracer.record(Request(b"[1]", trace=PARENT), Reply(200, "", b""), 0.5)
    tracer.record(Request(b"[1]"), Reply(500, "", b""), 0.5)
    good, bad = exporter.get_finished_spans()
    assert format(good.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert good.parent
    assert not bad.parent
    assert (bad.end_time or 0) - (bad.start_time or 0) == 500_000_000
    assert dict(good.attributes or {})["http.response.status_code"] == 200
    assert not bad.status.is_ok


@pytest.mark.parametrize("environ", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}])
def test_without_a_place_to_send_them_there_are_none(environ: Mapping[str, str]) -> None:
    assert tracing.start(environ) is None
