"""git_remote and git_ref: the constraints over where a repository is sent to, and which of its branches.

    {"constraint_type": "git_remote", "urls": ["https://github.com/acme/*", "ssh://git@github.com/acme/app.git"]}
    {"constraint_type": "git_ref", "refs": ["refs/heads/agent/*"]}

`*` stands at the end, after a slash, for everything below; elsewhere it is refused.

>>> Remotes(["https://github.com/acme/*"]).check("https://github.com/acme/app"), Remotes(["https://github.com/acme/*"]).check("https://github.com/acme")
(True, False)
>>> Refs(["agent/*"]).check("refs/heads/agent/x"), Refs(["agent/*"]).check("refs/tags/agent/x")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from capabilities._git.names import ref
from capabilities._git.remote import remote
from gate.constraint import Check, Constraint, by_parts, members, register, show
from gate.constraints.value import array
from gate.frozen import Frozen


class _Patterns(Constraint):
    """Names of one sort, exact or with `/*` at the end."""

    __slots__ = ()
    member: ClassVar[str]
    canonical: ClassVar[Callable[[object], str]]
    patterns: tuple[str, ...]

    @classmethod
    def _listed(cls, values: object) -> tuple[str, ...]:
        found = array(values, cls.member)
        if not found:
            raise ValueError(f"'{cls.member}' must name at least one")
        return tuple(sorted({cls._pattern(one) for one in found}))

    @classmethod
    def _pattern(cls, value: object) -> str:
        if isinstance(value, str) and value.endswith("/*"):
            return f"{cls.canonical(f'{value[:-1]}x')[:-1]}*"
        return cls.canonical(value)

    def compile(self) -> Check:
        canonical = type(self).canonical
        exact = frozenset(one for one in self.patterns if one[-1] != "*")
        under = frozenset(one[:-2] for one in self.patterns if one[-1] == "*")

        def check(value: Frozen) -> bool:
            try:
                found = canonical(value)
            except ValueError:
                return False
            return found in exact or _lies_below(found, under)

        return check

    def explain(self, value: Frozen) -> str:
        try:
            found = type(self).canonical(value)
        except ValueError as error:
            return str(error)
        return f"{show(found)} is not {' or '.join(self.patterns[:5])}"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        if not isinstance(other, _Patterns) or other.type != self.type:
            return False
        return all(any(mine == theirs or (mine[-1] == "*" and theirs.startswith(mine[:-1])) for mine in self.patterns) for theirs in other.patterns)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, self.member: list(self.patterns)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (found,) = members(data, cls.type, (cls.member,))
        return cls(found)  # type: ignore[call-arg]  # both classes take the patterns


def _lies_below(name: str, parents: frozenset[str]) -> bool:
    """Whether a name is below one of these: one look-up for each of its parts, however many there are."""
    while parents and "/" in name:
        name = name.rpartition("/")[0]
        if name in parents:
            return True
    return False


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Remotes(_Patterns):
    """These remotes; made by `git.remotes`."""

    type: ClassVar[str] = "git_remote"
    member: ClassVar[str] = "urls"
    canonical: ClassVar[Callable[[object], str]] = staticmethod(remote)
    patterns: tuple[str, ...]

    def __init__(self, urls: object) -> None:
        object.__setattr__(self, "patterns", self._listed(urls))


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Refs(_Patterns):
    """These branches and tags; made by `git.refs`."""

    type: ClassVar[str] = "git_ref"
    member: ClassVar[str] = "refs"
    canonical: ClassVar[Callable[[object], str]] = staticmethod(ref)
    patterns: tuple[str, ...]

    def __init__(self, refs: object) -> None:
        object.__setattr__(self, "patterns", self._listed(refs))
