"""
Traces of runs for OpenTelemetry: run > host > exchange > resource.

It listens by the hooks of plugins. OTEL_TRACES_EXPORTER (`otlp`, `console`) and the other
variables of OpenTelemetry say where the spans go; the libraries are in `cook-converge[otel]`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cookbook.errors import UsageError
from cookbook.plugin import hookimpl
from cookbook.text.redaction import protect

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

    from cookbook.planning.step import Step
    from cookbook.reports.report import HostReport, Report
    from cookbook.reports.run_info import RunInfo

_QUIET = frozenset({"ok", "skipped", "not-run"})
"""No span: a thousand hosts in line would have tens of thousands that say nothing."""

_FLUSH = 5_000
"""Milliseconds that the end of a run waits for a collector."""

_TRIES = 3
"""Seconds for which spans are sent again and again, unless a variable says otherwise."""

_TIMEOUTS = {"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"}


@dataclass
class _HostTrace:
    span: Span
    exchange: Span | None = None
    awaited: set[str] = field(default_factory=set)
    """The resources of the exchange whose results are not known yet."""


class Traces:
    """Makes the spans of one run."""

    def __init__(self, tracer: Tracer, parent: Any = None) -> None:
        """`parent` is a context of OpenTelemetry; None without one."""
        self._tracer, self._parent = tracer, parent
        self._run: Span | None = None
        self._begin = 0
        self._hosts: dict[str, _HostTrace] = {}

    @hookimpl
    def cookbook_started(self, run: RunInfo) -> None:
        """Begin the span of the run."""
        self._begin = time.time_ns()
        attributes: dict[str, Any] = {
            "cook.run": run.id,
            "cook.mode": run.mode,
            "cook.set": run.set,
            "cook.hosts": len(run.hosts),
        }
        self._run = self._tracer.start_span(
            f"cook {run.mode}", self._parent, attributes=attributes, start_time=self._begin
        )

    @hookimpl
    def cookbook_connected(self, host: str, machine_id: str) -> None:
        """Begin the span of a host."""
        trace = self._host(host)
        trace.span.set_attribute("cook.machine_id", machine_id)

    @hookimpl
    def cookbook_sending(self, host: str, steps: Sequence[Step]) -> None:
        """Begin the span of an exchange that changes something."""
        trace = self._host(host)
        self._end_exchange(trace)
        trace.exchange = self._child(trace.span, "exchange", {"cook.changes": len(steps)})
        trace.awaited = {str(step.resource) for step in steps}

    @hookimpl
    def cookbook_step(self, host: str, step: Step) -> None:
        """Add the span of a resource to which something happened, or would."""
        trace = self._host(host)
        name = str(step.resource)
        if step.status not in _QUIET:
            inside = trace.exchange if name in trace.awaited else None
            attributes = {
                "cook.resource": protect(name),
                "cook.where": step.declared.where,
                "cook.status": step.status,
            }
            begin = self._begin + int(step.began * 1e9)
            span = self._child(inside or trace.span, step.resource.kind(), attributes, begin)
            if step.status == "failed":
                self._fail(span, str(step.error))
            span.end(begin + int(step.seconds * 1e9))
        trace.awaited.discard(name)
        if not trace.awaited:
            self._end_exchange(trace)

    @hookimpl
    def cookbook_host(self, report: HostReport) -> None:
        """End the span of a host."""
        trace = self._host(report.name)
        self._end_exchange(trace)
        trace.span.set_attribute("cook.status", report.status)
        trace.span.set_attribute("cook.exchanges", report.exchanges)
        if report.status not in ("ok", "changed"):
            self._fail(trace.span, str(report.error or report.status))
        trace.span.end()
        del self._hosts[report.name]

    @hookimpl
    def cookbook_finished(self, report: Report) -> None:
        """End the span of the run."""
        if self._run is not None:
            self._run.set_attribute("cook.exit", report.exit)
            if report.exit not in (0, 2):
                self._fail(self._run, f"exit status {report.exit}")
            self._run.end()

    def _host(self, name: str) -> _HostTrace:
        if name not in self._hosts:
            span = self._child(self._run, "host", {"cook.host": name})
            self._hosts[name] = _HostTrace(span)
        return self._hosts[name]

    def _child(
        self,
        parent: Span | None,
        name: str,
        attributes: Mapping[str, Any],
        begin: int | None = None,
    ) -> Span:
        from opentelemetry.trace import set_span_in_context

        context = set_span_in_context(parent) if parent is not None else None
        return self._tracer.start_span(name, context, attributes=attributes, start_time=begin)

    def _end_exchange(self, trace: _HostTrace) -> None:
        if trace.exchange is not None:
            trace.exchange.end()
            trace.exchange, trace.awaited = None, set()

    def _fail(self, span: Span, why: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        span.set_status(Status(StatusCode.ERROR, protect(why)))


@contextlib.contextmanager
def tracing() -> Iterator[None]:
    """
    Send the traces of what runs meanwhile, if OTEL_TRACES_EXPORTER says so.

    A collector that does not answer costs a few seconds at the end, and nothing else. Raises
    UsageError if the libraries are not installed, or for an exporter that is not known.
    """
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "none")
    if wanted == "none" or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield
        return
    from cookbook.plugins.manager import listening

    provider = _provider(wanted)
    try:
        with listening(Traces(provider.get_tracer("cook"), _parent())):
            yield
    finally:
        provider.force_flush(_FLUSH)
        provider.shutdown()


def _provider(exporter: str) -> TracerProvider:
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

        if exporter == "console":
            import sys

            to: Any = ConsoleSpanExporter(out=sys.stderr)
        elif exporter == "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            to = OTLPSpanExporter(timeout=None if _TIMEOUTS & os.environ.keys() else _TRIES)
        else:
            raise UsageError(
                f"OTEL_TRACES_EXPORTER is {exporter!r}", hint="otlp, console and none are known"
            )
    except ImportError as error:
        raise UsageError(
            f"traces need a library that is not installed: {error.name}",
            hint="pip install 'cook-converge[otel]'",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "cook"}))
    provider.add_span_processor(BatchSpanProcessor(to))
    return provider


def _parent() -> Any:
    """Return the context of the caller, if TRACEPARENT names one: a pipeline of CI."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    names = ("TRACEPARENT", "TRACESTATE")
    given = {name.lower(): os.environ[name] for name in names if name in os.environ}
    return TraceContextTextMapPropagator().extract(given) if given else None
