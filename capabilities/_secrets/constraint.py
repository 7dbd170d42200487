"""secret: the constraint over references to secrets.

    {"constraint_type": "secret", "names": ["github-token"], "hosts": ["api.github.com"], "tools": ["http.request"]}

A value is a name, a text with at least one reference (every one of which must be listed), or a use, `{"secret": NAME, "host": …, "tool": …}`.
Where `hosts` or `tools` are given only a use can be admitted, because the other two do not say where the secret goes.

>>> token = SecretUse(["github-token"])
>>> token.check("github-token"), token.check("Bearer {secret:github-token}"), token.check("Bearer {secret:other}"), token.check("nothing here")
(True, True, False, False)
>>> bound = SecretUse(["github-token"], hosts=["api.github.com"])
>>> bound.check("github-token"), bound.check({"secret": "github-token", "host": "api.github.com"})
(False, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from capabilities._mail.address import pattern as host_pattern
from capabilities._mail.address import under
from capabilities._secrets.reference import HOST, TEXT, name, references
from gate.constraint import Check, Constraint, by_parts, members, register
from gate.constraints.value import array, is_object
from gate.frozen import Frozen
from gate.names import check_name


class Use(NamedTuple):
    """Where secrets are to go; "" where that is not said."""

    names: tuple[str, ...]
    host: str = ""
    tool: str = ""


def use(value: object) -> Use:
    """What a value refers to; ValueError when it refers to nothing, or is no reference."""
    if is_object(value):
        host, tool = value.get("host", ""), value.get("tool", "")
        if not set(value) <= {"secret", "host", "tool"} or not isinstance(host, str) or not isinstance(tool, str):
            raise ValueError("a use of a secret has 'secret', and may have 'host' and 'tool', as texts")
        if host and not HOST.fullmatch(host.lower()):
            raise ValueError("the host of a use is a plain name or address")
        return Use((name(value.get("secret")),), host.lower(), tool)
    if isinstance(value, str) and len(value) <= TEXT and (found := references(value)):
        return Use(found)
    return Use((name(value),))


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class SecretUse(Constraint):
    """References to these secrets; made by `secrets.named`."""

    type: ClassVar[str] = "secret"
    names: tuple[str, ...]
    hosts: tuple[str, ...] | None
    tools: tuple[str, ...] | None

    def __init__(self, names: object, hosts: object = None, tools: object = None) -> None:
        put = object.__setattr__
        put(self, "names", tuple(sorted({name(one) for one in _some(names, "names")})))
        put(self, "hosts", None if hosts is None else tuple(sorted({host_pattern(one) for one in _some(hosts, "hosts")})))
        put(self, "tools", None if tools is None else tuple(sorted({_tool(one) for one in _some(tools, "tools")})))

    def compile(self) -> Check:
        known = frozenset(self.names)

        def check(value: Frozen) -> bool:
            try:
                asked = use(value)
            except ValueError:
                return False
            return known.issuperset(asked.names) and self._goes(asked) == ""

        return check

    def _goes(self, asked: Use) -> str:
        if self.hosts is not None and not any(under(asked.host, one) for one in self.hosts):
            return f"it may go to {', '.join(self.hosts[:5])} only"
        if self.tools is not None and asked.tool not in self.tools:
            return f"it is for {', '.join(self.tools[:5])} only"
        return ""

    def explain(self, value: Frozen) -> str:
        try:
            asked = use(value)
        except ValueError as error:
            return str(error)
        other = [one for one in asked.names if one not in self.names]
        return f"the secret '{other[0]}' is not {', '.join(self.names[:5])}" if other else self._goes(asked) or "it is not admitted"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return (
            isinstance(other, SecretUse)
            and set(other.names) <= set(self.names)
            and (self.hosts is None or (other.hosts is not None and all(any(_covers(a, b) for a in self.hosts) for b in other.hosts)))
            and (self.tools is None or (other.tools is not None and set(other.tools) <= set(self.tools)))
        )

    def to_json(self) -> dict[str, object]:
        given = {"hosts": self.hosts, "tools": self.tools}
        made: dict[str, object] = {"constraint_type": self.type, "names": list(self.names)}
        return made | {key: list(values) for key, values in given.items() if values is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        names, hosts, tools = members(data, cls.type, ("names",), ("hosts", "tools"))
        if nothing := [key for key in ("hosts", "tools") if key in data and data[key] is None]:
            raise ValueError(f"'{nothing[0]}' must be a list")
        return cls(names, hosts, tools)


def _some(values: object, member: str) -> tuple[Frozen, ...]:
    found = array(values, member)
    if not found:
        raise ValueError(f"'{member}' must name at least one")
    return found


def _tool(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a tool's name is text")
    try:
        return check_name(value)
    except Exception as error:
        raise ValueError(str(error)) from None


def _covers(mine: str, theirs: str) -> bool:
    return mine == theirs or (mine.startswith("*.") and theirs.removeprefix("*.").endswith(mine[1:]))
