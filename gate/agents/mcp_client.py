"""MCP client sessions (`mcp` 1.30 and 2): a session whose tool calls go through a gate.

    async with ClientSession(read, write) as session:
        await session.initialize()
        gated = GatedSession(session, gate, server="files", capability=cap)
        result = await gated.call_tool("read_file", {"path": "a"})         # at the gate: "files/read_file"

It stands in for a `ClientSession` (or the `Client` of mcp 2) wherever one is taken, also where a framework makes tools of a session.  A refusal
is an error result; so is one that needs a person, and who makes the same call again takes up the answer.  MCP gives calls no id on this side;
`with gate.ref.under(id)` says one.  A tool whose definition changes while the session lives is left out of the list and refused (a server that
turns bad after it was looked at); for pins that outlive a session, resources, prompts and what a server asks back, stand `gate mcp` in between.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final

from gate import ref
from gate.agents.around import Around, Sent, told
from gate.agents.framework import framework, sendable
from gate.errors import Denied, GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.gate import Gate

_types: Final = framework("mcp.types", extra="mcp")
ERROR: Final = ("is_error", "isError")
"""How a result says that the tool failed, in mcp 2 and 1."""
MOST_PAGES: Final = 1000


class GatedSession:
    """A session, its tool calls gated. server: what its tools are called after at the gate, "" for their own names. around: what `Around` takes.

    Everything but `call_tool` and `list_tools` is the session's own.
    """

    def __init__(self, session: Any, gate: Gate, /, *, server: str, **around: Any) -> None:
        self._session, self._prefix = session, f"{server}/" if server else ""
        self._around = Around(gate, noted=_noted, **around)
        self._known: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def list_tools(self, *args: Any, **kwargs: Any) -> Any:
        """The server's tools, without those that are not what they were."""
        listed = await self._session.list_tools(*args, **kwargs)
        return listed.model_copy(update={"tools": [tool for tool in listed.tools if self._declare(tool)]})

    async def call_tool(self, name: str, arguments: dict[str, Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        """What the server gives, or an error result that says why it was not asked. What the session raises passes through."""

        async def run(checked: dict[str, object]) -> Any:
            result = await self._session.call_tool(name, checked, *args, **kwargs)
            if any(getattr(result, mark, False) is True for mark in ERROR):
                raise _FailedError(result)
            return result

        try:
            if name not in self._known:
                await self._look_up()
            if self._known.get(name) == "":
                raise Denied("the server changed what this tool is, since it was listed first", tool=f"{self._prefix}{name}")
            sent = Sent(f"{self._prefix}{name}", {} if arguments is None else arguments, ref.current())
            return await self._around.arun(sent, run)
        except _FailedError as failed:
            return failed.result
        except GateError as error:
            return refusal(told(error))

    async def _look_up(self) -> None:
        """Lists all pages: a tool is not called before it was seen."""
        listed = await self.list_tools()
        takes_params = "params" in inspect.signature(self._session.list_tools).parameters
        for _ in range(MOST_PAGES):
            cursor = getattr(listed, "next_cursor", None) or getattr(listed, "nextCursor", None)
            if not cursor:
                return
            said = {"params": _types.PaginatedRequestParams(cursor=cursor)} if takes_params else {"cursor": cursor}
            listed = await self.list_tools(**said)

    def _declare(self, tool: Any) -> bool:
        """Puts a tool behind the gate; False for one that is another now, or cannot be put there."""
        said = json.dumps(tool.model_dump(mode="json"), sort_keys=True)
        if self._known.setdefault(tool.name, said) != said:
            self._known[tool.name] = ""
            return False
        try:
            schema = tool.inputSchema if hasattr(tool, "inputSchema") else tool.input_schema
            self._around.declare(f"{self._prefix}{tool.name}", sendable(schema))
        except GateError:
            self._known[tool.name] = ""
            return False
        return True


class _FailedError(Exception):
    """The tool failed, says the server: the gate records that, and the caller gets the result."""

    def __init__(self, result: Any) -> None:
        super().__init__("the server says that the tool failed")
        self.result = result


def refusal(text: str) -> Any:
    """An error result of a tool (`CallToolResult`), of either version."""
    return _types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": True})


def _noted(result: Any, notices: Sequence[str]) -> Any:
    """A result, and before it what the model must be told."""
    return result.model_copy(update={"content": [_types.TextContent(type="text", text=f"Note: {'; '.join(notices)}."), *result.content]})
