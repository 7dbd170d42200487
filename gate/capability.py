"""Capability: what an agent may call, in what amounts, until when; and Grant, what it says about one tool.

A grant names arguments and the constraint of each.  It is a closed world: an argument that nobody named is refused, unless the grant has
the entry `"*"`, or the caller left the argument out and the tool's own default stands in for it.

>>> from gate.constraint import ANY, Range
>>> grant = Grant.of("search", {"query": ANY, "limit": Range(max=100)})
>>> grant.covers({"query": "x", "limit": 5}, frozenset())
True
>>> for reason in grant.refusals({"query": "x", "limit": 500, "deep": True}, frozenset()):
...     print(reason)
argument 'limit': 500 is over the maximum 100
argument 'deep' is not in the grant, which names 'query' and 'limit'

A capability is made only by `gate.token.verify`, from a signed chain of tokens.  A narrower one is made by `gate.token.attenuate`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from gate.constraint import ANY, AllOf, Check, Entry, coerce_entry, parse_entry, show, show_some
from gate.constraints.value import is_array, is_object
from gate.frozen import Frozen
from gate.limits import NO_LIMITS, Limits
from gate.names import check_written

__all__ = ["NO_LIMITS", "Budget", "Capability", "Grant", "Limits"]

STAR: Final = "*"
_OPEN: Final = Entry(ANY)
NONE: Final = MappingProxyType({"": Entry(AllOf([True, False]), optional=True)})
"""The entries of a grant of no arguments: an empty map admits any, so they name one that may be left out and that no value can be."""
_DEFAULT: Final = " (the tool's default, since it was left out; pass another value, or ask for a grant that admits it)"


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Grant:
    """One tool of a capability: argument name → constraint, and this tool's own limits. Compiled when first asked.

    `arguments` may hold `"*"`, which admits the arguments that nobody named.  Raises ValueError when that entry is not plainly `ANY`.
    """

    tool: str
    arguments: Mapping[str, Entry]
    limits: Limits
    _required: tuple[tuple[str, Check | None], ...] | None  # None instead of a check: any value, as long as there is one
    _count: int
    _optional: Mapping[str, Check]
    _open: bool

    def __init__(self, tool: str, arguments: Mapping[str, Entry], limits: Limits = NO_LIMITS) -> None:
        entries = dict(arguments) or {STAR: _OPEN}  # an empty map is the wire's short form of "*" (draft -02, section 3.3)
        if entries.get(STAR, _OPEN) != _OPEN:
            raise ValueError(f"tool {show(tool)}: '*' stands for the arguments that nobody named, so it can only be a wildcard that is not optional")
        for field, value in (("tool", tool), ("arguments", MappingProxyType(entries)), ("limits", limits), ("_required", None)):
            object.__setattr__(self, field, value)

    @classmethod
    def of(cls, tool: str, arguments: object, limits: Limits = NO_LIMITS) -> Grant:
        """The grant of what people write: `{"path": files.below("out"), "text": ANY}`, ANY for any arguments at all, or `()` for none.

        Raises ValueError naming the argument that is wrong, for a tool's name with a character that no tool's name has (on the wire it is
        a grant for a tool that cannot be), and for `{}`: on the wire an empty map admits any arguments, while in Python it looks as if
        it admitted none.
        """
        check_written(tool)
        if arguments == ANY:
            return cls(tool, {}, limits)
        if is_array(arguments) and not arguments:  # () in Python, [] in a file
            return cls(tool, NONE, limits)
        if not is_object(arguments):
            raise ValueError(f"tool {show(tool)}: write a mapping of argument names to constraints, ANY for any arguments, or () for none")
        if not arguments:
            raise ValueError(f"tool {show(tool)}: an empty mapping would admit any arguments; write ANY if that is meant, or () for no arguments")
        return cls(tool, _entries(arguments, tool, written=True), limits)

    @classmethod
    def from_json(cls, tool: str, data: object, limits: Limits = NO_LIMITS) -> Grant:
        """The grant of a constraint map on the wire; ValueError for what is not well-formed."""
        if not is_object(data):
            raise ValueError(f"tool {show(tool)}: its constraints are no object")
        return cls(tool, _entries(data, tool, written=False), limits)

    def to_json(self) -> dict[str, object]:
        """The constraint map on the wire, without the limits."""
        return {name: entry.to_json() for name, entry in self.arguments.items()}

    def covers(self, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> bool:
        """Whether the grant allows these arguments; `defaulted` names those that the caller left out. Never raises."""
        required = self._required
        if required is None:
            required = self._compile()
        try:
            for name, admits in required:
                value = arguments[name]
                if admits is not None and not admits(value):
                    return False
            return len(arguments) == self._count or self._rest_covered(arguments, defaulted)
        except Exception:  # a missing argument, or a constraint that breaks its promise not to raise: refused
            return False

    def checks(self, names: Collection[str]) -> tuple[tuple[str, Check], ...] | None:
        """What is left to look at when a call gives exactly these arguments: `covers` is True when every check admits its value.

        None when no such call is covered, whatever the values.
        """
        required, optional = dict(self._required or self._compile()), self._optional
        if not required.keys() <= set(names) or not (self._open or set(names) <= required.keys() | optional.keys()):
            return None
        found = [(name, required[name] if name in required else optional.get(name)) for name in names]
        return tuple([(name, admits) for name, admits in found if admits is not None])

    def refusals(self, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> tuple[str, ...]:
        """Every reason why the grant does not allow these arguments; empty exactly when `covers` is True."""
        return (*self._refused(arguments, defaulted), *self._unnamed(arguments, defaulted))

    def widenings(self, child: Grant) -> tuple[str, ...]:
        """Where `child` would allow more than this grant (I4, draft -02, section 4.5). Empty when it is a valid attenuation."""
        return (*self._key_widenings(child), *self._value_widenings(child), *self.limits.widenings(child.limits))

    def __repr__(self) -> str:
        entries = ", ".join(f"{name}: {entry.constraint}{' (optional)' if entry.optional else ''}" for name, entry in self.arguments.items())
        return f"<grant of {show(self.tool)}: {entries}>"

    def _compile(self) -> tuple[tuple[str, Check | None], ...]:
        named = [(name, entry) for name, entry in self.arguments.items() if name != STAR]
        required = tuple([(name, None if entry == _OPEN else entry.constraint.compile()) for name, entry in named if not entry.optional])
        object.__setattr__(self, "_optional", {name: entry.constraint.compile() for name, entry in named if entry.optional})
        object.__setattr__(self, "_open", STAR in self.arguments)
        object.__setattr__(self, "_count", len(required))
        object.__setattr__(self, "_required", required)  # last: another thread that sees it may use the rest
        return required

    def _rest_covered(self, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> bool:
        named, optional = self.arguments, self._optional
        for name, value in arguments.items():
            if (admits := optional.get(name)) is not None:
                if not admits(value):
                    return False
            elif not self._open and name not in defaulted and (name not in named or name == STAR):
                return False
        return True

    def _refused(self, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> Iterator[str]:
        for name, entry in self.arguments.items():
            if name == STAR or (entry.optional and name not in arguments):
                continue
            if name not in arguments:
                yield f"argument {show(name)} is missing"
            elif reason := _why_not(entry, arguments[name]):
                yield f"argument {show(name)}: {reason}{_DEFAULT if name in defaulted else ''}"

    def _unnamed(self, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> Iterator[str]:
        known = self.arguments.keys() - {STAR}
        unnamed = [] if STAR in self.arguments else [name for name in arguments if name not in known and name not in defaulted]
        if unnamed:
            named = "no arguments" if self.arguments == NONE else show_some([name for name in self.arguments if name != STAR], " and ")
            verb = "argument {} is" if len(unnamed) == 1 else "arguments {} are"
            yield f"{verb.format(show_some(unnamed, ' and '))} not in the grant, which names {named}"

    def _key_widenings(self, child: Grant) -> Iterator[str]:
        mine, theirs = self.arguments, child.arguments
        if STAR in theirs and STAR not in mine:
            yield "arguments that nobody named would be admitted"
        for name in mine:
            if name != STAR and name not in theirs and not mine[name].optional:
                yield f"argument {show(name)} is required and would be dropped"
            elif name not in theirs and STAR in theirs and STAR in mine:
                yield f"argument {show(name)} would be admitted with any value by '*'"
            elif name in theirs and theirs[name].optional and not mine[name].optional:
                yield f"argument {show(name)} is required and would be optional"

    def _value_widenings(self, child: Grant) -> Iterator[str]:
        for name, entry in child.arguments.items():
            if name == STAR:
                continue
            parent = self.arguments.get(name) or self.arguments.get(STAR)
            if parent is None:
                yield f"argument {show(name)} is not granted"
            elif not parent.constraint.subsumes(entry.constraint):
                yield f"argument {show(name)}: {entry.constraint} is not within {parent.constraint}"


def _entries(data: Mapping[str, object], tool: str, *, written: bool) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for name, value in data.items():
        try:
            entries[name] = coerce_entry(value) if written else parse_entry(value)
        except ValueError as error:
            raise ValueError(f"tool {show(tool)}, argument {show(name)}: {error}") from None
    return entries


def _why_not(entry: Entry, value: Frozen) -> str:
    try:
        return "" if entry.constraint.check(value) else entry.constraint.explain(value) or "not admitted"
    except Exception:  # a constraint that breaks its promise not to raise admits nothing
        return f"{show(value)} could not be checked against {entry.constraint}"


class Budget(NamedTuple):
    """What one token of the chain limits: every call is charged to each of them. account: the name its budgets are kept under."""

    account: str
    limits: Limits
    tools: Mapping[str, Limits]


@dataclass(frozen=True, slots=True, eq=False)
class Capability:
    """A verified capability. Times are seconds since the epoch; `ancestors` and `chain` go from the root to this token itself.

    `limits` and those of the grants are the narrowest ones to show; `budgets` is what must be charged.  `revoked` in a ledger is any of
    `ancestors`.  `holder` is the JWK of the key that may present or attenuate it, `kid` the thumbprint of the trusted issuer key.
    `agents` are all agents of the chain: who passes a capability on chooses the next name, so a stop of any of them holds.
    """

    jti: str
    issuer: str
    agent: str
    principal: str
    grants: Mapping[str, Grant]
    limits: Limits
    not_before: float | None
    expires: float
    issued: float
    depth: int
    max_depth: int
    labels: frozenset[str]
    ancestors: tuple[str, ...]
    token: str
    chain: tuple[str, ...]
    kid: str
    budgets: tuple[Budget, ...]
    holder: Mapping[str, str]
    agents: frozenset[str] = frozenset()

    @property
    def presentation(self) -> str:
        """The capability as text, to hand to another process: the chain as JSON, section 7.4 of the draft without a proof."""
        return json.dumps({"aat_chain": self.chain}, separators=(",", ":"))

    def __repr__(self) -> str:
        return f"<capability {show(self.jti)} of {show(self.agent)}: {show_some(list(self.grants), ' and ') or 'no tools'}>"
