"""Tracing: spans and metrics by OpenTelemetry's own SDK, nothing when nobody records, and no influence on any call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gate import ANY, Gate
from gate import trace as tracing
from gate.testing import ScriptedApprover
from tests.kit import ASK, denied, log, outcomes, python, write_rules


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What is recorded by a real tracer, set up as a program does; taken back afterwards, which a program cannot."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(tracing, "_instruments", {})
    yield exporter
    provider.shutdown()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    """What is recorded by a real meter."""
    from opentelemetry.metrics import _internal

    made = InMemoryMetricReader()
    provider = MeterProvider([made])
    monkeypatch.setattr(_internal, "_METER_PROVIDER", provider)
    monkeypatch.setattr(tracing, "_instruments", {})
    assert metrics.get_meter_provider() is provider
    yield made
    provider.shutdown()


@pytest.fixture(autouse=True)
def tools(gate: Gate) -> None:
    @gate.tool
    def pay(eur: int) -> int:
        return eur

    @gate.tool
    async def apay(eur: int) -> int:
        return eur

    @gate.tool
    def fail(eur: int) -> None:
        raise ValueError("the secret is swordfish")

    @gate.tool
    def chunks(n: int) -> Iterator[int]:
        for i in range(n):
            with trace.get_tracer("tool").start_as_current_span(f"chunk {i}"):
                yield i

    @gate.tool
    async def achunks(n: int) -> Any:
        for i in range(n):
            gate.call("pay", {"eur": i})
            yield i


def acting(gate: Gate, **options: Any) -> Any:
    return gate.acting(gate.grant("agent-7", tools=dict.fromkeys(gate.tools, ANY)), session="s1", **options)


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("how", ["call", "acall", "async", "stream", "async stream"])
def test_a_call_is_a_span(gate: Gate, spans: InMemorySpanExporter, how: str) -> None:
    async def read() -> None:
        async for _ in await gate.acall("achunks", {"n": 0}):
            raise AssertionError

    ways: dict[str, tuple[str, Any]] = {
        "call": ("pay", lambda: gate.call("pay", {"eur": 5})),
        "acall": ("pay", lambda: asyncio.run(gate.acall("pay", {"eur": 5}))),
        "async": ("apay", lambda: gate.call("apay", {"eur": 5})),
        "stream": ("chunks", lambda: list(gate.call("chunks", {"n": 0}))),
        "async stream": ("achunks", lambda: asyncio.run(read())),
    }
    tool, call = ways[how]
    with acting(gate) as who:
        call()
    span = only(spans)
    assert span.name == f"execute_tool {tool}"
    assert span.kind == SpanKind.INTERNAL
    assert span.status.status_code == StatusCode.UNSET
    (intent,) = log(gate, "intent")
    assert attributes(span) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
        "gen_ai.agent.name": "agent-7",
        "gen_ai.conversation.id": "s1",
        "gate.decision": "allow",
        "gate.rules": (),
        "gate.risk": "medium",
        "gate.capability.id": who.capability.jti,
        "gate.call.id": intent["call"],
        "gate.status": "ok",
    }
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "gate"


@pytest.mark.parametrize("tool", ["pay", "chunks", "fail"])
def test_the_record_carries_the_trace_id_of_the_span(gate: Gate, spans: InMemorySpanExporter, tool: str) -> None:
    with acting(gate):
        try:
            list(gate.call(tool, {"n": 0})) if tool == "chunks" else gate.call(tool, {"eur": 5})
        except ValueError:
            pass
    trace_id = f"{only(spans).context.trace_id:032x}"  # type: ignore[union-attr]
    assert {record["trace_id"] for record in log(gate, "intent", "outcome")} == {trace_id}


def test_it_carries_also_that_of_a_span_around_it_when_only_that_is_recorded(gate: Gate) -> None:
    provider = TracerProvider()
    with provider.get_tracer("app").start_as_current_span("request") as span, acting(gate):
        gate.call("pay", {"eur": 5})
    assert log(gate, "intent")[0]["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    provider.shutdown()


def test_no_argument_and_no_result_is_ever_attached(gate: Gate, spans: InMemorySpanExporter) -> None:
    with acting(gate, task="pay 4242424242424"):
        gate.call("pay", {"eur": 4242424242424})
        with pytest.raises(ValueError):
            gate.call("fail", {"eur": 4242424242424})
        denied(lambda: gate.call("pay", {"eur": 4242424242424, "more": 4242424242424}))
    for span in spans.get_finished_spans():
        assert "4242424242424" not in span.to_json()
        assert "swordfish" not in span.to_json(), "the tool's message may hold anything"


def test_an_error_of_the_tool(gate: Gate, spans: InMemorySpanExporter) -> None:
    with acting(gate), pytest.raises(ValueError):
        gate.call("fail", {"eur": 5})
    span = only(spans)
    assert span.status.status_code == StatusCode.ERROR
    assert attributes(span)["error.type"] == "ValueError"
    assert attributes(span)["gate.status"] == "error"
    assert span.events == ()


@pytest.mark.parametrize("tool", ["pay", "chunks"])
def test_a_refusal(gate: Gate, spans: InMemorySpanExporter, tool: str) -> None:
    with gate.acting(gate.grant("agent-7", tools={"other": ANY})):
        denied(lambda: list(gate.call(tool, {"n": 1} if tool == "chunks" else {"eur": 5})))
    span = only(spans)
    assert span.status.status_code == StatusCode.ERROR
    said = attributes(span)
    assert (said["error.type"], said["gate.decision"]) == ("gate.denied", "deny")
    assert tool in said["gate.reasons"][0]
    assert log(gate, "refusal")[0]["trace_id"] == f"{span.context.trace_id:032x}"  # type: ignore[union-attr]


def test_a_call_that_was_asked_for(gate: Gate, spans: InMemorySpanExporter) -> None:
    write_rules(gate, ASK)
    gate.approvers = (ScriptedApprover(gate, [True]),)
    with acting(gate):
        gate.call("pay", {"eur": 5})
    assert attributes(only(spans))["gate.decision"] == "ask"
    assert attributes(only(spans))["gate.rules"] == ("a-person",)


def test_what_a_tool_records_is_inside_its_call(gate: Gate, spans: InMemorySpanExporter) -> None:
    @gate.tool
    def outer(eur: int) -> int:
        with trace.get_tracer("tool").start_as_current_span("inside"):
            return int(gate.call("pay", {"eur": eur}))

    with acting(gate), trace.get_tracer("app").start_as_current_span("request"):
        gate.call("outer", {"eur": 5})
    by_name = {span.name: span for span in spans.get_finished_spans()}
    chain = ["execute_tool pay", "inside", "execute_tool outer", "request"]
    for inner, around in zip(chain, chain[1:], strict=False):
        assert by_name[inner].parent.span_id == by_name[around].context.span_id, inner  # type: ignore[union-attr]
    assert len(by_name) == 4


@pytest.mark.parametrize("tool", ["chunks", "achunks"])
def test_a_stream_is_one_span_and_its_consumer_is_not_inside(gate: Gate, spans: InMemorySpanExporter, tool: str) -> None:
    seen: list[bool] = []

    async def read() -> None:
        async for _ in await gate.acall(tool, {"n": 2}):
            seen.append(trace.get_current_span().get_span_context().is_valid)

    with acting(gate):
        if tool == "achunks":
            asyncio.run(read())
        else:
            for _ in gate.call(tool, {"n": 2}):
                pass
    named = [span for span in spans.get_finished_spans() if span.name == f"execute_tool {tool}"]
    inside = [span for span in spans.get_finished_spans() if span.name != f"execute_tool {tool}"]
    assert len(named) == 1
    assert len(inside) == 2
    assert {span.parent.span_id for span in inside if span.parent} == {named[0].context.span_id}  # type: ignore[union-attr]
    if tool == "achunks":
        assert seen == [False, False]


def test_a_stream_that_is_left_early_ends_its_span(gate: Gate, spans: InMemorySpanExporter) -> None:
    with acting(gate):
        stream = gate.call("achunks", {"n": 5})

        async def read() -> None:
            await anext(stream)
            await stream.aclose()

        asyncio.run(read())
    assert [attributes(span)["gate.status"] for span in spans.get_finished_spans() if span.name == "execute_tool achunks"] == ["cancelled"]


def test_metrics(gate: Gate, reader: InMemoryMetricReader) -> None:
    with acting(gate):
        gate.call("pay", {"eur": 5})
        gate.call("pay", {"eur": 5})
        with pytest.raises(ValueError):
            gate.call("fail", {"eur": 5})
        denied(lambda: gate.call("pay", {"eur": 5, "more": 1}))
    data = reader.get_metrics_data()
    assert data is not None
    found = {metric.name: metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics}
    assert found.keys() == {"gen_ai.execute_tool.duration", "gate.calls"}
    duration = found["gen_ai.execute_tool.duration"]
    assert duration.unit == "s"
    counted = {(point.attributes["gen_ai.tool.name"], point.attributes.get("error.type")): point.count for point in duration.data.data_points}  # type: ignore[union-attr, index]
    assert counted == {("pay", None): 2, ("fail", "ValueError"): 1}
    calls = {(point.attributes["gen_ai.tool.name"], point.attributes["gate.status"]): point.value for point in found["gate.calls"].data.data_points}  # type: ignore[union-attr, index]
    assert calls == {("pay", "ok"): 2, ("fail", "error"): 1, ("pay", "refused"): 1}


# ---- no influence on any call -----------------------------------------------------------------------------------------------------------


class Broken(SpanProcessor):
    """An exporter that breaks."""

    def __init__(self, where: str) -> None:
        self.where = where

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.where == "start":
            raise OSError("no exporter")

    def on_end(self, span: ReadableSpan) -> None:
        if self.where == "end":
            raise OSError("no exporter")


@pytest.mark.parametrize("where", ["start", "end"])
@pytest.mark.parametrize("how", ["call", "stream", "fail", "denied"])
def test_a_tracer_that_breaks_changes_nothing(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str, how: str
) -> None:
    provider = TracerProvider()
    provider.add_span_processor(Broken(where))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    with acting(gate):
        if how == "call":
            assert gate.call("pay", {"eur": 5}) == 5
        elif how == "stream":
            gate.call("chunks", {"n": 0})
            assert list(gate.call("chunks", {"n": 0})) == []
        elif how == "fail":
            with pytest.raises(ValueError):
                gate.call("fail", {"eur": 5})
        else:
            denied(lambda: gate.call("pay", {"more": 5}))
    assert outcomes(gate) == {"call": ["ok"], "stream": ["ok"], "fail": ["error"], "denied": []}[how]
    assert "could not be traced" in caplog.text
    provider.shutdown()


def test_a_meter_that_breaks_changes_nothing(gate: Gate, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OSError("no meter")

    monkeypatch.setattr(tracing, "_histogram", broken)
    monkeypatch.setattr(tracing, "_counter", broken)
    with acting(gate):
        assert gate.call("pay", {"eur": 5}) == 5
        denied(lambda: gate.call("pay", {}))
    assert len(spans.get_finished_spans()) == 2


def test_a_span_that_is_not_sampled(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    with acting(gate):
        assert gate.call("pay", {"eur": 5}) == 5
    assert len(log(gate, "intent")[0]["trace_id"]) == 32, "an upstream service may record what we do not"
    provider.shutdown()


# ---- nothing when nobody records --------------------------------------------------------------------------------------------------------

OFF = """
    import sys, tempfile
    from gate import ANY, Gate
    with Gate(tempfile.mkdtemp() + "/.gate") as gate:
        gate.wrap(lambda eur: eur, name="pay")
        with gate.acting(gate.grant("a", tools={"pay": ANY})):
            assert gate.call("pay", {"eur": 5}) == 5
        gate.home.ledger.flush()
        assert b"trace_id" not in b"".join(gate.home.ledger.records())
    print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_nothing_is_imported_when_nobody_else_has() -> None:
    assert python(OFF).stdout.strip() == "[]"


