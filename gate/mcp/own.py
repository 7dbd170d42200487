"""Own: the catalogue's tools as a server of MCP, each behind the gate that serves it; both eras, tools only.

    own = Own(gate, functions, capability)
    answer = await own.answer(message, context)        # the body of the response, None for a notification

An agent's whole set of tools then lives in the gate's process, under the gate's user id: there is no server to go to past the gate.  A tool is listed
with the schema of its parameters; whoever acts sees those that their capability grants.  A refusal is a result that says so, as is an error of the
tool.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gate import __version__, ref
from gate.agents.around import told
from gate.constraints.value import is_object
from gate.errors import GateError
from gate.kind import KindTool, kind_tool
from gate.mcp import wire
from gate.mcp.behind import Behind
from gate.mcp.catalogue import Catalogue
from gate.mcp.era import LEGACY, MODERN, PREFIX, VERSION, complete, meta, modern, uncached

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Body, Message

NAME: Final = "gate-kinds"
UNSUPPORTED: Final = -32022
NO_METHOD: Final = -32601
WRONG: Final = -32602
_ABLE: Final[Mapping[str, object]] = {"tools": {}}
_SELF: Final[Mapping[str, object]] = {"name": NAME, "version": __version__}
_TYPES: Final[Mapping[object, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Own:
    """The server. functions: ready-made tools of kinds; capability: gives the default one's token, "" for none."""

    def __init__(self, gate: Gate, functions: Sequence[Callable[..., object]], capability: Callable[[], str] = str) -> None:
        self.gate = gate
        self.behind = Behind(gate, NAME, Catalogue(NAME), kinds=_nothing, capability=capability)
        self._tools: dict[str, Body] = {}
        for function in functions:
            tool = kind_tool(function)
            if tool is not None:
                gate.wrap(function, name=tool.name)
                self._tools[tool.name] = definition(tool, function)

    def grants(self, tool: str) -> bool:
        """Whether it is one of these tools."""
        return tool in self._tools

    async def answer(self, message: Message, context: Context) -> Body | None:
        """The response to a request; None for anything else."""
        if message.sort != "request":
            return None
        if modern(message) and meta(message)[VERSION] != MODERN:
            data = {"supported": [MODERN], "requested": meta(message)[VERSION]}
            return wire.error(message.id, UNSUPPORTED, "Unsupported protocol version", data)
        if message.method == "tools/call":
            return await self._call(message, context)
        result = self._plain(message, context)
        return wire.error(message.id, NO_METHOD, "Method not found") if result is None else wire.result(message.id, result)

    def _plain(self, message: Message, context: Context) -> Body | None:
        is_modern = modern(message)
        if message.method == "tools/list":
            listed = [tool for name, tool in self._tools.items() if context.sees(name)]
            return uncached(complete({"tools": listed}, modern=is_modern), context.life(), modern=is_modern)
        if message.method == "ping":
            return complete({}, modern=is_modern)
        if message.method == "initialize" and not is_modern:
            asked = message.params.get("protocolVersion")
            return {"protocolVersion": asked if asked in LEGACY else LEGACY[0], "capabilities": dict(_ABLE), "serverInfo": dict(_SELF)}
        if message.method == "server/discover" and is_modern:
            said: Body = {"supportedVersions": [MODERN], "capabilities": dict(_ABLE), "_meta": {f"{PREFIX}serverInfo": dict(_SELF)}}
            return uncached(complete(said, modern=True), context.life(), modern=True)
        return None

    async def _call(self, message: Message, context: Context) -> Body:
        name, arguments = message.params.get("name"), message.params.get("arguments", {})
        if type(name) is not str or not is_object(arguments):
            return wire.error(message.id, WRONG, "'name' must be a text and 'arguments' an object")
        if name not in self._tools or not context.sees(name):
            return wire.error(message.id, WRONG, f"Unknown tool: {name[:128]}")
        try:
            with self.behind.acting(context.key), ref.under(f"{message.id}", once=False):  # good for one connection
                value = await self.gate.acall(name, arguments)
            result = given(value)
        except GateError as error:
            result = failed(told(error))
        except Exception as error:  # the tool's own
            result = failed(f"{type(error).__name__}: {error}")
        return wire.result(message.id, complete(result, modern=modern(message)))


def given(value: object) -> Body:
    """A result of a tool; an object is also there as one."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    result: Body = {"content": [{"type": "text", "text": text}]}
    return {**result, "structuredContent": json.loads(text)} if is_object(value) else result


def failed(text: str) -> Body:
    """A result that says why there is none."""
    return {"content": [{"type": "text", "text": text}], "isError": True}


def definition(tool: KindTool, function: Callable[..., object]) -> Body:
    """The definition of a ready-made tool, as `tools/list` has it."""
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    schema: Body = {
        "type": "object",
        "properties": {name: _schema(hints.get(name)) for name in parameters},
        "required": [name for name, one in parameters.items() if one.default is inspect.Parameter.empty],
        "additionalProperties": False,
    }
    return {"name": tool.name, "description": inspect.getdoc(function) or tool.name, "inputSchema": schema}


def _schema(hint: Any) -> Body:
    """The JSON Schema of a parameter: its outer type, for its kind says the rest when it is called."""
    options = [one for one in typing.get_args(hint) if one is not type(None)] if type(None) in typing.get_args(hint) else []
    origin = typing.get_origin(hint) or hint
    if len(options) == 1:
        return _schema(options[0])
    if origin in _TYPES:
        return {"type": _TYPES[origin]}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    return {"type": "array"} if isinstance(origin, type) and issubclass(origin, Sequence) else {}


def _nothing(server: str, listed: list[Mapping[str, object]]) -> Mapping[str, KindTool]:
    del server, listed
    return {}
