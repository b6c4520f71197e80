"""Traces from a click to its result (OpenTelemetry), for site and worker, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a
collector. Everywhere else this is a handful of functions that do nothing, and import nothing of OpenTelemetry (where
that is installed, redis-py loads its metrics by itself).

A trace travels as a W3C `traceparent` text: from the request that made a submission into its row, from there into the
job that a worker claims, and with the worker's calls back to the site. Spans hold numbers and names; never bodies,
addresses, or messages of errors, which may quote what somebody asked a model.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADER = "traceparent"
SERVER, CLIENT, INTERNAL = "SERVER", "CLIENT", "INTERNAL"
Value = str | int | float | bool
_state: "Tracing | None" = None


class Span:
    """What is being done, or where nothing is traced, a stand-in that forgets what it is told."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        """Call it something else: what it is may be known only at its end."""
        if self._span is not None:
            self._span.update_name(name)

    def failed(self, kind: str) -> None:
        """It went wrong; `kind` is the error's type or code, never its message."""
        if self._span is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(_of_errors())


NOTHING = Span()


class Tracing:
    """OpenTelemetry, imported when somebody wants it. `exporter` None: spans go to the collector, in batches."""

    def __init__(self, service: str, exporter: Any = None) -> None:
        # Inside a function, against the custom here: a process that traces nothing loads none of it.
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        named = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or service})
        self.provider = TracerProvider(resource=named)
        batches = BatchSpanProcessor(OTLPSpanExporter()) if exporter is None else SimpleSpanProcessor(exporter)
        self.provider.add_span_processor(batches)
        self.tracer, self.trace = self.provider.get_tracer("parity"), trace
        self.texts = TraceContextTextMapPropagator()


def start(service: str, exporter: Any = None) -> bool:
    """Trace from now on, where a collector is named or an `exporter` given; returns whether it does. Once a process."""
    global _state
    if _state is None and (exporter is not None or os.environ.get(ENDPOINT)):
        _state = Tracing(service, exporter)
    return _state is not None


def stop() -> None:
    """Send what is left, and trace no more."""
    global _state
    if _state is not None:
        _state.provider.shutdown()
    _state = None


def on() -> bool:
    """Whether this process traces."""
    return _state is not None


@contextmanager
def span(
    name: str, attributes: Mapping[str, Value] | None = None, *, parent: str = "", kind: str = INTERNAL
) -> Iterator[Span]:
    """What is done inside is a span, below `parent` (a traceparent), else below the one that this thread is in."""
    if _state is None:
        yield NOTHING
        return
    above = _state.texts.extract({HEADER: parent}) if parent else None
    with _state.tracer.start_as_current_span(
        name, context=above, kind=_state.trace.SpanKind[kind], attributes=attributes,
        record_exception=False, set_status_on_exception=False,
    ) as begun:  # fmt: skip
        made = Span(begun)
        try:
            yield made
        except BaseException as error:
            made.failed(type(error).__name__)
            raise


def current() -> str:
    """The traceparent of the span that this thread is in; "" where there is none."""
    if _state is None:
        return ""
    carried: dict[str, str] = {}
    _state.texts.inject(carried)
    return carried.get(HEADER, "")


def trace_id() -> str:
    """The current trace's number, 32 hex digits; "" where there is none."""
    return current()[3:35]


def _of_errors() -> Any:
    assert _state is not None
    return _state.trace.Status(_state.trace.StatusCode.ERROR)
