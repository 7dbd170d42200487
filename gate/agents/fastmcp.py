"""FastMCP (`fastmcp` 4): a middleware that puts the tools of a server, or of a proxy of other servers, behind a gate.

    server = FastMCP("files", middleware=[GateMiddleware(gate)])

Who acts: `capability`, of a server that serves one agent; or what the request says in `_meta`, as `{"capgate/capability": token}`; or whoever acts
by `gate.acting`.  `_meta` may also say the model's id of the call, "capgate/call", and the session, "capgate/session".  Neither the tool nor a
server behind a proxy is passed these.  A refusal is an error result; so is a call that needs a person: the client is told the question's id and
calls again.  Everything that comes with a list or a call is gated, mounted servers and tools that are added later too; resources and prompts are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gate.agents.around import Around, Sent, told
from gate.agents.framework import framework, sendable
from gate.errors import Denied, GateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gate.gate import Gate

    Next = Callable[[Any], Awaitable[Any]]

_Middleware: Any = framework("fastmcp.server.middleware", extra="fastmcp").Middleware
_ToolError: Any = framework("fastmcp.exceptions", extra="fastmcp").ToolError
_types: Final = framework("mcp.types", extra="fastmcp")
CAPABILITY, CALL, SESSION = "capgate/capability", "capgate/call", "capgate/session"


class GateMiddleware(_Middleware):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]  # of a framework that need not be there
    """The middleware. Put it last, so that it sees what others made of a call. around: what `Around` takes."""

    def __init__(self, gate: Gate, **around: Any) -> None:
        self._around = Around(gate, noted=_noted, **around)

    async def on_call_tool(self, context: Any, call_next: Next) -> Any:
        """What the tool gives. ToolError when it did not run; what it raises passes through."""
        message = context.message

        async def run(checked: dict[str, object]) -> Any:
            return await call_next(context.copy(message=message.model_copy(update={"arguments": checked})))

        try:
            meta = _taken(context)
            tool = await context.fastmcp_context.fastmcp.get_tool(message.name)
            if tool is None:
                raise Denied("the server has no such tool", tool=message.name)
            self._around.declare(message.name, sendable(tool.parameters))
            sent = Sent(message.name, message.arguments or {}, meta.get(CALL, ""), meta.get(CAPABILITY), meta.get(SESSION, ""))
            return await self._around.arun(sent, run)
        except GateError as error:
            raise _ToolError(told(error)) from None


def _taken(context: Any) -> dict[str, str]:
    """What the request says of who acts, taken out of it: a proxy passes on what is left."""
    taken: dict[str, str] = {}
    for holder in (context.message, context.fastmcp_context.request_context):
        meta: Any = getattr(holder, "meta", None)
        for name in (CAPABILITY, CALL, SESSION) if hasattr(meta, "pop") else ():
            if isinstance(value := meta.pop(name, None), str):
                taken[name] = value
    return taken


def _noted(result: Any, notices: Sequence[str]) -> Any:
    """A result, and before it what the model must be told."""
    result.content = [_types.TextContent(type="text", text=f"Note: {'; '.join(notices)}."), *result.content]
    return result
