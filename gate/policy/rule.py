"""Rule: one sentence of the organisation's policy, and whether a call is one that it speaks about.

A rule's selector is a list of conditions that must all hold.  Each is answered yes, no or "can't tell"; a rule that denies or asks takes
"can't tell" for yes, a rule that allows takes it for no.  Conditions on the tool and on what the call would do are the same for every call
of a sort, so `gate.rules` asks them once (`sees`); those on the agent, the arguments and the time are asked for every call (`applies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gate.constraint import Entry, show_some
from gate.policy.judge import Judge, judge
from gate.regex import regex
from gate.shown import plain, shown

if TYPE_CHECKING:
    from gate.call import Call
    from gate.effect import Risk
    from gate.frozen import Frozen
    from gate.policy.decision import Durability, Verdict
    from gate.policy.example import Example

UNDECLARED_EFFECT: Final = "undeclared"
EXPIRES: Final = 600.0
_DAY: Final = 86400
_OFFSET: Final = regex(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
Zone: TypeAlias = Callable[[float], int]
"""From seconds since the epoch to the second of the local day; it may raise for a time it cannot tell."""

Test: TypeAlias = Callable[[str], bool]
Sight: TypeAlias = "tuple[str, frozenset[str], Risk, frozenset[str]]"
"""What a rule sees of a call before its details: tool, effects, risk, techniques."""


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING


class Fact(NamedTuple):
    """One condition of a rule put to a call: whether it holds (None: can't tell), and what was compared."""

    held: bool | None
    text: str


class Hours(NamedTuple):
    """A daily window `[start, end)` in minutes of the local day; it crosses midnight when the end comes first."""

    start: int
    end: int
    zone: Zone
    text: str

    def include(self, now: float) -> bool | None:
        """Whether `now` is inside; None for a time that cannot be told, such as NaN."""
        try:
            minute = self.zone(now) // 60
        except (ArithmeticError, ValueError, OSError):
            return None
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class Selector(NamedTuple):
    """Which calls a rule speaks about; an empty member is no condition. `tools` and `agents` are patterns in which `*` stands for any text.

    `arguments` must all be what they say; `unless` names those that, when all are surely what they say, keep a rule from denying or asking.
    """

    tools: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    risk: Risk | None = None
    techniques: tuple[str, ...] = ()
    arguments: Mapping[str, Entry] = MappingProxyType({})
    unless: Mapping[str, Entry] = MappingProxyType({})
    hours: Hours | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule. `approvers`, `quorum` and `expires` (seconds) belong to a rule that asks; `line` is where the rules file says it.

    spares: of a rule that allows, the ids of rules that ask and need not when it matches.
    """

    id: str
    verdict: Verdict
    selector: Selector
    reason: str = ""
    remedy: str = ""
    audit: Durability | None = None
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    expires: float = EXPIRES
    match: tuple[Example, ...] = ()
    not_match: tuple[Example, ...] = ()
    spares: tuple[str, ...] = ()
    line: int = 0
    _strict: bool = field(init=False, repr=False)
    _tool: Test = field(init=False, repr=False)
    _agent: Test | None = field(init=False, repr=False)
    _arguments: tuple[tuple[str, Judge, bool], ...] = field(init=False, repr=False)
    _unless: tuple[tuple[str, Judge, bool], ...] = field(init=False, repr=False)
    dynamic: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put, said = object.__setattr__, self.selector
        put(self, "_strict", self.verdict != "allow")
        put(self, "_tool", any_of(said.tools))
        put(self, "_agent", any_of(said.agents) if said.agents and "*" not in said.agents else None)
        put(self, "_arguments", tuple([(name, *_argument(entry, self.verdict)) for name, entry in said.arguments.items()]))
        put(self, "_unless", tuple([(name, *_exception(entry)) for name, entry in said.unless.items()]))
        put(self, "dynamic", bool(self._agent or said.arguments or said.unless or said.hours))

    def sees(self, sight: Sight) -> bool:
        """Whether a call of this sort may be one that the rule speaks about."""
        tool, effects, risk, techniques = sight
        return self._tool(tool) and self._effect(effects) and self._risk(risk) and self._technique(techniques)

    def applies(self, call: Call, now: float) -> bool:
        """Whether the conditions on agent, arguments and time hold; together with `sees` the rule matches. Never raises."""
        if self._agent is not None and not self._speaks_of(call):
            return False
        strict, arguments = self._strict, call.arguments
        for name, judged, absent in self._arguments:
            value = arguments.get(name, MISSING)
            held = absent if value is MISSING else judged(value)
            if not held and (held is not None or not strict):
                return False
        if self._unless and self._excepted(arguments):
            return False
        hours = self.selector.hours
        return hours is None or self._counts(hours.include(now))

    def _speaks_of(self, call: Call) -> bool:
        """Whether the rule is about who acts.

        Whoever passes a capability on chooses the next name, so a rule that denies or asks is about every agent it came through, and one that
        allows only when it is about all of them.
        """
        test = self._agent or any_of(("*",))
        return any(map(test, names_of(call))) if self._strict else all(map(test, names_of(call)))

    def _counts(self, held: bool | None) -> bool:  # noqa: FBT001  # the answer of a condition
        """Whether an answer is good enough for this rule: what it can't tell is, unless it allows."""
        return self._strict if held is None else held

    def matches(self, call: Call, now: float) -> bool:
        """Whether the rule speaks about this call."""
        return self.sees(sight_of(call)) and self.applies(call, now)

    def why(self, call: Call, now: float) -> tuple[str, ...]:
        """What was compared, for every condition of a rule that matches."""
        return (*[fact.text for fact in self.facts(call, now)], *[fact.text for fact in self._exceptions(call) if fact.held])

    def why_not(self, call: Call, now: float) -> tuple[str, ...]:
        """What was compared, for every condition that keeps the rule from matching; empty when it matches."""
        missed = [fact.text for fact in self.facts(call, now) if not self._counts(fact.held)]
        return (*missed, *[fact.text for fact in self._exceptions(call)]) if self._unless and self._excepted(call.arguments) else tuple(missed)

    def facts(self, call: Call, now: float) -> Iterator[Fact]:
        """Every condition of the rule put to this call, except what `unless` says."""
        said, sight = self.selector, call.assessment
        if said.tools:
            yield _is(self._tool(call.tool), "the tool", call.tool, said.tools)
        if said.agents:
            yield _is(self._agent is None or self._speaks_of(call), "the agent", ", from ".join(names_of(call)), said.agents)
        if said.effects:
            yield _has(self._effect(sight.effects), "effect", sorted(sight.effects) or [UNDECLARED_EFFECT], said.effects)
        if said.risk is not None:
            tier = self._risk(sight.risk)
            yield Fact(tier, f"risk {sight.risk.word} is {'' if tier else 'not '}{'at least' if self._strict else 'at most'} {said.risk.word}")
        if said.techniques:
            yield _has(self._technique(sight.techniques), "technique", sorted(sight.techniques), said.techniques)
        for (name, judged, absent), entry in zip(self._arguments, said.arguments.values(), strict=True):
            value = call.arguments.get(name, MISSING)
            held = absent if value is MISSING else judged(value)
            yield Fact(held, _compared(name, value, entry, held=held))
        if said.hours:
            inside = said.hours.include(now)
            place = "cannot be told" if inside is None else f"is {'within' if inside else 'outside'} {said.hours.text}"
            yield Fact(inside, f"the time {place}")

    def _excepted(self, arguments: Mapping[str, Frozen]) -> bool:
        """Whether every argument that `unless` names is surely what it says."""
        for name, judged, absent in self._unless:
            value = arguments.get(name, MISSING)
            if (absent if value is MISSING else judged(value)) is not True:
                return False
        return True

    def _exceptions(self, call: Call) -> Iterator[Fact]:
        """Each argument that `unless` names: held when it is not surely what `unless` says."""
        for (name, judged, absent), entry in zip(self._unless, self.selector.unless.values(), strict=True):
            value = call.arguments.get(name, MISSING)
            held = absent if value is MISSING else judged(value)
            yield Fact(held is not True, _compared(name, value, entry, held=held))

    def _effect(self, effects: frozenset[str]) -> bool:
        said = self.selector.effects
        return not said or not effects.isdisjoint(said) or (not effects and UNDECLARED_EFFECT in said)

    def _risk(self, risk: Risk) -> bool:
        said = self.selector.risk
        return said is None or (risk >= said if self._strict else risk <= said)

    def _technique(self, techniques: frozenset[str]) -> bool:
        said = self.selector.techniques
        return not said or any(one == mine or one.startswith(f"{mine}.") for mine in said for one in techniques)


def _argument(entry: Entry, verdict: Verdict) -> tuple[Judge, bool]:
    """The check of an argument, and what it means when the argument is left out.

    A rule that denies or asks about the value of an argument says nothing about calls that have none, and a rule that allows one allows
    none without it.  An optional argument may be left out, or null: a rule that allows then still allows, one that denies or asks does not.
    """
    judged, absent = judge(entry.constraint), entry.optional and verdict == "allow"
    if not entry.optional:
        return judged, absent
    return (lambda value: absent if value is None else judged(value)), absent


def _exception(entry: Entry) -> tuple[Judge, bool]:
    """The check of an argument under `unless`; one that is left out is no exception, unless it is optional."""
    judged = judge(entry.constraint)
    return (lambda value: True if value is None else judged(value)) if entry.optional else judged, entry.optional


def names_of(call: Call) -> tuple[str, ...]:
    """The agent that acts, then every other that its capability came through."""
    acting = call.acting
    if acting.capability is None or len(acting.capability.agents) <= 1:
        return (acting.agent,)
    return (acting.agent, *sorted(acting.capability.agents - {acting.agent}))


def sight_of(call: Call) -> Sight:
    """What rules see of a call before its details."""
    assessment = call.assessment
    return call.tool, assessment.effects, assessment.risk, assessment.techniques


def glob(pattern: str) -> Test:
    """A test of whole texts in which `*` stands for any text and everything else for itself.

    >>> test = glob("files.*_all")
    >>> test("files.read_all"), test("files.read"), test("xfiles.read_all")
    (True, False, False)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return lambda text: text == pattern
    *middle, last = rest
    least = len(first) + len(last)

    def test(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return test


def any_of(patterns: tuple[str, ...]) -> Test:
    """A test for any of several patterns; without patterns every text passes."""
    if not patterns or "*" in patterns:
        return lambda _: True
    exact = frozenset([one for one in patterns if "*" not in one])
    globs = [glob(one) for one in patterns if "*" in one]
    return (lambda text: text in exact or any(test(text) for test in globs)) if globs else exact.__contains__


def _is(held: bool, what: str, value: str, patterns: tuple[str, ...]) -> Fact:  # noqa: FBT001  # a fact is a truth and a text
    return Fact(held, f"{what} {shown(value)} is {'' if held else 'not '}{show_some(patterns)}")


def _has(held: bool, what: str, present: list[str], said: tuple[str, ...]) -> Fact:  # noqa: FBT001  # as above
    have, wanted = plain(", ".join(present)) or "none", " or ".join(said)
    return Fact(held, f"{what} {have}{'' if have == wanted else f' (the rule names {wanted})' if held else f', not {wanted}'}")


def _compared(name: str, value: Frozen | _Missing, entry: Entry, *, held: bool | None) -> str:
    if value is MISSING or (value is None and entry.optional):
        return f"argument {shown(name)} is left out"
    said = f"argument {shown(name)} is {shown(value)}, which"
    if held is None:
        return f"{said} cannot be compared with {entry.constraint}"
    return f"{said} {'is' if held else 'is not'} {entry.constraint}"


def fixed_zone(name: str) -> Zone:
    """The time zone "UTC" or "+02:00"; ValueError for any other name.

    >>> fixed_zone("+02:00")(0.0) // 3600
    2
    """
    found = _OFFSET.fullmatch(name)
    if name != "UTC" and not found:
        raise ValueError(f"{shown(name)} is neither UTC nor an offset such as +02:00")
    offset = (int(found[2]) * 60 + int(found[3])) * (-60 if found[1] == "-" else 60) if found else 0
    return lambda now: int((now + offset) % _DAY)
