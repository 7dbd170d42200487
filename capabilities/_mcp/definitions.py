"""Definitions of tools as servers list them, checked and pinned; and tools of kinds made from them.

A list is taken whole or not at all: a definition that cannot be read, a name that can be mistaken for another (invisible characters, look-alikes, two
names that a reader takes for one) refuses it, and names why.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from capabilities._mcp.pin import pin, server_name, tool_name
from gate.constraints.value import is_array, is_object
from gate.effect import Assessment, Risk
from gate.frozen import freeze, thaw
from gate.kind import Kind, KindTool
from gate.names import looks_like

MOST: Final = 1000
_DOES: Final = frozenset(["egress"])
_LISTS: Final = {"url": False, "command": False, "path": False, "recipients": True}  # sorts whose kinds keep the form of a value: a list or not


class Definition(NamedTuple):
    """One tool of a server: its name, its pin, whether it says that it destroys, and the definition itself."""

    name: str
    pin: str
    destroys: bool
    data: Mapping[str, object]


class Servers:
    """The servers that are known, by name, with what they listed."""

    def __init__(self, lists: Mapping[str, object]) -> None:
        self._known = {server_name(server): definitions(listed) for server, listed in lists.items()}

    def relist(self, server: str, listed: object) -> tuple[str, ...]:
        """A newer list of a server; the names of tools that are new, gone or changed."""
        before, after = self._known.get(server_name(server), {}), definitions(listed)
        self._known[server] = after
        return tuple(sorted(name for name in before.keys() | after.keys() if _pin(before, name) != _pin(after, name)))

    def find(self, server: str, name: str) -> Definition:
        """The definition; ValueError when there is none."""
        found = self._known.get(server, {}).get(name)
        if found is None:
            near = looks_like(name, self._known.get(server, ()))
            hint = f"; '{near}' is another name" if near else ""
            raise ValueError(f"no server '{server}' is known" if server not in self._known else f"the server '{server}' has no tool '{name}'{hint}")
        return found

    def pins(self, server: str) -> dict[str, str]:
        """Name → pin of all tools of a server, for a grant."""
        return {name: one.pin for name, one in self._known[server].items()}


def definitions(listed: object) -> dict[str, Definition]:
    """The definitions of a list of tools (or the result of `tools/list`); ValueError names the one that is refused."""
    items = listed.get("tools") if is_object(listed) else listed
    if not is_array(items) or len(items) > MOST:
        raise ValueError(f"a list of at most {MOST} tools is needed")
    found: dict[str, Definition] = {}
    for item in items:
        if not is_object(item):
            raise ValueError("a definition is an object")
        name = tool_name(item.get("name"))
        if name in found:
            raise ValueError(f"there are two tools '{name}'")
        if near := looks_like(name, found):
            raise ValueError(f"a reader may take the tool '{name}' for '{near}'")
        hints = item.get("annotations")
        destroys = is_object(hints) and hints.get("destructiveHint") is True
        found[name] = Definition(name, pin(item), destroys, MappingProxyType(dict(item)))
    return found


class Data:
    """An argument about which nothing is known: plain data. A call with it asks."""

    name = "mcp.data"

    def parse(self, value: object) -> object:
        """The data as it is; ValueError for what cannot be carried."""
        if isinstance(value, str) and len(value) > 1_000_000:
            raise ValueError(f"the text is {len(value)} characters long; at most 1000000 are taken")
        return thaw(freeze(value))

    def assess(self, value: object) -> Assessment:
        """High, unless it says nothing at all: what this argument does nobody here knows."""
        if value is None or isinstance(value, (bool, int, float)):
            return Assessment(frozenset(), Risk.LOW)
        return Assessment(_DOES, Risk.HIGH, ("an argument without a kind cannot be inspected",))


def kind_tools(server: str, listed: object, *, local: bool = False) -> dict[str, KindTool]:
    """The tools of a list as tools of kinds, `github/get_issue`, with the kinds that `gate.inspect` proposes where it is sure, and `Data` elsewhere.

    local: the server works on the files of this host and in this process's folder, so that its paths are paths here.  What the server declares
    (schema, annotations) narrows nothing by itself; a required argument stays required.
    """
    from gate.propose import inspect  # reads schemas, which checking a call does not need
    from gate.propose.kinds import kind_named

    known = definitions(listed)
    report = inspect([thaw(freeze(one.data)) for one in known.values()])
    made: dict[str, KindTool] = {}
    for tool in report.tools:
        kinds: dict[str, Kind] = {}
        for one in tool.arguments:
            if one.top and one.name != "*":
                fits = one.sure and one.entry is not None and one.several == _LISTS.get(one.sort) and (local or one.sort != "path")
                kinds[one.name] = (kind_named(one.kind) if fits and one.kind else None) or Data()
        risk = Risk.HIGH if known[tool.name].destroys else Risk.MEDIUM
        said = Assessment(_DOES, risk, (f"the server '{server}' does '{tool.name}', and what that is only it knows",))
        name = f"{server_name(server)}/{tool.name}"
        made[name] = KindTool(name, kinds, frozenset(kinds) - frozenset(tool.required), said)
    return made


def _pin(known: Mapping[str, Definition], name: str) -> str:
    return known[name].pin if name in known else ""
