"""Trace: OpenTelemetry spans and metrics of calls, through the API only.

Spans are named `execute_tool {tool}` after the GenAI conventions (open-telemetry/semantic-conventions-genai, status Development); what those
do not have is under `gate.*`.  Arguments and results are never attached.  The audit log does not come from spans: spans are sampled and
dropped.  A span carries `gate.call.id`, and the record carries the trace id, which joins them.

Nothing here imports OpenTelemetry before somebody else has: where no provider can have been set there is nothing to do.  What goes wrong in
a tracer, an exporter or a meter is logged and changes nothing: neither whether a call runs nor what its caller gets.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

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

P = ParamSpec("P")
_FORCED: Final = bool({"OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER"} & os.environ.keys())
_log: Final = logging.getLogger("gate")
_api: list[Any] = []  # OpenTelemetry's modules, once somebody has imported them
_instruments: dict[str, Any] = {}  # made once a provider is set


def _quietly(function: Callable[P, None]) -> Callable[P, None]:
    """Tells the log what goes wrong, and nobody else."""

    @wraps(function)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            _log.exception("a call could not be traced")

    return quiet


def recording() -> bool:
    """True when a tracer or meter provider is set, so that there is something to record to.

    Asked at every call, and OpenTelemetry's own way to ask costs more than the call.  So its two variables are looked at first: they are not
    part of its public interface, and where they are missing or say anything else than "nothing set", the public way decides.
    """
    if not _api and not _find_api():
        return False
    try:
        return not (_api[0]._TRACER_PROVIDER is None and _api[1]._METER_PROVIDER is None) and _provided()  # noqa: SLF001
    except AttributeError:
        return _provided()


def _find_api() -> bool:
    """Whether anybody has imported OpenTelemetry, or told it by environment which provider to make."""
    if not _FORCED and "opentelemetry.trace" not in sys.modules and "opentelemetry.metrics" not in sys.modules:
        return False
    from opentelemetry import trace
    from opentelemetry.metrics import _internal

    _api[:] = [trace, object() if _FORCED else _internal]
    return True


def _provided() -> bool:
    from opentelemetry import metrics, trace

    try:
        tracers, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
    except Exception:  # the environment may name one that cannot be loaded
        _log.exception("calls are not traced")
        return False
    no_tracers = isinstance(tracers, (trace.ProxyTracerProvider, trace.NoOpTracerProvider))
    return not no_tracers or not type(meters).__module__.startswith("opentelemetry.metrics")


def trace_id() -> str:
    """The current trace id as 32 hexadecimal digits, "" outside a trace; known also when only an upstream service records."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


async def traced(path: Coroutine[object, None, Outcome], tool: str, acting: Acting) -> Outcome:
    """The path of a call inside its span; the tool's own spans become children of it."""
    span = started(tool, acting)
    try:
        with within(span):
            outcome = await path
    except BaseException as error:
        refused(span, tool, error)
        raise
    settled(span, tool, outcome)
    return outcome


def started(tool: str, acting: Acting) -> Span | None:
    """The span of a call, not yet the current one; None when there can be none. `refused` or `settled` ends it."""
    attributes = {OPERATION: EXECUTE_TOOL, TOOL: tool, AGENT: acting.agent, CONVERSATION: acting.session}
    attributes = {name: value for name, value in attributes.items() if value}
    try:
        from opentelemetry import trace

        return trace.get_tracer("gate").start_span(f"{EXECUTE_TOOL} {tool}", attributes=attributes)
    except Exception:
        _log.exception("a call could not be traced")
        return None


@contextmanager
def within(span: Span | None) -> Generator[None]:
    """Makes the span the current one; it does not end with that."""
    if span is None:
        yield
        return
    from opentelemetry import trace

    with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        yield


@_quietly
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


@_quietly
def refused(span: Span | None, tool: str, error: BaseException) -> None:
    """A call that did not run: an error of the span, with every reason, and one more in the count of calls. Ends the span."""
    reasons = error.reasons if isinstance(error, Denied) else ()
    if span is not None:
        from opentelemetry.trace import Status, StatusCode

        kind = "gate.denied" if isinstance(error, Denied) else type(error).__qualname__
        span.set_attributes({ERROR: kind, DECISION: "deny", REASONS: reasons})
        span.set_status(Status(StatusCode.ERROR, "; ".join(reasons)[:500]))
        _ended(span)
    _counter().add(1, {TOOL: tool, DECISION: "deny", STATUS: "refused"})


@_quietly
def settled(span: Span | None, tool: str, outcome: Outcome) -> None:
    """The outcome of a run: status, error type, duration. Ends the span."""
    labels = {OPERATION: EXECUTE_TOOL, TOOL: tool}
    if outcome.error is not None:
        labels[ERROR] = type(outcome.error).__qualname__
    if span is not None:
        from opentelemetry.trace import Status, StatusCode

        span.set_attribute(STATUS, outcome.status)
        if outcome.error is not None:
            span.set_attribute(ERROR, labels[ERROR])
            span.set_status(Status(StatusCode.ERROR))
        _ended(span)
    _histogram().record(outcome.seconds, labels)
    _counter().add(1, {TOOL: tool, DECISION: "run", STATUS: outcome.status})


@_quietly
def _ended(span: Span) -> None:
    span.end()


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
