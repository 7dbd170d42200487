"""LangGraph: what the middleware and the guarded tools of `gate.agents.langchain` share: from a call in a graph to its result, refusal or pause.

A call that needs a person is an `interrupt` where the graph has a checkpointer, and a refusal where it has none.  What comes back is looked at
together with the gate's desk.  LangGraph hands the values of earlier interrupts out again when it repeats a node, so a yes counts only for the
question that it answers: the one it names, or the one that this process put out at this place.

LangGraph repeats a whole node when one call of it paused.  The results of the others are kept for that, so that they don't run again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from gate.agents.around import Sent, asked, note, told
from gate.agents.framework import framework
from gate.agents.parts import Parts
from gate.constraints.value import is_object
from gate.errors import ConfigError, Denied, GateError, NeedsApproval

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.gate import Gate

_types: Final = framework("langgraph.types", extra="langchain")
_errors: Final = framework("langgraph.errors", extra="langchain")
_messages: Final = framework("langchain_core.messages", extra="langchain")

Config: TypeAlias = Mapping[str, Any]
MOST: Final = 256
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_put: Final[OrderedDict[tuple[str, ...], dict[int, str]]] = OrderedDict()
"""By place, the question of each interrupt there, in order."""
_heard: Final[OrderedDict[tuple[str, ...], dict[object, object]]] = OrderedDict()
"""By run of a node, what was said in it that names its question: any call of the node may be the one that is handed it."""
_turn: Final = Lock()


class Called(NamedTuple):
    """One call in a graph. tool: the framework's, None for a name that it does not have. config: the runnable's."""

    sent: Sent
    tool: Any
    config: Config

    @property
    def place(self) -> tuple[str, ...]:
        """The thread, the one run of a node in it, and the call; () where nothing can be paused."""
        where: Mapping[str, object] = self.config.get("configurable") or _NOTHING
        return (str(where["thread_id"]), str(where["checkpoint_ns"]), self.sent.id) if {"thread_id", "checkpoint_ns"} <= where.keys() else ()

    @property
    def alone(self) -> bool:
        """Whether no other call is made in the same run of the node, so that its interrupts are this call's."""
        about: Mapping[str, Any] = self.config.get("metadata") or _NOTHING
        return "__pregel_push" in about.get("langgraph_triggers", ())


class InGraph(Parts):
    """The tools of one graph, or of one agent in it, behind a gate."""

    def __init__(self, gate: Gate, **around: Any) -> None:
        super().__init__(gate, noted=_noted, **around)
        self._seen: dict[str, Any] = {}
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def see(self, tool: Any) -> None:
        """Declares a tool as its first call comes, or before. ConfigError when it cannot be."""
        if self._seen.get(tool.name) is not tool:
            self.declare(tool.name, schema_of(tool))
            self._seen[tool.name] = tool

    def call(self, called: Called, go_on: Callable[[dict[str, object]], Any]) -> Any:
        """The framework's result of a call, or the message that says why it was refused. Raises what the tool raises, and the framework's pause."""
        try:
            steps = _Steps(self, called, go_on)
            while not steps.done:
                try:
                    with steps.answered():
                        steps.end(self._parts(called, steps.run) if self._delegates(called) else self.run(called.sent, steps.run))
                except NeedsApproval as needs:
                    steps.pause(needs)
        except _FailedError as failed:
            return failed.result
        except GateError as error:
            return refusal(called, error)
        return steps.result

    async def acall(self, called: Called, go_on: Callable[[dict[str, object]], Awaitable[Any]]) -> Any:
        """The same in an event loop."""
        try:
            steps = _Steps(self, called, go_on)
            while not steps.done:
                try:
                    with steps.answered():
                        steps.end(await (self._aparts(called, steps.arun) if self._delegates(called) else self.arun(called.sent, steps.arun)))
                except NeedsApproval as needs:
                    steps.pause(needs)
        except _FailedError as failed:
            return failed.result
        except GateError as error:
            return refusal(called, error)
        return steps.result

    # ---- tools in which an agent runs, which may pause and are called again to go on -----------------------------------------------------

    def _delegates(self, called: Called) -> bool:
        said = self._options.get(called.sent.tool, {}).get("effects", ())
        return bool(called.place) and "delegates" in ([said] if isinstance(said, str) else said)

    def _parts(self, called: Called, run: Callable[[dict[str, object]], Any]) -> Any:
        sent, gate = called.sent, self.gate
        with gate.within(self._prepared(sent)[1]):
            ticket = gate.authorize(sent.tool, sent.arguments, ref=sent.id)
            self.taken(ticket, sent)
            try:
                value = run(ticket.arguments)
            except _errors.GraphInterrupt:
                self.paused(ticket)
                raise  # the ticket stays open, and is found again by the call's id
            except BaseException as error:
                gate.settle(ticket, error=error)
                raise
            gate.settle(ticket, value=value)
            return value

    async def _aparts(self, called: Called, run: Callable[[dict[str, object]], Awaitable[Any]]) -> Any:
        sent, gate = called.sent, self.gate
        with gate.within(self._prepared(sent)[1]):
            ticket = await gate.aauthorize(sent.tool, sent.arguments, ref=sent.id)
            self.taken(ticket, sent)
            try:
                value = await run(ticket.arguments)
            except _errors.GraphInterrupt:
                self.paused(ticket)
                raise  # as above
            except BaseException as error:
                await gate.asettle(ticket, error=error)
                raise
            await gate.asettle(ticket, value=value)
            return value

    # ---- results of a node that is repeated ----------------------------------------------------------------------------------------------

    def kept(self, called: Called) -> list[Any]:
        """The result of this very call in this very run of the node, where it has one already."""
        key = _key(called)
        return [self._kept[key]] if key in self._kept else []

    def keep(self, called: Called, result: Any) -> None:
        """Keeps a result for when the node is repeated."""
        if called.place and not called.alone:
            self._kept[_key(called)] = result
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)


