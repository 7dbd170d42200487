"""What the adapter of the OpenAI Agents SDK is made of: the class of guarded agents, what a tool is shown, and what the SDK's person said."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any, cast

from gate.constraints.value import is_array
from gate.errors import ConfigError


@contextmanager
def shown(context: Any, checked: str, *, agent: bool) -> Generator[Any]:
    """The context as a tool sees it: with the arguments that were checked, where the SDK has what the model sent.

    The `tool_call` of an agent stays the SDK's object, by which it finds a run that paused; the agent's input is the checked text.
    """
    shown = copy(context)
    shown.tool_arguments, shown._function_tool_arguments = checked, None  # noqa: SLF001  # what the SDK has prepared of the other text
    if context.tool_call is not None and not agent:
        shown.tool_call = context.tool_call.model_copy(update={"arguments": checked})
    try:
        yield shown
    finally:
        if hasattr(shown, "_custom_data"):
            context._custom_data = shown._custom_data  # noqa: SLF001  # the SDK takes what an MCP server's tool leaves from its own


def said_yes(context: Any, tool: str, call_id: str) -> bool:
    """Whether the SDK's person said yes to a call of this id. A yes to all later ones is none here: nobody saw this one."""
    lists = [record.approved for record in context._approvals.values() if is_array(record.approved)]  # noqa: SLF001  # tells them apart
    return context.is_tool_approved(tool, call_id) is True and any(call_id in approved for approved in lists)


class GuardedAgent:
    """The part of a guarded agent that gates: the run takes its tools from here, each turn and after a pause."""

    name: str
    behind: Any
    handoffs: list[Any]

    async def get_all_tools(self, run_context: Any) -> list[Any]:
        """All tools, those of MCP servers and those that were added later too. ConfigError for what cannot be guarded."""
        if self.behind is None:
            raise ConfigError(f"the agent '{self.name}' has lost its gate; make it by guard(agent, gate, …)")
        for target in self.handoffs:
            checked(target)
        base: Any = super()  # the agent's class
        return cast("list[Any]", self.behind.tools(await base.get_all_tools(run_context)))


@cache
def guarded_class(base: Hashable) -> Any:
    """The class of guarded agents of a class. Their clones are of it too, and have the same gate."""
    body = {"__annotations__": {"behind": Any}, "behind": dataclasses.field(default=None, kw_only=True, repr=False), "__module__": __name__}
    kind: Any = base
    return dataclasses.dataclass(type(f"Guarded{kind.__name__}", (GuardedAgent, kind), body))


def checked(target: Any) -> Any:
    """What is handed off to. ConfigError when that is no guarded agent."""
    reference = getattr(target, "_agent_ref", None)
    if not isinstance(reference() if reference else target, GuardedAgent):
        name = getattr(target, "agent_name", None) or getattr(target, "name", target)
        raise ConfigError(f"the agent '{name}' that is handed off to is not guarded; say handoff(guard(agent, gate, …))")
    return target
