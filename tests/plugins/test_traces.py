"""Traces for OpenTelemetry: run > host > exchange > resource, with the exporter in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cookbook.cli import main
from cookbook.plugins.manager import listening
from cookbook.plugins.traces import Traces


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Return the exporter; what runs meanwhile is traced."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with listening(Traces(provider.get_tracer("cook"))):
        yield exporter
    provider.shutdown()


def run(folder: Path, recipe: str, *words: str) -> int:
    (folder / "r.py").write_text(f"from cookbook.resources import *\n{recipe}\n")
    return main(["converge", str(folder / "r.py"), "--local", *words])


def tree(exporter: InMemorySpanExporter) -> dict[str, list[str]]:
    """Return the names of the children of each span."""
    found = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
    names = {span.context.span_id: _label(span) for span in found if span.context}
    children: dict[str, list[str]] = {}
    for span in found:
        parent = names.get(span.parent.span_id, "?") if span.parent else ""
        children.setdefault(parent, []).append(_label(span))
    return {parent: sorted(names) for parent, names in children.items()}


def _label(span: ReadableSpan) -> str:
    attributes: Any = span.attributes
    return str(attributes.get("cook.resource") or attributes.get("cook.host") or span.name)


def test_the_tree_of_spans(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    recipe = f"file('{tmp_path}/a', content='x', mode='0644')\nfile('{tmp_path}/b', mode='0644')"
    assert run(tmp_path, recipe) == 0

    a, b = f"file[{tmp_path}/a]", f"file[{tmp_path}/b]"
    assert tree(spans) == {
        "": ["cook converge"],
        "cook converge": ["localhost"],
        "localhost": ["exchange"],
        "exchange": [a, b],
    }
    by_name = {_label(span): span for span in spans.get_finished_spans()}
    top, host, file = by_name["cook converge"], by_name["localhost"], by_name[a]
    assert top.attributes is not None
    assert top.attributes["cook.exit"] == 0
    assert host.attributes is not None
    assert host.attributes["cook.status"] == "changed"
    assert file.name == "file"  # few names: the resource is an attribute
    assert file.attributes is not None
    assert file.attributes["cook.status"] == "changed"
    times = [top.start_time, host.start_time, host.end_time, top.end_time]
    assert times == sorted(times, key=lambda time: time or 0)
    assert not [span for span in by_name.values() if span.status.description]


def test_what_is_in_line_has_no_span(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    recipe = f"file('{tmp_path}/a', content='x', mode='0644')"
    run(tmp_path, recipe)
    spans.clear()
    run(tmp_path, recipe)

    assert tree(spans) == {"": ["cook converge"], "cook converge": ["localhost"]}


def test_a_failure_is_one_without_secrets(
    spans: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_SECRET_DB", "hunter2-hunter2")
    recipe = (
        "from cookbook.recipe import secret\n"
        "execute('fails', command='echo ' + secret('db') + '; exit 3')"
    )
    assert run(tmp_path, recipe) == 3

    failed = [span for span in spans.get_finished_spans() if not span.status.is_ok]
    assert {_label(span) for span in failed} >= {"execute[fails]", "localhost", "cook converge"}
    assert "hunter2" not in "".join(span.to_json() for span in spans.get_finished_spans())


class _Collector(HTTPServer):
    """A collector that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.paths: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Collector

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_they_go_to_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookbook.plugins.traces._FLUSH", 60_000)
    monkeypatch.setattr("cookbook.plugins.traces._TRIES", 60)
    with _Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        parent = "0af7651916cd43dd8448eb211c80319c"
        monkeypatch.setenv("TRACEPARENT", f"00-{parent}-b7ad6b7169203331-01")
        assert run(tmp_path, f"file('{tmp_path}/a', content='x', mode='0644')") == 0
        collector.shutdown()
        thread.join()

    assert set(collector.paths) == {"/v1/traces"}
    sent = b"".join(collector.bodies)
    assert b"cook converge" in sent
    assert b"exchange" in sent
    assert bytes.fromhex(parent) in sent


def test_a_wrong_exporter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "jaeger")

    assert run(tmp_path, f"file('{tmp_path}/a')") == 1
    assert "otlp, console and none are known" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_a_collector_that_does_not_answer_costs_seconds_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()

    assert run(tmp_path, f"file('{tmp_path}/a', content='x', mode='0644')") == 0
    assert time.monotonic() - began < 30