class _FailedError(Exception):
    """The tool failed, and the framework has made a message of that already."""

    def __init__(self, result: Any) -> None:
        super().__init__(str(result.content))
        self.result = result


class _Steps:
    """One call on its way: run, paused, answered, run again. What the gate sees of a message is its content."""

    def __init__(self, graph: InGraph, called: Called, go_on: Callable[[dict[str, object]], Any]) -> None:
        self._graph, self._called, self._go_on = graph, called, go_on
        self._question: Question | None = None
        self._said: Mapping[str, object] | None = None
        self._used: object = None
        self._pauses = 0
        kept = graph.kept(called)
        self.done = bool(kept)
        self.result: Any = _first(kept)
        if not self.done and called.tool is not None:
            _see(graph, called)

    def run(self, arguments: dict[str, object]) -> Any:
        self.result = _checked(self._go_on(arguments))
        return _content(self.result)

    async def arun(self, arguments: dict[str, object]) -> Any:
        self.result = _checked(await self._go_on(arguments))
        return _content(self.result)

    def end(self, content: Any) -> None:
        """It ran. content: what may be passed on, with what the model must be told besides."""
        if content is not _content(self.result):
            is_message = isinstance(self.result, _messages.ToolMessage)
            self.result = self.result.model_copy(update={"content": content}) if is_message else content
        self._graph.keep(self._called, self.result)
        self.done = True

    def answered(self) -> AbstractContextManager[None]:
        return nullcontext() if self._said is None else self._graph.answered(self._question, self._said)

    def pause(self, needs: NeedsApproval) -> None:
        """Stops the graph until there is an answer; goes on with it. Raises `needs` where there is no pause."""
        place, question = self._called.place, needs.question
        if not place or question is None or question.tool != self._called.sent.tool:
            raise needs
        with _turn:
            heard = _bounded(_heard, place[:2])
            fresh = question.id in heard and heard[question.id] is not self._used
            said = heard[question.id] if fresh else self._interrupted(place, question)
            if is_object(said) and "question" in said:
                heard[said["question"]] = said
            self._used = said
        self._question, self._said = question, _bound(said, question, _put.get(place, {}).get(self._pauses))
        self._pauses += not fresh

    def _interrupted(self, place: tuple[str, ...], question: Question) -> object:
        try:
            return _types.interrupt(asked(question))
        except _errors.GraphInterrupt:
            if self._called.alone:
                _bounded(_put, place)[self._pauses] = question.id
            raise


def _first(kept: list[Any]) -> Any:
    return kept[0] if kept else None


def _bounded(kept: OrderedDict[tuple[str, ...], dict[Any, Any]], key: tuple[str, ...]) -> dict[Any, Any]:
    """What is kept under the key; the oldest is forgotten when there are too many."""
    found = kept.setdefault(key, {})
    if len(kept) > MOST:
        kept.popitem(last=False)
    return found


def _see(graph: InGraph, called: Called) -> None:
    try:
        graph.see(called.tool)
    except ConfigError as error:
        raise Denied(str(error), tool=called.sent.tool) from error


def _bound(said: object, question: Question, put: str | None) -> Mapping[str, object]:
    """What was said, without a yes to another question than this."""
    words: Mapping[str, object] = said if is_object(said) else {"approve": said}
    if words.get("approve") is False or words.get("question", put) == question.id:
        return words
    return {name: value for name, value in words.items() if name == "approvals"}


def _key(called: Called) -> tuple[object, ...]:
    sent = called.sent
    return (*called.place, sent.tool, json.dumps(sent.arguments, sort_keys=True, default=repr)) if called.place else ()


def _checked(result: Any) -> Any:
    if isinstance(result, _messages.ToolMessage) and result.status == "error":
        raise _FailedError(result)
    return result


def _content(result: Any) -> Any:
    return result.content if isinstance(result, _messages.ToolMessage) else result


def refusal(called: Called, error: GateError) -> Any:
    """The framework's message about a call that was refused; a text where the call has no id."""
    sent = called.sent
    return _messages.ToolMessage(told(error), name=str(sent.tool), tool_call_id=sent.id, status="error") if sent.id else told(error)


def _noted(value: Any, notices: Sequence[str]) -> Any:
    """A result with what the model must be told besides: in its text, in the blocks of it, or in the first message of a command."""
    if isinstance(value, _types.Command) and is_object(value.update) and isinstance(found := value.update.get("messages"), list):
        messages = [one.model_copy(update={"content": _noted(one.content, notices)}) if n == 0 else one for n, one in enumerate(found)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]  # the framework's
        return replace(value, update={**value.update, "messages": messages})
    if isinstance(value, list):
        return [{"type": "text", "text": note("", notices).rstrip()}, *value]
    return value if isinstance(value, _types.Command) else note(value, notices)


def schema_of(tool: Any) -> Mapping[str, object]:
    """The JSON Schema of what a model may send: without what the graph supplies."""
    said = tool.tool_call_schema
    made = said if is_object(said) else said.model_json_schema() if hasattr(said, "model_json_schema") else said.schema()
    return {"additionalProperties": False, **made}
