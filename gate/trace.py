"""Trace: OpenTelemetry spans and metrics of calls, through the API only.

Spans are named `execute_tool {tool}` after the GenAI conventions (open-telemetry/semantic-conventions-genai, status Development); what those
do not have is under `gate.*`.  Arguments and results are never attached.  The audit log does not come from spans: spans are sampled and
dropped.  A span carries `gate.call.id`, and the record carries the trace id, which joins them.

Nothing here imports OpenTelemetry before somebody else has: where no provider can have been set there is nothing to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from gate.errors import Denied

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from gate.call import Acting, Call
    from gate.decide import Decision
    from gate.run import Outcome

OPERATION: Final = "gen_ai.operation.name"
TOOL: Final = "gen_ai.tool.name"
AGENT: Final = "gen_ai.agent.name"
CALL: Final = "gen_ai.tool.call.id"
CONVERSATION: Final = "gen_ai.conversation.id"
ERROR: Final = "error.type"
EXECUTE_TOOL: Final = "execute_tool"
DURATION: Final = "gen_ai.execute_tool.duration"
DECISION: Final = "gate.decision"
REASONS: Final = "gate.reasons"
RULES: Final = "gate.rules"
RISK: Final = "gate.risk"
CAPABILITY: Final = "gate.capability.id"
GATE_CALL: Final = "gate.call.id"
STATUS: Final = "gate.status"
CALLS: Final = "gate.calls"
BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)

_FORCED: Final = "OTEL_PYTHON_TRACER_PROVIDER" in os.environ
_instruments: dict[str, Any] = {}  # made once a provider is set


def recording() -> bool:
    """True when a tracer or meter provider is set, so that there is something to record to."""
    if not _FORCED and "opentelemetry.trace" not in sys.modules and "opentelemetry.metrics" not in sys.modules:
        return False
    from opentelemetry import metrics, trace

    return not isinstance(trace.get_tracer_provider(), _silent_tracers()) or type(metrics.get_meter_provider()).__module__.startswith(_SDK)


_SDK: Final = "opentelemetry.sdk"


def _silent_tracers() -> tuple[type, ...]:
    from opentelemetry import trace

    return (trace.ProxyTracerProvider, trace.NoOpTracerProvider)


def trace_id() -> str:
    """The current trace id as 32 hexadecimal digits, "" outside a trace; known also when only an upstream service records."""
    if "opentelemetry.trace" not in sys.modules:
        return ""
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


async def traced(path: Coroutine[object, None, Outcome], tool: str, acting: Acting) -> Outcome:
    """The path of a call inside its span; the tool's own spans become children of it."""
    from opentelemetry import trace

    attributes = {OPERATION: EXECUTE_TOOL, TOOL: tool, AGENT: acting.agent, CONVERSATION: acting.session}
    attributes = {name: value for name, value in attributes.items() if value}
    with trace.get_tracer("gate").start_as_current_span(f"{EXECUTE_TOOL} {tool}", attributes=attributes, record_exception=False) as span:
        try:
            outcome = await path
        except Denied as denial:
            _refused(span, tool, denial.reasons)
            raise
        _settled(span, tool, outcome)
        return outcome


def decided(call: Call, decision: Decision) -> None:
    """What was decided, on the current span."""
    from opentelemetry import trace

    span, capability = trace.get_current_span(), call.acting.capability
    if span.is_recording():
        span.set_attribute(DECISION, type(decision).__name__.lower())
        span.set_attribute(RULES, decision.rules)
        span.set_attribute(RISK, decision.risk.word)
        span.set_attribute(CAPABILITY, capability.jti if capability else "")
        span.set_attribute(GATE_CALL, call.id)


def _refused(span: Span, tool: str, reasons: tuple[str, ...]) -> None:
    """A refusal: an error of the span, with every reason, and one more in the count of calls."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attributes({ERROR: "gate.denied", DECISION: "deny", REASONS: reasons})
    span.set_status(Status(StatusCode.ERROR, "; ".join(reasons)[:500]))
    _counter().add(1, {TOOL: tool, DECISION: "deny", STATUS: "refused"})


def _settled(span: Span, tool: str, outcome: Outcome) -> None:
    """The outcome of a run: status, error type, duration."""
    labels = {OPERATION: EXECUTE_TOOL, TOOL: tool}
    if outcome.error is not None:
        from opentelemetry.trace import Status, StatusCode

        labels[ERROR] = type(outcome.error).__qualname__
        span.set_attribute(ERROR, labels[ERROR])
        span.set_status(Status(StatusCode.ERROR))
    span.set_attribute(STATUS, outcome.status)
    _histogram().record(outcome.seconds, labels)
    _counter().add(1, {TOOL: tool, DECISION: "run", STATUS: outcome.status})


def _histogram() -> Any:
    if DURATION not in _instruments:
        from opentelemetry import metrics

        make = metrics.get_meter("gate").create_histogram
        _instruments[DURATION] = make(DURATION, "s", "Duration of tool executions", explicit_bucket_boundaries_advisory=BUCKETS)
    return _instruments[DURATION]


def _counter() -> Any:
    if CALLS not in _instruments:
        from opentelemetry import metrics

        _instruments[CALLS] = metrics.get_meter("gate").create_counter(CALLS, "{call}", "Calls by tool, decision and status")
    return _instruments[CALLS]
