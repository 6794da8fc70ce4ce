"""Spans: how long each piece of work took and what it belonged to, for an operator who collects traces.

Nothing is recorded, and nothing of OpenTelemetry is imported, before :func:`use`. What a span says of its work is
counts, days and names of jobs: never a person's, and never the words of an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Value = str | int | bool
Given = ParamSpec("Given")
Answer = TypeVar("Answer")

#: Whoever started this process says where spans go; nobody, as a rule.
_tracer: list[Tracer] = []


class Span(Protocol):
    """A piece of work while it is done."""

    def says(self, facts: Mapping[str, Value], /) -> None:
        """Say something that was not known at its beginning."""

    def failed(self) -> None:
        """It failed, and whoever did it has answered for it."""


class _Off:
    """Nobody collects."""

    def __enter__(self) -> _Off:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def says(self, _facts: Mapping[str, Value], /) -> None:
        return None

    def failed(self) -> None:
        return None


_OFF = _Off()


class _On:
    """A span that ends with its block; what was raised is named by its class or its code and nothing else."""

    def __init__(
        self, tracer: Tracer, name: str, facts: Mapping[str, Value] | None, caller: Mapping[str, str] | None
    ) -> None:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(caller) if caller is not None else None
        self._block = tracer.start_as_current_span(
            name,
            context=context,
            kind=SpanKind.INTERNAL if caller is None else SpanKind.SERVER,
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        )

    def __enter__(self) -> _On:
        self._span = self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Refusal):
            self._span.set_attribute("tanpuhui.refused", error.code)
        elif kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
            self.failed()
        self._block.__exit__(None, None, None)

    def says(self, facts: Mapping[str, Value], /) -> None:
        for name, value in facts.items():
            self._span.set_attribute(name, value)

    def failed(self) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)


def use(tracer: Tracer | None) -> None:
    """Have spans recorded from now on, or, with ``None``, no longer."""
    _tracer[:] = [] if tracer is None else [tracer]


def is_on() -> bool:
    """Whether anybody collects."""
    return bool(_tracer)


def span(
    name: str, facts: Mapping[str, Value] | None = None, *, caller: Mapping[str, str] | None = None
) -> AbstractContextManager[Span]:
    """A piece of work, as a block. ``caller`` are headers of the request that asked for it: its trace goes on."""
    return _On(_tracer[0], name, facts, caller) if _tracer else _OFF


def passed_on() -> dict[str, str]:
    """Headers that tell whom we ask which trace this belongs to; none where nothing is traced in this process.

    A provider's own program may trace with OpenTelemetry: then its trace is the one.
    """
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers


def of_this(work: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Work that another thread does as part of the span of this one. Each call needs one of its own."""
    if not _tracer:
        return work
    context = copy_context()

    def done(*given: Given.args, **named: Given.kwargs) -> Answer:
        return context.run(work, *given, **named)

    return done
