"""LangGraph: what the middleware and the guarded tools of `gate.agents.langchain` share: from a call in a graph to its result, refusal or pause.

A call that needs a person is an `interrupt` where the graph has a checkpointer, and a refusal where it has none.  What comes back is looked at
together with the gate's desk, see `gate.agents._langgraph_answers`.

LangGraph repeats a whole node when one call of it paused.  The results of the others are kept for that, so that they don't run again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from gate.agents._langgraph_answers import MOST, Answers
from gate.agents._langgraph_said import Called, FailedError, checked, content, noted, refusal, replaced, schema_of
from gate.agents.framework import framework
from gate.agents.parts import Parts
from gate.errors import ConfigError, Denied, GateError, NeedsApproval

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.gate import Gate

_errors: Final = framework("langgraph.errors", extra="langchain")


class InGraph(Parts):
    """The tools of one graph, or of one agent in it, behind a gate."""

    def __init__(self, gate: Gate, **around: Any) -> None:
        super().__init__(gate, noted=noted, **around)
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
                        steps.end(self._run(called, steps.run))
                except NeedsApproval as needs:
                    steps.pause(needs)
        except FailedError as failed:
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
                        steps.end(await self._arun(called, steps.arun))
                except NeedsApproval as needs:
                    steps.pause(needs)
        except FailedError as failed:
            return failed.result
        except GateError as error:
            return refusal(called, error)
        return steps.result

    def _run(self, called: Called, run: Callable[[dict[str, object]], Any]) -> Any:
        return self.run_parts(called.sent, run, stops=_errors.GraphInterrupt) if self._delegates(called) else self.run(called.sent, run)

    def _arun(self, called: Called, run: Callable[[dict[str, object]], Awaitable[Any]]) -> Awaitable[Any]:
        return self.arun_parts(called.sent, run, stops=_errors.GraphInterrupt) if self._delegates(called) else self.arun(called.sent, run)

    def _delegates(self, called: Called) -> bool:
        """Whether an agent runs in the tool, which may pause and is called again to go on."""
        said = self._options.get(called.sent.tool, {}).get("effects", ())
        return bool(called.place) and "delegates" in ([said] if isinstance(said, str) else said)

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


class _Steps:
    """One call on its way: run, paused, answered, run again. What the gate sees of a message is its content."""

    def __init__(self, graph: InGraph, called: Called, go_on: Callable[[dict[str, object]], Any]) -> None:
        self._graph, self._called, self._go_on = graph, called, go_on
        self._question: Question | None = None
        self._said: Mapping[str, object] | None = None
        self._answers = Answers(called)
        kept = graph.kept(called)
        self.done = bool(kept)
        self.result: Any = _first(kept)
        if not self.done and called.tool is not None:
            _see(graph, called)

    def run(self, arguments: dict[str, object]) -> Any:
        self.result = checked(self._go_on(arguments))
        return content(self.result)

    async def arun(self, arguments: dict[str, object]) -> Any:
        self.result = checked(await self._go_on(arguments))
        return content(self.result)

    def end(self, given: Any) -> None:
        """It ran. given: what may be passed on, with what the model must be told besides."""
        if given is not content(self.result):
            self.result = replaced(self.result, given)
        self._graph.keep(self._called, self.result)
        self.done = True

    def answered(self) -> AbstractContextManager[None]:
        return nullcontext() if self._said is None else self._graph.answered(self._question, self._said)

    def pause(self, needs: NeedsApproval) -> None:
        """Stops the graph until there is an answer; goes on with it. Raises `needs` where there is no pause."""
        question = needs.question
        if not self._called.place or question is None or question.tool != self._called.sent.tool:
            raise needs
        self._question, self._said = question, self._answers.to(question)


def _first(kept: list[Any]) -> Any:
    return kept[0] if kept else None


def _see(graph: InGraph, called: Called) -> None:
    try:
        graph.see(called.tool)
    except ConfigError as error:
        raise Denied(str(error), tool=called.sent.tool) from error


def _key(called: Called) -> tuple[object, ...]:
    sent = called.sent
    return (*called.place, sent.tool, json.dumps(sent.arguments, sort_keys=True, default=repr)) if called.place else ()