def test_nothing_is_recorded_when_there_is_only_the_interface(gate: Gate) -> None:
    assert "opentelemetry.trace" in sys.modules
    assert not tracing.recording()
    with acting(gate):
        gate.call("pay", {"eur": 5})
    assert "trace_id" not in log(gate, "intent")[0]


def test_a_provider_named_in_the_environment_is_used() -> None:
    out = python(
        """
        import tempfile
        from gate import ANY, Gate
        with Gate(tempfile.mkdtemp() + "/.gate") as gate:
            gate.wrap(lambda eur: eur, name="pay")
            with gate.acting(gate.grant("a", tools={"pay": ANY})):
                gate.call("pay", {"eur": 5})
            gate.home.ledger.flush()
            print(b"trace_id" in b"".join(gate.home.ledger.records()))
        """,
        OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider",
    )
    assert out.stdout.strip() == "True"


def test_a_provider_named_in_the_environment_that_does_not_exist_changes_nothing() -> None:
    out = python(
        """
        import logging, tempfile
        from gate import ANY, Gate
        logging.disable()
        with Gate(tempfile.mkdtemp() + "/.gate") as gate:
            gate.wrap(lambda eur: eur, name="pay")
            with gate.acting(gate.grant("a", tools={"pay": ANY})):
                print(gate.call("pay", {"eur": 5}))
        """,
        OTEL_PYTHON_TRACER_PROVIDER="nonsense",
    )
    assert out.stdout.strip() == "5"


def test_the_names_of_attributes_are_those_of_the_conventions() -> None:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

    assert tracing.OPERATION == gen_ai_attributes.GEN_AI_OPERATION_NAME
    assert tracing.TOOL == gen_ai_attributes.GEN_AI_TOOL_NAME
    assert tracing.AGENT == gen_ai_attributes.GEN_AI_AGENT_NAME
    assert tracing.CONVERSATION == gen_ai_attributes.GEN_AI_CONVERSATION_ID
    assert tracing.CALL == gen_ai_attributes.GEN_AI_TOOL_CALL_ID
    assert gen_ai_attributes.GenAiOperationNameValues.EXECUTE_TOOL.value == tracing.EXECUTE_TOOL
