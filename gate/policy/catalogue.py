"""Catalogue: describes calls without making them, for the examples in a rules file and for `gate check`.

A tool is known because it is behind a gate here, or because a kind of an installed package brings it: the entry point group `gate.kinds`
names objects that are a `KindTool`, or several in a list or mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from gate.call import Acting, Call, next_serial
from gate.constraints.value import is_array, is_object
from gate.describe.schema import Schema, of_kind_tool
from gate.errors import BadCall, ConfigError
from gate.kind import KindTool
from gate.names import unknown_name

if TYPE_CHECKING:
    from gate.tool import Tool


class Catalogue(Protocol):
    """Whatever can say what a call to a tool would be."""

    def describe(self, tool: str, arguments: Mapping[str, object], acting: Acting) -> Call:
        """The call; Denied (BadCall) with every reason when there is no such tool or it is no valid call."""
        ...


class KindCatalogue:
    """The tools of kinds, and those behind a gate.

    kinds: those of the installed packages when left out; they are loaded when first needed.  tools: name → tool, looked up live, so that
    a gate can pass its own before they are all there; they come before kinds of the same name.
    """

    def __init__(self, kinds: Iterable[KindTool] | None = None, *, tools: Mapping[str, Tool] = MappingProxyType({})) -> None:
        self._given = kinds
        self._tools = tools
        self._schemas = dict[str, Schema]()
        self._by_point = dict[str, Mapping[str, KindTool]]()

    @cached_property
    def kinds(self) -> Mapping[str, KindTool]:
        """The tools that kinds bring, by name."""
        found = installed_kinds() if self._given is None else self._given
        return MappingProxyType({kind.name: kind for kind in found})

    def names(self) -> dict[str, frozenset[str] | None]:
        """Every tool that is known, with the names of its arguments; None for a tool that takes arguments of any name."""
        known: dict[str, frozenset[str] | None] = {name: frozenset(kind.arguments) for name, kind in self.kinds.items()}
        for name, tool in self._tools.items():
            known[name] = None if tool.schema.extra else frozenset(tool.schema.parameters)
        return known

    def describe(self, tool: str, arguments: Mapping[str, object], acting: Acting) -> Call:
        """The call; BadCall with every reason when there is no such tool or it is no valid call."""
        if tool in self._tools:
            return self._tools[tool].describe((), arguments, acting)
        found = self._found(tool)
        if found is None:
            raise BadCall(unknown_name(tool, [*self._tools, *self.kinds]), tool=tool)
        schema = self._schemas.get(tool) or self._schemas.setdefault(tool, of_kind_tool(found))
        bound, defaulted = schema.bind((), arguments)
        return Call(tool, MappingProxyType(bound), defaulted, acting, schema.assess(bound), next_serial())

    def _found(self, tool: str) -> KindTool | None:
        """The tool of a kind. `shell.run` is looked for where the entry point is called `shell` first, because loading every kind takes long."""
        if self._given is None and "kinds" not in self.__dict__ and (found := self._point(tool.partition(".")[0]).get(tool)):
            return found
        return self.kinds.get(tool)

    def _point(self, name: str) -> Mapping[str, KindTool]:
        """The tools of the entry points of a name; found once, because that looks into every installed package."""
        found = self._by_point.get(name)
        if found is None:
            found = self._by_point[name] = {kind.name: kind for kind in reversed([*installed_kinds(name)])}  # the first of a name counts
        return found


def installed_kinds(name: str = "") -> Iterator[KindTool]:
    """The tools of the kinds of every installed package, or of the entry points of one name; ConfigError names one that cannot be used."""
    from importlib.metadata import entry_points  # reads files, and is needed only where kinds describe tools

    for point in entry_points(group="gate.kinds", name=name) if name else entry_points(group="gate.kinds"):
        try:
            loaded: object = point.load()
        except Exception as error:
            raise ConfigError(f"the kind '{point.name}' ({point.value}) cannot be loaded: {error}") from error
        yield from _kind_tools(loaded, f"{point.name} ({point.value})")


def _kind_tools(loaded: object, name: str) -> list[KindTool]:
    if isinstance(loaded, KindTool):  # before the list below, because it is a tuple too
        return [loaded]
    found = list(loaded.values()) if is_object(loaded) else loaded if is_array(loaded) else [loaded]
    tools = [one for one in found if isinstance(one, KindTool)]
    if len(tools) != len(found):
        raise ConfigError(f"the kind '{name}' brings something that is no tool of a kind")
    return tools
