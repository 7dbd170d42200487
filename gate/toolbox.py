"""Toolbox: how tools come behind a gate, and which are there. A function is wrapped; a tool that runs elsewhere is declared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from gate.charges import check_cost
from gate.declare import Declared, declared
from gate.errors import ConfigError
from gate.names import looks_like
from gate.tool import Options, Tool, make_tool

if TYPE_CHECKING:
    from gate.describe.signature import Function
    from gate.kind import KindTool

F = TypeVar("F", bound=Callable[..., Any])


class Toolbox(ABC):
    """The part of a gate that knows its tools."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self._gated: dict[str, Callable[..., Any]] = {}
        self._declared: dict[str, Declared] = {}
        self._beside: dict[str, tuple[dict[str, Tool], dict[str, Callable[..., Any]], dict[str, Declared]]] = {}

    @abstractmethod
    def _wrapper(self, tool: Tool, function: Function) -> Function:
        """The gated form of a bare function, see `gate.wrap`."""

    @overload
    def tool(self, function: F, /, **options: Unpack[Options]) -> F: ...
    @overload
    def tool(self, function: None = None, /, **options: Unpack[Options]) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **options: Unpack[Options]) -> F | Callable[[F], F]:
        """Puts a function behind the gate: `@gate.tool` or `@gate.tool(effects="reads", timeout=5)`.

        Options, see `gate.tool.Options`: name, effects, risk, techniques, kinds, inject, timeout, idempotent, retries, output_limit,
        chunk_limit, cost, like.  ConfigError when the function cannot be described or its name is taken.
        """
        if function is None:
            return lambda later: self.wrap(later, **options)
        return self.wrap(function, **options)

    def wrap(self, function: F, /, **options: Unpack[Options]) -> F:
        """The gated form of any callable; see `tool` for the options."""
        if isinstance(function, (staticmethod, classmethod)):
            return _rewrapped(function, lambda inner: self.wrap(inner, **options))  # type: ignore[no-any-return]  # as it was written
        tool = make_tool(function, options)
        self._check_name(tool)
        gated = self._wrapper(tool, function)
        self._tools[tool.name], self._gated[tool.name] = tool, gated
        return gated  # type: ignore[return-value]  # it has the same signature

    def declare(self, name: str, schema: Mapping[str, object] | KindTool | None = None, /, **options: Unpack[Options]) -> Declared:
        """A tool that runs elsewhere, by the JSON Schema of its arguments (or a tool of a kind); None for any arguments.

        Said again in the same words it is the same tool.  `authorize` and `settle` take it by name; see `gate.declare`.  options: as `tool`,
        without those about a function.  ConfigError when it cannot be described or its name is taken.
        """
        made = declared(name, schema, options)
        known = self._declared.get(name)
        if known is not None and known.said == made.said:
            return known
        self._check_name(made.plain)
        self._tools[name], self._declared[name] = made.plain, made
        return made

    def forget(self, name: str) -> None:
        """A declared tool is there no longer, or is about to be declared otherwise."""
        if self._declared.pop(name, None) is not None:
            del self._tools[name]

    def beside(self, whose: str) -> Self:
        """The same gate with tools of its own, of the same name for everybody who asks for `whose`; begun with those that are here now.

        For agents whose tools have the same names and are different tools.
        """
        made = copy(self)
        own = self._beside.setdefault(whose, (dict(self._tools), dict(self._gated), dict(self._declared)))
        made._tools, made._gated, made._declared = own  # noqa: SLF001  # a copy of this very one
        return made

    def _check_name(self, tool: Tool) -> None:
        """ConfigError for a name that is taken, or looks like one; and for a cost that cannot be."""
        if tool.name in self._tools:
            raise ConfigError(f"there is a tool '{tool.name}' already; give this one another name=")
        if near := looks_like(tool.name, self._tools):
            raise ConfigError(f"a reader may take '{tool.name}' for the tool '{near}'; give one of them another name=")
        check_cost(tool)

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools behind this gate."""
        return tuple(self._tools)


def _rewrapped(method: Any, wrap: Callable[[Any], Any]) -> Any:
    """A static or class method around the gated form of its function."""
    return type(method)(wrap(method.__func__))
