"""What the tests of traces collect spans with: OpenTelemetry's own memory, and no collector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tanpuhui.kit import span

WHY = "OpenTelemetry is not installed (requirements/otel.txt)"


@contextmanager
def collected() -> Iterator[Any]:
    """Spans of the block, in the order in which they ended; the exporter has them as ``get_finished_spans()``."""
    pytest.importorskip("opentelemetry.sdk.trace", reason=WHY)
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span.use(provider.get_tracer("tests"))
    try:
        yield exporter
    finally:
        span.use(None)
        provider.shutdown()
