"""CrewAI (`crewai`): the tools of a crew behind a gate.

    crew = guard(Crew(agents=[reader, writer], tasks=[…]), gate, parts={"reader": {"agent": "reader", "tools": ["read_file"]}})
    with gate.acting(cap):
        crew.kickoff()

CrewAI's own hooks let the tool run when they crash, so the tools are wrapped instead: those of the crew's agents, of its manager and of its tasks,
and once more before each kickoff, for those that were added meanwhile.  An agent alone is guarded the same way, for `agent.kickoff()`.  What an
agent gets from elsewhere (`mcps`, `apps`, `allow_code_execution`, `multimodal`) is refused: pass such tools in `tools`.  Delegating to a coworker
is no call of its own; what the coworker calls is gated.  So are the names that the model sees: "Read File" is "read_file" at the gate.

Who acts: `capability`, or whoever acts by `gate.acting`; parts: role → what such an agent has of it, as `gate.attenuate` takes it.  CrewAI has no
pause and gives tools no id of the call: the model is refused and calls again.  A refusal is the tool's result.  CrewAI's cache of results is off
for these tools, because it would hand what one agent may read to another.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, PrivateAttr

from gate.agents.around import Around, Sent, told
from gate.agents.framework import framework, sendable
from gate.errors import ConfigError, GateError

if TYPE_CHECKING:
    from gate.gate import Gate

_BaseTool: Any = framework("crewai.tools", extra="crewai").BaseTool
_name: Final = framework("crewai.utilities.string_utils", extra="crewai").sanitize_tool_name
ELSEWHERE: Final = ("mcps", "apps", "allow_code_execution", "multimodal")
"""What gives an agent tools that are made when the crew runs."""


def guard(crew: Any, gate: Gate, *, parts: Mapping[str, Mapping[str, Any]] | None = None, **around: Any) -> Any:
    """The same crew, or the same agent, with gated tools. around: what `Around` takes. ConfigError for what cannot be guarded."""
    arounds: dict[str, Around] = {}

    def of(agent: Any) -> Around:
        role = getattr(agent, "role", "")
        if role not in arounds:
            arounds[role] = Around(gate, part=(parts or {}).get(role), **around)
        return arounds[role]

    if not hasattr(crew, "agents"):
        _guard_agent(crew, of(crew))
        return crew

    def all_of_it(inputs: Any) -> Any:
        for agent in [*crew.agents, *filter(None, [crew.manager_agent])]:
            _guard_agent(agent, of(agent))
        for task in crew.tasks:
            task.tools = [_Gated.of(tool, of(task.agent)) for tool in task.tools or ()]
            if task.agent is not None:
                _guard_agent(task.agent, of(task.agent))
        return inputs

    all_of_it(None)
    crew.before_kickoff_callbacks = [*crew.before_kickoff_callbacks, all_of_it]
    return crew


def _guard_agent(agent: Any, around: Around) -> None:
    for name in ELSEWHERE:
        if getattr(agent, name, None):
            raise ConfigError(f"the agent '{agent.role}' gets tools by '{name}' that the gate never sees; pass them in tools=[…]")
    agent.tools = [_Gated.of(tool, around) for tool in agent.tools or ()]


def _never(_arguments: Any = None, _result: Any = None) -> bool:
    return False


class _Gated(_BaseTool):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]  # of a framework that need not be there
    """A tool that runs as the gate allows."""

    _inner: Any = PrivateAttr()
    _around: Any = PrivateAttr()

    @classmethod
    def of(cls, tool: Any, around: Around) -> Any:
        """A tool behind the gate. Another agent's gated tool acts for this one here."""
        if isinstance(tool, _Gated):
            if tool._around is around:  # noqa: SLF001  # one of this class
                return tool
            tool = tool._inner  # noqa: SLF001  # as above
        said = {"model_config": ConfigDict(extra="forbid"), "__module__": __name__}  # what nobody asked for is refused, and not left out
        schema: Any = type(tool.args_schema.__name__, (tool.args_schema,), said)
        made: Any = cls(
            name=tool.name, description=tool.description, args_schema=schema, result_as_answer=tool.result_as_answer, cache_function=_never
        )
        made._inner, made._around = tool, around  # noqa: SLF001  # as above
        around.declare(_name(tool.name), sendable(schema.model_json_schema()))
        return made

    def _run(self, **arguments: Any) -> Any:
        def run(checked: dict[str, object]) -> Any:
            return self._inner.run(**checked)

        try:
            return self._around.run(Sent(_name(self.name), arguments), run)
        except GateError as error:
            return told(error)

    async def _arun(self, **arguments: Any) -> Any:
        looping = inspect.iscoroutinefunction(getattr(self._inner, "func", None) or self._inner._arun)  # noqa: SLF001  # what users override

        async def run(checked: dict[str, object]) -> Any:
            return await self._inner.arun(**checked) if looping else self._inner.run(**checked)

        try:
            return await self._around.arun(Sent(_name(self.name), arguments), run)
        except GateError as error:
            return told(error)
