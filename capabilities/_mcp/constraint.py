"""mcp_tool: the constraint over tools of a server, each with the definition that somebody looked at.

    {"constraint_type": "mcp_tool", "server": "github", "tools": {"list_issues": "sha256:…", "get_issue": null}}

A value is `{"server": …, "name": …, "pin": …}`.  null admits a tool whatever its definition has become; a pin admits that one only.

>>> some = McpTools("github", {"get_issue": None})
>>> some.check({"server": "github", "name": "get_issue", "pin": None}), some.check({"server": "evil", "name": "get_issue", "pin": None})
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Self

from capabilities._mcp.pin import check_pin, server_name, tool_name
from gate.constraint import Check, Constraint, by_parts, members, register
from gate.constraints.value import is_object
from gate.frozen import Frozen


class Reference(NamedTuple):
    """One tool of one server, and the pin of its definition, "" when there is none."""

    server: str
    name: str
    pin: str = ""

    def to_json(self) -> dict[str, object]:
        """As a value of an argument."""
        return {"server": self.server, "name": self.name, "pin": self.pin or None}


def reference(value: object) -> Reference:
    """The tool that a value names; ValueError says why it names none."""
    if not is_object(value) or not {"server", "name"} <= set(value) <= {"server", "name", "pin"}:
        raise ValueError("a tool of a server has 'server' and 'name', and may have 'pin'")
    found = value.get("pin")
    return Reference(server_name(value["server"]), tool_name(value["name"]), "" if found is None else check_pin(found))


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class McpTools(Constraint):
    """Tools of one server; made by `mcp.tools_of`."""

    type: ClassVar[str] = "mcp_tool"
    server: str
    tools: Mapping[str, str | None]

    def __init__(self, server: object, tools: object) -> None:
        if not is_object(tools) or not tools:
            raise ValueError("'tools' must be an object of tool names, each with a pin or null")
        listed = {tool_name(name): None if pin is None else check_pin(pin) for name, pin in sorted(tools.items())}
        object.__setattr__(self, "server", server_name(server))
        object.__setattr__(self, "tools", MappingProxyType(listed))

    def compile(self) -> Check:
        server, tools = self.server, self.tools

        def check(value: Frozen) -> bool:
            try:
                asked = reference(value)
            except ValueError:
                return False
            return asked.server == server and asked.name in tools and tools[asked.name] in (None, asked.pin)

        return check

    def explain(self, value: Frozen) -> str:
        try:
            asked = reference(value)
        except ValueError as error:
            return str(error)
        if asked.server != self.server:
            return f"the server '{asked.server}' is not '{self.server}'"
        if asked.name not in self.tools:
            return f"the tool '{asked.name}' is not {', '.join(list(self.tools)[:5])}"
        if asked.pin:
            return f"definition changed: '{asked.name}' is {asked.pin[:19]}…, and what was looked at is {str(self.tools[asked.name])[:19]}…"
        return f"the definition of '{asked.name}' is not known, and only the one that was looked at is admitted"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        if not isinstance(other, McpTools) or other.server != self.server:
            return False
        return all(name in self.tools and self.tools[name] in (None, pin) for name, pin in other.tools.items())

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "server": self.server, "tools": dict(self.tools)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(*members(data, cls.type, ("server", "tools")))
