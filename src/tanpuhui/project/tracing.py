"""Tracing: spans go to a collector over OTLP/HTTP where the operator names one, by OpenTelemetry's own variables."""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.util import find_spec

from tanpuhui.kit import span

#: The standard names of the collector's address; the first is of traces alone.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE = "tanpuhui"


def is_wanted() -> bool:
    """Whether the operator named a collector, and did not turn OpenTelemetry off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true" and any(map(os.environ.get, ENDPOINTS))


def is_installed() -> bool:
    """Whether the extra ``otel`` is there."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ModuleNotFoundError:
        return False


def begin() -> bool:
    """Record spans from now on, where it is wanted and can be; answers whether. The last go when the process ends."""
    if span.is_on() or not is_wanted() or not is_installed():
        return span.is_on()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
    provider = TracerProvider(resource=Resource.create({**named, "service.version": version(SERVICE)}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    span.use(provider.get_tracer(SERVICE))
    return True
