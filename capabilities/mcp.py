"""mcp: a tool on a named server, with the definition that somebody looked at.

    mcp.call  tool={"server": "github", "name": "get_issue", "pin": "sha256:…"} arguments={"number": 7}

The pin is put in by whoever has the server's list of tools (`Servers`, later the relay), never by the agent: one that an agent sends must be the
one that is known.  The constraint `mcp_tool` (`tools_of`) admits named tools with pinned definitions; another definition is refused with "definition
changed".  What a server says about its own tools (annotations) is a hint: `destructiveHint` raises the risk, nothing lowers it.

>>> PIN = pin({"name": "add", "inputSchema": {"type": "object"}})
>>> TOOL.parse({"server": "math", "name": "add", "pin": PIN})["pin"] == PIN
True
>>> tools_of("math", {"add": PIN}).explain({"server": "math", "name": "add", "pin": "sha256:" + "0" * 64})[:18]
'definition changed'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from capabilities._mcp.constraint import McpTools, Reference, reference
from capabilities._mcp.definitions import Definition, Servers, kind_tools
from capabilities._mcp.pin import pin
from gate.constraints.value import is_array, is_object
from gate.effect import Assessment, Risk
from gate.frozen import Frozen, freeze, thaw
from gate.kind import KindTool, ready
from gate.preview import Panel, facts, text

_EGRESS: Final = frozenset(["egress"])
LONGEST: Final = 1_000_000
MOST: Final = 10_000


class McpToolKind:
    """A tool of a server. `servers`: the definitions that are known; without them a pin is taken as it is sent."""

    name = "mcp.tool"

    def __init__(self, servers: Servers | None = None) -> None:
        self.servers = servers

    def parse(self, value: object) -> dict[str, object]:
        """The tool with its pin; ValueError for an unknown one, and "definition changed" for a pin that is no longer right."""
        asked = reference(value)
        if self.servers is None:
            return asked.to_json()
        known = self.servers.find(asked.server, asked.name).pin
        if asked.pin not in ("", known):
            raise ValueError(f"definition changed: '{asked.name}' is now {known[:19]}…, not {asked.pin[:19]}…")
        return asked._replace(pin=known).to_json()

    def assess(self, value: object) -> Assessment:
        """Data leaves for the server, which does what only it knows: medium, and high where the definition is not pinned or says that it destroys."""
        try:
            asked = reference(value)
            found = self.servers.find(asked.server, asked.name) if self.servers else None
        except ValueError as error:
            return Assessment(_EGRESS, Risk.HIGH, (f"cannot be inspected: {error}",))
        reasons = [f"the server '{asked.server}' does '{asked.name}', and what that is only it knows"]
        if not asked.pin:
            return Assessment(_EGRESS, Risk.HIGH, (*reasons, "its definition is not pinned"), frozenset(["T1195"]))
        if found and found.destroys:
            return Assessment(_EGRESS | {"writes", "irreversible"}, Risk.HIGH, (*reasons, "it says itself that it destroys"))
        return Assessment(_EGRESS, Risk.MEDIUM, tuple(reasons))


class ArgumentsKind:
    """The arguments of such a tool, an object."""

    name = "mcp.arguments"

    def parse(self, value: object) -> object:
        """The object; ValueError for what is none, is nested deeper than 32 levels, or too large."""
        if not is_object(value) or not all(type(key) is str for key in value):
            raise ValueError("the arguments are an object with names")
        if not _fits(value):
            raise ValueError(f"the arguments hold more than {LONGEST} characters or {MOST} values")
        return thaw(freeze(value))

    def assess(self, value: object) -> Assessment:
        """Nothing of its own."""
        return Assessment(frozenset(), Risk.LOW)


def _fits(value: object) -> bool:
    """Whether it holds at most a million characters and ten thousand values."""
    left, values, characters = [value], 0, 0
    while left:
        item = left.pop()
        values += 1
        if isinstance(item, str):
            characters += len(item)
        elif is_object(item) or is_array(item):
            values += len(item)
            left += [] if values > MOST else [*item, *item.values()] if is_object(item) else item
        if values > MOST or characters > LONGEST:
            return False
    return True


def tools_of(server: str, tools: Mapping[str, str | None] | Sequence[str]) -> McpTools:
    """Admits these tools of a server: name → pin, or names alone for whatever their definitions become."""
    return McpTools(server, dict.fromkeys(tools) if is_array(tools) else tools)


def headline(arguments: Mapping[str, Frozen]) -> str:
    """As in: let the server 'github' do 'get_issue'."""
    asked = reference(arguments.get("tool"))
    return f"let the server '{asked.server}' do '{asked.name}'"


def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    """The server, the tool, its pin, and the arguments as they are sent."""
    asked = reference(arguments.get("tool"))
    said = [("server", asked.server), ("tool", asked.name), ("definition", asked.pin or "not pinned"), ("what it does", "only the server knows")]
    return [facts("tool of a server", said), text("arguments", json.dumps(thaw(arguments.get("arguments")), indent=2, ensure_ascii=False))]


TOOL: Final = McpToolKind()
ARGUMENTS: Final = ArgumentsKind()


def kind_tool(servers: Servers | None = None) -> KindTool:
    """The tool `mcp.call`, for the servers whose definitions are known."""
    return KindTool("mcp.call", {"tool": McpToolKind(servers), "arguments": ARGUMENTS}, headline=headline, preview=preview)


def tool(servers: Servers, call: Callable[[str, str, dict[str, object]], object]) -> Callable[..., object]:
    """A function `call(tool, arguments)`; `call` gets the server, the tool's name and the arguments. For `gate.tool`."""

    def call_tool(tool: dict[str, object], arguments: dict[str, object]) -> object:
        """What the server's tool gives back."""
        asked: Reference = reference(tool)
        if servers.find(asked.server, asked.name).pin != asked.pin:
            raise ValueError(f"definition changed: '{asked.name}' is not what was asked about")
        return call(asked.server, asked.name, arguments)

    return ready(kind_tool(servers), call_tool)


TOOLS: Final[Mapping[str, KindTool]] = MappingProxyType({"mcp.call": kind_tool()})
__all__ = ["ARGUMENTS", "TOOL", "TOOLS", "Definition", "McpTools", "Servers", "kind_tool", "kind_tools", "pin", "tool", "tools_of"]
