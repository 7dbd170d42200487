"""Tools as the command line knows them: those of installed kinds by what they take, any other by its name alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gate.call import Acting, Call, next_serial
from gate.effect import UNDECLARED
from gate.errors import BadCall, ConfigError
from gate.frozen import Frozen, freeze
from gate.names import check_name
from gate.policy.catalogue import KindCatalogue


class AnyTool(KindCatalogue):
    """The kinds, and every tool that only the program behind a gate has: nothing is declared about what it does, its arguments are data."""

    def describe(self, tool: str, arguments: Mapping[str, object], acting: Acting) -> Call:
        """The call; BadCall with every reason when the name can be no tool's or it is no valid call."""
        if tool in self.kinds:
            return super().describe(tool, arguments, acting)
        frozen: dict[str, Frozen] = {}
        try:
            check_name(tool)
            for name, value in arguments.items():
                frozen[name] = freeze(value)
        except (ConfigError, ValueError) as error:
            raise BadCall(str(error), tool=tool) from None
        return Call(tool, MappingProxyType(frozen), frozenset(), acting, UNDECLARED, next_serial())
